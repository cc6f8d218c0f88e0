//! Readers of /proc, over a directory that was opened and examined at the start.
//!
//! Every answer may be missing: /proc may be missing, of another PID namespace, hide
//! other users' processes (`hidepid`), or lack a file; and a process may be gone before
//! one has looked. No reader allocates but for the lists, blocks, or trusts what it
//! reads: names of processes are whatever their owners like.
//!
//! A scan works with every descriptor in use: one is kept in reserve, and given away
//! for as long as a file is open. It is the list of our children, which is read whenever
//! a leader has ended.

use std::cell::RefCell;
use std::ffi::CStr;
use std::fmt;
use std::io::Write;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};

use crate::linux::signals::Mask;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat, readlinkat};
use nix::sys::stat::Mode;
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};
use nix::unistd::{Pid, Whence, getpid, lseek, read};

/// More processes than this are not listed: four times the usual `pid_max`, and some
/// 10 MiB while a scan lasts.
pub const MOST_PIDS: usize = 131_072;

const FILE_FLAGS: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_CLOEXEC)
    .union(OFlag::O_NOCTTY);

/// Holds "PID/stat" up to the last field of interest, and "PID/limits" whole.
const FILE_SIZE: usize = 2048;
/// Four reads for 1000 processes.
const LIST_SIZE: usize = 8192;

/// /proc of our own PID namespace.
#[derive(Debug)]
pub struct ProcDir {
    directory: OwnedFd,
    me: Pid,
    /// Whether there is a `limits` file at all.
    has_limits: bool,
    /// `None` only while a file is open that got its place.
    reserve: RefCell<Option<Reserve>>,
}

/// The descriptor that is kept in reserve.
#[derive(Debug)]
enum Reserve {
    /// The list of our children.
    Children(OwnedFd),
    /// Another one of /proc, as long as that was not asked for.
    Directory { _copy: OwnedFd },
}

/// What /proc/PID/stat says, as far as we ask.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stat {
    /// The parent; 0 when it is outside of the namespace.
    pub ppid: Pid,
    /// The process group.
    pub pgid: Pid,
    /// The session.
    pub sid: Pid,
    /// The controlling terminal.
    pub tty: Option<Terminal>,
    /// One letter, as proc_pid_stat(5) has it.
    pub state: u8,
    /// Whether it is a thread of the kernel and no process.
    pub kernel: bool,
    /// How many threads it has.
    pub threads: u32,
    /// When it was started: with the pid its identity.
    pub starttime: StartTime,
    /// Its name.
    pub comm: Comm,
}

/// Why there is nothing to know of a process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Missing {
    /// There is no such process any more.
    Gone,
    /// There may be one, and we cannot look at it.
    Hidden,
}

/// A controlling terminal: its device number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Terminal(pub i32);

/// When a process was started, in ticks since the boot.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct StartTime(pub u64);

/// The name of a process: at most 15 bytes that can be printed. Others are `?`.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Comm {
    bytes: [u8; 15],
    length: u8,
}

impl Stat {
    /// Whether it is still there. A zombie with threads is a process whose first
    /// thread has left and whose others work on.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        match self.state {
            b'Z' => self.threads > 1,
            b'X' | b'x' => false,
            _ => true,
        }
    }
}

impl Comm {
    fn new(name: &[u8]) -> Comm {
        let mut comm = Comm {
            bytes: [0; 15],
            length: 0,
        };
        for (to, from) in comm.bytes.iter_mut().zip(name) {
            *to = match from {
                b' '..=b'~' => *from,
                _ => b'?',
            };
            comm.length += 1;
        }
        comm
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let name = self.bytes.get(..usize::from(self.length));
        std::str::from_utf8(name.unwrap_or_default()).unwrap_or_default()
    }
}

impl fmt::Display for Comm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Comm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl ProcDir {
    /// Opens /proc; `None`, with a reason at debug level, when there is none, or one
    /// of another PID namespace, whose numbers would be other people's.
    ///
    /// The directory is readable and not O_PATH, so that listing it needs no second
    /// descriptor. It belongs to this process: a fork of ours must open its own, since
    /// the two would share the place in the list.
    #[must_use]
    pub fn open() -> Option<ProcDir> {
        match ProcDir::open_at(c"/proc") {
            Ok(proc) => Some(proc),
            Err(reason) => {
                log::debug!("going without /proc: {reason}");
                None
            }
        }
    }

