//! How a life ended, and why one did not begin.

use crate::Signal;

/// How a process ended, as `wait` tells it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ExitStatus {
    /// It exited with this code.
    Code(u8),
    /// This signal ended it.
    Signal(Signal),
}

impl ExitStatus {
    /// The status as a shell gives it: the code, or 128 + the signal's number (EXIT-1).
    #[must_use]
    pub const fn as_code(self) -> u8 {
        match self {
            ExitStatus::Code(code) => code,
            ExitStatus::Signal(signal) => 128 + signal.number() as u8,
        }
    }
}

/// The step between fork and the program's first instruction that failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stage {
    /// The pipe over which the child tells how its exec went could not be made.
    Pipe,
    /// `fork` itself.
    Fork,
    /// The session or process group.
    Session,
    /// Entering the directory.
    Directory,
    /// Descriptors 0, 1 and 2.
    Stdio,
    /// The supplementary groups.
    Groups,
    /// The group and user ids.
    User,
    /// The limit of a resource, by its number in setrlimit(2).
    Limit(u8),
    /// The priority of its processor time.
    Nice,
    /// How soon it is killed for want of memory.
    OomScore,
    /// A capability that it is to have, by its number in capabilities(7), and that
    /// lastout itself does not have.
    Capability(u8),
    /// The sets of capabilities.
    Capabilities,
    /// That no exec gives it any privilege.
    NoNewPrivileges,
    /// The descriptor over which it tells that it is ready.
    Readiness,
    /// The user or group that the configuration names is not in /etc/passwd or /etc/group.
    Lookup,
    /// `execve`: the command was not found, or is not executable.
    Exec,
    /// `execve`: the command is there, but the interpreter that it names is not.
    Interpreter,
}

/// Why a program could not be started.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SpawnFailure {
    /// The step that failed.
    pub stage: Stage,
    /// The error number of the system call.
    pub errno: i32,
}

const ENOENT: i32 = 2;
const EAGAIN: i32 = 11;
const ENOMEM: i32 = 12;
const ENOTDIR: i32 = 20;
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;
const ETXTBSY: i32 = 26;

impl SpawnFailure {
    /// Whether it is the machine's fault and not the program's, so that the same may
    /// go well in a moment (PID-7, PID-10).
    #[must_use]
    pub const fn is_temporary(self) -> bool {
        match self.stage {
            Stage::Pipe | Stage::Fork => true,
            Stage::Session
            | Stage::Directory
            | Stage::Stdio
            | Stage::Groups
            | Stage::User
            | Stage::Limit(_)
            | Stage::Nice
            | Stage::OomScore
            | Stage::Capability(_)
            | Stage::Capabilities
            | Stage::NoNewPrivileges
            | Stage::Readiness
            | Stage::Lookup
            | Stage::Exec
            | Stage::Interpreter => {
                matches!(self.errno, EAGAIN | ENOMEM | ENFILE | EMFILE | ETXTBSY)
            }
        }
    }

    /// The status that a shell gives it: 127 for what is not there, 126 for what
    /// cannot be run (EXIT-1).
    #[must_use]
    pub const fn as_code(self) -> u8 {
        match self.stage {
            Stage::Exec if matches!(self.errno, ENOENT | ENOTDIR) => 127,
            Stage::Interpreter => 127,
            Stage::Pipe
            | Stage::Fork
            | Stage::Session
            | Stage::Directory
            | Stage::Stdio
            | Stage::Groups
            | Stage::User
            | Stage::Limit(_)
            | Stage::Nice
            | Stage::OomScore
            | Stage::Capability(_)
            | Stage::Capabilities
            | Stage::NoNewPrivileges
            | Stage::Readiness
            | Stage::Lookup
            | Stage::Exec => 126,
        }
    }
}

/// How one life of a program went, as far as its supervisor must judge it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// The program ran, and ended so.
    Status(ExitStatus),
    /// The program never ran.
    NeverRan(SpawnFailure),
}

impl End {
    /// The status as a shell gives it.
    #[must_use]
    pub const fn as_code(self) -> u8 {
        match self {
            End::Status(status) => status.as_code(),
            End::NeverRan(failure) => failure.as_code(),
        }
    }
}
