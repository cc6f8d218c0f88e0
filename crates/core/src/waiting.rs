//! Who waits for an answer, and when it is decided.
//!
//! What a request waits for is looked at whenever a program changes its state, and not
//! at the end of an event: a program that is RUNNING for no time at all was RUNNING.
//! What only changes a wish (a stop of a program without a life, the shutdown) says so
//! itself. Every request is answered exactly once, those that still wait at the end of
//! lastout included; who has gone is forgotten.

use alloc::vec::Vec;
use core::time::Duration;

use crate::program::{Program, Standing, State};
use crate::restart;
use crate::{
    Action, By, Cause, Changes, Condition, Kind, MOST_REQUESTS, Outcome, ProgramId, ProgramSpec,
    Refusal, Reply, RequestId, Supervisor, Time, Until,
};

/// Who asks, and how long he waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker {
    pub(crate) id: RequestId,
    pub(crate) deadline: Option<Time>,
    /// Whether the answer comes only when it is decided.
    pub(crate) waits: bool,
    /// Whether he hears of each program before that.
    pub(crate) hears_each: bool,
}

/// A request that was not answered yet.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    who: Asker,
    since: Time,
    for_what: What,
    /// How many of its programs are not decided.
    open: usize,
    /// The programs of which something was decided that who hears of each was not told yet.
    news: Vec<ProgramId>,
}

#[derive(Clone, Debug)]
enum What {
    /// These, in the order of their ids.
    Programs(Vec<Target>),
    /// That the configuration is read.
    Load,
}

/// One program of a request.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) program: ProgramId,
    pub(crate) goal: Goal,
    /// What came of it; `None`: that is not decided yet.
    pub(crate) outcome: Option<Outcome>,
}

/// What a request wants of a program.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Goal {
    /// That it is up; a oneshot: that it is done.
    Up,
    /// That nobody of it is left; and whether there was anybody.
    Gone { had_life: bool },
    /// Nothing but to know when this is so.
    Until(Until),
    /// What was done at once.
    Done,
}

impl Goal {
    /// Whether only a program that is, or will be, up can satisfy it.
    pub(crate) fn is_of_the_living(self) -> bool {
        match self {
            Goal::Up | Goal::Until(Until::Running | Until::Ready | Until::Healthy) => true,
            Goal::Gone { .. } | Goal::Until(Until::Exited | Until::Stopped) | Goal::Done => false,
        }
    }
}

impl Waiting {
    fn is_decided(&self) -> bool {
        match &self.for_what {
            What::Programs(_) => self.open == 0,
            What::Load => false,
        }
    }

    /// Decides about a program, unless that was done before.
    fn decide(&mut self, id: ProgramId, decision: impl FnOnce(Goal) -> Option<Outcome>) {
        let What::Programs(targets) = &mut self.for_what else {
            return;
        };
        let found = targets.binary_search_by_key(&id, |target| target.program);
        let target = found.ok().and_then(|found| targets.get_mut(found));
        if let Some(target) = target.filter(|target| target.outcome.is_none()) {
            target.outcome = decision(target.goal);
            if target.outcome.is_some() {
                self.open -= 1;
                if self.who.hears_each {
                    self.news.push(id);
                }
            }
        }
    }

    /// What was decided since this was asked for the last time.
    fn take_news(&mut self) -> Vec<(ProgramId, Outcome)> {
        let news = core::mem::take(&mut self.news);
        let What::Programs(targets) = &self.for_what else {
            return Vec::new();
        };
        let outcome = |id: ProgramId| {
            let found = targets.binary_search_by_key(&id, |target| target.program);
            let target = targets.get(found.ok()?)?;
            Some((id, target.outcome.clone()?))
        };
        news.into_iter().filter_map(outcome).collect()
    }

