//! lastout's own log, written so that it can neither block nor kill (PID-11).
//!
//! How it is written to without waiting is in [`super::outlet`]. Lines that do not fit
//! are kept up to a bound, then counted, and told as soon as there is room.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::os::fd::BorrowedFd;

use super::outlet::{ATOMIC, Outlet, is_for_good};

/// Bytes of lines that are kept for a reader who is slow.
const MOST_KEPT: usize = 64 * 1024;

/// Where log lines go.
#[derive(Debug)]
pub struct Stderr {
    outlet: Outlet,
    kept: VecDeque<u8>,
    lost: u64,
    gone: bool,
}

impl Stderr {
    /// Finds out how descriptor 2 can be written to.
    #[must_use]
    pub fn open() -> Stderr {
        Stderr::of(2)
    }

    /// Descriptor 1, for the face of an init that says there what it has to say.
    #[must_use]
    pub fn of_stdout() -> Stderr {
        Stderr::of(1)
    }

    /// One of the descriptors 1 and 2.
    fn of(number: i32) -> Stderr {
        Stderr {
            outlet: Outlet::of(number),
            kept: VecDeque::new(),
            lost: 0,
            gone: false,
        }
    }

    /// The descriptor to wait for while something is kept.
    #[must_use]
    pub fn waits_for(&self) -> Option<BorrowedFd<'_>> {
        if self.kept.is_empty() || self.gone {
            return None;
        }
        Some(self.descriptor())
    }

    /// The descriptor that is written to.
    #[must_use]
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.outlet.descriptor()
    }

    /// Writes what is kept, as far as it goes.
    pub fn flush_kept(&mut self) {
        while !self.kept.is_empty() && !self.gone {
            let (front, _) = self.kept.as_slices();
            let piece = front.get(..front.len().min(ATOMIC)).unwrap_or(front);
            match self.outlet.write(piece) {
                Ok(written) => drop(self.kept.drain(..written)),
                Err(error) if is_for_good(&error) => self.give_up(),
                Err(_) => return,
            }
        }
        if self.lost > 0 && !self.gone {
            let line = format!(
                "lastout: {} lines of this log were lost: nobody read it, or there was no room\n",
                self.lost
            );
            if self.put(line.as_bytes()) {
                self.lost = 0;
            }
        }
    }

    /// Nobody will ever read it: EPIPE, EIO of a terminal that is gone.
    fn give_up(&mut self) {
        self.gone = true;
        self.kept = VecDeque::new();
    }

    /// One line, whole: written or kept, or else lost. Whether it was taken.
    fn put(&mut self, line: &[u8]) -> bool {
        if self.gone {
            return true;
        }
        let mut rest = line;
        while self.kept.is_empty() && !rest.is_empty() {
            let piece = rest.get(..rest.len().min(ATOMIC)).unwrap_or(rest);
            match self.outlet.write(piece) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(error) if is_for_good(&error) => {
                    self.give_up();
                    return true;
                }
                // No reader will make room on a full disk, and nothing tells of it: the
                // line is lost, and the next one is tried again (PID-10).
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
                    if rest.len() == line.len() {
                        return false;
                    }
                    break;
                }
                Err(_) => break,
            }
        }
        // A line that was begun is kept whatever its length, so that no two are mixed.
        if rest.len() == line.len() && self.kept.len() + rest.len() > MOST_KEPT {
            return false;
        }
        self.kept.extend(rest);
        true
    }
}

impl Write for Stderr {
    /// Takes one line, always whole.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.flush_kept();
        if !self.put(line) {
            self.lost += 1;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.flush_kept();
        Ok(())
    }
}
