//! The checker's half that watches: whether each order of the core is one that may be
//! given now.

use std::time::Duration;

use lastout_core::{Action, Cause, FatalReason, Notice, RunId, Scope, Signal, Time};

use crate::exit_status::exit_status;
use crate::facts::{Checker, Stop};
use crate::kernel::Kernel;
use crate::shadow::{Check, Life, Run, ensure};

impl Checker {
    /// An order was given. It must be one that the rules allow.
    pub(crate) fn order(&mut self, now: Time, action: &Action, kernel: &Kernel) -> Check {
        self.is_over()?;
        self.look_for_leaders(now);
        self.somebody_hung |= kernel.somebody_hangs(now);
        match action {
            Action::Spawn { program, run, .. } => self.spawn(now, program.0 as usize, *run, kernel),
            Action::Forward { run, signal, .. } => self.forwarded(*run, *signal),
            Action::Tell { run, scope, signal } => self.tell(now, *run, *scope, *signal),
            Action::TellFollowers { run, signal } => self.tell_followers(now, *run, *signal),
            Action::HangUp { run } => self.hang_up(*run),
            Action::Kill { run } => self.kill(now, *run),
            Action::Disown { run } => self.disown(*run),
            Action::TellStrays { .. } => self.tell_strays(now),
            Action::KillEverybody => self.kill_everybody(now, kernel),
            Action::Load => Ok(()),
            Action::Notice(notice) => self.notice(now, notice),
            Action::Exit { code } => self.leave(now, *code, kernel),
        }
    }

    fn spawn(&mut self, now: Time, program: usize, run: RunId, kernel: &Kernel) -> Check {
        ensure!(self.stop.is_none(), "started during the shutdown (RUN-2)");
        let spec = &self.spec.programs[program];
        ensure!(spec.autostart, "started though nobody asked for it");
        match self.shadows[program].life {
            Life::Waiting => {}
            Life::Pause(until) => ensure!(until <= now, "started before its pause is over"),
            Life::Alive(_) | Life::Done { .. } | Life::Fatal { .. } => {
                return Err(format!(
                    "started while it is {:?}",
                    self.shadows[program].life
                ));
            }
        }
        for need in &spec.needs {
            let needed = need.program.0 as usize;
            ensure!(
                self.shadows[needed].is_there(now, &self.spec.programs[needed]),
                "started before {} is there (DEP-1)",
                self.spec.programs[needed].name
            );
        }
        // After a tick all that is free to start is so for the same reason: its time.
        let priority = spec.priority;
        let in_order = !self.is_tick || self.last_spawned.is_none_or(|last| last <= priority);
        ensure!(in_order, "started after one of lower priority");
        self.last_spawned = Some(priority);
        for (old, of) in &self.runs {
            let alive = kernel.trees.get(old).map_or(0, |tree| tree.alive);
            ensure!(
                *of != program || alive == 0,
                "the last instance is alive (RUN-1)"
            );
            ensure!(*old < run, "a run's name is used again");
        }
        self.runs.push((run, program));
        self.shadows[program].life = Life::Alive(Run {
            id: run,
            born: now,
            execed: None,
            up: false,
            told: None,
            rest_told: None,
            followers_told: None,
            hung_up: false,
            killed: None,
            leader: None,
        });
        Ok(())
    }

    /// The run that an order is for; it must not have been reported dead.
    fn living(&mut self, run: RunId) -> Result<(usize, &mut Run), String> {
        let program = self.program_of(run);
        match program.and_then(|program| {
            let run = self.shadows[program].run_mut()?;
            Some((program, run))
        }) {
            Some(found) => Ok(found),
            None => Err(format!("an order for {run:?}, which is over")),
        }
    }

    fn forwarded(&mut self, run: RunId, signal: Signal) -> Check {
        let (program, life) = self.living(run)?;
        ensure!(life.leader.is_none(), "forwarded to a leader that is gone");
        ensure!(life.execed.is_some(), "forwarded before the exec (SIG-4)");
        let owed = &mut self.shadows[program].owed;
        ensure!(
            owed.first() == Some(&signal),
            "{signal} forwarded where {owed:?} is owed (SIG-1)"
        );
        owed.remove(0);
        Ok(())
    }

