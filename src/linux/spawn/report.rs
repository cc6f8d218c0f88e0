//! How a child's exec went, as it is told over the pipe that the exec closes.

use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use lastout_core::{SpawnFailure, Stage};

use super::errno;

/// Writes what went wrong. Async-signal-safe.
pub(super) fn write(report: RawFd, failure: SpawnFailure) {
    let mut message = [0_u8; 8];
    message[..4].copy_from_slice(&to_number(failure.stage).to_ne_bytes());
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
            let stage = of_number(u32::from_ne_bytes([a, b, c, d]));
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

/// Those that are whole by themselves; their place is their number.
const STAGES: [Stage; 15] = [
    Stage::Pipe,
    Stage::Fork,
    Stage::Session,
    Stage::Directory,
    Stage::Stdio,
    Stage::Groups,
    Stage::User,
    Stage::Nice,
    Stage::OomScore,
    Stage::Capabilities,
    Stage::NoNewPrivileges,
    Stage::Readiness,
    Stage::Lookup,
    Stage::Exec,
    Stage::Interpreter,
];

/// Those that say what of, which is the lowest byte.
const LIMIT: u32 = 0x100;
const CAPABILITY: u32 = 0x200;

fn to_number(stage: Stage) -> u32 {
    match stage {
        Stage::Limit(resource) => LIMIT | u32::from(resource),
        Stage::Capability(capability) => CAPABILITY | u32::from(capability),
        Stage::Pipe
        | Stage::Fork
        | Stage::Session
        | Stage::Directory
        | Stage::Stdio
        | Stage::Groups
        | Stage::User
        | Stage::Nice
        | Stage::OomScore
        | Stage::Capabilities
        | Stage::NoNewPrivileges
        | Stage::Readiness
        | Stage::Lookup
        | Stage::Exec
        | Stage::Interpreter => {
            let mut numbered = (0..).zip(STAGES);
            let found = numbered.find(|(_, known)| *known == stage);
            found.map_or(0, |(number, _)| number)
        }
    }
}

fn of_number(number: u32) -> Stage {
    let of = number as u8;
    match number & !0xff {
        LIMIT => Stage::Limit(of),
        CAPABILITY => Stage::Capability(of),
        _ => STAGES.get(number as usize).copied().unwrap_or(Stage::Exec),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_is_read_as_it_was_written() {
        let with_numbers = [Stage::Limit(7), Stage::Capability(40)];
        for stage in STAGES.into_iter().chain(with_numbers) {
            assert_eq!(of_number(to_number(stage)), stage);
        }
    }
}
