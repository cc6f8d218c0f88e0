//! People by name, for other people to read of.

use std::fmt;

use lastout_core::{RunId, Signal};
use nix::unistd::Pid;

use crate::linux::proc::{Comm, StartTime};
use crate::linux::tree::Process;

/// Somebody who was told or killed beside the leaders.
#[derive(Clone, Copy, Debug)]
pub struct Sighting {
    /// Who.
    pub who: Person,
    /// Whose tree it belongs to; `None`: it is a stray.
    pub of: Option<RunId>,
    /// With what.
    pub signal: Signal,
}

/// A process to be named to people.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    pub(super) pid: Pid,
    pub(super) born: Option<StartTime>,
    pub(super) comm: Option<Comm>,
}

impl PartialEq for Person {
    fn eq(&self, other: &Person) -> bool {
        self.pid == other.pid && self.born == other.born
    }
}

impl Person {
    pub(super) fn of(process: &Process) -> Person {
        Person {
            pid: process.pid,
            born: Some(process.stat.starttime),
            comm: Some(process.stat.comm),
        }
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> i32 {
        self.pid.as_raw()
    }

    /// Its command's name, as the kernel has it.
    #[must_use]
    pub fn command(&self) -> Option<String> {
        self.comm.map(|comm| comm.as_str().to_owned())
    }

    /// Whether it may be the same one, of which one was only seen as a zombie.
    #[must_use]
    pub fn is_same_process(&self, other: &Person) -> bool {
        self.pid == other.pid
    }
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.comm {
            Some(comm) => write!(f, "{} (pid {})", comm.as_str(), self.pid),
            None => write!(f, "pid {}", self.pid),
        }
    }
}