    fn tell(&mut self, now: Time, run: RunId, scope: Option<Scope>, signal: Signal) -> Check {
        let stopping = self.stop.is_some();
        let last_call = self.is_last_call(now);
        let (program, life) = self.living(run)?;
        if scope.is_none() {
            ensure!(
                life.leader.is_some(),
                "the rest is told, and the leader lives"
            );
            ensure!(life.rest_told.is_none(), "the rest is told twice");
            life.rest_told = Some(now);
            return Ok(());
        }
        ensure!(stopping, "told, and there is no shutdown");
        ensure!(life.leader.is_none(), "a leader is told that is gone");
        ensure!(life.told.is_none(), "told twice");
        life.told = Some(now);
        if let Some(user) = self.is_needed(program)
            && !last_call
        {
            let name = &self.spec.programs[user].name;
            return Err(format!("told while {name} lives, which needs it (STOP-4)"));
        }
        let priority = self.spec.programs[program].priority;
        let in_order = self.last_told.is_none_or(|last| last >= priority);
        ensure!(
            in_order || last_call,
            "told after one of lower priority (STOP-4)"
        );
        self.last_told = Some(priority);
        let own = self.spec.programs[program].stopsignal;
        let due = self.shadows[program].stop_with.unwrap_or(own);
        ensure!(signal == due, "told with {signal} and not with {due}");
        Ok(())
    }

    fn tell_followers(&mut self, now: Time, run: RunId, signal: Signal) -> Check {
        let last_call = self.is_last_call(now);
        let (program, life) = self.living(run)?;
        ensure!(
            life.leader.is_none(),
            "as followers of a leader that is gone"
        );
        let Some(told) = life.told else {
            return Err("followers are told before their leader".into());
        };
        life.followers_told = Some(now);
        let spec = &self.spec.programs[program];
        let due = spec.stopwaitsecs.map(|wait| told.plus(wait / 5 * 4));
        ensure!(
            last_call || due.is_some_and(|at| at <= now),
            "followers are told before the last call (STOP-2)"
        );
        let own = self.shadows[program].stop_with.unwrap_or(spec.stopsignal);
        ensure!(signal == own, "told with {signal} and not with {own}");
        Ok(())
    }

    fn hang_up(&mut self, run: RunId) -> Check {
        let (program, life) = self.living(run)?;
        ensure!(life.leader.is_none(), "hung up on a leader that is gone");
        ensure!(
            life.told.is_some(),
            "hung up on before it was told (STOP-9)"
        );
        ensure!(!life.hung_up, "hung up on twice");
        life.hung_up = true;
        let spec = &self.spec.programs[program];
        ensure!(spec.has_terminal, "hung up on without a terminal (STOP-9)");
        Ok(())
    }

    fn kill(&mut self, now: Time, run: RunId) -> Check {
        let (program, life) = self.living(run)?;
        let Some(told) = life.first_told() else {
            return Err("killed untold (STOP-1)".into());
        };
        ensure!(
            life.leader.is_some() || life.followers_told.is_some(),
            "the followers are killed untold (STOP-1)"
        );
        life.killed = Some(now);
        let hung_up = life.hung_up || life.leader.is_some();
        let spec = &self.spec.programs[program];
        ensure!(
            hung_up || !spec.has_terminal,
            "killed without having been hung up on (STOP-9)"
        );
        let Some(wait) = spec.stopwaitsecs else {
            return Err("killed, and there is no bound on its stop".into());
        };
        ensure!(now >= told.plus(wait), "killed before its time (STOP-2)");
        if let Some(stop) = &mut self.stop {
            stop.killed = true;
        }
        Ok(())
    }

    fn disown(&mut self, run: RunId) -> Check {
        ensure!(self.disowns == Some(run), "disowned without a reason");
        self.disowns = None;
        let (program, life) = self.living(run)?;
        if let Some((end, _, fate)) = life.leader {
            self.finish(program, end, fate);
        }
        Ok(())
    }

    fn tell_strays(&mut self, now: Time) -> Check {
        let last_call = self.is_last_call(now);
        let leader = self.shadows.iter().position(|s| s.has_leader());
        let Some(stop) = &mut self.stop else {
            return Err("strays are told, and there is no shutdown".into());
        };
        ensure!(!stop.strays_told, "strays are told twice");
        ensure!(
            leader.is_none() || last_call,
            "strays are told before the programs are gone (STOP-1)"
        );
        stop.strays_told = true;
        Ok(())
    }

