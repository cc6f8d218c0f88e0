//! The parent's death, for `-p` (PR_SET_PDEATHSIG).

use std::io;

use lastout_core::Signal;
use nix::unistd::getppid;

/// Asks for a signal when our parent dies. If it did in the meantime, the signal comes now.
///
/// # Errors
/// Those of prctl(2).
pub fn signal_on_death(signal: Signal) -> io::Result<()> {
    let parent = getppid();
    // SAFETY: prctl with these arguments takes no pointers.
    if unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal.number()) } < 0 {
        return Err(io::Error::last_os_error());
    }
    if getppid() != parent {
        // SAFETY: kill takes no pointers; the receiver is this process.
        unsafe { libc::kill(libc::getpid(), signal.number()) };
    }
    Ok(())
}
