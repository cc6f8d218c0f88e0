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

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;

use lastout_core::{Signal, SpawnFailure, Stage};
use nix::unistd::Pid;

use super::passwd::Identity;
use super::signals::{Disposition, Inherited, Mask, set_disposition};
use super::{cgroup, mark};
use crate::plan::{Launch, Signals, Slate, Stdin};

/// Where a command is searched when its environment has no PATH: execvp(3)'s own,
/// and where images put what they add.
const DEFAULT_PATH: &[u8] = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Who runs what is only text.
const SHELL: &CStr = c"/bin/sh";

/// Digits enough for any pid, and the null.
const PID_DIGITS: usize = 11;

/// A program, ready to be forked.
#[derive(Debug)]
pub struct Recipe {
    argv: CStrings,
    environment: CStrings,
    /// What to try to exec, in order.
    candidates: Vec<CString>,
    /// The arguments of the shell that runs what is only text, where one does; they are
    /// those of `argv`.
    by_shell: Option<Vec<*mut libc::c_char>>,
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
    /// Where in the environment `LISTEN_PID=` wants the child's pid.
    listen_pid: Option<usize>,
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

/// Null-terminated strings with the null-terminated array of pointers that execve takes.
#[derive(Debug)]
struct CStrings {
    strings: Vec<Vec<u8>>,
    pointers: Vec<*mut libc::c_char>,
}

impl CStrings {
    fn new(strings: impl Iterator<Item = Vec<u8>>) -> CStrings {
        let mut strings: Vec<Vec<u8>> = strings.collect();
        let mut pointers: Vec<*mut libc::c_char> = strings
            .iter_mut()
            .map(|string| string.as_mut_ptr().cast())
            .collect();
        pointers.push(std::ptr::null_mut());
        CStrings { strings, pointers }
    }

    fn as_ptr(&self) -> *const *const libc::c_char {
        self.pointers.as_ptr().cast()
    }
}

impl Recipe {
    /// Does all that can be done before the fork.
    ///
    /// # Errors
    /// A directory name with a null byte in it.
    pub fn prepare(launch: &Launch, around: &Circumstances<'_>) -> Result<Recipe, SpawnFailure> {
        let mut environment: Vec<Vec<u8>> = launch
            .environment
            .iter()
            .map(|entry| entry.as_bytes_with_nul().to_vec())
            .collect();
        if let Some(identity) = &around.identity {
            add_identity(&mut environment, identity);
        }
        let listen_pid = reserve_listen_pid(launch.slate, &mut environment);
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
        let argv0 = launch
            .argv
            .first()
            .map(|name| name.as_bytes())
            .unwrap_or_default();
        let argv = CStrings::new(
            launch
                .argv
                .iter()
                .map(|arg| arg.as_bytes_with_nul().to_vec()),
        );
        let by_shell = launch.manner.shell_for_text.then(|| {
            // The second word is the file that turned out to be text.
            let mut words = vec![SHELL.as_ptr().cast_mut(), std::ptr::null_mut()];
            words.extend(argv.pointers.iter().skip(1));
            words
        });
        Ok(Recipe {
            candidates: candidates(argv0, &environment),
            by_shell,
            own_session: launch.manner.own_session,
            argv,
            environment: CStrings::new(environment.into_iter()),
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
            listen_pid,
        })
    }

