//! What is done about signals: what lastout was started with (PID-8), and what a child has
//! to set to begin with the defaults.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use lastout_core::Signal;

use super::Mask;

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
    let all = Signal::all().filter(|signal| is_ignored(*signal));
    all.fold(Mask::EMPTY, Mask::with)
}

/// Whether a signal is ignored now.
fn is_ignored(signal: Signal) -> bool {
    handler_of(signal) == Some(libc::SIG_IGN)
}

/// What is done about a signal now, where that can be asked.
fn handler_of(signal: Signal) -> Option<usize> {
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
    (done == 0).then_some(action.handler)
}

/// The signals about which something else than the default may be done: all of them, as
/// long as nobody has looked.
static CHANGED: AtomicU64 = AtomicU64::new(u64::MAX);

/// How often somebody has asked which those are, up to [`LOOK`].
static ASKED: AtomicU32 = AtomicU32::new(0);

/// The first child is often the only one, and for it a look takes as long as to set all of
/// them; from the second one on sixty system calls here spare each child sixty.
const LOOK: u32 = 2;

/// The signals whose dispositions a child has to set to have its own.
#[must_use]
pub fn changed() -> Mask {
    let asked = ASKED.load(Ordering::Relaxed);
    if asked < LOOK {
        ASKED.store(asked + 1, Ordering::Relaxed);
        if asked + 1 == LOOK {
            let is_changed = |signal: &Signal| handler_of(*signal) != Some(libc::SIG_DFL);
            let changed = Signal::all().filter(is_changed);
            let changed = changed.fold(Mask::EMPTY, Mask::with);
            CHANGED.store(changed.0, Ordering::Relaxed);
        }
    }
    Mask(CHANGED.load(Ordering::Relaxed))
}

/// Notes that something is done about a signal.
pub(super) fn note_changed(signal: Signal) {
    let one = Mask::EMPTY.with(signal);
    CHANGED.fetch_or(one.0, Ordering::Relaxed);
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
        if cfg!(target_env = "musl") {
            let_musl_open_its_signals();
            let _ = Mask::FULL.set();
        }
        // As PID 1 nobody is to have what a runtime left behind, so nobody asks for it but
        // the face of an init that passes it on ([`Inherited::completed`]).
        let ignored = match (std::process::id(), is_ignored(Signal::CHLD)) {
            (1, true) => Mask::EMPTY.with(Signal::CHLD),
            (1, false) => Mask::EMPTY,
            _ => ignored(),
        };
        if ignored.has(Signal::CHLD) {
            // At once: a child that ends before there is a handler would be reaped by
            // the kernel, and nobody told (PID-9).
            set_disposition(Signal::CHLD, Disposition::Default);
        }
        Inherited { blocked, ignored }
    }

    /// With the ignored signals as PID 1, too.
    #[must_use]
    pub fn completed(self) -> Inherited {
        Inherited {
            ignored: Mask(self.ignored.0 | ignored().0),
            ..self
        }
    }
}

/// With the first handler of a process musl opens the mask for its own signals, 34 among
/// them, once: what of them is pending then would be dropped, or kill us where we are not
/// PID 1. So that happens here, before anything can have come.
fn let_musl_open_its_signals() {
    extern "C" fn nothing(_: libc::c_int) {}
    // SAFETY: all zeroes is a sigaction; the handler does nothing, and is there for no
    // longer than these two calls, with the signal blocked.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        let mut before: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = nothing as extern "C" fn(libc::c_int) as usize;
        libc::sigaction(libc::SIGURG, &raw const action, &raw mut before);
        libc::sigaction(libc::SIGURG, &raw const before, std::ptr::null_mut());
    }
}
