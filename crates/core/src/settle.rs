//! The work list: programs whose surroundings changed.
//!
//! One that is wanted starts when all that it needs holds; one that is not wanted any
//! more is told when nobody who needs it is alive. There is no recursion and there are
//! no waves: what is independent happens at the same time by itself.

use crate::program::{Standing, State};
use crate::shutdown::Phase;
use crate::{Cause, FatalReason, ProgramId, Supervisor, Time, Why};

impl Supervisor {
    /// Works off the programs whose surroundings changed, then looks at the whole.
    pub(crate) fn settle(&mut self, now: Time) {
        loop {
            // Who starts last is told first.
            let rank = match self.phase {
                Phase::Up => self.dirty.pop_first(),
                Phase::Stopping(_) | Phase::Over => self.dirty.pop_last(),
            };
            let Some(rank) = rank else { break };
            let Some(id) = self.graph.at_rank(rank) else {
                continue;
            };
            match self.phase {
                Phase::Up => self.settle_up(now, id),
                Phase::Stopping(_) => self.settle_stopping(now, id),
                Phase::Over => {}
            }
        }
        match self.phase {
            Phase::Up if self.busy == 0 && !self.spec.pauses => {
                self.begin_shutdown(now, Cause::NothingLeft);
                self.settle(now);
            }
            Phase::Stopping(_) => self.tell_strays_when_alone(now),
            Phase::Up | Phase::Over => {}
        }
    }

    /// While all is well: starts a program that is wanted, when its needs hold; and tells
    /// one that is not in the configuration any more, when nobody alive needs it.
    fn settle_up(&mut self, now: Time, id: ProgramId) {
        let Some(program) = self.program(id) else {
            return;
        };
        if program.standing == Standing::Removed {
            if !self.is_needed(id) {
                self.tell(now, id, Why::Removed);
            }
            return;
        }
        if program.waits_to_leave().is_some() {
            self.take_leave(now, id);
            return;
        }
        let is_due = match program.state {
            State::Stopped => program.wanted,
            State::Backoff { until } => until <= now,
            State::Starting { .. }
            | State::Running { .. }
            | State::Stopping(_)
            | State::Exited { .. }
            | State::Fatal { .. } => false,
        };
        if !is_due || (program.standing == Standing::New && self.somebody_leaves()) {
            return;
        }
        match self.needs(id) {
            Needs::Hold => self.start(now, id),
            Needs::MayHold => {
                // A pause that is over is no deadline any more; it waits for its needs.
                if self
                    .program(id)
                    .is_some_and(|p| matches!(p.state, State::Backoff { .. }))
                {
                    self.become_state(now, id, State::Stopped);
                }
                self.answer_who_waits_in_vain(now, id);
            }
            Needs::NeverHold(needed) => {
                let end = self.program(needed).and_then(|program| program.last.end);
                self.give_up(now, id, FatalReason::Needs(needed), end);
            }
        }
    }

    /// Whether somebody lives who is not in the configuration any more.
    fn somebody_leaves(&self) -> bool {
        self.who_leaves().is_some()
    }

    /// The first who lives and is not in the configuration any more.
    pub(crate) fn who_leaves(&self) -> Option<ProgramId> {
        self.ids().find(|id| {
            self.program(*id).is_some_and(|program| {
                program.standing == Standing::Removed && program.state.run().is_some()
            })
        })
    }

    /// During the shutdown: tells a program that nobody needs any more.
    fn settle_stopping(&mut self, now: Time, id: ProgramId) {
        if !self.is_needed(id) {
            self.tell(now, id, Why::Shutdown);
        }
    }

    /// Whether a program must wait for another one's end before its own (STOP-4).
    fn is_needed(&self, id: ProgramId) -> bool {
        self.is_held_by(id).is_some()
    }

    /// The first for whose end it must wait.
    pub(crate) fn is_held_by(&self, id: ProgramId) -> Option<ProgramId> {
        let mut users = self.graph.users(id).iter().copied();
        users.find(|user| {
            self.program(*user).is_some_and(|user| {
                let is_to_end = self.is_stopping() || user.standing == Standing::Removed;
                !user.let_go && (is_to_end || user.state.run().is_some())
            })
        })
    }

    /// Of those that are to end, by the shutdown or since they were removed: one without a
    /// life holds back those that it needs no more, once those that need it hold it back no
    /// more. One that is done (a migration, say) still stands between the two: they depend
    /// on each other by way of it (STOP-4).
    pub(crate) fn let_go(&mut self, id: ProgramId) {
        let stopping = self.is_stopping();
        let mut work = alloc::vec![id];
        while let Some(id) = work.pop() {
            let is_needed = self.is_needed(id);
            let Some((program, spec)) = self.parts(id) else {
                continue;
            };
            let is_to_end = stopping || program.standing == Standing::Removed;
            let lives = program.state.run().is_some();
            if is_needed || program.let_go || lives || !is_to_end {
                continue;
            }
            program.let_go = true;
            work.extend(spec.needs.iter().map(|need| need.program));
            self.mark_dirty(id);
        }
    }

    /// Whether all that a program needs is there.
    fn needs(&self, id: ProgramId) -> Needs {
        let mut all = Needs::Hold;
        for need in self
            .spec
            .programs
            .get(id.0 as usize)
            .into_iter()
            .flat_map(|spec| &spec.needs)
        {
            let Some(program) = self.program(need.program) else {
                continue;
            };
            let Some(spec) = self.spec.programs.get(need.program.0 as usize) else {
                continue;
            };
            if program.meets(need.condition) {
                continue;
            }
            if program.is_lost(spec) {
                return Needs::NeverHold(need.program);
            }
            all = Needs::MayHold;
        }
        all
    }
}

/// Whether all that a program needs is there.
enum Needs {
    Hold,
    MayHold,
    NeverHold(ProgramId),
}
