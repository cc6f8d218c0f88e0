//! The relay's process, as lastout sees it: its birth, the socket over which the two talk,
//! and its death. What it does is in [`crate::logs`], what it is asked to do and when in
//! the turn.
//!
//! It is a fork without an exec, in a session of its own and with all signals blocked, so
//! that neither Ctrl-C nor a SIGTERM for everybody ends it before it is done. It has
//! nothing of lastout's but descriptors 0 to 2 and its end of the socket: no end of a
//! program's pipe that would hide the pipe's end, no listening socket. It leaves when it is
//! told to, or when lastout's end of the socket is gone.
//!
//! Nothing here waits for it.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

use log::LevelFilter;
use nix::unistd::Pid;

use super::shared::Gauge;
use super::signals::Mask;
use super::spawn::{NoWayBack, close_from};
use super::wait::Zombie;

/// What a relay does all its life, given its end of the socket, the counters that it
/// shares with lastout, and whether colours are welcome on a terminal.
pub type Life = fn(OwnedFd, Gauge, bool) -> !;

/// The descriptor on which the relay has its end of the socket.
const ORDERS: RawFd = 3;

/// Room for one descriptor to be sent along, with what the kernel wants around it.
const ROOM_FOR_ONE: usize = 64;

/// A relay that is alive, or not yet reaped.
#[derive(Debug)]
pub struct Relay {
    pid: Pid,
    socket: OwnedFd,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use = "it may have to be sent again"]
pub enum Sent {
    /// It is on its way.
    Yes,
    /// There is no room, until the socket is writable.
    NoRoom,
    /// The kernel would not, and does not say when it will.
    NotNow,
    /// Nobody will ever read it.
    Gone,
}

/// What there was to receive.
#[derive(Debug)]
pub enum Received {
    /// This.
    Message(Vec<u8>),
    /// Nothing yet.
    Nothing,
    /// Nothing any more: the relay is gone.
    Gone,
}

impl Relay {
    /// Forks one.
    ///
    /// # Errors
    /// Those of socketpair(2) and fork(2): EMFILE, EAGAIN, ENOMEM.
    pub fn fork(life: Life, gauge: Gauge, colour: bool) -> io::Result<Relay> {
        let (socket, theirs) = pair()?;
        gauge.reset();
        // SAFETY: lastout has one thread, so the child is a whole copy; it never returns.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => become_relay(theirs, life, gauge, colour),
            pid => Ok(Relay {
                pid: Pid::from_raw(pid),
                socket,
            }),
        }
    }

    /// What to wait for: it is readable when there is news, or the relay is gone.
    #[must_use]
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Its number, for people to read.
    #[must_use]
    pub fn id(&self) -> i32 {
        self.pid.as_raw()
    }

    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// Whether this is who has ended.
    #[must_use]
    pub fn is(&self, zombie: &Zombie) -> bool {
        self.pid == zombie.pid
    }

    /// Ends it, whatever it is at. To be called while it is not reaped.
    pub fn kill(&self) {
        // SAFETY: kill takes no pointers, and the pid is that of a child we have not reaped.
        unsafe { libc::kill(self.pid.as_raw(), libc::SIGKILL) };
    }

    /// Sends it a message, and with it a duplicate of a descriptor.
    pub fn send(&self, message: &[u8], with: Option<BorrowedFd<'_>>) -> Sent {
        let mut piece = libc::iovec {
            iov_base: message.as_ptr().cast_mut().cast(),
            iov_len: message.len(),
        };
        let mut room = Room([0; ROOM_FOR_ONE]);
        // SAFETY: all zeroes is a msghdr.
        let mut header: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
        header.msg_iov = &raw mut piece;
        header.msg_iovlen = 1;
        if let Some(descriptor) = with {
            put_descriptor(&mut header, &mut room, descriptor);
        }
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        // SAFETY: the header names what is borrowed above, which sendmsg only reads.
        let sent = unsafe { libc::sendmsg(self.socket.as_raw_fd(), &raw const header, flags) };
        if sent >= 0 {
            return Sent::Yes;
        }
        match io::Error::last_os_error().raw_os_error() {
            Some(libc::EAGAIN | libc::EINTR) => Sent::NoRoom,
            Some(libc::EPIPE | libc::ECONNRESET | libc::ENOTCONN) => Sent::Gone,
            // ENOBUFS, ENOMEM; ETOOMANYREFS: too many descriptors are on their way.
            Some(_) | None => Sent::NotNow,
        }
    }

    /// Takes the next message of it.
    pub fn receive(&self) -> Received {
        let socket = self.socket.as_raw_fd();
        let flags = libc::MSG_DONTWAIT | libc::MSG_PEEK | libc::MSG_TRUNC;
        // SAFETY: no bytes are asked for, only how many there are.
        let waiting = unsafe { libc::recv(socket, std::ptr::null_mut(), 0, flags) };
        let length = match usize::try_from(waiting) {
            Ok(0) => return Received::Gone,
            Ok(length) => length,
            Err(_) => return nothing_or_gone(),
        };
        let mut message = vec![0; length];
        // SAFETY: there is room for what is asked for.
        let got = unsafe {
            libc::recv(
                socket,
                message.as_mut_ptr().cast(),
                length,
                libc::MSG_DONTWAIT,
            )
        };
        match usize::try_from(got) {
            Ok(0) => Received::Gone,
            Ok(_) => Received::Message(message),
            Err(_) => nothing_or_gone(),
        }
    }
}

