//! Descriptors 1 and 2 of a child. Where the relay passes on what it writes, each is a
//! pipe of this life's own: so the end of the pipe is the end of the life, and whoever
//! holds it open beyond that holds up nobody else's.
//!
//! lastout keeps the reading ends, so that a relay may die and another one go on with
//! what is in the pipes.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use lastout_core::{SpawnFailure, Stage};

use super::{Whom, check, stdio};
use crate::linux::pipe::widen;
use crate::plan::Output;

/// The reading ends of what a child writes.
#[derive(Debug, Default)]
pub struct Outputs {
    /// Of descriptor 1, and of 2 where it goes the same way.
    pub stdout: Option<OwnedFd>,
    /// Of descriptor 2.
    pub stderr: Option<OwnedFd>,
}

/// The writing ends, until the child has them.
#[derive(Debug, Default)]
pub(super) struct Ends {
    stdout: Option<OwnedFd>,
    stderr: Option<OwnedFd>,
}

impl Ends {
    /// What the child puts on descriptors 1 and 2.
    pub(super) fn numbers(&self) -> [Option<RawFd>; 2] {
        [&self.stdout, &self.stderr].map(|end| end.as_ref().map(AsRawFd::as_raw_fd))
    }
}

/// Makes the pipes that it takes.
pub(super) fn pipes(
    stdout: &Output,
    stderr: &Output,
    whom: Option<&Whom>,
) -> io::Result<(Outputs, Ends)> {
    let (mut outputs, mut ends) = (Outputs::default(), Ends::default());
    if let Output::Relayed(_) = stdout {
        let (read, write) = pipe(whom)?;
        (outputs.stdout, ends.stdout) = (Some(read), Some(write));
    }
    if let Output::Relayed(_) = stderr {
        let (read, write) = pipe(whom)?;
        (outputs.stderr, ends.stderr) = (Some(read), Some(write));
    }
    Ok((outputs, ends))
}

/// A pipe that belongs to the program's user, so that it can open /dev/stdout (LOG-6):
/// that is a link to the pipe, whose permissions are asked as a file's are.
fn pipe(whom: Option<&Whom>) -> io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = stdio::pipe_from_program()?;
    widen(read.as_fd());
    if let Some(whom) = whom.filter(|whom| whom.becomes) {
        let (uid, same_group) = (whom.identity.uid, libc::gid_t::MAX);
        // Without CAP_CHOWN the program writes to what it was given all the same.
        // SAFETY: fchown takes numbers.
        if unsafe { libc::fchown(write.as_raw_fd(), uid, same_group) } < 0 {
            log::debug!(
                "a program cannot open its own /dev/stdout, the pipe stays ours: {}",
                io::Error::last_os_error()
            );
        }
    }
    Ok((read, write))
}

/// Puts on descriptor 1 or 2 what it is to be. 1 comes first, which 2 may follow.
/// Async-signal-safe.
pub(super) fn place(
    number: RawFd,
    output: &Output,
    pipe: Option<RawFd>,
) -> Result<(), SpawnFailure> {
    let from = match (output, pipe) {
        (Output::Inherit, _) | (Output::Relayed(_), None) => return Ok(()),
        (Output::Null, _) => return stdio::null(number),
        (Output::Stdout, _) => 1,
        (Output::Relayed(_), Some(pipe)) => pipe,
    };
    // SAFETY: the numbers are of this child's own descriptors, which are not owned.
    check(Stage::Stdio, unsafe { libc::dup2(from, number) })
}
