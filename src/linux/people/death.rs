//! How people are buried: leaders that have ended are looked at before they are reaped,
//! so that their numbers are theirs until their trees were swept; whoever else becomes our
//! child is reaped at once; and a tree is gone when nobody is left of it.

use std::collections::BTreeMap;

use lastout_core::{RunId, Signal};

use super::{People, Person, Rest};
use crate::linux::tell::Whom;
use crate::linux::wait::{self, Peek, Zombie};

impl People {
    /// All leaders that have ended, this one first, `most` of them; each of the others is
    /// asked, where more than one is wanted. They are not reaped, but for those in whose
    /// place another one leads from now on: they count no more.
    #[must_use]
    pub fn ended_leaders(&mut self, first: Zombie, most: usize) -> Vec<(RunId, Zombie)> {
        self.let_successors_lead();
        let mut ended: Vec<(RunId, Zombie)> = self
            .leaders
            .get(&first.pid)
            .map(|run| (*run, first))
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
        if let Some(entry) = self.runs.get_mut(&run) {
            entry.unreaped = false;
            self.leaderless.push(run);
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
        let mut gone = Vec::new();
        let mut waiting = Vec::new();
        for id in &self.leaderless {
            match self.runs.get(id).and_then(|run| run.rest) {
                // It was seen when its leader had ended, and nobody could come since.
                Some(Rest::Nobody) => gone.push(*id),
                Some(Rest::ToTell(_) | Rest::Told(_)) => waiting.push(*id),
                None => {}
            }
        }
        self.unsettled = false;
        if !waiting.is_empty() {
            let left = match !childless && self.is_anyone_but_leaders() {
                true => self.who_have_anybody(&waiting),
                false => Vec::new(),
            };
            gone.extend(waiting.into_iter().filter(|run| !left.contains(run)));
        }
        for run in &gone {
            self.remove(*run);
        }
        gone
    }

    /// Of which of these trees, whose leaders are gone, anybody is left; who is new is
    /// told. Two looks at everybody serve for all of them, however many there are.
    fn who_have_anybody(&mut self, runs: &[RunId]) -> Vec<RunId> {
        let leaders = self.leader_list();
        let first = self.census().and_then(|census| census.take(&leaders, None));
        let second = self
            .census()
            .and_then(|census| census.take(&leaders, first.as_ref()));
        drop(leaders);
        let Some(snapshot) = second else {
            return self.whose_group_has_anybody(runs);
        };
        self.unsettled = snapshot.is_torn();
        let mut new: BTreeMap<Signal, Vec<RunId>> = BTreeMap::new();
        let mut left = Vec::new();
        for id in runs {
            let Some(run) = self.runs.get(id) else {
                continue;
            };
            let mut members = snapshot.members(*id).peekable();
            if members.peek().is_some() || snapshot.is_torn() {
                left.push(*id);
            }
            if let Some(Rest::Told(signal) | Rest::ToTell(signal)) = run.rest
                && !run.is_killed
                && members.any(|member| !self.told.contains(member))
            {
                new.entry(signal).or_default().push(*id);
            }
        }
        for (signal, runs) in new {
            let _ = self.tell_by_census(Whom::Followers(&runs), signal);
        }
        left
    }

    /// Without /proc: which of these trees' groups have anybody.
    fn whose_group_has_anybody(&self, runs: &[RunId]) -> Vec<RunId> {
        let has_anybody = |id: &&RunId| {
            let nobody = Err(nix::errno::Errno::ESRCH);
            let run = self.runs.get(id);
            run.is_some_and(|run| nix::sys::signal::killpg(run.pid, None) != nobody)
        };
        runs.iter().filter(has_anybody).copied().collect()
    }

    /// The run never came to be: its child failed before the exec, and is reaped.
    pub fn remove(&mut self, run: RunId) {
        self.forget_successor(run);
        self.leaderless.retain(|other| *other != run);
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
