//! The checker on the end of all: strays are told, everybody is killed, lastout leaves.

use std::time::Duration;

use lastout_core::Time;

use crate::exit_status::exit_status;
use crate::facts::Checker;
use crate::kernel::Kernel;
use crate::shadow::{Check, ensure};

impl Checker {
    pub(crate) fn tell_strays(&mut self, now: Time) -> Check {
        let last_call = self.is_last_call(now);
        let leader_lives = self.has_work();
        let Some(stop) = &mut self.stop else {
            return Err("strays are told, and there is no shutdown".into());
        };
        ensure!(!stop.strays_told, "strays are told twice");
        ensure!(
            !leader_lives || last_call,
            "strays are told before the programs are gone (STOP-1)"
        );
        stop.strays_told = true;
        Ok(())
    }

    pub(crate) fn kill_everybody(&mut self, now: Time, kernel: &Kernel) -> Check {
        for (shadow, spec) in self.shadows.iter().zip(&self.spec.programs) {
            let Some(run) = shadow.run() else { continue };
            let name = &spec.name;
            ensure!(
                run.first_told().is_some(),
                "{name} is killed untold (STOP-1)"
            );
            ensure!(
                run.leader.is_some() || run.followers_told.is_some(),
                "the followers of {name} are killed untold (STOP-1)"
            );
            let hung_up = run.hung_up || run.leader.is_some() || self.interrupts >= 2;
            ensure!(
                hung_up || !run.has_terminal,
                "{name} is killed without having been hung up on (STOP-9)"
            );
        }
        self.askers_are_told()?;
        let Some(stop) = &mut self.stop else {
            return Err("everybody is killed, and there is no shutdown".into());
        };
        let mut strays = kernel.processes.iter().filter(|p| p.run.is_none());
        ensure!(
            stop.strays_told && strays.all(|p| !p.alive || p.told),
            "strays are killed untold (STOP-1)"
        );
        ensure!(stop.everybody_killed.is_none(), "everybody is killed twice");
        stop.everybody_killed = Some(now);
        stop.killed = true;
        let deadline = self.kill_deadline();
        ensure!(
            deadline.is_some_and(|at| at <= now),
            "everybody is killed before {deadline:?} (STOP-5)"
        );
        Ok(())
    }

    /// When everybody who is left must be killed; none: never.
    pub(crate) fn kill_deadline(&self) -> Option<Time> {
        let stop = self.stop.as_ref()?;
        let leftover_time = self.spec.leftover_time;
        let by_clock = match self.spec.stop_timeout {
            Some(timeout) => Some(stop.began.plus(timeout)),
            None => stop.leaderless.map(|since| since.plus(leftover_time)),
        };
        by_clock.into_iter().chain(stop.second_interrupt).min()
    }

    pub(crate) fn leave(
        &mut self,
        now: Time,
        (code, drain_until): (u8, Time),
        kernel: &Kernel,
    ) -> Check {
        self.exit = Some(code);
        ensure!(!kernel.somebody_unkilled(now), "left while somebody lives");
        let Some(stop) = &self.stop else {
            return Err("left without a shutdown".into());
        };
        let moment = Duration::from_millis(500);
        let had_its_moment = stop
            .everybody_killed
            .is_some_and(|at| now >= at.plus(moment));
        ensure!(self.nobody_left || had_its_moment, "left too early");
        if let Some(deadline) = self.kill_deadline() {
            let grace = match self.somebody_hung {
                true => moment + Duration::from_millis(1),
                false => Duration::from_millis(1),
            };
            ensure!(
                now <= deadline.plus(grace + self.late),
                "left too late, {deadline:?} was the deadline (STOP-5)"
            );
        }
        let drain_due = self.kill_deadline().max(Some(now.plus(moment)));
        ensure!(
            Some(drain_until) == drain_due,
            "output may be passed on until {drain_until:?} where {drain_due:?} is due (LOG-4)"
        );
        let due = exit_status(&self.spec, &self.shadows, stop, self.first_failure);
        ensure!(code == due, "left with {code} where {due} is due (EXIT)");
        Ok(())
    }
}
