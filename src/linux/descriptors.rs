//! The descriptors that lastout was started with, beside 0, 1 and 2. The command of
//! the command line gets them (PID-8); lastout itself does not keep them, since
//! whoever gave them waits for their end: a socket that is handed over, the writing
//! end of a pipe.

use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// How many numbers are asked about at once, and how many in a row that are not open
/// mean that there are no more: descriptors are given out lowest first.
const AT_ONCE: usize = 256;
const GAP: usize = 256;

static INHERITED: Mutex<Vec<RawFd>> = Mutex::new(Vec::new());

/// Notes what there is. To be called before lastout opens anything itself.
pub fn note_inherited() {
    let mut inherited = Vec::new();
    let mut first: RawFd = 3;
    let mut gap = 0;
    while gap < GAP {
        let open = open_from(first);
        gap = if open.is_empty() { gap + AT_ONCE } else { 0 };
        inherited.extend(open);
        first += AT_ONCE as RawFd;
    }
    *INHERITED.lock().unwrap_or_else(PoisonError::into_inner) = inherited;
}

/// Which of the next numbers are open.
fn open_from(first: RawFd) -> Vec<RawFd> {
    let mut asked = [libc::pollfd {
        fd: 0,
        events: 0,
        revents: 0,
    }; AT_ONCE];
    for (fd, slot) in (first..).zip(&mut asked) {
        slot.fd = fd;
    }
    // SAFETY: as many entries as are named, and no waiting.
    let answer = unsafe { libc::poll(asked.as_mut_ptr(), AT_ONCE as libc::nfds_t, 0) };
    if answer >= 0 {
        let open = asked
            .iter()
            .filter(|slot| slot.revents & libc::POLLNVAL == 0);
        return open.map(|slot| slot.fd).collect();
    }
    // EINVAL: poll(2) takes no more entries than RLIMIT_NOFILE allows descriptors.
    let numbers = first..first + AT_ONCE as RawFd;
    // SAFETY: F_GETFD on any number is an error at worst.
    numbers
        .filter(|fd| unsafe { libc::fcntl(*fd, libc::F_GETFD) } >= 0)
        .collect()
}

/// Closes them, once.
pub fn close_inherited() {
    let inherited = std::mem::take(&mut *INHERITED.lock().unwrap_or_else(PoisonError::into_inner));
    for fd in inherited {
        // SAFETY: it was open before lastout opened anything, and nobody here owns it.
        unsafe { libc::close(fd) };
    }
}

/// The soft limit that lastout was started with, where it has raised its own.
static SOFT_LIMIT: AtomicU64 = AtomicU64::new(NOT_RAISED);
const NOT_RAISED: u64 = 0;

/// Lets lastout have as many descriptors as it may (RLIMIT_NOFILE): whose output it keeps,
/// of him it has one or two. Programs begin with the limit that lastout began with. Asked
/// again, it does nothing.
pub fn raise_limit() {
    let Some(limit) = limit() else { return };
    if SOFT_LIMIT.load(Ordering::Relaxed) == NOT_RAISED && limit.rlim_cur < limit.rlim_max {
        let raised = libc::rlimit {
            rlim_cur: limit.rlim_max,
            ..limit
        };
        // SAFETY: a whole rlimit, which the call only reads.
        if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raised) } == 0 {
            SOFT_LIMIT.store(limit.rlim_cur, Ordering::Relaxed);
        }
    }
}

/// In a child, before its exec: the limit is again what lastout was started with.
/// Async-signal-safe.
pub(super) fn restore_limit() {
    let soft = SOFT_LIMIT.load(Ordering::Relaxed);
    if soft != NOT_RAISED
        && let Some(limit) = limit()
    {
        let restored = libc::rlimit {
            rlim_cur: soft as libc::rlim_t,
            ..limit
        };
        // SAFETY: as above. To lower a soft limit needs no right.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &restored) };
    }
}

/// How many descriptors clients leave to those who are to be started.
const LEFT_FOR_STARTS: libc::rlim_t = 16;

/// Whether so few are left beyond this one that a client should not have it: the lowest
/// that is free is given out first. Where there are few altogether, the last quarter.
pub(super) fn is_of_the_last(descriptor: BorrowedFd<'_>) -> bool {
    let number = descriptor.as_raw_fd() as libc::rlim_t;
    let is_last = |most: libc::rlim_t| number + 1 + LEFT_FOR_STARTS.min(most / 4) > most;
    limit().is_some_and(|limit| is_last(limit.rlim_cur))
}

fn limit() -> Option<libc::rlimit> {
    let mut limit = MaybeUninit::<libc::rlimit>::uninit();
    // SAFETY: there is room for an rlimit.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, limit.as_mut_ptr()) } < 0 {
        return None;
    }
    // SAFETY: the call has succeeded and written it.
    Some(unsafe { limit.assume_init() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    #[test]
    fn what_is_open_is_found_and_nothing_else() {
        let file = std::fs::File::open("/proc/self/stat").unwrap();
        // SAFETY: the copy is closed below, by its number.
        let copy = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 150) };
        assert!(copy >= 150);
        let first = copy - 10;
        assert!(open_from(first).contains(&copy));
        // SAFETY: it was just made, and nobody else has it.
        unsafe { libc::close(copy) };
        assert!(!open_from(first).contains(&copy));
    }
}
