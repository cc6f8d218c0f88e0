//! How a program is known to be ready and to be well: what it says of itself, and what
//! it answers when it is asked (READY-*, HEALTH-*, the watchdog).
//!
//! A question is a process of its own, with a run of its own. Who asks is none of the
//! program's life: he is told to end when the answer is of no interest any more, and
//! killed a moment later, and a life that has ended does not wait for him.

use alloc::boxed::Box;
use core::time::Duration;

use crate::life::FIRST_KILL_PAUSE;
use crate::program::{Program, State, Step, earlier};
use crate::stop::LONGEST_KILL_PAUSE;
use crate::{
    Action, Care, Cause, End, ExitStatus, HealthAction, Message, ProgramId, ProgramSpec, Question,
    ReadyBy, RunId, Scope, Signal, Supervisor, Time, Why, Work,
};

/// From the polite word to the kill of a process that asks: it has nothing to lose.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is known of how a program is, while it is STARTING or RUNNING.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch {
    /// When it is asked next.
    ask_at: Option<Time>,
    /// Who asks it.
    asking: Option<RunId>,
    /// How often in a row it has not answered that it is well.
    failures: u32,
    /// Until then that does not count.
    grace: Option<Time>,
    /// Whether people were told that it is unhealthy.
    unhealthy: bool,
    /// Whether it has answered that it is well, and has not been unhealthy since.
    well: bool,
    /// Whether people were told that the machine had nobody to ask it.
    unasked: bool,
    /// How often it must say that it is well, and when at the latest.
    watchdog: Option<(Duration, Time)>,
    /// What it says of itself.
    pub(crate) says: Option<Box<str>>,
    /// Whether it says that it reloads.
    pub(crate) reloading: bool,
}

/// A process that asks.
#[derive(Clone, Debug)]
pub(crate) struct Probe {
    /// Whom.
    pub(crate) program: ProgramId,
    question: Question,
    errand: Errand,
}

/// How far a question has come.
#[derive(Clone, Copy, Debug)]
enum Errand {
    /// It is asked, until then.
    Asking { until: Time },
    /// Nobody is interested in the answer any more. Who asked has been told, and is killed
    /// then, and that long after it again.
    Leaving { kill: Time, again: Duration },
}

impl Watch {
    pub(crate) fn deadline(&self) -> Option<Time> {
        earlier(self.ask_at, self.watchdog.map(|(_, at)| at))
    }

    pub(crate) fn postpone(&mut self, by: Duration) {
        let watchdog = self.watchdog.as_mut().map(|(_, at)| at);
        let all = [self.ask_at.as_mut(), self.grace.as_mut(), watchdog];
        for at in all.into_iter().flatten() {
            *at = at.plus(by);
        }
    }

    /// Whether it does not answer as it should, for people.
    pub(crate) fn is_unhealthy(&self) -> bool {
        self.unhealthy
    }

    /// Whether it has answered as it should, and still does by and large.
    pub(crate) fn is_healthy(&self) -> bool {
        self.well
    }

    /// How often in a row it has not.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }
}

impl Probe {
    pub(crate) fn deadline(&self) -> Time {
        match self.errand {
            Errand::Asking { until } => until,
            Errand::Leaving { kill, .. } => kill,
        }
    }

    /// Only the answer may come later; an end is an end.
    pub(crate) fn postpone(&mut self, by: Duration) {
        if let Errand::Asking { until } = &mut self.errand {
            *until = until.plus(by);
        }
    }
}

impl Supervisor {
    /// The command runs: it may be asked whether it is ready.
    pub(crate) fn watch_start(&mut self, now: Time, id: ProgramId) {
        let Some((program, spec)) = self.parts(id) else {
            return;
        };
        let by = spec.readiness.map(|readiness| readiness.by);
        if let Some(ReadyBy::Probe(_)) = by {
            program.watch.ask_at = Some(now);
            self.wake_at(now);
        }
    }

