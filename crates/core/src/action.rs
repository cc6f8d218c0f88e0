//! What is to be done. Orders, in the imperative; each names a run, never a pid.

use alloc::boxed::Box;
use core::time::Duration;

use crate::{
    Changes, End, ExitStatus, HealthAction, Outcome, ProgramId, Reply, RequestId, RunId, Scope,
    Signal, SpawnFailure, Status, Time,
};

/// An order to the shell. One that finds nobody is carried out: the fact that says so
/// is on its way.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Start a process of the program. Answered by `Execed` or `SpawnFailed`.
    Spawn {
        /// Which program.
        program: ProgramId,
        /// The name of this life.
        run: RunId,
        /// What it is to do.
        work: Work,
    },
    /// Pass a signal on, as it came.
    Forward {
        /// To whom.
        run: RunId,
        /// To which part of the tree.
        scope: Scope,
        /// Which.
        signal: Signal,
    },
    /// Ask the run to end: this signal, then SIGCONT so that stopped members can act
    /// (STOP-2). Members that were told before are not told again.
    Tell {
        /// Whom.
        run: RunId,
        /// Which part of the tree; `None`: all that is left now that the leader is gone.
        scope: Option<Scope>,
        /// With what.
        signal: Signal,
    },
    /// Ask all of the tree to end who were not told before, although the leader, who
    /// was, is alive: they are to be killed soon, and nobody is killed untold (STOP-1).
    TellFollowers {
        /// Whose.
        run: RunId,
        /// With what.
        signal: Signal,
    },
    /// Send the leader SIGHUP, as when its window is closed (STOP-9).
    HangUp {
        /// Whom.
        run: RunId,
    },
    /// Kill the whole tree, as often as it takes until nobody is left. Answered by `TreeGone`.
    Kill {
        /// Whom.
        run: RunId,
    },
    /// Whoever is left of this tree belongs to no program any more (`leftovers = "keep"`).
    Disown {
        /// Of which life.
        run: RunId,
    },
    /// Ask everybody in scope to end who belongs to no run, and whoever appears
    /// later. Answered by `NobodyLeft` once nobody at all is left, strays or not.
    TellStrays {
        /// With what.
        signal: Signal,
    },
    /// Kill everybody in scope, until nobody is left. Answered by `NobodyLeft`.
    KillEverybody,
    /// Read the configuration again. Answered by `Loaded` if nothing is wrong with it.
    Load,
    /// Tell people.
    Notice(Notice),
    /// Something is decided of a request that others of its programs still keep open, and
    /// who asked wants to hear of each. What was told so is in the reply, too.
    Decided {
        /// Which.
        id: RequestId,
        /// Of which of its programs.
        program: ProgramId,
        /// What came of it.
        outcome: Outcome,
    },
    /// Answer a request; once for each.
    Reply {
        /// Which.
        id: RequestId,
        /// With what.
        reply: Reply,
    },
    /// Leave, with this status. The last action.
    Exit {
        /// The container's exit status.
        code: u8,
        /// Until when what programs wrote may still be passed on (LOG-4).
        drain_until: Time,
    },
}

/// What a process of a program is started for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Work {
    /// What is run before the command.
    PreStart,
    /// The command itself.
    Command,
    /// What is run after a life, and how that went.
    PostStop(Aftermath),
    /// A question; 0 is the answer of a program that is well.
    Probe(Question),
}

/// What a program is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Question {
    /// Whether it is ready.
    Ready,
    /// Whether it is well.
    Health,
}

/// What is run beside a program's command.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hook {
    /// Before each of its lives.
    PreStart,
    /// After each of its lives.
    PostStop,
}

/// How a life went.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Aftermath {
    /// How its leader ended; `None`: there was none.
    pub end: Option<End>,
    /// Why it was asked to; `None`: nobody asked.
    pub asked: Option<Why>,
    /// Whether the kernel killed it for want of memory.
    pub out_of_memory: bool,
}

/// Why a program is asked to end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Why {
    /// The container ends.
    Shutdown,
    /// It is not in the configuration any more.
    Removed,
    /// It is another one in the configuration.
    Changed,
    /// Somebody asked for a restart.
    Restarted,
    /// Somebody asked for it to stop.
    Stopped,
    /// Its next time has come.
    Replaced,
    /// It was not ready in time (READY-4).
    NotReady,
    /// It does not answer as it should (HEALTH-1).
    Unhealthy,
    /// It has not said in time that it is well.
    Watchdog,
    /// What is run beside it takes too long.
    HookTime,
}

