//! A pipe that a program writes to, and what becomes of its lines.

use std::os::fd::OwnedFd;
use std::rc::Rc;

use super::format::{Split, Writer, objects, prefixed};
use super::frame::Parts;
use super::message::{Channel, SourceId};
use super::output::Output;

/// A pipe that is read.
#[derive(Debug)]
pub(super) struct Source {
    /// As PID 1 knows it.
    pub(super) id: SourceId,
    /// The end that is read.
    pub(super) pipe: OwnedFd,
    /// Who writes to it.
    pub(super) program: Rc<str>,
    /// The leader's pid.
    pub(super) pid: u32,
    /// From which descriptor.
    pub(super) channel: Channel,
    /// Which sink its lines go to.
    pub(super) sink: usize,
    /// Where its lines are kept.
    pub(super) history: usize,
    /// What its lines look like.
    pub(super) form: Form,
    /// What makes the program ready, until it has come.
    pub(super) ready: Option<Awaited>,
    /// What was read and not passed on.
    pub(super) kept: Vec<u8>,
    /// How many bytes of that are decided, and wait for room.
    pub(super) decided: usize,
    /// Nobody writes any more.
    pub(super) is_at_end: bool,
    /// How many bytes were in the pipe when somebody began to wait for them: a newer life
    /// of the same program, or PID 1 at its end.
    pub(super) owes: usize,
    /// Whether an older life of the same program may owe something.
    pub(super) is_behind: bool,
    /// Whether it is in the queue of those that have something.
    pub(super) is_queued: bool,
}

/// What the lines of a source look like.
#[derive(Debug)]
pub(super) enum Form {
    /// As they are.
    Raw,
    /// With this in front.
    Prefix(Vec<u8>),
    /// As objects.
    Json(Split),
}

impl Source {
    /// What is told of its lines.
    #[must_use]
    pub(super) fn writer<'a>(&self, program: &'a str, micros: u64) -> Writer<'a> {
        Writer {
            program,
            pid: self.pid,
            channel: self.channel,
            micros,
        }
    }

    /// Whether all is read and passed on that somebody waits for.
    #[must_use]
    pub(super) fn is_settled(&self) -> bool {
        self.decided == 0 && (self.is_at_end || self.owes == 0)
    }
}

impl Form {
    /// Appends lines to `out`, until it has `most` bytes. `false`: they go as they are, and
    /// need no copy.
    pub(super) fn append(
        &mut self,
        out: &mut Output,
        parts: &mut Parts<'_>,
        writer: &Writer<'_>,
        most: usize,
    ) -> bool {
        match self {
            Form::Raw => return false,
            Form::Prefix(prefix) => prefixed(out, parts, prefix, most),
            Form::Json(split) => objects(out, parts, writer, Some(split), most),
        }
        true
    }
}

/// A text that is waited for.
#[derive(Debug)]
pub(super) struct Awaited {
    text: Vec<u8>,
    /// The last bytes that came, of which it may be the beginning: the parts of a long
    /// line may come one at a time.
    before: Vec<u8>,
}

impl Awaited {
    /// This text.
    #[must_use]
    pub(super) fn new(text: Vec<u8>) -> Awaited {
        let before = Vec::new();
        Awaited { text, before }
    }

    /// These lines have come. Whether the text has.
    pub(super) fn has_come(&mut self, lines: &[u8]) -> bool {
        let most = self.text.len().saturating_sub(1);
        let (first, _) = lines.split_at(most.min(lines.len()));
        self.before.extend_from_slice(first);
        if is_in(&self.text, &self.before) || is_in(&self.text, lines) {
            return true;
        }
        if lines.len() > most {
            self.before.clear();
            self.before
                .extend_from_slice(lines.split_at(lines.len() - most).1);
        }
        self.before.drain(..self.before.len().saturating_sub(most));
        false
    }
}

/// Whether one of these lines has the text in it.
#[must_use]
fn is_in(text: &[u8], lines: &[u8]) -> bool {
    let Some(first) = text.first() else {
        return !lines.is_empty();
    };
    let begins = memchr::memchr_iter(*first, lines);
    begins
        .filter_map(|at| lines.get(at..))
        .any(|rest| rest.starts_with(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_text_is_found_in_whatever_pieces_it_comes(
            bytes in "[ab\n]{0,40}",
            text in "[ab]{1,5}",
            sizes in proptest::collection::vec(1..9_usize, 0..40),
        ) {
            let mut awaited = Awaited::new(text.clone().into_bytes());
            let mut rest = bytes.as_bytes();
            let mut has_come = false;
            for size in sizes.into_iter().chain([40]) {
                let (piece, others) = rest.split_at(size.min(rest.len()));
                has_come = has_come || awaited.has_come(piece);
                prop_assert!(awaited.before.len() < text.len() || has_come);
                rest = others;
            }
            prop_assert_eq!(has_come, bytes.contains(&text));
        }
    }

    #[test]
    fn a_text_is_found_wherever_it_is_in_a_line() {
        for lines in ["ready\n", "a ready", "rready\nb\n", "r\nrea\nready"] {
            assert!(is_in(b"ready", lines.as_bytes()), "{lines:?}");
        }
        for lines in ["", "read\ny\n", "reads"] {
            assert!(!is_in(b"ready", lines.as_bytes()), "{lines:?}");
        }
    }
}
