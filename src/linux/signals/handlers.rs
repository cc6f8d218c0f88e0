//! Handlers that count signals, where a profile does not have signalfd(2). They run only
//! while [`crate::linux::poll::Poll::wait`] sleeps.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use lastout_core::Signal;

use super::disposition::note_changed;
use super::{Arrived, Mask};

/// Whether a child has ended or was stopped since somebody asked last.
static CHILD: AtomicBool = AtomicBool::new(false);

/// What the C library refuses handlers for.
const RESERVED: [Option<Signal>; 3] = [Signal::new(32), Signal::new(33), Signal::new(34)];

/// How many of each signal have come and were not taken yet, from processes and from the
/// kernel, as a terminal's are.
static FROM_PROCESSES: [AtomicU32; 65] = [const { AtomicU32::new(0) }; 65];
static FROM_KERNEL: [AtomicU32; 65] = [const { AtomicU32::new(0) }; 65];

/// Registers them.
///
/// # Errors
/// Those of sigaction(2).
pub(super) fn register() -> io::Result<()> {
    note_changed(Signal::CHLD);
    let note = || CHILD.store(true, Ordering::Relaxed);
    // SAFETY: the action touches an atomic only, which is async-signal-safe.
    unsafe { signal_hook_registry::register(Signal::CHLD.number(), note)? };
    for signal in counted() {
        note_changed(signal);
        let count = move |info: &libc::siginfo_t| count(signal, info);
        // SAFETY: as above.
        unsafe { signal_hook_registry::register_unchecked(signal.number(), count)? };
    }
    Ok(())
}

/// The mask with which all of them can come.
pub(super) fn open_mask() -> Mask {
    counted().fold(Mask::FULL.without(Signal::CHLD), Mask::without)
}

/// Whether a child has ended or was stopped since the last call.
pub(super) fn child_has_news() -> bool {
    CHILD.swap(false, Ordering::Relaxed)
}

/// Takes what has come.
pub(super) fn take() -> Vec<Arrived> {
    let mut arrived = Vec::new();
    for signal in counted() {
        for (counters, from_kernel) in [(&FROM_PROCESSES, false), (&FROM_KERNEL, true)] {
            let Some(counter) = counters.get(signal.number() as usize) else {
                continue;
            };
            // Standard signals merge, as they do while they are pending.
            let count = match (counter.swap(0, Ordering::Relaxed), signal.is_real_time()) {
                (count, true) => count,
                (count, false) => count.min(1),
            };
            let one = Arrived {
                signal,
                from_kernel,
                from_ourselves: false,
            };
            arrived.extend((0..count).map(|_| one));
        }
    }
    arrived
}

/// The signals that are counted. Not the faults: a real one would be tried again for ever.
fn counted() -> impl Iterator<Item = Signal> {
    const FAULTS: [i32; 6] = [
        libc::SIGILL,
        libc::SIGTRAP,
        libc::SIGBUS,
        libc::SIGFPE,
        libc::SIGSEGV,
        libc::SIGSYS,
    ];
    Signal::all().filter(|signal| {
        signal.can_be_caught()
            && *signal != Signal::CHLD
            && !FAULTS.contains(&signal.number())
            && !RESERVED.contains(&Some(*signal))
    })
}

/// The handler.
fn count(signal: Signal, info: &libc::siginfo_t) {
    // SAFETY: si_pid is valid for signals that a process sent, and zero for others;
    // getpid has no preconditions.
    if unsafe { info.si_pid() == libc::getpid() } {
        return;
    }
    let counters = if info.si_code > 0 {
        &FROM_KERNEL
    } else {
        &FROM_PROCESSES
    };
    if let Some(counter) = counters.get(signal.number() as usize) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