/// Something that people want to read of. For the log, the goodbye report and, later,
/// the control socket.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// A program's command is running.
    Started {
        /// Which program.
        program: ProgramId,
        /// Which life.
        run: RunId,
    },
    /// A program is RUNNING.
    Up {
        /// Which program.
        program: ProgramId,
    },
    /// A program could not be started. Of a row of temporary failures only the first is told.
    NotStarted {
        /// Which program.
        program: ProgramId,
        /// Why.
        failure: SpawnFailure,
    },
    /// A program's leader has ended.
    Ended {
        /// Which program.
        program: ProgramId,
        /// Which life.
        run: RunId,
        /// How.
        status: ExitStatus,
        /// Whether the kernel killed it for want of memory.
        out_of_memory: bool,
        /// How long after its start.
        lived: Duration,
        /// Whether lastout had asked for it, how long before, and why.
        asked: Option<(Duration, Why)>,
        /// Whether nobody need be told more loudly.
        expected: bool,
    },
    /// A program will be started again.
    WillRestart {
        /// Which program.
        program: ProgramId,
        /// After this pause.
        pause: Duration,
        /// How many failed starts there were in a row.
        failures: u32,
    },
    /// A program is FATAL: lastout has given it up.
    GaveUp {
        /// Which program.
        program: ProgramId,
        /// Why.
        reason: FatalReason,
    },
    /// A program was asked to end.
    Told {
        /// Which program.
        program: ProgramId,
        /// Which life.
        run: RunId,
        /// With what.
        signal: Signal,
        /// Why.
        why: Why,
    },
    /// A program's tree is to be killed.
    Killing {
        /// Which program.
        program: ProgramId,
        /// Which life.
        run: RunId,
        /// Why.
        reason: KillReason,
    },
    /// Nobody of a tree is left after it had been told or its leader had ended.
    TreeGone {
        /// Which program.
        program: ProgramId,
        /// Which life.
        run: RunId,
    },
    /// The shutdown has begun.
    ShutdownBegun {
        /// Why.
        cause: Cause,
    },
    /// The order of the stop is given up: all that is left is told at once (STOP-5).
    LastCall,
    /// Everybody who is left is to be killed.
    KillingEverybody {
        /// Why.
        reason: KillReason,
    },
    /// A Ctrl-C more and everybody is killed (SIG-3).
    NextInterruptKills,
    /// A signal means nothing here.
    Ignored {
        /// Which.
        signal: Signal,
    },
    /// A signal could not be passed on, since the program is not running.
    NotForwarded {
        /// Which signal.
        signal: Signal,
        /// To whom.
        program: ProgramId,
    },
    /// A signal asked for log files to be opened again.
    ReopenLogs,
    /// The configuration was read again, and this comes of it.
    Reloaded {
        /// What differs.
        changes: Changes,
    },
    /// A program was sent its signal to reload.
    Reloads {
        /// Which program.
        program: ProgramId,
        /// Which signal.
        signal: Signal,
    },
    /// All that start by themselves are up.
    AllUp,
    /// How a program is cared for.
    Care {
        /// Which program.
        program: ProgramId,
        /// What is new.
        news: Care,
    },
    /// The loop was held up, and what people wait for may happen that much later (HEALTH-2).
    Overslept {
        /// How long.
        late: Duration,
    },
    /// The state of a program, because somebody asked.
    State {
        /// Which program.
        program: ProgramId,
        /// When.
        at: Time,
        /// How it is.
        status: Box<Status>,
    },
}

/// How a program is cared for while it lives, and between its lives: what is run beside
/// it, whether it is ready and well, and its times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Care {
    /// What was run beside a program has ended.
    HookEnded {
        /// What.
        hook: Hook,
        /// How.
        end: End,
    },
    /// What was run beside a program takes too long, and is asked to end.
    HookOverdue {
        /// What.
        hook: Hook,
        /// How long it may take.
        limit: Duration,
    },
    /// What is to be run after a program is not: the shutdown has no time for it.
    HookSkipped,
    /// A program was not ready in time (READY-4).
    NotReady {
        /// How long it had.
        limit: Duration,
    },
    /// A program did not answer as it should.
    ProbeFailed {
        /// What it was asked.
        question: Question,
        /// How the process that asked ended; `None`: it took too long.
        end: Option<End>,
        /// How many times in a row, where it counts, and how many are too many.
        count: Option<(u32, u32)>,
    },
    /// A program has failed to answer too often in a row (HEALTH-1).
    Unhealthy {
        /// How often.
        failures: u32,
        /// What is done about it.
        action: HealthAction,
    },
    /// A program that was unhealthy is well again.
    Healthy,
    /// A program has not said in time that it is well.
    WatchdogMissed {
        /// How often it should; `None`: it has said that it is not.
        period: Option<Duration>,
    },
    /// A scheduled program is still running at its next time, which is left out.
    Skipped,
}

/// Why the container ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cause {
    /// This signal asked for it.
    Asked(Signal),
    /// Somebody asked for it over the control socket, with this exit status.
    Requested(Option<u8>),
    /// This program ended for good, and its end is the container's.
    Ended(ProgramId, End),
    /// No program runs, waits or will be restarted any more (END-1).
    NothingLeft,
    /// This program was given up because it was not ready in time, and its end is the
    /// container's.
    NotReady(ProgramId),
    /// This program is unhealthy, and its end is the container's.
    Unhealthy(ProgramId),
    /// Not all that start by themselves were up after this time.
    StartupTimeout(Duration),
}

/// Why somebody is killed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KillReason {
    /// `stopwaitsecs` has passed since it was told.
    StopWait(Duration),
    /// The whole shutdown has taken this long.
    StopTimeout(Duration),
    /// What a command left behind has had this long.
    LeftoverTime(Duration),
    /// A second Ctrl-C.
    Interrupt,
}

/// Why a program was given up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FatalReason {
    /// It failed to start that often in a row.
    FailedStarts {
        /// How often.
        failures: u32,
        /// How the last one went.
        last: End,
    },
    /// It was not ready in time, that often in a row.
    NotReady {
        /// How often.
        failures: u32,
    },
    /// What runs before it failed that often in a row.
    PreStart {
        /// How often.
        failures: u32,
        /// How it ended the last time.
        last: End,
    },
    /// It needs a program that will not be up.
    Needs(ProgramId),
}
