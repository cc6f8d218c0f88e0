//! A child's descriptors, and what lastout itself does about 0, 1 and 2.

use std::io;
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd, RawFd};

use lastout_core::{SpawnFailure, Stage};

use super::check;

/// Among the data, of which a child has what lastout has: among the constants it would be
/// a page fault in each child.
// SAFETY: a section that the linker knows, of initialised data, which this is.
#[unsafe(link_section = ".data")]
static NULL: [u8; 10] = *b"/dev/null\0";

/// Puts /dev/null on descriptor 0, 1 or 2; where there is none, the reading end of a pipe
/// that nobody writes to. Writing to that is an error, and none that anybody dies of.
pub(super) fn null(number: RawFd) -> Result<(), SpawnFailure> {
    // SAFETY: a null-terminated path, an array with room for two descriptors, and
    // descriptors that are this child's own.
    unsafe {
        // Closed first: the lowest free number is given out, which is this one then,
        // since those below are open (PID-9), and no other is needed where RLIMIT_NOFILE
        // has left none.
        libc::close(number);
        if libc::open(NULL.as_ptr().cast(), libc::O_RDWR) >= 0 {
            return Ok(());
        }
        let mut ends = [0; 2];
        check(Stage::Stdio, libc::pipe2(ends.as_mut_ptr(), 0))?;
        libc::close(ends[1]);
    }
    Ok(())
}

/// Marks every descriptor from `first` on to be closed by an exec. Async-signal-safe.
pub(super) fn close_on_exec_from(first: RawFd) {
    const CLOSE_RANGE_CLOEXEC: libc::c_uint = 4;
    // SAFETY: close_range with this flag changes only our own descriptors' flags.
    let done = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            first as libc::c_uint,
            u32::MAX,
            CLOSE_RANGE_CLOEXEC,
        )
    };
    if done == 0 {
        return;
    }
    // Kernels before 5.11, or a profile that does not know it.
    // SAFETY: fcntl on a descriptor that may not be there is an error and no more.
    each_open_from(first, |fd| unsafe {
        libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) >= 0
    });
}

/// Does something to each descriptor from `first` on, which says whether there was one.
/// They are given out lowest first, so that a long gap means the end; the limit may be
/// a million.
fn each_open_from(first: RawFd, was_open: impl Fn(RawFd) -> bool) {
    let mut gap = 0;
    let mut fd = first;
    while gap < 256 {
        gap = if was_open(fd) { 0 } else { gap + 1 };
        fd += 1;
    }
}

/// A pipe that closes on exec, of which the reading end does not block.
pub(super) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: room for two descriptors; what pipe2 gives is new and nobody else's.
    unsafe {
        if libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK) < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok((OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])))
    }
}

/// A pipe that closes on exec, of which the reading end is lastout's and does not block,
/// and the writing end is a program's, which may expect that it does.
pub(super) fn pipe_from_program() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: room for two descriptors; what pipe2 gives is new and nobody else's.
    unsafe {
        if libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) < 0 {
            return Err(io::Error::last_os_error());
        }
        // Each end has flags of its own, and this one has no other yet.
        libc::fcntl(ends[0], libc::F_SETFL, libc::O_NONBLOCK);
        Ok((OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])))
    }
}

/// Puts what descriptor 0 is on 1 and 2, too, and closes all others. For a child that
/// execs nothing. Async-signal-safe.
pub(super) fn keep_only_stdin() {
    // SAFETY: the descriptors are this child's own, and nothing of it owns one.
    unsafe {
        libc::dup2(0, 1);
        libc::dup2(0, 2);
    }
    close_from(3);
}

/// Closes every descriptor from `first` on. For a child that execs nothing.
/// Async-signal-safe.
pub(in crate::linux) fn close_from(first: RawFd) {
    // SAFETY: the descriptors are this child's own, and nothing of it owns one.
    unsafe {
        if libc::syscall(libc::SYS_close_range, first as libc::c_uint, u32::MAX, 0) == 0 {
            return;
        }
        each_open_from(first, |fd| libc::close(fd) == 0);
    }
}

/// Opens /dev/null, or a pipe where there is none, on those of the descriptors 0, 1
/// and 2 that are closed, so that nothing else ever gets their numbers (PID-9).
pub fn fill_standard_descriptors() {
    for fd in 0..=2 {
        // SAFETY: F_GETFD on any number is an error at worst.
        if unsafe { libc::fcntl(fd, libc::F_GETFD) } >= 0 {
            continue;
        }
        // The lowest free number is given out, which is `fd`.
        // SAFETY: a null-terminated path.
        let null = unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR) };
        if null < 0
            && let Ok((read, write)) = pipe()
        {
            // The reading end is `fd`, the lowest; with the other one closed, reading it
            // gives the end of the file, and writing to it an error that nobody dies of.
            drop(write);
            let read = read.into_raw_fd();
            // SAFETY: the descriptor was just made; programs are to inherit it.
            unsafe { libc::fcntl(read, libc::F_SETFD, 0) };
        }
    }
}
