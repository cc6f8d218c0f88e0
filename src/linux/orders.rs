//! What the relay's process asks of the kernel: its end of the socket to PID 1, the
//! pipes that it reads, the clients that it answers, and its end.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

/// Room for one descriptor and the kernel's header in front of it, aligned for it.
const CONTROL_WORDS: usize = 4;

/// An order as it came.
#[derive(Debug)]
pub struct Received {
    /// How many bytes it has; 0: PID 1 has closed its end.
    pub length: usize,
    /// What came with it.
    pub descriptor: Option<OwnedFd>,
}

/// The next order, if there is one.
///
/// # Errors
/// `WouldBlock`: there is none. Those of recvmsg(2).
pub fn receive(socket: BorrowedFd<'_>, bytes: &mut [u8]) -> io::Result<Received> {
    let mut control = [0_u64; CONTROL_WORDS];
    let mut part = libc::iovec {
        iov_base: bytes.as_mut_ptr().cast(),
        iov_len: bytes.len(),
    };
    // SAFETY: all zeros is an empty header.
    let mut header: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.as_mut_ptr().cast();
    header.msg_controllen = size_of_val(&control) as _;
    let flags = libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;
    // SAFETY: the header's pointers are to what lives across the call, with their lengths.
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, flags) };
    let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
    // SAFETY: the kernel has filled in the header, and what it points to is still there. A
    // descriptor that it says to have made is new, and nobody else's.
    let descriptor = unsafe {
        let first = libc::CMSG_FIRSTHDR(&raw const header);
        let is_one = !first.is_null()
            && (*first).cmsg_level == libc::SOL_SOCKET
            && (*first).cmsg_type == libc::SCM_RIGHTS;
        is_one.then(|| {
            OwnedFd::from_raw_fd(ptr::read_unaligned(libc::CMSG_DATA(first).cast::<i32>()))
        })
    };
    Ok(Received { length, descriptor })
}

/// Tells PID 1. It always reads, so that waiting for room is waiting for its turn; where
/// it is gone there is nobody to tell.
///
/// # Errors
/// Those of send(2): EPIPE.
pub fn tell(socket: BorrowedFd<'_>, message: &[u8]) -> io::Result<()> {
    loop {
        match send(socket, message) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let mut ask = libc::pollfd {
                    fd: socket.as_raw_fd(),
                    events: libc::POLLOUT,
                    revents: 0,
                };
                // SAFETY: one pollfd. Whatever it says, sending tells more.
                unsafe { libc::poll(&raw mut ask, 1, 1000) };
            }
            sent => return sent.map(drop),
        }
    }
}

/// Sends as much of it as there is room for, and says how much that is.
///
/// # Errors
/// `WouldBlock` where there is no room; those of send(2).
pub fn send(socket: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: pointer and length are of one slice.
    let sent = unsafe {
        libc::send(
            socket.as_raw_fd(),
            bytes.as_ptr().cast(),
            bytes.len(),
            flags,
        )
    };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// Reads what is there, and says how much that is; 0: nobody writes any more.
///
/// # Errors
/// `WouldBlock` where nothing is there, if the pipe is non-blocking; those of read(2).
pub fn read(pipe: BorrowedFd<'_>, bytes: &mut [u8]) -> io::Result<usize> {
    // SAFETY: pointer and length are of one slice.
    let count = unsafe { libc::read(pipe.as_raw_fd(), bytes.as_mut_ptr().cast(), bytes.len()) };
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}

/// How many bytes wait in a pipe.
#[must_use]
pub fn waiting_in(pipe: BorrowedFd<'_>) -> usize {
    let mut count: libc::c_int = 0;
    // SAFETY: the pointer is to an int that lives across the call.
    let done = unsafe { libc::ioctl(pipe.as_raw_fd(), libc::FIONREAD, &raw mut count) };
    if done < 0 {
        return 0;
    }
    usize::try_from(count).unwrap_or(0)
}

/// Makes reading it, by whoever has this end, an error where nothing is there. Only the
/// relay reads, and PID 1 at its end, neither of which may wait.
pub fn never_wait(pipe: BorrowedFd<'_>) {
    // SAFETY: no pointers; flags of an open descriptor at worst are an error.
    unsafe {
        let flags = libc::fcntl(pipe.as_raw_fd(), libc::F_GETFL);
        libc::fcntl(pipe.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK);
    }
}

/// Ends the process, at once.
pub fn leave(code: i32) -> ! {
    // SAFETY: nothing is buffered that anybody waits for.
    unsafe { libc::_exit(code) }
}
