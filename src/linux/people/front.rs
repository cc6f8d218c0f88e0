//! The people of a terminal: who was given it, who was stopped by it, and the shell that
//! is alone on it in a stop (SIG-6, STOP-9).

use lastout_core::{RunId, Signal};
use nix::unistd::Pid;

use super::People;
use super::stop::send_to_group;
use crate::linux::terminal;
use crate::linux::wait::{self, Stop};

impl People {
    /// The runs with a terminal that were told, and of which only the leader is left,
    /// who would not be cut short by a hangup (STOP-9).
    #[must_use]
    pub fn lonely_leaders(&self) -> Vec<RunId> {
        let shells = self
            .runs
            .iter()
            .filter(|(_, run)| run.has_terminal && run.told.is_some() && run.unreaped);
        let shells: Vec<(RunId, Pid, Signal)> = shells
            .filter_map(|(id, run)| Some((*id, run.pid, run.told?)))
            .collect();
        if shells.is_empty() {
            return Vec::new();
        }
        let Some(census) = self.census() else {
            return Vec::new();
        };
        let Some(snapshot) = census.take(&self.leader_list(), None) else {
            return Vec::new();
        };
        let lonely = shells.into_iter().filter(|(id, pid, told)| {
            let alone = snapshot.members(*id).all(|member| member.pid == *pid);
            alone
                && census.proc.signals(*pid).is_some_and(|signals| {
                    signals.ignored.has(*told) || signals.caught.has(Signal::HUP)
                })
        });
        lonely.map(|(id, _, _)| id).collect()
    }

    /// The runs on a terminal that it has stopped since somebody asked last.
    #[must_use]
    pub fn stopped_by_terminal(&self) -> Vec<(RunId, Stop)> {
        let on_terminal = self
            .runs
            .iter()
            .filter(|(_, run)| run.is_on_terminal && run.unreaped);
        on_terminal
            .filter_map(|(id, run)| Some((*id, wait::was_stopped_by_terminal(run.pid)?)))
            .collect()
    }

    /// Whether this run's group is in front on the terminal.
    #[must_use]
    pub fn is_in_front(&self, run: RunId) -> bool {
        let run = self.runs.get(&run).filter(|run| run.has_terminal);
        run.is_some_and(|run| terminal::is_in_front(run.pid))
    }

    /// The runs that were given the terminal.
    #[must_use]
    pub fn runs_with_terminal(&self) -> Vec<RunId> {
        let with = self
            .runs
            .iter()
            .filter(|(_, run)| run.has_terminal && run.unreaped);
        with.map(|(id, _)| *id).collect()
    }

    /// Puts a program in front on the terminal again, and lets it go on.
    pub fn bring_to_front(&mut self, run: RunId) {
        if let Some(run) = self.runs.get_mut(&run).filter(|run| run.unreaped) {
            if terminal::is_ours_to_give() {
                terminal::give_to(run.pid);
                run.has_terminal = true;
                self.gave_terminal = true;
            }
            send_to_group(run.pid, Signal::CONT);
        }
    }
}
