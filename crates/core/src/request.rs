//! What people ask for over the control socket, and what they are answered: the
//! vocabulary. Structured, without prose; the shell has the words and knows the names.
//!
//! A request that waits is answered when it is decided, in the order of events, and
//! exactly once: when its last program is decided, when its deadline has passed, or at
//! the end of lastout. Who goes away ([`crate::Event::Withdrawn`]) is not answered, and
//! what was asked for goes on.

use alloc::vec::Vec;
use core::time::Duration;

use crate::{Changes, End, FatalReason, ProgramId, Scope, Signal, Status};

/// The name of a request. The shell gives each another one.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RequestId(pub u64);

/// What somebody asks for. A program that is named twice counts once.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// These are to run; and what they need and nobody wants yet, or was given up.
    /// Decided when they are RUNNING (which is ready, too), a oneshot when it is done.
    Start {
        /// Which programs.
        programs: Vec<ProgramId>,
    },
    /// These are to end, those that need others of them first, and not to start again
    /// until somebody asks for it. Decided when nobody of them is left.
    Stop {
        /// Which programs.
        programs: Vec<ProgramId>,
    },
    /// These are to end and to run again, and nobody else. One that does not run is
    /// started. Decided as a start is.
    Restart {
        /// Which programs.
        programs: Vec<ProgramId>,
    },
    /// A signal for these. Decided at once.
    Signal {
        /// Which programs.
        programs: Vec<ProgramId>,
        /// Which signal.
        signal: Signal,
        /// For whom of their trees.
        scope: Scope,
    },
    /// These reload: by their own signal, which is decided at once, else by a restart.
    ReloadPrograms {
        /// Which programs.
        programs: Vec<ProgramId>,
    },
    /// The configuration is to be read again. Decided when it was, whatever `wait` says.
    Reload,
    /// Nothing is to happen; the answer comes when this is true of each of them, or
    /// cannot become so by itself any more.
    Wait {
        /// Which programs.
        programs: Vec<ProgramId>,
        /// What is waited for.
        until: Until,
    },
    /// The container is to end, as with a TERM. Decided at once.
    Shutdown {
        /// With this exit status; `None`: with the one that a TERM leads to.
        code: Option<u8>,
    },
}

/// What may be waited for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Until {
    /// It is RUNNING.
    Running,
    /// Those that need it to be ready may start: it is RUNNING, or has ended well for good.
    Ready,
    /// It is RUNNING and has answered its healthcheck well since its last failure too many.
    Healthy,
    /// A life of it has ended, and there is none now nor will be by itself.
    Exited,
    /// It has no life, nor will it by itself, whether it ever had one or not.
    Stopped,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// What came of it for each program, in the order of their ids. A start or restart
    /// also has those that it started because they are needed.
    Programs(Vec<(ProgramId, Outcome)>),
    /// The configuration was read again, and this differs.
    Reloaded(Changes),
    /// The configuration could not be read, or something is wrong with it: nothing has
    /// changed, and the shell knows why.
    LoadFailed,
    /// The shutdown begins, or has begun.
    ShutdownBegun,
    /// Nothing was done.
    Refused(Refusal),
}

/// Why nothing was done about a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// The container is stopping: nothing is started, restarted or loaded any more, and
    /// everything is being stopped anyhow.
    Stopping,
    /// As many requests as there may be wait already ([`MOST_REQUESTS`]).
    TooMany,
}

/// How many requests may wait at once. The shell has a bound on connections that is
/// smaller; this one holds whatever the shell does.
pub const MOST_REQUESTS: usize = 256;

/// What came of a request for one program.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is RUNNING now.
    Started {
        /// How long after the request.
        took: Duration,
    },
    /// A oneshot that was to run has, and has ended as it should.
    Completed {
        /// How long after the request.
        took: Duration,
    },
    /// It was to be started, and is RUNNING already.
    AlreadyRunning,
    /// Nobody of it is left, and it stays so.
    Stopped {
        /// How long after the request.
        took: Duration,
        /// How its leader ended; `None`: it had no life, it waited for what it needs, or
        /// for its next try.
        end: Option<End>,
        /// Whether it had to be killed.
        killed: bool,
        /// Whether it has times, at which it does not start any more until somebody asks.
        is_off: bool,
    },
    /// It was to be stopped, and has no life already. The status says why.
    AlreadyStopped(Status),
    /// It was sent the signal.
    Signalled {
        /// Which.
        signal: Signal,
    },
    /// It was sent its own signal to reload.
    Reloads {
        /// Which.
        signal: Signal,
    },
    /// It has nobody who could get a signal, or who could reload. The status says why.
    NotRunning(Status),
    /// What was waited for is true.
    Holds {
        /// How long after the request; zero: it was already.
        took: Duration,
        /// How its last life ended, where that was waited for.
        end: Option<End>,
    },
    /// What was waited for cannot become true by itself any more: of its own, or since it
    /// waits for one that somebody has stopped. The status says why.
    Impossible(Status),
    /// It has no healthcheck, so that nobody will ever know whether it is healthy.
    NoHealthcheck,
    /// Nobody waits: this is what was set going.
    SetGoing(Status),
    /// It was to be up, and has ended for good before it was.
    Ended {
        /// How long after the request.
        took: Duration,
        /// How.
        end: End,
        /// Whether that is how it should end.
        well: bool,
    },
    /// It was to be up, and was given up: FATAL.
    GaveUp {
        /// Why.
        reason: FatalReason,
    },
    /// The deadline has passed. What was set going goes on; the status says how far it is.
    TimedOut(Status),
    /// Somebody asked for something else in the meantime.
    Overtaken(By),
    /// It is one more life of a scheduled program, and begins at that one's times only.
    OnlyAtTimes,
    /// It is not in the configuration any more.
    Removed,
    /// There is no such program, or nothing of it any more.
    Unknown,
}

/// By what a request was overtaken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum By {
    /// A start.
    Start,
    /// A stop.
    Stop,
    /// A restart.
    Restart,
    /// The end of the container.
    Shutdown,
}

impl Outcome {
    /// Whether that is what was asked for.
    #[must_use]
    pub fn is_done(&self) -> bool {
        match self {
            Outcome::Started { .. }
            | Outcome::Completed { .. }
            | Outcome::AlreadyRunning
            | Outcome::Stopped { .. }
            | Outcome::AlreadyStopped(_)
            | Outcome::Signalled { .. }
            | Outcome::Reloads { .. }
            | Outcome::Holds { .. }
            | Outcome::SetGoing(_) => true,
            Outcome::Ended { well, .. } => *well,
            Outcome::NotRunning(_)
            | Outcome::Impossible(_)
            | Outcome::NoHealthcheck
            | Outcome::GaveUp { .. }
            | Outcome::TimedOut(_)
            | Outcome::Overtaken(_)
            | Outcome::OnlyAtTimes
            | Outcome::Removed
            | Outcome::Unknown => false,
        }
    }
}
