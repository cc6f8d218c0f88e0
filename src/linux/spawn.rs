//! A program's start: fork, and in the child one step after the other up to execve.
//!
//! Everything that allocates or looks something up is done before the fork, in
//! [`Recipe::prepare`]; the child only makes system calls. How the exec went is told
//! over a pipe that closes on exec, and is read by the loop when it comes: lastout
//! never waits for an exec, which may hang on a network file system (PID-6). That is
//! why neither std nor posix_spawn starts programs here: both block until then.
//!
//! All signals are blocked when this is called, and in the child until the very last
//! step. So no handler of ours ever runs in a child, and a signal that is meant for
//! the program finds it with the mask and the dispositions that it will have.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use lastout_core::{SpawnFailure, Stage};
use nix::unistd::Pid;

use super::passwd::Identity;
use super::signals::{Inherited, Mask};
use crate::plan::{Launch, Signals, Slate, Stdin};

mod child;
mod environment;
mod exec;
mod report;
mod stdio;

use exec::Image;
pub use report::read_exec_status;
pub use stdio::fill_standard_descriptors;

/// A program, ready to be forked.
#[derive(Debug)]
pub struct Recipe {
    image: Image,
    own_session: bool,
    directory: Option<CString>,
    identity: Option<Identity>,
    umask: Option<libc::mode_t>,
    mark: Option<u64>,
    stdin: Stdin,
    slate: Slate,
    foreground: bool,
    blocked: Mask,
    ignored: Mask,
}

/// What the moment of the start adds to a launch.
#[derive(Debug)]
pub struct Circumstances<'a> {
    /// Whom it runs as, looked up; `None`: as lastout.
    pub identity: Option<Identity>,
    /// The mark of this run, where marks are to be had.
    pub mark: Option<u64>,
    /// Whether it becomes the terminal's foreground group.
    pub foreground: bool,
    /// What lastout was started with.
    pub inherited: &'a Inherited,
}

/// A child that was forked.
#[derive(Debug)]
pub struct Born {
    /// Who.
    pub pid: Pid,
    /// Closed without a word when it has exec'ed; else says what failed.
    pub exec_status: OwnedFd,
}

impl Recipe {
    /// Does all that can be done before the fork.
    ///
    /// # Errors
    /// A directory name with a null byte in it.
    pub fn prepare(launch: &Launch, around: &Circumstances<'_>) -> Result<Recipe, SpawnFailure> {
        let mut variables: Vec<Vec<u8>> = launch
            .environment
            .iter()
            .map(|entry| entry.as_bytes_with_nul().to_vec())
            .collect();
        if let Some(identity) = &around.identity {
            environment::add_identity(&mut variables, identity);
        }
        let listen_pid = environment::reserve_listen_pid(launch.slate, &mut variables);
        let directory = match &launch.directory {
            None => None,
            Some(path) => {
                Some(
                    CString::new(path.as_os_str().as_bytes()).map_err(|_| SpawnFailure {
                        stage: Stage::Directory,
                        errno: libc::EINVAL,
                    })?,
                )
            }
        };
        let is_init = std::process::id() == 1;
        let as_started = match launch.manner.signals {
            Signals::BySlate => launch.slate == Slate::AsStarted && !is_init,
            Signals::Inherited => true,
            Signals::Clean => false,
        };
        let by_shell = launch.manner.shell_for_text;
        Ok(Recipe {
            image: Image::prepare(&launch.argv, variables, listen_pid, by_shell),
            own_session: launch.manner.own_session,
            directory,
            identity: around.identity.clone(),
            umask: launch.umask.map(|umask| umask as libc::mode_t),
            mark: around.mark,
            stdin: launch.stdin,
            slate: launch.slate,
            foreground: around.foreground,
            blocked: if as_started {
                around.inherited.blocked
            } else {
                Mask::EMPTY
            },
            ignored: if as_started {
                around.inherited.ignored
            } else {
                Mask::EMPTY
            },
        })
    }

    /// Forks. The child goes on by itself.
    ///
    /// # Errors
    /// The pipe or the fork could not be had.
    pub fn fork(&mut self, cgroup: Option<BorrowedFd<'_>>) -> Result<Born, SpawnFailure> {
        let (exec_status, report) = stdio::pipe().map_err(|error| failure(Stage::Pipe, &error))?;
        let report_fd = report.as_raw_fd();
        // SAFETY: lastout has one thread, so the child is a whole copy; it calls only
        // become_child, which makes system calls and never returns.
        match unsafe { libc::fork() } {
            -1 => Err(failure(Stage::Fork, &io::Error::last_os_error())),
            0 => self.become_child(report_fd, cgroup.map(|fd| fd.as_raw_fd())),
            pid => {
                if self.own_group() == OwnGroup::Group {
                    // As the child does: whoever is first, a signal to the group finds it.
                    // SAFETY: setpgid takes no pointers.
                    unsafe { libc::setpgid(pid, pid) };
                }
                Ok(Born {
                    pid: Pid::from_raw(pid),
                    exec_status,
                })
            }
        }
    }

    /// A configured program gets a session of its own. One that has the terminal, or
    /// is the command of the command line, stays in the session and gets a group.
    fn own_group(&self) -> OwnGroup {
        match (self.slate, self.stdin) {
            _ if self.own_session => OwnGroup::Session,
            (Slate::Clean, Stdin::Null) => OwnGroup::Session,
            (Slate::Clean, Stdin::Inherit) | (Slate::AsStarted, _) => OwnGroup::Group,
        }
    }
}

/// What a child is made the leader of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum OwnGroup {
    Session,
    Group,
}

fn check(stage: Stage, result: i32) -> Result<(), SpawnFailure> {
    if result < 0 {
        Err(SpawnFailure {
            stage,
            errno: errno(),
        })
    } else {
        Ok(())
    }
}

fn failure(stage: Stage, error: &io::Error) -> SpawnFailure {
    SpawnFailure {
        stage,
        errno: error.raw_os_error().unwrap_or(0),
    }
}

fn errno() -> i32 {
    // SAFETY: the C library's errno is always there to be read.
    unsafe { *libc::__errno_location() }
}
