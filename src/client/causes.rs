//! How programs are, and why: `status`, `why`, `health`.

use std::time::Duration;

use serde_json::Value;

use super::answer::{is, list, number, seconds, status_of, text, texts};
use super::out::Out;
use super::table::Table;
use super::{Outcome, REFUSED};

const TITLES: [&str; 7] = [
    "NAME", "STATE", "PID", "UPTIME", "RESTARTS", "HEALTH", "NOTE",
];
const HEALTH: usize = 5;

/// A table of programs.
pub(super) fn status(answer: &Value, out: &mut Out) -> Outcome {
    write_status(answer, out);
    out.end(status_of(answer).unwrap_or(REFUSED))
}

pub(super) fn write_status(answer: &Value, out: &mut Out) {
    let mut table = Table::new(&TITLES, &[2, 3, 4]).folding();
    for program in list(answer, "programs") {
        table.add(row(program));
    }
    table.drop_if_empty(HEALTH);
    table.write(out);
}

fn row(program: &Value) -> Vec<String> {
    let or_dash = |text: String| if text.is_empty() { "-".into() } else { text };
    let pid = number(program, "pid");
    let uptime = seconds(program, "seconds").filter(|_| pid.is_some());
    vec![
        text(program, "name"),
        text(program, "state"),
        or_dash(pid.map_or_else(String::new, |pid| pid.to_string())),
        or_dash(uptime.map_or_else(String::new, age)),
        number(program, "restarts").unwrap_or(0).to_string(),
        or_dash(text(program, "health")),
        note(program),
    ]
}

/// Why it is not simply running, and what it says of itself.
fn note(program: &Value) -> String {
    let mut notes = Vec::new();
    let why = text(program, "why");
    if !why.is_empty() {
        notes.push(why);
    }
    if is(program, "reloading") {
        notes.push("reloads".to_owned());
    }
    let says = text(program, "says");
    if !says.is_empty() {
        notes.push(format!("\"{says}\""));
    }
    notes.join("; ")
}

/// A time in two units at most, as narrow as can be read.
fn age(time: Duration) -> String {
    let whole = time.as_secs();
    let (minutes, hours, days) = (whole / 60, whole / 3600, whole / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{whole}s"),
        (0, 0, _) => format!("{minutes}m{:02}s", whole % 60),
        (0, _, _) => format!("{hours}h{:02}m", minutes % 60),
        (_, _, _) => format!("{days}d{:02}h", hours % 24),
    }
}

/// Chains of causes, each cause below what it is the cause of.
pub(super) fn why(answer: &Value, out: &mut Out) -> Outcome {
    let programs = list(answer, "programs");
    if programs.is_empty() {
        out.say("all is as it should be");
    }
    for program in programs {
        for (depth, step) in list(program, "because").iter().enumerate() {
            let (name, state) = (text(step, "program"), text(step, "state"));
            let mut line = "  ".repeat(depth);
            line.extend([&name, " is ", &state]);
            let why = text(step, "text");
            // Who is RUNNING and "is running" is so for no reason.
            if !why.is_empty() && why != "is running" {
                line.extend([": ", &why]);
            }
            out.say(&line);
        }
    }
    out.end(status_of(answer).unwrap_or(REFUSED))
}

/// Nothing where all is well, else why it is not.
pub(super) fn health(answer: &Value, out: &mut Out) -> Outcome {
    for reason in texts(answer, "reasons") {
        out.say(&reason);
    }
    out.end(status_of(answer).unwrap_or(REFUSED))
}
