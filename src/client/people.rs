//! Who is there and who was: `tree`, `report`.

use serde_json::Value;

use super::Outcome;
use super::answer::{is, list, number, text};
use super::out::Out;
use super::table::Table;

/// Programs with their processes below them, each below its parent; then the strays.
pub(super) fn tree(answer: &Value, out: &mut Out) -> Outcome {
    write_tree(answer, out);
    out.end(0)
}

pub(super) fn write_tree(answer: &Value, out: &mut Out) {
    let mut table = Table::new(&[], &[]);
    let mut processes = Vec::new();
    let heading = |name: String, state: String, told: String| vec![name, state, told];
    for program in list(answer, "programs") {
        let told = text(program, "told");
        let row = heading(text(program, "name"), text(program, "state"), told);
        table.add(row);
        processes.push(list(program, "processes"));
    }
    let strays = list(answer, "strays");
    if !strays.is_empty() {
        let told = text(answer, "strays_told");
        table.add(heading("strays".into(), "-".into(), told));
        processes.push(strays);
    }
    if processes.is_empty() {
        out.say("nobody is there");
    }
    let headings = table.lines(out);
    for (heading, processes) in headings.iter().zip(processes) {
        out.say(heading);
        let is_below = |process: &&Value| {
            let parent = number(process, "parent");
            processes.iter().any(|other| number(other, "pid") == parent)
        };
        for top in processes.iter().filter(|process| !is_below(process)) {
            below(processes, top, 1, out);
        }
    }
    if let Some(more) = number(answer, "not_named") {
        out.say(&format!("and {more} more, not named here"));
    }
}

/// How deep processes are shown below each other; who is deeper stands at this depth.
const DEEPEST: usize = 40;

/// A process, and those whose parent it is.
fn below(processes: &[Value], process: &Value, depth: usize, out: &mut Out) {
    let pid = number(process, "pid");
    let shown = pid.map_or_else(String::new, |pid| pid.to_string());
    let indent = "  ".repeat(depth.min(DEEPEST));
    let line = [&indent, &shown, " ", &text(process, "command")].concat();
    out.say(&out.cut(&line));
    // A process is nobody's parent's parent, but an answer may say what it likes.
    if depth <= processes.len() {
        let children = processes.iter();
        let children = children.filter(|child| pid.is_some() && number(child, "parent") == pid);
        for child in children {
            below(processes, child, depth + 1, out);
        }
    }
}

/// The goodbye report, as it is read in the log.
pub(super) fn report(answer: &Value, out: &mut Out) -> Outcome {
    let entries = list(answer, "entries");
    if is(answer, "shutdown") {
        out.say("the container ends; so far:");
    } else if entries.is_empty() {
        out.say("no program was stopped yet");
    }
    let mut table = Table::new(&[], &[]);
    for entry in entries {
        let told = text(entry, "told");
        let told = match told.as_str() {
            "" => told,
            signal => format!("told {signal}"),
        };
        table.add(vec![who(entry), told, text(entry, "text")]);
    }
    table.write(out);
    out.end(0)
}

fn who(entry: &Value) -> String {
    let Some(pid) = number(entry, "process") else {
        return text(entry, "name");
    };
    let command = text(entry, "command");
    match text(entry, "left_behind_by").is_empty() {
        true => format!("stray {command} (pid {pid})"),
        false => format!("  + {command} (pid {pid})"),
    }
}
