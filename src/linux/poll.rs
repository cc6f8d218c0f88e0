//! epoll, level-triggered, and the moment in which signals are let in, where they do not
//! come on a descriptor.
//!
//! Signals are blocked all the time but inside of [`Poll::wait`], which opens the
//! mask and sleeps as one step (epoll_pwait(2)): none is lost between a look at the
//! counters and the sleep, and no handler runs while anything else is going on.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::signals::Mask;

/// How many events one turn takes; the rest is still there in the next.
const EVENTS: usize = 64;

/// What a descriptor was registered as, and is reported as.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Token(pub u64);

/// A set of descriptors to wait for.
#[derive(Debug)]
pub struct Poll {
    epoll: OwnedFd,
    ready: Vec<Token>,
}

/// What a descriptor is waited for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Interest {
    /// It can be read, or its other side is closed.
    Readable,
    /// It can be written, or its other side is closed.
    Writable,
    /// Its other side is closed, and nothing else.
    Closed,
    /// Either of them.
    Either,
    /// More has come to be read, or its other side is closed: told once, so that whoever is
    /// told has to read until nothing is left.
    Arrivals,
    /// There is room again where there was none, or its other side is closed: told once, so
    /// that whoever is told has to write until there is none.
    Room,
}

impl Poll {
    /// An empty set.
    ///
    /// # Errors
    /// Those of epoll_create1(2).
    pub fn new() -> io::Result<Poll> {
        // SAFETY: epoll_create1 takes no pointers.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is new, and nobody else owns it.
        let epoll = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Poll {
            epoll,
            ready: Vec::with_capacity(EVENTS),
        })
    }

    /// Reports `fd` as `token` from now on.
    ///
    /// # Errors
    /// Those of epoll_ctl(2); EPERM for a regular file or /dev/null, which are always ready.
    pub fn add(&self, fd: BorrowedFd<'_>, token: Token, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, token, interest)
    }

    /// Waits for something else of an `fd` that is in the set.
    ///
    /// # Errors
    /// Those of epoll_ctl(2).
    pub fn change(&self, fd: BorrowedFd<'_>, token: Token, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, token, interest)
    }

    fn control(
        &self,
        operation: libc::c_int,
        fd: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        let events = match interest {
            Interest::Readable => libc::EPOLLIN,
            Interest::Writable => libc::EPOLLOUT,
            // EPOLLHUP need not be asked for.
            Interest::Closed => 0,
            Interest::Either => libc::EPOLLIN | libc::EPOLLOUT,
            Interest::Arrivals => libc::EPOLLIN | libc::EPOLLET,
            Interest::Room => libc::EPOLLOUT | libc::EPOLLET,
        };
        let mut event = libc::epoll_event {
            events: events as u32,
            u64: token.0,
        };
        // SAFETY: `event` is valid for the call, which copies it.
        let done = unsafe {
            libc::epoll_ctl(
                self.epoll.as_raw_fd(),
                operation,
                fd.as_raw_fd(),
                &mut event,
            )
        };
        if done < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(())
        }
    }

    /// Does not report `fd` any more. To be called before it is closed: a forked child
    /// that has not exec'ed yet holds a copy, and the event would go on firing.
    pub fn remove(&self, fd: BorrowedFd<'_>) {
        // SAFETY: EPOLL_CTL_DEL ignores the event, so null is allowed since Linux 2.6.9.
        unsafe {
            libc::epoll_ctl(
                self.epoll.as_raw_fd(),
                libc::EPOLL_CTL_DEL,
                fd.as_raw_fd(),
                std::ptr::null_mut(),
            );
        }
    }

    /// Sleeps until a descriptor is ready, a signal has come or `timeout` (in
    /// milliseconds, -1: for ever) has passed. `open` is the mask while it sleeps.
    pub fn wait(&mut self, timeout: i32, open: Mask) -> &[Token] {
        let mut events = [MaybeUninit::<libc::epoll_event>::uninit(); EVENTS];
        let bits = open.bits();
        // SAFETY: `events` has room for EVENTS entries; the mask is eight bytes, as the
        // kernel's own sigset is, whatever size the C library gives it.
        let count = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait,
                self.epoll.as_raw_fd(),
                events.as_mut_ptr(),
                EVENTS as i32,
                timeout,
                &raw const bits,
                size_of_val(&bits),
            )
        };
        if count >= 0 && open != Mask::FULL {
            // With something ready, or no time to wait, the kernel puts the mask back
            // before it delivers anything: signals would wait for as long as a flood of
            // anything else goes on (SIG-5). They come at the end of the first call.
            open.set().set();
        }
        // An error is EINTR: a signal has come, which its counter tells.
        let count = usize::try_from(count).unwrap_or(0);
        self.ready.clear();
        let events = events.iter().take(count);
        // SAFETY: the kernel has written the first `count` of them.
        let tokens = events.map(|event| Token(unsafe { event.assume_init_ref() }.u64));
        self.ready.extend(tokens);
        &self.ready
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::fd::AsFd;

    use super::*;
    use crate::linux::testing::in_process;

    #[test]
    fn an_arrival_is_told_once_and_again_when_more_comes_whatever_was_read() {
        in_process(|| {
            let (mut reader, mut writer) = std::io::pipe().unwrap();
            let mut poll = Poll::new().unwrap();
            poll.add(reader.as_fd(), Token(7), Interest::Arrivals)
                .unwrap();
            let mut is_told = || poll.wait(0, Mask::FULL) == [Token(7)];
            assert!(!is_told());
            writer.write_all(b"one").unwrap();
            assert_eq!([is_told(), is_told()], [true, false]);
            writer.write_all(b"two").unwrap();
            assert_eq!([is_told(), is_told()], [true, false]);
            // What is left is told by nobody.
            reader.read_exact(&mut [0; 2]).unwrap();
            assert!(!is_told());
            drop(writer);
            assert_eq!([is_told(), is_told()], [true, false]);
        });
    }
}