    /// The programs about which nothing is decided.
    fn undecided(&self) -> Vec<ProgramId> {
        let What::Programs(targets) = &self.for_what else {
            return Vec::new();
        };
        let open = targets.iter().filter(|target| target.outcome.is_none());
        open.map(|target| target.program).collect()
    }
}

impl Supervisor {
    /// Whether one more may wait.
    pub(crate) fn has_room_for_a_request(&self) -> bool {
        self.requests.len() < MOST_REQUESTS
    }

    /// These were asked for, and done about it is what can be. They are in any order, and
    /// none is there twice.
    pub(crate) fn await_programs(&mut self, now: Time, who: Asker, mut targets: Vec<Target>) {
        crate::order::sort_by(&mut targets, |a, b| a.program.cmp(&b.program));
        let programs: Vec<ProgramId> = targets.iter().map(|target| target.program).collect();
        let decided = targets.iter().filter(|target| target.outcome.is_some());
        let open = targets.len() - decided.clone().count();
        let news = decided.filter(|_| who.hears_each);
        self.requests.push(Waiting {
            who,
            since: now,
            open,
            news: news.map(|target| target.program).collect(),
            for_what: What::Programs(targets),
        });
        if let Some(at) = who.deadline {
            self.wake_at(at);
        }
        for program in programs {
            self.decide(now, program);
            self.look_again(program);
            if self.is_stopping() {
                // As of everybody when the shutdown began.
                let overtaken = Outcome::Overtaken(By::Shutdown);
                self.settle_targets(program, Goal::is_of_the_living, overtaken);
            }
        }
        self.answer_the_decided();
    }

    /// Somebody waits for the configuration to be read.
    pub(crate) fn await_load(&mut self, now: Time, id: RequestId) {
        self.requests.push(Waiting {
            who: Asker {
                id,
                deadline: None,
                waits: true,
                hears_each: false,
            },
            since: now,
            for_what: What::Load,
            open: 0,
            news: Vec::new(),
        });
    }

    /// The configuration was read, or not: `None`.
    pub(crate) fn answer_loads(&mut self, changes: Option<&Changes>) {
        self.answer_if(
            |waiting| matches!(waiting.for_what, What::Load),
            |_| changes.map_or(Reply::LoadFailed, |it| Reply::Reloaded(it.clone())),
        );
    }

    /// Who asked has gone.
    pub(crate) fn withdraw(&mut self, id: RequestId) {
        self.requests.retain(|waiting| waiting.who.id != id);
    }

    /// When the first of those who wait loses patience.
    pub(crate) fn patience_of_requests(&self) -> Option<Time> {
        self.requests.iter().filter_map(|it| it.who.deadline).min()
    }

    /// A program has changed: what is decided by that is.
    pub(crate) fn decide(&mut self, now: Time, id: ProgramId) {
        if self.requests.is_empty() {
            return;
        }
        let mut requests = core::mem::take(&mut self.requests);
        for waiting in &mut requests {
            let since = waiting.since;
            waiting.decide(id, |goal| self.decision(now, since, id, goal));
        }
        self.requests = requests;
        self.answer_the_decided();
    }

    /// The same of every program.
    pub(crate) fn decide_all(&mut self, now: Time) {
        if !self.requests.is_empty() {
            self.ids().for_each(|id| self.decide(now, id));
        }
    }

    /// Somebody wants something else of a program than those who wait, where `is_against`
    /// says so.
    pub(crate) fn overtake(&mut self, id: ProgramId, by: By, is_against: fn(Goal) -> bool) {
        self.settle_targets(id, is_against, Outcome::Overtaken(by));
    }

    /// A program is not in the configuration any more. Who waits for its end still does.
    pub(crate) fn answer_of_removed(&mut self, id: ProgramId) {
        self.settle_targets(id, Goal::is_of_the_living, Outcome::Removed);
    }

