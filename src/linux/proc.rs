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

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat, readlinkat};
use nix::sys::stat::Mode;
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};
use nix::unistd::{Pid, Whence, getpid, lseek, read};

mod text;

pub use text::{
    Comm, SignalSets, StartTime, Stat, Terminal, parse_children, parse_locks, parse_signals,
    parse_stat,
};
use text::{Numbers, for_each_entry, pid_of};

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

/// Why there is nothing to know of a process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Missing {
    /// There is no such process any more.
    Gone,
    /// There may be one, and we cannot look at it.
    Hidden,
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

/// Writes a path into a buffer on the stack.
fn name<'a>(buffer: &'a mut [u8; 64], text: fmt::Arguments<'_>) -> Option<&'a CStr> {
    // The last byte stays NUL; a text that does not fit is an error of `write_fmt`.
    let mut place = buffer.get_mut(..63)?;
    place.write_fmt(text).ok()?;
    CStr::from_bytes_until_nul(buffer).ok()
}

#[cfg(test)]
mod tests;
