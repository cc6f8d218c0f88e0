//! What a datagram of sd_notify(3) says. Pure, and at home with any bytes.

use std::time::Duration;

use lastout_core::Message;
use nix::unistd::Pid;

/// A status is for people, and for one line.
const LONGEST_STATUS: usize = 256;

/// One thing that a program has said of itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Said {
    /// For the core.
    Message(Message),
    /// `MAINPID=`: another process is the program from now on.
    MainPid(MainPid),
}

/// Who a program says it is. A number that somebody has sent, and no more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MainPid(pub(in crate::linux) Pid);

/// What a datagram says, in order; `None` when it is malformed. Assignments that nobody
/// here knows are none of our business. Where one contradicts another, or repeats it, the
/// last one counts, so that there are never more than there are kinds.
#[must_use]
pub(super) fn parse(text: &[u8]) -> Option<Vec<Said>> {
    let text = text.strip_suffix(b"\0").unwrap_or(text);
    if text.is_empty() || text.contains(&0) {
        return None;
    }
    let mut all: Vec<Said> = Vec::new();
    for said in text.split(|byte| *byte == b'\n').filter_map(assignment) {
        all.retain(|before| before.kind() != said.kind());
        all.push(said);
    }
    Some(all)
}

impl Said {
    /// Of each kind the last one counts.
    fn kind(&self) -> u8 {
        match self {
            Said::Message(Message::Ready | Message::Reloading | Message::Stopping) => 0,
            Said::Message(Message::Status(_)) => 1,
            Said::Message(Message::ExtendTimeout(_)) => 2,
            Said::Message(Message::Alive) => 3,
            Said::Message(Message::NotWell) => 4,
            Said::Message(Message::WatchdogPeriod(_)) => 5,
            Said::MainPid(_) => 6,
        }
    }
}

/// What is known, each with what it begins with.
const KNOWN: [(&[u8], Known); 9] = [
    (b"READY=1", Known::Ready),
    (b"RELOADING=1", Known::Reloading),
    (b"STOPPING=1", Known::Stopping),
    (b"STATUS=", Known::Status),
    (b"EXTEND_TIMEOUT_USEC=", Known::ExtendTimeout),
    (b"WATCHDOG=1", Known::Alive),
    (b"WATCHDOG=trigger", Known::NotWell),
    (b"WATCHDOG_USEC=", Known::WatchdogPeriod),
    (b"MAINPID=", Known::MainPid),
];

#[derive(Clone, Copy)]
enum Known {
    Ready,
    Reloading,
    Stopping,
    Status,
    ExtendTimeout,
    Alive,
    NotWell,
    WatchdogPeriod,
    MainPid,
}

fn assignment(line: &[u8]) -> Option<Said> {
    let value_of = |(begin, known): &(&[u8], Known)| Some((*known, line.strip_prefix(*begin)?));
    let (known, rest) = KNOWN.iter().find_map(value_of)?;
    let flag = |message| rest.is_empty().then_some(message);
    let message = match known {
        Known::Ready => flag(Message::Ready),
        Known::Reloading => flag(Message::Reloading),
        Known::Stopping => flag(Message::Stopping),
        Known::Status => status(rest),
        Known::ExtendTimeout => number(rest)
            .map(Duration::from_micros)
            .map(Message::ExtendTimeout),
        Known::Alive => flag(Message::Alive),
        Known::NotWell => flag(Message::NotWell),
        Known::WatchdogPeriod => number(rest)
            .map(Duration::from_micros)
            .map(Message::WatchdogPeriod),
        Known::MainPid => {
            let pid = i32::try_from(number(rest)?).ok().filter(|pid| *pid > 0)?;
            return Some(Said::MainPid(MainPid(Pid::from_raw(pid))));
        }
    };
    message.map(Said::Message)
}

/// What people are shown of it: nothing that a terminal would act upon.
fn status(text: &[u8]) -> Option<Message> {
    let mut shown = String::new();
    for c in std::str::from_utf8(text).ok()?.chars().take(LONGEST_STATUS) {
        shown.push(visible(c));
    }
    Some(Message::Status(shown.into_boxed_str()))
}

fn visible(c: char) -> char {
    match c {
        '\t' => ' ',
        // The others turn the direction of the text around them.
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            char::REPLACEMENT_CHARACTER
        }
        c => c,
    }
}

