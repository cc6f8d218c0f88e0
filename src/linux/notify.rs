//! sd_notify(3), both directions: the socket on which programs say of themselves that
//! they are ready (READY-1), and whom lastout says so to itself ([`Upward`], UP-1).
//!
//! A sender is known by the credentials that the kernel attaches, and only while it is
//! there: whoever receives must ask [`People::run_of_sender`] at once, and receive before
//! it reaps. Descriptors that come along are closed, always: a client that sends
//! `BARRIER=1` waits for the end of a pipe, and since a datagram is only received when
//! those before it are done with, the end of it says what the client wants to know.
//!
//! No receive buffer is asked for: unix(7) has none for datagrams, but a number of them,
//! `net.unix.max_dgram_qlen`, after which senders wait.
//!
//! [`People::run_of_sender`]: super::people::People::run_of_sender

use std::cell::Cell;
use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::stat::{Mode, lstat, umask};
use nix::unistd::{Pid, geteuid, mkdir, unlink};

use super::mark;

pub(super) mod address;
mod parse;
mod upward;

use address::Address;
pub use parse::{MainPid, Said};
pub use upward::Upward;

/// How many datagrams a turn receives, good ones or not, so that a flood of them does
/// not keep a signal waiting. A queue is 512 long at most, so that whoever has died in
/// the meantime was heard before it is reaped.
pub const BUDGET: u32 = 512;

/// PIPE_BUF, as systemd has it. What is longer is not understood in part.
const LONGEST: usize = 4096;

/// The credentials, and the 253 descriptors that one message may bring (unix(7)), in
/// words that are aligned for their headers.
const CONTROL_WORDS: usize = 136;

/// Where the path of the socket is, if we may make it.
const OWN_DIRECTORY: &CStr = c"/run/lastout";

/// What the names of all of them begin with.
const PREFIX: &str = "notify-";

/// How many names are looked at for those that the dead left behind, so that a start has a
/// bound.
const LOOKED_AT: usize = 1024;

/// The socket that programs find in NOTIFY_SOCKET.
#[derive(Debug)]
pub struct Socket {
    socket: OwnedFd,
    /// As NOTIFY_SOCKET has it.
    name: CString,
    /// The process that made it. A fork of ours that leaves does not take it away.
    maker: Pid,
    /// Whether it was told that a datagram was dropped.
    has_told: Cell<bool>,
}

/// Who has sent a datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sender(pub(in crate::linux) Pid);

/// What came, and from whom.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Datagram {
    /// Who.
    pub sender: Sender,
    /// What, in order; never nothing.
    pub said: Vec<Said>,
}

/// It says nothing that can be understood, or nobody knows who has sent it.
struct Malformed;

impl Socket {
    /// Makes one: a path where there is a directory for it, since an abstract name is
    /// seen by everybody who shares the network; an abstract one otherwise. The name was
    /// never there before, so that nothing that a dead lastout left behind is in the way.
    ///
    /// # Errors
    /// Those of socket(2) and bind(2), where not even an abstract name is to be had.
    pub fn open() -> io::Result<Socket> {
        // For programs of every user to pass through, and for nobody but us to write to.
        let before = umask(Mode::from_bits_truncate(0o022));
        let _ = mkdir(OWN_DIRECTORY, Mode::from_bits_truncate(0o755));
        umask(before);
        remove_dead(OWN_DIRECTORY);
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").unwrap_or_default();
        let runtime = CString::new(runtime.into_vec()).unwrap_or_default();
        Ok(Socket::open_in(&[OWN_DIRECTORY, &runtime, c"/tmp"])?)
    }

    fn open_in(directories: &[&CStr]) -> Result<Socket, Errno> {
        let (maker, random) = (nix::unistd::getpid(), mark::random());
        let file = format!("/{PREFIX}{maker}-{random}");
        let fit = directories.iter().filter(|directory| is_fit(directory));
        let mut bound = Err(Errno::EINVAL);
        for directory in fit.chain([&c"@lastout"]) {
            let name = [directory.to_bytes(), file.as_bytes()].concat();
            let Ok(name) = CString::new(name) else {
                continue;
            };
            bound = bind(&name).map(|socket| Socket {
                socket,
                name,
                maker,
                has_told: Cell::new(false),
            });
            if bound.is_ok() {
                break;
            }
        }
        bound
    }

