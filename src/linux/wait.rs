//! Who of our children has ended: waitid(2), wrapped by ourselves, since the wrappers
//! at hand answer EINVAL for a death by a real-time signal and lose pid and status.
//!
//! A dead leader is looked at before it is reaped: while the zombie is there, neither
//! its pid nor the number of its group can be given to anybody else.

use std::mem::MaybeUninit;

use lastout_core::{ExitStatus, Signal};

use nix::unistd::Pid;

/// A child that has ended and is still there as a zombie.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use = "a zombie that is not reaped stays"]
pub struct Zombie {
    /// Who it was.
    pub pid: Pid,
    /// How it ended.
    pub status: ExitStatus,
}

/// What there is to wait for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Peek {
    /// This child has ended.
    Ended(Zombie),
    /// There are children, and they live.
    AllAlive,
    /// There is no child.
    NoChildren,
}

/// Looks whether any child has ended, and leaves it as it is.
pub fn peek() -> Peek {
    wait_for(libc::P_ALL, 0, libc::WEXITED | libc::WNOWAIT)
}

/// Looks whether this child has ended, and leaves it as it is.
pub fn peek_at(pid: Pid) -> Peek {
    wait_for(
        libc::P_PID,
        pid.as_raw() as libc::id_t,
        libc::WEXITED | libc::WNOWAIT,
    )
}

/// Why a terminal stopped somebody.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stop {
    /// Ctrl-Z.
    Asked,
    /// It read or wrote and was not in front.
    NotInFront,
}

/// Whether this child was stopped by its terminal since somebody asked last. SIGSTOP
/// is somebody's will.
pub fn was_stopped_by_terminal(pid: Pid) -> Option<Stop> {
    match wait_for(libc::P_PID, pid.as_raw() as libc::id_t, libc::WSTOPPED) {
        Peek::Ended(stopped) => match stopped.status {
            ExitStatus::Signal(Signal::TSTP) => Some(Stop::Asked),
            ExitStatus::Signal(Signal::TTIN | Signal::TTOU) => Some(Stop::NotInFront),
            ExitStatus::Signal(_) | ExitStatus::Code(_) => None,
        },
        Peek::AllAlive | Peek::NoChildren => None,
    }
}

impl Zombie {
    /// Its number, for people to read.
    pub fn id(&self) -> i32 {
        self.pid.as_raw()
    }

    /// Takes the zombie away. From now on its pid may be given to anybody.
    pub fn reap(self) {
        let _ = wait_for(libc::P_PID, self.pid.as_raw() as libc::id_t, libc::WEXITED);
    }
}

fn wait_for(kind: libc::idtype_t, id: libc::id_t, options: i32) -> Peek {
    loop {
        let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
        // SAFETY: `info` has room for a siginfo_t, and all zeroes is one.
        let done = unsafe { libc::waitid(kind, id, info.as_mut_ptr(), options | libc::WNOHANG) };
        if done < 0 {
            let error = std::io::Error::last_os_error();
            if error.kind() == std::io::ErrorKind::Interrupted {
                continue;
            }
            // ECHILD. Nothing else can come of constant arguments.
            return Peek::NoChildren;
        }
        // SAFETY: waitid succeeded, so the record is written, or is still all zeroes.
        let info = unsafe { info.assume_init() };
        // SAFETY: waitid fills in pid and status, or leaves both zero.
        let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
        if pid == 0 {
            return Peek::AllAlive;
        }
        let status = status_of(info.si_code, status);
        return Peek::Ended(Zombie {
            pid: Pid::from_raw(pid),
            status,
        });
    }
}

fn status_of(code: i32, status: i32) -> ExitStatus {
    match (code, Signal::new(status)) {
        (libc::CLD_KILLED | libc::CLD_DUMPED | libc::CLD_STOPPED, Some(signal)) => {
            ExitStatus::Signal(signal)
        }
        (_, _) => ExitStatus::Code((status & 0xff) as u8),
    }
}
