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
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

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
fn note_changed(signal: Signal) {
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

/// Whether a child has ended or was stopped since somebody asked last, where there is no
/// signalfd.
static CHILD: AtomicBool = AtomicBool::new(false);

/// What the C library refuses handlers for.
const RESERVED: [Option<Signal>; 3] = [Signal::new(32), Signal::new(33), Signal::new(34)];

/// Where there is no signalfd: how many of each signal have come and were not taken yet,
/// from processes and from the kernel, as a terminal's are.
static FROM_PROCESSES: [AtomicU32; 65] = [const { AtomicU32::new(0) }; 65];
static FROM_KERNEL: [AtomicU32; 65] = [const { AtomicU32::new(0) }; 65];

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
        if self.descriptor.is_some() {
            return Ok(());
        }
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

    /// The mask to sleep with.
    #[must_use]
    pub fn open_mask(&self) -> Mask {
        match self.descriptor {
            Some(_) => Mask::FULL,
            None => counted().fold(Mask::FULL.without(Signal::CHLD), Mask::without),
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
        by_descriptor | CHILD.swap(false, Ordering::Relaxed)
    }

    /// Takes those of the others that have come, as many as one read gives.
    pub fn take(&mut self) -> Vec<Arrived> {
        let Some(descriptor) = &self.descriptor else {
            return take_counted();
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

/// The signals that handlers count where there is no signalfd. Not the faults: a real
/// one would be tried again for ever.
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

/// The handler where there is no signalfd.
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

fn take_counted() -> Vec<Arrived> {
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