    /// Forks. The child goes on by itself.
    ///
    /// # Errors
    /// The pipe or the fork could not be had.
    pub fn fork(&mut self, cgroup: Option<BorrowedFd<'_>>) -> Result<Born, SpawnFailure> {
        let (exec_status, report) = pipe().map_err(|error| failure(Stage::Pipe, &error))?;
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

    /// The child's way to its program. Only system calls; nothing is allocated, since a
    /// lock that the parent held would be held for ever.
    fn become_child(&mut self, report: RawFd, cgroup: Option<RawFd>) -> ! {
        let error = match self.steps_to_exec(cgroup) {
            Ok(never) => match never {},
            Err(error) => error,
        };
        let mut message = [0_u8; 8];
        message[..4].copy_from_slice(&(stage_number(error.stage)).to_ne_bytes());
        message[4..].copy_from_slice(&error.errno.to_ne_bytes());
        // SAFETY: eight bytes are atomic on a pipe; then the process is left without
        // running anything that the parent's runtime registered.
        unsafe {
            libc::write(report, message.as_ptr().cast(), message.len());
            libc::_exit(127)
        }
    }

    /// One step after the other; each is at its place for the reason given.
    fn steps_to_exec(
        &mut self,
        cgroup: Option<RawFd>,
    ) -> Result<std::convert::Infallible, SpawnFailure> {
        // First, so that signals to the group find the child, and Ctrl-C does not.
        match self.own_group() {
            // SAFETY: setsid takes nothing. A fresh child is no group leader, so it succeeds.
            OwnGroup::Session => check(Stage::Session, unsafe { libc::setsid() })?,
            // SAFETY: setpgid takes no pointers. The parent does the same; either may fail for it.
            OwnGroup::Group => unsafe {
                libc::setpgid(0, 0);
            },
        }
        if self.own_session {
            // It fails where there is no terminal, or another session has it.
            // SAFETY: TIOCSCTTY takes a number.
            unsafe { libc::ioctl(0, libc::TIOCSCTTY, 0) };
        }
        if self.foreground {
            // The group exists now. Signals are blocked, so that no SIGTTOU stops us.
            // SAFETY: tcsetpgrp takes no pointers.
            unsafe { libc::tcsetpgrp(0, libc::getpid()) };
        }
        // The tree's marks, before anything that could fork and before the ids are gone.
        if let Some(mark) = self.mark {
            let _ = mark::set_in_child(mark);
        }
        if let Some(procs) = cgroup {
            let _ = cgroup::join(procs);
        }
        if let Some(umask) = self.umask {
            // SAFETY: umask cannot fail.
            unsafe { libc::umask(umask) };
        }
        self.take_identity()?;
        // As the user, who must be able to enter it.
        if let Some(directory) = &self.directory {
            // SAFETY: a null-terminated path.
            check(Stage::Directory, unsafe { libc::chdir(directory.as_ptr()) })?;
        }
        if self.stdin == Stdin::Null {
            null_stdin()?;
        }
        if self.slate == Slate::Clean {
            close_on_exec_from(3);
        }
        self.write_listen_pid();
        // Last: from here on what was pending takes effect as it would in the program.
        for signal in Signal::all().filter(|signal| signal.can_be_caught()) {
            let disposition = match self.ignored.has(signal) {
                true => Disposition::Ignore,
                false => Disposition::Default,
            };
            set_disposition(signal, disposition);
        }
        self.blocked.set();
        Err(self.exec())
    }

    /// Groups first and the user last, since each step takes away the right to the one before.
    fn take_identity(&self) -> Result<(), SpawnFailure> {
        let Some(identity) = &self.identity else {
            return Ok(());
        };
        let (uid, gid) = (identity.uid, identity.gid);
        // Raw calls: the C library's would involve its threads, which there are none of.
        // SAFETY: the pointer and the length are of one vector; the others take none.
        unsafe {
            let groups = identity.groups.as_ptr();
            let count = identity.groups.len();
            check(
                Stage::Groups,
                libc::syscall(libc::SYS_setgroups, count, groups) as i32,
            )?;
            check(
                Stage::User,
                libc::syscall(libc::SYS_setresgid, gid, gid, gid) as i32,
            )?;
            check(
                Stage::User,
                libc::syscall(libc::SYS_setresuid, uid, uid, uid) as i32,
            )
        }
    }

    fn write_listen_pid(&mut self) {
        let Some(entry) = self.listen_pid else { return };
        let Some(entry) = self.environment.strings.get_mut(entry) else {
            return;
        };
        let start = entry.len().saturating_sub(PID_DIGITS);
        let Some(room) = entry.get_mut(start..) else {
            return;
        };
        // SAFETY: getpid takes nothing.
        let mut rest = unsafe { libc::getpid() }.unsigned_abs();
        let mut digits = [0_u8; PID_DIGITS];
        let mut count = 0;
        while rest > 0 || count == 0 {
            digits[count] = b'0' + (rest % 10) as u8;
            rest /= 10;
            count += 1;
        }
        for (place, digit) in room
            .iter_mut()
            .zip(digits[..count].iter().rev().chain([&0]))
        {
            *place = *digit;
        }
    }

    /// Tries every candidate. What is there and cannot be run outweighs what is not there.
    fn exec(&mut self) -> SpawnFailure {
        let mut worst = libc::ENOENT;
        let is_only_one = self.candidates.len() == 1;
        for candidate in &self.candidates {
            // SAFETY: a null-terminated path and two null-terminated arrays of such
            // strings. It returns only when it failed.
            unsafe {
                libc::execve(
                    candidate.as_ptr(),
                    self.argv.as_ptr(),
                    self.environment.as_ptr(),
                );
            }
            let errno = errno();
            if errno == libc::ENOEXEC
                && let Some(by_shell) = &mut self.by_shell
            {
                return exec_by_shell(by_shell, candidate, &self.environment);
            }
            match errno {
                libc::ENOENT if is_there(candidate) => {
                    return SpawnFailure {
                        stage: Stage::Interpreter,
                        errno,
                    };
                }
                libc::ENOTDIR if is_only_one => worst = errno,
                libc::ENOENT | libc::ENOTDIR => {}
                libc::EACCES => worst = errno,
                _ => {
                    return SpawnFailure {
                        stage: Stage::Exec,
                        errno,
                    };
                }
            }
        }
        SpawnFailure {
            stage: Stage::Exec,
            errno: worst,
        }
    }
}

/// Runs a file of text by the shell, as its second word. Async-signal-safe.
fn exec_by_shell(
    words: &mut [*mut libc::c_char],
    file: &CStr,
    environment: &CStrings,
) -> SpawnFailure {
    if let Some(place) = words.get_mut(1) {
        *place = file.as_ptr().cast_mut();
    }
    // SAFETY: as for any other program; nobody writes to the strings.
    unsafe { libc::execve(SHELL.as_ptr(), words.as_ptr().cast(), environment.as_ptr()) };
    SpawnFailure {
        stage: Stage::Exec,
        errno: errno(),
    }
}

/// What a child is made the leader of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum OwnGroup {
    Session,
    Group,
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

/// What to exec: the name itself where it has a slash, else in each folder of the
/// program's own PATH.
fn candidates(name: &[u8], environment: &[Vec<u8>]) -> Vec<CString> {
    if name.is_empty() {
        return Vec::new();
    }
    if name.contains(&b'/') {
        return CString::new(name).into_iter().collect();
    }
    let path = environment
        .iter()
        .find_map(|entry| entry.strip_prefix(b"PATH="));
    let path = path.map_or(DEFAULT_PATH, |path| {
        path.strip_suffix(b"\0").unwrap_or(path)
    });
    path.split(|byte| *byte == b':')
        .filter_map(|folder| {
            // An empty folder in PATH is the current one.
            let folder: &[u8] = if folder.is_empty() { b"." } else { folder };
            CString::new([folder, name].join(&b'/')).ok()
        })
        .collect()
}

/// HOME, USER and LOGNAME of the user, where the environment has none.
fn add_identity(environment: &mut Vec<Vec<u8>>, identity: &Identity) {
    let values = [
        (&b"HOME="[..], &identity.home),
        (b"USER=", &identity.name),
        (b"LOGNAME=", &identity.name),
    ];
    for (name, value) in values {
        let Some(value) = value else { continue };
        if !environment.iter().any(|entry| entry.starts_with(name)) {
            environment.push([name, value, b"\0"].concat());
        }
    }
}

/// Makes room for the child's pid where LISTEN_PID names ours: whoever gave lastout
/// the sockets meant them for the command.
fn reserve_listen_pid(slate: Slate, environment: &mut [Vec<u8>]) -> Option<usize> {
    let ours = format!("LISTEN_PID={}\0", std::process::id());
    let place = environment
        .iter()
        .position(|entry| entry.as_slice() == ours.as_bytes())?;
    if slate != Slate::AsStarted {
        return None;
    }
    let entry = environment.get_mut(place)?;
    *entry = b"LISTEN_PID=".to_vec();
    entry.resize(entry.len() + PID_DIGITS, 0);
    Some(place)
}

/// Puts /dev/null on descriptor 0; where there is none, a pipe that nobody writes to.
fn null_stdin() -> Result<(), SpawnFailure> {
    // SAFETY: a null-terminated path, an array with room for two descriptors, and
    // descriptors that are this child's own.
    unsafe {
        // Closed first: the lowest free number is given out, which is 0 then, and no
        // other is needed where RLIMIT_NOFILE has left none.
        libc::close(0);
        if libc::open(c"/dev/null".as_ptr(), libc::O_RDWR) >= 0 {
            return Ok(());
        }
        let mut ends = [0; 2];
        check(Stage::Stdio, libc::pipe2(ends.as_mut_ptr(), 0))?;
        libc::close(ends[1]);
    }
    Ok(())
}

/// Marks every descriptor from `first` on to be closed by an exec. Async-signal-safe.
pub(super) fn close_on_exec_from(first: RawFd) {
    const CLOSE_RANGE_CLOEXEC: libc::c_uint = 4;
    // SAFETY: close_range with this flag changes only our own descriptors' flags.
    let done = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            first as libc::c_uint,
            u32::MAX,
            CLOSE_RANGE_CLOEXEC,
        )
    };
    if done == 0 {
        return;
    }
    // Kernels before 5.11, or a profile that does not know it. Descriptors are given
    // out lowest first, so that a long gap means the end; the limit may be a million.
    let mut gap = 0;
    let mut fd = first;
    while gap < 256 {
        // SAFETY: fcntl on a descriptor that may not be there is an error and no more.
        let done = unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
        gap = if done < 0 { gap + 1 } else { 0 };
        fd += 1;
    }
}

