//! The checker's half that insists: what must have been ordered by the end of a step,
//! since nothing holds it back any more. Every forgotten deadline, lost wake-up and
//! dropped signal shows here.

use std::time::Duration;

use lastout_core::Time;

use crate::facts::Checker;
use crate::kernel::Kernel;
use crate::shadow::{Check, Life, Run, ensure};

/// The longest pause between two kills of a tree that is still there.
const LONGEST_KILL_PAUSE: Duration = Duration::from_secs(1);

impl Checker {
    /// A step is done: everything was ordered that had to be.
    pub(crate) fn step_done(&mut self, now: Time, deadline: Option<Time>) -> Check {
        self.due.is_nothing()?;
        self.deadline = deadline;
        ensure!(self.disowns.is_none(), "not disowned");
        if self.exit.is_some() {
            ensure!(deadline.is_none(), "a deadline after the end: {deadline:?}");
            return Ok(());
        }
        ensure!(
            deadline.is_none_or(|at| at > now),
            "the next deadline has passed: {deadline:?}"
        );
        for program in 0..self.shadows.len() {
            let check = self.program_done(now, program);
            check.map_err(|what| format!("{}: {what}", self.spec.programs[program].name))?;
        }
        match self.stop.is_some() {
            true => self.stop_done(now),
            false => self.up_done(),
        }
    }

    fn program_done(&self, now: Time, program: usize) -> Check {
        let shadow = &self.shadows[program];
        match &shadow.life {
            Life::Waiting => self.start_done(now, program),
            Life::Pause(until) if *until <= now => self.start_done(now, program),
            Life::Alive(run) => self.run_done(now, program, run),
            Life::Pause(_) | Life::Done { .. } | Life::Fatal { .. } => Ok(()),
        }
    }

    /// It has no life, and no pause holds it back.
    fn start_done(&self, now: Time, program: usize) -> Check {
        let spec = &self.spec.programs[program];
        if self.stop.is_some() || !spec.autostart {
            return Ok(());
        }
        let mut all_there = true;
        for need in &spec.needs {
            let needed = need.program.0 as usize;
            all_there &= self.shadows[needed].is_there(now, &self.spec.programs[needed]);
            let is_lost = self.shadows[needed].is_lost();
            ensure!(!is_lost, "waits for what will never be (DEP-2)");
        }
        ensure!(!all_there, "not started, and nothing holds it back (DEP-1)");
        Ok(())
    }

    fn run_done(&self, now: Time, program: usize, run: &Run) -> Check {
        let spec = &self.spec.programs[program];
        let owed = &self.shadows[program].owed;
        if run.leader.is_none() {
            let is_owed = run.execed.is_some() && !owed.is_empty();
            ensure!(!is_owed, "{owed:?} not forwarded (SIG-1)");
            let is_due = run.execed.is_some_and(|at| at.plus(spec.startsecs) <= now);
            let is_up = run.up || run.told.is_some() || !is_due;
            ensure!(is_up, "not reported up");
        } else {
            ensure!(run.rest_told.is_some(), "the rest was not told (STOP-3)");
        }
        if self.stop.is_some() && run.first_told().is_none() {
            ensure!(self.is_needed(program).is_some(), "not told (STOP-1)");
            ensure!(
                !self.is_last_call(now),
                "not told by the last call (STOP-5)"
            );
        }
        if let (Some(told), Some(wait)) = (run.first_told(), spec.stopwaitsecs) {
            let again = run.killed.map(|at| at.plus(LONGEST_KILL_PAUSE));
            let due = again.unwrap_or(told.plus(wait));
            ensure!(due > now, "not killed, and its time is over (STOP-2)");
        }
        Ok(())
    }

    fn up_done(&self) -> Check {
        ensure!(
            self.stop_signal.is_none(),
            "a signal to stop with began no shutdown (SIG-3)"
        );
        let mut pairs = self.shadows.iter().zip(&self.spec.programs);
        ensure!(
            pairs.any(|(shadow, spec)| shadow.is_busy(spec)),
            "nothing is left, and no shutdown has begun (END-1)"
        );
        ensure!(
            !self.shadows.iter().any(|shadow| shadow.ends_container),
            "a program's end should have begun the shutdown"
        );
        Ok(())
    }

    fn stop_done(&mut self, now: Time) -> Check {
        self.look_for_leaders(now);
        let last_call = self.is_last_call(now);
        let leaderless = !self.shadows.iter().any(|shadow| shadow.has_leader());
        let nobody_left = self.nobody_left;
        let Some(stop) = &mut self.stop else {
            return Ok(());
        };
        let everybody_killed = stop.everybody_killed;
        ensure!(
            stop.strays_told || !(leaderless || last_call),
            "strays were not told (STOP-1)"
        );
        ensure!(
            !(nobody_left && (stop.strays_told || everybody_killed.is_some())),
            "nobody is left, and lastout is (STOP-6)"
        );
        let moment = everybody_killed.map(|at| at.plus(Duration::from_millis(500)));
        ensure!(
            moment.is_none_or(|at| at > now),
            "waits for those that hang in the kernel (STOP-5)"
        );
        let deadline = self.kill_deadline();
        ensure!(
            everybody_killed.is_some() || deadline.is_none_or(|at| at > now),
            "not everybody is killed, and {deadline:?} was the deadline (STOP-5)"
        );
        Ok(())
    }

    /// The world has come to rest, or its time is over. It may rest only where nobody
    /// is to be waited for but those that the rules leave alone.
    pub(crate) fn world_done(&self, now: Time, kernel: &Kernel) -> Check {
        if self.exit.is_some() {
            return Ok(());
        }
        if self.stop.is_none() {
            return Ok(());
        }
        let waits_for = self.shadows.iter().any(|shadow| shadow.has_leader());
        ensure!(
            self.spec.stop_timeout.is_none() && waits_for,
            "the shutdown does not end"
        );
        let mut pairs = self.shadows.iter().zip(&self.spec.programs);
        let bounded = pairs.any(|(shadow, spec)| {
            let is_told = shadow.run().is_some_and(|run| run.first_told().is_some());
            is_told && spec.stopwaitsecs.is_some()
        });
        ensure!(
            !bounded || kernel.somebody_hangs(now),
            "the shutdown does not end, and everybody left has a bound"
        );
        Ok(())
    }
}
