//! What came of what was asked for: `start`, `stop`, `restart`, `signal`, `reload`,
//! `wait`, `shutdown`.

use serde_json::Value;

use super::answer::{list, status_of, text, texts};
use super::ask::Conversation;
use super::out::Out;
use super::{Outcome, REFUSED};

/// A line for each program, at once where lastout tells of each when it is decided.
pub(super) fn programs(conversation: &mut Conversation, out: &mut Out) -> Outcome {
    let mut told = Vec::new();
    loop {
        let answer = conversation.answer()?;
        if let Some(program) = answer.get("program") {
            say(program, out);
            out.flush()?;
            told.push(text(program, "name"));
            continue;
        }
        for program in list(&answer, "programs") {
            if !told.contains(&text(program, "name")) {
                say(program, out);
            }
        }
        return out.end(status_of(&answer).unwrap_or(REFUSED));
    }
}

fn say(program: &Value, out: &mut Out) {
    out.say(&[&text(program, "name"), ": ", &text(program, "text")].concat());
}

/// A line for each program that a new configuration touches.
pub(super) fn reload(answer: &Value, is_dry: bool, out: &mut Out) -> Outcome {
    let mut is_same = true;
    for (field, does, would) in [
        ("removed", "stops", "would stop"),
        ("restarted", "restarts", "would restart"),
        ("added", "starts", "would start"),
        ("changed", "takes new values", "would take new values"),
    ] {
        for name in texts(answer, field) {
            out.say(&[name.as_str(), ": ", if is_dry { would } else { does }].concat());
            is_same = false;
        }
    }
    if is_same {
        out.say("no program differs");
    }
    out.end(status_of(answer).unwrap_or(REFUSED))
}

/// What is said in one line.
pub(super) fn text_of(answer: &Value, out: &mut Out) -> Outcome {
    out.say(&text(answer, "text"));
    out.end(status_of(answer).unwrap_or(REFUSED))
}
