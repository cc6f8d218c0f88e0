//! Verb by state: what each request is answered, whatever its program is doing, by
//! words of docs/protocol.md. Behind `…`: not at once, but when everybody has done as he
//! is told, and time has passed. `…` alone: not by itself, so that a timeout is what ends
//! it; when all is over that is the end of the connection.
//!
//! Who adds a verb, a state or an outcome gives it a name here, or this does not compile;
//! and a line or a column, or a test is red.

use alloc::format;
use alloc::string::String;
use alloc::vec;

use self::lines::{LINES, Line};
use super::*;
use crate::program::{Part, Standing, Step, Stopping};
use crate::shutdown::Phase;
use crate::{By, Outcome, Refusal, Reply, Request, Scope, Until};

mod course;
mod lines;

/// The names of all that there is of a kind.
macro_rules! names {
    ($all:ident, $name:ident($of:ty) { $($pattern:pat => $text:literal,)+ }) => {
        const $all: &[&str] = &[$($text),+];

        fn $name(of: &$of) -> &'static str {
            match of { $($pattern => $text,)+ }
        }
    };
}

names!(VERBS, verb(Request) {
    Request::Start { .. } => "start",
    Request::Stop { .. } => "stop",
    Request::Restart { .. } => "restart",
    Request::Signal { .. } => "signal",
    Request::ReloadPrograms { .. } => "reload-programs",
    Request::Wait { until: Until::Running, .. } => "wait running",
    Request::Wait { until: Until::Ready, .. } => "wait ready",
    Request::Wait { until: Until::Healthy, .. } => "wait healthy",
    Request::Wait { until: Until::Exited, .. } => "wait exited",
    Request::Wait { until: Until::Stopped, .. } => "wait stopped",
    Request::Reload => "reload",
    Request::Shutdown { code: None } => "shutdown",
    Request::Shutdown { code: Some(_) } => "shutdown with a code",
});

names!(STATES, state(State) {
    State::Stopped => "stopped",
    State::Starting { step: Step::PreStart { .. }, .. } => "pre_start",
    State::Starting { step: Step::Forked, .. } => "forked",
    State::Starting { step: Step::Execed { ready: false, .. }, .. } => "not ready",
    State::Starting { step: Step::Execed { ready: true, .. }, .. } => "not up",
    State::Running { .. } => "up",
    State::Backoff { .. } => "backoff",
    State::Stopping(Stopping { leader: Some(_), .. }) => "leftovers",
    State::Stopping(Stopping { part: Part::PreStart, .. }) => "told in its pre_start",
    State::Stopping(Stopping { part: Part::Command, .. }) => "told",
    State::Stopping(Stopping { part: Part::PostStop, .. }) => "post_stop",
    State::Exited { well: true, .. } => "done",
    State::Exited { well: false, .. } => "failed",
    State::Fatal { .. } => "given up",
});

names!(STANDINGS, standing(Standing) {
    Standing::Listed => "listed",
    Standing::New => "new",
    Standing::Removed => "removed",
    Standing::Twin(_) => "twin",
});

names!(PHASES, phase(Phase) {
    Phase::Up => "up",
    Phase::Stopping(_) => "stopping",
    Phase::Over => "over",
});

names!(OUTCOMES, outcome(Outcome) {
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
    Outcome::Overtaken(By::Start) => "overtaken: start",
    Outcome::Overtaken(By::Stop) => "overtaken: stop",
    Outcome::Overtaken(By::Restart) => "overtaken: restart",
    Outcome::Overtaken(By::Shutdown) => "overtaken: end",
    Outcome::OnlyAtTimes => "only-at-times",
    Outcome::Removed => "removed",
    Outcome::Unknown => "unknown",
});

names!(REPLIES, reply(Reply) {
    Reply::Programs(_) => "of programs",
    Reply::Reloaded(_) => "reloaded",
    Reply::LoadFailed => "load-failed",
    Reply::ShutdownBegun => "begun",
    Reply::Refused(Refusal::Stopping) => "refused",
    Reply::Refused(Refusal::TooMany) => "too-many",
});

/// Every verb, for this program.
fn requests(program: u32) -> Vec<Request> {
    let programs = || vec![ProgramId(program)];
    let waits = [
        Until::Running,
        Until::Ready,
        Until::Healthy,
        Until::Exited,
        Until::Stopped,
    ];
    let waits = waits.map(|until| Request::Wait {
        programs: programs(),
        until,
    });
    let mut all = vec![
        Request::Start {
            programs: programs(),
        },
        Request::Stop {
            programs: programs(),
        },
        Request::Restart {
            programs: programs(),
        },
        Request::Signal {
            programs: programs(),
            signal: Signal::HUP,
            scope: Scope::Leader,
        },
        Request::ReloadPrograms {
            programs: programs(),
        },
    ];
    all.extend(waits);
    all.extend([
        Request::Reload,
        Request::Shutdown { code: None },
        Request::Shutdown { code: Some(3) },
    ]);
    all
}

