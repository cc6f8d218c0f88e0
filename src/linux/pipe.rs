//! How much a pipe holds.

use std::os::fd::{AsRawFd, BorrowedFd};

/// What a pipe is to hold, where the kernel gives it so much: what a program may write while
/// the relay is replaced, or a reader is slow. It is the most that a user gets by default
/// (pipe(7), `pipe-max-size`).
const ROOM: libc::c_int = 1024 * 1024;

/// Lets a pipe hold that much, unless it holds more. What is no pipe, or beyond what its
/// user may have (`pipe-user-pages-soft`), stays as it is.
pub fn widen(pipe: BorrowedFd<'_>) {
    let pipe = pipe.as_raw_fd();
    // SAFETY: fcntl with numbers, on a descriptor that is borrowed.
    unsafe {
        if libc::fcntl(pipe, libc::F_GETPIPE_SZ) < ROOM {
            libc::fcntl(pipe, libc::F_SETPIPE_SZ, ROOM);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::fd::AsFd;

    use nix::errno::Errno;
    use nix::unistd::{Uid, setuid};

    use super::*;
    use crate::linux::testing::in_process;

    #[test]
    fn a_pipe_is_made_larger_and_never_smaller() {
        let (_reader, writer) = std::io::pipe().unwrap();
        let number = writer.as_raw_fd();
        // SAFETY: fcntl with a number, on a descriptor of the test's.
        let size = || unsafe { libc::fcntl(number, libc::F_GETPIPE_SZ) };
        widen(writer.as_fd());
        assert_eq!(size(), ROOM);
        // Only root gets more than that.
        // SAFETY: as above.
        let more = unsafe { libc::fcntl(number, libc::F_SETPIPE_SZ, 2 * ROOM) };
        widen(writer.as_fd());
        assert_eq!(size(), more.max(ROOM));
    }

    #[test]
    fn a_full_pipe_is_made_larger_with_what_is_in_it_and_only_root_gets_more_than_the_most() {
        in_process(|| {
            let (mut reader, mut writer) = std::io::pipe().unwrap();
            let number = writer.as_raw_fd();
            // SAFETY: fcntl with a number, on a descriptor of the test's.
            let size =
                |bytes: libc::c_int| unsafe { libc::fcntl(number, libc::F_SETPIPE_SZ, bytes) };
            let text = [7; 64 << 10];
            writer.write_all(&text).unwrap();
            widen(writer.as_fd());
            writer.write_all(b"more").unwrap();
            // It never loses what is in it.
            assert_eq!(size(4096), -1);
            assert_eq!(Errno::last(), Errno::EBUSY);
            let mut read = [0; 64 << 10];
            reader.read_exact(&mut read).unwrap();
            assert_eq!(read, text);
            setuid(Uid::from_raw(3000)).unwrap();
            let most = std::fs::read_to_string("/proc/sys/fs/pipe-max-size").unwrap();
            let most: libc::c_int = most.trim().parse().unwrap();
            assert_eq!(size(2 * most), -1);
            assert_eq!(Errno::last(), Errno::EPERM);
        });
    }
}
