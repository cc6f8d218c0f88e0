//! Who is there and who was: `tree`, `report`.

use serde_json::Value;

use super::answer::{is, list, number};
use super::out::Out;
use super::table::Notes;

/// Programs with their processes below them, each below its parent; then the strays.
pub(super) fn tree(answer: &Value, out: &mut Out) {
    let programs = list(answer, "programs");
    for program in programs {
        out.put_field("", program, "name");
        out.put_field("\t", program, "state");
        out.put("\t");
        out.put_field("", program, "told");
        out.put("\n");
        processes(list(program, "processes"), out);
    }
    let strays = list(answer, "strays");
    if !strays.is_empty() {
        out.put("strays\t-\t");
        out.put_field("", answer, "strays_told");
        out.put("\n");
        processes(strays, out);
    }
    if programs.is_empty() && strays.is_empty() {
        out.put("nobody is there\n");
    }
    if out.put_field("and ", answer, "not_named") {
        out.put(" more, not named here\n");
    }
}

fn processes(all: &[Value], out: &mut Out) {
    for process in all {
        let parent = number(process, "parent");
        let is_below = |other: &Value| number(other, "pid") == parent;
        if !all.iter().any(is_below) {
            below(all, process, 1, out);
        }
    }
}

/// How deep processes are shown below each other, so that the deepest fit into 80
/// columns; who is deeper stands at this depth.
const DEEPEST: usize = 25;

/// A process, and those whose parent it is.
fn below(all: &[Value], process: &Value, depth: usize, out: &mut Out) {
    (0..depth.min(DEEPEST)).for_each(|_| out.put("  "));
    out.put_field("", process, "pid");
    out.put_field(" ", process, "command");
    out.put("\n");
    let pid = number(process, "pid");
    // Nobody is below himself, but an answer may say what it likes.
    if pid.is_some() && depth <= all.len() {
        for child in all.iter().filter(|it| number(it, "parent") == pid) {
            below(all, child, depth + 1, out);
        }
    }
}

/// The goodbye report, as it is read in the log.
pub(super) fn report(answer: &Value, out: &mut Out) {
    let entries = list(answer, "entries");
    out.table.notes = Notes::Below;
    if is(answer, "shutdown", true) {
        out.put("the container ends; so far:\n");
    } else if entries.is_empty() {
        out.put("no program was stopped yet\n");
    }
    for entry in entries {
        if number(entry, "process").is_none() {
            out.put_field("", entry, "name");
        } else {
            let is_stray = entry.get("left_behind_by").is_none();
            out.put(if is_stray { "stray" } else { "  +" });
            out.put_field(" ", entry, "command");
            out.put_field(" (pid ", entry, "process");
            out.put(")");
        }
        out.put("\t");
        out.put_field("told ", entry, "told");
        out.put("\t");
        out.put_field("", entry, "text");
        out.put("\n");
    }
}
