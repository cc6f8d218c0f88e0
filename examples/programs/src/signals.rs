//! Signals with the raw system calls, all 64 of them.
//!
//! musl and glibc keep signals 32 to 34 for themselves and leave them out of
//! `sigfillset(3)`; a test that asks whether a real-time signal arrives needs them.
//! A set is one word here, as in the kernel: bit n-1 stands for signal n.

use std::mem::MaybeUninit;
use std::ptr;
use std::time::Duration;

/// A set of signals, as the kernel has it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Set(pub u64);

/// A signal that was waited for.
#[derive(Clone, Copy, Debug)]
pub struct Arrived {
    /// 1 to 64.
    pub number: i32,
    /// `si_code`: 0 from kill, -1 from sigqueue, above 0 from the kernel.
    pub code: i32,
    /// Who sent it; 0 for the kernel, and for who is outside of the PID namespace.
    pub sender: i32,
}

/// How large the kernel takes a set to be, in bytes.
const SET_SIZE: usize = 8;

/// The first that glibc gives to programs as SIGRTMIN.
const RTMIN: i32 = 34;

const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
    "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

impl Set {
    /// Every signal there is.
    pub const ALL: Set = Set(u64::MAX);
    /// None.
    pub const NONE: Set = Set(0);

    /// The set of just that one.
    #[must_use]
    pub const fn of(number: i32) -> Set {
        Set(1 << (number - 1))
    }

    /// Whether that one is in it.
    #[must_use]
    pub const fn has(self, number: i32) -> bool {
        self.0 & Set::of(number).0 != 0
    }

    /// This set without that one.
    #[must_use]
    pub const fn without(self, number: i32) -> Set {
        Set(self.0 & !Set::of(number).0)
    }
}

/// `SIGTERM`, `SIGRTMIN+3`, `signal 32`.
#[must_use]
pub fn name(number: i32) -> String {
    match number {
        1..=31 => format!("SIG{}", NAMES[number as usize - 1]),
        RTMIN => String::from("SIGRTMIN"),
        35..=64 => format!("SIGRTMIN+{}", number - RTMIN),
        _ => format!("signal {number}"),
    }
}

/// Reads `TERM`, `SIGTERM`, `RTMIN+3` or `15`.
#[must_use]
pub fn number(text: &str) -> Option<i32> {
    let plain = text.strip_prefix("SIG").unwrap_or(text);
    if let Some(index) = NAMES.iter().position(|name| *name == plain) {
        return Some(index as i32 + 1);
    }
    let number = match plain.strip_prefix("RTMIN") {
        Some("") => RTMIN,
        Some(offset) => RTMIN + offset.strip_prefix('+')?.parse::<u8>().ok()? as i32,
        None => plain.parse().ok()?,
    };
    (1..=64).contains(&number).then_some(number)
}

/// Sets the mask of this thread and returns the one that it had.
pub fn set_mask(set: Set) -> Set {
    change_mask(libc::SIG_SETMASK, Some(set))
}

/// Blocks these too; they wait from now on until they are asked for. Blocked signals
/// are kept even where their default is to be ignored (`signal(7)`).
pub fn block(set: Set) -> Set {
    change_mask(libc::SIG_BLOCK, Some(set))
}

/// The mask of this thread.
#[must_use]
pub fn mask() -> Set {
    change_mask(libc::SIG_BLOCK, None)
}

fn change_mask(how: i32, set: Option<Set>) -> Set {
    let mut before = Set::NONE;
    let new = set.as_ref().map_or(ptr::null(), |set| &raw const set.0);
    // SAFETY: `new` is null or points to a live word, `before` is a live word, and both
    // are as large as SET_SIZE says.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            how,
            new,
            &raw mut before.0,
            SET_SIZE,
        );
    }
    before
}

/// Waits for one of these, which are blocked; `None` when `timeout` is over. Without a
/// timeout it returns only with a signal.
#[must_use]
pub fn wait(set: Set, timeout: Option<Duration>) -> Option<Arrived> {
    let limit = timeout.map(|timeout| KernelTime {
        seconds: timeout.as_secs() as i64,
        nanoseconds: i64::from(timeout.subsec_nanos()),
    });
    let limit = limit.as_ref().map_or(ptr::null(), ptr::from_ref);
    loop {
        let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
        // SAFETY: the set, the info and the limit live longer than the call.
        let number = unsafe {
            libc::syscall(
                libc::SYS_rt_sigtimedwait,
                &raw const set.0,
                info.as_mut_ptr(),
                limit,
                SET_SIZE,
            )
        };
        if number > 0 {
            // SAFETY: zeroed at first, then filled in by the kernel; the sender's pid is
            // zero for signals that have none, since the kernel clears what it does not set.
            let (code, sender) = unsafe {
                let info = info.assume_init();
                (info.si_code, info.si_pid())
            };
            return Some(Arrived {
                number: number as i32,
                code,
                sender,
            });
        }
        // EINTR: a stop and a continue, or a handler of somebody; wait on.
        if std::io::Error::last_os_error().raw_os_error() != Some(libc::EINTR) {
            return None;
        }
    }
}

/// Waits for exactly this signal, which is blocked.
pub fn wait_for(number: i32) {
    let _ = wait(Set::of(number), None);
}

/// Sends a signal; `Err` with the error number.
pub fn send(pid: i32, number: i32) -> Result<(), i32> {
    // SAFETY: kill takes two numbers and touches no memory.
    match unsafe { libc::kill(pid, number) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error().raw_os_error().unwrap_or(0)),
    }
}

/// The kernel's `struct timespec` on every 64-bit Linux.
#[repr(C)]
struct KernelTime {
    seconds: i64,
    nanoseconds: i64,
}

/// The kernel's `struct sigaction`, the same on every 64-bit Linux but MIPS.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct KernelAction {
    handler: usize,
    flags: u64,
    restorer: usize,
    mask: u64,
}

/// Ignores a signal (`true`) or gives it back its default.
pub fn ignore(number: i32, ignored: bool) {
    let action = KernelAction {
        handler: if ignored {
            libc::SIG_IGN
        } else {
            libc::SIG_DFL
        },
        ..KernelAction::default()
    };
    // SAFETY: the action lives longer than the call, has the kernel's layout, and names no
    // handler, so that no restorer is needed.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigaction,
            number,
            &raw const action,
            ptr::null::<KernelAction>(),
            SET_SIZE,
        );
    }
}

/// Which signals are ignored, and which have a handler.
#[must_use]
pub fn dispositions() -> (Set, Set) {
    let (mut ignored, mut caught) = (Set::NONE, Set::NONE);
    for number in 1..=64 {
        let mut action = KernelAction::default();
        // SAFETY: the action lives longer than the call and has the kernel's layout.
        unsafe {
            libc::syscall(
                libc::SYS_rt_sigaction,
                number,
                ptr::null::<KernelAction>(),
                &raw mut action,
                SET_SIZE,
            );
        }
        match action.handler {
            libc::SIG_DFL => {}
            libc::SIG_IGN => ignored.0 |= Set::of(number).0,
            _ => caught.0 |= Set::of(number).0,
        }
    }
    (ignored, caught)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back_as_its_signal() {
        for signal in (1..=64).filter(|n| !(32..=33).contains(n)) {
            assert_eq!(number(&name(signal)), Some(signal));
        }
        assert_eq!(number("32"), Some(32));
        assert_eq!(number("RTMIN+31"), None);
        assert_eq!(number("TERMINATE"), None);
    }
}
