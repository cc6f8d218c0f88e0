//! The configuration's rules of what becomes of a program when a life of it has ended,
//! written down a second time, as plainly as they can be: RUN-3, RUN-5, READY-4,
//! HEALTH-1, END-1, hooks and pauses.

use std::time::Duration;

use lastout_core::{
    Autorestart, Care, End, EndPolicy, ExitStatus, FatalReason, Kind, Notice, ProgramId,
    ProgramSpec, Retries, Time, Why, Work,
};

use crate::facts::Checker;
use crate::shadow::{Check, Fate, Life, Standing, ensure};

/// How a life came to its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum How {
    Early,
    Late,
    NotReady,
    PreStart,
    Unwell,
}

pub(crate) fn is_expected(spec: &ProgramSpec, end: End) -> bool {
    matches!(end, End::Status(ExitStatus::Code(code)) if spec.exitcodes.contains(&code))
}

/// Whether this counts against `startretries`.
fn is_failure(spec: &ProgramSpec, how: How, end: End) -> bool {
    let as_it_should = is_expected(spec, end);
    match (spec.kind, how) {
        (_, How::NotReady | How::PreStart) => true,
        (_, How::Unwell) => false,
        (Kind::Oneshot, How::Early | How::Late) => !as_it_should,
        (Kind::Service, How::Late) => false,
        (Kind::Service, How::Early) => !as_it_should || spec.autorestart == Autorestart::Always,
    }
}

impl Checker {
    /// What becomes of a program that was asked to end.
    pub(crate) fn fate_of_told(&mut self, program: usize, why: Why, end: End) -> Fate {
        match why {
            Why::Shutdown | Why::Removed => match is_expected(&self.spec.programs[program], end) {
                true => Fate::Well,
                false => Fate::Badly,
            },
            Why::Stopped => Fate::Badly,
            Why::Changed | Why::Restarted | Why::Replaced => Fate::AtOnce,
            Why::NotReady => self.judged(program, How::NotReady, end),
            Why::HookTime => self.judged(program, How::PreStart, end),
            Why::Unhealthy | Why::Watchdog => self.judged(program, How::Unwell, end),
        }
    }

    /// What becomes of a program by its own doing; remembers whose fault it is.
    pub(crate) fn judged(&mut self, program: usize, how: How, end: End) -> Fate {
        let spec = &self.spec.programs[program];
        let shadow = &mut self.shadows[program];
        shadow.ends_container = None;
        if shadow.again {
            // It is to begin anew in any case.
            return Fate::AtOnce;
        }
        let fate = if is_failure(spec, how, end) {
            shadow.failures += 1;
            match spec.startretries {
                Retries::AtMost(most) if shadow.failures > most => Fate::GivenUp,
                Retries::AtMost(_) | Retries::Infinite => Fate::Again,
            }
        } else {
            shadow.failures = 0;
            let is_expected = is_expected(spec, end);
            shadow.completed |= is_expected && how != How::Unwell;
            match spec.autorestart {
                _ if how == How::Unwell => Fate::Again,
                Autorestart::Always => Fate::Again,
                Autorestart::Unexpected | Autorestart::Never if is_expected => Fate::Well,
                Autorestart::Unexpected => Fate::Again,
                Autorestart::Never => Fate::Badly,
            }
        };
        if self.stop.is_some() || shadow.standing == Standing::Removed {
            return fate;
        }
        let for_all = match (fate, how) {
            (Fate::GivenUp, How::NotReady) => End::Status(ExitStatus::Code(1)),
            _ => end,
        };
        let policy = match fate {
            Fate::Well => spec.on_success,
            Fate::Badly | Fate::GivenUp => spec.on_failure,
            Fate::Again | Fate::AtOnce | Fate::Proceed | Fate::Machine(_) => EndPolicy::Ignore,
        };
        if policy == EndPolicy::Shutdown {
            shadow.ends_container = Some(for_all);
        }
        let failures = shadow.failures;
        let is_main = self.spec.main == Some(ProgramId(program as u32));
        if matches!(fate, Fate::Badly | Fate::GivenUp) {
            self.first_failure.get_or_insert(for_all);
        }
        if fate == Fate::GivenUp && !is_main {
            self.due.notices.push(Notice::GaveUp {
                program: ProgramId(program as u32),
                reason: match how {
                    How::NotReady => FatalReason::NotReady { failures },
                    How::PreStart => FatalReason::PreStart {
                        failures,
                        last: end,
                    },
                    How::Early | How::Late | How::Unwell => FatalReason::FailedStarts {
                        failures,
                        last: end,
                    },
                },
            });
        }
        fate
    }

