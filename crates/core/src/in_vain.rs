//! Who waits for a program that waits for another one, which was stopped on request or
//! which nobody has asked for yet. Such a program is not given up, since whoever stopped
//! the other one may start it again; but it will not be up by itself, and who waits for
//! that is told so at once.

use alloc::vec::Vec;

use crate::program::State;
use crate::waiting::Goal;
use crate::{Outcome, ProgramId, Supervisor, Time, Why};

impl Supervisor {
    /// A program is due and waits for what it needs.
    pub(crate) fn answer_who_waits_in_vain(&mut self, now: Time, id: ProgramId) {
        if self.requests.is_empty() || !self.waits_in_vain(id) {
            return;
        }
        if let Some(status) = self.status(now, id) {
            self.settle_targets(id, Goal::is_of_the_living, Outcome::Impossible(status));
        }
        let users: Vec<ProgramId> = self.graph.users(id).to_vec();
        users.into_iter().for_each(|user| self.look_again(user));
    }

    /// Whether what a program needs will not be there by itself, by way of others that
    /// wait, too.
    fn waits_in_vain(&self, id: ProgramId) -> bool {
        let mut seen = alloc::vec![false; self.programs.len()];
        let mut work = alloc::vec![id];
        while let Some(id) = work.pop() {
            for needed in self.missing_needs(id) {
                if self.is_unwanted(needed) {
                    return true;
                }
                let seen = seen.get_mut(needed.0 as usize);
                let is_new = seen.is_some_and(|seen| !core::mem::replace(seen, true));
                let waits = self
                    .program(needed)
                    .is_some_and(|program| program.state == State::Stopped && program.wanted);
                if is_new && waits {
                    work.push(needed);
                }
            }
        }
        false
    }

    /// Whether a program is to have no life, or none after this one, until somebody asks
    /// for it. What has ended for good is told of in another way (DEP-2).
    fn is_unwanted(&self, id: ProgramId) -> bool {
        let Some((program, spec)) = self.pair(id) else {
            return false;
        };
        let has_times = program.has_times(spec);
        match program.state {
            State::Starting { .. } | State::Running { .. } => program.leaving == Some(Why::Stopped),
            State::Stopping(_) => program.stopped && !program.again,
            State::Stopped => !program.wanted && !has_times,
            State::Backoff { .. } | State::Exited { .. } | State::Fatal { .. } => false,
        }
    }
}
