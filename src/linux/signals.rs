//! Signals that arrive at lastout: none is lost from the first instruction of main on
//! (SIG-4), standard ones merge, real-time ones are counted (SIG-1).
//!
//! They come on a signalfd, and stay blocked all the time: real-time ones are read one by
//! one, as they were queued, and a burst of a hundred thousand costs nothing but the
//! reading (SIG-5). The mask is the kernel's own eight bytes, passed by a raw system
//! call, since the C library keeps 32 and 33 (musl: 34 too) for itself, while to programs
//! built with glibc 34 is SIGRTMIN. A real fault strikes through the mask; what is read
//! of those signals was sent by somebody.
//!
//! So does SIGCHLD, which is not ignored whatever lastout was started with (PID-9), and
//! tells no more than that there may be somebody to reap.
//!
//! Where a profile does not have signalfd(2), handlers count instead, registered through
//! signal-hook's low level. They run only while [`super::poll::Poll::wait`] sleeps.
//! Handlers would do as well everywhere, but each registration copies the table of all
//! before it: sixty took 0.9 ms and 259 page faults of a start (docs/design.md).

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use lastout_core::Signal;

mod disposition;
mod handlers;

pub use disposition::{Disposition, Inherited, changed, set_disposition};

/// A set of signals as the kernel sees it: bit n-1 for signal n.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Mask(u64);

impl Mask {
    /// No signal.
    pub const EMPTY: Mask = Mask(0);
    /// Every signal.
    pub const FULL: Mask = Mask(u64::MAX);

    /// The same set with `signal` in it.
    #[must_use]
    pub const fn with(self, signal: Signal) -> Mask {
        Mask(self.0 | 1 << (signal.number() - 1))
    }

    /// The same set without `signal`.
    #[must_use]
    pub const fn without(self, signal: Signal) -> Mask {
        Mask(self.0 & !(1 << (signal.number() - 1)))
    }

    /// The signals of both.
    #[must_use]
    pub const fn and(self, other: Mask) -> Mask {
        Mask(self.0 | other.0)
    }

    /// Whether `signal` is in it.
    #[must_use]
    pub const fn has(self, signal: Signal) -> bool {
        self.0 & (1 << (signal.number() - 1)) != 0
    }

    /// The set of the kernel's own eight bytes.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Mask {
        Mask(bits)
    }

    /// The kernel's own eight bytes.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Makes this the mask of the calling thread, and gives what it was. Async-signal-safe.
    pub fn set(self) -> Mask {
        let mut old = 0_u64;
        // SAFETY: both pointers are to eight bytes that live across the call. Only the
        // mask changes, and the C library's own copy of it is none of anybody's concern.
        unsafe {
            libc::syscall(
                libc::SYS_rt_sigprocmask,
                libc::SIG_SETMASK,
                &raw const self.0,
                &raw mut old,
                size_of::<u64>(),
            );
        }
        Mask(old)
    }
}

/// Takes a signal that is pending, if it is, as if it had never come.
pub fn swallow(signal: Signal) {
    let mask = Mask::EMPTY.with(signal).bits();
    let at_once = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the mask and the time live across the call; nobody asks who sent it.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigtimedwait,
            &raw const mask,
            std::ptr::null_mut::<libc::siginfo_t>(),
            &raw const at_once,
            size_of::<u64>(),
        );
    }
}

/// A signal in the C library's words, as "Terminated".
#[must_use]
pub fn description(signal: Signal) -> String {
    // SAFETY: what strsignal gives is a string that stays until its next call.
    let text = unsafe { libc::strsignal(signal.number()) };
    if text.is_null() {
        return signal.to_string();
    }
    // SAFETY: as above.
    unsafe { std::ffi::CStr::from_ptr(text) }
        .to_string_lossy()
        .into_owned()
}

/// How many signals are taken at once; the rest is still there in the next turn.
const AT_ONCE: usize = 16;

