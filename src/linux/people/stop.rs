//! How people are told, and killed: leaders by their pid while it is theirs, trees and
//! strays by a scan that looks at each process again, everybody at once only as PID 1.
//!
//! Whoever is told is told once, and goes on if he was stopped, so that he can act.

use std::collections::BTreeMap;

use lastout_core::{RunId, Scope, Signal};
use nix::unistd::Pid;

use super::{Killing, People, Person, Rest, Run, Sighting, Strays};
use crate::linux::tell::{self, Outcome, Whom};

/// Sightings that are kept between two looks at them.
const MOST_SIGHTINGS: usize = 4096;

/// How many looks at everybody there are before everybody is killed at one blow: they
/// take some 75 ms, in which who was killed is gone.
const LOOKS_TO_KILL: u8 = 4;

impl People {
    /// Passes a signal on.
    pub fn forward(&self, run: RunId, scope: Scope, signal: Signal) {
        let Some(run) = self.runs.get(&run).filter(|run| run.unreaped) else {
            return;
        };
        match scope {
            Scope::Leader => send(run.pid, signal),
            Scope::Group | Scope::Tree => send_to_group(run.pid, signal),
        }
    }

    /// Asks a run's leader to end, or its group, or everybody of its tree. Who is
    /// stopped goes on, so that it can act.
    pub fn tell(&mut self, id: RunId, scope: Scope, signal: Signal) {
        let Some(run) = self.runs.get_mut(&id).filter(|run| run.unreaped) else {
            return;
        };
        run.told = Some(signal);
        let pid = run.pid;
        match scope {
            Scope::Leader => send(pid, signal),
            Scope::Group => {
                // At one blow, so that nobody forks away; then noted, so that none of
                // them is told again when the leader is gone.
                send_to_group(pid, signal);
                self.note_group(pid, signal);
            }
            Scope::Tree if self.tell_by_census(Whom::Runs(&[id]), signal) => {}
            Scope::Tree => send_to_group(pid, signal),
        }
        send_to_group(pid, Signal::CONT);
    }

    /// Asks those of a tree to end who were not told with its leader, which is alive.
    pub fn tell_followers(&mut self, id: RunId, signal: Signal) {
        let Some(pid) = self.runs.get(&id).map(|run| run.pid) else {
            return;
        };
        if !self.tell_by_census(Whom::Followers(&[id]), signal) {
            // Without /proc the leader is told twice rather than the others never.
            let _ = send_to_group_left_by(pid, signal);
        }
    }

    /// The leader has ended, and the rest of the tree is to be told. It is when
    /// [`People::tell_rests`] is called, for all at once.
    pub fn tell_rest(&mut self, id: RunId, signal: Signal) {
        if let Some(run) = self.runs.get_mut(&id) {
            run.rest = Some(Rest::ToTell(signal));
            self.rests.push(id);
        }
    }

    /// Tells what leaders that have just ended left behind. To be called before they
    /// are reaped, while their numbers are still theirs.
    pub fn tell_rests(&mut self) {
        let waiting: Vec<(RunId, Pid, Signal)> = std::mem::take(&mut self.rests)
            .into_iter()
            .filter_map(|id| {
                let run = self.runs.get(&id)?;
                match run.rest {
                    Some(Rest::ToTell(signal)) => Some((id, run.pid, signal)),
                    Some(Rest::Told(_) | Rest::Nobody) | None => None,
                }
            })
            .collect();
        if waiting.is_empty() {
            return;
        }
        let anyone = self.is_anyone_but_leaders();
        // One scan for all that are told the same: there may be a thousand.
        let mut by_signal: BTreeMap<Signal, Vec<RunId>> = BTreeMap::new();
        for (id, _, signal) in &waiting {
            by_signal.entry(*signal).or_default().push(*id);
            if let Some(run) = self.runs.get_mut(id) {
                run.rest = Some(if anyone {
                    Rest::Told(*signal)
                } else {
                    Rest::Nobody
                });
            }
        }
        if !anyone {
            return;
        }
        for (signal, runs) in by_signal {
            if self.tell_by_census(Whom::Followers(&runs), signal) {
                continue;
            }
            for (_, pid, _) in waiting.iter().filter(|(_, _, theirs)| *theirs == signal) {
                let _ = send_to_group_left_by(*pid, signal);
                let _ = send_to_group_left_by(*pid, Signal::CONT);
            }
        }
    }

