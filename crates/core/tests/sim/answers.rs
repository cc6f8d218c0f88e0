//! The checker on answers: each request has exactly one, when it is decided and no later,
//! and it is true.

use std::time::Duration;

use lastout_core::{
    By, Cause, Changes, Condition, Health, Kind, Outcome, ProgramId, ProgramState, Reason, Refusal,
    Reply, RequestId, Status, Time, Until,
};

use crate::facts::Checker;
use crate::shadow::{Check, Life, Shadow, Standing, ensure};
use crate::verdict::is_expected;

/// A request that was not answered.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) id: RequestId,
    since: Time,
    patience: Patience,
    /// In the order of the programs.
    targets: Vec<Target>,
    /// What was told of it before the reply.
    told: Vec<(ProgramId, Outcome)>,
}

/// How who asked wants to be answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    pub(crate) deadline: Option<Time>,
    pub(crate) wait: bool,
    /// Whether who waits hears of each program before the reply.
    pub(crate) each: bool,
}

/// One program of it.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) program: usize,
    pub(crate) goal: Goal,
    /// What must be answered.
    pub(crate) outcome: Option<Outcome>,
    /// Whether that was decided in an earlier step.
    pub(crate) is_old: bool,
}

/// What is wanted of a program.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Goal {
    Up,
    Gone { had_life: bool },
    Until(Until),
    Done,
}

impl Goal {
    pub(crate) fn is_gone(self) -> bool {
        matches!(self, Goal::Gone { .. })
    }

    pub(crate) fn wants_a_life(self) -> bool {
        match self {
            Goal::Up | Goal::Until(Until::Running | Until::Ready | Until::Healthy) => true,
            Goal::Gone { .. } | Goal::Until(Until::Exited | Until::Stopped) | Goal::Done => false,
        }
    }
}

impl Asked {
    pub(crate) fn new(
        id: RequestId,
        since: Time,
        patience: Patience,
        mut targets: Vec<Target>,
    ) -> Asked {
        targets.sort_by_key(|target| target.program);
        Asked {
            id,
            since,
            patience,
            targets,
            told: Vec::new(),
        }
    }

    fn is_decided(&self) -> bool {
        self.targets.iter().all(|target| target.outcome.is_some())
    }

    /// What nothing is decided of.
    pub(crate) fn open_targets(&mut self) -> impl Iterator<Item = &mut Target> {
        let targets = self.targets.iter_mut();
        targets.filter(|target| target.outcome.is_none())
    }

    /// A program that is decided, and of which who hears of each was not told.
    fn untold(&self) -> Option<usize> {
        let is_told = |it: usize| self.told.iter().any(|(told, _)| told.0 as usize == it);
        let mut decided = self.targets.iter().filter(|it| it.outcome.is_some());
        let untold = decided.find(|it| !is_told(it.program));
        untold.filter(|_| self.patience.each).map(|it| it.program)
    }
}

impl Checker {
    pub(crate) fn open(&mut self, asked: Asked) {
        self.asked.push(asked);
    }

    pub(crate) fn withdrawn(&mut self, id: RequestId) {
        self.asked.retain(|asked| asked.id != id);
        self.loads.retain(|load| *load != id);
    }

    /// The configuration was read, or not.
    pub(crate) fn loads_are_done(&mut self, changes: Option<&Changes>) {
        for id in std::mem::take(&mut self.loads) {
            let reply = changes.map_or(Reply::LoadFailed, |it| Reply::Reloaded(it.clone()));
            self.replies_due.push((id, reply));
        }
    }

    pub(crate) fn overtake(&mut self, program: usize, by: By, which: fn(Goal) -> bool) {
        self.settle_targets(program, which, Outcome::Overtaken(by));
    }

    pub(crate) fn removed(&mut self, program: usize) {
        self.settle_targets(program, Goal::wants_a_life, Outcome::Removed);
    }

