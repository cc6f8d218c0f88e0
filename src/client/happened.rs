//! What happened: `events`.

use serde_json::Value;

use super::Outcome;
use super::answer::{list, text};
use super::ask::Conversation;
use super::out::Out;
use super::table::Table;

/// How wide the columns of what follows are at least.
#[derive(Default)]
pub(super) struct Widths {
    program: usize,
    change: usize,
}

/// A line for each, and then for each that comes.
pub(super) fn events(conversation: &mut Conversation, out: &mut Out) -> Outcome {
    let answer = conversation.answer()?;
    let mut widths = write(list(&answer, "events"), out);
    out.flush()?;
    // Without `-f` the connection ends here: nothing more was asked.
    conversation.follow();
    while let Some((_, line)) = conversation.next()? {
        if let Some(event) = line.get("event") {
            widths.learn(event);
            widths.say(event, out);
        }
        if !conversation.has_line() {
            out.flush()?;
        }
    }
    out.end(0)
}

/// Lines in columns that are as wide as these events need.
pub(super) fn write(events: &[Value], out: &mut Out) -> Widths {
    let mut widths = Widths::default();
    for event in events {
        widths.learn(event);
    }
    for event in events {
        widths.say(event, out);
    }
    widths
}

impl Widths {
    fn learn(&mut self, event: &Value) {
        let width = |text: String| text.chars().count();
        self.program = self.program.max(width(text(event, "program")));
        self.change = self.change.max(width(change(event)));
    }

    fn say(&self, event: &Value, out: &mut Out) {
        let pad = |text: String, width: usize| format!("{text:width$}");
        let mut table = Table::new(&[], &[]).folding();
        table.add(vec![
            time(event),
            pad(text(event, "program"), self.program),
            pad(change(event), self.change),
            text(event, "text"),
        ]);
        table.write(out);
    }
}

/// As people write it, to the millisecond.
fn time(event: &Value) -> String {
    let time = text(event, "time");
    let short = time.get(..23).unwrap_or(&time);
    short.replacen('T', " ", 1)
}

fn change(event: &Value) -> String {
    let (from, to) = (text(event, "from"), text(event, "to"));
    match to.is_empty() {
        true => String::new(),
        false => format!("{from} → {to}"),
    }
}
