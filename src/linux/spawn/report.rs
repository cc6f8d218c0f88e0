//! How a child's exec went, as it is told over the pipe that the exec closes.

use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use lastout_core::{SpawnFailure, Stage};

use super::errno;

/// Writes what went wrong. Async-signal-safe.
pub(super) fn write(report: RawFd, failure: SpawnFailure) {
    let mut message = [0_u8; 8];
    message[..4].copy_from_slice(&(stage_number(failure.stage)).to_ne_bytes());
    message[4..].copy_from_slice(&failure.errno.to_ne_bytes());
    // SAFETY: eight bytes of a live array, which are atomic on a pipe.
    unsafe { libc::write(report, message.as_ptr().cast(), message.len()) };
}

/// Reads what a child has to say of its exec. `None`: it has not come to it yet.
#[must_use]
pub fn read_exec_status(pipe: BorrowedFd<'_>) -> Option<Result<(), SpawnFailure>> {
    let mut message = [0_u8; 8];
    // SAFETY: `message` has room for what is asked for; the pipe is non-blocking.
    let got = unsafe { libc::read(pipe.as_raw_fd(), message.as_mut_ptr().cast(), message.len()) };
    match got {
        8 => {
            let [a, b, c, d, e, f, g, h] = message;
            let stage = stage_of(u32::from_ne_bytes([a, b, c, d]));
            Some(Err(SpawnFailure {
                stage,
                errno: i32::from_ne_bytes([e, f, g, h]),
            }))
        }
        -1 if errno() == libc::EAGAIN || errno() == libc::EINTR => None,
        // The end of the pipe: it was closed by the exec.
        _ => Some(Ok(())),
    }
}

const STAGES: [Stage; 10] = [
    Stage::Pipe,
    Stage::Fork,
    Stage::Session,
    Stage::Directory,
    Stage::Stdio,
    Stage::Groups,
    Stage::User,
    Stage::Lookup,
    Stage::Exec,
    Stage::Interpreter,
];

fn stage_number(stage: Stage) -> u32 {
    (0..)
        .zip(STAGES)
        .find(|(_, s)| *s == stage)
        .map_or(0, |(number, _)| number)
}

fn stage_of(number: u32) -> Stage {
    STAGES.get(number as usize).copied().unwrap_or(Stage::Exec)
}
