//! When all are up: those that start by themselves, each once, and none of them on the way
//! to be up again. There may be a bound on it (`startup_timeout`), and who started lastout
//! may want to know (UP-1).

use core::time::Duration;

use crate::program::{Standing, State};
use crate::{Cause, Kind, Notice, ProgramId, Supervisor, Time};

/// How far the start of all has come.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Startup {
    /// Nothing has happened yet.
    Ahead,
    /// That many of those that start by themselves were not up yet, and must be by then.
    Waits(usize, Option<Time>),
    /// All were up once.
    Done,
}

impl Startup {
    pub(crate) fn deadline(self) -> Option<Time> {
        match self {
            Startup::Waits(_, at) => at,
            Startup::Ahead | Startup::Done => None,
        }
    }

    pub(crate) fn postpone(&mut self, by: Duration) {
        if let Startup::Waits(_, Some(at)) = self {
            *at = at.plus(by);
        }
    }
}

impl Supervisor {
    /// The first fact: the time that all have to be up begins.
    pub(crate) fn begin_startup(&mut self, now: Time) {
        if let Startup::Ahead = self.startup {
            let at = self.spec.startup_timeout.map(|timeout| now.plus(timeout));
            self.startup = Startup::Waits(self.not_up_yet(), at);
            if let Some(at) = at {
                self.wake_at(at);
            }
        }
    }

    /// How many of those that start by themselves were never up.
    fn not_up_yet(&self) -> usize {
        let ids = self.ids().filter(|id| self.counts_for_startup(*id));
        let not_up = ids.filter(|id| self.program(*id).is_some_and(|p| !p.was_up));
        not_up.count()
    }

    fn counts_for_startup(&self, id: ProgramId) -> bool {
        let Some((program, spec)) = self.pair(id) else {
            return false;
        };
        let is_listed = match program.standing {
            Standing::Listed | Standing::New => true,
            Standing::Removed | Standing::Twin(_) => false,
        };
        // Who was stopped is waited for by nobody.
        is_listed && !program.stopped && spec.starts_by_itself() && Some(id) != self.spec.main
    }

    /// A program has another state: it may be up for the first time. A oneshot is when it
    /// is done.
    pub(crate) fn note_up(&mut self, id: ProgramId) {
        let Some((program, spec)) = self.parts(id) else {
            return;
        };
        let is_up = match program.state {
            State::Running { .. } => spec.kind == Kind::Service,
            State::Exited { well, .. } => well,
            State::Stopped
            | State::Starting { .. }
            | State::Backoff { .. }
            | State::Stopping(_)
            | State::Fatal { .. } => false,
        };
        let is_first = is_up && !program.was_up;
        program.was_up |= is_up;
        if is_first
            && self.counts_for_startup(id)
            && let Startup::Waits(many, _) = &mut self.startup
        {
            *many = many.saturating_sub(1);
        }
    }

    /// Everything has settled: all may be up now.
    pub(crate) fn all_may_be_up(&mut self) {
        if let Startup::Waits(0, _) = self.startup
            && !self.is_one_on_the_way()
        {
            self.startup = Startup::Done;
            self.notice(Notice::AllUp);
        }
    }

    /// Whether one that was up is to be up again. Who has ended for good is waited for by
    /// nobody.
    fn is_one_on_the_way(&self) -> bool {
        let mut ids = self.ids().filter(|id| self.counts_for_startup(*id));
        ids.any(|id| {
            self.program(id).is_some_and(|program| match program.state {
                State::Starting { .. } | State::Backoff { .. } | State::Stopping(_) => true,
                State::Stopped => program.wanted,
                State::Running { .. } | State::Exited { .. } | State::Fatal { .. } => false,
            })
        })
    }

    /// Not all were up in time.
    pub(crate) fn pass_startup(&mut self, now: Time) -> bool {
        if self.startup.deadline().is_none_or(|at| at > now) {
            return false;
        }
        let timeout = self.spec.startup_timeout.unwrap_or_default();
        self.begin_shutdown(now, Cause::StartupTimeout(timeout));
        true
    }

    /// In the shutdown nobody is impatient with a start any more, nor told that all are up.
    pub(crate) fn end_startup(&mut self, now: Time) {
        self.startup = Startup::Done;
        for id in self.ids() {
            self.stop_asking(now, id);
            if let Some((program, _)) = self.parts(id) {
                program.have_patience();
            }
        }
    }

    /// Programs have come or gone: how many are still to be up?
    pub(crate) fn count_startup(&mut self) {
        if let Startup::Waits(_, at) = self.startup {
            self.startup = Startup::Waits(self.not_up_yet(), at);
        }
    }
}
