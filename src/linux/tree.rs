//! Trees: who belongs to which run (docs/design.md, "Trees").
//!
//! A process belongs to a run when one of these says so. Where they disagree the first
//! one wins:
//!
//! | evidence | lost by | not there |
//! |---|---|---|
//! | it is the leader | – | – |
//! | it is in the run's control group | writing to cgroup.procs | read-only mount, v1 |
//! | it bears the run's mark | setting RLIMIT_LOCKS | a hard limit, gVisor |
//! | its parent belongs to the run | death of the parent | – |
//! | it is in the leader's session or group | setsid, setpgid | – |
//!
//! The first three were set by us. A parent is stronger than a session, since a session
//! is only a number: it is evidence while the leader has not been reaped, or while no
//! process has that pid. The kernel does not give a number away while a session or
//! group uses it, so if somebody has it, all that were in the leader's are gone. (It
//! might be given away after the last one left, used for a new session, and its leader
//! gone, all between two looks; who calls drops a leader with its tree, long before.)
//!
//! All is read anew at each scan, and a scan happens only when a leader has ended or a
//! tree is to be told or killed. [`anyone_but`] answers the usual question, "did it
//! leave anybody?", without a scan.
//!
//! A scan is no snapshot: people fork and die while one looks. Pids are listed in
//! order and given away in order, so who was born after his number had been passed has
//! a parent (or a parent's parent) who was listed. If that one was still there to be
//! looked at he is found, and if not, [`Snapshot::is_torn`]: somebody was gone between
//! the list and the look, who may have left a child that is not in the list. A zombie
//! may have become one in that moment, too, unless the scan before saw it as one. A
//! scan that is not torn has seen everybody, but for the moment in which the kernel
//! begins again with low numbers. [`crate::linux::tell`] scans until there is nobody new.

use std::cell::Cell;

use lastout_core::{RunId, order};
use nix::unistd::Pid;

use crate::linux::cgroup::Cgroup;
use crate::linux::everybody::Scope;
use crate::linux::mark::Marks;
use crate::linux::proc::{Comm, MOST_PIDS, Missing, ProcDir, StartTime, Stat};

/// Looks who is there.
#[derive(Clone, Copy, Debug)]
pub struct Census<'a> {
    /// What there is to look at.
    pub proc: &'a ProcDir,
    /// How children were marked.
    pub marks: &'a Marks,
    /// Who is in scope.
    pub scope: &'a Scope,
    /// Who is not seen: a process of lastout's own.
    pub relay: Option<Pid>,
}

/// A run whose tree may have members: its leader lives, or has lived.
#[derive(Clone, Copy, Debug)]
pub struct Leader<'a> {
    /// Which life of which program.
    pub run: RunId,
    /// The leader's pid, or what it was.
    pub pid: Pid,
    /// Whether the leader has not been reaped yet, so that the pid is still its own.
    pub unreaped: bool,
    /// The run's control group, where there is one.
    pub cgroup: Option<&'a Cgroup>,
}

/// A process, as it was when it was looked at.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    /// Which.
    pub pid: Pid,
    /// What the kernel says of it.
    pub stat: Stat,
    /// The run that it belongs to.
    pub run: Option<RunId>,
    /// Whether lastout may touch it (PID-2).
    pub in_scope: bool,
    /// Whether it is our own child, born or adopted.
    pub is_our_child: bool,
}

/// Everybody in the namespace but ourselves and the relay, zombies and the kernel's threads included,
/// by pid.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    processes: Vec<Process>,
    torn: bool,
}

/// Whether any child of ours is not known, told without a scan of /proc. `None` where
/// the kernel does not list children.
///
/// If none is, no tree of a dead leader has anybody left. Say X is left of one. X's
/// ancestors are dead up to some point, and when the last of them died the kernel made
/// its child ours, as PID 1 or nearest subreaper, in the same step in which it made
/// itself a zombie. (Or a subreaper's inside the tree: then that one is left, too, and
/// the same holds for it.) So X, or an ancestor of it that is left, is our child, and
/// it is no known one: the known ones are leaders that live, helpers of our own, and
/// the dead leader itself while it is not reaped. Nor can a process move below somebody
/// else's leader, since only ancestors adopt. A child made with CLONE_PARENT is our
/// child at once.
///
/// Who came from outside of the tree by ptrace or `nsenter` and joined a session of it
/// is not seen; nor is it anybody's descendant.
#[must_use]
pub fn anyone_but(proc: &ProcDir, known: impl FnMut(Pid) -> bool) -> Option<bool> {
    Some(!proc.children()?.into_iter().all(known))
}

