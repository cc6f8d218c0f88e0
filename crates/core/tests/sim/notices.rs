//! The checker on what people are told: that it is true, and that it is the time for it.

use std::time::Duration;

use lastout_core::{
    Care, Cause, Condition, End, EndPolicy, ExitStatus, FatalReason, Hook, Notice, ProgramId, Time,
    Why,
};

use crate::facts::{Checker, Stop, is_by_itself};
use crate::shadow::{Check, Life, Part, Standing, Watch, ensure};

impl Checker {
    pub(crate) fn notice(&mut self, now: Time, notice: &Notice) -> Check {
        match notice {
            Notice::Up { program } => self.is_up(now, program.0 as usize),
            Notice::Ended {
                program,
                asked,
                lived,
                ..
            } => {
                self.due.given(notice)?;
                self.has_ended(now, program.0 as usize, *asked, *lived)
            }
            Notice::WillRestart { program, pause, .. } => {
                self.pause(now, program.0 as usize, *pause)
            }
            Notice::GaveUp {
                program,
                reason: FatalReason::Needs(needed),
            } => self.needs_what_is_lost(now, program.0 as usize, needed.0 as usize),
            Notice::ShutdownBegun { cause } => self.shutdown_begun(now, *cause),
            Notice::Told { run, why, .. } => {
                self.announced = Some((*run, *why));
                Ok(())
            }
            Notice::AllUp => self.all_are_up(),
            Notice::Care { program, news } => self.cared_for(now, *program, news),
            Notice::Started { .. }
            | Notice::TreeGone { .. }
            | Notice::NotStarted { .. }
            | Notice::GaveUp { .. }
            | Notice::Reloaded { .. }
            | Notice::Reloads { .. }
            | Notice::Overslept { .. } => self.due.given(notice),
            Notice::Killing { .. }
            | Notice::LastCall
            | Notice::KillingEverybody { .. }
            | Notice::NextInterruptKills
            | Notice::Ignored { .. }
            | Notice::NotForwarded { .. }
            | Notice::ReopenLogs
            | Notice::State { .. } => Ok(()),
        }
    }

    fn cared_for(&mut self, now: Time, id: ProgramId, news: &Care) -> Check {
        let program = id.0 as usize;
        self.heard.push((program, *news));
        let shadow = &self.shadows[program];
        let run = shadow.run();
        let run_is_late = |part: Part| {
            let run = run.filter(|run| run.part == part && run.leader.is_none());
            run.is_some_and(|run| match part {
                Part::PostStop => run.call_at.is_some_and(|at| at <= now),
                Part::PreStart | Part::Command => run.give_up.is_some_and(|at| at <= now),
            })
        };
        let holds = match news {
            Care::ProbeFailed { end, .. } => {
                if end.is_none() {
                    self.took_too_long(now, program)?;
                }
                let program = id;
                let news = *news;
                return self.due.given(&Notice::Care { program, news });
            }
            Care::HookOverdue { hook, .. } => run_is_late(match hook {
                Hook::PreStart => Part::PreStart,
                Hook::PostStop => Part::PostStop,
            }),
            Care::NotReady { .. } => run_is_late(Part::Command),
            Care::WatchdogMissed { .. } => {
                let is_late = shadow.watch.watchdog.is_some_and(|(_, at)| at <= now);
                is_late || shadow.must == Some(Why::Watchdog)
            }
            Care::HookEnded { .. }
            | Care::HookSkipped
            | Care::Unhealthy { .. }
            | Care::Healthy
            | Care::Skipped => {
                let program = id;
                let news = *news;
                return self.due.given(&Notice::Care { program, news });
            }
        };
        ensure!(holds, "{news:?} is not true");
        Ok(())
    }

    fn is_up(&mut self, now: Time, program: usize) -> Check {
        let spec = &self.spec.programs[program];
        let shadow = &mut self.shadows[program];
        let Some(run) = shadow.run() else {
            return Err("up without a life".into());
        };
        ensure!(!run.up, "up twice");
        ensure!(run.told.is_none(), "up after it was told to end");
        ensure!(run.is_up(now), "up too early, or not ready");
        let is_watched = run.leader.is_none() && self.stop.is_none();
        shadow.is_running(spec.kind);
        if is_watched {
            shadow.watch = Watch::running(now, spec);
        }
        Ok(())
    }

    fn has_ended(
        &mut self,
        now: Time,
        program: usize,
        asked: Option<(Duration, Why)>,
        lived: Duration,
    ) -> Check {
        let shadow = &self.shadows[program];
        let told = shadow.run().and_then(|run| run.told);
        ensure!(
            asked == told.map(|(at, why)| (now.since(at), why)),
            "asked {asked:?}?"
        );
        ensure!(lived == shadow.lived, "lived for {lived:?}?");
        Ok(())
    }

