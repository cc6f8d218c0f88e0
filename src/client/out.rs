//! stdout and stderr of a command that somebody reads, or does not.
//!
//! What is put here is kept until it is shown. Cells have tabs between them, and a line
//! with tabs is a row of the only table ([`super::table`]); a line without is as it is.

use std::io::{IsTerminal, Write};

use serde_json::Value;

use super::Failure;
use super::table::{Table, push_broken};
use crate::linux::terminal;

/// stdout.
#[derive(Debug)]
pub(super) struct Out {
    text: String,
    pub(super) table: Table,
}

impl Out {
    pub(super) fn new() -> Out {
        let is_terminal = std::io::stdout().is_terminal();
        let width = terminal::columns().filter(|_| is_terminal);
        Out::of(width, has_colour())
    }

    /// That is so wide, if it is a terminal.
    pub(super) fn of(width: Option<usize>, has_colour: bool) -> Out {
        Out {
            text: String::new(),
            table: Table::new(width, has_colour),
        }
    }

    /// A part of a line, or cell, or several of them.
    pub(super) fn put(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// A text that comes from elsewhere, without anything that a terminal would act upon.
    pub(super) fn put_clean(&mut self, text: &str) {
        // Nor anything that shows what follows it from right to left.
        let shown = |c: char| match c {
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
            c if c.is_control() => '\u{fffd}',
            c => c,
        };
        self.text.extend(text.chars().map(shown));
    }

    /// A field that is a text or a whole number, with this in front of it; nothing where it
    /// is not there. Whether it is.
    pub(super) fn put_field(&mut self, before: &str, value: &Value, field: &str) -> bool {
        match value.get(field) {
            Some(Value::String(text)) if !text.is_empty() => {
                self.put(before);
                self.put_clean(text);
                true
            }
            Some(Value::Number(number)) => {
                self.put(before);
                self.put(&number.to_string());
                true
            }
            Some(_) | None => false,
        }
    }

    /// How much was put that is not shown.
    pub(super) fn length(&self) -> usize {
        self.text.len()
    }

    /// What will be shown of what was put.
    pub(super) fn take(&mut self) -> String {
        let text = std::mem::take(&mut self.text);
        self.table.align(&text)
    }

    /// Shows what was put so far.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        let text = self.take();
        write(&text)
    }

    /// The same at the end, with an exit status.
    pub(super) fn end(&mut self, code: u8) -> Result<u8, Failure> {
        self.flush().map(|()| code)
    }
}

/// Whether colours may be written on stdout.
pub(super) fn has_colour() -> bool {
    std::io::stdout().is_terminal() && terminal::welcomes_colour()
}

/// Writes on stdout at once.
pub(super) fn write(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout();
    let written = stdout.write_all(text.as_bytes());
    match written.and_then(|()| stdout.flush()) {
        Ok(()) => Ok(()),
        Err(_) => Err(Failure::Unread),
    }
}

/// Says on stderr what is wrong.
pub fn complain(text: &str) {
    let text = text.trim_end();
    let mut stderr = std::io::stderr();
    let width = terminal::columns().filter(|_| stderr.is_terminal());
    let mut lines = String::new();
    match width {
        // Several lines have their form already.
        Some(width) if !text.contains('\n') => push_broken(&mut lines, text, width),
        Some(_) | None => lines.push_str(text),
    }
    lines.push('\n');
    let _ = stderr.write_all(lines.as_bytes());
}
