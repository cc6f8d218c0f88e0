//! The checker on those that ask whether a program is ready or well (HEALTH-1, READY-3):
//! when they are started, what their answers mean, and that they end.

use std::time::Duration;

use lastout_core::{
    Care, End, ExitStatus, HealthAction, ProgramId, Question, ReadyBy, RunId, Scope, Signal, Time,
    Why,
};

use crate::facts::Checker;
use crate::shadow::{Check, Part, ensure};

/// From the word to the kill of who asks, and the longest pause between two kills.
const SECOND: Duration = Duration::from_secs(1);

/// A process that asks, from outside.
#[derive(Debug)]
pub(crate) struct Asker {
    pub(crate) program: usize,
    question: Question,
    /// When patience with it ends.
    pub(crate) until: Time,
    told: Option<Time>,
    rest_told: Option<Time>,
    killed: Option<Time>,
    leader_gone: bool,
}

impl Asker {
    pub(crate) fn is_asking(&self) -> bool {
        self.told.is_none() && !self.leader_gone
    }

    fn first_told(&self) -> Option<Time> {
        self.told.or(self.rest_told)
    }
}

impl Checker {
    pub(crate) fn ask(&mut self, now: Time, id: ProgramId, run: RunId, q: Question) -> Check {
        let program = id.0 as usize;
        ensure!(self.stop.is_none(), "asked in the shutdown");
        let spec = &self.spec.programs[program];
        let shadow = &mut self.shadows[program];
        let life = shadow.run();
        let Some(life) = life.filter(|life| life.part == Part::Command && life.is_untold()) else {
            return Err("asked, and it is on its way out or not there".into());
        };
        let times = match (q, spec.readiness.map(|readiness| readiness.by)) {
            (Question::Ready, Some(ReadyBy::Probe(times))) => {
                ensure!(
                    life.execed.is_some() && !life.ready,
                    "asked whether it is ready, and it is, or has not begun"
                );
                Some(times)
            }
            (Question::Ready, _) => None,
            (Question::Health, _) => {
                ensure!(life.up, "asked whether it is well before it is RUNNING");
                spec.healthcheck.map(|check| check.times)
            }
        };
        let Some(times) = times else {
            return Err("asked, and nobody wants to know".into());
        };
        let watch = &mut shadow.watch;
        ensure!(
            watch.ask_at.is_some_and(|at| at <= now),
            "asked before its time"
        );
        ensure!(watch.asking.is_none(), "asked by two at once");
        watch.ask_at = None;
        watch.asking = Some(run);
        let asker = Asker {
            program,
            question: q,
            until: now.plus(times.timeout),
            told: None,
            rest_told: None,
            killed: None,
            leader_gone: false,
        };
        self.askers.insert(run, asker);
        Ok(())
    }

    pub(crate) fn asker_exited(&mut self, now: Time, run: RunId, status: ExitStatus) -> bool {
        let Some(asker) = self.askers.get_mut(&run) else {
            return false;
        };
        let was_asking = asker.is_asking();
        asker.leader_gone = true;
        if was_asking {
            self.answered(now, run, Some(End::Status(status)));
        }
        true
    }

    pub(crate) fn asker_never_ran(&mut self, now: Time, run: RunId, end: End) -> bool {
        let is_one = self.askers.contains_key(&run);
        if is_one {
            self.answered(now, run, Some(end));
            self.askers.remove(&run);
        }
        is_one
    }

    /// An answer, or none in time; what must come of it.
    fn answered(&mut self, now: Time, run: RunId, end: Option<End>) {
        let Some(asker) = self.askers.get(&run) else {
            return;
        };
        let (program, question) = (asker.program, asker.question);
        let spec = &self.spec.programs[program];
        let shadow = &mut self.shadows[program];
        if shadow.watch.asking != Some(run) {
            return;
        }
        let is_well = end == Some(End::Status(ExitStatus::Code(0)));
        shadow.watch.asking = None;
        let Question::Health = question else {
            if let Some(ReadyBy::Probe(times)) = spec.readiness.map(|readiness| readiness.by) {
                shadow.watch.ask_at = (!is_well).then(|| now.plus(times.interval));
            }
            if !is_well {
                let count = None;
                let news = Care::ProbeFailed {
                    question,
                    end,
                    count,
                };
                self.expect_care(program, news);
            } else if let Some(life) = shadow.run_mut() {
                life.ready = true;
                life.give_up = None;
            }
            return;
        };
        let Some(check) = spec.healthcheck else {
            return;
        };
        shadow.watch.ask_at = Some(now.plus(check.times.interval));
        let was_unasked = std::mem::replace(&mut shadow.watch.unasked, is_unasked(end));
        if is_well {
            shadow.watch.well = true;
            shadow.watch.failures = 0;
            shadow.watch.grace = None;
            if std::mem::take(&mut shadow.watch.unhealthy) {
                self.expect_care(program, Care::Healthy);
            }
            return;
        }
        if was_unasked && is_unasked(end) {
            return;
        }
        let is_of_grace = shadow.watch.grace.is_some_and(|until| until > now);
        let counts = !is_of_grace && !is_unasked(end);
        shadow.watch.failures += u32::from(counts);
        let failures = shadow.watch.failures;
        let too_many = counts && failures >= check.retries && !shadow.watch.unhealthy;
        let count = counts.then_some((failures, check.retries));
        if too_many {
            (shadow.watch.unhealthy, shadow.watch.well) = (true, false);
            match check.action {
                HealthAction::Restart => shadow.must = Some(Why::Unhealthy),
                HealthAction::Shutdown => self.unhealthy = Some(program),
                HealthAction::Nothing => {}
            }
        }
        let news = Care::ProbeFailed {
            question,
            end,
            count,
        };
        self.expect_care(program, news);
        if too_many {
            let action = check.action;
            self.expect_care(program, Care::Unhealthy { failures, action });
        }
    }

