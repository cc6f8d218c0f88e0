//! What happened: `events`.

use serde_json::Value;

use super::Outcome;
use super::answer::{list, text};
use super::ask::Conversation;
use super::out::Out;
use super::table::Notes;

/// A row for each, and then for each that comes.
pub(super) fn events(conversation: &mut Conversation, out: &mut Out) -> Outcome {
    let answer = conversation.answer()?;
    (out.table.notes, out.table.names) = (Notes::Below, 1);
    if out.put_field("", &answer, "left_out") {
        out.put(" older ones are left out; those of single programs are told by name\n");
    }
    let mut day = out.table.is_narrow().then(String::new);
    list(&answer, "events")
        .iter()
        .for_each(|event| row(event, &mut day, out));
    out.flush()?;
    // Without `-f` the connection ends here: nothing more was asked.
    conversation.follow();
    while let Some((_, line)) = conversation.next()? {
        if let Some(event) = line.get("event") {
            row(event, &mut day, out);
        }
        if !conversation.has_line() {
            out.flush()?;
        }
    }
    out.end(0)
}

/// A row. `day`: the one that was shown last, where it stands above the rows for want of
/// room.
pub(super) fn row(event: &Value, day: &mut Option<String>, out: &mut Out) {
    // As people write it, to the millisecond.
    let time = text(event, "time");
    let (date, time) = (time.get(..10), time.get(11..23));
    let date = date.unwrap_or_default();
    match day {
        None => {
            out.put_clean(date);
            out.put(" ");
        }
        Some(day) if day == date => {}
        Some(day) => {
            out.put_clean(date);
            out.put("\n");
            date.clone_into(day);
        }
    }
    out.put_clean(time.unwrap_or_default());
    out.put("\t");
    out.put_field("", event, "program");
    out.put("\t");
    out.put_field("", event, "from");
    out.put_field(" → ", event, "to");
    out.put("\t");
    out.put_field("", event, "text");
    out.put("\n");
}