    fn settle_targets(&mut self, program: usize, which: fn(Goal) -> bool, outcome: Outcome) {
        let targets = self.asked.iter_mut().flat_map(|asked| &mut asked.targets);
        for target in targets.filter(|it| it.program == program && which(it.goal)) {
            target.outcome.get_or_insert_with(|| outcome.clone());
        }
    }

    /// It is RUNNING, if only for a moment.
    pub(crate) fn up_is_seen(&mut self, now: Time, program: usize) {
        let is_service = self.spec.programs[program].kind == Kind::Service;
        if self.shadows[program].leaving.is_some() {
            return;
        }
        for asked in &mut self.asked {
            let took = now.since(asked.since);
            for target in asked.targets.iter_mut().filter(|it| it.program == program) {
                let outcome = match target.goal {
                    Goal::Up if is_service => Outcome::Started { took },
                    Goal::Until(Until::Running | Until::Ready) => {
                        Outcome::Holds { took, end: None }
                    }
                    Goal::Up | Goal::Gone { .. } | Goal::Until(_) | Goal::Done => continue,
                };
                target.outcome.get_or_insert(outcome);
            }
        }
    }

    /// The shutdown begins: who waits for a life waits for nothing.
    pub(crate) fn requests_in_shutdown(&mut self, now: Time, cause: Cause) {
        self.look_at_requests(now);
        for id in std::mem::take(&mut self.loads) {
            let reply = Reply::Refused(Refusal::Stopping);
            self.replies_due.push((id, reply));
        }
        for asked in &mut self.asked {
            let took = now.since(asked.since);
            for target in asked.targets.iter_mut().filter(|it| it.goal.wants_a_life()) {
                let id = ProgramId(target.program as u32);
                let ended = if let Cause::Ended(ended, end) = cause {
                    (ended == id).then_some(end)
                } else {
                    None
                };
                let life = self.shadows.get(target.program).map(|shadow| &shadow.life);
                let is_given_up = matches!(life, Some(Life::Fatal { needs: None, .. }));
                let is_of_now = matches!(
                    target.outcome,
                    Some(Outcome::GaveUp { .. } | Outcome::Impossible(_))
                );
                if ended.is_some() && is_given_up && is_of_now && !target.is_old {
                    // It ends the container as soon as that is known, and is FATAL later.
                    target.outcome = None;
                }
                let due = match ended {
                    Some(end) if target.goal == Goal::Up => Outcome::Ended {
                        took,
                        end,
                        well: is_expected(&self.spec.programs[target.program], end),
                    },
                    Some(_) | None => Outcome::Overtaken(By::Shutdown),
                };
                target.outcome.get_or_insert(due);
            }
        }
    }

    /// What is decided by how the programs are now.
    pub(crate) fn look_at_requests(&mut self, now: Time) {
        let mut all = std::mem::take(&mut self.asked);
        for asked in &mut all {
            let took = now.since(asked.since);
            for target in asked.open_targets() {
                target.outcome = self.decided(took, target.program, target.goal);
            }
        }
        self.asked = all;
    }

