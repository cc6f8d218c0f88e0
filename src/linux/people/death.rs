//! How people are buried: leaders that have ended are looked at before they are reaped,
//! so that their numbers are theirs until their trees were swept; whoever else becomes our
//! child is reaped at once; and a tree is gone when nobody is left of it.

use lastout_core::RunId;

use super::{People, Person, Rest, Run};
use crate::linux::tell::Whom;
use crate::linux::wait::{self, Peek, Zombie};

impl People {
    /// All leaders that have ended, this one first, `most` of them. They are not reaped.
    #[must_use]
    pub fn ended_leaders(&self, first: Zombie, most: usize) -> Vec<(RunId, Zombie)> {
        let mut ended: Vec<(RunId, Zombie)> = self
            .run_of(&first)
            .map(|run| (run, first))
            .into_iter()
            .collect();
        for (pid, run) in &self.leaders {
            if ended.len() >= most {
                break;
            }
            if *pid != first.pid
                && let Peek::Ended(zombie) = wait::peek_at(*pid)
            {
                ended.push((*run, zombie));
            }
        }
        ended
    }

    /// Reaps a leader.
    pub fn reap_leader(&mut self, run: RunId, zombie: Zombie) {
        self.leaders.remove(&zombie.pid);
        zombie.reap();
        if let Some(run) = self.runs.get_mut(&run) {
            run.unreaped = false;
        }
    }

    /// Reaps somebody who leads no run.
    pub fn reap_other(&mut self, zombie: Zombie) -> Person {
        let person = Person {
            pid: zombie.pid,
            born: None,
            comm: None,
        };
        zombie.reap();
        person
    }

    /// The runs of which nobody is left, and takes them off the table. Whoever of the
    /// others is new is told. `childless`: we are known to have no children at all, so
    /// that nobody is left of any ([`anyone_but`] tells why).
    pub fn gone_trees(&mut self, childless: bool) -> Vec<RunId> {
        let dead = |run: &Run| !run.unreaped && run.rest.is_some();
        let waiting: Vec<RunId> = self
            .runs
            .iter()
            .filter(|(_, run)| dead(run))
            .map(|(id, _)| *id)
            .collect();
        self.unsettled = false;
        if waiting.is_empty() {
            return waiting;
        }
        let gone: Vec<RunId> = if !childless && self.is_anyone_but_leaders() {
            waiting
                .into_iter()
                .filter(|run| !self.has_anybody(*run))
                .collect()
        } else {
            waiting
        };
        for run in &gone {
            self.remove(*run);
        }
        gone
    }

    /// Whether anybody is left of a tree whose leader is gone; tells those who are new.
    pub(super) fn has_anybody(&mut self, id: RunId) -> bool {
        let Some(run) = self.runs.get(&id) else {
            return false;
        };
        let pid = run.pid;
        let Some(Rest::Told(signal) | Rest::ToTell(signal)) = run.rest else {
            return false;
        };
        match self.outcome_of_telling(Whom::Followers(id), signal) {
            Some(outcome) => {
                self.unsettled |= !outcome.settled;
                outcome.left > 0 || !outcome.settled
            }
            // Without /proc: whether the group has anybody.
            None => nix::sys::signal::killpg(pid, None) != Err(nix::errno::Errno::ESRCH),
        }
    }

    /// The run never came to be: its child failed before the exec, and is reaped.
    pub fn remove(&mut self, run: RunId) {
        if let Some(run) = self.runs.remove(&run) {
            if run.unreaped {
                self.leaders.remove(&run.pid);
            }
            if let Some(cgroup) = run.cgroup {
                let _ = cgroup.remove();
            }
        }
    }

    /// Whoever is left of this tree belongs to no run from now on.
    pub fn disown(&mut self, run: RunId) {
        self.remove(run);
    }
}
