//! stdout and stderr of a command that somebody reads, or does not.

use std::io::{IsTerminal, Write};

use super::Failure;
use crate::linux::terminal;

/// How much is kept before it is written.
const ENOUGH: usize = 64 << 10;

/// stdout.
#[derive(Debug)]
pub(super) struct Out {
    text: Vec<u8>,
    /// How many columns it has; `None`: it is no terminal, and nothing is cut.
    pub(super) width: Option<usize>,
    /// Whether there may be colours in it.
    pub(super) has_colour: bool,
}

impl Out {
    pub(super) fn new() -> Out {
        let is_terminal = std::io::stdout().is_terminal();
        Out {
            text: Vec::new(),
            width: terminal::columns().filter(|_| is_terminal),
            has_colour: is_terminal && terminal::welcomes_colour(),
        }
    }

    #[cfg(test)]
    pub(super) fn for_tests(width: Option<usize>, has_colour: bool) -> Out {
        Out {
            text: Vec::new(),
            width,
            has_colour,
        }
    }

    /// What was said and not written yet.
    #[cfg(test)]
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.text).into_owned()
    }

    /// A line.
    pub(super) fn say(&mut self, line: &str) {
        self.write(line);
        self.write("\n");
    }

    /// A line as far as the terminal has room for it.
    pub(super) fn cut(&self, line: &str) -> String {
        match self.width {
            Some(width) if line.chars().count() > width => {
                let room = width.saturating_sub(1);
                line.chars().take(room).chain(['…']).collect()
            }
            Some(_) | None => line.to_owned(),
        }
    }

    /// What may be less or more than a line.
    pub(super) fn write(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
    }

    /// Whether it is time to write it.
    pub(super) fn is_full(&self) -> bool {
        self.text.len() >= ENOUGH
    }

    /// Writes what was said so far.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        let mut stdout = std::io::stdout();
        let written = stdout
            .write_all(&self.text)
            .and_then(|()| stdout.flush())
            .map_err(|_| Failure::Unread);
        self.text.clear();
        written
    }

    /// The same at the end, with an exit status.
    pub(super) fn end(&mut self, code: u8) -> Result<u8, Failure> {
        self.flush().map(|()| code)
    }
}

/// Says on stderr what is wrong.
pub(super) fn complain(text: &str) {
    let _ = std::io::stderr().write_all(format!("{}\n", text.trim_end()).as_bytes());
}
