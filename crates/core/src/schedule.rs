//! Programs that run at their times. The times come from the shell, which knows the
//! calendar; here is what becomes of one that comes while the last one is not over.

use alloc::format;
use alloc::vec::Vec;

use crate::program::{Program, Standing, State};
use crate::{Care, Concurrency, FatalReason, ProgramId, ProgramSpec, Supervisor, Time, Why};

/// Most lives of one scheduled program at once. Who needs more of them needs a longer
/// interval.
const MOST_TWINS: usize = 16;

impl Supervisor {
    /// Whether a program starts when its time comes.
    #[must_use]
    pub fn keeps_times(&self, id: ProgramId) -> bool {
        let spec = self.spec.programs.get(id.0 as usize);
        let has_times = spec.is_some_and(ProgramSpec::has_times);
        let program = self.program(id);
        // Who stopped it has stopped its times, too.
        let is_on = |it: &Program| it.standing != Standing::Removed && !it.stopped;
        has_times && !self.is_stopping() && program.is_some_and(is_on)
    }

    /// The time of a scheduled program has come.
    pub(crate) fn due(&mut self, now: Time, id: ProgramId) {
        if !self.keeps_times(id) {
            return;
        }
        let Some((program, spec)) = self.parts(id) else {
            return;
        };
        let Some(concurrency) = spec.schedule else {
            return;
        };
        if is_idle(program) {
            self.revive(now, id);
            return;
        }
        match concurrency {
            Concurrency::Forbid => self.care(id, Care::Skipped),
            Concurrency::Allow => self.start_twin(now, id),
            Concurrency::Replace => {
                if program.state.run().is_some() {
                    // Whatever it is that it is ending of.
                    program.again = true;
                    self.tell(now, id, Why::Replaced);
                } else {
                    self.revive(now, id);
                }
            }
        }
    }

    /// A second one beside the one that runs.
    fn start_twin(&mut self, now: Time, of: ProgramId) {
        let twins = self.ids().filter(|id| {
            let program = self.program(*id);
            program.is_some_and(|program| program.standing == Standing::Twin(of))
        });
        let (mut many, mut free) = (0, None);
        for id in twins {
            many += 1;
            if self.program(id).is_some_and(is_idle) {
                free = Some(id);
            }
        }
        let Some(spec) = self.spec.programs.get(of.0 as usize) else {
            return;
        };
        let twin = |number: usize| ProgramSpec {
            name: format!("{}+{number}", spec.name),
            schedule: None,
            autostart: false,
            ..spec.clone()
        };
        let id = match free {
            Some(id) => {
                let twin = twin(1);
                if let Some(slot) = self.spec.programs.get_mut(id.0 as usize) {
                    let name = core::mem::take(&mut slot.name);
                    *slot = ProgramSpec { name, ..twin };
                }
                id
            }
            None if many < MOST_TWINS => {
                let twin = twin(many + 1);
                let program = Program {
                    standing: Standing::Twin(of),
                    ..Program::new(false)
                };
                self.add(program, twin)
            }
            None => {
                self.care(of, Care::Skipped);
                return;
            }
        };
        self.arrange();
        self.revive(now, id);
    }

    /// A program without a life is wanted, and nothing of what was counts any more. So
    /// are those again that were given up for its sake.
    pub(crate) fn revive(&mut self, now: Time, id: ProgramId) {
        let mut work = alloc::vec![id];
        while let Some(id) = work.pop() {
            let Some((program, _)) = self.parts(id) else {
                continue;
            };
            if program.state.run().is_some() {
                continue;
            }
            let is_there = program.state == State::Stopped;
            let was_stopped = program.stopped;
            if is_there {
                program.since = now;
            }
            self.want(id);
            if !is_there {
                self.become_state(now, id, State::Stopped);
            }
            if was_stopped {
                self.count_startup();
            }
            work.extend(self.given_up_for(id));
        }
    }

    /// Those that were given up for the sake of this one, but for those whose time was
    /// then and is over.
    fn given_up_for(&self, id: ProgramId) -> Vec<ProgramId> {
        let users = self.graph.users(id).iter().copied();
        let is_given_up = |user: &ProgramId| {
            let Some((user, spec)) = self.pair(*user) else {
                return false;
            };
            let is_listed = matches!(user.standing, Standing::Listed | Standing::New);
            let is_for_it = matches!(user.state, State::Fatal { reason: FatalReason::Needs(needed) } if needed == id);
            // Who was stopped is none of them.
            is_for_it && is_listed && user.wanted && spec.schedule.is_none()
        };
        users.filter(is_given_up).collect()
    }
}

/// Whether it neither lives nor is about to.
fn is_idle(program: &Program) -> bool {
    match program.state {
        State::Stopped => !program.wanted,
        State::Exited { .. } | State::Fatal { .. } => true,
        State::Starting { .. }
        | State::Running { .. }
        | State::Backoff { .. }
        | State::Stopping(_) => false,
    }
}
