//! Signals that arrive at lastout: none is lost from the first instruction of main on
//! (SIG-4), standard ones merge, real-time ones are counted (SIG-1).
//!
//! They come in two ways. Those that lastout itself has a use for have handlers,
//! registered through signal-hook's low level, which do nothing but note it, per signal
//! and kind of sender. They run only while [`super::poll::Poll::wait`] sleeps. A note
//! cannot be full as a pipe can: a burst of a hundred thousand costs nothing but the
//! noting (SIG-5).
//!
//! All others are only passed on. They stay blocked and are read from a signalfd: the
//! real-time ones one by one, as they were queued; the fault signals only when somebody
//! sent them, since a real fault strikes through the mask; and 32 to 34, which the C
//! library keeps for itself and refuses handlers for, while to programs built with glibc
//! 34 is SIGRTMIN. The masks are the kernel's own eight bytes, passed by raw system
//! calls, which no C library has cut down.
//!
//! Handlers for all of them would do as well, but each registration copies the table of
//! all before it: sixty took 0.9 ms and 259 page faults of a start (docs/design.md).

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
    /// Blocks every signal. The first thing that main does.
    #[must_use]
    pub fn take() -> Inherited {
        let blocked = Mask::FULL.set();
        Inherited {
            blocked,
            ignored: ignored(),
        }
    }
}

/// Which signals with a handler have come and were not taken yet: from processes, and
/// from the kernel, as a terminal's are. All of them are standard ones, which merge.
static FROM_PROCESSES: [AtomicBool; 32] = [const { AtomicBool::new(false) }; 32];
static FROM_KERNEL: [AtomicBool; 32] = [const { AtomicBool::new(false) }; 32];

/// The signals that have handlers: those that mean something to lastout, at least by
/// default (SIG-2, SIG-3).
const HANDLED: [Signal; 10] = [
    Signal::CHLD,
    Signal::TERM,
    Signal::INT,
    Signal::QUIT,
    Signal::HUP,
    Signal::USR1,
    Signal::USR2,
    Signal::PIPE,
    Signal::CONT,
    Signal::WINCH,
];

/// The mask to sleep with: open for all that has a handler.
const OPEN: Mask = {
    let mut mask = Mask::FULL;
    let mut index = 0;
    while index < HANDLED.len() {
        mask = mask.without(HANDLED[index]);
        index += 1;
    }
    mask
};

/// A signal that has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Arrived {
    /// Which.
    pub signal: Signal,
    /// Whether the kernel sent it, as it does for a terminal.
    pub from_kernel: bool,
}

/// The intake.
#[derive(Debug)]
pub struct Signals {
    others: Option<OwnedFd>,
}

impl Signals {
    /// Registers for every signal that can be caught. They stay blocked.
    ///
    /// # Errors
    /// Those of sigaction(2). A missing signalfd is none: what would come on it is then
    /// not seen.
    pub fn install() -> io::Result<Signals> {
        for signal in HANDLED {
            // SAFETY: the action touches atomics only, which is async-signal-safe.
            unsafe {
                signal_hook_registry::register_sigaction(signal.number(), move |info| {
                    arrive(signal, info);
                })?;
            }
        }
        let others = signalfd(OPEN);
        if let Err(error) = &others {
            log::debug!("no signalfd: {error}; signals that are only passed on are not seen");
        }
        Ok(Signals {
            others: others.ok(),
        })
    }

    /// The mask to sleep with.
    #[must_use]
    pub fn open_mask() -> Mask {
        OPEN
    }

    /// The descriptor on which the signals without a handler come.
    #[must_use]
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.others.as_ref().map(AsFd::as_fd)
    }

    /// Takes those that have a handler and have come; SIGCHLD among them.
    pub fn take(&mut self, mut each: impl FnMut(Arrived)) {
        for signal in HANDLED {
            for (counters, from_kernel) in [(&FROM_PROCESSES, false), (&FROM_KERNEL, true)] {
                let Some(came) = counters.get(signal.number() as usize) else {
                    continue;
                };
                // The handlers are blocked out by now; swap is only for the reader.
                if came.swap(false, Ordering::Relaxed) {
                    each(Arrived {
                        signal,
                        from_kernel,
                    });
                }
            }
        }
    }

    /// Takes one of the others, if one has come.
    pub fn take_other(&mut self) -> Option<Arrived> {
        let fd = self.others.as_ref()?;
        let mut record = std::mem::MaybeUninit::<libc::signalfd_siginfo>::zeroed();
        let size = size_of::<libc::signalfd_siginfo>();
        // SAFETY: `record` is as large as the one record that is read.
        let got = unsafe { libc::read(fd.as_raw_fd(), record.as_mut_ptr().cast(), size) };
        if usize::try_from(got) != Ok(size) {
            return None;
        }
        // SAFETY: the kernel has written the whole record.
        let record = unsafe { record.assume_init() };
        let signal = Signal::new(i32::try_from(record.ssi_signo).ok()?)?;
        if signal.number() == libc::SIGXFSZ && record.ssi_pid == std::process::id() {
            // Our own doing: a write to a log that may not grow. Level-triggered, the
            // next turn reads what is behind it.
            return None;
        }
        Some(Arrived {
            signal,
            from_kernel: record.ssi_code > 0,
        })
    }
}

/// The handler: notes.
fn arrive(signal: Signal, info: &libc::siginfo_t) {
    let by_kernel = info.si_code > 0;
    // SAFETY: si_pid is valid for signals that a process sent, and zero for others;
    // getpid has no preconditions.
    if signal == Signal::PIPE && unsafe { info.si_pid() == libc::getpid() } {
        // Our own doing: a write to a log that nobody reads.
        return;
    }
    let counters = if by_kernel {
        &FROM_KERNEL
    } else {
        &FROM_PROCESSES
    };
    if let Some(came) = counters.get(signal.number() as usize) {
        came.store(true, Ordering::Relaxed);
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
