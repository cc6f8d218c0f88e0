//! The checker's half that insists: what must have been ordered by the end of a step,
//! since nothing holds it back any more. Every forgotten deadline, lost wake-up and
//! dropped signal shows here.

use std::time::Duration;

use lastout_core::Time;

use crate::facts::Checker;
use crate::kernel::Kernel;
use crate::shadow::{Check, Life, Part, Run, Standing, ensure};

/// The longest pause between two kills of a tree that is still there.
const LONGEST_KILL_PAUSE: Duration = Duration::from_secs(1);

/// Longer than any shutdown with a bound.
const LONGEST_STOP: Duration = Duration::from_secs(90);

impl Checker {
    /// A step is done: everything was ordered that had to be.
    pub(crate) fn step_done(&mut self, now: Time, deadline: Option<Time>) -> Check {
        self.due.is_nothing()?;
        self.answers_done(now)?;
        ensure!(
            self.asked_for_end.is_none(),
            "somebody asked for the end, and no shutdown has begun"
        );
        self.deadline = deadline;
        ensure!(self.disowns.is_none(), "not disowned");
        ensure!(self.twin_due.is_none(), "no second life begins");
        ensure!(self.announced.is_none(), "who is said to be told is not");
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
        self.askers_done(now)?;
        match self.stop.is_some() {
            true => self.stop_done(now),
            false => self.up_done(now),
        }
    }

    fn program_done(&mut self, now: Time, program: usize) -> Check {
        let shadow = &mut self.shadows[program];
        ensure!(
            shadow.must.is_none(),
            "not told, and {:?} is a reason",
            shadow.must
        );
        if let Some(run) = shadow.run_mut() {
            // Once it is old enough it is, however late that is noticed.
            run.up_at = run.up_at.filter(|at| *at > now);
        }
        if matches!(shadow.life, Life::Pause(until) if until <= now) {
            shadow.life = Life::Waiting;
        }
        self.leave_done(program)?;
        let shadow = &self.shadows[program];
        match &shadow.life {
            Life::Waiting => self.start_done(now, program),
            Life::Alive(run) => {
                self.run_done(now, program, run)?;
                self.watch_done(now, program, run)
            }
            Life::Between(work, _) => Err(format!("{work:?} does not begin")),
            Life::Pause(_) | Life::Done { .. } | Life::Fatal { .. } => Ok(()),
        }
    }

    /// It has no life, and no pause holds it back.
    fn start_done(&self, now: Time, program: usize) -> Check {
        let spec = &self.spec.programs[program];
        let shadow = &self.shadows[program];
        let waits = shadow.standing == Standing::New && self.somebody_leaves();
        if self.stop.is_some() || !shadow.wanted || waits {
            return Ok(());
        }
        let mut all_there = true;
        for need in &spec.needs {
            let needed = need.program.0 as usize;
            let shadow = &self.shadows[needed];
            let is_there = shadow.meets(now, need.condition);
            all_there &= is_there;
            let is_lost = !is_there && shadow.is_lost(&self.spec.programs[needed]);
            ensure!(!is_lost, "waits for what will never be (DEP-2)");
        }
        ensure!(!all_there, "not started, and nothing holds it back (DEP-1)");
        Ok(())
    }

    fn run_done(&self, now: Time, program: usize, run: &Run) -> Check {
        let owed = &self.shadows[program].owed;
        if run.leader.is_none() {
            let is_owed = run.execed.is_some() && !owed.is_empty();
            ensure!(!is_owed, "{owed:?} not forwarded (SIG-1)");
            let is_up = run.up || run.told.is_some() || !run.is_up(now);
            ensure!(is_up, "not reported up");
        } else {
            ensure!(run.rest_told.is_some(), "the rest was not told (STOP-3)");
        }
        if self.stop.is_some() && run.first_told().is_none() {
            // A post_stop ends by itself, and has the time until then.
            let may_go_on = self.is_needed(program).is_some() || run.part == Part::PostStop;
            ensure!(may_go_on, "not told (STOP-1)");
            ensure!(
                !self.is_last_call(now),
                "not told by the last call (STOP-5)"
            );
        }
        let is_removed = self.shadows[program].standing == Standing::Removed;
        if is_removed && run.is_untold() {
            let is_needed = self.is_needed(program).is_some();
            ensure!(is_needed, "not told, and it is removed (RELOAD-2)");
        }
        let is_called = run.followers_told.is_some() || run.leader.is_some();
        let call_at = run.call_at.filter(|_| !is_called);
        ensure!(
            call_at.is_none_or(|at| at > now),
            "not told, and it has a fifth of its time left (STOP-1)"
        );
        let again = run.killed.map(|at| at.plus(LONGEST_KILL_PAUSE));
        let kill_at = again.or(run.kill_at);
        ensure!(
            kill_at.is_none_or(|at| at > now),
            "not killed, and its time is over (STOP-2)"
        );
        Ok(())
    }

    /// Who is late is told so.
    fn watch_done(&self, now: Time, program: usize, run: &Run) -> Check {
        if !run.is_untold() {
            return Ok(());
        }
        let give_up = run.give_up.filter(|_| !run.ready);
        ensure!(
            give_up.is_none_or(|at| at > now),
            "not told, and its time to start is over (READY-4)"
        );
        let watchdog = self.shadows[program].watch.watchdog;
        ensure!(
            watchdog.is_none_or(|(_, at)| at > now),
            "not told, and it has not said that it is well"
        );
        Ok(())
    }

    fn up_done(&self, now: Time) -> Check {
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
            !self.shadows.iter().any(|s| s.ends_container.is_some()) && self.unhealthy.is_none(),
            "a program's end, or its health, should have begun the shutdown"
        );
        ensure!(
            self.all_up || !self.all_were_up(),
            "all are up, and nobody says so (UP-1)"
        );
        ensure!(
            self.startup_at.is_none_or(|at| at > now),
            "not all are up in time, and no shutdown has begun"
        );
        Ok(())
    }

    fn stop_done(&mut self, now: Time) -> Check {
        self.look_for_leaders(now);
        let last_call = self.is_last_call(now);
        self.called |= last_call;
        let leaderless = !self.has_work();
        let nobody_left = self.nobody_left;
        let Some(stop) = &mut self.stop else {
            return Ok(());
        };
        let everybody_killed = stop.everybody_killed;
        self.called |= everybody_killed.is_some();
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
    pub(crate) fn world_done(&self, now: Time, rests: bool, kernel: &Kernel) -> Check {
        let Some(stop) = self.stop.as_ref().filter(|_| self.exit.is_none()) else {
            return Ok(());
        };
        if !rests && stop.began.plus(LONGEST_STOP) > now {
            return Ok(());
        }
        let waits_for = self.has_work();
        ensure!(
            self.spec.stop_timeout.is_none() && waits_for,
            "the shutdown does not end"
        );
        let mut runs = self.shadows.iter().filter_map(|shadow| shadow.run());
        let bounded = runs.any(|run| run.kill_at.is_some());
        ensure!(
            !bounded || kernel.somebody_hangs(now),
            "the shutdown does not end, and everybody left has a bound"
        );
        Ok(())
    }
}
