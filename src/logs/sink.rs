//! Where lines go: lastout's own stdout and stderr, and files. Every one of them takes
//! whole lines, and never makes anybody wait.
//!
//! What finds no room with a reader is kept until there is; meanwhile the sink is full and
//! nothing more is read for it. What cannot be written for another reason is lost: told
//! once when it begins, counted, and told again with the count when it can be written.
//! Such a sink is tried again a second later, and what comes until then is lost, too.

use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::time::{Duration, Instant};

use log::Level;

use super::file::{Failure, RotatedFile};
use super::message::{News, SourceId};
use super::own::Own;
use crate::linux::outlet::Outlet;
use crate::linux::pipe;
use crate::linux::shared::Gauge;
use crate::words::error_text;

/// How long a sink is left alone that could not be written to.
const PAUSE: Duration = Duration::from_secs(1);

/// Where lines go.
#[derive(Debug)]
pub(super) struct Sink {
    way: Way,
    /// As people know it.
    name: String,
    kept: Kept,
    /// Whose line is begun and not ended: of a long line that is passed on as it is.
    in_line_of: Option<SourceId>,
    trouble: Option<Trouble>,
    losses: Vec<Loss>,
}

#[derive(Debug)]
enum Way {
    Own(Own),
    File(RotatedFile),
}

/// What a reader has not taken yet.
#[derive(Debug, Default)]
struct Kept {
    bytes: Vec<u8>,
    sent: usize,
    /// How many bytes of the pipe it was made of.
    raw: usize,
    program: Option<Rc<str>>,
}

/// It could not be written to.
#[derive(Debug)]
struct Trouble {
    why: String,
    until: Instant,
}

/// What a program has lost since it was told.
#[derive(Debug)]
struct Loss {
    program: Rc<str>,
    lines: u64,
    raw: usize,
}

/// Lines on their way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch<'a> {
    /// Of whom.
    pub(super) program: &'a Rc<str>,
    /// From where.
    pub(super) source: SourceId,
    /// As they are to be written.
    pub(super) bytes: &'a [u8],
    /// How many bytes of the pipe they were made of.
    pub(super) raw: usize,
}

/// What a sink needs of the relay around it.
#[derive(Debug)]
pub(super) struct Around {
    /// The time of this turn.
    pub(super) now: Instant,
    /// The same by the wall clock, in microseconds since 1970.
    pub(super) micros: u64,
    /// What PID 1 may know of the bytes.
    pub(super) gauge: Gauge,
    /// What is to be told at the end of the turn.
    pub(super) news: Vec<News>,
}

impl Sink {
    /// lastout's own stdout or stderr; `is_shared`: its log goes there, too. A pipe is made to hold as much as the programs' do:
    /// one that holds 64 KiB takes longer than all else, since each of its few pieces wakes
    /// the reader and is waited for (docs/speed.md).
    #[must_use]
    pub(super) fn own(number: i32, is_shared: bool) -> Sink {
        let own = Own::new(Outlet::of(number), number, is_shared);
        pipe::widen(own.outlet.descriptor());
        let name = own.name().into();
        Sink::new(Way::Own(own), name)
    }

    /// A file.
    #[must_use]
    pub(super) fn file(file: RotatedFile) -> Sink {
        let name = file.log.path.display().to_string();
        Sink::new(Way::File(file), name)
    }

    /// A pipe of a test's, as if it were stdout.
    #[cfg(test)]
    pub(super) fn of(outlet: Outlet) -> Sink {
        Sink::new(Way::Own(Own::new(outlet, 1, false)), "stdout".into())
    }

    fn new(way: Way, name: String) -> Sink {
        Sink {
            way,
            name,
            kept: Kept::default(),
            in_line_of: None,
            trouble: None,
            losses: Vec::new(),
        }
    }

    /// The file, if it is one.
    #[must_use]
    pub(super) fn as_file_mut(&mut self) -> Option<&mut RotatedFile> {
        match &mut self.way {
            Way::File(file) => Some(file),
            Way::Own(_) => None,
        }
    }

    /// Whether its reader is a terminal.
    #[must_use]
    pub(super) fn is_terminal(&self) -> bool {
        match &self.way {
            Way::Own(own) => own.outlet.is_terminal(),
            Way::File(_) => false,
        }
    }

