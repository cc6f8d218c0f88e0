//! What happened: `events`.

use serde_json::Value;

use super::Outcome;
use super::answer::{list, text};
use super::ask::Conversation;
use super::out::Out;

/// A row for each, and then for each that comes.
pub(super) fn events(conversation: &mut Conversation, out: &mut Out) -> Outcome {
    let answer = conversation.answer()?;
    out.table.folds = true;
    list(&answer, "events")
        .iter()
        .for_each(|event| row(event, out));
    out.flush()?;
    // Without `-f` the connection ends here: nothing more was asked.
    conversation.follow();
    while let Some((_, line)) = conversation.next()? {
        if let Some(event) = line.get("event") {
            row(event, out);
        }
        if !conversation.has_line() {
            out.flush()?;
        }
    }
    out.end(0)
}

pub(super) fn row(event: &Value, out: &mut Out) {
    // As people write it, to the millisecond.
    let time = text(event, "time");
    out.put_clean(time.get(..10).unwrap_or_default());
    out.put(" ");
    out.put_clean(time.get(11..23).unwrap_or_default());
    out.put("\t");
    out.put_field("", event, "program");
    out.put("\t");
    out.put_field("", event, "from");
    out.put_field(" → ", event, "to");
    out.put("\t");
    out.put_field("", event, "text");
    out.put("\n");
}
