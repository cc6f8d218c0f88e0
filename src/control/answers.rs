//! The answers, as docs/protocol.md shows them: what the core knows, with the names and
//! pids that it does not know, and in words.

use super::object::{Json, Object};
use super::wire::{Code, Refusal};
use crate::words;
use lastout_core::{
    Changes, Health, Outcome, ProgramId, Reason, Refusal as Refused, Spec, Status, Supervisor, Time,
};

/// How long the reasons of `health` are at most: what Docker keeps of a healthcheck.
const MOST_OF_REASONS: usize = 4000;

/// What the core does not know of a program.
#[derive(Debug, Default)]
pub struct Beside {
    /// The pid of its leader, where it has one.
    pub pid: Option<i32>,
    /// When its schedule starts it next, as a clock of its time zone shows it.
    pub next: Option<String>,
}

/// How a program is.
#[must_use]
pub fn status(spec: &Spec, now: Time, id: ProgramId, status: &Status, beside: Beside) -> Json {
    let mut object = Object::default();
    object.put("name", words::name(spec, id));
    object.put("state", status.state.as_str());
    object.seconds("seconds", now.since(status.since));
    object.put("restarts", status.restarts);
    if let Some(pid) = beside.pid {
        object.put("pid", pid);
        object.put("ready", status.is_ready);
    }
    let (health, failures) = match status.health {
        Health::None => ("", 0),
        Health::Starting => ("starting", 0),
        Health::Healthy { failures } => ("healthy", failures),
        Health::Unhealthy { failures } => ("unhealthy", failures),
    };
    object.text("health", health);
    if failures > 0 {
        object.put("health_failures", failures);
    }
    if status.is_reloading {
        object.put("reloading", true);
    }
    object.text("next", &beside.next.unwrap_or_default());
    object.text("says", status.says.as_deref().unwrap_or_default());
    object.text("why", &words::why(spec, now, status));
    object.into_json()
}

/// What came of a request, for each program.
#[must_use]
pub fn outcomes(spec: &Spec, now: Time, outcomes: &[(ProgramId, Outcome)]) -> Json {
    let all_done = outcomes.iter().all(|(_, outcome)| outcome.is_done());
    let programs = outcomes.iter();
    let mut programs = programs.map(|(id, outcome)| one_outcome(spec, now, *id, outcome));
    let mut reply = Object::reply(all_done);
    reply.list("programs", &mut programs);
    reply.into_json()
}

/// What came of a request for one program, while others are still open.
#[must_use]
pub fn decided(spec: &Spec, now: Time, (id, outcome): (ProgramId, &Outcome)) -> Json {
    let mut line = Object::default();
    line.put("program", one_outcome(spec, now, id, outcome));
    line.into_json()
}

fn one_outcome(spec: &Spec, now: Time, id: ProgramId, outcome: &Outcome) -> Json {
    let mut object = Object::default();
    object.put("name", words::name(spec, id));
    object.put("outcome", words::outcome_word(outcome));
    object.put("done", outcome.is_done());
    object.put("text", words::outcome(spec, now, outcome));
    match outcome {
        Outcome::Started { took } | Outcome::Completed { took } => object.seconds("seconds", *took),
        Outcome::Stopped {
            took, end, killed, ..
        } => {
            object.seconds("seconds", *took);
            object.end(*end);
            object.put("killed", *killed);
        }
        Outcome::Holds { took, end } => {
            object.seconds("seconds", *took);
            object.end(*end);
        }
        Outcome::Ended { took, end, .. } => {
            object.seconds("seconds", *took);
            object.end(Some(*end));
        }
        Outcome::Signalled { signal } | Outcome::Reloads { signal } => {
            object.put("signal", signal.to_string());
        }
        Outcome::AlreadyStopped(status)
        | Outcome::NotRunning(status)
        | Outcome::Impossible(status)
        | Outcome::SetGoing(status)
        | Outcome::TimedOut(status) => object.put("state", status.state.as_str()),
        Outcome::AlreadyRunning
        | Outcome::NoHealthcheck
        | Outcome::GaveUp { .. }
        | Outcome::Overtaken(_)
        | Outcome::OnlyAtTimes
        | Outcome::Removed
        | Outcome::Unknown => {}
    }
    object.into_json()
}

