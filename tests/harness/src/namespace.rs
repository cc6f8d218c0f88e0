//! lastout as PID 1 of a PID namespace of its own, or below a parent in one.
//!
//! The way there: a thread of its own calls `unshare(CLONE_NEWPID)` and then spawns
//! `probe launch`, which is PID 1 of the new namespace, does what is odd in this test
//! (closed descriptors, limits, another user), and becomes lastout. When PID 1 ends, the
//! kernel ends everybody else: nothing outlives a test, not even one that is killed.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use crate::lines::{Line, Lines, Stream};
pub use crate::setup::{Output, Setup};
use crate::sight::{self, Process};
use crate::terminal::Terminal;
use crate::{DEADLINE, must, wait_until};

/// Starts lastout with these arguments as PID 1, everything as it should be.
#[must_use]
pub fn run(arguments: &[&str]) -> Run {
    Setup::new(arguments).start()
}

/// Starts `lastout -- probe WORDS…` as PID 1, everything as it should be.
#[must_use]
pub fn run_probe(words: &[&str]) -> Run {
    Setup::of_probe(words).start()
}

impl Setup {
    /// Starts it.
    ///
    /// # Panics
    ///
    /// When it cannot be started; PID namespaces need root.
    #[must_use]
    pub fn start(self) -> Run {
        let started = Instant::now();
        let mut command = self.command();
        let terminal = self
            .on_a_terminal
            .then(|| Terminal::for_command(&mut command));
        let sockets = self.sockets(&mut command);
        let (mut init, end) = spawn_in_namespace(command);
        let lines = Lines::default();
        let mut unread = Vec::new();
        let [out_socket, err_socket] = sockets;
        let out = init.stdout.take().map(OwnedFd::from).or(out_socket);
        let err = init.stderr.take().map(OwnedFd::from).or(err_socket);
        let outputs = [
            (self.stdout, Stream::Stdout, out),
            (self.stderr, Stream::Stderr, err),
        ];
        for (output, stream, end) in outputs {
            match (output, end) {
                (Output::Heard | Output::Socket, Some(end)) => {
                    lines.follow(stream, std::fs::File::from(end));
                }
                (Output::Unread | Output::UnreadSocket, Some(end)) => unread.push(end),
                // Dropped, and broken by that.
                (Output::Broken, _) | (_, None) => {}
            }
        }
        if let Some(terminal) = &terminal {
            lines.follow(Stream::Stdout, terminal.reader());
        }
        let mut run = Run {
            init: init.pid,
            init_handle: init.handle,
            pid: init.pid,
            handle: None,
            lines,
            terminal,
            unread,
            end,
            status: None,
            started,
        };
        if self.below_a_parent.is_some() {
            run.find_below_the_parent();
        }
        run
    }

    /// Our ends of the sockets that take the places of pipes.
    fn sockets(&self, command: &mut Command) -> [Option<OwnedFd>; 2] {
        let pair = |output| match output {
            Output::Socket | Output::UnreadSocket => {
                let (ours, theirs) = must(UnixStream::pair(), "make a socket");
                Some((OwnedFd::from(ours), OwnedFd::from(theirs)))
            }
            Output::Heard | Output::Unread | Output::Broken => None,
        };
        let out = pair(self.stdout).map(|(ours, theirs)| {
            command.stdout(theirs);
            ours
        });
        let err = pair(self.stderr).map(|(ours, theirs)| {
            command.stderr(theirs);
            ours
        });
        [out, err]
    }
}

/// The child as its thread hands it over.
struct Init {
    pid: i32,
    handle: OwnedFd,
    stdout: Option<std::process::ChildStdout>,
    stderr: Option<std::process::ChildStderr>,
}

/// How it ended, and when.
type End = (ExitStatus, Instant);

/// Spawns it as PID 1 of a new PID namespace, from a thread that waits for it: the thread
/// must outlive it, since the death signal that is set here comes when the thread ends.
fn spawn_in_namespace(mut command: Command) -> (Init, Receiver<End>) {
    let (init_sender, init) = mpsc::channel();
    let (end_sender, end) = mpsc::channel();
    // SAFETY: prctl with these numbers is async-signal-safe and touches no memory.
    unsafe {
        command.pre_exec(|| {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            Ok(())
        });
    }
    std::thread::spawn(move || {
        let spawned = spawn(&mut command);
        // The command holds the terminal's other end, which is to be the child's alone.
        drop(command);
        match spawned {
            Ok((init, mut child)) => {
                let _ = init_sender.send(Ok(init));
                let status = must(child.wait(), "wait for PID 1");
                let _ = end_sender.send((status, Instant::now()));
            }
            Err(error) => {
                let _ = init_sender.send(Err(error));
            }
        }
    });
    let init = must(init.recv(), "the thread that spawns ended");
    (
        must(init, "start PID 1 of a new namespace (are you root?)"),
        end,
    )
}

