//! The controlling terminal and who is in front on it (SIG-6).

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