/// What a configuration that was or would be read again changes.
#[must_use]
pub fn changes(changes: &Changes, is_done: bool) -> Json {
    let mut reply = Object::reply(true);
    reply.put("removed", changes.removed.clone());
    reply.put("restarted", changes.restarted.clone());
    reply.put("added", changes.added.clone());
    reply.put("changed", changes.changed.clone());
    let text = words::changes(changes);
    // The same, before it is so.
    let text = match is_done {
        true => text,
        false => text.replacen("reloaded", "a reload would do this", 1),
    };
    reply.put("text", text);
    reply.into_json()
}

/// Why a program is where it is, step by step.
#[must_use]
pub fn why(core: &Supervisor, now: Time, id: ProgramId) -> Json {
    let spec = core.spec();
    let is_up = |reason: &Reason| matches!(reason, Reason::Up);
    let steps = core.why(now, id).into_iter().map(|step| {
        let mut object = Object::default();
        object.put("program", words::name(spec, step.program));
        object.put("state", step.state.as_str());
        let status = core.status(now, step.program);
        let text = status.map_or_else(String::new, |status| words::why(spec, now, &status));
        let text = match text.is_empty() && is_up(&step.reason) {
            true => String::from("is running"),
            false => text,
        };
        object.put("text", text);
        object.into_json()
    });
    let steps: Vec<Json> = steps.collect();
    let mut object = Object::default();
    object.put("name", words::name(spec, id));
    object.put("because", steps);
    object.into_json()
}

/// Whether all is well, and why not.
#[must_use]
pub fn health(core: &Supervisor, now: Time) -> Json {
    let spec = core.spec();
    let mut reasons: Vec<String> = Vec::new();
    let mut length = 0;
    let mut put = |line: String| {
        length += line.len() + 1;
        if length <= MOST_OF_REASONS {
            reasons.push(line);
        }
        length <= MOST_OF_REASONS
    };
    if core.is_stopping() {
        put(String::from("the container stops"));
    }
    let not_well = core.not_well();
    for (told, id) in not_well.iter().enumerate() {
        let Some(status) = core.status(now, *id) else {
            continue;
        };
        let why = words::why(spec, now, &status);
        let (name, state) = (words::name(spec, *id), status.state.as_str());
        if !put(format!("{name}: {state}, {why}")) {
            reasons.push(format!("and {} more", not_well.len() - told));
            break;
        }
    }
    let mut reply = Object::reply(true);
    reply.put("healthy", core.is_all_well());
    reply.put("reasons", reasons);
    reply.into_json()
}

/// Who would be told with what, and when.
#[must_use]
pub fn told(core: &Supervisor, now: Time, id: ProgramId) -> String {
    let spec = core.spec();
    let Some(program) = spec.programs.get(id.0 as usize) else {
        return String::new();
    };
    let needs_it = (0..)
        .map(ProgramId)
        .zip(&spec.programs)
        .filter(|(_, other)| other.needs.iter().any(|need| need.program == id));
    let alive = needs_it.filter(|(other, _)| {
        core.status(now, *other)
            .is_some_and(|status| status.run.is_some())
    });
    let alive: Vec<String> = alive.map(|(_, other)| other.name.clone()).collect();
    let when = match alive.as_slice() {
        [] => String::from(" at once"),
        [one] => format!(" when {one} is gone"),
        more => format!(" when {} are gone", words::listed(more)),
    };
    let killed = program.stopwaitsecs;
    let killed = killed.map_or_else(String::new, |after| {
        format!(", killed after {}", words::short(after))
    });
    format!("{}{when}{killed}", program.stopsignal)
}

/// Why the core does nothing.
#[must_use]
pub fn refused(why: Refused) -> Refusal {
    match why {
        Refused::Stopping => Refusal::new(Code::Stopping, "the container stops")
            .hint("everything is being stopped, and nothing is started or loaded any more"),
        Refused::TooMany => Refusal::new(Code::TooMany, "too many requests wait already")
            .hint("ask again when some of them are answered"),
    }
}
