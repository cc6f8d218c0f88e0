//! What programs have written: `logs`.

use super::Outcome;
use super::answer::text;
use super::ask::Conversation;
use super::out;
use super::typed::Typed;

/// How much is kept before it is written.
const ENOUGH: usize = 64 << 10;

/// Lines as they were written, whatever is in them: what a program writes is for its
/// reader, colours included. With the program's name in front where there are several.
/// The parts of a line that is too long for one are lines (LOG-3).
pub(super) fn logs(typed: &Typed, conversation: &mut Conversation) -> Outcome {
    conversation.answer()?;
    conversation.follow();
    let only = match typed.operands() {
        [only] => only.as_str(),
        _ => "",
    };
    let has_time = typed.has("timestamps");
    let mut lines = String::new();
    while let Some((_, line)) = conversation.next()? {
        if has_time {
            lines.push_str(text(&line, "time"));
            lines.push(' ');
        }
        let program = text(&line, "program");
        if program != only {
            lines.push_str(program);
            lines.push_str(" | ");
        }
        lines.push_str(text(&line, "message"));
        lines.push('\n');
        if lines.len() >= ENOUGH || !conversation.has_line() {
            out::write(&lines)?;
            lines.clear();
        }
    }
    out::write(&lines).map(|()| 0)
}
