//! What people read of each state and of each answer. Who adds one gives it a name here, or
//! this does not compile; and a line, or a test is red.

use std::time::Duration;

use lastout_core::{
    ExitStatus, FatalReason, ProgramId, ProgramSpec, Signal, SpawnFailure, Stage, Why,
};

use super::*;

/// The names of all that there is of a kind.
macro_rules! names {
    ($all:ident, $name:ident($of:ty) { $($pattern:pat => $text:literal,)+ }) => {
        const $all: &[&str] = &[$($text),+];

        fn $name(of: &$of) -> &'static str {
            match of { $($pattern => $text,)+ }
        }
    };
}

names!(REASONS, reason_name(Reason) {
    Reason::Up => "up",
    Reason::Needs { .. } => "needs",
    Reason::Removing { .. } => "removing",
    Reason::AboutToStart => "about to start",
    Reason::PreStart { .. } => "pre_start",
    Reason::Forked => "forked",
    Reason::NotReady { .. } => "not ready",
    Reason::NotUpYet { .. } => "not up",
    Reason::Backoff { .. } => "backoff",
    Reason::Told { .. } => "told",
    Reason::Leftovers { .. } => "leftovers",
    Reason::PostStop { .. } => "post_stop",
    Reason::NeededBy { .. } => "needed",
    Reason::Exited { .. } => "exited",
    Reason::Fatal { .. } => "fatal",
    Reason::NotStarted => "not started",
    Reason::Scheduled => "scheduled",
    Reason::StoppedByRequest { .. } => "stopped",
    Reason::Over => "over",
});

names!(OUTCOMES, outcome_name(Outcome) {
    Outcome::Started { .. } => "started",
    Outcome::Completed { .. } => "completed",
    Outcome::AlreadyRunning => "already-running",
    Outcome::Stopped { .. } => "stopped",
    Outcome::AlreadyStopped(_) => "already-stopped",
    Outcome::Signalled { .. } => "signalled",
    Outcome::Reloads { .. } => "reloads",
    Outcome::NotRunning(_) => "not-running",
    Outcome::Holds { .. } => "holds",
    Outcome::Impossible(_) => "impossible",
    Outcome::NoHealthcheck => "no-healthcheck",
    Outcome::SetGoing(_) => "set-going",
    Outcome::Ended { .. } => "ended",
    Outcome::GaveUp { .. } => "gave-up",
    Outcome::TimedOut(_) => "timed-out",
    Outcome::Overtaken(_) => "overtaken",
    Outcome::OnlyAtTimes => "only-at-times",
    Outcome::Removed => "removed",
    Outcome::Unknown => "unknown",
});

const DB: ProgramId = ProgramId(0);

const TOOK: Duration = Duration::from_millis(210);

const EXIT_3: End = End::Status(ExitStatus::Code(3));

const EXIT_0: End = End::Status(ExitStatus::Code(0));

const NOT_FOUND: End = End::NeverRan(SpawnFailure {
    stage: Stage::Exec,
    errno: 2,
});

fn spec() -> Spec {
    Spec::new(vec![ProgramSpec::new("db"), ProgramSpec::new("web")])
}

fn at(seconds: u64) -> Time {
    Time::from_beginning(Duration::from_secs(seconds))
}

/// Now is ten seconds after the beginning.
fn now() -> Time {
    at(10)
}

fn status_of(state: ProgramState, reason: Reason) -> Status {
    Status {
        state,
        run: None,
        since: at(8),
        restarts: 0,
        health: Health::None,
        is_ready: false,
        is_reloading: false,
        says: None,
        is_off: false,
        reason,
    }
}

fn told(why: Why, kill: Option<Time>, killed: bool) -> (ProgramState, Reason) {
    let at = at(8);
    let reason = Reason::Told {
        at,
        why,
        kill,
        killed,
    };
    (ProgramState::Stopping, reason)
}

fn fatal(reason: FatalReason) -> (ProgramState, Reason) {
    let out_of_memory = false;
    let reason = Reason::Fatal {
        reason,
        out_of_memory,
    };
    (ProgramState::Fatal, reason)
}