/// What a request is answered that is asked then.
fn answer(mut bench: Bench, program: u32, request: Request) -> String {
    let word = |bench: &Bench| {
        let (_, found) = bench.replies().into_iter().find(|(id, _)| *id == 7)?;
        let Reply::Programs(outcomes) = &found else {
            return Some(reply(&found));
        };
        let mut outcomes = outcomes.iter();
        let of = outcomes.find(|(id, _)| id.0 == program);
        of.map(|(_, of)| outcome(of))
    };
    bench.asks(7, request);
    if let Some(word) = word(&bench) {
        return word.into();
    }
    // As long as anything may happen, and some healthchecks more.
    for _ in 0..100 {
        if !bench.goes_on() {
            break;
        }
        if let Some(word) = word(&bench) {
            return format!("… {word}");
        }
    }
    "…".into()
}

/// The lines of the table for these verbs.
fn table(verbs: &[&str], lines: &[Line]) -> String {
    let mut rows = vec![vec![String::new()]];
    rows[0].extend(verbs.iter().map(|verb| String::from(*verb)));
    for (name, program, make) in lines {
        let asked = requests(*program).into_iter();
        let asked = asked.filter(|request| verbs.contains(&verb(request)));
        let mut row = vec![String::from(*name)];
        row.extend(asked.map(|request| answer(make(), *program, request)));
        rows.push(row);
    }
    let mut text = String::from("\n");
    for row in &rows {
        for (column, cell) in row.iter().enumerate() {
            let width = rows.iter().map(|row| row[column].chars().count()).max();
            text.push_str(&format!("{cell:<0$}", width.unwrap_or(0)));
            text.push_str(if column + 1 < row.len() { " | " } else { "\n" });
        }
    }
    let trimmed: Vec<&str> = text.lines().map(str::trim_end).collect();
    trimmed.join("\n") + "\n"
}

const WHAT_IS_DONE: &str = "
                             | start           | stop            | restart       | signal      | reload-programs
not asked for yet            | … started       | already-stopped | … started     | not-running | not-running
its time is to come          | … started       | already-stopped | … started     | not-running | not-running
stopped on request           | … started       | already-stopped | … started     | not-running | not-running
waits for db, that starts    | … started       | stopped         | … started     | not-running | … started
waits for db, not started    | … started       | stopped         | … started     | not-running | … started
new, waits for who leaves    | … started       | stopped         | … started     | not-running | … started
pre_start                    | … started       | … stopped       | … started     | not-running | … started
forked                       | … started       | … stopped       | … started     | not-running | … started
not up                       | … started       | … stopped       | … started     | signalled   | … started
not ready                    | … started       | … stopped       | … started     | signalled   | … started
up                           | already-running | … stopped       | … started     | signalled   | … started
up, with a reload_signal     | already-running | … stopped       | … started     | signalled   | reloads
up, without a healthcheck    | already-running | … stopped       | … started     | signalled   | … started
up, a oneshot                | … completed     | … stopped       | … completed   | signalled   | … completed
up, told after its user      | already-running | … stopped       | … started     | signalled   | overtaken: stop
up, restarted after its user | … started       | … stopped       | … started     | signalled   | … started
told, by a stop              | … started       | … stopped       | … started     | signalled   | overtaken: stop
told, by a restart           | … started       | … stopped       | … started     | signalled   | … started
told in its pre_start        | … started       | … stopped       | … started     | not-running | overtaken: stop
leftovers                    | … started       | … stopped       | … started     | not-running | … started
post_stop                    | … started       | … stopped       | … started     | not-running | … started
backoff                      | … started       | stopped         | … started     | not-running | … started
done                         | … started       | already-stopped | … started     | not-running | … started
failed                       | … started       | already-stopped | … started     | not-running | … started
given up                     | … started       | already-stopped | … started     | not-running | … started
removed, told                | removed         | … stopped       | removed       | signalled   | removed
removed, and gone            | removed         | removed         | removed       | removed     | removed
second life of a job         | only-at-times   | … stopped       | only-at-times | not-running | only-at-times
no such program              | unknown         | unknown         | unknown       | unknown     | unknown
the end: up, its user first  | refused         | refused         | refused       | signalled   | refused
the end: told                | refused         | refused         | refused       | signalled   | refused
the end: gone                | refused         | refused         | refused       | not-running | refused
over                         | …               | …               | …             | …           | …
";

const WHAT_IS_WAITED_FOR: &str = "
                             | wait running   | wait ready     | wait healthy   | wait exited | wait stopped