    /// It is RUNNING: from now on it must be well.
    pub(crate) fn watch_running(&mut self, now: Time, id: ProgramId) {
        self.stop_asking(now, id);
        if self.is_stopping() {
            return;
        }
        let Some((program, spec)) = self.parts(id) else {
            return;
        };
        let watch = &mut program.watch;
        let check = spec.healthcheck;
        watch.ask_at = check.map(|check| now.plus(check.times.interval));
        watch.failures = 0;
        watch.unhealthy = false;
        watch.well = false;
        watch.unasked = false;
        let grace = check.map(|check| check.start_period);
        watch.grace = grace.filter(|grace| !grace.is_zero()).map(|g| now.plus(g));
        watch.watchdog = spec.watchdog.map(|period| (period, now.plus(period)));
        if let Some(at) = watch.deadline() {
            self.wake_at(at);
        }
    }

    /// Nobody asks whether it is well any more, nor expects it to say so.
    pub(crate) fn stop_watching(&mut self, now: Time, id: ProgramId) {
        self.stop_asking(now, id);
        if let Some((program, _)) = self.parts(id) {
            program.watch = Watch::default();
        }
    }

    /// In the shutdown nobody is asked anything.
    pub(crate) fn stop_asking(&mut self, now: Time, id: ProgramId) {
        let Some((program, _)) = self.parts(id) else {
            return;
        };
        program.watch.ask_at = None;
        program.watch.watchdog = None;
        if let Some(run) = program.watch.asking.take() {
            self.dismiss(now, run);
        }
    }

    /// Acts on what of the watch is due.
    pub(crate) fn pass_watch(&mut self, now: Time, id: ProgramId) -> bool {
        let Some((program, _)) = self.parts(id) else {
            return false;
        };
        if program.watch.ask_at.is_some_and(|at| at <= now) {
            program.watch.ask_at = None;
            self.ask(now, id);
            return true;
        }
        let Some((period, at)) = program.watch.watchdog else {
            return false;
        };
        if at > now {
            return false;
        }
        self.watchdog_missed(now, id, Some(period));
        true
    }

    fn ask(&mut self, now: Time, id: ProgramId) {
        let run = self.new_run();
        let Some((program, spec)) = self.parts(id) else {
            return;
        };
        let Some((question, timeout)) = question(program, spec) else {
            return;
        };
        program.watch.asking = Some(run);
        let until = now.plus(timeout);
        let probe = Probe {
            program: id,
            question,
            errand: Errand::Asking { until },
        };
        self.probes.insert(run, probe);
        self.wake_at(until);
        self.order(Action::Spawn {
            program: id,
            run,
            work: Work::Probe(question),
        });
    }

    /// Who asks is to end, whatever the answer.
    fn dismiss(&mut self, now: Time, run: RunId) {
        let Some(probe) = self.probes.get_mut(&run) else {
            return;
        };
        let kill = now.plus(PATIENCE);
        probe.errand = Errand::Leaving {
            kill,
            again: FIRST_KILL_PAUSE,
        };
        self.wake_at(kill);
        // All of them, since they are killed together, and nobody is untold (STOP-1).
        self.order(Action::Tell {
            run,
            scope: Some(Scope::Tree),
            signal: Signal::TERM,
        });
    }

    /// The process that asks has ended: that is the answer. What it left behind is told.
    pub(crate) fn probe_ended(&mut self, now: Time, run: RunId, status: ExitStatus) {
        let Some(probe) = self.probes.get_mut(&run) else {
            return;
        };
        let was_asking = matches!(probe.errand, Errand::Asking { .. });
        if was_asking {
            let kill = now.plus(PATIENCE);
            probe.errand = Errand::Leaving {
                kill,
                again: FIRST_KILL_PAUSE,
            };
            self.wake_at(kill);
        }
        self.order(Action::Tell {
            run,
            scope: None,
            signal: Signal::TERM,
        });
        if was_asking {
            self.answered(now, run, Some(End::Status(status)));
        }
    }

    /// There was nobody who could ask.
    pub(crate) fn probe_never_ran(&mut self, now: Time, run: RunId, end: End) {
        if let Some(probe) = self.probes.get(&run)
            && matches!(probe.errand, Errand::Asking { .. })
        {
            self.answered(now, run, Some(end));
        }
        self.probes.remove(&run);
    }

