//! The controlling terminal and who is in front on it (SIG-6).

use lastout_core::Signal;
use nix::unistd::{self, Pid};
use std::io::IsTerminal;
use std::os::fd::BorrowedFd;

/// Descriptor 0, without the buffer that std's own stdin brings along.
// SAFETY: it is open for the whole life of the process: it is filled at the start
// (PID-9) and never closed.
const STDIN: BorrowedFd<'static> = unsafe { BorrowedFd::borrow_raw(0) };

/// Whether lastout may give the terminal on descriptor 0 to a program: there is one, it
/// is our session's, and we are its foreground group. Whoever was started in the
/// background does not take it from the shell in front.
#[must_use]
pub fn is_ours_to_give() -> bool {
    STDIN.is_terminal() && unistd::tcgetpgrp(STDIN).is_ok_and(|front| front == unistd::getpgrp())
}

/// Whether descriptor 0 is the terminal of our session, whoever is in front on it.
#[must_use]
pub fn is_of_our_session() -> bool {
    STDIN.is_terminal() && unistd::tcgetpgrp(STDIN).is_ok()
}

/// Whether colours are welcome on a terminal (no-color.org).
#[must_use]
pub fn welcomes_colour() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Whether this leader's group is in front.
#[must_use]
pub fn is_in_front(leader: Pid) -> bool {
    unistd::tcgetpgrp(STDIN).is_ok_and(|front| front == leader)
}

/// Puts our own group in front again, so that Ctrl-C reaches lastout once its program
/// is gone. Where the group has no number in this namespace this cannot be done, and
/// the shell outside does it when lastout is gone.
pub fn take_back() {
    // Signals are blocked, SIGTTOU among them, so that this does not stop us.
    let _ = unistd::tcsetpgrp(STDIN, unistd::getpgrp());
}

/// How many columns the terminal on descriptor 1 has; `None`: it is none, or does not say.
///
/// `docker exec -it` starts a command first and tells the size then, so that a terminal
/// that says nothing is asked again for a fifth of a second. For clients only: it waits.
#[must_use]
pub fn columns() -> Option<usize> {
    let wait = || {
        let _ = nix::poll::poll(&mut [], nix::poll::PollTimeout::from(10_u8));
    };
    size_in_time(columns_now, wait)
}

/// What `ask` says that is not nothing, with a `wait` before it is asked again.
fn size_in_time(ask: impl Fn() -> Option<u16>, wait: impl Fn()) -> Option<usize> {
    const TIMES: usize = 20;
    for _ in 0..TIMES {
        match ask()? {
            0 => wait(),
            columns => return Some(usize::from(columns)),
        }
    }
    None
}

/// The same as it is now, 0 where it is not known; `None`: it is no terminal.
fn columns_now() -> Option<u16> {
    let mut size = libc::winsize {
        ws_row: 0,
        ws_col: 0,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: the kernel writes a struct of this size, which is ours (ioctl_tty(2)).
    let got = unsafe { libc::ioctl(1, libc::TIOCGWINSZ, &raw mut size) };
    (got == 0).then_some(size.ws_col)
}

/// Puts a program's group in front.
pub fn give_to(leader: Pid) {
    let _ = unistd::tcsetpgrp(STDIN, leader);
}

/// Stops lastout itself as Ctrl-Z stopped its program, so that the shell which
/// started both takes the terminal, and comes back when it is continued.
pub fn stop_with_program() {
    // SIGSTOP, since SIGTSTP is ours to catch, and is ignored for an orphaned group.
    let _ = nix::sys::signal::kill(unistd::getpid(), nix::sys::signal::Signal::SIGSTOP);
}

/// Whether a shell started us and waits for our group: our parent is in our session,
/// so that somebody notices when we stop. PID 1 and who is alone in a session have
/// nobody to bring them back.
#[must_use]
pub fn has_shell_above() -> bool {
    let parent = unistd::getppid();
    parent.as_raw() > 0
        && unistd::getpid().as_raw() != 1
        && unistd::getsid(Some(parent)) == unistd::getsid(None)
        && unistd::getsid(None).is_ok()
}

/// What became of the terminal when we let go of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LetGo {
    /// Whoever makes a session may have it.
    Free,
    /// It is another session's, as that of the shell which started us.
    Elsewhere,
    /// There was none; the error's number.
    Not(i32),
}

/// Gives the controlling terminal up, for a program in a session of its own.
pub fn let_go() -> LetGo {
    // SAFETY: TIOCNOTTY takes nothing.
    if unsafe { libc::ioctl(0, libc::TIOCNOTTY) } < 0 {
        return LetGo::Not(nix::errno::Errno::last_raw());
    }
    if unistd::getsid(None).ok() != Some(unistd::getpid()) {
        return LetGo::Elsewhere;
    }
    // The kernel tells the group in front of a session that loses its terminal to hang
    // up and to go on; that was we, and it is nobody's business.
    super::signals::swallow(Signal::HUP);
    super::signals::swallow(Signal::CONT);
    LetGo::Free
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::size_in_time;

    #[test]
    fn a_terminal_whose_size_is_not_known_yet_is_asked_again_for_a_while() {
        let waits = Cell::new(0_usize);
        let after = |wanted: usize, size: Option<u16>| {
            waits.set(0);
            let ask = || if waits.get() < wanted { Some(0) } else { size };
            let found = size_in_time(ask, || waits.set(waits.get() + 1));
            (found, waits.get())
        };
        assert_eq!(after(0, Some(80)), (Some(80), 0));
        assert_eq!(after(3, Some(80)), (Some(80), 3));
        assert_eq!(after(0, None), (None, 0));
        assert_eq!(after(1000, Some(80)), (None, 20));
    }
}
