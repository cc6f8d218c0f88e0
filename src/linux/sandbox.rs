//! `--sandbox`: a PID namespace of its own, so that lastout is PID 1 on a developer's
//! machine and does all that it does in a container.
//!
//! Who may not make one makes a user namespace first, in which it may. Outside stays a
//! process that passes signals on and gives the exit status; when it dies, the
//! namespace does.

use std::io;

use lastout_core::Signal;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Pid, getgid, getuid};

use super::signals::Mask;
use super::wait::{Peek, peek_at};

/// Who goes on after [`enter`].
#[derive(Debug)]
pub enum Side {
    /// The one inside, PID 1.
    Inside,
    /// The one outside, when all is over, with the exit status.
    Outside(u8),
}

/// Makes the namespace and forks into it. The one outside comes back when the one
/// inside has ended. All signals must be blocked.
///
/// # Errors
/// Neither a PID namespace nor a user namespace may be made.
pub fn enter() -> io::Result<Side> {
    make_namespaces()?;
    // SAFETY: lastout has one thread, so that the child is a whole copy of it.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            // SAFETY: prctl with these arguments takes no pointers.
            unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
            show_own_processes();
            Ok(Side::Inside)
        }
        pid => Ok(Side::Outside(stay_outside(Pid::from_raw(pid)))),
    }
}

fn make_namespaces() -> io::Result<()> {
    let own = CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWNS;
    if unshare(own).is_ok() {
        return Ok(());
    }
    let (uid, gid) = (getuid(), getgid());
    unshare(own | CloneFlags::CLONE_NEWUSER).map_err(|error| {
        io::Error::other(format!("cannot make a PID namespace: {}", error.desc()))
    })?;
    // Each maps to itself; groups must be given up for it (user_namespaces(7)).
    std::fs::write("/proc/self/setgroups", "deny")?;
    std::fs::write("/proc/self/uid_map", format!("{uid} {uid} 1"))?;
    std::fs::write("/proc/self/gid_map", format!("{gid} {gid} 1"))
}

/// Mounts a /proc that shows this namespace, for nobody outside to see.
fn show_own_processes() {
    const NONE: Option<&str> = None;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    let _ = mount(NONE, "/", NONE, private, NONE);
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    if let Err(error) = mount(Some("proc"), "/proc", Some("proc"), flags, NONE) {
        log::debug!("cannot mount /proc in the sandbox: {error}");
    }
}

/// Passes signals on until the one inside has ended. What a terminal sends reaches both.
fn stay_outside(inside: Pid) -> u8 {
    let all = Mask::FULL.bits();
    loop {
        match peek_at(inside) {
            Peek::Ended(zombie) => {
                let code = zombie.status.as_code();
                zombie.reap();
                return code;
            }
            Peek::NoChildren => return 1,
            Peek::AllAlive => {}
        }
        let mut info = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
        // SAFETY: `info` has room for what is written, the mask is the kernel's eight
        // bytes, and a null timeout waits for ever.
        let number = unsafe {
            libc::syscall(
                libc::SYS_rt_sigtimedwait,
                &raw const all,
                info.as_mut_ptr(),
                std::ptr::null::<libc::timespec>(),
                size_of::<u64>(),
            )
        };
        // SAFETY: all zeroes is a siginfo_t, as is what was written over it.
        let from_kernel = unsafe { info.assume_init() }.si_code > 0;
        let signal = i32::try_from(number).ok().and_then(Signal::new);
        if let Some(signal) = signal.filter(|signal| *signal != Signal::CHLD && !from_kernel) {
            // SAFETY: kill takes no pointers, and the child is not reaped.
            unsafe { libc::kill(inside.as_raw(), signal.number()) };
        }
    }
}
