//! The checker on what status and why say after each step: that it is so, and that
//! every chain of causes leads somewhere.

use lastout_core::{ProgramId, ProgramState, Reason, Supervisor, Time};

use crate::facts::Checker;
use crate::shadow::{Check, Life, Part, Shadow, ensure};

impl Checker {
    pub(crate) fn overview_done(&self, now: Time, core: &Supervisor) -> Check {
        for (program, shadow) in self.shadows.iter().enumerate() {
            let id = ProgramId(program as u32);
            let Some(status) = core.status(now, id) else {
                return Err(format!("{program} has no status"));
            };
            let name = &self.spec.programs[program].name;
            let due = state_of(shadow);
            ensure!(
                status.state == due && status.run == shadow.run().map(|run| run.id),
                "{name} is {status:?}, and it is {due:?}"
            );
            self.reason_is_true(now, program, &status.reason)?;
            let steps = core.why(now, id);
            let mut pairs = steps.iter().zip(steps.iter().skip(1));
            ensure!(
                pairs.all(|(step, next)| step.reason.names() == Some(next.program)),
                "the chain of {name} is broken: {steps:?}"
            );
            // Nothing that all wait for is left out of it: it ends with who waits for nobody.
            let ends = steps
                .last()
                .is_some_and(|step| step.reason.names().is_none());
            ensure!(ends, "the chain of {name} does not end: {steps:?}");
        }
        Ok(())
    }

    fn reason_is_true(&self, now: Time, program: usize, reason: &Reason) -> Check {
        let shadow = &self.shadows[program];
        let stopping = self.stop.is_some();
        let holds = match reason {
            Reason::Needs {
                program: needed,
                condition,
            } => !stopping && !self.shadows[needed.0 as usize].meets(now, *condition),
            Reason::Removing { program } => self.shadows[program.0 as usize].run().is_some(),
            Reason::NeededBy { program: user } => {
                let users = &self.users[program];
                users.contains(&(user.0 as usize)) && shadow.run().is_none_or(|r| r.is_untold())
            }
            Reason::Told { at, why, .. } => {
                let told = shadow.run().and_then(|run| run.told);
                told == Some((*at, *why))
            }
            Reason::Leftovers { end, .. } => {
                let leader = shadow.run().and_then(|run| run.leader);
                leader.is_some_and(|(of, _)| of == *end)
            }
            Reason::PostStop { .. } => shadow.run().is_some_and(|r| r.part == Part::PostStop),
            Reason::Backoff { until, .. } => shadow.life == Life::Pause(*until) && *until > now,
            Reason::StoppedByRequest { .. } => shadow.stopped && shadow.run().is_none(),
            // Whoever may start has been started.
            Reason::AboutToStart => false,
            Reason::NotReady { .. } => shadow.run().is_some_and(|run| !run.ready),
            Reason::NotUpYet { at } => *at > now,
            Reason::Over => stopping,
            Reason::Up
            | Reason::PreStart { .. }
            | Reason::Forked
            | Reason::Exited { .. }
            | Reason::Fatal { .. }
            | Reason::NotStarted
            | Reason::Scheduled => true,
        };
        ensure!(
            holds,
            "{}: {reason:?} is not true",
            self.spec.programs[program].name
        );
        Ok(())
    }
}

/// The state that users know.
fn state_of(shadow: &Shadow) -> ProgramState {
    match &shadow.life {
        Life::Waiting if shadow.wanted => ProgramState::Starting,
        Life::Waiting => ProgramState::Stopped,
        Life::Alive(run) if !run.is_untold() => ProgramState::Stopping,
        Life::Alive(run) if run.up => ProgramState::Running,
        Life::Alive(_) => ProgramState::Starting,
        // Neither is there between two steps.
        Life::Between(..) => ProgramState::Stopping,
        Life::Pause(_) => ProgramState::Backoff,
        Life::Done { .. } => ProgramState::Exited,
        Life::Fatal { .. } => ProgramState::Fatal,
    }
}