/// A number of digits alone; one that is too large is the largest.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let longer = |n: u64, digit: &u8| n.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
    Some(digits.iter().fold(0, longer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn messages(text: &str) -> Vec<Message> {
        let said = parse(text.as_bytes()).unwrap();
        let message = |said| match said {
            Said::Message(message) => message,
            Said::MainPid(pid) => panic!("{pid:?}"),
        };
        said.into_iter().map(message).collect()
    }

    fn status_of(text: &str) -> Message {
        Message::Status(text.into())
    }

    #[test]
    fn ready_1_what_php_fpm_says_is_understood() {
        let said = parse(b"READY=1\nSTATUS=Ready to handle connections\nMAINPID=42").unwrap();
        let expected = [
            Said::Message(Message::Ready),
            Said::Message(status_of("Ready to handle connections")),
            Said::MainPid(MainPid(Pid::from_raw(42))),
        ];
        assert_eq!(said, expected);
    }

    #[test]
    fn ready_1_every_assignment_has_its_meaning() {
        let micros = Duration::from_micros;
        for (text, message) in [
            ("READY=1", Message::Ready),
            ("RELOADING=1", Message::Reloading),
            ("STOPPING=1", Message::Stopping),
            ("STATUS=", status_of("")),
            ("STATUS=a=b", status_of("a=b")),
            ("EXTEND_TIMEOUT_USEC=5", Message::ExtendTimeout(micros(5))),
            ("WATCHDOG=1", Message::Alive),
            ("WATCHDOG=trigger", Message::NotWell),
            ("WATCHDOG_USEC=0", Message::WatchdogPeriod(micros(0))),
            (
                "WATCHDOG_USEC=99999999999999999999999",
                Message::WatchdogPeriod(micros(u64::MAX)),
            ),
        ] {
            assert_eq!(messages(text), [message], "{text}");
        }
    }

    #[test]
    fn ready_1_the_last_one_of_a_kind_wins() {
        assert_eq!(messages("RELOADING=1\nREADY=1"), [Message::Ready]);
        assert_eq!(
            messages("READY=1\nSTATUS=a\nSTOPPING=1\nSTATUS=b"),
            [Message::Stopping, status_of("b")]
        );
        assert_eq!(
            messages("WATCHDOG=1\nWATCHDOG=1\nREADY=1"),
            [Message::Alive, Message::Ready]
        );
    }

    #[test]
    fn ready_1_what_nobody_knows_is_ignored() {
        for text in [
            "READY=0",
            "READY",
            "=1",
            "ready=1",
            "FDSTORE=1",
            "BARRIER=1",
            "ERRNO=110",
            "X_MINE=READY=1",
            "MAINPID=0",
            "MAINPID=-1",
            "MAINPID=4294967297",
            "MAINPID=",
            "WATCHDOG=0",
            "WATCHDOG_USEC=1.5",
            "WATCHDOG_USEC=",
            "EXTEND_TIMEOUT_USEC=+1",
            "\n\n",
        ] {
            assert_eq!(parse(text.as_bytes()), Some(Vec::new()), "{text}");
        }
    }

    #[test]
    fn ready_1_a_null_is_allowed_at_the_end_only() {
        assert_eq!(messages("READY=1\0"), [Message::Ready]);
        for text in ["READY=1\0\0", "READY\0=1", "\0READY=1", "\0", ""] {
            assert_eq!(parse(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn ready_1_a_status_is_fit_to_be_shown() {
        assert_eq!(messages("STATUS=a\tb"), [status_of("a b")]);
        assert_eq!(messages("STATUS=\u{1b}[2J"), [status_of("\u{fffd}[2J")]);
        assert_eq!(parse(b"STATUS=\xff"), Some(Vec::new()));
        let long = format!("STATUS={}", "ä".repeat(2000));
        assert_eq!(messages(&long), [status_of(&"ä".repeat(256))]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }

        #[test]
        fn any_lines_say_each_thing_once_and_show_what_is_printable(
            lines in proptest::collection::vec("(READY|STOPPING|STATUS|WATCHDOG|WATCHDOG_USEC|MAINPID)=(1|trigger|\\PC{0,300}|.{0,300}|[0-9]{1,30})", 0..20),
        ) {
            let said = parse(lines.join("\n").as_bytes()).unwrap_or_default();
            for (at, one) in said.iter().enumerate() {
                prop_assert!(said[at + 1..].iter().all(|other| other.kind() != one.kind()));
                if let Said::Message(Message::Status(text)) = one {
                    prop_assert!(text.chars().count() <= LONGEST_STATUS);
                    prop_assert!(!text.contains(char::is_control));
                }
            }
        }

        #[test]
        fn a_number_is_what_its_digits_say(number: u64) {
            let text = format!("WATCHDOG_USEC={number}");
            let period = Message::WatchdogPeriod(Duration::from_micros(number));
            prop_assert_eq!(messages(&text), [period]);
        }
    }
}