    /// Decides about a program for those who want this of it.
    pub(crate) fn settle_targets(
        &mut self,
        id: ProgramId,
        which: fn(Goal) -> bool,
        outcome: Outcome,
    ) {
        for waiting in &mut self.requests {
            waiting.decide(id, |goal| which(goal).then(|| outcome.clone()));
        }
        self.answer_the_decided();
    }

    /// Nothing starts any more. Who waits for an end goes on waiting; who waits for the
    /// program whose end the container's is gets to know of that.
    pub(crate) fn answer_in_shutdown(&mut self, now: Time, cause: Cause) {
        let mut requests = core::mem::take(&mut self.requests);
        for waiting in &mut requests {
            let since = waiting.since;
            for id in waiting.undecided() {
                waiting.decide(id, |goal| {
                    let is_vain = goal.is_of_the_living();
                    is_vain.then(|| self.outcome_in_shutdown(now.since(since), id, goal, cause))
                });
            }
        }
        self.requests = requests;
        self.answer_if(
            |waiting| matches!(waiting.for_what, What::Load),
            |_| Reply::Refused(Refusal::Stopping),
        );
        self.answer_the_decided();
    }

    fn outcome_in_shutdown(
        &self,
        took: Duration,
        id: ProgramId,
        goal: Goal,
        cause: Cause,
    ) -> Outcome {
        let spec = self.spec.programs.get(id.0 as usize);
        if let (Cause::Ended(ended, end), Some(spec), Goal::Up) = (cause, spec, goal)
            && ended == id
        {
            let well = restart::is_expected(spec, end);
            return Outcome::Ended { took, end, well };
        }
        Outcome::Overtaken(By::Shutdown)
    }

    /// Acts on the deadlines of requests. Whether anything was due.
    pub(crate) fn pass_time_of_requests(&mut self, now: Time) -> bool {
        if self.patience_of_requests().is_none_or(|at| at > now) {
            return false;
        }
        let is_late = |it: &Waiting| it.who.deadline.is_some_and(|at| at <= now);
        self.close(now, is_late, Outcome::TimedOut);
        true
    }

    /// Everything has settled: who does not wait is told how far it has come.
    pub(crate) fn answer_the_impatient(&mut self, now: Time) {
        if self.requests.iter().any(|it| !it.who.waits) {
            self.close(now, |it| !it.who.waits, Outcome::SetGoing);
        }
    }

    /// Lastout leaves.
    pub(crate) fn answer_everybody(&mut self, now: Time) {
        self.close(now, |_| true, |_| Outcome::Overtaken(By::Shutdown));
    }

    /// Answers these, with an outcome for what is not decided of them.
    fn close(
        &mut self,
        now: Time,
        which: impl Fn(&Waiting) -> bool,
        outcome: fn(crate::Status) -> Outcome,
    ) {
        let mut requests = core::mem::take(&mut self.requests);
        for waiting in requests.iter_mut().filter(|waiting| which(waiting)) {
            for id in waiting.undecided() {
                let status = self.status(now, id);
                waiting.decide(id, |_| Some(status.map_or(Outcome::Unknown, outcome)));
            }
        }
        self.requests = requests;
        self.answer_the_decided();
    }

    fn answer_the_decided(&mut self) {
        self.tell_of_the_decided();
        self.answer_if(Waiting::is_decided, |waiting| {
            let What::Programs(targets) = waiting.for_what else {
                return Reply::LoadFailed;
            };
            let outcome = |target: Target| Some((target.program, target.outcome?));
            Reply::Programs(targets.into_iter().filter_map(outcome).collect())
        });
    }

    /// Tells who wants to hear of each program as soon as it is decided. The last of them
    /// is in the reply.
    fn tell_of_the_decided(&mut self) {
        let mut requests = core::mem::take(&mut self.requests);
        let has_news = |it: &&mut Waiting| it.open > 0 && !it.news.is_empty();
        for waiting in requests.iter_mut().filter(has_news) {
            let id = waiting.who.id;
            for (program, outcome) in waiting.take_news() {
                self.order(Action::Decided {
                    id,
                    program,
                    outcome,
                });
            }
        }
        self.requests = requests;
    }

