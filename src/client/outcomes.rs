//! What came of what was asked for: `start`, `stop`, `restart`, `signal`, `reload`,
//! `wait`.

use serde_json::Value;

use super::Outcome;
use super::answer::{list, status_of, text};
use super::ask::Conversation;
use super::out::Out;

/// A line for each program, as soon as it is decided. `awaited`: the state that is waited
/// for, which an answer does not name.
pub(super) fn programs(
    conversation: &mut Conversation,
    awaited: Option<&str>,
    out: &mut Out,
) -> Outcome {
    let mut told: Vec<String> = Vec::new();
    loop {
        let answer = conversation.answer()?;
        let Some(program) = answer.get("program") else {
            for program in list(&answer, "programs") {
                let name = text(program, "name");
                if !told.iter().any(|told| told == name) {
                    say(program, awaited, out);
                }
            }
            return out.end(status_of(&answer));
        };
        say(program, awaited, out);
        out.flush()?;
        told.push(text(program, "name").to_owned());
    }
}

fn say(program: &Value, awaited: Option<&str>, out: &mut Out) {
    out.put_field("", program, "name");
    out.put(": ");
    match (awaited, text(program, "outcome"), text(program, "text")) {
        (Some(state), "holds" | "impossible", said) => {
            out.put_clean(&said.replacen(" so ", &[" ", state, " "].concat(), 1));
        }
        (_, _, said) => out.put_clean(said),
    }
    out.put("\n");
}

/// A line for each program that a new configuration touches.
pub(super) fn reload(answer: &Value, is_dry: bool, out: &mut Out) {
    let before = out.length();
    for (field, does, would) in [
        ("removed", ": is removed\n", ": would be removed\n"),
        ("restarted", ": restarts\n", ": would restart\n"),
        ("added", ": is added\n", ": would be added\n"),
        (
            "changed",
            ": takes new values\n",
            ": would take new values\n",
        ),
    ] {
        for name in list(answer, field) {
            out.put_clean(name.as_str().unwrap_or_default());
            out.put(if is_dry { would } else { does });
        }
    }
    if out.length() == before {
        out.put("no program differs\n");
    }
}