    fn kill_everybody(&mut self, now: Time, kernel: &Kernel) -> Check {
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
                hung_up || !spec.has_terminal,
                "{name} is killed without having been hung up on (STOP-9)"
            );
        }
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

    fn leave(&mut self, now: Time, code: u8, kernel: &Kernel) -> Check {
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
        let due = exit_status(&self.spec, &self.shadows, stop, self.first_failure);
        ensure!(code == due, "left with {code} where {due} is due (EXIT)");
        Ok(())
    }

    fn notice(&mut self, now: Time, notice: &Notice) -> Check {
        self.due.given(notice)?;
        if let Notice::Up { program } = notice {
            return self.is_up(now, program.0 as usize);
        }
        if let Notice::Ended {
            program,
            asked,
            lived,
            ..
        } = notice
        {
            let shadow = &self.shadows[program.0 as usize];
            let told = shadow.run().and_then(|run| run.told);
            ensure!(
                asked.map(|(ago, _)| ago) == told.map(|at| now.since(at)),
                "asked {asked:?} ago?"
            );
            ensure!(*lived == shadow.lived, "lived for {lived:?}?");
        }
        if let Notice::WillRestart { program, pause, .. } = notice {
            let spec = &self.spec.programs[program.0 as usize];
            return self.shadows[program.0 as usize].pause(now, spec, *pause);
        }
        if let Notice::GaveUp { program, reason } = notice {
            return self.gave_up(program.0 as usize, *reason);
        }
        if let Notice::ShutdownBegun { cause } = notice {
            return self.shutdown_begun(now, *cause);
        }
        Ok(())
    }

    fn is_up(&mut self, now: Time, program: usize) -> Check {
        let startsecs = self.spec.programs[program].startsecs;
        let Some(run) = self.shadows[program].run_mut() else {
            return Err("up without a life".into());
        };
        ensure!(!run.up, "up twice");
        ensure!(run.told.is_none(), "up after it was told to end");
        let since = run.execed.map(|at| now.since(at));
        ensure!(
            since.is_some_and(|since| since >= startsecs),
            "up too early"
        );
        run.up = true;
        if run.leader.is_none() {
            self.shadows[program].failures = 0;
        }
        Ok(())
    }

    fn gave_up(&mut self, program: usize, reason: FatalReason) -> Check {
        match reason {
            FatalReason::FailedStarts { failures, last } => {
                let shadow = &self.shadows[program];
                ensure!(failures == shadow.failures, "{failures} failed starts?");
                ensure!(
                    shadow.last_end == Some(last),
                    "the last one was not {last:?}"
                );
            }
            FatalReason::NotReady { .. } | FatalReason::PreStart { .. } => {
                return Err("given up for what it has not".into());
            }
            FatalReason::Needs(needed) => {
                let lost = &self.shadows[needed.0 as usize];
                ensure!(
                    lost.is_lost(),
                    "given up for a program that may come (DEP-2)"
                );
                let end = lost
                    .last_end
                    .unwrap_or(lastout_core::End::Status(lastout_core::ExitStatus::Code(1)));
                let policy = self.spec.programs[program].on_failure;
                let shadow = &mut self.shadows[program];
                ensure!(shadow.run().is_none(), "given up while it lives (DEP-2)");
                shadow.last_end = Some(end);
                shadow.life = Life::Fatal { end };
                shadow.ends_container = policy == lastout_core::EndPolicy::Shutdown;
                self.first_failure.get_or_insert(end);
            }
        }
        Ok(())
    }

    fn shutdown_begun(&mut self, now: Time, cause: Cause) -> Check {
        ensure!(self.stop.is_none(), "the shutdown begins twice");
        match cause {
            Cause::Asked(signal) => ensure!(
                self.stop_signal == Some(signal),
                "nobody asked for the shutdown"
            ),
            Cause::Ended(program, end) => {
                let shadow = &self.shadows[program.0 as usize];
                ensure!(
                    shadow.ends_container && shadow.last_end == Some(end),
                    "the shutdown has no cause"
                );
            }
            Cause::Unhealthy(_) | Cause::StartupTimeout(_) => {
                return Err("the shutdown has no cause".into());
            }
            Cause::NothingLeft => {
                let mut pairs = self.shadows.iter().zip(&self.spec.programs);
                ensure!(
                    pairs.all(|(shadow, spec)| !shadow.is_busy(spec)),
                    "there is something left (END-1)"
                );
            }
        }
        self.late = Duration::ZERO;
        self.somebody_hung = false;
        self.stop = Some(Stop {
            began: now,
            cause,
            strays_told: false,
            everybody_killed: None,
            killed: false,
            leaderless: None,
            second_interrupt: None,
        });
        Ok(())
    }
}