not asked for yet            | impossible     | impossible     | impossible     | impossible  | holds
its time is to come          | …              | …              | …              | …           | holds
stopped on request           | impossible     | impossible     | impossible     | holds       | holds
waits for db, that starts    | … holds        | … holds        | … holds        | …           | …
waits for db, not started    | impossible     | impossible     | impossible     | …           | …
new, waits for who leaves    | … holds        | … holds        | … holds        | …           | …
pre_start                    | … holds        | … holds        | … holds        | …           | …
forked                       | … holds        | … holds        | … holds        | …           | …
not up                       | … holds        | … holds        | … holds        | …           | …
not ready                    | … holds        | … holds        | … holds        | …           | …
up                           | holds          | holds          | … holds        | …           | …
up, with a reload_signal     | holds          | holds          | … holds        | …           | …
up, without a healthcheck    | holds          | holds          | no-healthcheck | …           | …
up, a oneshot                | holds          | holds          | … impossible   | … holds     | … holds
up, told after its user      | … impossible   | … impossible   | … impossible   | … holds     | … holds
up, restarted after its user | … holds        | … holds        | … holds        | …           | …
told, by a stop              | … impossible   | … impossible   | … impossible   | … holds     | … holds
told, by a restart           | … holds        | … holds        | … holds        | …           | …
told in its pre_start        | … impossible   | … impossible   | … impossible   | … holds     | … holds
leftovers                    | … holds        | … holds        | … holds        | …           | …
post_stop                    | … impossible   | … holds        | … impossible   | … holds     | … holds
backoff                      | … holds        | … holds        | … holds        | …           | …
done                         | impossible     | holds          | impossible     | holds       | holds
failed                       | impossible     | impossible     | impossible     | holds       | holds
given up                     | impossible     | impossible     | impossible     | holds       | holds
removed, told                | … removed      | … removed      | … removed      | … holds     | … holds
removed, and gone            | removed        | removed        | removed        | removed     | removed
second life of a job         | … holds        | … holds        | … holds        | …           | …
no such program              | unknown        | unknown        | unknown        | unknown     | unknown
the end: up, its user first  | holds          | holds          | overtaken: end | … holds     | … holds
the end: told                | overtaken: end | overtaken: end | overtaken: end | … holds     | … holds
the end: gone                | impossible     | holds          | impossible     | holds       | holds
over                         | …              | …              | …              | …           | …
";

const OF_THE_WHOLE: &str = "
              | reload     | shutdown | shutdown with a code
up            | … reloaded | begun    | begun
the end: told | refused    | begun    | refused
over          | …          | …        | …
";

/// What is answered because of another's request, for want of patience or of room, or where
/// somebody does not do as he is told; and what the shell says of the configuration.
const ELSEWHERE: [&str; 9] = [
    "set-going",
    "ended",
    "gave-up",
    "timed-out",
    "overtaken: start",
    "overtaken: restart",
    "of programs",
    "load-failed",
    "too-many",
];

#[test]
fn each_request_for_a_program_has_an_answer_in_each_of_its_states() {
    let (acts, rest) = VERBS.split_at(5);
    let (waits, _) = rest.split_at(5);
    let found = table(acts, LINES);
    assert!(found == WHAT_IS_DONE, "{found}");
    let found = table(waits, LINES);
    assert!(found == WHAT_IS_WAITED_FOR, "{found}");
}

#[test]
fn each_request_for_the_whole_has_an_answer_in_each_of_its_phases() {
    let lines = ["up", "the end: told", "over"];
    let lines = lines.map(|name| *LINES.iter().find(|line| line.0 == name).unwrap());
    let found = table(&VERBS[10..], &lines);
    assert!(found == OF_THE_WHOLE, "{found}");
}

#[test]
fn the_table_has_a_column_for_each_verb_and_a_line_for_each_state() {
    let columns: Vec<&str> = requests(0).iter().map(verb).collect();
    assert_eq!(columns, VERBS);
    let mut seen = Vec::new();
    for (_, program, make) in LINES {
        let bench = make();
        seen.push(phase(&bench.core.phase));
        if let Some(program) = bench.core.program(ProgramId(*program)) {
            seen.extend([state(&program.state), standing(&program.standing)]);
        }
    }
    for name in [STATES, STANDINGS, PHASES].concat() {
        assert!(seen.contains(&name), "no line for {name}");
    }
}

#[test]
fn each_answer_stands_somewhere_in_the_table() {
    let cells = [WHAT_IS_DONE, WHAT_IS_WAITED_FOR, OF_THE_WHOLE].concat();
    let cells: Vec<&str> = cells
        .split(['|', '\n'])
        .map(|cell| {
            cell.trim_start_matches(' ')
                .trim_start_matches("… ")
                .trim_end()
        })
        .collect();
    let mut missing = [OUTCOMES, REPLIES].concat();
    missing.retain(|name| !cells.contains(name));
    assert_eq!(missing, ELSEWHERE);
}