fn backoff(last: Option<End>, out_of_memory: bool) -> (ProgramState, Reason) {
    let reason = Reason::Backoff {
        until: at(14),
        failures: 1,
        last,
        out_of_memory,
    };
    (ProgramState::Backoff, reason)
}

fn starting() -> Vec<(ProgramState, Reason)> {
    let needs = |condition| Reason::Needs {
        program: DB,
        condition,
    };
    let reasons = [
        needs(Condition::Started),
        needs(Condition::Ready),
        needs(Condition::Completed),
        Reason::Removing { program: DB },
        Reason::AboutToStart,
        Reason::PreStart {
            until: Some(at(60)),
        },
        Reason::PreStart { until: None },
        Reason::Forked,
        Reason::NotReady {
            until: Some(at(60)),
        },
        Reason::NotUpYet { at: at(11) },
    ];
    reasons
        .map(|reason| (ProgramState::Starting, reason))
        .to_vec()
}

fn ending() -> Vec<(ProgramState, Reason)> {
    let later = Some(at(18));
    let mut all: Vec<(ProgramState, Reason)> = [
        Why::Shutdown,
        Why::Removed,
        Why::Changed,
        Why::Restarted,
        Why::Stopped,
        Why::Replaced,
        Why::NotReady,
        Why::Unhealthy,
        Why::Watchdog,
        Why::HookTime,
    ]
    .map(|why| told(why, later, false))
    .to_vec();
    all.push(told(Why::Stopped, None, false));
    all.push(told(Why::Stopped, later, true));
    let reasons = [
        Reason::Leftovers {
            end: EXIT_3,
            kill: later,
            killed: false,
        },
        Reason::PostStop { kill: later },
    ];
    all.extend(reasons.map(|reason| (ProgramState::Stopping, reason)));
    all.push((ProgramState::Running, Reason::NeededBy { program: DB }));
    all
}

fn ended() -> Vec<(ProgramState, Reason)> {
    let exited = |end, out_of_memory| Reason::Exited {
        end,
        well: end == EXIT_0,
        out_of_memory,
    };
    let killed = End::Status(ExitStatus::Signal(Signal::KILL));
    vec![
        backoff(Some(EXIT_3), false),
        backoff(Some(killed), true),
        backoff(None, false),
        (ProgramState::Exited, exited(EXIT_0, false)),
        (ProgramState::Exited, exited(EXIT_3, false)),
        (ProgramState::Exited, exited(killed, true)),
        (ProgramState::Exited, exited(NOT_FOUND, false)),
        fatal(FatalReason::FailedStarts {
            failures: 4,
            last: EXIT_3,
        }),
        fatal(FatalReason::FailedStarts {
            failures: 1,
            last: NOT_FOUND,
        }),
        fatal(FatalReason::NotReady { failures: 4 }),
        fatal(FatalReason::PreStart {
            failures: 4,
            last: EXIT_3,
        }),
        fatal(FatalReason::Needs(DB)),
        (ProgramState::Stopped, Reason::NotStarted),
        (ProgramState::Stopped, Reason::Scheduled),
        (
            ProgramState::Stopped,
            Reason::StoppedByRequest { last: None },
        ),
        (ProgramState::Stopped, Reason::Over),
        (ProgramState::Running, Reason::Up),
    ]
}

