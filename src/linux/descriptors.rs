//! The descriptors that lastout was started with, beside 0, 1 and 2. The command of
//! the command line gets them (PID-8); lastout itself does not keep them, since
//! whoever gave them waits for their end: a socket that is handed over, the writing
//! end of a pipe.

use std::os::fd::RawFd;
use std::sync::{Mutex, PoisonError};

/// Where the numbers end that are looked at: descriptors are given out lowest first.
const MOST: RawFd = 1024;

static INHERITED: Mutex<Vec<RawFd>> = Mutex::new(Vec::new());

/// Notes what there is. To be called before lastout opens anything itself.
pub fn note_inherited() {
    let mut numbers = [libc::pollfd {
        fd: 0,
        events: 0,
        revents: 0,
    }; 64];
    let mut inherited = Vec::new();
    for first in (3..MOST).step_by(numbers.len()) {
        for (fd, slot) in (first..).zip(&mut numbers) {
            *slot = libc::pollfd {
                fd,
                events: 0,
                revents: 0,
            };
        }
        // SAFETY: as many entries as are named, and no waiting. What is not open is
        // answered with POLLNVAL, 64 at a time instead of one by one.
        let done = unsafe { libc::poll(numbers.as_mut_ptr(), numbers.len() as libc::nfds_t, 0) };
        // More entries than RLIMIT_NOFILE are refused (poll(2)); then one by one.
        let open = numbers.iter().filter(|slot| match done {
            0.. => slot.revents & libc::POLLNVAL == 0,
            _ => is_open(slot.fd),
        });
        let before = inherited.len();
        inherited.extend(open.map(|slot| slot.fd));
        if inherited.len() == before {
            break;
        }
    }
    *INHERITED.lock().unwrap_or_else(PoisonError::into_inner) = inherited;
}

fn is_open(fd: RawFd) -> bool {
    // SAFETY: F_GETFD on any number is an error at worst.
    unsafe { libc::fcntl(fd, libc::F_GETFD) >= 0 }
}

/// Closes them, once.
pub fn close_inherited() {
    let inherited = std::mem::take(&mut *INHERITED.lock().unwrap_or_else(PoisonError::into_inner));
    for fd in inherited {
        // SAFETY: it was open before lastout opened anything, and nobody here owns it.
        unsafe { libc::close(fd) };
    }
}
