//! Why a program is as it is: what it waits for, how it ended, who keeps it. For whoever
//! asks, without prose; the shell has the words.

use crate::program::{Part, Program, Standing, State, Step, Stopping, earlier};
use crate::{Condition, End, FatalReason, ProgramId, ProgramSpec, Supervisor, Time, Why};

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

impl Supervisor {
    /// Why a program is not simply running.
    pub(crate) fn reason(&self, now: Time, id: ProgramId) -> Reason {
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
        let kill = earlier(own, everybody);
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