    fn answer_if(&mut self, which: impl Fn(&Waiting) -> bool, reply: impl Fn(Waiting) -> Reply) {
        let mut next = 0;
        while let Some(waiting) = self.requests.get(next) {
            if which(waiting) {
                let waiting = self.requests.remove(next);
                let id = waiting.who.id;
                self.order(Action::Reply {
                    id,
                    reply: reply(waiting),
                });
            } else {
                next += 1;
            }
        }
    }

    /// What is decided for one who wants this of a program since then.
    fn decision(&self, now: Time, since: Time, id: ProgramId, goal: Goal) -> Option<Outcome> {
        let program = self.program(id)?;
        let spec = self.spec.programs.get(id.0 as usize)?;
        let took = now.since(since);
        match goal {
            Goal::Up if program.leaving.is_some() => None,
            Goal::Up => match program.state {
                State::Running { .. } if spec.kind == Kind::Service => {
                    Some(Outcome::Started { took })
                }
                State::Exited { well: true, .. } if spec.kind == Kind::Oneshot => {
                    Some(Outcome::Completed { took })
                }
                State::Exited { end, well } => Some(Outcome::Ended { took, end, well }),
                State::Fatal { reason } => Some(Outcome::GaveUp { reason }),
                State::Running { .. }
                | State::Stopped
                | State::Starting { .. }
                | State::Backoff { .. }
                | State::Stopping(_) => {
                    let is_done = spec.kind == Kind::Oneshot && program.meets(Condition::Completed);
                    is_done.then_some(Outcome::Completed { took })
                }
            },
            Goal::Gone { had_life } => (!program.lives_or_will()).then(|| Outcome::Stopped {
                took,
                end: program.last.end.filter(|_| had_life),
                killed: had_life && program.was_killed,
                is_off: program.stopped
                    && spec.has_times()
                    && program.standing != Standing::Removed,
            }),
            Goal::Until(Until::Healthy) if spec.healthcheck.is_none() => {
                Some(Outcome::NoHealthcheck)
            }
            Goal::Until(until) => match program.standing_on(spec, until) {
                Stand::Holds => Some(Outcome::Holds {
                    took,
                    end: program.last.end.filter(|_| until == Until::Exited),
                }),
                Stand::Open => None,
                Stand::Never if program.standing == Standing::Removed => Some(Outcome::Removed),
                Stand::Never => self.status(now, id).map(Outcome::Impossible),
            },
            Goal::Done => None,
        }
    }
}

/// How it stands with what somebody waits for.
enum Stand {
    Holds,
    Open,
    /// It cannot become true by itself.
    Never,
}

impl Program {
    /// Whether it lives, or will by itself and soon; a scheduled one rests until its time.
    fn lives_or_will(&self) -> bool {
        match self.state {
            State::Starting { .. }
            | State::Running { .. }
            | State::Backoff { .. }
            | State::Stopping(_) => true,
            State::Stopped => self.wanted,
            State::Exited { .. } | State::Fatal { .. } => false,
        }
    }

    fn standing_on(&self, spec: &ProgramSpec, until: Until) -> Stand {
        let rests = !self.lives_or_will();
        let is_to_come = self.has_times(spec) && self.standing != Standing::Removed;
        let holds = match until {
            Until::Running => self.is_running(),
            Until::Ready => self.meets(Condition::Ready),
            Until::Healthy => self.is_running() && self.watch.is_healthy(),
            Until::Stopped => rests,
            Until::Exited => rests && self.last.end.is_some(),
        };
        match holds {
            true => Stand::Holds,
            false if rests && !is_to_come => Stand::Never,
            false => Stand::Open,
        }
    }

    fn is_running(&self) -> bool {
        matches!(self.state, State::Running { .. }) && self.leaving.is_none()
    }
}