    fn open_at(path: &CStr) -> Result<ProcDir, String> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let directory = open(path, flags, Mode::empty()).map_err(|e| e.desc().to_owned())?;
        let kind = fstatfs(&directory).map_err(|e| e.desc().to_owned())?;
        if kind.filesystem_type() != PROC_SUPER_MAGIC {
            return Err("what is mounted there is something else".to_owned());
        }
        let me = getpid();
        let shown = readlinkat(&directory, c"self").map_err(|e| e.desc().to_owned())?;
        if shown.as_encoded_bytes() != me.to_string().as_bytes() {
            return Err("it belongs to another PID namespace".to_owned());
        }
        let reserve = copy_of(&directory);
        let mut proc = ProcDir {
            directory,
            me,
            has_limits: true,
            reserve: RefCell::new(reserve),
        };
        proc.has_limits = proc.mark(me).is_ok();
        if !proc.has_limits {
            log::debug!("going without marks: /proc/self/limits cannot be read");
        }
        Ok(proc)
    }

    /// The process that this /proc was opened by.
    #[must_use]
    pub fn me(&self) -> Pid {
        self.me
    }

    /// Our direct children, adopted ones and zombies among them. `None` where the
    /// kernel has no such file (CONFIG_PROC_CHILDREN, Linux 4.2; gVisor).
    ///
    /// proc_pid_task_children(5) calls the file unreliable unless all children are
    /// stopped. It is not so for us: an entry is skipped when one before it leaves the
    /// list between two reads, and ours leave only when we reap them; new ones come
    /// last. Only the first thread's children are listed, and we have no other.
    #[must_use]
    pub fn children(&self) -> Option<Vec<Pid>> {
        let mut reserve = self.reserve.borrow_mut();
        let list = if let Some(Reserve::Children(list)) = reserve.take() {
            Some(list)
        } else {
            // What was in reserve is closed by now: its place is for the list.
            self.open_children()
        };
        let found = list.as_ref().and_then(read_pids);
        *reserve = match list {
            Some(list) => Some(Reserve::Children(list)),
            None => copy_of(&self.directory),
        };
        found
    }

    fn open_children(&self) -> Option<OwnedFd> {
        let mut path = [0; 64];
        let me = self.me;
        let path = name(&mut path, format_args!("{me}/task/{me}/children"))?;
        openat(&self.directory, path, FILE_FLAGS, Mode::empty()).ok()
    }

    /// Everybody in the namespace, threads of the kernel among them, at most
    /// [`MOST_PIDS`].
    #[must_use]
    pub fn pids(&self) -> Option<Vec<Pid>> {
        lseek(&self.directory, 0, Whence::SeekSet).ok()?;
        let mut found = Vec::new();
        let mut list = [0u64; LIST_SIZE / 8];
        while found.len() < MOST_PIDS {
            // SAFETY: the kernel writes at most LIST_SIZE bytes, which the array has.
            let got = unsafe {
                libc::syscall(
                    libc::SYS_getdents64,
                    self.directory.as_raw_fd(),
                    list.as_mut_ptr(),
                    LIST_SIZE,
                )
            };
            let got = usize::try_from(got).ok()?.min(LIST_SIZE);
            if got == 0 {
                break;
            }
            // SAFETY: an array of u64 is LIST_SIZE bytes that are all initialised.
            let bytes = unsafe { std::slice::from_raw_parts(list.as_ptr().cast::<u8>(), got) };
            for_each_entry(bytes, |name| found.extend(pid_of(name)));
        }
        Some(found)
    }

    /// What there is to know of a process.
    ///
    /// # Errors
    /// Why there is nothing.
    pub fn stat(&self, pid: Pid) -> Result<Stat, Missing> {
        let mut buffer = [0; FILE_SIZE];
        let text = self.read_of(pid, "stat", &mut buffer)?;
        parse_stat(text).ok_or(Missing::Hidden)
    }

    /// The soft limit of file locks, which is where [`crate::linux::mark`] leaves its
    /// mark.
    ///
    /// # Errors
    /// Why there is nothing.
    pub fn mark(&self, pid: Pid) -> Result<u64, Missing> {
        if !self.has_limits {
            return Err(Missing::Hidden);
        }
        let mut buffer = [0; FILE_SIZE];
        let text = self.read_of(pid, "limits", &mut buffer)?;
        parse_locks(text).ok_or(Missing::Hidden)
    }

    /// What a process does about signals; `None` when it is gone or hidden.
    #[must_use]
    pub fn signals(&self, pid: Pid) -> Option<SignalSets> {
        let mut buffer = [0; FILE_SIZE];
        parse_signals(self.read_of(pid, "status", &mut buffer).ok()?)
    }

    /// Reads a file that the kernel makes in one piece, as far as the buffer goes.
    fn read_of<'a>(&self, pid: Pid, file: &str, buffer: &'a mut [u8]) -> Result<&'a [u8], Missing> {
        let mut path = [0; 64];
        let path = name(&mut path, format_args!("{pid}/{file}")).ok_or(Missing::Hidden)?;
        match self.with_file(path, |file| read(file, buffer)) {
            Ok(got) => buffer.get(..got).ok_or(Missing::Hidden),
            Err(Errno::ENOENT | Errno::ESRCH) => Err(Missing::Gone),
            Err(_) => Err(Missing::Hidden),
        }
    }

    fn with_file<T>(
        &self,
        path: &CStr,
        body: impl FnOnce(&OwnedFd) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        let file = match openat(&self.directory, path, FILE_FLAGS, Mode::empty()) {
            Err(Errno::EMFILE | Errno::ENFILE) => {
                drop(self.reserve.borrow_mut().take());
                openat(&self.directory, path, FILE_FLAGS, Mode::empty())
            }
            other => other,
        };
        let answer = file.and_then(|file| body(&file));
        let mut reserve = self.reserve.borrow_mut();
        if reserve.is_none() {
            *reserve = copy_of(&self.directory);
        }
        answer
    }
}

