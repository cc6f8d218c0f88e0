//! What programs have written: `logs`.

use serde_json::Value;

use super::Outcome;
use super::answer::{is, number, text};
use super::ask::Conversation;
use super::out;
use super::typed::Typed;
use crate::logs::format::prefix_of;

/// How much is kept before it is written.
const ENOUGH: usize = 64 << 10;

/// Lines as they were written, whatever is in them: what a program writes is for its
/// reader, colours included. With the program's name in front where there are several, as
/// the relay puts it there.
pub(super) fn logs(typed: &Typed, conversation: &mut Conversation) -> Outcome {
    conversation.answer()?;
    conversation.follow();
    let only = match typed.operands() {
        [only] => only.as_str(),
        _ => "",
    };
    let mut lines = Lines {
        only,
        has_time: typed.has("timestamps"),
        has_colour: out::has_colour(),
        text: String::new(),
        open: None,
    };
    while let Some((_, line)) = conversation.next()? {
        lines.push(&line);
        if lines.text.len() >= ENOUGH || !conversation.has_line() {
            out::write(&lines.text)?;
            lines.text.clear();
        }
    }
    lines.close();
    out::write(&lines.text).map(|()| 0)
}

struct Lines<'a> {
    /// Whose name need not be said.
    only: &'a str,
    has_time: bool,
    has_colour: bool,
    text: String,
    /// The part of a long line that was pushed last and goes on, if it does.
    open: Option<Value>,
}

impl Lines<'_> {
    /// The next line. The parts of a long one are put together again (LOG-3), unless
    /// another line came between them.
    fn push(&mut self, line: &Value) {
        let is_of_it = |before: &Value| {
            let same = |field| text(before, field) == text(line, field);
            let same_life = number(before, "pid") == number(line, "pid");
            same_life && same("program") && same("stream")
        };
        if !self.open.as_ref().is_some_and(is_of_it) {
            self.close();
            if self.has_time {
                self.text.push_str(text(line, "time"));
                self.text.push(' ');
            }
            let program = text(line, "program");
            if program != self.only {
                self.text.push_str(&prefix_of(program, self.has_colour));
            }
        }
        self.text.push_str(text(line, "message"));
        match is(line, "partial", true) {
            true => self.open = Some(line.clone()),
            false => {
                self.open = None;
                self.text.push('\n');
            }
        }
    }

    /// Nothing more comes of a line that goes on.
    fn close(&mut self) {
        if self.open.take().is_some() {
            self.text.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn log_3_the_parts_of_a_line_are_one_again_unless_another_came_between() {
        let part = |program, pid, message, partial| {
            json!({"time": "t", "program": program, "pid": pid, "stream": "stdout",
                "message": message, "partial": partial})
        };
        let mut lines = Lines {
            only: "",
            has_time: true,
            has_colour: false,
            text: String::new(),
            open: None,
        };
        for line in [
            part("a", 1, "one ", true),
            part("a", 1, "line", false),
            part("a", 1, "be", true),
            part("b", 2, "between", false),
            part("a", 1, "gun", true),
            // Its end did not come, another life began.
            part("a", 3, "new", true),
        ] {
            lines.push(&line);
        }
        lines.close();
        assert_eq!(
            lines.text,
            "t a | one line\nt a | be\nt b | between\nt a | gun\nt a | new\n"
        );
    }

    #[test]
    fn on_a_terminal_a_name_has_the_colour_that_the_relay_gives_it() {
        let mut lines = Lines {
            only: "",
            has_time: false,
            has_colour: true,
            text: String::new(),
            open: None,
        };
        lines.push(&json!({"program": "web", "message": "hello"}));
        assert_eq!(lines.text, prefix_of("web", true) + "hello\n");
    }
}
