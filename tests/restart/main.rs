//! RUN-1 to RUN-5, the pauses between restarts, and the exit status of the container for
//! every way it can end (EXIT-2).

use lastout_harness::lines::Stream;
use lastout_harness::namespace::Run;

mod again;
mod ends;
mod once;
mod pauses;

/// That lastout said all of them, in this order.
fn assert_in_order(run: &Run, expected: &[&str]) {
    run.lines().assert_in_order(Stream::Stderr, expected);
}

/// That nobody said this.
fn assert_never(run: &Run, text: &str) {
    assert!(
        !run.lines().has(text),
        "{text:?} in:\n{}",
        run.lines().text()
    );
}