impl Census<'_> {
    /// Looks at everybody, `before` being what the last look saw, if there was one just
    /// now. `None` when /proc cannot be listed.
    #[must_use]
    pub fn take(&self, leaders: &[Leader<'_>], before: Option<&Snapshot>) -> Option<Snapshot> {
        let mut pids = self.proc.pids()?;
        order::sort(&mut pids);
        pids.dedup();
        let me = self.proc.me();
        let mut snapshot = Snapshot {
            processes: Vec::with_capacity(pids.len()),
            torn: pids.len() >= MOST_PIDS,
        };
        for pid in pids
            .into_iter()
            .filter(|&pid| pid != me && Some(pid) != self.relay)
        {
            match self.proc.stat(pid) {
                Ok(stat) => snapshot.processes.push(Process::new(pid, stat, me)),
                Err(Missing::Gone) => snapshot.torn = true,
                Err(Missing::Hidden) => {}
            }
        }
        snapshot.find_scope(self.scope);
        let evidence = Evidence::new(leaders, &snapshot);
        let gone = Cell::new(false);
        snapshot.find_runs(&evidence, |pid| match self.proc.mark(pid) {
            Ok(soft) => self.marks.run_of(soft),
            Err(missing) => {
                gone.set(gone.get() || missing == Missing::Gone);
                None
            }
        });
        snapshot.torn |=
            gone.get() || self.lost_a_parent(&snapshot) || snapshot.has_new_dead(before);
        Some(snapshot)
    }
}

impl Census<'_> {
    /// Whether somebody's parent went while we looked, so that we cannot say whose he
    /// is. A parent that is still his is only hidden from us (`hidepid`).
    fn lost_a_parent(&self, snapshot: &Snapshot) -> bool {
        let me = self.proc.me();
        snapshot.processes.iter().any(|process| {
            let ppid = process.stat.ppid;
            let known = ppid.as_raw() == 0 || ppid == me || snapshot.index(ppid).is_some();
            !known && self.proc.stat(process.pid).map(|stat| stat.ppid) != Ok(ppid)
        })
    }
}

impl Snapshot {
    /// Everybody.
    #[must_use]
    pub fn processes(&self) -> &[Process] {
        &self.processes
    }

    /// Who is alive and belongs to a run, its leader included.
    pub fn members(&self, run: RunId) -> impl Iterator<Item = &Process> {
        self.everybody()
            .filter(move |process| process.run == Some(run))
    }

    /// Who is alive, in scope, and belongs to no run.
    pub fn strays(&self) -> impl Iterator<Item = &Process> {
        self.everybody().filter(|process| process.run.is_none())
    }

    /// Who is alive and in scope. A zombie is not: it can neither act nor be told.
    pub fn everybody(&self) -> impl Iterator<Item = &Process> {
        self.processes
            .iter()
            .filter(|process| process.in_scope && process.stat.is_alive())
    }

    /// Whether any is our child, alive or not yet reaped.
    #[must_use]
    pub fn has_children(&self) -> bool {
        self.processes.iter().any(|process| process.is_our_child)
    }

    /// Whether somebody went while we looked, so that it takes another scan to be sure
    /// that there is nobody else.
    #[must_use]
    pub fn is_torn(&self) -> bool {
        self.torn
    }

    /// Whether anybody is dead who was not so before.
    fn has_new_dead(&self, before: Option<&Snapshot>) -> bool {
        let dead = |process: &&Process| process.in_scope && !process.stat.is_alive();
        self.processes.iter().filter(dead).any(|process| {
            let then = before.and_then(|before| before.find(process.pid, process.stat.starttime));
            then.is_none_or(|then| then.stat.is_alive())
        })
    }

    /// This very process, if it is there.
    #[must_use]
    pub fn find(&self, pid: Pid, starttime: StartTime) -> Option<&Process> {
        let process = self.processes.get(self.index(pid)?)?;
        (process.stat.starttime == starttime).then_some(process)
    }

    fn index(&self, pid: Pid) -> Option<usize> {
        self.processes.binary_search_by_key(&pid, |p| p.pid).ok()
    }

    /// Finds who is in scope.
    fn find_scope(&mut self, scope: &Scope) {
        let ours = match scope {
            Scope::Namespace(_) => vec![Some(()); self.processes.len()],
            Scope::Descendants => self.climb(
                |process| process.is_our_child.then_some(()),
                |_, from_parent| from_parent,
            ),
        };
        for (process, ours) in self.processes.iter_mut().zip(ours) {
            process.in_scope = ours.is_some() && !process.stat.kernel;
        }
    }

