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
//! Only SIGCHLD has a handler, registered through signal-hook's low level: as long as it
//! has one it is not ignored, whatever lastout was started with (PID-9). It notes that
//! there is somebody to reap, and runs only while [`super::poll::Poll::wait`] sleeps.
//! Handlers for all would do as well, but each registration copies the table of all
//! before it: sixty took 0.9 ms and 259 page faults of a start (docs/design.md).

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use lastout_core::Signal;

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

/// The kernel's struct sigaction, which no C library's layout equals on every machine.
#[repr(C)]
struct KernelAction {
    handler: usize,
    flags: libc::c_ulong,
    restorer: usize,
    mask: u64,
}

/// What to do about a signal, of what a program can inherit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Disposition {
    /// What the kernel does by default.
    Default,
    /// Nothing.
    Ignore,
}

/// Sets a disposition by the raw system call, which takes every signal. Async-signal-safe.
pub fn set_disposition(signal: Signal, disposition: Disposition) {
    let handler = match disposition {
        Disposition::Default => libc::SIG_DFL,
        Disposition::Ignore => libc::SIG_IGN,
    };
    let action = KernelAction {
        handler,
        flags: 0,
        restorer: 0,
        mask: 0,
    };
    // SAFETY: `action` is what rt_sigaction reads; without a handler it needs no restorer.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigaction,
            signal.number(),
            &raw const action,
            std::ptr::null_mut::<KernelAction>(),
            size_of::<u64>(),
        );
    }
}

/// Which signals are ignored now.
fn ignored() -> Mask {
    let mut mask = Mask::EMPTY;
    for signal in Signal::all() {
        let mut action = KernelAction {
            handler: 0,
            flags: 0,
            restorer: 0,
            mask: 0,
        };
        // SAFETY: `action` has room for what rt_sigaction writes.
        let done = unsafe {
            libc::syscall(
                libc::SYS_rt_sigaction,
                signal.number(),
                std::ptr::null::<KernelAction>(),
                &raw mut action,
                size_of::<u64>(),
            )
        };
        if done == 0 && action.handler == libc::SIG_IGN {
            mask = mask.with(signal);
        }
    }
    mask
}

/// What lastout was started with, for the command that is to have it too (PID-8).
#[derive(Clone, Copy, Debug)]
pub struct Inherited {
    /// The signals that were blocked.
    pub blocked: Mask,
    /// The signals that were ignored.
    pub ignored: Mask,
}

impl Inherited {
    /// Blocks every signal, and sees to it that children wait to be reaped. The first
    /// thing that main does.
    #[must_use]
    pub fn take() -> Inherited {
        let blocked = Mask::FULL.set();
        let ignored = ignored();
        if ignored.has(Signal::CHLD) {
            // At once: a child that ends before there is a handler would be reaped by
            // the kernel, and nobody told (PID-9).
            set_disposition(Signal::CHLD, Disposition::Default);
        }
        Inherited { blocked, ignored }
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

/// Whether a child has ended or was stopped since somebody asked last.
static CHILD: AtomicBool = AtomicBool::new(false);

/// The mask to sleep with.
const OPEN: Mask = Mask::FULL.without(Signal::CHLD);

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
    descriptor: OwnedFd,
}

impl Signals {
    /// Opens the signalfd. Without one no signal but SIGCHLD is seen.
    ///
    /// # Errors
    /// Those of signalfd(2).
    pub fn open() -> io::Result<Signals> {
        Ok(Signals {
            descriptor: signalfd(OPEN)?,
        })
    }

    /// Registers for the end of children. Until then, and until somebody sleeps with
    /// [`Signals::open_mask`], a SIGCHLD is pending.
    ///
    /// # Errors
    /// Those of sigaction(2).
    pub fn watch_children(&self) -> io::Result<()> {
        let note = || CHILD.store(true, Ordering::Relaxed);
        // SAFETY: the action touches an atomic only, which is async-signal-safe.
        unsafe { signal_hook_registry::register(Signal::CHLD.number(), note)? };
        // musl opens the mask for its own signals with the first handler, 34 among them.
        let _ = Mask::FULL.set();
        Ok(())
    }

    /// The mask to sleep with.
    #[must_use]
    pub fn open_mask() -> Mask {
        OPEN
    }

    /// The descriptor on which they come.
    #[must_use]
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }

    /// Whether a child has ended or was stopped since the last call.
    pub fn child_has_news(&mut self) -> bool {
        CHILD.swap(false, Ordering::Relaxed)
    }

    /// Takes those of the others that have come, as many as one read gives.
    pub fn take(&mut self) -> impl Iterator<Item = Arrived> + use<> {
        let mut records = [std::mem::MaybeUninit::<libc::signalfd_siginfo>::uninit(); AT_ONCE];
        let fd = self.descriptor.as_raw_fd();
        // SAFETY: the kernel writes whole records, no more than there is room for.
        let got = unsafe { libc::read(fd, records.as_mut_ptr().cast(), size_of_val(&records)) };
        let count = usize::try_from(got).unwrap_or(0) / size_of::<libc::signalfd_siginfo>();
        records.into_iter().take(count).filter_map(|record| {
            // SAFETY: the kernel has written the first `count` records.
            let record = unsafe { record.assume_init() };
            Some(Arrived {
                signal: Signal::new(i32::try_from(record.ssi_signo).ok()?)?,
                from_kernel: record.ssi_code > 0,
                from_ourselves: record.ssi_pid == std::process::id(),
            })
        })
    }
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
