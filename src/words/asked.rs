//! What is answered to people who ask how a program is, or for something to be done.

use lastout_core::{By, Condition, End, Health, Outcome, ProgramState, Reason, Spec, Status, Time};

use super::{end, fatal_reason, name, seconds, why_told};

/// What a stop makes of one that is scheduled.
const TIMES_ARE_OFF: &str = "; its times are off until it is started";

/// How a program is, in a line: its state, since when, why, and what it says of itself.
#[must_use]
pub fn status(spec: &Spec, now: Time, status: &Status) -> String {
    let mut text = [
        status.state.as_str(),
        " for ",
        &seconds(now.since(status.since)),
    ]
    .concat();
    let why = why(spec, now, status);
    let reloads = if status.is_reloading { "reloads" } else { "" };
    let says = status.says.as_deref();
    let says = says.map_or_else(String::new, |says| ["\"", says, "\""].concat());
    let mut between = ": ";
    for part in [why.as_str(), reloads, &says] {
        if !part.is_empty() {
            text.extend([between, part]);
            between = "; ";
        }
    }
    text
}

/// Why a program is where it is, or is not well; nothing where it is simply running.
#[must_use]
pub fn why(spec: &Spec, now: Time, status: &Status) -> String {
    let mut why = match (&status.reason, status.health) {
        (Reason::Up, Health::Unhealthy { failures: 1 }) => {
            String::from("unhealthy, its last check failed")
        }
        (Reason::Up, Health::Unhealthy { failures }) => {
            format!("unhealthy, its last {failures} checks failed")
        }
        (why, _) => reason(spec, now, why),
    };
    if status.is_off {
        let text = TIMES_ARE_OFF;
        why.push_str(if why.is_empty() {
            text.trim_start_matches("; ")
        } else {
            text
        });
    }
    why
}

/// The same of a reason alone.
#[expect(
    clippy::too_many_lines,
    reason = "a flat table, an arm a reason; in pieces it would be harder to read"
)]
fn reason(spec: &Spec, now: Time, reason: &Reason) -> String {
    let memory = |is_want: bool| if is_want { " (out of memory)" } else { "" };
    let left = |at: &Time| seconds(at.since(now));
    let until_killed = |kill: &Option<Time>, killed: bool| match (kill, killed) {
        (_, true) => String::from(", killed, still there"),
        (Some(at), false) => format!(", killed in {}", left(at)),
        (None, false) => String::new(),
    };
    let at_most = |until: &Option<Time>| {
        until
            .as_ref()
            .map_or_else(String::new, |at| format!(", has {} more", left(at)))
    };
    match reason {
        Reason::Up => String::new(),
        Reason::Needs { program, condition } => {
            let state = match condition {
                Condition::Started => "started",
                Condition::Ready => "ready",
                Condition::Completed => "completed",
            };
            format!("waits for {} to be {state}", name(spec, *program))
        }
        Reason::Removing { program } => {
            format!("waits until {} is gone", name(spec, *program))
        }
        Reason::AboutToStart => String::from("is about to start"),
        Reason::PreStart { until } => format!("pre_start runs{}", at_most(until)),
        Reason::Forked => String::from("is being started"),
        Reason::NotReady { until } => format!("is not ready yet{}", at_most(until)),
        Reason::NotUpYet { at } => format!("counts as up in {}", left(at)),
        Reason::Backoff {
            until,
            last,
            out_of_memory,
            ..
        } => {
            let how = last.map_or_else(|| String::from("failed"), end);
            let want = memory(*out_of_memory);
            format!("{how}{want}, next try in {}", left(until))
        }
        Reason::Told {
            at,
            why,
            kill,
            killed,
        } => {
            let ago = seconds(now.since(*at));
            let kill = until_killed(kill, *killed);
            format!("told to end {ago} ago{}{kill}", why_told(*why))
        }
        Reason::Leftovers {
            end: how,
            kill,
            killed,
        } => {
            let kill = until_killed(kill, *killed);
            format!("{}; what it left behind is told to end{kill}", end(*how))
        }
        Reason::PostStop { kill } => format!("post_stop runs{}", until_killed(kill, false)),
        Reason::NeededBy { program } => {
            let needs = name(spec, *program);
            format!("ends when {needs} is gone, which needs it")
        }
        Reason::Exited {
            end: how,
            out_of_memory,
            ..
        } => format!("{}{}", end(*how), memory(*out_of_memory)),
        Reason::Fatal {
            reason,
            out_of_memory,
        } => {
            let want = memory(*out_of_memory);
            format!("{}{want}", fatal_reason(spec, *reason))
        }
        Reason::NotStarted => String::from("does not start by itself"),
        Reason::Scheduled => String::from("is scheduled"),
        Reason::StoppedByRequest { .. } => String::from("stopped on request"),
        Reason::Over => String::from("the container ends"),
    }
}