/// A signal that has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Arrived {
    /// Which.
    pub signal: Signal,
    /// Whether the kernel sent it, as it does for a terminal.
    pub from_kernel: bool,
    /// Whether we sent it, as a write to a log that nobody reads does with SIGPIPE.
    pub from_ourselves: bool,
}

/// The intake.
#[derive(Debug)]
pub struct Signals {
    /// The signalfd; `None` where a profile does not have it: then handlers count.
    descriptor: Option<OwnedFd>,
    /// Whether it told of a child since somebody asked last.
    child_has_news: bool,
}

impl Signals {
    /// Opens the signalfd.
    #[must_use]
    pub fn open() -> Signals {
        let descriptor = signalfd(Mask::FULL);
        if let Err(error) = &descriptor {
            log::debug!("going without a signalfd: {error}; signals 32 to 34 are not seen");
        }
        Signals {
            descriptor: descriptor.ok(),
            child_has_news: false,
        }
    }

    /// Registers the handlers where there is no signalfd. Until then, and until somebody
    /// sleeps with [`Signals::open_mask`], what comes is pending.
    ///
    /// # Errors
    /// Those of sigaction(2).
    pub fn register(&self) -> io::Result<()> {
        match self.descriptor {
            Some(_) => Ok(()),
            None => handlers::register(),
        }
    }

    /// The mask to sleep with.
    #[must_use]
    pub fn open_mask(&self) -> Mask {
        match self.descriptor {
            Some(_) => Mask::FULL,
            None => handlers::open_mask(),
        }
    }

    /// The descriptor on which they come, where there is one.
    #[must_use]
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.descriptor.as_ref().map(AsFd::as_fd)
    }

    /// Whether a child has ended or was stopped since the last call. Where there is a
    /// descriptor, it is [`Signals::take`] that learns of it.
    pub fn child_has_news(&mut self) -> bool {
        let by_descriptor = std::mem::take(&mut self.child_has_news);
        by_descriptor | handlers::child_has_news()
    }

    /// Takes those of the others that have come, as many as one read gives.
    pub fn take(&mut self) -> Vec<Arrived> {
        let Some(descriptor) = &self.descriptor else {
            return handlers::take();
        };
        let mut arrived = read(descriptor);
        arrived.retain(|arrived| {
            let is_child = arrived.signal == Signal::CHLD;
            self.child_has_news |= is_child;
            !is_child
        });
        arrived
    }
}

fn read(descriptor: &OwnedFd) -> Vec<Arrived> {
    let mut records = [std::mem::MaybeUninit::<libc::signalfd_siginfo>::uninit(); AT_ONCE];
    let (room, size) = (records.as_mut_ptr().cast(), size_of_val(&records));
    // SAFETY: the kernel writes whole records, no more than there is room for.
    let got = unsafe { libc::read(descriptor.as_raw_fd(), room, size) };
    let count = usize::try_from(got).unwrap_or(0) / size_of::<libc::signalfd_siginfo>();
    let records = records.iter().take(count);
    let arrived = records.filter_map(|record| {
        // SAFETY: the kernel has written the first `count` records.
        let record = unsafe { record.assume_init_ref() };
        Some(Arrived {
            signal: Signal::new(i32::try_from(record.ssi_signo).ok()?)?,
            from_kernel: record.ssi_code > 0,
            from_ourselves: record.ssi_pid == std::process::id(),
        })
    });
    arrived.collect()
}

/// A non-blocking signalfd for these signals.
fn signalfd(mask: Mask) -> io::Result<OwnedFd> {
    let mask = mask.bits();
    // SAFETY: the mask is eight bytes that live across the call.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_signalfd4,
            -1,
            &raw const mask,
            size_of::<u64>(),
            libc::SFD_NONBLOCK | libc::SFD_CLOEXEC,
        )
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    let fd = i32::try_from(fd).map_err(io::Error::other)?;
    // SAFETY: the descriptor is new, and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
