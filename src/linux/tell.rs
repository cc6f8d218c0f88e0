//! Telling people, and killing them: signals to processes that a scan has found.
//!
//! Never to anybody else. A pid may be used again between the scan and the signal, so
//! what is signalled is a pid *and* the time of its start: a pidfd is opened, the start
//! looked up once more, and only then is the signal sent through the pidfd, which goes
//! to that process or to nobody. Without pidfds (Linux before 5.3, a profile, no
//! descriptor left) the start is looked up right before kill(2).
//!
//! People fork while one looks, so both repeat the scan until one that is not torn
//! finds nobody new. For SIGKILL that is the end of it: a process that was sent one
//! makes no child any more (fork(2) fails while it is pending). Who forks faster than
//! one can look at him is killed with his process group, which the kernel does in one
//! step, where nobody else is in it. For a signal that can be
//! caught there is no such end, since a program may fork for as long as it likes;
//! whoever comes later is found when he is told or killed next.
//!
//! That somebody is gone or may not be signalled is no error: it is counted.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use lastout_core::{RunId, Signal};
use nix::errno::Errno;
use nix::unistd::Pid;

use crate::linux::proc::{ProcDir, StartTime};
use crate::linux::tree::{Census, Leader, Process, Snapshot};

/// Enough for people who fork a few times on their way out; who forks for ever is not
/// waited for.
const ROUNDS_TO_TELL: usize = 16;
/// A fork bomb of many processors outruns a scan for a while, not for long.
const ROUNDS_TO_KILL: usize = 64;
/// A scan that was torn is repeated, but not for ever: elsewhere in the namespace
/// somebody may fork and die all the time who is none of theirs.
const TORN_IN_A_ROW: usize = 8;

/// After that long the loop has its turn, and reaps: a fork bomb leaves zombies, which
/// make every scan longer. What is not settled is taken up at the next turn.
const LONGEST: Duration = Duration::from_millis(100);

/// Of whom a scan finds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Whom<'a> {
    /// Every member of these runs' trees, their leaders included.
    Runs(&'a [RunId]),
    /// Every member of these runs' trees but the leaders.
    Followers(&'a [RunId]),
    /// Everybody in scope who belongs to no run.
    Strays,
    /// Everybody in scope.
    Everybody,
}

/// Who was told before, so that nobody is told twice.
#[derive(Clone, Debug, Default)]
pub struct Told {
    who: BTreeSet<(Pid, StartTime)>,
    /// Those of them whom nobody has asked for yet.
    news: Vec<Process>,
}

/// Of so many the names are kept until somebody asks for them.
const MOST_NEWS: usize = 4096;

/// What came of it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Outcome {
    /// How many were sent the signals.
    pub reached: usize,
    /// How many were gone before they could be.
    pub gone: usize,
    /// How many may not be signalled by us.
    pub denied: usize,
    /// How many of them the last scan saw alive, told or not. Some of those who were
    /// killed are among them until they are dead.
    pub left: usize,
    /// Whether the last scan is sure that there is nobody new. If not, there may be,
    /// and it is to be done again at the next turn.
    pub settled: bool,
}

impl Told {
    /// Nobody.
    #[must_use]
    pub fn new() -> Told {
        Told::default()
    }

    /// Notes somebody who was told by other means; false when he was noted before.
    pub fn insert(&mut self, process: &Process) -> bool {
        let is_new = self.who.insert((process.pid, process.stat.starttime));
        if is_new && self.news.len() < MOST_NEWS {
            self.news.push(*process);
        }
        is_new
    }

    /// Whether he was told.
    #[must_use]
    pub fn contains(&self, process: &Process) -> bool {
        self.who.contains(&(process.pid, process.stat.starttime))
    }

    /// Who was told since the last call.
    pub fn take_news(&mut self) -> Vec<Process> {
        std::mem::take(&mut self.news)
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.who.len()
    }