/// What came of a request for a program, in a word for programs.
#[must_use]
pub fn outcome_word(outcome: &Outcome) -> &'static str {
    match outcome {
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
    }
}

/// The same in words for people.
#[must_use]
pub fn outcome(spec: &Spec, now: Time, outcome: &Outcome) -> String {
    let how = |status: &Status| {
        let why = why(spec, now, status);
        let comma = if why.is_empty() { "" } else { ", " };
        [status.state.as_str(), comma, &why].concat()
    };
    let after =
        |end_of: &Option<End>| end_of.map_or_else(String::new, |it| [", ", &end(it)].concat());
    match outcome {
        Outcome::Started { took } => ["started in ", &seconds(*took)].concat(),
        Outcome::Completed { took } => ["done in ", &seconds(*took)].concat(),
        Outcome::AlreadyRunning => "is running already".into(),
        Outcome::Stopped {
            took,
            end,
            killed,
            is_off,
        } => {
            let deed = match *killed {
                true => "killed after ",
                false => "stopped in ",
            };
            let off = if *is_off { TIMES_ARE_OFF } else { "" };
            [deed, &seconds(*took), &after(end), off].concat()
        }
        Outcome::AlreadyStopped(status) => {
            let mut text = String::from("is stopped already");
            if status.state != ProgramState::Stopped {
                // It has come to its end in another way.
                text.extend([": it is ", &how(status)]);
            } else if status.is_off {
                text.push_str(TIMES_ARE_OFF);
            }
            text
        }
        Outcome::Signalled { signal } => format!("sent {signal}"),
        Outcome::Reloads { signal } => format!("told to reload with {signal}"),
        Outcome::NotRunning(status) => ["is not running: it is ", &how(status)].concat(),
        Outcome::Holds { took, end } => {
            let when = match took.is_zero() {
                true => String::from("is so already"),
                false => ["is so after ", &seconds(*took)].concat(),
            };
            when + &after(end)
        }
        Outcome::Impossible(status) => {
            // By way of others, too, of whom the last was stopped or never asked for.
            let what = match matches!(status.reason, Reason::Needs { .. }) {
                true => "will not be up until somebody starts what it needs",
                false => "will not be so by itself",
            };
            [what, ": it is ", &how(status)].concat()
        }
        Outcome::NoHealthcheck => "will never be known to be healthy: it has no healthcheck".into(),
        Outcome::SetGoing(status) => how(status),
        Outcome::Ended {
            took,
            end: how,
            well,
        } => {
            let deed = if *well { "has ended" } else { "failed" };
            format!("{deed} after {}, {}", seconds(*took), end(*how))
        }
        Outcome::GaveUp { reason } => ["FATAL: ", &fatal_reason(spec, *reason)].concat(),
        Outcome::TimedOut(status) => ["not in time: it is ", &how(status)].concat(),
        Outcome::Overtaken(by) => overtaken(*by).into(),
        Outcome::OnlyAtTimes => {
            "is one more run of a scheduled program, which begins at its times only".into()
        }
        Outcome::Removed => "is not in the configuration any more".into(),
        Outcome::Unknown => "is not there any more".into(),
    }
}

fn overtaken(by: By) -> &'static str {
    match by {
        By::Start => "not done: somebody has asked for a start",
        By::Stop => "not done: somebody has asked for a stop",
        By::Restart => "not done: somebody has asked for a restart",
        By::Shutdown => "not done: the container ends",
    }
}

#[cfg(test)]
mod tests;
