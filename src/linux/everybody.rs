//! Everybody: whom lastout may reach at all (PID-2).
//!
//! As PID 1 that is the whole namespace, and kill(2) has a number for it: -1. Anywhere
//! else the same number means everybody that the user may signal, so the right to use
//! it is a value, [`Init`], which only PID 1 gets; and since a fork inherits the value
//! without being PID 1, the pid is looked at once more each time.

use lastout_core::Signal;
use nix::errno::Errno;
use nix::sys::prctl;
use nix::unistd::{Pid, getpid};

/// The two scopes.
#[derive(Debug)]
pub enum Scope {
    /// We are PID 1: every process of the namespace but ourselves.
    Namespace(Init),
    /// We are not: only our own descendants, who stay ours as long as we are a
    /// subreaper.
    Descendants,
}

/// The right to reach everybody at once.
#[derive(Debug)]
pub struct Init(());

impl Scope {
    /// The scope of this process.
    #[must_use]
    pub fn of_this_process() -> Scope {
        Init::claim().map_or(Scope::Descendants, Scope::Namespace)
    }

    /// The right to reach everybody, as PID 1.
    #[must_use]
    pub fn init(&self) -> Option<&Init> {
        match self {
            Scope::Namespace(init) => Some(init),
            Scope::Descendants => None,
        }
    }
}

impl Init {
    fn claim() -> Option<Init> {
        is_init().then_some(Init(()))
    }

    /// Sends a signal to everybody in the namespace but ourselves. Whether anybody was
    /// there to be reached; those whom we may not signal do not count.
    #[must_use = "nobody may have been left"]
    pub fn tell_all(&self, signal: Signal) -> bool {
        kill_all(signal.number()) == Ok(())
    }

    /// Whether anybody but us is in the namespace, `docker exec` sessions among them.
    /// Those are not our children, so having no children (ECHILD) says nothing about
    /// them. A zombie counts until its parent has reaped it. What cannot be asked is
    /// answered with yes.
    #[must_use]
    pub fn anybody_left(&self) -> bool {
        kill_all(0) != Err(Errno::ESRCH)
    }
}

/// Makes orphans among our descendants our children (PR_SET_CHILD_SUBREAPER), as they
/// are PID 1's anyway. Forks do not inherit it, and exec keeps it.
///
/// # Errors
/// EINVAL before Linux 3.4, EPERM or ENOSYS from a profile: then a descendant whose
/// parents are gone is out of reach.
pub fn become_subreaper() -> Result<(), Errno> {
    if is_init() {
        return Ok(());
    }
    prctl::set_child_subreaper(true)
}

/// Whether orphans come to us: we are PID 1 or a subreaper.
#[must_use]
pub fn orphans_come_to_us() -> bool {
    is_init() || prctl::get_child_subreaper() == Ok(true)
}

fn is_init() -> bool {
    getpid() == Pid::from_raw(1)
}

/// kill(-1) as PID 1; refused with EPERM for anybody else.
fn kill_all(signal: i32) -> Result<(), Errno> {
    if !is_init() {
        return Err(Errno::EPERM);
    }
    // SAFETY: no memory is passed. Not nix's `kill`, which knows no real-time signals.
    Errno::result(unsafe { libc::kill(-1, signal) }).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linux::testing::{in_namespace, in_process, reap, shell, until};

    #[test]
    fn pid_2_who_is_not_pid_1_gets_no_right_to_reach_everybody() {
        assert!(matches!(Scope::of_this_process(), Scope::Descendants));
        assert!(Scope::Descendants.init().is_none());
    }

    #[test]
    fn pid_2_a_fork_of_pid_1_reaches_nobody() {
        in_namespace(|| {
            let scope = Scope::of_this_process();
            let init = scope.init().unwrap();
            let bystander = shell("exec sleep 60");
            in_process(|| {
                assert!(!init.tell_all(Signal::KILL));
                assert!(init.anybody_left());
            });
            assert_eq!(nix::sys::signal::kill(bystander, None), Ok(()));
            let dead =
                nix::sys::wait::waitpid(bystander, Some(nix::sys::wait::WaitPidFlag::WNOHANG));
            assert_eq!(dead, Ok(nix::sys::wait::WaitStatus::StillAlive));
        });
    }

    #[test]
    fn pid_1_reaches_everybody_and_knows_when_nobody_is_left() {
        in_namespace(|| {
            let scope = Scope::of_this_process();
            let init = scope.init().unwrap();
            assert!(!init.anybody_left());
            assert!(!init.tell_all(Signal::TERM));
            shell("setsid sleep 60 & sleep 60");
            assert!(init.anybody_left());
            until("all are dead", || {
                let _ = init.tell_all(Signal::KILL);
                reap();
                (!init.anybody_left()).then_some(())
            });
        });
    }

    #[test]
    fn a_subreaper_adopts_orphans() {
        in_process(|| {
            become_subreaper().unwrap();
            let proc = crate::linux::proc::ProcDir::open().unwrap();
            shell("(sleep 60 &) ; exit 0");
            let orphan = until("the orphan is ours", || {
                reap();
                let children = proc.children()?;
                let comm = |pid| proc.stat(pid).ok().map(|stat| stat.comm);
                children
                    .into_iter()
                    .find(|&pid| comm(pid).is_some_and(|comm| comm.as_str() == "sleep"))
            });
            nix::sys::signal::kill(orphan, nix::sys::signal::SIGKILL).unwrap();
        });
    }
}
