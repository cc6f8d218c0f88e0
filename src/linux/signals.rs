//! Signals that arrive at lastout: none is lost from the first instruction of main on
//! (SIG-4), standard ones merge, real-time ones are counted (SIG-1).
//!
//! The handlers, registered through signal-hook's low level, do nothing but count, per
//! signal and kind of sender. They run only while [`super::poll::Poll::wait`] sleeps.
//! A counter cannot be full as a pipe can: a burst of a hundred thousand costs nothing
//! but the counting (SIG-5).
//!
//! The C library keeps signals 32 and 33 (musl: 34 too) for itself and refuses
//! handlers for them, but to programs built with glibc 34 is SIGRTMIN. Those stay
//! blocked and are read from a signalfd, by raw system calls with the kernel's own
//! eight-byte masks, which no C library has cut down.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering};

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

/// How many of each signal have come and were not taken yet: from processes, and from
/// the kernel, as a terminal's are.
static FROM_PROCESSES: [AtomicU32; 65] = [const { AtomicU32::new(0) }; 65];
static FROM_KERNEL: [AtomicU32; 65] = [const { AtomicU32::new(0) }; 65];

/// The signals that the C library refuses handlers for.
const RESERVED: std::ops::RangeInclusive<i32> = if cfg!(target_env = "musl") {
    32..=34
} else {
    32..=33
};

/// A signal that has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Arrived {
    /// Which.
    pub signal: Signal,
    /// Whether the kernel sent it, as it does for a terminal.
    pub from_kernel: bool,
    /// How often; 1 for a standard one.
    pub times: u32,
}

/// The intake.
#[derive(Debug)]
pub struct Signals {
    reserved: Option<OwnedFd>,
}

impl Signals {
    /// Registers for every signal that can be caught. They stay blocked.
    ///
    /// # Errors
    /// Those of sigaction(2). A missing signalfd is none: signals 32 to 34 are then
    /// not seen.
    pub fn install() -> io::Result<Signals> {
        for signal in Signal::all() {
            let number = signal.number();
            if !signal.can_be_caught() || RESERVED.contains(&number) {
                continue;
            }
            // SAFETY: the action touches atomics only, and for a fault resets the
            // disposition, which is async-signal-safe.
            unsafe {
                signal_hook_registry::register_unchecked(number, move |info| arrive(signal, info))?
            };
        }
        Ok(Signals {
            reserved: signalfd().ok(),
        })
    }

    /// The mask to sleep with: open for all that has a handler.
    #[must_use]
    pub fn open_mask() -> Mask {
        RESERVED
            .filter_map(Signal::new)
            .fold(Mask::EMPTY, Mask::with)
    }

    /// The descriptor on which the C library's signals come.
    #[must_use]
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.reserved.as_ref().map(AsFd::as_fd)
    }

    /// Takes what has come, by number; SIGCHLD among it.
    pub fn take(&mut self, mut each: impl FnMut(Arrived)) {
        for signal in Signal::all() {
            for (counters, from_kernel) in [(&FROM_PROCESSES, false), (&FROM_KERNEL, true)] {
                let Some(counter) = counters.get(signal.number() as usize) else {
                    continue;
                };
                // The handlers are blocked out by now; swap is only for the reader.
                let count = counter.swap(0, Ordering::Relaxed);
                if count > 0 {
                    let times = if signal.is_real_time() { count } else { 1 };
                    each(Arrived {
                        signal,
                        from_kernel,
                        times,
                    });
                }
            }
        }
    }

    /// Takes one of the C library's signals, if one has come.
    pub fn take_reserved(&mut self) -> Option<Signal> {
        let fd = self.reserved.as_ref()?;
        let mut info = [0_u8; size_of::<libc::signalfd_siginfo>()];
        // SAFETY: `info` is as large as the one record that is read.
        let got = unsafe { libc::read(fd.as_raw_fd(), info.as_mut_ptr().cast(), info.len()) };
        if usize::try_from(got) != Ok(info.len()) {
            return None;
        }
        // ssi_signo is the first field of the record.
        let number = info
            .first_chunk::<4>()
            .map(|bytes| u32::from_ne_bytes(*bytes))?;
        Signal::new(i32::try_from(number).ok()?)
    }
}

/// The handler: counts.
fn arrive(signal: Signal, info: &libc::siginfo_t) {
    let by_kernel = info.si_code > 0;
    if by_kernel && is_fault(signal) {
        // A real fault of ours: without a handler the instruction is tried again, and
        // the kernel does what it does to a process that cannot go on.
        set_disposition(signal, Disposition::Default);
        return;
    }
    // SAFETY: si_pid is valid for signals that a process sent, and zero for others.
    let sender = unsafe { info.si_pid() };
    // SAFETY: getpid has no preconditions.
    if signal == Signal::PIPE && sender == unsafe { libc::getpid() } {
        // Our own doing: a write to a log that nobody reads.
        return;
    }
    let counters = if by_kernel {
        &FROM_KERNEL
    } else {
        &FROM_PROCESSES
    };
    if let Some(counter) = counters.get(signal.number() as usize) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// Whether the kernel sends it for an instruction that cannot be carried out.
fn is_fault(signal: Signal) -> bool {
    matches!(
        signal.number(),
        libc::SIGILL | libc::SIGTRAP | libc::SIGBUS | libc::SIGFPE | libc::SIGSEGV | libc::SIGSYS
    )
}

/// A non-blocking signalfd for what the C library keeps for itself.
fn signalfd() -> io::Result<OwnedFd> {
    let mask = Signals::open_mask().bits();
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
