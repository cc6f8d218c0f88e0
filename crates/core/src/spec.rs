//! What is to be supervised: checked programs and a checked supervisor.
//!
//! Whoever builds a [`Spec`] has checked it: names are unique, every [`Need`] names a
//! program, there is no cycle. All defaults of supervisor.toml live here and nowhere
//! else. What a program *is* (command, directory, user …) is the shell's business;
//! the core knows only when it runs and how it ends.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::{End, Signal};

/// A program's place in [`Spec::programs`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ProgramId(pub u32);

/// One life of one program. Never used again.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RunId(pub u64);

/// The time from the first signal to the kill of what a single command left behind,
/// where nothing else was said (STOP-5).
pub const LEFTOVER_TIME: Duration = Duration::from_secs(5);

/// The whole shutdown of a configuration, where nothing else was said: Docker kills
/// ten seconds after its own first signal (STOP-5).
pub const STOP_TIMEOUT: Duration = Duration::from_secs(9);

/// Everything there is to supervise.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// The programs, by [`ProgramId`].
    pub programs: Vec<ProgramSpec>,
    /// What each signal that arrives means.
    pub signals: SignalTable,
    /// The bound on the whole shutdown; `None`: nobody is killed before the engine
    /// does it, and only what a command left behind has a bound (STOP-5).
    pub stop_timeout: Option<Duration>,
    /// What the command of the command line left behind has this long (STOP-5).
    pub leftover_time: Duration,
    /// The command of the command line, if there is one: its end ends the container
    /// with its status.
    pub main: Option<ProgramId>,
    /// Statuses of the command that count as 0 (`-e`).
    pub expected_codes: Vec<u8>,
    /// A shutdown that had to kill ends with 137 (EXIT-3).
    pub strict: bool,
    /// The status of a command that could not be run.
    pub failure_codes: FailureCodes,
    /// Without any program it stays all the same, and reaps, until it is asked to end.
    pub pauses: bool,
    /// Where the jitter of the back-off begins. Same seed, same decisions.
    pub seed: u64,
    /// All that start by themselves must be up by then, else the container ends with 1.
    pub startup_timeout: Option<Duration>,
}

impl Spec {
    /// A supervisor of these programs, with every default.
    #[must_use]
    pub fn new(programs: Vec<ProgramSpec>) -> Spec {
        Spec {
            programs,
            signals: SignalTable::supervising(),
            stop_timeout: Some(STOP_TIMEOUT),
            leftover_time: LEFTOVER_TIME,
            main: None,
            expected_codes: Vec::new(),
            strict: false,
            failure_codes: FailureCodes::Shell,
            pauses: false,
            seed: 0,
            startup_timeout: None,
        }
    }
}

/// The exit status for a command that could not be run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FailureCodes {
    /// As a shell gives it: 127 for what is not there, 126 for all else (EXIT-1).
    Shell,
    /// By the error alone: 127 for ENOENT, 126 for EACCES, 1 for all else.
    ByError,
    /// This one.
    Always(u8),
}

impl FailureCodes {
    /// The status for this end.
    #[must_use]
    pub const fn code_of(self, end: End) -> u8 {
        match (self, end) {
            (FailureCodes::Shell, _) | (_, End::Status(_)) => end.as_code(),
            (FailureCodes::Always(code), End::NeverRan(_)) => code,
            (FailureCodes::ByError, End::NeverRan(failure)) => match failure.errno {
                ENOENT => 127,
                EACCES => 126,
                _ => 1,
            },
        }
    }
}

const ENOENT: i32 = 2;
const EACCES: i32 = 13;

/// One program as its supervisor knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct ProgramSpec {
    /// Its name.
    pub name: String,
    /// What its end means.
    pub kind: Kind,
    /// Whether it starts by itself.
    pub autostart: bool,
    /// Lower starts first and is told last, among those that are free to.
    pub priority: i32,
    /// Up that long means RUNNING; zero: at exec.
    pub startsecs: Duration,
    /// What else it takes to be RUNNING; `None`: nothing.
    pub readiness: Option<Readiness>,
    /// How many failed starts in a row are tried again.
    pub startretries: Retries,
    /// Whether it is started again when it has ended.
    pub autorestart: Autorestart,
    /// The exit codes that are expected. A death by a signal never is.
    pub exitcodes: Vec<u8>,
    /// The first pause before a restart.
    pub backoff: Duration,
    /// The longest pause before a restart, and the life after which it starts anew.
    pub backoff_max: Duration,
    /// What its good end for good does.
    pub on_success: EndPolicy,
    /// What its bad end for good does, FATAL included.
    pub on_failure: EndPolicy,
    /// The signal that asks it to end.
    pub stopsignal: Signal,
    /// From the first signal to the kill of its whole tree; `None`: no bound of its own.
    pub stopwaitsecs: Option<Duration>,
    /// Who of its tree gets the stop signal at first.
    pub stop_scope: Scope,
    /// What happens to the tree of a leader that ended by itself.
    pub leftovers: Leftovers,
    /// Who gets signals that are forwarded to it.
    pub forward_scope: Scope,
    /// What must hold before it starts.
    pub needs: Vec<Need>,
    /// Whether it runs when the shell says that its time has come, instead of by
    /// itself, and what happens when it is still running then.
    pub schedule: Option<Concurrency>,
    /// How it is asked whether it is well while it is RUNNING.
    pub healthcheck: Option<Healthcheck>,
    /// How often it must say that it is well while it is RUNNING.
    pub watchdog: Option<Duration>,
    /// Whether something is run before each of its lives.
    pub pre_start: bool,
    /// Whether something is run after each of its lives.
    pub post_stop: bool,
    /// What it is sent to make it reload, instead of a restart.
    pub reload_signal: Option<Signal>,
    /// Whether it was given the controlling terminal (STOP-9).
    pub has_terminal: bool,
}

