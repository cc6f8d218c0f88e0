//! lastout's own log, written so that it can neither block nor kill (PID-11).
//!
//! Descriptor 2 is opened anew through /proc/self/fd, to have an open file description
//! of our own that may be non-blocking: the flag belongs to the description, which
//! programs share. A socket cannot be opened anew and is sent to with MSG_DONTWAIT;
//! what can be neither (no /proc, no right to open it) is asked by poll(2) first, and
//! written to in pieces that a pipe takes whole. Lines that do not fit are kept up to
//! a bound, then counted, and told as soon as there is room.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// Bytes of lines that are kept for a reader who is slow.
const MOST_KEPT: usize = 64 * 1024;

/// What a pipe takes in one piece or not at all (pipe(7)).
const ATOMIC: usize = 4096;

/// Where log lines go.
#[derive(Debug)]
pub struct Stderr {
    sink: Sink,
    kept: VecDeque<u8>,
    lost: u64,
    gone: bool,
}

#[derive(Debug)]
enum Sink {
    /// A description of our own, non-blocking.
    Own(OwnedFd),
    /// A socket of this number.
    Socket(i32),
    /// Shared with others; may block, unless asked first.
    Shared(i32),
}

impl Stderr {
    /// Finds out how descriptor 2 can be written to.
    #[must_use]
    pub fn open() -> Stderr {
        Stderr::of(2)
    }

    /// Descriptor 1, for the face of an init that says there what it has to say.
    #[must_use]
    pub fn of_stdout() -> Stderr {
        Stderr::of(1)
    }

    /// One of the descriptors 1 and 2.
    fn of(number: i32) -> Stderr {
        use nix::fcntl::{OFlag, open};
        use nix::sys::stat::Mode;
        let flags = OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
        // A regular file never blocks so that poll would tell, and has one offset for
        // all who write to it; only what has a reader is opened anew.
        let kind =
            nix::sys::stat::fstat(standard(number)).map_or(0, |stat| stat.st_mode & libc::S_IFMT);
        let sink = match kind {
            libc::S_IFSOCK => Sink::Socket(number),
            libc::S_IFIFO | libc::S_IFCHR => {
                let path = if number == 2 {
                    c"/proc/self/fd/2"
                } else {
                    c"/proc/self/fd/1"
                };
                open(path, flags, Mode::empty()).map_or(Sink::Shared(number), Sink::Own)
            }
            _ => Sink::Shared(number),
        };
        Stderr {
            sink,
            kept: VecDeque::new(),
            lost: 0,
            gone: false,
        }
    }

    /// The descriptor to wait for while something is kept.
    #[must_use]
    pub fn waits_for(&self) -> Option<BorrowedFd<'_>> {
        if self.kept.is_empty() || self.gone {
            return None;
        }
        Some(self.descriptor())
    }

    /// The descriptor that is written to.
    #[must_use]
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        match &self.sink {
            Sink::Own(own) => own.as_fd(),
            Sink::Socket(number) | Sink::Shared(number) => standard(*number),
        }
    }

    /// Writes what is kept, as far as it goes.
    pub fn flush_kept(&mut self) {
        while !self.kept.is_empty() && !self.gone {
            let (front, _) = self.kept.as_slices();
            let piece = front.get(..front.len().min(ATOMIC)).unwrap_or(front);
            match self.sink.write(piece) {
                Ok(written) => drop(self.kept.drain(..written)),
                Err(error) if is_for_good(&error) => self.give_up(),
                Err(_) => return,
            }
        }
        if self.lost > 0 && !self.gone {
            let line = format!(
                "lastout: {} lines of this log were lost: nobody read it, or there was no room\n",
                self.lost
            );
            if self.put(line.as_bytes()) {
                self.lost = 0;
            }
        }
    }

    /// Nobody will ever read it: EPIPE, EIO of a terminal that is gone.
    fn give_up(&mut self) {
        self.gone = true;
        self.kept = VecDeque::new();
    }

    /// One line, whole: written or kept, or else lost. Whether it was taken.
    fn put(&mut self, line: &[u8]) -> bool {
        if self.gone {
            return true;
        }
        let mut rest = line;
        while self.kept.is_empty() && !rest.is_empty() {
            let piece = rest.get(..rest.len().min(ATOMIC)).unwrap_or(rest);
            match self.sink.write(piece) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(error) if is_for_good(&error) => {
                    self.give_up();
                    return true;
                }
                // No reader will make room on a full disk, and nothing tells of it: the
                // line is lost, and the next one is tried again (PID-10).
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
                    if rest.len() == line.len() {
                        return false;
                    }
                    break;
                }
                Err(_) => break,
            }
        }
        // A line that was begun is kept whatever its length, so that no two are mixed.
        if rest.len() == line.len() && self.kept.len() + rest.len() > MOST_KEPT {
            return false;
        }
        self.kept.extend(rest);
        true
    }
}

impl Write for Stderr {
    /// Takes one line, always whole.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.flush_kept();
        if !self.put(line) {
            self.lost += 1;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.flush_kept();
        Ok(())
    }
}

/// Whether nobody will ever read what is written: the other end of a pipe, a socket or
/// a terminal is gone, or there never was one.
fn is_for_good(error: &io::Error) -> bool {
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

impl Sink {
    fn write(&self, piece: &[u8]) -> io::Result<usize> {
        let (pointer, length) = (piece.as_ptr().cast(), piece.len());
        let written = match self {
            // SAFETY: pointer and length are of one slice.
            Sink::Own(own) => unsafe { libc::write(own.as_raw_fd(), pointer, length) },
            // SAFETY: as above.
            Sink::Socket(number) => unsafe {
                libc::send(
                    *number,
                    pointer,
                    length,
                    libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
                )
            },
            Sink::Shared(number) => {
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
                // SAFETY: pointer and length are of one slice.
                unsafe { libc::write(*number, pointer, length) }
            }
        };
        usize::try_from(written).map_err(|_| io::Error::last_os_error())
    }
}

fn standard(number: i32) -> BorrowedFd<'static> {
    // SAFETY: descriptors 1 and 2 are open for the whole life of the process: they are
    // filled at the start (PID-9) and never closed.
    unsafe { BorrowedFd::borrow_raw(number) }
}