const OF_STATES: &str = "
needs          | STARTING | waits for db to be started
needs          | STARTING | waits for db to be ready
needs          | STARTING | waits for db to be completed
removing       | STARTING | waits until db is gone
about to start | STARTING | is about to start
pre_start      | STARTING | pre_start runs, has 50.0 s more
pre_start      | STARTING | pre_start runs
forked         | STARTING | is being started
not ready      | STARTING | is not ready yet, has 50.0 s more
not up         | STARTING | counts as up in 1.00 s
told           | STOPPING | told to end 2.00 s ago, killed in 8.00 s
told           | STOPPING | told to end 2.00 s ago (not in the configuration any more), killed in 8.00 s
told           | STOPPING | told to end 2.00 s ago (it has changed), killed in 8.00 s
told           | STOPPING | told to end 2.00 s ago (restart), killed in 8.00 s
told           | STOPPING | told to end 2.00 s ago (stop), killed in 8.00 s
told           | STOPPING | told to end 2.00 s ago (its next time has come), killed in 8.00 s
told           | STOPPING | told to end 2.00 s ago (not ready), killed in 8.00 s
told           | STOPPING | told to end 2.00 s ago (unhealthy), killed in 8.00 s
told           | STOPPING | told to end 2.00 s ago (watchdog), killed in 8.00 s
told           | STOPPING | told to end 2.00 s ago (pre_start takes too long), killed in 8.00 s
told           | STOPPING | told to end 2.00 s ago (stop)
told           | STOPPING | told to end 2.00 s ago (stop), killed, still there
leftovers      | STOPPING | exit 3; what it left behind is told to end, killed in 8.00 s
post_stop      | STOPPING | post_stop runs, killed in 8.00 s
needed         | RUNNING | ends when db is gone, which needs it
backoff        | BACKOFF | exit 3, next try in 4.00 s
backoff        | BACKOFF | ended by SIGKILL (out of memory), next try in 4.00 s
backoff        | BACKOFF | failed, next try in 4.00 s
exited         | EXITED | exit 0
exited         | EXITED | exit 3
exited         | EXITED | ended by SIGKILL (out of memory)
exited         | EXITED | its command was not found
fatal          | FATAL | failed to start 4 times in a row, at last: exit 3
fatal          | FATAL | failed to start once: its command was not found
fatal          | FATAL | was not ready in time 4 times in a row
fatal          | FATAL | its pre_start failed 4 times in a row, at last: exit 3
fatal          | FATAL | needs db, which has failed
not started    | STOPPED | does not start by itself
scheduled      | STOPPED | is scheduled
stopped        | STOPPED | stopped on request
over           | STOPPED | the container ends
up             | RUNNING |
";

#[test]
fn each_state_says_what_is_and_what_comes() {
    let all = [starting(), ending(), ended()].concat();
    let mut text = String::from("\n");
    for (state, reason) in &all {
        let why = why(&spec(), now(), &status_of(*state, *reason));
        let line = format!("{:<14} | {} | {why}", reason_name(reason), state.as_str());
        text.extend([line.trim_end(), "\n"]);
    }
    assert!(text == OF_STATES, "{text}");
    let seen: Vec<&str> = all.iter().map(|(_, reason)| reason_name(reason)).collect();
    for name in REASONS {
        assert!(seen.contains(name), "no line for {name}");
    }
}

fn stopped(end: Option<End>, killed: bool, is_off: bool) -> Outcome {
    Outcome::Stopped {
        took: TOOK,
        end,
        killed,
        is_off,
    }
}

fn done() -> Vec<Outcome> {
    let backs_off = || status_of(ProgramState::Backoff, backoff(Some(EXIT_3), false).1);
    let at_rest = |reason| status_of(ProgramState::Stopped, reason);
    let off = Status {
        is_off: true,
        ..at_rest(Reason::StoppedByRequest { last: None })
    };
    let given_up = fatal(FatalReason::FailedStarts {
        failures: 1,
        last: NOT_FOUND,
    });
    let end = Some(EXIT_0);
    vec![
        Outcome::Started { took: TOOK },
        Outcome::Completed { took: TOOK },
        Outcome::AlreadyRunning,
        stopped(end, false, false),
        stopped(None, false, false),
        stopped(end, false, true),
        stopped(
            Some(End::Status(ExitStatus::Signal(Signal::KILL))),
            true,
            false,
        ),
        Outcome::AlreadyStopped(at_rest(Reason::NotStarted)),
        Outcome::AlreadyStopped(off),
        Outcome::AlreadyStopped(status_of(given_up.0, given_up.1)),
        Outcome::Signalled {
            signal: Signal::HUP,
        },
        Outcome::Reloads {
            signal: Signal::HUP,
        },
        Outcome::NotRunning(at_rest(Reason::NotStarted)),
        Outcome::NotRunning(backs_off()),
        Outcome::SetGoing(status_of(ProgramState::Starting, Reason::Forked)),
        Outcome::SetGoing(status_of(ProgramState::Running, Reason::Up)),
        Outcome::TimedOut(backs_off()),
    ]
}

