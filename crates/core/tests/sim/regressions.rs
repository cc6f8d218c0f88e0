//! Seeds of worlds in which the core once did wrong, and what it did. They hold as
//! long as the worlds are made the same way; the unit tests beside the core's modules,
//! and the same bugs in `planted/found-*.patch`, hold for ever.

/// The seeds, with a sentence each.
pub(crate) const SEEDS: &[(u64, &str)] = &[
    (0, "There was still a deadline after the last order."),
    (
        2,
        "A program that was told before its exec: the exec was not taken note of, and \
         the signals that were held for it were lost.",
    ),
    (
        11,
        "Another Ctrl-C after the deadline killed everybody again, and put off the end.",
    ),
    (
        19,
        "A short life whose tree took long to go counted as a long one, so that the \
         restart came at once.",
    ),
    (
        23,
        "With no time for leftovers, everybody was killed again and again within one \
         event, without end.",
    ),
    (
        26,
        "A second Ctrl-C killed strays and programs that nobody had told.",
    ),
    (
        56,
        "A shell was killed before the patience was over after which it is hung up on.",
    ),
    (
        66,
        "A command that could not be forked when the stop came left 126 and not what \
         the signal would have left.",
    ),
    (
        74,
        "Programs whose pauses ended together started in the order of the file.",
    ),
    (
        184,
        "A terminal's Ctrl-C during the stop never reached a command that the terminal \
         had not told.",
    ),
    (
        423,
        "A program was told while one lived that needs it by way of a third, which had \
         ended.",
    ),
    (
        474,
        "A second stop signal was passed on to a command whose turn to be told had not \
         come.",
    ),
    (
        10_297,
        "Held real-time signals left no room for a standard one, which was dropped.",
    ),
    (
        11_913,
        "A tree was killed after the last order: its time had come in the moment in \
         which nobody was left.",
    ),
];
