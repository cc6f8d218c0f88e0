//! How a program is, for whoever asks: `status`, `why` and `health`. Structured, without
//! prose; the shell has the words, the names and the pids.

use alloc::boxed::Box;

use crate::{Condition, End, FatalReason, ProgramId, RunId, Time, Why};

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