    /// What to wait for when it is full.
    #[must_use]
    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        match &self.way {
            Way::Own(own) => Some(own.outlet.descriptor()),
            Way::File(_) => None,
        }
    }

    /// Whether it takes nothing now.
    #[must_use]
    pub(super) fn is_full(&self) -> bool {
        !self.kept.bytes.is_empty()
    }

    /// Opens its file anew.
    pub(super) fn reopen(&mut self) {
        if let Way::File(file) = &mut self.way {
            file.reopen();
            if let Some(trouble) = &mut self.trouble {
                // The administrator has seen to it.
                trouble.until = Instant::now();
            }
        }
    }

    /// Takes lines, whole; to be asked first whether it is full.
    pub(super) fn put(&mut self, batch: Batch<'_>, around: &mut Around) {
        let Some(last) = batch.bytes.last() else {
            return;
        };
        if self.trouble.as_ref().is_some_and(|t| around.now < t.until) {
            return self.lose(batch.program, batch.bytes, batch.raw);
        }
        let goes_on = self.in_line_of == Some(batch.source);
        let is_open = *last != b'\n';
        let whole;
        let mut bytes = batch.bytes;
        if self.is_in_line(around.gauge) && !goes_on {
            whole = [b"\n", bytes].concat();
            bytes = &whole;
        }
        if self.write(Batch { bytes, ..batch }, goes_on, around) {
            self.in_line_of = is_open.then_some(batch.source);
        }
    }

    /// Whether what comes next comes behind a line that has no end. A file looks itself.
    fn is_in_line(&self, gauge: Gauge) -> bool {
        match (&self.way, self.kept.bytes.last()) {
            (Way::Own(_), Some(last)) => *last != b'\n',
            (Way::Own(own), None) => own.is_in_line(gauge),
            (Way::File(_), _) => false,
        }
    }

    /// Writes it, or keeps what finds no room; `false`: some of it is lost.
    fn write(&mut self, batch: Batch<'_>, goes_on: bool, around: &mut Around) -> bool {
        let written = match &mut self.way {
            // Behind what is kept, whether there is room by now or not.
            Way::Own(_) if !self.kept.bytes.is_empty() => Ok(0),
            Way::Own(own) => own.write(batch.bytes, around.gauge),
            Way::File(file) => {
                let appended = file.append(batch.bytes, goes_on, &mut around.news);
                appended.map(|()| batch.bytes.len())
            }
        };
        match written {
            Ok(written) => {
                if written == batch.bytes.len() {
                    around.gauge.give(batch.raw);
                } else {
                    let (_, rest) = batch.bytes.split_at(written);
                    self.kept.bytes.extend_from_slice(rest);
                    self.kept.raw += batch.raw;
                    self.kept.program = Some(Rc::clone(batch.program));
                }
                if self.trouble.is_some() && written > 0 {
                    self.tell_losses(around);
                }
                true
            }
            Err(failure) => {
                let (_, rest) = batch.bytes.split_at(failure.written);
                self.fail(batch.program, failure, around);
                self.lose(batch.program, rest, batch.raw);
                false
            }
        }
    }

    /// The source is at its end: a line that it left open is completed, so that whoever
    /// reads sees it, and nobody goes on with it.
    pub(super) fn end_line(&mut self, program: &Rc<str>, source: SourceId, around: &mut Around) {
        if self.in_line_of == Some(source) {
            let end = Batch {
                program,
                source,
                bytes: b"\n",
                raw: 0,
            };
            self.put(end, around);
        }
    }

    /// Writes what is kept, as far as there is room.
    pub(super) fn flush(&mut self, around: &mut Around) {
        let Way::Own(own) = &self.way else {
            return;
        };
        let mut kept = std::mem::take(&mut self.kept);
        let Some(program) = kept.program.clone() else {
            return;
        };
        let rest = kept.bytes.get(kept.sent..).unwrap_or_default();
        match own.write(rest, around.gauge) {
            Ok(written) if written < rest.len() => {
                kept.sent += written;
                self.kept = kept;
            }
            Ok(_) => {
                around.gauge.give(kept.raw);
                // Its room is used again.
                kept.bytes.clear();
                self.kept.bytes = kept.bytes;
            }
            Err(failure) => {
                let (_, rest) = rest.split_at(failure.written);
                self.fail(&program, failure, around);
                self.lose(&program, rest, kept.raw);
            }
        }
    }

    /// These lines could not be written.
    fn fail(&mut self, program: &Rc<str>, failure: Failure, around: &mut Around) {
        let why = match failure.error.raw_os_error() {
            Some(errno) => error_text(errno),
            None => failure.error.to_string(),
        };
        if self.trouble.is_none() {
            let (name, verb) = (&self.name, failure.verb);
            around.news.push(News::Say {
                level: Level::Warn,
                text: format!(
                    "{program}: cannot {verb} {name}: {why}; lines are lost until it can be"
                ),
            });
        }
        self.in_line_of = None;
        self.trouble = Some(Trouble {
            why,
            until: around.now + PAUSE,
        });
    }

    fn lose(&mut self, program: &Rc<str>, bytes: &[u8], raw: usize) {
        let open = u64::from(bytes.last().is_some_and(|last| *last != b'\n'));
        let lines = memchr::memchr_iter(b'\n', bytes).count() as u64 + open;
        match self.losses.iter_mut().find(|loss| loss.program == *program) {
            Some(loss) => {
                loss.lines += lines;
                loss.raw += raw;
            }
            None => self.losses.push(Loss {
                program: Rc::clone(program),
                lines,
                raw,
            }),
        }
    }

    /// Says how many lines were lost, if any were: it can be written to again, or nothing
    /// will be written to it any more.
    pub(super) fn tell_losses(&mut self, around: &mut Around) {
        let why = self
            .trouble
            .take()
            .map_or(String::new(), |trouble| trouble.why);
        for Loss {
            program,
            lines,
            raw,
        } in self.losses.drain(..)
        {
            let (name, s) = (&self.name, if lines == 1 { " was" } else { "s were" });
            around.news.push(News::Say {
                level: Level::Warn,
                text: format!("{program}: {lines} line{s} lost on the way to {name}: {why}"),
            });
            around.gauge.give(raw);
        }
    }
}

#[cfg(test)]
mod tests;