    /// Hangs up on a leader.
    pub fn hang_up(&self, run: RunId) {
        if let Some(run) = self.runs.get(&run).filter(|run| run.unreaped) {
            send(run.pid, Signal::HUP);
            send(run.pid, Signal::CONT);
        }
    }

    /// A tree is to be killed. It is when [`People::kill_waiting`] is called, together
    /// with all others that are to be.
    pub fn kill(&mut self, run: RunId) {
        self.to_kill.push(run);
    }

    /// Kills the trees that are to be killed, with one look at everybody for all.
    pub fn kill_waiting(&mut self) {
        let runs = std::mem::take(&mut self.to_kill);
        if runs.is_empty() {
            return;
        }
        // Who is to be named is looked up while it is there.
        self.sight(Whom::Followers(&runs), Signal::KILL);
        for id in &runs {
            let Some(run) = self.runs.get_mut(id) else {
                continue;
            };
            run.is_killed = true;
            if run.unreaped {
                send_to_group(run.pid, Signal::KILL);
            }
        }
        let leaders = self.leader_list();
        let killed = self
            .census()
            .and_then(|census| census.kill(&leaders, Whom::Runs(&runs)));
        if killed.is_none() {
            for run in runs.iter().filter_map(|id| self.runs.get(id)) {
                let _ = send_to_group_left_by(run.pid, Signal::KILL);
            }
        }
    }

    /// Everybody is to be asked to end who belongs to no run. They are when
    /// [`People::tell_waiting_strays`] is called, after the dead were reaped, so that
    /// usually nobody is left to be looked for.
    pub fn tell_strays(&mut self, signal: Signal) {
        self.strays = Strays::ToTell(signal);
    }

    /// Asks those to end who belong to no run.
    pub fn tell_waiting_strays(&mut self) {
        let Strays::ToTell(signal) = self.strays else {
            return;
        };
        self.strays = Strays::Told(signal);
        if self.nobody_left() {
            return;
        }
        if self.tell_by_census(Whom::Strays, signal) {
            self.hang_up_on_stray_shells();
        } else if let Some(init) = self.scope.init() {
            let _ = init.tell_all(signal);
            let _ = init.tell_all(Signal::CONT);
        }
    }

    /// Kills everybody.
    pub fn kill_everybody(&mut self) {
        self.sight(Whom::Everybody, Signal::KILL);
        self.kill_all();
    }

    /// As PID 1 there is one call that kills everybody, the relay too: so as long as there
    /// is one, those are killed whom a look finds. If they do not go, or are hidden from
    /// us, all are killed at one blow, and another relay is there at the end.
    pub(super) fn kill_all(&mut self) {
        let looks = match self.killing {
            None => 0,
            Some(Killing::ByLook(looks)) => looks,
            Some(Killing::AtOnce) => LOOKS_TO_KILL,
        };
        let spares_relay = self.relay.is_some() && self.proc.is_some();
        match self.scope.init() {
            Some(init) if !spares_relay || looks >= LOOKS_TO_KILL => {
                self.killing = Some(Killing::AtOnce);
                let _ = init.tell_all(Signal::KILL);
                return;
            }
            Some(_) | None => {
                self.killing = Some(Killing::ByLook(looks.saturating_add(1)));
            }
        }
        let leaders = self.leader_list();
        let census = self
            .census()
            .and_then(|census| census.kill(&leaders, Whom::Everybody));
        if census.is_none() {
            for run in self.runs.values() {
                let _ = send_to_group_left_by(run.pid, Signal::KILL);
            }
        }
    }

    /// During the stop: tells or kills whoever has come since.
    pub fn look_again(&mut self) {
        if self.killing.is_some() {
            self.kill_all();
        } else if let Strays::Told(signal) = self.strays {
            let _ = self.tell_by_census(Whom::Strays, signal);
        }
    }

