//! The pipe over which a program says that it is ready (READY-2): s6's protocol, a
//! newline on a descriptor that it was given.

use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use lastout_core::{SpawnFailure, Stage};

use super::check;

/// How much is read at a time. What comes before the newline means nothing, and a
/// program that writes without end is not read to its end in one turn.
const PIECE: usize = 512;

/// What came over the pipe.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReadyNews {
    /// A newline: the program is ready.
    Newline,
    /// The end, without one: it will never say so.
    Closed,
}

/// Reads what a program has to say of its readiness. `None`: nothing yet.
#[must_use]
pub fn read_readiness(pipe: BorrowedFd<'_>) -> Option<ReadyNews> {
    let mut piece = [0_u8; PIECE];
    // SAFETY: `piece` has room for what is asked for; the pipe is non-blocking.
    let got = unsafe { libc::read(pipe.as_raw_fd(), piece.as_mut_ptr().cast(), piece.len()) };
    match usize::try_from(got) {
        Ok(0) => Some(ReadyNews::Closed),
        Ok(got) => {
            let said = piece.get(..got).unwrap_or_default();
            said.contains(&b'\n').then_some(ReadyNews::Newline)
        }
        Err(_) => None,
    }
}

/// Puts the pipe's writing end on the descriptor where the program looks for it, across
/// the exec. What the child itself still needs makes room. Async-signal-safe.
pub(super) fn place(pipe: RawFd, number: RawFd, report: &mut RawFd) -> Result<(), SpawnFailure> {
    // SAFETY: these take numbers of the child's own descriptors, none of which is owned.
    unsafe {
        if *report == number {
            // The copy gets the lowest free number, which is not this one.
            let copy = libc::fcntl(*report, libc::F_DUPFD_CLOEXEC, 3);
            check(Stage::Readiness, copy)?;
            *report = copy;
        }
        if pipe == number {
            return check(Stage::Readiness, libc::fcntl(pipe, libc::F_SETFD, 0));
        }
        check(Stage::Readiness, libc::dup2(pipe, number))
    }
}
