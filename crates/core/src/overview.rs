//! How a program is, for whoever asks: `status`, `why` and `health`. Structured, without
//! prose; the shell has the words, the names and the pids.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::program::{Program, Standing, State};
use crate::{Condition, Kind, ProgramId, ProgramSpec, Reason, RunId, Supervisor, Time};

/// A program's state, as supervisord calls it. One that waits for what it needs is
/// STARTING.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ProgramState {
    /// It has no life, and is not to have one now.
    Stopped,
    /// It is to be up, and is not yet.
    Starting,
    /// It is up, and ready.
    Running,
    /// Between two lives.
    Backoff,
    /// It is to end, or clears up after its end.
    Stopping,
    /// It has ended for good.
    Exited,
    /// It was given up.
    Fatal,
}

impl ProgramState {
    /// As supervisord writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            ProgramState::Stopped => "STOPPED",
            ProgramState::Starting => "STARTING",
            ProgramState::Running => "RUNNING",
            ProgramState::Backoff => "BACKOFF",
            ProgramState::Stopping => "STOPPING",
            ProgramState::Exited => "EXITED",
            ProgramState::Fatal => "FATAL",
        }
    }
}

/// How a program is.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// Its state.
    pub state: ProgramState,
    /// The part of a life that it is in; the shell knows the pid.
    pub run: Option<RunId>,
    /// Since when: of a life its start, else when it came into this state.
    pub since: Time,
    /// How often its command was started again since lastout began: its lives but the first.
    pub restarts: u32,
    /// Whether it answers its healthcheck.
    pub health: Health,
    /// Whether those that need it to be ready may start.
    pub is_ready: bool,
    /// Whether it says that it reloads.
    pub is_reloading: bool,
    /// What it says of itself (`STATUS=`).
    pub says: Option<Box<str>>,
    /// Whether it has times and is not started at them, since somebody stopped it.
    pub is_off: bool,
    /// Why it is not simply running.
    pub reason: Reason,
}

/// Whether a program answers its healthcheck.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Health {
    /// It has none, or is not RUNNING.
    None,
    /// It has not answered well yet, nor failed too often.
    Starting,
    /// It has answered well, and has not failed too often since.
    Healthy {
        /// How often in a row it has failed since.
        failures: u32,
    },
    /// It has failed too often.
    Unhealthy {
        /// How often in a row.
        failures: u32,
    },
}

/// A step of the chain of causes: this program is where it is for this reason. The next
/// step, where there is one, is the program that the reason names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct WhyStep {
    /// Which program.
    pub program: ProgramId,
    /// Its state.
    pub state: ProgramState,
    /// Why.
    pub reason: Reason,
}

impl Supervisor {
    /// How a program is; `None`: there is none of that id.
    #[must_use]
    pub fn status(&self, now: Time, id: ProgramId) -> Option<Status> {
        let program = self.program(id)?;
        let spec = self.spec.programs.get(id.0 as usize)?;
        let watch = &program.watch;
        Some(Status {
            state: program.state.named(program.wanted),
            run: program.state.run(),
            since: program.state.born().unwrap_or(program.since),
            restarts: program.lives.saturating_sub(1),
            health: program.health(spec),
            is_ready: program.meets(Condition::Ready),
            is_reloading: watch.reloading,
            says: watch.says.clone(),
            is_off: spec.has_times() && program.stopped && !self.is_stopping(),
            reason: self.reason(now, id),
        })
    }

    /// Whether a program is one to show: one of the configuration, or one that still lives.
    #[must_use]
    pub fn is_shown(&self, id: ProgramId) -> bool {
        self.program(id).is_some_and(|program| {
            let is_listed = matches!(program.standing, Standing::Listed | Standing::New);
            is_listed || program.state.run().is_some()
        })
    }

    /// The chain of causes that keeps a program from running; in the shutdown, that keeps
    /// it from its end. The first step is the program itself.
    #[must_use]
    pub fn why(&self, now: Time, id: ProgramId) -> Vec<WhyStep> {
        let mut steps: Vec<WhyStep> = Vec::new();
        let mut next = Some(id);
        while let Some(id) = next.take() {
            let Some(program) = self.program(id) else {
                break;
            };
            if steps.iter().any(|step| step.program == id) {
                break;
            }
            let reason = self.reason(now, id);
            next = reason.names();
            steps.push(WhyStep {
                program: id,
                state: program.state.named(program.wanted),
                reason,
            });
        }
        steps
    }

    /// Those that should be up, ready and healthy, and are not. Who was stopped on
    /// request, waits for its time or was never asked for need not be; nor need who has
    /// ended for good as it should. A oneshot is to be done.
    #[must_use]
    pub fn not_well(&self) -> Vec<ProgramId> {
        self.ids().filter(|id| !self.is_as_it_should(*id)).collect()
    }

    /// Whether all that should be up is up, ready and healthy, and the container is not
    /// stopping.
    #[must_use]
    pub fn is_all_well(&self) -> bool {
        !self.is_stopping() && self.ids().all(|id| self.is_as_it_should(id))
    }

    fn is_as_it_should(&self, id: ProgramId) -> bool {
        let Some((program, spec)) = self.pair(id) else {
            return true;
        };
        let is_listed = matches!(program.standing, Standing::Listed | Standing::New);
        if !is_listed || !program.wanted || spec.schedule.is_some() {
            return true;
        }
        match program.state {
            State::Running { .. } => match spec.kind {
                Kind::Service => !program.watch.is_unhealthy(),
                Kind::Oneshot => program.completed,
            },
            State::Exited { well, .. } => well,
            State::Stopped
            | State::Starting { .. }
            | State::Backoff { .. }
            | State::Stopping(_)
            | State::Fatal { .. } => false,
        }
    }
}

impl State {
    /// The state's name. One that waits for what it needs is STARTING.
    pub(crate) fn named(&self, wanted: bool) -> ProgramState {
        match self {
            State::Stopped if wanted => ProgramState::Starting,
            State::Stopped => ProgramState::Stopped,
            State::Starting { .. } => ProgramState::Starting,
            State::Running { .. } => ProgramState::Running,
            State::Backoff { .. } => ProgramState::Backoff,
            State::Stopping(_) => ProgramState::Stopping,
            State::Exited { .. } => ProgramState::Exited,
            State::Fatal { .. } => ProgramState::Fatal,
        }
    }

    /// When the life began that it is in, if it is in one.
    fn born(&self) -> Option<Time> {
        match self {
            State::Starting { born, .. } | State::Running { born, .. } => Some(*born),
            State::Stopping(life) => Some(life.born),
            State::Stopped | State::Backoff { .. } | State::Exited { .. } | State::Fatal { .. } => {
                None
            }
        }
    }
}

impl Program {
    fn health(&self, spec: &ProgramSpec) -> Health {
        let is_running = matches!(self.state, State::Running { .. });
        let failures = self.watch.failures();
        match spec.healthcheck {
            Some(_) if !is_running => Health::None,
            None => Health::None,
            Some(_) if self.watch.is_unhealthy() => Health::Unhealthy { failures },
            Some(_) if self.watch.is_healthy() => Health::Healthy { failures },
            Some(_) => Health::Starting,
        }
    }
}
