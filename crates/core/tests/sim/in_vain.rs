//! The checker on who waits for a program that waits for another one, which will not be
//! there until somebody asks for it.

use lastout_core::{By, Outcome, RequestId, Time, Why};

use crate::answers::any_status;
use crate::facts::Checker;
use crate::shadow::{Life, Standing};

impl Checker {
    /// Who waits for a life that will not come by itself must have been told by now.
    pub(crate) fn look_for_hope(&mut self, now: Time) {
        let mut all = std::mem::take(&mut self.asked);
        let stopping = self.stop.is_some() || self.asked_for_end.is_some();
        for asked in all.iter_mut().filter(|_| !stopping) {
            for target in asked.open_targets() {
                let is_there = target.program < self.shadows.len();
                if is_there && target.goal.wants_a_life() && self.waits_in_vain(now, target.program)
                {
                    target.outcome = Some(Outcome::Impossible(any_status()));
                }
            }
        }
        self.asked = all;
    }

    /// Who asks in the shutdown for a life that is not there waits for nothing.
    pub(crate) fn no_life_will_come(&mut self, id: RequestId) {
        for asked in self.asked.iter_mut().filter(|asked| asked.id == id) {
            for target in asked.open_targets().filter(|it| it.goal.wants_a_life()) {
                target.outcome = Some(Outcome::Overtaken(By::Shutdown));
            }
        }
    }

    /// Whether a program is due and waits for what will not be there until somebody asks
    /// for it, by way of others that wait, too. One that is new comes to that only when
    /// those that leave are gone.
    pub(crate) fn waits_in_vain(&self, now: Time, program: usize) -> bool {
        let is_new = self.shadows[program].standing == Standing::New;
        !(is_new && self.somebody_leaves()) && self.would_wait_in_vain(now, program)
    }

    fn would_wait_in_vain(&self, now: Time, program: usize) -> bool {
        let shadow = &self.shadows[program];
        let is_due = match shadow.life {
            Life::Waiting => shadow.wanted,
            Life::Pause(until) => until <= now,
            Life::Alive(_) | Life::Between(..) | Life::Done { .. } | Life::Fatal { .. } => false,
        };
        let needs = self.spec.programs[program].needs.iter();
        let missing = needs.map(|need| (need.program.0 as usize, need.condition));
        let mut missing =
            missing.filter(|(needed, how)| !self.shadows[*needed].meets_as_told(*how));
        is_due
            && missing
                .any(|(needed, _)| self.is_unwanted(needed) || self.would_wait_in_vain(now, needed))
    }

    fn is_unwanted(&self, program: usize) -> bool {
        let shadow = &self.shadows[program];
        let spec = &self.spec.programs[program];
        let has_times = spec.schedule.is_some() && spec.autostart && !shadow.stopped;
        match &shadow.life {
            Life::Alive(run) if run.is_untold() => shadow.leaving == Some(Why::Stopped),
            Life::Alive(_) => shadow.stopped && !shadow.again,
            Life::Waiting => !shadow.wanted && !has_times,
            Life::Between(..) | Life::Pause(_) | Life::Done { .. } | Life::Fatal { .. } => false,
        }
    }
}
