//! How a program is, for whoever asks: `status`, `why` and `health`. Structured, without
//! prose; the shell has the words, the names and the pids.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::program::{Part, Program, Standing, State, Step, Stopping};
use crate::{
    Condition, End, FatalReason, Kind, ProgramId, ProgramSpec, RunId, Supervisor, Time, Why,
};

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

/// Why a program is where it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reason {
    /// There is nothing to say: it is RUNNING.
    Up,
    /// It waits for this of another one.
    Needs {
        /// Of which.
        program: ProgramId,
        /// For what.
        condition: Condition,
    },
    /// It came with a reload, and waits until this one is gone, which was removed by it.
    Removing {
        /// Which.
        program: ProgramId,
    },
    /// All that it needs is there.
    AboutToStart,
    /// What comes before its command runs, and has until then.
    PreStart {
        /// `None`: without a bound, in the shutdown.
        until: Option<Time>,
    },
    /// Its command is about to be exec'ed.
    Forked,
    /// Its command runs, and is not ready; it has until then.
    NotReady {
        /// `None`: without a bound, in the shutdown.
        until: Option<Time>,
    },
    /// Its command runs, and is up then (`startsecs`).
    NotUpYet {
        /// When.
        at: Time,
    },
    /// It is tried again.
    Backoff {
        /// When.
        until: Time,
        /// How many starts have failed in a row.
        failures: u32,
        /// How its last life ended.
        last: Option<End>,
        /// Whether the kernel killed that for want of memory.
        out_of_memory: bool,
    },
    /// It was asked to end.
    Told {
        /// When.
        at: Time,
        /// Why.
        why: Why,
        /// When it is killed; `None`: there is no such time.
        kill: Option<Time>,
        /// Whether it was killed already, and will be again at `kill`.
        killed: bool,
    },
    /// Its leader has ended, and what that left behind is asked to end.
    Leftovers {
        /// How the leader ended.
        end: End,
        /// When they are killed.
        kill: Option<Time>,
        /// Whether they were killed already.
        killed: bool,
    },
    /// What comes after its life runs.
    PostStop {
        /// When it is killed.
        kill: Option<Time>,
    },
    /// It is to end once this one has, which needs it.
    NeededBy {
        /// Which.
        program: ProgramId,
    },
    /// It has ended for good.
    Exited {
        /// How.
        end: End,
        /// Whether that is how it should end.
        well: bool,
        /// Whether the kernel killed it for want of memory.
        out_of_memory: bool,
    },
    /// It was given up.
    Fatal {
        /// Why.
        reason: FatalReason,
        /// Whether the kernel killed its last life for want of memory.
        out_of_memory: bool,
    },
    /// It does not start by itself, and nobody has asked for it.
    NotStarted,
    /// It starts at its times; the shell knows the next one.
    Scheduled,
    /// Somebody asked for its end.
    StoppedByRequest {
        /// How its last life ended.
        last: Option<End>,
    },
    /// The container stops, and it has no life any more, or had none.
    Over,
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

    /// Why a program is not simply running.
    fn reason(&self, now: Time, id: ProgramId) -> Reason {
        let Some((program, spec)) = self.pair(id) else {
            return Reason::NotStarted;
        };
        if let Some(program) = self.holds_back(id, program) {
            return Reason::NeededBy { program };
        }
        match &program.state {
            State::Stopped => self.reason_of_stopped(id, program, spec),
            State::Starting { step, .. } => step.reason(now),
            State::Running { .. } => Reason::Up,
            State::Backoff { until } => Reason::Backoff {
                until: *until,
                failures: program.failures,
                last: program.last.end,
                out_of_memory: program.last.out_of_memory,
            },
            State::Stopping(life) => life.reason(self.phase.kill_deadline()),
            State::Exited { end, well } => Reason::Exited {
                end: *end,
                well: *well,
                out_of_memory: program.last.out_of_memory,
            },
            State::Fatal { reason } => Reason::Fatal {
                reason: *reason,
                out_of_memory: program.last.out_of_memory,
            },
        }
    }

    /// Who keeps a program that is to end from being told.
    fn holds_back(&self, id: ProgramId, program: &Program) -> Option<ProgramId> {
        if program.waits_to_leave().is_some() && !self.is_stopping() {
            return self.awaits_before_leaving(id);
        }
        let is_to_end = self.is_stopping() || program.standing == Standing::Removed;
        let is_untold = program.state.is_untold() || program.state.run().is_none();
        if !is_to_end || program.let_go || !is_untold {
            return None;
        }
        self.is_held_by(id)
    }

    fn reason_of_stopped(&self, id: ProgramId, program: &Program, spec: &ProgramSpec) -> Reason {
        if program.stopped {
            let last = program.last.end;
            return Reason::StoppedByRequest { last };
        }
        if self.is_stopping() {
            return Reason::Over;
        }
        if !program.wanted {
            return match spec.has_times() {
                true => Reason::Scheduled,
                false => Reason::NotStarted,
            };
        }
        if let Some((program, condition)) = self.missing(id) {
            return Reason::Needs { program, condition };
        }
        let leaves = (program.standing == Standing::New).then(|| self.who_leaves());
        match leaves.flatten() {
            Some(program) => Reason::Removing { program },
            None => Reason::AboutToStart,
        }
    }

    /// The first of what a program needs that is not there.
    pub(crate) fn missing(&self, id: ProgramId) -> Option<(ProgramId, Condition)> {
        let spec = self.spec.programs.get(id.0 as usize);
        let mut needs = spec.into_iter().flat_map(|spec| &spec.needs);
        let missing = needs.find(|need| {
            self.program(need.program)
                .is_some_and(|program| !program.meets(need.condition))
        });
        missing.map(|need| (need.program, need.condition))
    }
}