    /// DEP-2: given up for the sake of another one.
    fn needs_what_is_lost(&mut self, now: Time, program: usize, needed: usize) -> Check {
        let spec = &self.spec.programs[program];
        let lost = &self.shadows[needed];
        let is_needed = |condition: Condition| !lost.meets(now, condition);
        let mut needs = spec.needs.iter().filter(|n| n.program.0 as usize == needed);
        ensure!(
            needs.any(|need| is_needed(need.condition))
                && lost.is_lost(&self.spec.programs[needed]),
            "given up for a program that may come (DEP-2)"
        );
        let end = lost.last.end.unwrap_or(End::Status(ExitStatus::Code(1)));
        let shadow = &mut self.shadows[program];
        let is_waiting = match shadow.life {
            Life::Waiting => shadow.wanted,
            Life::Pause(until) => until <= now,
            Life::Alive(_) | Life::Between(..) | Life::Done { .. } | Life::Fatal { .. } => false,
        };
        ensure!(is_waiting, "given up though it does not wait (DEP-2)");
        shadow.last = lastout_core::Aftermath {
            end: Some(end),
            ..lastout_core::Aftermath::default()
        };
        let needs = Some(needed);
        shadow.done(Life::Fatal { end, needs }, spec);
        shadow.ends_container = (spec.on_failure == EndPolicy::Shutdown).then_some(end);
        self.first_failure.get_or_insert(end);
        Ok(())
    }

    /// Whether it is one of those that must be up for all to be.
    fn counts_for_startup(&self, program: usize) -> bool {
        let is_listed = matches!(
            self.shadows[program].standing,
            Standing::Listed | Standing::New
        );
        let is_main = self.spec.main == Some(ProgramId(program as u32));
        is_listed && !is_main && is_by_itself(&self.spec.programs[program])
    }

    /// Whether all were up, by the clock and not by what is said.
    pub(crate) fn all_were_up(&self) -> bool {
        self.is_missing().is_none()
    }

    fn is_missing(&self) -> Option<usize> {
        let mut all = 0..self.shadows.len();
        all.find(|program| {
            let shadow = &self.shadows[*program];
            self.counts_for_startup(*program) && (!shadow.was_up || shadow.is_on_the_way())
        })
    }

    fn all_are_up(&mut self) -> Check {
        ensure!(self.stop.is_none(), "all are up in the shutdown (UP-1)");
        ensure!(!self.all_up, "all are up a second time (UP-1)");
        if let Some(missing) = self.is_missing() {
            let name = &self.spec.programs[missing].name;
            return Err(format!("all are up, and {name} is not (UP-1)"));
        }
        self.all_up = true;
        self.startup_at = None;
        Ok(())
    }

    fn shutdown_begun(&mut self, now: Time, cause: Cause) -> Check {
        ensure!(self.stop.is_none(), "the shutdown begins twice");
        match cause {
            Cause::Asked(signal) => ensure!(
                self.stop_signal == Some(signal),
                "nobody asked for the shutdown"
            ),
            Cause::Requested(_) => return Err("nobody asked for the shutdown".into()),
            Cause::Ended(program, end) => {
                let shadow = &self.shadows[program.0 as usize];
                ensure!(
                    shadow.ends_container == Some(end),
                    "the shutdown has no cause"
                );
            }
            Cause::NotReady(program) => {
                let shadow = &self.shadows[program.0 as usize];
                let given_up = lastout_core::End::Status(lastout_core::ExitStatus::Code(1));
                ensure!(
                    shadow.ends_container == Some(given_up),
                    "the shutdown has no cause"
                );
            }
            Cause::Unhealthy(program) => ensure!(
                self.unhealthy == Some(program.0 as usize),
                "the shutdown has no cause"
            ),
            Cause::StartupTimeout(_) => ensure!(
                self.startup_at.is_some_and(|at| at <= now) && !self.all_up,
                "the shutdown has no cause"
            ),
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
        self.startup_at = None;
        for shadow in &mut self.shadows {
            shadow.wanted = false;
            shadow.again = false;
            shadow.watch.ask_at = None;
            shadow.watch.asking = None;
            shadow.watch.watchdog = None;
            if matches!(shadow.life, Life::Pause(_)) {
                shadow.life = Life::Waiting;
            }
            if let Some(run) = shadow.run_mut().filter(|run| run.is_untold()) {
                run.give_up = None;
            }
        }
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