fn copy_of(directory: &OwnedFd) -> Option<Reserve> {
    let copy = directory.try_clone().ok()?;
    Some(Reserve::Directory { _copy: copy })
}

/// Reads a list of pids from its beginning.
fn read_pids(list: &OwnedFd) -> Option<Vec<Pid>> {
    let mut numbers = Numbers::default();
    // As much as the kernel gives at a time; not a byte of it is touched before that.
    let mut buffer = [MaybeUninit::<u8>::uninit(); 4096];
    let mut place = 0;
    while numbers.found.len() < MOST_PIDS {
        let (fd, room) = (list.as_raw_fd(), buffer.as_mut_ptr());
        // SAFETY: the kernel writes at most the buffer's length, which it has.
        let got = unsafe { libc::pread(fd, room.cast(), buffer.len(), place) };
        let count = usize::try_from(got).ok()?.min(buffer.len());
        if count == 0 {
            break;
        }
        // SAFETY: the kernel has written the first `count` bytes.
        numbers.feed(unsafe { std::slice::from_raw_parts(room.cast(), count) });
        place += got as libc::off_t;
    }
    Some(numbers.finish())
}

/// Reads what /proc/PID/stat holds. The name is between the first "(" and the last
/// ")", since it may itself hold everything, parentheses and newlines included.
#[must_use]
pub fn parse_stat(text: &[u8]) -> Option<Stat> {
    let open = text.iter().position(|&b| b == b'(')?;
    let close = text.iter().rposition(|&b| b == b')')?;
    let comm = text.get(open + 1..close)?;
    let rest = text.get(close + 1..)?;
    let mut fields = rest
        .split(u8::is_ascii_whitespace)
        .filter(|f| !f.is_empty());
    let state = *fields.next()?.first()?;
    let mut number = |skip: usize| number_of(fields.nth(skip)?);
    let ppid = number(0)?;
    let pgid = number(0)?;
    let sid = number(0)?;
    let tty = number(0)?;
    let flags = number(1)?;
    let threads = number(10)?;
    let starttime = number(1)?;
    let pid = |n: i64| i32::try_from(n).ok().map(Pid::from_raw);
    Some(Stat {
        ppid: pid(ppid)?,
        pgid: pid(pgid)?,
        sid: pid(sid)?,
        // The number is printed with a sign, whatever the device.
        tty: (tty != 0).then_some(Terminal(tty as i32)),
        state,
        kernel: flags & PF_KTHREAD != 0,
        threads: u32::try_from(threads).ok()?,
        starttime: StartTime(u64::try_from(starttime).ok()?),
        comm: Comm::new(comm),
    })
}