    /// Finds who belongs to which run. Nobody out of scope does, whatever he bears.
    fn find_runs(&mut self, evidence: &Evidence, mark: impl Fn(Pid) -> Option<RunId>) {
        let runs = self.climb(
            |process| {
                if !process.in_scope {
                    return None;
                }
                evidence
                    .leads(process.pid)
                    .or_else(|| evidence.grouped(process.pid))
                    .or_else(|| mark(process.pid).filter(|&run| evidence.knows(run)))
            },
            |process, from_parent| from_parent.or_else(|| evidence.in_session_of(&process.stat)),
        );
        for (process, run) in self.processes.iter_mut().zip(runs) {
            process.run = run.filter(|_| process.in_scope);
        }
    }

    /// Finds a value for everybody: his own, or what becomes of his parent's. Every
    /// process is looked at once. Parents that make a circle, which a number that was
    /// used again between two reads can make, have no value.
    fn climb<T: Copy>(
        &self,
        own: impl Fn(&Process) -> Option<T>,
        inherit: impl Fn(&Process, Option<T>) -> Option<T>,
    ) -> Vec<Option<T>> {
        let mut found = vec![None; self.processes.len()];
        let mut visited = vec![false; self.processes.len()];
        let mut path = Vec::new();
        for start in 0..self.processes.len() {
            let mut next = Some(start);
            let mut value = None;
            while let Some(here) = next {
                let Some(process) = self.processes.get(here) else {
                    break;
                };
                if std::mem::replace(&mut visited[here], true) {
                    value = found[here];
                    break;
                }
                value = own(process);
                if value.is_some() {
                    found[here] = value;
                    break;
                }
                path.push((here, process));
                next = self.index(process.stat.ppid);
            }
            while let Some((here, process)) = path.pop() {
                value = inherit(process, value);
                found[here] = value;
            }
        }
        found
    }
}

/// What speaks for a run, in an order in which it can be found.
struct Evidence {
    /// By pid.
    leaders: Vec<(Pid, RunId)>,
    /// By session or group, without those whose number is somebody else's by now.
    sessions: Vec<(Pid, RunId)>,
    /// By pid.
    grouped: Vec<(Pid, RunId)>,
    runs: Vec<RunId>,
}

impl Evidence {
    fn new(leaders: &[Leader<'_>], snapshot: &Snapshot) -> Evidence {
        let mut evidence = Evidence {
            leaders: Vec::new(),
            sessions: Vec::new(),
            grouped: Vec::new(),
            runs: leaders.iter().map(|leader| leader.run).collect(),
        };
        for leader in leaders {
            let entry = (leader.pid, leader.run);
            if leader.unreaped {
                evidence.leaders.push(entry);
            }
            if leader.unreaped || snapshot.index(leader.pid).is_none() {
                evidence.sessions.push(entry);
            }
            let grouped = leader.cgroup.and_then(Cgroup::members).unwrap_or_default();
            let grouped = grouped.into_iter().map(|pid| (pid, leader.run));
            evidence.grouped.extend(grouped);
        }
        order::sort(&mut evidence.leaders);
        order::sort(&mut evidence.sessions);
        order::sort(&mut evidence.grouped);
        order::sort(&mut evidence.runs);
        evidence
    }

    fn leads(&self, pid: Pid) -> Option<RunId> {
        find(&self.leaders, pid)
    }

    fn grouped(&self, pid: Pid) -> Option<RunId> {
        find(&self.grouped, pid)
    }

    fn in_session_of(&self, stat: &Stat) -> Option<RunId> {
        find(&self.sessions, stat.sid).or_else(|| find(&self.sessions, stat.pgid))
    }

    fn knows(&self, run: RunId) -> bool {
        self.runs.binary_search(&run).is_ok()
    }
}

/// Where two runs claim a number the later one has it: the earlier one's leader is gone.
fn find(sorted: &[(Pid, RunId)], pid: Pid) -> Option<RunId> {
    let end = sorted.partition_point(|entry| entry.0 <= pid);
    let last = sorted.get(end.checked_sub(1)?)?;
    (last.0 == pid).then_some(last.1)
}

impl Process {
    fn new(pid: Pid, stat: Stat, me: Pid) -> Process {
        Process {
            pid,
            stat,
            run: None,
            in_scope: false,
            is_our_child: stat.ppid == me,
        }
    }

    /// Its name.
    #[must_use]
    pub fn comm(&self) -> Comm {
        self.stat.comm
    }
}

#[cfg(test)]
mod tests;
