//! Lives of programs as lastout gives them, one at a time, for tests of how they start.
//! In a forked process of the test's own ([`super::in_process`]).

use std::ffi::CString;
use std::io::{Read, Seek};
use std::os::fd::{AsRawFd, FromRawFd};

use lastout_core::{ExitStatus, RunId, SpawnFailure};

use super::until;
use crate::limits::Limits;
use crate::linux::people::People;
use crate::linux::signals::Inherited;
use crate::linux::spawn::{Outputs, Start, Work};
use crate::linux::wait::{self, Peek};
use crate::plan::{Launch, UserSpec};

/// How a life went.
#[derive(Debug, PartialEq)]
pub(crate) struct Life {
    /// How its exec went.
    pub(crate) exec: Result<(), SpawnFailure>,
    pub(crate) status: ExitStatus,
    /// What it wrote to its stdout.
    pub(crate) said: String,
}

/// The people of a test, and what they are started with.
pub(crate) struct Lives {
    pub(crate) people: People,
    pub(crate) launch: Launch,
    /// What the last one writes over pipes.
    pub(crate) outputs: Outputs,
    output: std::fs::File,
    next: u64,
}

/// Words as execve takes them.
pub(crate) fn words(words: &[&str]) -> Vec<CString> {
    let words = words.iter().map(|word| CString::new(*word).unwrap());
    words.collect()
}

impl Lives {
    /// Of `sh -c script`, with a clean slate.
    pub(crate) fn of_shell(script: &str) -> Lives {
        // SAFETY: a null-terminated name; the descriptor is new.
        let output = unsafe {
            std::fs::File::from_raw_fd(libc::memfd_create(c"said".as_ptr(), libc::MFD_CLOEXEC))
        };
        // SAFETY: stdout of this forked process is nobody else's.
        assert_eq!(unsafe { libc::dup2(output.as_raw_fd(), 1) }, 1);
        let environment = words(&["PATH=/usr/local/bin:/usr/bin:/bin", "OWN=own", "HOME=/own"]);
        let launch = Launch::clean(words(&["sh", "-c", script]), environment);
        Lives {
            people: People::adopt(Inherited::take()),
            launch,
            outputs: Outputs::default(),
            output,
            next: 0,
        }
    }

    /// The same as another user, with a group if there is one.
    pub(crate) fn with_user(mut self, user: &str, group: Option<&str>) -> Lives {
        self.launch.user = Some(UserSpec {
            user: user.to_owned(),
            group: group.map(str::to_owned),
        });
        self
    }

    /// The same with limits.
    pub(crate) fn with(mut self, limits: Limits) -> Lives {
        self.launch.limits = limits;
        self
    }

    /// Starts one, and gives its number.
    pub(crate) fn start(&mut self, work: Work<'_>, extra: &[(&'static str, Vec<u8>)]) -> RunId {
        let (run, started) = self.try_start(work, extra);
        self.outputs = started.unwrap();
        run
    }

    /// Starts one, or tries to.
    pub(crate) fn try_start(
        &mut self,
        work: Work<'_>,
        extra: &[(&'static str, Vec<u8>)],
    ) -> (RunId, Result<Outputs, SpawnFailure>) {
        let run = RunId(self.next);
        self.next += 1;
        let start = Start {
            run,
            launch: &self.launch,
            work,
            extra,
            in_front: false,
        };
        (run, self.people.spawn(start))
    }

    /// Lives one to its end.
    pub(crate) fn live(&mut self, work: Work<'_>) -> Life {
        let run = self.start(work, &[]);
        self.end(run)
    }

    /// Waits for the end of one.
    pub(crate) fn end(&mut self, run: RunId) -> Life {
        let zombie = until("it has ended", || match wait::peek() {
            Peek::Ended(zombie) if self.people.run_of(&zombie) == Some(run) => Some(zombie),
            Peek::Ended(_) | Peek::AllAlive | Peek::NoChildren => None,
        });
        let exec = self.people.read_exec_status(run).unwrap();
        let status = zombie.status;
        self.people.reap_leader(run, zombie);
        let mut said = String::new();
        self.output.rewind().unwrap();
        self.output.read_to_string(&mut said).unwrap();
        self.output.set_len(0).unwrap();
        self.output.rewind().unwrap();
        Life { exec, status, said }
    }
}

impl Life {
    /// What is said behind a key at the beginning of a line.
    pub(crate) fn value(&self, key: &str) -> &str {
        let mut lines = self.said.lines();
        let found = lines.find_map(|line| line.strip_prefix(key));
        found
            .unwrap_or_else(|| panic!("no {key} in {self:#?}"))
            .trim()
    }
}
