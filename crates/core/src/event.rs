//! What happened. Facts, in the past tense; every one is legal at any time.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::{
    Change, ExitStatus, Message, ProgramId, Request, RequestId, RunId, Signal, SpawnFailure, Spec,
    Time,
};

/// A fact that the shell reports.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The run's leader has exec'ed its command.
    Execed {
        /// Which life.
        run: RunId,
    },
    /// The run's leader never came to exec its command, and is gone.
    SpawnFailed {
        /// Which life.
        run: RunId,
        /// What went wrong.
        failure: SpawnFailure,
    },
    /// The run's leader has ended. Others of its tree may be alive.
    Exited {
        /// Which life.
        run: RunId,
        /// How.
        status: ExitStatus,
        /// Whether the kernel killed it for want of memory.
        out_of_memory: bool,
    },
    /// Nobody of the run's tree is alive.
    TreeGone {
        /// Which life.
        run: RunId,
    },
    /// Of the run's tree only the leader is alive. Reported for a program with a
    /// terminal once it was told (STOP-9).
    LeaderAlone {
        /// Which life.
        run: RunId,
    },
    /// Somebody of the run's tree has said something of it, or it has told over its
    /// descriptor that it is ready.
    Said {
        /// Which life.
        run: RunId,
        /// What.
        message: Message,
    },
    /// The time of a scheduled program has come.
    Due {
        /// Which program.
        program: ProgramId,
    },
    /// The configuration was read again, and nothing is wrong with it.
    Loaded {
        /// What it says.
        spec: Box<Spec>,
        /// For each of its programs what it takes to launch the one of the same name in
        /// this way.
        launches: Vec<Change>,
    },
    /// The configuration was to be read again, and could not be, or something is wrong
    /// with it.
    LoadFailed,
    /// Somebody asks for something. Answered by `Reply`.
    Requested {
        /// The request's name.
        id: RequestId,
        /// For what.
        request: Request,
        /// When the answer must be there at the latest.
        deadline: Option<Time>,
        /// Whether to answer when it is decided; if not, at once, with what was set going.
        wait: bool,
        /// Whether who waits is told of each program as soon as that is decided, while
        /// others are not.
        each: bool,
    },
    /// Whoever asked has gone, and is not answered. What was asked for goes on.
    Withdrawn {
        /// The request's name.
        id: RequestId,
    },
    /// A signal has arrived at lastout.
    Signal {
        /// Which.
        signal: Signal,
        /// Whether a terminal sent it, as Ctrl-C does.
        from_terminal: bool,
    },
    /// After strays were told or everybody was killed: no process in scope is left.
    NobodyLeft,
    /// Time has passed.
    Tick,
}