/// From include/linux/sched.h; proc_pid_stat(5) shows the flags for this purpose.
const PF_KTHREAD: i64 = 0x0020_0000;

/// Reads the soft limit of file locks out of what /proc/PID/limits holds.
#[must_use]
pub fn parse_locks(text: &[u8]) -> Option<u64> {
    let line = text
        .split(|&b| b == b'\n')
        .find_map(|line| line.strip_prefix(b"Max file locks"))?;
    let soft = line
        .split(u8::is_ascii_whitespace)
        .find(|word| !word.is_empty())?;
    if soft == b"unlimited" {
        return Some(u64::MAX);
    }
    digits(soft)
}

/// Which signals a process does something about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SignalSets {
    /// It ignores these.
    pub ignored: Mask,
    /// It has handlers for these.
    pub caught: Mask,
}

/// Reads the sets of signals out of what /proc/PID/status holds.
#[must_use]
pub fn parse_signals(text: &[u8]) -> Option<SignalSets> {
    let set = |name: &[u8]| {
        let mut lines = text.split(|&b| b == b'\n');
        let value = lines.find_map(|line| line.strip_prefix(name))?;
        let value = std::str::from_utf8(value.trim_ascii()).ok()?;
        Some(Mask::from_bits(u64::from_str_radix(value, 16).ok()?))
    };
    Some(SignalSets {
        ignored: set(b"SigIgn:")?,
        caught: set(b"SigCgt:")?,
    })
}

/// Reads the pids out of what a `children` file holds. What is no pid is skipped.
#[must_use]
pub fn parse_children(text: &[u8]) -> Vec<Pid> {
    let mut numbers = Numbers::default();
    numbers.feed(text);
    numbers.finish()
}

/// Reads pids that come in pieces, cut anywhere. There may be thousands, so that it does
/// little for each byte.
#[derive(Debug, Default)]
struct Numbers {
    found: Vec<Pid>,
    /// The digits of the word so far; what is too large for a number is so for a pid.
    value: u32,
    /// Whether the word is no number.
    is_other: bool,
}

impl Numbers {
    fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            let digit = byte.wrapping_sub(b'0');
            if digit < 10 {
                self.value = self.value.saturating_mul(10).saturating_add(digit.into());
            } else if byte.is_ascii_whitespace() {
                self.end_word();
            } else {
                self.is_other = true;
            }
        }
    }

    fn end_word(&mut self) {
        let value = i32::try_from(self.value).unwrap_or(0);
        if value > 0 && !self.is_other && self.found.len() < MOST_PIDS {
            self.found.push(Pid::from_raw(value));
        }
        self.value = 0;
        self.is_other = false;
    }

    fn finish(mut self) -> Vec<Pid> {
        self.end_word();
        self.found
    }
}

/// Calls with the name of each `struct linux_dirent64` (getdents(2)): 8 bytes inode,
/// 8 bytes offset, 2 bytes length, 1 byte type, the name, NUL.
fn for_each_entry(mut bytes: &[u8], mut each: impl FnMut(&[u8])) {
    while let Some(&[low, high]) = bytes.get(16..18) {
        let length = usize::from(u16::from_ne_bytes([low, high]));
        let Some(name) = bytes.get(19..length) else {
            return;
        };
        each(name.split(|&b| b == 0).next().unwrap_or_default());
        bytes = bytes.get(length..).unwrap_or_default();
    }
}

fn pid_of(name: &[u8]) -> Option<Pid> {
    let number = digits(name).and_then(|n| i32::try_from(n).ok())?;
    (number > 0).then(|| Pid::from_raw(number))
}

fn number_of(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn digits(text: &[u8]) -> Option<u64> {
    let only_digits = text.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(text).ok()?.parse().ok()?;
    only_digits.then_some(number)
}

/// Writes a path into a buffer on the stack.
fn name<'a>(buffer: &'a mut [u8; 64], text: fmt::Arguments<'_>) -> Option<&'a CStr> {
    // The last byte stays NUL; a text that does not fit is an error of `write_fmt`.
    let mut place = buffer.get_mut(..63)?;
    place.write_fmt(text).ok()?;
    CStr::from_bytes_until_nul(buffer).ok()
}

#[cfg(test)]
mod tests;
