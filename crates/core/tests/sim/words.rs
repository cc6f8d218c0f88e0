//! The checker on what programs say of themselves (READY-1), and on who is watched.

use lastout_core::{Message, ProgramSpec, ReadyBy, RunId, Time, Why};

use crate::facts::Checker;
use crate::shadow::{Run, Watch};

impl Watch {
    /// Of a program that is RUNNING from now on.
    pub(crate) fn running(now: Time, spec: &ProgramSpec) -> Watch {
        let check = spec.healthcheck;
        let grace = check.map(|check| check.start_period);
        Watch {
            ask_at: check.map(|check| now.plus(check.times.interval)),
            grace: grace
                .filter(|grace| !grace.is_zero())
                .map(|grace| now.plus(grace)),
            watchdog: spec.watchdog.map(|period| (period, now.plus(period))),
            ..Watch::default()
        }
    }
}

impl Run {
    /// It says that it needs time until then for what it is doing.
    fn extend(&mut self, until: Time) {
        if self.is_untold() {
            self.give_up = self.give_up.map(|at| at.max(until));
            return;
        }
        let kill_at = self.kill_at.filter(|at| *at < until);
        if let (Some(at), None) = (kill_at, self.killed) {
            self.kill_at = Some(until);
            self.call_at = self.call_at.map(|call| call.plus(until.since(at)));
        }
    }
}

impl Checker {
    /// Somebody of a run has said something of it.
    pub(crate) fn said(&mut self, now: Time, id: RunId, message: &Message) {
        let Some(program) = self.program_of(id) else {
            return;
        };
        self.execed(now, id);
        let spec = &self.spec.programs[program];
        let shadow = &mut self.shadows[program];
        match message {
            Message::Ready => {
                let is_by_message = spec.readiness.is_some_and(|r| r.by == ReadyBy::Message);
                let run = shadow.run_mut().filter(|run| run.is_untold());
                if let Some(run) = run.filter(|run| is_by_message && run.execed.is_some()) {
                    run.ready = true;
                    run.give_up = None;
                }
            }
            Message::ExtendTimeout(by) => {
                if let Some(run) = shadow.run_mut() {
                    run.extend(now.plus(*by));
                }
            }
            Message::Alive => {
                let watchdog = &mut shadow.watch.watchdog;
                *watchdog = watchdog.map(|(period, _)| (period, now.plus(period)));
            }
            Message::WatchdogPeriod(period) => {
                let is_running = shadow.run().is_some_and(|run| run.up && run.is_untold());
                if is_running && self.stop.is_none() {
                    let is_watched = spec.watchdog.is_some() && !period.is_zero();
                    shadow.watch.watchdog = is_watched.then(|| (*period, now.plus(*period)));
                }
            }
            Message::NotWell => {
                if shadow.watch.watchdog.is_some() {
                    shadow.must = Some(Why::Watchdog);
                }
            }
            Message::Stopping => shadow.watch.watchdog = None,
            Message::Reloading | Message::Status(_) => {}
        }
    }
}
