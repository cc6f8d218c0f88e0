//! The descriptors that lastout was started with, beside 0, 1 and 2. The command of
//! the command line gets them (PID-8); lastout itself does not keep them, since
//! whoever gave them waits for their end: a socket that is handed over, the writing
//! end of a pipe.

use std::os::fd::RawFd;
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