impl Reason {
    /// The program that is to blame.
    #[must_use]
    pub fn names(&self) -> Option<ProgramId> {
        match self {
            Reason::Needs { program, .. }
            | Reason::Removing { program }
            | Reason::NeededBy { program }
            | Reason::Fatal {
                reason: FatalReason::Needs(program),
                ..
            } => Some(*program),
            Reason::Up
            | Reason::AboutToStart
            | Reason::PreStart { .. }
            | Reason::Forked
            | Reason::NotReady { .. }
            | Reason::NotUpYet { .. }
            | Reason::Backoff { .. }
            | Reason::Told { .. }
            | Reason::Leftovers { .. }
            | Reason::PostStop { .. }
            | Reason::Exited { .. }
            | Reason::Fatal { .. }
            | Reason::NotStarted
            | Reason::Scheduled
            | Reason::StoppedByRequest { .. }
            | Reason::Over => None,
        }
    }
}

impl Step {
    fn reason(self, now: Time) -> Reason {
        match self {
            Step::PreStart { give_up } => Reason::PreStart { until: give_up },
            Step::Forked => Reason::Forked,
            Step::Execed {
                ready: false,
                give_up,
                ..
            } => Reason::NotReady { until: give_up },
            Step::Execed { up_at, .. } => Reason::NotUpYet {
                at: up_at.unwrap_or(now),
            },
        }
    }
}

impl Stopping {
    fn reason(&self, everybody: Option<Time>) -> Reason {
        let own = self.kill.map(|(at, _)| at);
        let kill = crate::program::earlier(own, everybody);
        let killed = self.killed;
        match (self.leader, self.asked) {
            (Some((end, _)), _) => Reason::Leftovers { end, kill, killed },
            (None, _) if self.part == Part::PostStop => Reason::PostStop { kill },
            (None, Some((at, why))) => Reason::Told {
                at,
                why,
                kill,
                killed,
            },
            (None, None) => Reason::PostStop { kill },
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
