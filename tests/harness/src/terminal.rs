//! A terminal for a program, and its other side for the test: what is typed, what is
//! shown, how large the window is.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use crate::must;

/// What Ctrl-C is on the wire.
pub const CTRL_C: &[u8] = b"\x03";
/// What Ctrl-Z is.
pub const CTRL_Z: &[u8] = b"\x1a";
/// What Ctrl-\ is.
pub const CTRL_BACKSLASH: &[u8] = b"\x1c";
/// What Ctrl-D is at the start of a line.
pub const CTRL_D: &[u8] = b"\x04";

/// The test's side. When it is dropped the terminal hangs up.
pub struct Terminal {
    master: File,
}

impl Terminal {
    /// Makes a terminal the command's descriptors 0 to 2 and its controlling terminal, in
    /// a session of its own.
    ///
    /// # Panics
    ///
    /// When there is none to be had.
    #[must_use]
    pub fn for_command(command: &mut Command) -> Terminal {
        let (master, slave) = must(open_pair(), "open a terminal");
        let copy = || Stdio::from(must(slave.try_clone(), "copy a terminal's descriptor"));
        command.stdin(copy()).stdout(copy()).stderr(copy());
        // SAFETY: setsid and ioctl are async-signal-safe; descriptor 0 is the terminal by
        // then, since the standard library has put it there before this is called.
        unsafe {
            command.pre_exec(|| {
                if libc::setsid() == -1 || libc::ioctl(0, libc::TIOCSCTTY, 0) == -1 {
                    return Err(io::Error::last_os_error());
                }
                Ok(())
            });
        }
        let terminal = Terminal {
            master: File::from(master),
        };
        terminal.resize(24, 80);
        terminal
    }

    /// Types these bytes.
    ///
    /// # Panics
    ///
    /// When the terminal does not take them.
    pub fn types(&self, bytes: &[u8]) {
        must((&self.master).write_all(bytes), "type");
    }

    /// Gives the window another size; who runs in front gets SIGWINCH.
    pub fn resize(&self, rows: u16, columns: u16) {
        let size = libc::winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        // SAFETY: the size lives longer than the call that reads it.
        unsafe {
            libc::ioctl(self.master.as_raw_fd(), libc::TIOCSWINSZ, &raw const size);
        }
    }

    /// The process group in front, as the host counts; `None` when there is none.
    #[must_use]
    pub fn foreground_group(&self) -> Option<i32> {
        let mut group: libc::pid_t = 0;
        // SAFETY: the group is a live integer that the ioctl writes.
        let got = unsafe { libc::ioctl(self.master.as_raw_fd(), libc::TIOCGPGRP, &raw mut group) };
        (got == 0 && group > 0).then_some(group)
    }

    /// What is shown, to be read.
    ///
    /// # Panics
    ///
    /// When no descriptor is to be had.
    #[must_use]
    pub fn reader(&self) -> File {
        must(self.master.try_clone(), "copy a terminal's descriptor")
    }
}

/// Both are CLOEXEC from birth: another test may just be starting a child, with which they
/// would live on. openpty(3) cannot do that.
fn open_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: numbers only; each descriptor was just made and is nobody else's.
    unsafe {
        let master = owned(libc::posix_openpt(flags))?;
        if libc::grantpt(master.as_raw_fd()) != 0 || libc::unlockpt(master.as_raw_fd()) != 0 {
            return Err(io::Error::last_os_error());
        }
        let slave = libc::ioctl(master.as_raw_fd(), libc::TIOCGPTPEER, flags);
        Ok((master, owned(slave)?))
    }
}

/// # Safety
///
/// A descriptor that is there is nobody else's.
unsafe fn owned(descriptor: i32) -> io::Result<OwnedFd> {
    match descriptor {
        -1 => Err(io::Error::last_os_error()),
        // SAFETY: as the caller promises.
        _ => Ok(unsafe { OwnedFd::from_raw_fd(descriptor) }),
    }
}