    /// It is said that an answer took too long. Whether it did.
    pub(crate) fn took_too_long(&mut self, now: Time, program: usize) -> Check {
        let asking = self.shadows[program].watch.asking;
        let found = asking.and_then(|run| Some((run, self.askers.get(&run)?)));
        let Some((run, asker)) = found else {
            return Err("nobody asked who could take too long".into());
        };
        ensure!(asker.until <= now, "it could still answer");
        ensure!(
            asker.told == Some(now),
            "who asks takes too long and was not told"
        );
        self.answered(now, run, None);
        Ok(())
    }

    /// Who asks is told to end.
    pub(crate) fn tell_asker(
        &mut self,
        now: Time,
        run: RunId,
        scope: Option<Scope>,
        signal: Signal,
    ) -> Option<Check> {
        let asker = self.askers.get_mut(&run)?;
        Some(match scope {
            _ if signal != Signal::TERM => Err("who asks is told with another signal".into()),
            None if !asker.leader_gone || asker.rest_told.is_some() => {
                Err("what one that asked left is told twice, or too early".into())
            }
            None => {
                asker.rest_told = Some(now);
                Ok(())
            }
            Some(_) if !asker.is_asking() => Err("who asks is told twice, or too late".into()),
            // Whether there was a reason shows when the step is done.
            Some(Scope::Tree) => {
                asker.told = Some(now);
                Ok(())
            }
            Some(Scope::Leader | Scope::Group) => {
                Err("who follows the one that asks will be killed untold (STOP-1)".into())
            }
        })
    }

    pub(crate) fn kill_asker(&mut self, now: Time, run: RunId) -> Option<Check> {
        let asker = self.askers.get_mut(&run)?;
        asker.killed = Some(now);
        if let Some(stop) = &mut self.stop {
            stop.killed = true;
        }
        Some(match asker.first_told() {
            None => Err("who asks is killed untold (STOP-1)".into()),
            Some(at) if at.plus(SECOND) > now => Err("who asks is killed too early".into()),
            Some(_) => Ok(()),
        })
    }

    /// Everybody who asks was told, or has left; nobody is killed untold.
    pub(crate) fn askers_are_told(&self) -> Check {
        let mut all = self.askers.values();
        ensure!(
            all.all(|asker| asker.first_told().is_some()),
            "who asks is killed untold (STOP-1)"
        );
        Ok(())
    }

    /// Nobody asks who should not, or for too long.
    pub(crate) fn askers_done(&self, now: Time) -> Check {
        for (run, asker) in &self.askers {
            let shadow = &self.shadows[asker.program];
            let is_of_interest = shadow.watch.asking == Some(*run);
            if asker.is_asking() {
                ensure!(is_of_interest, "{run:?} asks what nobody wants to know");
                ensure!(asker.until > now, "{run:?} asks for too long");
            } else if asker.leader_gone {
                ensure!(asker.rest_told.is_some(), "the rest of {run:?} lives on");
            } else {
                ensure!(!is_of_interest, "{run:?} was told without a reason");
            }
            let kill = asker.killed.or(asker.first_told());
            ensure!(
                kill.is_none_or(|at| at.plus(SECOND) > now),
                "{run:?} asks no more, and is not killed"
            );
        }
        for (shadow, spec) in self.shadows.iter().zip(&self.spec.programs) {
            let name = &spec.name;
            let is_due = shadow.watch.ask_at.is_some_and(|at| at <= now);
            ensure!(!is_due, "{name} is not asked, and its time has come");
        }
        Ok(())
    }
}

/// Whether the machine had nobody to ask with.
fn is_unasked(end: Option<End>) -> bool {
    matches!(end, Some(End::NeverRan(failure)) if failure.is_temporary())
}