    /// What NOTIFY_SOCKET is to be: a path, or `@` and an abstract name.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        self.name.to_bytes()
    }

    /// To be waited for.
    #[must_use]
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// The next datagram that says anything, if there is one. Each that is received takes
    /// one of the budget, and with none left there is nothing to be had; the rest waits.
    pub fn receive(&self, budget: &mut u32) -> Option<Datagram> {
        while *budget > 0 {
            *budget -= 1;
            let mut buffer = [0; LONGEST];
            let understood = self.read(&mut buffer)?.and_then(|(sender, text)| {
                let said = parse::parse(text).ok_or(Malformed)?;
                Ok(Datagram { sender, said })
            });
            match understood {
                Ok(datagram) if datagram.said.is_empty() => {}
                Ok(datagram) => return Some(datagram),
                Err(Malformed) if self.has_told.replace(true) => {}
                Err(Malformed) => log::debug!(
                    "messages on NOTIFY_SOCKET are dropped that are empty, too long, \
                     malformed or from outside of the container"
                ),
            }
        }
        None
    }

    /// Takes one datagram out, and closes what descriptors it brought. `None`: there is
    /// none.
    fn read<'a>(&self, buffer: &'a mut [u8]) -> Option<Result<(Sender, &'a [u8]), Malformed>> {
        let mut control = [0u64; CONTROL_WORDS];
        let mut part = libc::iovec {
            iov_base: buffer.as_mut_ptr().cast(),
            iov_len: buffer.len(),
        };
        // SAFETY: all zeroes is a msghdr of nothing; not all of its fields have names.
        let mut message: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = size_of_val(&control) as _;
        let flags = libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;
        // SAFETY: the message names memory that is ours, with its sizes, for the call.
        let got = unsafe { libc::recvmsg(self.socket.as_raw_fd(), &raw mut message, flags) };
        let got = usize::try_from(got).ok()?;
        let sender = take_control(&message);
        let cut = message.msg_flags & (libc::MSG_TRUNC | libc::MSG_CTRUNC) != 0;
        // Whoever is outside of our PID namespace has no number in it.
        let sender = sender.filter(|pid| *pid > 0 && !cut).ok_or(Malformed);
        Some(sender.and_then(|pid| {
            let text = buffer.get(..got).ok_or(Malformed)?;
            Ok((Sender(Pid::from_raw(pid)), text))
        }))
    }

    /// Takes the path away, where there is one and it is this process' own.
    pub fn unlink(&self) {
        if self.name().starts_with(b"/") && self.maker == nix::unistd::getpid() {
            let _ = unlink(self.name.as_c_str());
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.unlink();
    }
}

/// Removes sockets of ours that a lastout left behind which was killed. Whose socket is
/// dead stays so: a name is never used again, and who is bound is heard without listening.
fn remove_dead(directory: &CStr) {
    if !is_fit(directory) {
        return;
    }
    let names = Path::new(OsStr::from_bytes(directory.to_bytes())).read_dir();
    for name in names.into_iter().flatten().take(LOOKED_AT).flatten() {
        let is_one = name.file_name().as_bytes().starts_with(PREFIX.as_bytes());
        if let Ok(path) = CString::new(name.path().into_os_string().into_vec())
            && is_one
            && is_dead(&path)
        {
            let _ = unlink(path.as_c_str());
        }
    }
}

fn is_dead(path: &CStr) -> bool {
    let is_ours = lstat(path).is_ok_and(|found| {
        let is_socket = found.st_mode & libc::S_IFMT == libc::S_IFSOCK;
        is_socket && found.st_uid == geteuid().as_raw()
    });
    let connected = Address::of(path.to_bytes())
        .filter(|_| is_ours)
        .map(|address| address::connect(libc::SOCK_DGRAM, &address).map(drop));
    connected == Some(Err(Errno::ECONNREFUSED))
}

/// Whether this is a directory, and no link to one; ours or root's, so that nobody puts
/// another socket in place of ours; and such that our programs come through it: root's
/// may be anybody's, and all others' are their own.
fn is_fit(directory: &CStr) -> bool {
    let Ok(found) = lstat(directory) else {
        return false;
    };
    let us = geteuid();
    let is_directory = found.st_mode & libc::S_IFMT == libc::S_IFDIR;
    let for_everybody = !us.is_root() || found.st_mode & 0o001 != 0;
    is_directory && (found.st_uid == 0 || found.st_uid == us.as_raw()) && for_everybody
}

/// A new socket at a new place, never through a link (bind(2) makes what is not there),
/// and from the first moment for everybody to write to. Who sends is told.
fn bind(name: &CStr) -> Result<OwnedFd, Errno> {
    let address = Address::of(name.to_bytes()).ok_or(Errno::ENAMETOOLONG)?;
    let socket = address::socket()?;
    let on: libc::c_int = 1;
    // SAFETY: the option is an int, and the pointer is to one.
    Errno::result(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PASSCRED,
            (&raw const on).cast(),
            size_of_val(&on) as libc::socklen_t,
        )
    })?;
    let before = umask(Mode::from_bits_truncate(0o111));
    // SAFETY: the address is as long as it says, and lives for the call.
    let bound = Errno::result(unsafe {
        libc::bind(socket.as_raw_fd(), address.as_ptr(), address.length())
    });
    umask(before);
    bound.map(|_| socket)
}

/// Reads what came beside the text: the sender's pid, if the kernel attached it.
/// Descriptors are closed.
fn take_control(message: &libc::msghdr) -> Option<i32> {
    let mut sender = None;
    // SAFETY: the kernel has filled in the control data that the message names, and its
    // length; headers are found by the macros alone, and what is read lies within.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(message);
        while let Some(this) = header.as_ref() {
            let data = libc::CMSG_DATA(this);
            let length = (this.cmsg_len as libc::size_t).saturating_sub(libc::CMSG_LEN(0) as usize);
            if this.cmsg_level == libc::SOL_SOCKET && this.cmsg_type == libc::SCM_RIGHTS {
                for at in 0..length / size_of::<RawFd>() {
                    let fd = data.cast::<RawFd>().add(at).read_unaligned();
                    // It came with this message, and nobody else knows of it.
                    drop(OwnedFd::from_raw_fd(fd));
                }
            } else if this.cmsg_level == libc::SOL_SOCKET
                && this.cmsg_type == libc::SCM_CREDENTIALS
                && length >= size_of::<libc::ucred>()
            {
                sender = Some(data.cast::<libc::ucred>().read_unaligned().pid);
            }
            header = libc::CMSG_NXTHDR(message, header);
        }
    }
    sender
}

#[cfg(test)]
mod tests;
