//! The arguments of a small program: `--name value`, `--flag`, and what is left.
//!
//! What nobody asked for is an error with exit status 2: a test that misspells an
//! option must not pass.

use std::time::Duration;

use crate::{fail, signals};

/// The arguments that nobody has taken yet.
pub struct Arguments {
    program: String,
    left: Vec<String>,
}

impl Arguments {
    /// Those of this process.
    #[must_use]
    pub fn of_this_process() -> Self {
        Self::new(std::env::args().collect())
    }

    /// Those given, the name of the program first.
    #[must_use]
    pub fn new(mut arguments: Vec<String>) -> Self {
        let program = if arguments.is_empty() {
            String::new()
        } else {
            arguments.remove(0)
        };
        Arguments {
            program,
            left: arguments,
        }
    }

    /// What the program was called as, `argv[0]`.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.program
    }

    /// Takes `--name`; whether it was there.
    pub fn flag(&mut self, name: &str) -> bool {
        match self.position(name) {
            Some(at) => {
                self.left.remove(at);
                true
            }
            None => false,
        }
    }

    /// Takes `--name value`.
    pub fn value(&mut self, name: &str) -> Option<String> {
        let at = self.position(name)?;
        self.left.remove(at);
        if at >= self.left.len() {
            fail(2, &format!("{}: {name} wants a value", self.program));
        }
        Some(self.left.remove(at))
    }

    /// Takes `--name 500ms`, `--name 2s` or `--name 0.5`; `otherwise` when it is not there.
    pub fn duration(&mut self, name: &str, otherwise: Duration) -> Duration {
        match self.value(name) {
            Some(text) => duration(&text)
                .unwrap_or_else(|| self.refuse(&format!("{name}: {text} is no duration"))),
            None => otherwise,
        }
    }

    /// Takes `--name QUIT`; `otherwise` when it is not there.
    pub fn signal(&mut self, name: &str, otherwise: i32) -> i32 {
        match self.value(name) {
            Some(text) => signals::number(&text)
                .unwrap_or_else(|| self.refuse(&format!("{name}: {text} is no signal"))),
            None => otherwise,
        }
    }

    /// Takes `--name 7`; `otherwise` when it is not there.
    pub fn count(&mut self, name: &str, otherwise: u64) -> u64 {
        match self.value(name) {
            Some(text) => text
                .parse()
                .unwrap_or_else(|_| self.refuse(&format!("{name}: {text} is no number"))),
            None => otherwise,
        }
    }

    /// Takes the first argument that is left; `what` says what it should have been.
    pub fn first(&mut self, what: &str) -> String {
        if self.left.is_empty() {
            self.refuse(&format!("{what} is missing"));
        }
        self.left.remove(0)
    }

    /// Takes the first argument that is left, if any is.
    pub fn another(&mut self) -> Option<String> {
        (!self.left.is_empty()).then(|| self.left.remove(0))
    }

    /// Takes everything behind `--`: a command and its arguments.
    pub fn command(&mut self) -> Vec<String> {
        match self.left.iter().position(|argument| argument == "--") {
            Some(at) => self.left.split_off(at).split_off(1),
            None => self.refuse("-- COMMAND is missing"),
        }
    }

    /// Refuses what nobody took.
    pub fn finish(self) {
        if let Some(argument) = self.left.first() {
            self.refuse(&format!("does not know {argument}"));
        }
    }

    fn refuse(&self, why: &str) -> ! {
        fail(2, &format!("{}: {why}", self.program))
    }

    /// Where `name` is; what follows `--` belongs to somebody else.
    fn position(&self, name: &str) -> Option<usize> {
        self.left
            .iter()
            .take_while(|argument| *argument != "--")
            .position(|argument| argument == name)
    }
}

/// Reads `500ms`, `2s`, `1m`, `0.5`.
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "us" => 1e-6,
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" => 60.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(digits.parse::<f64>().ok()? * unit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(line: &str) -> Arguments {
        Arguments::new(line.split(' ').map(String::from).collect())
    }

    #[test]
    fn options_are_taken_wherever_they_stand() {
        let mut line = arguments("probe exit 3 --after 500ms --loud");
        assert_eq!(line.first("a verb"), "exit");
        assert!(line.flag("--loud"));
        assert_eq!(
            line.duration("--after", Duration::ZERO),
            Duration::from_millis(500)
        );
        assert_eq!(line.another().as_deref(), Some("3"));
        assert_eq!(line.another(), None);
    }

    #[test]
    fn what_follows_the_dashes_belongs_to_the_command() {
        let mut line = arguments("probe launch -- program --loud");
        assert!(!line.flag("--loud"));
        assert_eq!(line.command(), ["program", "--loud"]);
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, milliseconds) in [("500ms", 500), ("2s", 2000), ("0.5", 500), ("1m", 60_000)] {
            assert_eq!(duration(text), Some(Duration::from_millis(milliseconds)));
        }
        for text in ["", "ms", "-1s", "1 s", "1h"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
