//! How programs are, and why: `status`, `why`, `health`.

use std::time::Duration;

use serde_json::Value;

use super::answer::{is, list, number, seconds, text};
use super::out::Out;
use super::table::Notes;

/// A table of programs.
pub(super) fn status(answer: &Value, out: &mut Out) {
    let programs = list(answer, "programs");
    // A column of nothing would take the room of the notes.
    let has_health = programs.iter().any(|it| it.get("health").is_some());
    out.table.numbers = &[2, 3, 4];
    out.table.notes = Notes::Status;
    out.put("NAME\tSTATE\tPID\tUPTIME\tRESTARTS\t");
    out.put(if has_health {
        "HEALTH\tNOTE\n"
    } else {
        "NOTE\n"
    });
    for program in programs {
        let or_dash = |out: &mut Out, field| {
            if !out.put_field("\t", program, field) {
                out.put("\t-");
            }
        };
        out.put_field("", program, "name");
        out.put_field("\t", program, "state");
        or_dash(out, "pid");
        let has_pid = number(program, "pid").is_some();
        let uptime = seconds(program, "seconds").filter(|_| has_pid);
        out.put("\t");
        out.put(&uptime.map_or_else(|| "-".into(), age));
        or_dash(out, "restarts");
        if has_health {
            or_dash(out, "health");
        }
        out.put("\t");
        note(program, out);
        out.put("\n");
    }
}

/// Why it is not simply running, when its time is next, and what it says of itself.
fn note(program: &Value, out: &mut Out) {
    let mut between = "";
    if out.put_field("", program, "why") {
        between = "; ";
    }
    if !text(program, "next").is_empty() {
        out.put(between);
        out.put_field("next time ", program, "next");
        between = "; ";
    }
    if is(program, "reloading", true) {
        out.put(between);
        out.put("reloads");
        between = "; ";
    }
    if !text(program, "says").is_empty() {
        out.put(between);
        out.put_field("\"", program, "says");
        out.put("\"");
    }
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
pub(super) fn why(answer: &Value, out: &mut Out) {
    let programs = list(answer, "programs");
    if programs.is_empty() {
        out.put("all is as it should be\n");
    }
    for program in programs {
        for (depth, step) in list(program, "because").iter().enumerate() {
            (0..depth).for_each(|_| out.put("  "));
            out.put_field("", step, "program");
            out.put_field(" is ", step, "state");
            // Who is RUNNING and "is running" is so for no reason.
            if text(step, "text") != "is running" {
                out.put_field(": ", step, "text");
            }
            out.put("\n");
        }
    }
}

/// Nothing where all is well, else why it is not.
pub(super) fn health(answer: &Value, out: &mut Out) {
    for reason in list(answer, "reasons") {
        out.put_clean(reason.as_str().unwrap_or_default());
        out.put("\n");
    }
}
