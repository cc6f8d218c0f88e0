//! Descriptors 1 and 2, written to without waiting for a reader (PID-11, LOG-4).
//!
//! They are opened anew through /proc/self/fd, to have an open file description of our
//! own that may be non-blocking: the flag belongs to the description, which programs
//! share. A socket cannot be opened anew and is sent to with MSG_DONTWAIT; what can be
//! neither (no /proc, no right to open it) is asked by poll(2) first, and written to in
//! pieces that a pipe takes whole.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// What a pipe takes in one piece or not at all (pipe(7)).
pub const ATOMIC: usize = 4096;

/// A way out of lastout.
#[derive(Debug)]
pub enum Outlet {
    /// A description of our own, non-blocking.
    Own(OwnedFd),
    /// A socket of this number.
    Socket(i32),
    /// A regular file of this number, which never makes anybody wait for a reader.
    File(i32),
    /// Shared with others; may block, unless asked first.
    Shared(i32),
}

impl Outlet {
    /// Finds out how descriptor 1 or 2 can be written to.
    #[must_use]
    pub fn of(number: i32) -> Outlet {
        use nix::fcntl::{OFlag, open};
        use nix::sys::stat::Mode;
        let flags = OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
        // A regular file has one offset for all who write to it; only what has a reader
        // is opened anew.
        let kind =
            nix::sys::stat::fstat(standard(number)).map_or(0, |stat| stat.st_mode & libc::S_IFMT);
        match kind {
            libc::S_IFSOCK => Outlet::Socket(number),
            libc::S_IFREG => Outlet::File(number),
            libc::S_IFIFO | libc::S_IFCHR => {
                let path = if number == 2 {
                    c"/proc/self/fd/2"
                } else {
                    c"/proc/self/fd/1"
                };
                open(path, flags, Mode::empty()).map_or(Outlet::Shared(number), Outlet::Own)
            }
            _ => Outlet::Shared(number),
        }
    }

    /// The descriptor that is written to.
    #[must_use]
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        match self {
            Outlet::Own(own) => own.as_fd(),
            Outlet::Socket(number) | Outlet::File(number) | Outlet::Shared(number) => {
                standard(*number)
            }
        }
    }

    /// Whether it is a terminal.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        use std::io::IsTerminal;
        self.descriptor().is_terminal()
    }

    /// Writes as much of it as there is room for, and says how much that is.
    ///
    /// # Errors
    /// `WouldBlock` where there is no room; those of write(2).
    pub fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let (pointer, length) = (bytes.as_ptr().cast(), bytes.len());
        let written = match self {
            // SAFETY: pointer and length are of one slice.
            Outlet::Own(own) => unsafe { libc::write(own.as_raw_fd(), pointer, length) },
            // SAFETY: as above.
            Outlet::Socket(number) => unsafe {
                libc::send(
                    *number,
                    pointer,
                    length,
                    libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
                )
            },
            // SAFETY: as above.
            Outlet::File(number) => unsafe { libc::write(*number, pointer, length) },
            Outlet::Shared(number) => {
                let mut ask = libc::pollfd {
                    fd: *number,
                    events: libc::POLLOUT,
                    revents: 0,
                };
                // SAFETY: one pollfd, and no waiting.
                if unsafe { libc::poll(&mut ask, 1, 0) } != 1 {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                // A pipe that is writable has room for a piece of ATOMIC bytes.
                // SAFETY: the pointer is of a slice that has at least so many bytes.
                unsafe { libc::write(*number, pointer, length.min(ATOMIC)) }
            }
        };
        usize::try_from(written).map_err(|_| io::Error::last_os_error())
    }
}

/// Whether descriptors 1 and 2 are one and the same: a pipe, a socket, a terminal or a file
/// (`2>&1`).
#[must_use]
pub fn are_one() -> bool {
    let what = |number| {
        let stat = nix::sys::stat::fstat(standard(number)).ok()?;
        Some((stat.st_dev, stat.st_ino))
    };
    what(1).is_some_and(|one| what(2) == Some(one))
}

/// Whether nobody will ever read what is written: the other end of a pipe, a socket or
/// a terminal is gone, or there never was one.
#[must_use]
pub fn is_for_good(error: &io::Error) -> bool {
    let gone = [
        libc::EPIPE,
        libc::EIO,
        libc::EBADF,
        libc::ECONNRESET,
        libc::ENOTCONN,
    ];
    error
        .raw_os_error()
        .is_some_and(|errno| gone.contains(&errno))
}

fn standard(number: i32) -> BorrowedFd<'static> {
    // SAFETY: descriptors 1 and 2 are open for the whole life of the process: they are
    // filled at the start (PID-9) and never closed.
    unsafe { BorrowedFd::borrow_raw(number) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linux::testing::in_process;

    fn never_waits(descriptor: BorrowedFd<'_>) -> bool {
        // SAFETY: fcntl without pointers, on a descriptor that is borrowed.
        let flags = unsafe { libc::fcntl(descriptor.as_raw_fd(), libc::F_GETFL) };
        flags & libc::O_NONBLOCK != 0
    }

    fn becomes_stdout(descriptor: BorrowedFd<'_>) {
        // SAFETY: plain numbers; the process is the test's own.
        unsafe { libc::dup2(descriptor.as_raw_fd(), 1) };
    }

    #[test]
    fn pid_11_a_pipe_that_is_opened_anew_is_the_same_and_its_flag_is_its_own() {
        in_process(|| {
            let (mut reader, writer) = std::io::pipe().unwrap();
            becomes_stdout(writer.as_fd());
            let outlet = Outlet::of(1);
            assert!(matches!(outlet, Outlet::Own(_)));
            assert!(!are_one());
            assert!(never_waits(outlet.descriptor()));
            assert!(!never_waits(standard(1)) && !never_waits(writer.as_fd()));
            assert_eq!(outlet.write(b"line").unwrap(), 4);
            let mut read = [0; 4];
            io::Read::read_exact(&mut reader, &mut read).unwrap();
            assert_eq!(&read, b"line");
            // SAFETY: plain numbers; the process is the test's own.
            unsafe { libc::dup2(1, 2) };
            assert!(are_one());
        });
    }

    #[test]
    fn pid_11_a_socket_cannot_be_opened_anew_and_is_sent_to_without_a_flag() {
        in_process(|| {
            let (_reader, writer) = std::os::unix::net::UnixStream::pair().unwrap();
            becomes_stdout(writer.as_fd());
            let anew = std::fs::File::options().write(true).open("/proc/self/fd/1");
            assert_eq!(anew.unwrap_err().raw_os_error(), Some(libc::ENXIO));
            let outlet = Outlet::of(1);
            assert!(matches!(outlet, Outlet::Socket(1)));
            let full = loop {
                if let Err(error) = outlet.write(&[0; ATOMIC]) {
                    break error.kind();
                }
            };
            assert_eq!(full, io::ErrorKind::WouldBlock);
            assert!(!never_waits(writer.as_fd()));
        });
    }
}