    /// A part of a life is over, tree and all: what comes next.
    pub(crate) fn finish(&mut self, program: usize, end: End, fate: Fate) {
        let shadow = &mut self.shadows[program];
        let goes_on = self.stop.is_none() && shadow.wanted && !shadow.again;
        if fate == Fate::Proceed && goes_on {
            shadow.life = Life::Between(Work::Command, None);
            return;
        }
        let is_due = std::mem::take(&mut shadow.to_clean) && self.spec.programs[program].post_stop;
        if is_due && !self.called {
            shadow.life = Life::Between(Work::PostStop(shadow.last), Some((end, fate)));
            return;
        }
        if is_due {
            self.expect_care(program, Care::HookSkipped);
        }
        self.meet_fate(program, end, fate);
    }

    /// A life is over, with all that belongs to it.
    pub(crate) fn meet_fate(&mut self, program: usize, end: End, fate: Fate) {
        let stopping = self.stop.is_some();
        let spec = &self.spec.programs[program];
        let shadow = &mut self.shadows[program];
        let well = fate == Fate::Well;
        match fate {
            _ if shadow.standing == Standing::Removed => shadow.life = Life::Waiting,
            _ if shadow.again && !stopping => shadow.renew(),
            Fate::GivenUp => shadow.done(Life::Fatal { end, needs: None }, spec),
            Fate::Well | Fate::Badly | Fate::Proceed => {
                shadow.done(Life::Done { end, well }, spec);
            }
            Fate::Again | Fate::AtOnce | Fate::Machine(_) if stopping || !shadow.wanted => {
                shadow.done(Life::Done { end, well: false }, spec);
            }
            Fate::AtOnce => shadow.renew(),
            Fate::Machine(until) => shadow.life = Life::Pause(until),
            // Until the notice says otherwise there is no end to the pause.
            Fate::Again => shadow.life = Life::Pause(Time::from_beginning(Duration::MAX)),
        }
        self.shadows[program].again = false;
    }

    /// The machine was at fault: a pause of at most seconds, doubled each time (PID-10).
    pub(crate) fn machine_failed(&mut self, now: Time, program: usize) -> Fate {
        let shadow = &mut self.shadows[program];
        let pause = Duration::from_millis(100 << shadow.machine_failures.min(10));
        shadow.machine_failures += 1;
        Fate::Machine(now.plus(pause.min(Duration::from_secs(5))))
    }

    /// Whether the pause that is announced is one that there may be: doubled from
    /// `backoff` to `backoff_max` with a tenth of jitter; none only after a long life.
    pub(crate) fn pause(&mut self, now: Time, program: usize, pause: Duration) -> Check {
        let spec = &self.spec.programs[program];
        let shadow = &mut self.shadows[program];
        let lived = shadow.lived;
        let is_for_ever = shadow.life == Life::Pause(Time::from_beginning(Duration::MAX));
        ensure!(
            is_for_ever,
            "a restart is announced of a program that is {:?}",
            shadow.life
        );
        if lived >= spec.backoff_max && shadow.failures == 0 {
            shadow.restarts = 0;
            ensure!(pause.is_zero(), "a pause of {pause:?} after a long life");
        } else {
            let doubled = spec.backoff * 2_u32.pow(shadow.restarts.min(20));
            let middle = doubled.min(spec.backoff_max);
            shadow.restarts += 1;
            ensure!(
                pause >= middle * 9 / 10 && pause <= middle * 11 / 10,
                "a pause of {pause:?} where {middle:?} is due (lived {lived:?})"
            );
        }
        shadow.life = Life::Pause(now.plus(pause));
        Ok(())
    }
}
