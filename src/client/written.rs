//! What programs have written: `logs`.

use serde_json::Value;

use super::Outcome;
use super::answer::text;
use super::ask::Conversation;
use super::out::Out;
use super::typed::Typed;

/// Lines as they were written; with the program's name in front where there are several.
pub(super) fn logs(typed: &Typed, conversation: &mut Conversation, out: &mut Out) -> Outcome {
    conversation.answer()?;
    conversation.follow();
    let only = match typed.operands() {
        [only] => only.as_str(),
        _ => "",
    };
    // The parts of a long line are put together again.
    let mut open = String::new();
    while let Some((_, line)) = conversation.next()? {
        let part = raw(&line, "partial_id");
        if open.is_empty() || open != part {
            if !open.is_empty() {
                out.write("\n");
            }
            begin(&line, only, typed.has("timestamps"), out);
        }
        out.write(raw(&line, "message"));
        let goes_on = !part.is_empty() && raw(&line, "partial_last") != "true";
        if goes_on {
            part.clone_into(&mut open);
        } else {
            out.write("\n");
            open.clear();
        }
        if out.is_full() || !conversation.has_line() {
            out.flush()?;
        }
    }
    if !open.is_empty() {
        out.write("\n");
    }
    out.end(0)
}

fn begin(line: &Value, only: &str, has_time: bool, out: &mut Out) {
    if has_time {
        out.write(raw(line, "time"));
        out.write(" ");
    }
    let program = text(line, "program");
    if program != only {
        out.write(&program);
        out.write(" | ");
    }
}

/// As it is: what a program writes is for its reader, colours included.
fn raw<'a>(line: &'a Value, field: &str) -> &'a str {
    line.get(field).and_then(Value::as_str).unwrap_or_default()
}