    /// Acts on what is due for those that ask. Whether anything was.
    pub(crate) fn pass_time_of_probes(&mut self, now: Time) -> bool {
        let due = self.probes.iter().find(|(_, p)| p.deadline() <= now);
        let Some(run) = due.map(|(run, _)| *run) else {
            return false;
        };
        let Some(probe) = self.probes.get_mut(&run) else {
            return false;
        };
        match &mut probe.errand {
            Errand::Asking { .. } => {
                self.dismiss(now, run);
                self.answered(now, run, None);
            }
            Errand::Leaving { kill, again } => {
                *kill = now.plus(*again);
                *again = (*again * 2).min(LONGEST_KILL_PAUSE);
                self.order(Action::Kill { run });
                self.killed_in_shutdown();
            }
        }
        true
    }

    /// An answer, or `None`: it took too long.
    fn answered(&mut self, now: Time, run: RunId, end: Option<End>) {
        let Some((id, question)) = self.probes.get(&run).map(|p| (p.program, p.question)) else {
            return;
        };
        let Some((program, spec)) = self.parts(id) else {
            return;
        };
        if program.watch.asking != Some(run) {
            return;
        }
        program.watch.asking = None;
        let is_well = end == Some(End::Status(ExitStatus::Code(0)));
        let interval = match question {
            Question::Ready => match spec.readiness.map(|readiness| readiness.by) {
                Some(ReadyBy::Probe(times)) => Some(times.interval),
                Some(ReadyBy::Message) | None => None,
            },
            Question::Health => spec.healthcheck.map(|check| check.times.interval),
        };
        if let Some(interval) = interval {
            let next = now.plus(interval);
            program.watch.ask_at = Some(next);
            self.wake_at(next);
        }
        match (question, is_well) {
            (Question::Ready, true) => self.ready(now, id),
            (Question::Ready, false) => self.care(
                id,
                Care::ProbeFailed {
                    question,
                    end,
                    count: None,
                },
            ),
            (Question::Health, true) => self.is_well_again(now, id),
            (Question::Health, false) => self.is_not_well(now, id, end),
        }
    }

    fn is_well_again(&mut self, now: Time, id: ProgramId) {
        let Some((program, _)) = self.parts(id) else {
            return;
        };
        program.watch.failures = 0;
        program.watch.grace = None;
        program.watch.unasked = false;
        program.watch.well = true;
        if core::mem::take(&mut program.watch.unhealthy) {
            self.care(id, Care::Healthy);
        }
        self.decide(now, id);
    }

    fn is_not_well(&mut self, now: Time, id: ProgramId, end: Option<End>) {
        let Some((program, spec)) = self.parts(id) else {
            return;
        };
        let Some(check) = spec.healthcheck else {
            return;
        };
        let is_of_grace = program.watch.grace.is_some_and(|until| until > now);
        // That the machine had no process to ask with says nothing of the program: to end
        // it would only mean that it could not be started again either.
        let is_unasked = matches!(end, Some(End::NeverRan(failure)) if failure.is_temporary());
        let was_unasked = core::mem::replace(&mut program.watch.unasked, is_unasked);
        if was_unasked && is_unasked {
            return;
        }
        let counts = !is_of_grace && !is_unasked;
        if counts {
            program.watch.failures = program.watch.failures.saturating_add(1);
        }
        let failures = program.watch.failures;
        let is_news = counts && failures >= check.retries && !program.watch.unhealthy;
        program.watch.unhealthy |= is_news;
        program.watch.well &= !is_news;
        self.care(
            id,
            Care::ProbeFailed {
                question: Question::Health,
                end,
                count: counts.then_some((failures, check.retries)),
            },
        );
        if !is_news {
            return;
        }
        self.care(
            id,
            Care::Unhealthy {
                failures,
                action: check.action,
            },
        );
        match check.action {
            HealthAction::Restart => self.tell(now, id, Why::Unhealthy),
            HealthAction::Shutdown => self.begin_shutdown(now, Cause::Unhealthy(id)),
            HealthAction::Nothing => {}
        }
    }

