//! Whose message it is (READY-1), and who is a program's leader once the first one has
//! put another in its place (`MAINPID=`).
//!
//! A message is attributed at once, while its sender is there, if only as a zombie. The
//! evidence is that of [`crate::linux::tree`], in the same order, but gathered along the
//! sender's own ancestors, so that a message costs a few reads and no scan. Control
//! groups are not asked: where there are any (for want of marks), an orphan in a session
//! of its own is not heard.
//!
//! A successor leads as soon as it is our own child, since only of our children do we
//! learn how they end: at once if it is one already, and otherwise when the first leader
//! has ended, as a daemon's does. Then the run goes on, and nobody is told of an end. Who
//! was told to stop has no successor any more: what it leaves behind is told, too
//! (STOP-2).

use lastout_core::RunId;
use nix::unistd::Pid;

use super::People;
use crate::linux::notify::{MainPid, Sender};
use crate::linux::proc::StartTime;
use crate::linux::wait::{self, Peek};

/// Parents that make a circle, which a number that was used again between two reads can
/// make, come to an end here.
const MOST_ANCESTORS: usize = 256;

/// Who is to lead a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Successor {
    run: RunId,
    pid: Pid,
    born: StartTime,
}

impl People {
    /// The run to whose tree the sender of a message belongs.
    #[must_use]
    pub fn run_of_sender(&self, sender: Sender) -> Option<RunId> {
        let run = self.whose(sender.0);
        if run.is_none() {
            log::debug!(
                "a message of pid {} is ignored: it belongs to no program",
                sender.0
            );
        }
        run
    }

    /// The run has named the process that is to lead it.
    pub fn name_successor(&mut self, run: RunId, MainPid(pid): MainPid) {
        self.forget_successor(run);
        if self.leaders.get(&pid) == Some(&run) {
            return;
        }
        let stat = self.proc.as_ref().and_then(|proc| proc.stat(pid).ok());
        match stat.filter(|stat| stat.is_alive() && self.whose(pid) == Some(run)) {
            Some(stat) => {
                let born = stat.starttime;
                self.successors.push(Successor { run, pid, born });
                self.let_successors_lead();
            }
            None => log::debug!("MAINPID={pid} is ignored: it is nobody of this program"),
        }
    }

    /// Nobody is to lead this run any more.
    pub(super) fn forget_successor(&mut self, run: RunId) {
        self.successors.retain(|successor| successor.run != run);
    }

    /// Lets those lead who have become our children. A leader that has ended is reaped
    /// here, as nobody's. One that ended together with its successor is found first, since
    /// it was our child first, so that the successor is there to be looked at.
    pub(super) fn let_successors_lead(&mut self) {
        let waiting = std::mem::take(&mut self.successors);
        for successor in waiting {
            match wait::peek_at(successor.pid) {
                Peek::NoChildren => self.successors.push(successor),
                Peek::AllAlive => self.let_lead(successor, true),
                Peek::Ended(_) => self.let_lead(successor, false),
            }
        }
    }

    /// It is our child, alive or not. One that ended before it led is its program's end
    /// only where there is no other leader.
    fn let_lead(&mut self, successor: Successor, is_alive: bool) {
        let Successor { run, pid, born } = successor;
        let stat = self.proc.as_ref().and_then(|proc| proc.stat(pid).ok());
        let is_same = stat.is_some_and(|stat| stat.starttime == born);
        let Some(entry) = self.runs.get_mut(&run).filter(|_| is_same) else {
            return;
        };
        let before = entry.pid;
        let ended = match wait::peek_at(before) {
            Peek::Ended(zombie) => Some(zombie),
            Peek::AllAlive | Peek::NoChildren => None,
        };
        let is_stopping = entry.told.is_some() || entry.is_killed;
        if !entry.unreaped || is_stopping || !(is_alive || ended.is_some()) {
            return;
        }
        log::debug!("pid {pid} goes on for pid {before}, as it was said (MAINPID)");
        entry.pid = pid;
        self.leaders.remove(&before);
        self.leaders.insert(pid, run);
        if let Some(zombie) = ended {
            zombie.reap();
        }
    }

    /// The run to whose tree a process belongs.
    fn whose(&self, mut pid: Pid) -> Option<RunId> {
        let mut by_session = None;
        for _ in 0..MOST_ANCESTORS {
            let known = self.leaders.get(&pid).copied();
            let own = known.or_else(|| self.marked(pid));
            if own.is_some() {
                return own;
            }
            // The farther ancestor's is the stronger one, as in a scan.
            by_session = self.in_session(pid).or(by_session);
            let stat = self.proc.as_ref().and_then(|proc| proc.stat(pid).ok());
            match stat.map(|stat| stat.ppid) {
                Some(parent) if parent.as_raw() > 0 && parent != nix::unistd::getpid() => {
                    pid = parent;
                }
                Some(_) | None => break,
            }
        }
        by_session
    }

    fn marked(&self, pid: Pid) -> Option<RunId> {
        let mark = self.proc.as_ref()?.mark(pid).ok()?;
        let run = self.marks.run_of(mark)?;
        self.runs.contains_key(&run).then_some(run)
    }

    /// By session or group of a leader that is there. No /proc is needed for it.
    fn in_session(&self, pid: Pid) -> Option<RunId> {
        let session = nix::unistd::getsid(Some(pid));
        let group = nix::unistd::getpgid(Some(pid));
        let mut numbers = [session, group].into_iter().flatten();
        numbers.find_map(|number| self.leaders.get(&number).copied())
    }
}

#[cfg(test)]
mod tests;