    /// Whether nobody was told.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.who.is_empty()
    }

    /// Forgets those whom a scan does not find any more, so that the list cannot grow
    /// beyond the number of processes there are.
    fn forget_all_but(&mut self, snapshot: &Snapshot) {
        self.who
            .retain(|&(pid, start)| snapshot.find(pid, start).is_some());
    }
}

impl Whom<'_> {
    /// Whether he is one of them.
    pub fn includes(self, process: &Process, leaders: &[Leader<'_>]) -> bool {
        match self {
            Whom::Runs(runs) => process.run.is_some_and(|run| runs.contains(&run)),
            Whom::Followers(runs) => {
                let leads = |leader: &Leader<'_>| leader.unreaped && leader.pid == process.pid;
                let is_of_one = process.run.is_some_and(|run| runs.contains(&run));
                is_of_one && !leaders.iter().any(leads)
            }
            Whom::Strays => process.run.is_none(),
            Whom::Everybody => true,
        }
    }
}

impl Census<'_> {
    /// Sends the signals, in this order, to each of them who was not told before, until
    /// a scan finds nobody new. With SIGCONT as the last one, those who are stopped can
    /// act (STOP-2). `None` where /proc cannot be listed.
    #[must_use = "without /proc nobody was told"]
    pub fn tell(
        &self,
        leaders: &[Leader<'_>],
        whom: Whom<'_>,
        signals: &[Signal],
        told: &mut Told,
    ) -> Option<Outcome> {
        self.repeat(leaders, whom, signals, told)
    }

    /// Kills each of them, until a scan finds nobody who was not killed. They may take
    /// a moment to die: their end is told by SIGCHLD, since whoever loses all his
    /// ancestors becomes our child. `None` where /proc cannot be listed.
    #[must_use = "without /proc nobody was killed"]
    pub fn kill(&self, leaders: &[Leader<'_>], whom: Whom<'_>) -> Option<Outcome> {
        if let Whom::Runs(runs) = whom {
            let ours = leaders.iter().filter(|leader| runs.contains(&leader.run));
            for cgroup in ours.filter_map(|leader| leader.cgroup) {
                // Those who left the group are found below, as are all without it.
                let _ = cgroup.kill();
            }
        }
        let mut killed = Told::new();
        self.repeat(leaders, whom, &[Signal::KILL], &mut killed)
    }

    fn repeat(
        &self,
        leaders: &[Leader<'_>],
        whom: Whom<'_>,
        signals: &[Signal],
        told: &mut Told,
    ) -> Option<Outcome> {
        let rounds = match signals {
            [Signal::KILL] => ROUNDS_TO_KILL,
            _ => ROUNDS_TO_TELL,
        };
        let mut outcome = Outcome::default();
        let start = Instant::now();
        let mut torn = 0;
        let mut before = None;
        for _ in 0..rounds {
            let snapshot = self.take(leaders, before.as_ref())?;
            told.forget_all_but(&snapshot);
            let mut anybody_new = false;
            outcome.left = 0;
            for process in snapshot.everybody() {
                if !whom.includes(process, leaders) {
                    continue;
                }
                outcome.left += 1;
                if told.insert(process) {
                    anybody_new = true;
                    outcome.count(send(self.proc, process, signals));
                }
            }
            if signals == [Signal::KILL] && (anybody_new || snapshot.is_torn()) {
                kill_groups(&snapshot, |process| whom.includes(process, leaders));
            }
            torn = if snapshot.is_torn() { torn + 1 } else { 0 };
            outcome.settled = !anybody_new && torn == 0;
            let given_up = !anybody_new && torn > TORN_IN_A_ROW;
            if outcome.settled || given_up || start.elapsed() > LONGEST {
                break;
            }
            before = Some(snapshot);
        }
        Some(outcome)
    }
}

impl Outcome {
    fn count(&mut self, answer: Result<(), Errno>) {
        match answer {
            Ok(()) => self.reached += 1,
            Err(Errno::EPERM) => self.denied += 1,
            Err(_) => self.gone += 1,
        }
    }
}

/// Kills the groups in which one of them is or was, and nobody alive who is not.
/// Newborns that the scan has missed are reached by that. A zombie says as much as the
/// living: who forks and leaves faster than we look is never seen in another state, and
/// while it is not reaped its group's number is nobody else's.
fn kill_groups(snapshot: &Snapshot, included: impl Fn(&Process) -> bool) {
    let ours = nix::unistd::getpgrp();
    let mut theirs = BTreeMap::new();
    for process in snapshot.processes() {
        let one_of_them = process.in_scope && included(process);
        if one_of_them || process.stat.is_alive() {
            let only_theirs = theirs.entry(process.stat.pgid).or_insert(true);
            *only_theirs &= one_of_them;
        }
    }
    for (pgid, only_theirs) in theirs {
        if only_theirs && pgid != ours && pgid.as_raw() > 1 {
            // SAFETY: no memory is passed, and the number is neither 0 nor 1.
            let _ = unsafe { libc::kill(-pgid.as_raw(), libc::SIGKILL) };
        }
    }
}

/// Sends signals to exactly this process.
///
/// # Errors
/// ESRCH when it is gone, also where its number is somebody else's; EPERM when it may
/// not be signalled by us.
pub fn send(proc: &ProcDir, process: &Process, signals: &[Signal]) -> Result<(), Errno> {
    let pidfd = pidfd_open(process.pid);
    let now = proc.stat(process.pid).map_err(|_| Errno::ESRCH)?;
    if now.starttime != process.stat.starttime {
        return Err(Errno::ESRCH);
    }
    for signal in signals {
        match &pidfd {
            Some(pidfd) => pidfd_send(pidfd, process.pid, *signal)?,
            None => kill(process.pid, *signal)?,
        }
    }
    Ok(())
}

/// Whether the kernel has pidfds for us, as far as we know.
static PIDFDS: AtomicBool = AtomicBool::new(true);

fn pidfd_open(pid: Pid) -> Option<OwnedFd> {
    if !PIDFDS.load(Ordering::Relaxed) {
        return None;
    }
    // SAFETY: no memory is passed; flags are 0.
    let answer = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) };
    if answer >= 0 {
        // SAFETY: the kernel has just made this descriptor, and nobody else has it. It
        // is CLOEXEC from birth.
        return Some(unsafe { OwnedFd::from_raw_fd(answer as i32) });
    }
    if matches!(Errno::last(), Errno::ENOSYS | Errno::EPERM) {
        no_pidfds();
    }
    None
}

fn pidfd_send(pidfd: &OwnedFd, pid: Pid, signal: Signal) -> Result<(), Errno> {
    // SAFETY: a null siginfo is what kill(2) would make; the descriptor is open.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd.as_raw_fd(),
            signal.number(),
            std::ptr::null::<libc::siginfo_t>(),
            0,
        )
    };
    match Errno::result(answer) {
        Ok(_) => Ok(()),
        // EPERM may be the profile's or the process' own; kill(2) tells which.
        Err(Errno::ENOSYS | Errno::EPERM) => kill(pid, signal),
        Err(error) => Err(error),
    }
}

fn no_pidfds() {
    if PIDFDS.swap(false, Ordering::Relaxed) {
        log::debug!("going without pidfds: the kernel or a profile does not allow them");
    }
}

/// Not nix's `kill`, which knows no real-time signals.
fn kill(pid: Pid, signal: Signal) -> Result<(), Errno> {
    // kill(2) has a meaning for 0 and below that nobody here means.
    if pid.as_raw() <= 0 {
        return Err(Errno::ESRCH);
    }
    // SAFETY: no memory is passed.
    Errno::result(unsafe { libc::kill(pid.as_raw(), signal.number()) }).map(drop)
}

#[cfg(test)]
mod tests;