fn decided() -> Vec<Outcome> {
    let took = TOOK;
    let holds = |took, end| Outcome::Holds { took, end };
    let ended = |end| Outcome::Ended {
        took,
        end,
        well: end == EXIT_0,
    };
    let needs = Reason::Needs {
        program: DB,
        condition: Condition::Ready,
    };
    let at_rest = |reason| status_of(ProgramState::Stopped, reason);
    vec![
        holds(Duration::ZERO, None),
        holds(Duration::ZERO, Some(EXIT_3)),
        holds(took, None),
        Outcome::Impossible(at_rest(Reason::NotStarted)),
        Outcome::Impossible(status_of(ProgramState::Starting, needs)),
        Outcome::NoHealthcheck,
        ended(EXIT_0),
        ended(EXIT_3),
        ended(NOT_FOUND),
        Outcome::GaveUp {
            reason: FatalReason::Needs(DB),
        },
        Outcome::Overtaken(By::Start),
        Outcome::Overtaken(By::Stop),
        Outcome::Overtaken(By::Restart),
        Outcome::Overtaken(By::Shutdown),
        Outcome::OnlyAtTimes,
        Outcome::Removed,
        Outcome::Unknown,
    ]
}

const OF_ANSWERS: &str = "
started         | web: started in 0.21 s
completed       | web: done in 0.21 s
already-running | web: is running already
stopped         | web: stopped in 0.21 s, exit 0
stopped         | web: stopped in 0.21 s
stopped         | web: stopped in 0.21 s, exit 0; its times are off until it is started
stopped         | web: killed after 0.21 s, ended by SIGKILL
already-stopped | web: is stopped already
already-stopped | web: is stopped already; its times are off until it is started
already-stopped | web: is stopped already: it is FATAL, failed to start once: its command was not found
signalled       | web: sent SIGHUP
reloads         | web: told to reload with SIGHUP
not-running     | web: is not running: it is STOPPED, does not start by itself
not-running     | web: is not running: it is BACKOFF, exit 3, next try in 4.00 s
set-going       | web: STARTING, is being started
set-going       | web: RUNNING
timed-out       | web: not in time: it is BACKOFF, exit 3, next try in 4.00 s
holds           | web: is so already
holds           | web: is so already, exit 3
holds           | web: is so after 0.21 s
impossible      | web: will not be so by itself: it is STOPPED, does not start by itself
impossible      | web: will not be up until somebody starts what it needs: it is STARTING, waits for db to be ready
no-healthcheck  | web: will never be known to be healthy: it has no healthcheck
ended           | web: has ended after 0.21 s, exit 0
ended           | web: failed after 0.21 s, exit 3
ended           | web: failed after 0.21 s, its command was not found
gave-up         | web: FATAL: needs db, which has failed
overtaken       | web: not done: somebody has asked for a start
overtaken       | web: not done: somebody has asked for a stop
overtaken       | web: not done: somebody has asked for a restart
overtaken       | web: not done: the container ends
only-at-times   | web: is one more run of a scheduled program, which begins at its times only
removed         | web: is not in the configuration any more
unknown         | web: is not there any more
";

#[test]
fn each_answer_says_what_has_come_of_it() {
    let all = [done(), decided()].concat();
    let mut text = String::from("\n");
    for of in &all {
        let said = outcome(&spec(), now(), of);
        text.push_str(&format!("{:<15} | web: {said}\n", outcome_name(of)));
        assert_eq!(outcome_word(of), outcome_name(of));
    }
    assert!(text == OF_ANSWERS, "{text}");
    let seen: Vec<&str> = all.iter().map(outcome_name).collect();
    for name in OUTCOMES {
        assert!(seen.contains(name), "no line for {name}");
    }
}