impl ProgramSpec {
    /// A program of that name with every default of supervisor.toml.
    #[must_use]
    pub fn new(name: impl Into<String>) -> ProgramSpec {
        ProgramSpec {
            name: name.into(),
            kind: Kind::Service,
            autostart: true,
            priority: 999,
            startsecs: Duration::from_secs(1),
            readiness: None,
            startretries: Retries::AtMost(3),
            autorestart: Autorestart::Unexpected,
            exitcodes: alloc::vec![0],
            backoff: Duration::from_secs(1),
            backoff_max: Duration::from_secs(30),
            on_success: EndPolicy::Ignore,
            on_failure: EndPolicy::Shutdown,
            stopsignal: Signal::TERM,
            stopwaitsecs: Some(Duration::from_secs(10)),
            stop_scope: Scope::Leader,
            leftovers: Leftovers::Stop,
            forward_scope: Scope::Leader,
            needs: Vec::new(),
            schedule: None,
            healthcheck: None,
            watchdog: None,
            pre_start: false,
            post_stop: false,
            reload_signal: None,
            has_terminal: false,
        }
    }

    /// The command of the command line: never restarted, up as soon as it is exec'ed,
    /// and its end is the container's (PID-1).
    #[must_use]
    pub fn command(name: impl Into<String>) -> ProgramSpec {
        ProgramSpec {
            startsecs: Duration::ZERO,
            startretries: Retries::AtMost(0),
            autorestart: Autorestart::Never,
            on_success: EndPolicy::Shutdown,
            stopwaitsecs: None,
            ..ProgramSpec::new(name)
        }
    }

    /// Whether it starts without being asked for, and without waiting for its time.
    pub(crate) fn starts_by_itself(&self) -> bool {
        self.autostart && self.schedule.is_none()
    }

    /// Whether it lives at its times without being asked for.
    pub(crate) fn has_times(&self) -> bool {
        self.schedule.is_some() && self.autostart
    }
}

/// What the end of a program means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// It is to run on.
    Service,
    /// It is done when it exits with one of its exit codes.
    Oneshot,
}

/// What it takes to be RUNNING beside being up for `startsecs` (READY-*).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Readiness {
    /// How it becomes known.
    pub by: ReadyBy,
    /// Not ready that long after its exec is a failed start (READY-4).
    pub start_timeout: Duration,
}

/// How it becomes known that a program is ready.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReadyBy {
    /// It says so: by sd_notify (READY-1), or over a descriptor (READY-2).
    Message,
    /// It is asked (READY-3).
    Probe(ProbeTimes),
}

impl Readiness {
    /// With the default of how long it may take.
    #[must_use]
    pub const fn new(by: ReadyBy) -> Readiness {
        Readiness {
            by,
            start_timeout: Duration::from_secs(60),
        }
    }
}

/// When a program is asked, and how long it may take to answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ProbeTimes {
    /// From one answer to the next question.
    pub interval: Duration,
    /// From a question to the end of patience.
    pub timeout: Duration,
}

impl ProbeTimes {
    /// Where nothing else was said of the question whether it is ready.
    pub const OF_READY: ProbeTimes = ProbeTimes {
        interval: Duration::from_secs(1),
        timeout: Duration::from_secs(3),
    };
}

/// How a program is asked whether it is well (HEALTH-1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Healthcheck {
    /// When, and for how long.
    pub times: ProbeTimes,
    /// That many failures in a row make it unhealthy. At least 1.
    pub retries: u32,
    /// Failures do not count that long after it is RUNNING, until the first success.
    pub start_period: Duration,
    /// What is done about it then.
    pub action: HealthAction,
}

impl Healthcheck {
    /// Where nothing else was said: Docker's, but for the timeout.
    pub const DEFAULT: Healthcheck = Healthcheck {
        times: ProbeTimes {
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(3),
        },
        retries: 3,
        start_period: Duration::ZERO,
        action: HealthAction::Restart,
    };
}

/// What is done about a program that is unhealthy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HealthAction {
    /// It is stopped and started again.
    Restart,
    /// The container ends with 1.
    Shutdown,
    /// People are told.
    Nothing,
}

