//! A start, of a program, of a hook of it or of a question to it: fork, and in the child
//! one step after the other up to execve, or to the question.
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
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;

use lastout_core::{RunId, SpawnFailure, Stage};
use nix::unistd::Pid;

use super::passwd::Identity;
use super::privileges::Privileges;
use super::probe::Question;
use super::signals::{self, Inherited, Mask};
use crate::plan::{Launch, Output, Probe, Ready, Signals, Slate, Stdin};

mod child;
mod environment;
mod exec;
mod output;
mod readiness;
mod report;
mod stdio;

pub(super) use child::NoWayBack;
use exec::Image;
pub use output::Outputs;
pub use readiness::{ReadyNews, read_readiness};
pub use report::read_exec_status;
pub(super) use stdio::close_from;
pub use stdio::fill_standard_descriptors;

/// A start: what is to be done for which run.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a> {
    /// The life.
    pub run: RunId,
    /// The program, as which it is done.
    pub launch: &'a Launch,
    /// What is done.
    pub work: Work<'a>,
    /// Variables that only this start knows; they win over those of the launch.
    pub extra: &'a [(&'static str, Vec<u8>)],
    /// Whether it becomes the terminal's foreground group.
    pub in_front: bool,
}

/// What is done for a program, as the program would do it: with its user, directory,
/// environment and limits. All but the command itself has nothing on stdin.
#[derive(Clone, Copy, Debug)]
pub enum Work<'a> {
    /// The program itself.
    Command,
    /// Something before or after it.
    Hook(&'a [CString]),
    /// A question to it. Over the network it is asked by the forked process itself,
    /// which has the program's user and none of its limits.
    Probe(&'a Probe),
}

/// A start, ready to be forked.
#[derive(Debug)]
pub struct Recipe<'a> {
    task: Task<'a>,
    own_session: bool,
    directory: Option<CString>,
    whom: Option<Whom>,
    umask: Option<libc::mode_t>,
    privileges: Privileges,
    mark: Option<u64>,
    stdin: Stdin,
    stdout: &'a Output,
    stderr: &'a Output,
    slate: Slate,
    /// The descriptor over which it tells that it is ready.
    readiness: Option<RawFd>,
    foreground: bool,
    blocked: Mask,
    ignored: Mask,
    /// Of which signals lastout's dispositions are not the default ones.
    changed: Mask,
}

/// What the child does when it is all that it should be.
#[derive(Debug)]
enum Task<'a> {
    Exec(Image<'a>),
    Ask(Question<'a>),
}

/// What the moment of the start adds to a launch.
#[derive(Debug)]
pub struct Circumstances<'a> {
    /// Whom it runs as, looked up; `None`: as lastout.
    pub whom: Option<Whom>,
    /// The mark of this run, where marks are to be had.
    pub mark: Option<u64>,
    /// What lastout was started with.
    pub inherited: &'a Inherited,
}

/// Whom a program runs as.
#[derive(Clone, Debug)]
pub struct Whom {
    /// Who that is, for the environment to tell.
    pub identity: Identity,
    /// Whether it has to become him: it is somebody else yet.
    pub becomes: bool,
}

/// A child that was forked.
#[derive(Debug)]
pub struct Born {
    /// Who.
    pub pid: Pid,
    /// Closed without a word when it has exec'ed; else says what failed.
    pub exec_status: OwnedFd,
    /// Where a newline says that it is ready, for a program that is told to say so.
    pub readiness: Option<OwnedFd>,
    /// What it writes, where the relay passes it on.
    pub outputs: Outputs,
}

/// The child's ends of what it shares with lastout.
#[derive(Debug)]
struct Channels {
    /// How its exec went.
    report: RawFd,
    /// The door of its control group.
    cgroup: Option<RawFd>,
    /// Where it says that it is ready.
    readiness: Option<RawFd>,
    /// Where its descriptors 1 and 2 go, if the relay passes them on.
    outputs: [Option<RawFd>; 2],
}

