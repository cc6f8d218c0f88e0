//! lastout's own stdout and stderr, as ways for lines.
//!
//! lastout writes its log to stderr, and programs whose output is inherited write to both.
//! Whoever finds a pipe full gets rid of a part of what he writes, and others may be next.
//! So to where the log goes, lines are written in pieces that a pipe takes whole or not at
//! all; on a stdout of its own they are as large as they come.
//!
//! Whether the last that was written ends in the middle of a line is on the page that is
//! shared with PID 1, where it outlives a relay that is killed.

use std::io::ErrorKind;

use memchr::memrchr;

use super::file::Failure;
use crate::linux::outlet::{ATOMIC, Outlet};
use crate::linux::shared::Gauge;

/// One of the two.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) outlet: Outlet,
    number: i32,
    /// How much is written at once.
    most: usize,
}

impl Own {
    /// This one. `is_shared`: lastout's log goes there, too.
    pub(super) fn new(outlet: Outlet, number: i32, is_shared: bool) -> Own {
        let most = if is_shared { ATOMIC } else { usize::MAX };
        Own {
            outlet,
            number,
            most,
        }
    }

    /// As people know it.
    pub(super) fn name(&self) -> &'static str {
        if self.number == 1 { "stdout" } else { "stderr" }
    }

    /// Whether the last that was written ends in the middle of a line.
    pub(super) fn is_in_line(&self, gauge: Gauge) -> bool {
        gauge.is_in_line(self.number)
    }

    /// Writes as much as there is room for.
    pub(super) fn write(&self, bytes: &[u8], gauge: Gauge) -> Result<usize, Failure> {
        let mut written = 0;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            let before = gauge.is_in_line(self.number);
            let piece = self.piece(rest);
            // Who is killed meanwhile does not get to say how far it came.
            gauge.set_in_line(self.number, true);
            let outcome = self.outlet.write(piece);
            let count = *outcome.as_ref().unwrap_or(&0);
            let last = piece.get(..count).and_then(<[u8]>::last);
            gauge.set_in_line(self.number, last.map_or(before, |last| *last != b'\n'));
            written += count;
            match outcome {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(Failure {
                        written,
                        verb: "write to",
                        error,
                    });
                }
            }
        }
        Ok(written)
    }

    /// What is written at once: whole lines, if one is not longer than that.
    fn piece<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        let most = bytes.get(..self.most).unwrap_or(bytes);
        match memrchr(b'\n', most) {
            Some(newline) if most.len() < bytes.len() => bytes.split_at(newline + 1).0,
            Some(_) | None => most,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::fd::{AsFd, OwnedFd};

    /// What a pipe that nobody reads takes of these bytes.
    fn taken(bytes: &[u8]) -> Vec<u8> {
        let (mut reader, writer) = std::io::pipe().unwrap();
        crate::linux::orders::never_wait(writer.as_fd());
        let own = Own::new(Outlet::Own(OwnedFd::from(writer)), 2, true);
        let gauge = Gauge::new().unwrap();
        let count = own.write(bytes, gauge).unwrap();
        assert!(count < bytes.len());
        assert_eq!(own.is_in_line(gauge), bytes[count - 1] != b'\n');
        drop(own);
        let mut found = Vec::new();
        reader.read_to_end(&mut found).unwrap();
        assert_eq!(found, bytes[..count]);
        found
    }

    #[test]
    fn log_2_where_others_write_too_a_full_pipe_has_whole_lines() {
        let line = b"a line of some thirty characters\n";
        assert!(taken(&line.repeat(9000)).ends_with(b"\n"));
        // One that is longer than a piece comes in pieces all the same.
        let mut long = vec![b'x'; 100_000];
        long.push(b'\n');
        assert!(taken(&long.repeat(20)).len() > ATOMIC);
    }
}