    fn watchdog_missed(&mut self, now: Time, id: ProgramId, period: Option<Duration>) {
        self.care(id, Care::WatchdogMissed { period });
        self.tell(now, id, Why::Watchdog);
    }

    /// Something that a program has said of itself (READY-1).
    pub(crate) fn said(&mut self, now: Time, run: RunId, message: &Message) {
        let Some(id) = self.life_of(run) else {
            return;
        };
        // It could say nothing before its exec.
        self.execed(now, run);
        let stopping = self.is_stopping();
        let Some((program, spec)) = self.parts(id) else {
            return;
        };
        program.hear(message);
        let is_running = matches!(program.state, State::Running { .. });
        let watchdog = &mut program.watch.watchdog;
        match message {
            Message::Ready => {
                if spec.readiness.is_some_and(|r| r.by == ReadyBy::Message) {
                    self.ready(now, id);
                }
            }
            Message::ExtendTimeout(by) => {
                if program.extend(now.plus(*by)) {
                    self.rearm();
                }
            }
            Message::Alive => {
                *watchdog = watchdog.map(|(period, _)| (period, now.plus(period)));
                // That may be earlier than before: a pause gave it more (HEALTH-2).
                if let Some(at) = watchdog.map(|(_, at)| at) {
                    self.wake_at(at);
                }
            }
            Message::WatchdogPeriod(period) if is_running && !stopping => {
                // systemd takes none for the end of it.
                let is_watched = spec.watchdog.is_some() && !period.is_zero();
                *watchdog = is_watched.then(|| (*period, now.plus(*period)));
                self.rearm();
            }
            Message::NotWell if watchdog.is_some() => self.watchdog_missed(now, id, None),
            // It is on its way out, and has no more to prove.
            Message::Stopping => *watchdog = None,
            Message::WatchdogPeriod(_)
            | Message::NotWell
            | Message::Reloading
            | Message::Status(_) => {}
        }
    }

    /// It is known to be ready.
    fn ready(&mut self, now: Time, id: ProgramId) {
        if let Some((program, _)) = self.parts(id)
            && let State::Starting {
                step: Step::Execed { ready, give_up, .. },
                ..
            } = &mut program.state
        {
            *ready = true;
            *give_up = None;
            self.pass_up(now, id);
        }
        // Nobody need ask any more, even where it is not up for long enough.
        if let Some((program, _)) = self.parts(id)
            && matches!(program.state, State::Starting { .. })
        {
            program.watch.ask_at = None;
        }
    }

    /// What it is asked has changed: it is asked anew.
    pub(crate) fn watch_anew(&mut self, now: Time, id: ProgramId) {
        let Some((program, spec)) = self.parts(id) else {
            return;
        };
        let is_asked = spec.readiness.is_some();
        let step = match program.state {
            State::Running { .. } => return self.watch_running(now, id),
            State::Starting { step, .. } => step,
            State::Stopped
            | State::Backoff { .. }
            | State::Stopping(_)
            | State::Exited { .. }
            | State::Fatal { .. } => return,
        };
        if let Step::Execed { ready: false, .. } = step {
            self.stop_asking(now, id);
            match is_asked {
                true => self.watch_start(now, id),
                false => self.ready(now, id),
            }
        }
    }
}

/// What a program is asked in the state that it is in, and how long that may take.
fn question(program: &Program, spec: &ProgramSpec) -> Option<(Question, Duration)> {
    match program.state {
        State::Starting { .. } => match spec.readiness?.by {
            ReadyBy::Probe(times) => Some((Question::Ready, times.timeout)),
            ReadyBy::Message => None,
        },
        State::Running { .. } => Some((Question::Health, spec.healthcheck?.times.timeout)),
        State::Stopped
        | State::Backoff { .. }
        | State::Stopping(_)
        | State::Exited { .. }
        | State::Fatal { .. } => None,
    }
}