impl<'a> Recipe<'a> {
    /// Does all that can be done before the fork.
    ///
    /// # Errors
    /// A directory name with a null byte in it.
    pub fn prepare(
        start: Start<'a>,
        around: Circumstances<'_>,
    ) -> Result<Recipe<'a>, SpawnFailure> {
        let Start { launch, work, .. } = start;
        let directory = launch.directory.as_ref().map(|path| {
            CString::new(path.as_os_str().as_bytes()).map_err(|_| SpawnFailure {
                stage: Stage::Directory,
                errno: libc::EINVAL,
            })
        });
        let is_command = matches!(work, Work::Command);
        // What a question prints is not what the program has to say.
        let (stdout, stderr) = match work {
            Work::Command | Work::Hook(_) => (&launch.stdout, &launch.stderr),
            Work::Probe(_) => (&Output::Null, &Output::Null),
        };
        let (argv, question) = match work {
            Work::Command => (launch.argv.as_slice(), None),
            Work::Hook(argv) => (argv, None),
            Work::Probe(Probe::Exec(argv)) => (argv.as_slice(), None),
            Work::Probe(probe) => (&[] as &[CString], Question::of(probe)),
        };
        let task = match question {
            Some(question) => Task::Ask(question),
            None => Task::Exec(image(start, argv, around.whom.as_ref())),
        };
        let (blocked, ignored) = if begins_as_started(launch) {
            (around.inherited.blocked, around.inherited.ignored)
        } else {
            (Mask::EMPTY, Mask::EMPTY)
        };
        Ok(Recipe {
            task,
            own_session: launch.manner.own_session,
            directory: directory.transpose()?,
            whom: around.whom,
            umask: launch.umask.map(|umask| umask as libc::mode_t),
            privileges: Privileges::new(&launch.limits),
            mark: around.mark,
            stdin: if is_command {
                launch.stdin
            } else {
                Stdin::Null
            },
            stdout,
            stderr,
            slate: launch.slate,
            readiness: match launch.ready {
                Some(Ready::Descriptor(number)) if is_command => Some(number),
                Some(Ready::Descriptor(_) | Ready::Notify | Ready::Line(_) | Ready::Probe(_))
                | None => None,
            },
            foreground: start.in_front && is_command,
            blocked,
            ignored,
            changed: signals::changed(),
        })
    }

    /// Forks. The child goes on by itself.
    ///
    /// # Errors
    /// A pipe or the fork could not be had.
    pub fn fork(&mut self, cgroup: Option<BorrowedFd<'_>>) -> Result<Born, SpawnFailure> {
        let no_pipe = |error| failure(Stage::Pipe, &error);
        let (exec_status, report) = stdio::pipe().map_err(no_pipe)?;
        let readiness = match self.readiness {
            Some(_) => Some(stdio::pipe_from_program().map_err(no_pipe)?),
            None => None,
        };
        let (outputs, ends) =
            output::pipes(self.stdout, self.stderr, self.whom.as_ref()).map_err(no_pipe)?;
        let channels = Channels {
            report: report.as_raw_fd(),
            cgroup: cgroup.map(|fd| fd.as_raw_fd()),
            readiness: readiness.as_ref().map(|(_, write)| write.as_raw_fd()),
            outputs: ends.numbers(),
        };
        // SAFETY: lastout has one thread, so the child is a whole copy; it calls only
        // become_child, which never returns.
        match unsafe { self.divide() } {
            -1 => Err(failure(Stage::Fork, &io::Error::last_os_error())),
            0 => self.become_child(channels),
            pid => {
                if self.own_group() == OwnGroup::Group {
                    // As the child does: whoever is first, a signal to the group finds it.
                    // SAFETY: setpgid takes no pointers.
                    unsafe { libc::setpgid(pid, pid) };
                }
                Ok(Born {
                    pid: Pid::from_raw(pid),
                    exec_status,
                    readiness: readiness.map(|(read, _)| read),
                    outputs,
                })
            }
        }
    }

    /// fork(2). A child that only makes system calls up to its exec needs nothing of what
    /// the C library does around it: its locks, and writes to its data, which copy pages.
    ///
    /// # Safety
    /// As for fork(2). The C library takes the child for the thread that it was copied
    /// from; so the child may exec and exit, and nothing that asks for threads.
    unsafe fn divide(&self) -> libc::pid_t {
        match self.task {
            // It allocates, and asks over the network.
            // SAFETY: the caller's promise is passed on.
            Task::Ask(_) => unsafe { libc::fork() },
            // SAFETY: without flags but for the signal of its end, all other arguments mean
            // nothing, in whatever order the machine has them; but the flags come second
            // on s390x.
            Task::Exec(_) if cfg!(not(target_arch = "s390x")) => unsafe {
                let (only, none) = (libc::c_long::from(libc::SIGCHLD), 0 as libc::c_long);
                libc::syscall(libc::SYS_clone, only, none, none, none, none) as libc::pid_t
            },
            // SAFETY: the caller's promise is passed on.
            Task::Exec(_) => unsafe { libc::fork() },
        }
    }

    /// Whether it becomes the terminal's foreground group.
    #[must_use]
    pub fn is_in_front(&self) -> bool {
        self.foreground
    }

    /// Whether its stdin is lastout's own.
    #[must_use]
    pub fn reads_stdin(&self) -> bool {
        self.stdin == Stdin::Inherit
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

/// What a start execs: these arguments, in the launch's environment with what only the
/// start knows.
fn image<'a>(start: Start<'a>, argv: &'a [CString], whom: Option<&Whom>) -> Image<'a> {
    let launch = start.launch;
    let mut variables = environment::of_start(&launch.environment, start.extra);
    if let Some(whom) = whom {
        environment::add_identity(&mut variables, &whom.identity);
    }
    let listen_pid = environment::reserve_listen_pid(launch.slate, &mut variables);
    Image::prepare(argv, variables, listen_pid, launch.manner.shell_for_text)
}

/// Whether a program has the mask and the dispositions that lastout was started with.
fn begins_as_started(launch: &Launch) -> bool {
    match launch.manner.signals {
        Signals::BySlate => launch.slate == Slate::AsStarted && std::process::id() != 1,
        Signals::Inherited => true,
        Signals::Clean => false,
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

#[cfg(test)]
mod tests;