    fn decided(&self, took: Duration, program: usize, goal: Goal) -> Option<Outcome> {
        let shadow = self.shadows.get(program)?;
        let spec = &self.spec.programs[program];
        let end = shadow.last.end;
        let is_oneshot = spec.kind == Kind::Oneshot;
        let rests = shadow.rests();
        let is_running =
            shadow.leaving.is_none() && shadow.run().is_some_and(|run| run.up && run.is_untold());
        let has_times = spec.schedule.is_some() && spec.autostart && !shadow.stopped;
        let is_vain = rests && !(has_times && shadow.standing != Standing::Removed);
        let holds = |is_so: bool, end| match is_so {
            true => Some(Outcome::Holds { took, end }),
            false => is_vain.then(|| match shadow.standing {
                Standing::Removed => Outcome::Removed,
                Standing::Listed | Standing::New | Standing::Twin(_) => {
                    Outcome::Impossible(any_status())
                }
            }),
        };
        match goal {
            Goal::Up if shadow.leaving.is_some() => None,
            Goal::Up => match &shadow.life {
                Life::Done { well: true, .. } if is_oneshot => Some(Outcome::Completed { took }),
                Life::Done { end, well } => Some(Outcome::Ended {
                    took,
                    end: *end,
                    well: *well,
                }),
                Life::Fatal { .. } => Some(Outcome::GaveUp {
                    reason: lastout_core::FatalReason::NotReady { failures: 0 },
                }),
                Life::Alive(_) if is_running && !is_oneshot => Some(Outcome::Started { took }),
                Life::Alive(_) | Life::Waiting | Life::Pause(_) => {
                    let is_done = is_oneshot && shadow.meets_as_told(Condition::Completed);
                    is_done.then_some(Outcome::Completed { took })
                }
                Life::Between(..) => None,
            },
            Goal::Gone { had_life } => rests.then(|| Outcome::Stopped {
                took,
                end: end.filter(|_| had_life),
                killed: had_life && shadow.was_killed,
                is_off: spec.schedule.is_some()
                    && spec.autostart
                    && shadow.stopped
                    && shadow.standing != Standing::Removed,
            }),
            Goal::Until(Until::Running) => holds(is_running, None),
            Goal::Until(Until::Ready) => holds(shadow.meets_as_told(Condition::Ready), None),
            Goal::Until(Until::Healthy) if spec.healthcheck.is_none() => {
                Some(Outcome::NoHealthcheck)
            }
            Goal::Until(Until::Healthy) => holds(is_running && shadow.watch.well, None),
            Goal::Until(Until::Exited) => holds(rests && end.is_some(), end),
            Goal::Until(Until::Stopped) => rests.then_some(Outcome::Holds { took, end: None }),
            Goal::Done => None,
        }
    }

    /// A line of a reply that is not whole yet: to who asked for that, once for each
    /// program, and true. That the reply says the same is seen when it comes, and that
    /// nothing was left out at the end of the step.
    pub(crate) fn told_before_the_reply(
        &mut self,
        now: Time,
        id: RequestId,
        program: ProgramId,
        outcome: &Outcome,
    ) -> Check {
        self.look_at_requests(now);
        self.look_for_hope(now);
        let Some(asked) = self.asked.iter_mut().find(|asked| asked.id == id) else {
            return Err(format!(
                "{id:?} is told of {program:?}, and waits for nothing"
            ));
        };
        ensure!(asked.patience.each, "told of each, and did not ask for it");
        let is_told = asked.told.iter().any(|(told, _)| *told == program);
        ensure!(!is_told, "{id:?} is told of {program:?} twice");
        let mut targets = asked.targets.iter();
        let target = targets.find(|target| target.program == program.0 as usize);
        let due = target.and_then(|target| target.outcome.as_ref());
        ensure!(
            due.is_some_and(|due| is_same(due, outcome)),
            "told {outcome:?} of {program:?} where {due:?} is due"
        );
        asked.told.push((program, outcome.clone()));
        Ok(())
    }

    /// An answer. It must be due, and it must be true.
    pub(crate) fn reply(&mut self, now: Time, id: RequestId, reply: &Reply) -> Check {
        self.look_at_requests(now);
        if let Some(place) = self.replies_due.iter().position(|due| due.0 == id) {
            let (_, due) = self.replies_due.remove(place);
            ensure!(*reply == due, "answered {reply:?} where {due:?} is due");
            return Ok(());
        }
        self.look_for_hope(now);
        let Some(place) = self.asked.iter().position(|asked| asked.id == id) else {
            return Err(format!("{id:?} is answered, and nobody waits for that"));
        };
        let asked = self.asked.remove(place);
        let Reply::Programs(outcomes) = reply else {
            return Err(format!("answered {reply:?}"));
        };
        let programs = outcomes.iter().map(|(id, _)| id.0 as usize);
        let due = asked.targets.iter().map(|target| target.program);
        ensure!(
            programs.eq(due),
            "answered of other programs than were asked for"
        );
        for told in &asked.told {
            ensure!(
                outcomes.contains(told),
                "told {told:?}, and answered with {outcomes:?}"
            );
        }
        let is_late = asked.patience.deadline.is_some_and(|at| at <= now);
        for (target, (_, outcome)) in asked.targets.iter().zip(outcomes) {
            let is_right = match (&target.outcome, outcome) {
                (Some(due), outcome) => is_same(due, outcome),
                (None, Outcome::TimedOut(_)) => is_late,
                (None, Outcome::SetGoing(_)) => !asked.patience.wait,
                (None, Outcome::Overtaken(By::Shutdown)) => {
                    self.leaves_now = true;
                    self.stop.is_some()
                }
                (None, _) => false,
            };
            ensure!(
                is_right,
                "{} is answered with {outcome:?} where {:?} is due",
                self.spec.programs[target.program.min(self.shadows.len() - 1)].name,
                target.outcome
            );
        }
        Ok(())
    }