/// A pipe that closes on exec, of which the reading end does not block.
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: room for two descriptors; what pipe2 gives is new and nobody else's.
    unsafe {
        if libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK) < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok((OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])))
    }
}

/// Opens /dev/null, or a pipe where there is none, on those of the descriptors 0, 1
/// and 2 that are closed, so that nothing else ever gets their numbers (PID-9).
pub fn fill_standard_descriptors() {
    for fd in 0..=2 {
        // SAFETY: F_GETFD on any number is an error at worst.
        if unsafe { libc::fcntl(fd, libc::F_GETFD) } >= 0 {
            continue;
        }
        // The lowest free number is given out, which is `fd`.
        // SAFETY: a null-terminated path.
        let null = unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR) };
        if null < 0
            && let Ok((read, write)) = pipe()
        {
            // The reading end is `fd`, the lowest; with the other one closed, reading it
            // gives the end of the file, and writing to it an error that nobody dies of.
            drop(write);
            let read = read.into_raw_fd();
            // SAFETY: the descriptor was just made; programs are to inherit it.
            unsafe { libc::fcntl(read, libc::F_SETFD, 0) };
        }
    }
}

fn is_there(path: &CStr) -> bool {
    // SAFETY: a null-terminated path.
    unsafe { libc::access(path.as_ptr(), libc::F_OK) == 0 }
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