    /// Whether somebody may come or go whom no SIGCHLD tells of, so that it is worth to
    /// look again in a moment: strays that are told, or a shell that is.
    #[must_use]
    pub fn is_worth_another_look(&self) -> bool {
        let shell = |run: &Run| run.has_terminal && run.told.is_some() && run.unreaped;
        let strays = self.strays != Strays::Let;
        let shells = self.gave_terminal && self.runs.values().any(shell);
        self.killing.is_some() || strays || self.unsettled || shells
    }

    /// Tells whom a scan finds. False where there is nothing to scan.
    pub(super) fn tell_by_census(&mut self, whom: Whom<'_>, signal: Signal) -> bool {
        self.outcome_of_telling(whom, signal).is_some()
    }

    /// Tells whom a scan finds, and how many of them are alive.
    pub(super) fn outcome_of_telling(&mut self, whom: Whom<'_>, signal: Signal) -> Option<Outcome> {
        let mut told = std::mem::take(&mut self.told);
        let leaders = self.leader_list();
        let signals = [signal, Signal::CONT];
        let outcome = self
            .census()
            .and_then(|census| census.tell(&leaders, whom, &signals, &mut told));
        drop(leaders);
        self.told = told;
        self.sight_news(signal);
        outcome
    }

    /// Notes for the report who was told just now.
    pub(super) fn sight_news(&mut self, signal: Signal) {
        for process in self.told.take_news() {
            let leads = self.leaders.contains_key(&process.pid);
            if !leads && self.sightings.len() < MOST_SIGHTINGS {
                let (who, of) = (Person::of(&process), process.run);
                self.sightings.push(Sighting { who, of, signal });
            }
        }
    }

    /// Notes whom a signal that no scan guides will reach.
    pub(super) fn sight(&mut self, whom: Whom<'_>, signal: Signal) {
        let leaders = self.leader_list();
        let snapshot = self.census().and_then(|census| census.take(&leaders, None));
        let Some(snapshot) = snapshot else { return };
        let seen = snapshot.everybody().filter(|process| {
            !self.leaders.contains_key(&process.pid) && whom.includes(process, &leaders)
        });
        let seen: Vec<Sighting> = seen
            .take(MOST_SIGHTINGS)
            .map(|process| Sighting {
                who: Person::of(process),
                of: process.run,
                signal,
            })
            .collect();
        drop(leaders);
        self.sightings.extend(seen);
    }

    /// Notes the members of a group as told.
    pub(super) fn note_group(&mut self, leader: Pid, signal: Signal) {
        let leaders = self.leader_list();
        let snapshot = self.census().and_then(|census| census.take(&leaders, None));
        drop(leaders);
        let group = snapshot.iter().flat_map(|snapshot| snapshot.everybody());
        for process in group.filter(|process| process.stat.pgid == leader) {
            self.told.insert(process);
        }
        self.sight_news(signal);
    }

    /// A shell that somebody left open in the container ignores SIGTERM; it is hung up
    /// on as when its window is closed (STOP-9).
    pub(super) fn hang_up_on_stray_shells(&self) {
        let Some(census) = self.census() else { return };
        let Some(snapshot) = census.take(&self.leader_list(), None) else {
            return;
        };
        for stray in snapshot.strays() {
            if stray.stat.sid == stray.pid && stray.stat.tty.is_some() {
                let _ = tell::send(census.proc, stray, &[Signal::HUP]);
            }
        }
    }
}

/// Sends a signal to a child that is not reaped, whatever the signal's number.
pub(super) fn send(pid: Pid, signal: Signal) {
    // SAFETY: kill takes no pointers, and the pid is that of a child we have not reaped.
    unsafe { libc::kill(pid.as_raw(), signal.number()) };
}

/// Sends a signal to the group of a leader that is not reaped; to the leader alone, as
/// long as it has not made its group.
pub(super) fn send_to_group(leader: Pid, signal: Signal) {
    if !send_to_group_left_by(leader, signal) {
        send(leader, signal);
    }
}

/// Sends a signal to the group whose leader may be reaped. Whether there is one.
pub(super) fn send_to_group_left_by(leader: Pid, signal: Signal) -> bool {
    // SAFETY: as above; the number of a group is not given away while it has members.
    unsafe { libc::kill(-leader.as_raw(), signal.number()) == 0 }
}