    /// Everything was answered that is decided, and nothing that is late waits on.
    pub(crate) fn answers_done(&mut self, now: Time) -> Check {
        self.look_at_requests(now);
        self.look_for_hope(now);
        ensure!(
            self.replies_due.is_empty(),
            "not answered: {:?}",
            self.replies_due
        );
        ensure!(
            self.exit.is_some() || !self.leaves_now,
            "answered as at the end, and it is not"
        );
        if self.exit.is_some() {
            ensure!(
                self.asked.is_empty() && self.loads.is_empty(),
                "left without an answer for {:?}",
                self.asked
            );
        }
        for target in self.asked.iter_mut().flat_map(|asked| &mut asked.targets) {
            target.is_old = target.outcome.is_some();
        }
        for asked in &self.asked {
            ensure!(!asked.is_decided(), "decided, and not answered: {asked:?}");
            ensure!(
                asked.patience.wait,
                "does not wait, and is not answered: {asked:?}"
            );
            ensure!(
                asked.patience.deadline.is_none_or(|at| at > now),
                "its time is over, and it is not answered: {asked:?}"
            );
            let untold = asked.untold();
            ensure!(
                untold.is_none(),
                "{untold:?} is decided, and who hears of each was not told: {asked:?}"
            );
        }
        Ok(())
    }
}

impl Shadow {
    /// Whether it has no life, nor will by itself and soon.
    fn rests(&self) -> bool {
        match self.life {
            Life::Waiting => !self.wanted,
            Life::Done { .. } | Life::Fatal { .. } => true,
            Life::Alive(_) | Life::Between(..) | Life::Pause(_) => false,
        }
    }

    /// Whether those that need it so may start, as far as the core has noticed.
    pub(crate) fn meets_as_told(&self, condition: Condition) -> bool {
        let is_up = self.run().is_some_and(|run| run.up && run.is_untold());
        let is_leaving = self.leaving.is_some();
        let is_done = matches!(self.life, Life::Done { well: true, .. });
        match condition {
            Condition::Ready => is_done || (is_up && !is_leaving),
            // No clock has a part in these.
            Condition::Started | Condition::Completed => self.meets(Time::ZERO, condition),
        }
    }
}

/// Of statuses only that there is one is compared, and of reasons that it is one.
fn is_same(due: &Outcome, given: &Outcome) -> bool {
    match (due, given) {
        (Outcome::Impossible(_), Outcome::Impossible(_))
        | (Outcome::AlreadyStopped(_), Outcome::AlreadyStopped(_))
        | (Outcome::NotRunning(_), Outcome::NotRunning(_)) => true,
        (Outcome::GaveUp { .. }, Outcome::GaveUp { .. }) => true,
        (due, given) => due == given,
    }
}

pub(crate) fn any_status() -> Status {
    Status {
        state: ProgramState::Stopped,
        run: None,
        since: Time::ZERO,
        restarts: 0,
        health: Health::None,
        is_ready: false,
        is_reloading: false,
        says: None,
        is_off: false,
        reason: Reason::NotStarted,
    }
}