fn spawn(command: &mut Command) -> io::Result<(Init, Child)> {
    // SAFETY: unshare takes a number; CLONE_NEWPID concerns only the children of this thread.
    if unsafe { libc::unshare(libc::CLONE_NEWPID) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let mut child = command.spawn()?;
    let init = Init {
        pid: child.id() as i32,
        handle: open_handle(child.id() as i32)?,
        stdout: child.stdout.take(),
        stderr: child.stderr.take(),
    };
    Ok((init, child))
}

/// A running lastout, and everybody in its namespace; killed when dropped.
pub struct Run {
    init: i32,
    init_handle: OwnedFd,
    pid: i32,
    /// lastout's, where it is not PID 1.
    handle: Option<OwnedFd>,
    lines: Lines,
    terminal: Option<Terminal>,
    unread: Vec<OwnedFd>,
    end: Receiver<End>,
    status: Option<End>,
    started: Instant,
}

impl Run {
    /// lastout's pid on the host.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// What was said; of lastout itself and of everybody in its namespace.
    #[must_use]
    pub fn lines(&self) -> &Lines {
        &self.lines
    }

    /// The process that a program was started as last, by what lastout has told of it.
    ///
    /// # Panics
    ///
    /// When it was not started, or is not there any more.
    #[must_use]
    pub fn leader_of(&self, program: &str) -> Process {
        let start = format!("lastout: {program}: started, pid ");
        self.lines.wait_for(&start);
        let said = self.lines.of(Stream::Stderr);
        let last = said.iter().rev().find_map(|line| line.strip_prefix(&start));
        let inner = last.and_then(|pid| pid.parse().ok());
        let mut everybody = self.processes().into_iter();
        match everybody.find(|process| Some(process.inner_pid) == inner) {
            Some(process) => process,
            None => panic!("{program} is not there; said was:\n{}", self.lines.text()),
        }
    }

    /// The first line that contains this, as soon as it is there ([`Lines::wait_for`]).
    pub fn wait_for_line(&self, part: &str) -> Line {
        self.lines.wait_for(part)
    }

    /// When it was started.
    #[must_use]
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Sends a signal to lastout from outside of its namespace, as an engine does. To one
    /// that has ended: nothing happens. A user's real-time signals may be so many at a
    /// time, all that are sent on this machine together (RLIMIT_SIGPENDING): one more
    /// waits for room.
    ///
    /// # Panics
    ///
    /// When there is no room within [`DEADLINE`].
    pub fn signal(&self, number: i32) {
        let handle = self.handle.as_ref().unwrap_or(&self.init_handle);
        wait_until("there is room for a signal", || {
            let error = send(handle, number).err().and_then(|e| e.raw_os_error());
            error != Some(libc::EAGAIN)
        });
    }

    /// The terminal, for typing.
    ///
    /// # Panics
    ///
    /// When it was not started on one.
    #[must_use]
    pub fn terminal(&self) -> &Terminal {
        match &self.terminal {
            Some(terminal) => terminal,
            None => panic!("this run has no terminal"),
        }
    }

    /// Reads at last what nobody read ([`Output::Unread`]).
    pub fn read_the_unread(&mut self) {
        for pipe in self.unread.drain(..) {
            self.lines.follow(Stream::Stdout, std::fs::File::from(pipe));
        }
    }

    /// Everybody in the namespace, lastout included, zombies too.
    #[must_use]
    pub fn processes(&self) -> Vec<Process> {
        sight::namespace_of(self.init)
    }

    /// Those who have ended and were not reaped.
    #[must_use]
    pub fn zombies(&self) -> Vec<Process> {
        let mut everybody = self.processes();
        everybody.retain(|process| process.state == 'Z');
        everybody
    }

    /// Waits for the end and for the last line, and gives the exit status: the code, or
    /// 128 and the signal that ended it. Below a parent this is what the parent saw.
    ///
    /// # Panics
    ///
    /// When it has not ended within [`DEADLINE`].
    pub fn wait(&mut self) -> i32 {
        self.wait_and_measure().0
    }

    /// As [`Run::wait`], and the moment of the end.
    ///
    /// # Panics
    ///
    /// When it has not ended within [`DEADLINE`].
    pub fn wait_and_measure(&mut self) -> (i32, Instant) {
        let (status, at) = match self.status {
            Some(end) => end,
            None => match self.end.recv_timeout(DEADLINE) {
                Ok(end) => *self.status.insert(end),
                Err(_) => panic!(
                    "did not end; alive are {:#?}; said was:\n{}",
                    self.processes(),
                    self.lines.text()
                ),
            },
        };
        self.lines.wait_for_end();
        let code = status.code().or_else(|| status.signal().map(|n| 128 + n));
        (code.unwrap_or(-1), at)
    }

    /// Sends a signal, waits for the end, and gives the exit status and how long it took.
    pub fn stop(&mut self, number: i32) -> (i32, Duration) {
        let told = Instant::now();
        self.signal(number);
        let (code, ended) = self.wait_and_measure();
        (code, ended.saturating_duration_since(told))
    }

    /// Whether it has ended by now.
    #[must_use]
    pub fn has_ended(&mut self) -> bool {
        if self.status.is_none() {
            self.status = self.end.try_recv().ok();
        }
        self.status.is_some()
    }

    /// The parent says which pid its child has in there; the host's is found by that.
    fn find_below_the_parent(&mut self) {
        let line = self.lines.wait_for("parent: the child is ").text;
        let inner = line.rsplit(' ').next().and_then(|pid| pid.parse().ok());
        let found = self
            .processes()
            .into_iter()
            .find(|p| Some(p.inner_pid) == inner);
        if let Some(process) = found {
            self.pid = process.pid;
            self.handle = open_handle(process.pid).ok();
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = send(&self.init_handle, libc::SIGKILL);
        if self.status.is_none() {
            let _ = self.end.recv_timeout(DEADLINE);
        }
    }
}

/// A handle by which a signal reaches this process and never one that got its pid later.
fn open_handle(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: pidfd_open takes two numbers and gives a new descriptor, nobody else's.
    unsafe {
        match libc::syscall(libc::SYS_pidfd_open, pid, 0) {
            -1 => Err(io::Error::last_os_error()),
            descriptor => Ok(OwnedFd::from_raw_fd(descriptor as i32)),
        }
    }
}

fn send(handle: &OwnedFd, number: i32) -> io::Result<()> {
    let no_info = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: a live descriptor, numbers, and a null that the kernel allows.
    let sent = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            handle.as_raw_fd(),
            number,
            no_info,
            0,
        )
    };
    match sent {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