/// How many bytes wait in a pipe.
#[must_use]
pub fn bytes_in(pipe: BorrowedFd<'_>) -> u64 {
    let mut bytes: libc::c_int = 0;
    // SAFETY: FIONREAD writes one int.
    let done = unsafe { libc::ioctl(pipe.as_raw_fd(), libc::FIONREAD, &raw mut bytes) };
    if done < 0 {
        return 0;
    }
    u64::try_from(bytes).unwrap_or(0)
}

fn nothing_or_gone() -> Received {
    match io::Error::last_os_error().raw_os_error() {
        Some(libc::EAGAIN | libc::EINTR) => Received::Nothing,
        Some(_) | None => Received::Gone,
    }
}

/// Aligned as the kernel's header in it has to be.
#[repr(C, align(8))]
struct Room([u8; ROOM_FOR_ONE]);

fn put_descriptor(header: &mut libc::msghdr, room: &mut Room, descriptor: BorrowedFd<'_>) {
    header.msg_control = room.0.as_mut_ptr().cast();
    // SAFETY: `room` has more than the space that one descriptor takes, zeroed and aligned,
    // so the first header is in it, and what follows that.
    unsafe {
        header.msg_controllen = libc::CMSG_SPACE(size_of::<RawFd>() as libc::c_uint) as _;
        let first = libc::CMSG_FIRSTHDR(header);
        (*first).cmsg_level = libc::SOL_SOCKET;
        (*first).cmsg_type = libc::SCM_RIGHTS;
        (*first).cmsg_len = libc::CMSG_LEN(size_of::<RawFd>() as libc::c_uint) as _;
        libc::CMSG_DATA(first)
            .cast::<RawFd>()
            .write_unaligned(descriptor.as_raw_fd());
    }
}

/// Two ends that talk in whole messages, closed by an exec.
fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
    // SAFETY: room for two descriptors; what socketpair gives is new and nobody else's.
    unsafe {
        if libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok((OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])))
    }
}

/// The child's side of the fork.
fn become_relay(theirs: OwnedFd, life: Life, gauge: Gauge, colour: bool) -> ! {
    let _no_way_back = NoWayBack;
    // lastout's own log is on a descriptor that is closed below. A panic, too, would go
    // there, or to whatever has its number then.
    log::set_max_level(LevelFilter::Off);
    let _ = Mask::FULL.set();
    let theirs = theirs.into_raw_fd();
    // SAFETY: the name ends in NUL; the descriptors are this child's own, and nothing of
    // it that still runs owns one.
    let orders = unsafe {
        libc::setsid();
        libc::prctl(libc::PR_SET_NAME, c"lastout-relay".as_ptr());
        if theirs != ORDERS && libc::dup2(theirs, ORDERS) < 0 {
            libc::_exit(127);
        }
        OwnedFd::from_raw_fd(ORDERS)
    };
    close_from(ORDERS + 1);
    life(orders, gauge, colour)
}

#[cfg(test)]
mod tests;
