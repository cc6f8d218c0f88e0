//! A pipe that a program writes to, and what becomes of its lines.

use std::os::fd::OwnedFd;
use std::rc::Rc;

use super::format::{Split, Writer, objects, prefixed};
use super::frame::Parts;
use super::message::{Channel, SourceId};

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
    pub(super) ready: Option<Vec<u8>>,
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
        out: &mut Vec<u8>,
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

/// Whether one of these lines has the text in it.
#[must_use]
pub(super) fn is_in(text: &[u8], lines: &[u8]) -> bool {
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