/// What happens when a scheduled program is still running at its next time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Concurrency {
    /// That time is left out.
    Forbid,
    /// A second one runs beside it.
    Allow,
    /// It is stopped, and started again.
    Replace,
}

/// How many failed starts in a row are tried again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Retries {
    /// That many.
    AtMost(u32),
    /// No end to it.
    Infinite,
}

/// Whether a program that was up is started again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Autorestart {
    /// Whatever its end was.
    Always,
    /// When its end was none of the exit codes.
    Unexpected,
    /// Never.
    Never,
}

/// What the end for good of a program does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EndPolicy {
    /// Nothing more.
    Ignore,
    /// It ends the container, with the program's status.
    Shutdown,
}

/// What happens to the rest of a tree whose leader ended by itself (STOP-3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Leftovers {
    /// It is told, gets its time, and is gone before the program starts again.
    Stop,
    /// It is left alone and belongs to no program from then on.
    Keep,
}

/// Which part of a tree a signal is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scope {
    /// The process that was spawned.
    Leader,
    /// The leader's process group.
    Group,
    /// Every member.
    Tree,
}

/// Something that must hold before a program starts. Who is needed is also told
/// later: only when those that need it are gone (STOP-4).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Need {
    /// The program that is needed.
    pub program: ProgramId,
    /// What must be true of it.
    pub condition: Condition,
}

/// What must be true of a program that is needed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Condition {
    /// Its command has been exec'ed, or it has ended well for good.
    Started,
    /// It is RUNNING, or has ended well for good.
    Ready,
    /// It has ended well for good.
    Completed,
}

/// What each signal that arrives means.
#[derive(Clone, Debug, PartialEq)]
pub struct SignalTable([Meaning; 65]);

/// What a signal that arrives means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Meaning {
    /// The shutdown begins.
    Shutdown,
    /// The configuration is read again.
    Reload,
    /// A program reloads: by its own signal, or by a restart.
    ReloadProgram(ProgramId),
    /// Log files are opened again.
    ReopenLogs,
    /// The state of every program is logged.
    LogState,
    /// A program gets it.
    Forward(Forward),
    /// Nothing, and a log line says so.
    Ignore,
    /// Nothing at all.
    IgnoreSilently,
}

/// How a signal is passed on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Forward {
    /// Who gets it.
    pub program: ProgramId,
    /// As which signal; `None`: it is dropped.
    pub signal: Option<Signal>,
    /// Whether the stop clock starts with it (SIG-3).
    pub stops: bool,
}

impl SignalTable {
    /// The table of a supervisor (SIG-2, SIG-3).
    #[must_use]
    pub fn supervising() -> SignalTable {
        let mut table = SignalTable([Meaning::Ignore; 65]);
        for signal in [
            Signal::TERM,
            Signal::INT,
            Signal::QUIT,
            Signal::RTMIN_3,
            Signal::PWR,
        ] {
            table.set(signal, Meaning::Shutdown);
        }
        table.set(Signal::HUP, Meaning::Reload);
        table.set(Signal::USR1, Meaning::ReopenLogs);
        table.set(Signal::USR2, Meaning::LogState);
        table.set(Signal::WINCH, Meaning::IgnoreSilently);
        // Whoever lets lastout go on after a stop did not mean a program by it.
        table.set(Signal::CONT, Meaning::IgnoreSilently);
        table
    }

    /// The table of the init of one command: it gets everything (SIG-1), and TERM,
    /// RTMIN+3 and PWR start the stop clock (SIG-3).
    #[must_use]
    pub fn forwarding(program: ProgramId) -> SignalTable {
        let mut table = SignalTable([Meaning::IgnoreSilently; 65]);
        for signal in Signal::all().filter(|s| s.can_be_caught() && *s != Signal::CHLD) {
            let stops = matches!(signal, Signal::TERM | Signal::RTMIN_3 | Signal::PWR);
            let forward = Forward {
                program,
                signal: Some(signal),
                stops,
            };
            table.set(signal, Meaning::Forward(forward));
        }
        table
    }

    /// Changes what a signal means.
    pub fn set(&mut self, signal: Signal, meaning: Meaning) {
        if let Some(slot) = self.0.get_mut(signal.number() as usize) {
            *slot = meaning;
        }
    }

    /// The same with every program in another place.
    pub(crate) fn renumber(&mut self, place: impl Fn(ProgramId) -> ProgramId) {
        for meaning in &mut self.0 {
            match meaning {
                Meaning::Forward(forward) => forward.program = place(forward.program),
                Meaning::ReloadProgram(program) => *program = place(*program),
                Meaning::Shutdown
                | Meaning::Reload
                | Meaning::ReopenLogs
                | Meaning::LogState
                | Meaning::Ignore
                | Meaning::IgnoreSilently => {}
            }
        }
    }

    /// What a signal means.
    #[must_use]
    pub fn meaning(&self, signal: Signal) -> Meaning {
        self.0
            .get(signal.number() as usize)
            .copied()
            .unwrap_or(Meaning::Ignore)
    }
}
