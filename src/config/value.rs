//! A key's value into what it means, or what is wrong with it.
//!
//! One function a type. None of them looks at anything but the value.

use std::fmt::Display;
use std::time::Duration;

use lastout_core::{Autorestart, Retries, Signal};

use super::duration::{self, parse_duration};
use super::expand::Variables;
use super::problem::Problem;
use super::size::parse_size;
use super::text::{Files, quoted};
use super::tree::{self, Entry, Node, Value};
use crate::plan::UserSpec;

/// A key that is set, and where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    /// The table as it is written: `[program.web]`.
    pub(super) section: &'a str,
    /// The key that it is a part of, if it is one of a key's own table.
    outer: Option<&'a str>,
    pub(super) name: &'a str,
    pub(super) node: &'a Node,
}

impl<'a> Field<'a> {
    /// The field of an entry.
    pub(super) fn new(section: &'a str, entry: &'a Entry) -> Field<'a> {
        Field {
            section,
            outer: None,
            name: &entry.name,
            node: &entry.node,
        }
    }

    /// The field of an entry of this key's own table.
    pub(super) fn inner(self, entry: &'a Entry) -> Field<'a> {
        Field {
            section: self.section,
            outer: Some(self.name),
            name: &entry.name,
            node: &entry.node,
        }
    }

    /// One of this key's own table, if it is one and has that.
    pub(super) fn get(self, name: &str) -> Option<Field<'a>> {
        let Value::Table(table) = &self.node.value else {
            return None;
        };
        tree::get(table, name).map(|entry| self.inner(entry))
    }

    /// The same key, but a part of its value.
    pub(super) fn part(self, node: &'a Node) -> Field<'a> {
        Field { node, ..self }
    }

    /// Something is wrong with the value.
    pub(super) fn wrong(&self, message: impl Display) -> Problem {
        self.told(&message)
    }

    fn told(&self, message: &dyn Display) -> Problem {
        let name = match self.outer {
            Some(outer) => &format!("{outer}.{}", self.name),
            None => self.name,
        };
        Problem::at(
            self.node.place,
            format_args!("{} in {}: {message}", quoted(name), self.section),
        )
    }

    /// The value is of another type.
    pub(super) fn expected(&self, what: &str) -> Problem {
        let kind = self.node.value.kind();
        self.wrong(format_args!("expected {what}, found {kind}"))
    }

    pub(super) fn string(&self, what: &str) -> Result<&'a str, Problem> {
        self.node.value.string().ok_or_else(|| self.expected(what))
    }

    /// A string with its variables replaced.
    pub(super) fn expanded(
        &self,
        what: &str,
        variables: &Variables<'_>,
        files: &Files,
    ) -> Result<Vec<u8>, Problem> {
        self.expand(self.string(what)?, variables, files)
    }

    /// A part of this string with its variables replaced. A NUL is refused: no argument,
    /// no path and no variable can hold one.
    pub(super) fn expand(
        &self,
        text: &str,
        variables: &Variables<'_>,
        files: &Files,
    ) -> Result<Vec<u8>, Problem> {
        let bytes = variables.expand(text).map_err(|wrong| {
            let place = files.find_within(self.node.place, &wrong.culprit);
            let problem = self.wrong(wrong.message).note(wrong.hint);
            problem.moved_to(place)
        })?;
        match bytes.contains(&0) {
            true => Err(self.wrong("a NUL byte cannot be passed on")),
            false => Ok(bytes),
        }
    }

    pub(super) fn boolean(&self) -> Result<bool, Problem> {
        let Value::Boolean(value) = self.node.value else {
            return Err(self.expected("true or false"));
        };
        Ok(value)
    }

    pub(super) fn duration(&self) -> Result<Duration, Problem> {
        let value = &self.node.value;
        let duration = if let Value::Integer(Some(n)) = value {
            parse_duration(&n.to_string())
        } else if let Value::Integer(None) = value {
            Err("longer than 100 years".to_owned())
        } else if let Value::Float(seconds) = value {
            duration::from_seconds(seconds)
        } else if let Value::String(text) = value {
            parse_duration(text)
        } else {
            return Err(self.expected("a duration").note(duration::FORMS));
        };
        duration.map_err(|why| self.wrong(why).note(duration::FORMS))
    }

    /// A duration that is not zero.
    pub(super) fn some_time(&self) -> Result<Duration, Problem> {
        match self.duration()? {
            Duration::ZERO => Err(self.wrong("it must be longer than 0")),
            duration => Ok(duration),
        }
    }

    /// An integer in bounds that are those of a smaller type.
    pub(super) fn small_integer<T: TryFrom<i64>>(&self, low: i64, high: i64) -> Result<T, Problem> {
        let number = self.integer(low, high)?;
        T::try_from(number).map_err(|_| self.wrong("out of range"))
    }

    /// An integer in bounds.
    pub(super) fn integer(&self, low: i64, high: i64) -> Result<i64, Problem> {
        let bounds = format!("from {low} to {high}");
        let Value::Integer(number) = self.node.value else {
            return Err(self.expected("an integer").note(bounds));
        };
        let number = number.filter(|n| (low..=high).contains(n));
        number.ok_or_else(|| self.wrong("out of range").note(bounds))
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T, Problem> {
        self.choice_or(choices, "")
    }

    /// One of a few words, where `or` is what else is valid.
    pub(super) fn choice_or<T: Copy>(&self, choices: &[(&str, T)], or: &str) -> Result<T, Problem> {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let number = self.word(&words, or)?;
        let choice = choices.get(number).map(|(_, value)| *value);
        choice.ok_or_else(|| self.expected("a word"))
    }

    /// The number of a word.
    fn word(&self, words: &[&str], or: &str) -> Result<usize, Problem> {
        let valid = format!("valid: \"{}\"{or}", words.join("\", \""));
        let Value::String(text) = &self.node.value else {
            return Err(self.expected("a string").note(valid));
        };
        let found = words.iter().position(|word| word == text);
        found.ok_or_else(|| {
            self.wrong(format_args!("unknown value {}", quoted(text)))
                .note(valid)
                .nearest(text, words.iter().copied())
        })
    }

    pub(super) fn signal(&self) -> Result<Signal, Problem> {
        if let Value::Integer(n) = self.node.value {
            let number = n.and_then(|n| i32::try_from(n).ok());
            let signal = number.and_then(Signal::new);
            return signal.ok_or_else(|| self.wrong("no such signal").note("numbers are 1 to 64"));
        }
        let Some(name) = self.node.value.string() else {
            return Err(self.expected("a signal").note(SIGNAL_FORMS));
        };
        name.parse().map_err(|_| {
            not_a_signal(
                self.wrong(format_args!("unknown signal {}", quoted(name))),
                name,
            )
        })
    }

    pub(super) fn umask(&self) -> Result<u32, Problem> {
        let hint = "an octal string from \"000\" to \"777\", as \"022\"";
        self.octal("not a file mode creation mask", hint)
    }

    /// The permissions of a file that lastout itself writes to.
    pub(super) fn file_mode(&self) -> Result<u32, Problem> {
        let hint = "an octal string from \"000\" to \"777\", as \"0640\"";
        match self.octal("not a file mode", hint)? {
            mode if mode & 0o200 == 0 => Err(self
                .wrong("its owner could not write to it")
                .note("lastout is its owner, as \"0640\" lets it")),
            mode => Ok(mode),
        }
    }

    /// An octal string.
    fn octal(&self, wrong: &str, hint: &str) -> Result<u32, Problem> {
        let text = self.string("a string").map_err(|p| p.note(hint))?;
        let digits = text.strip_prefix("0o").unwrap_or(text);
        let is_octal = !digits.is_empty() && digits.bytes().all(|b| (b'0'..=b'7').contains(&b));
        let mode = u32::from_str_radix(digits, 8).ok();
        mode.filter(|mode| is_octal && *mode <= 0o777)
            .ok_or_else(|| self.wrong(wrong).note(hint))
    }

    /// A number of bytes.
    pub(super) fn size(&self) -> Result<u64, Problem> {
        let hint = "a number of bytes, or a string as \"64KiB\" or \"50MB\"";
        let size = if let Value::Integer(number) = &self.node.value {
            number.and_then(|n| u64::try_from(n).ok())
        } else if let Value::String(text) = &self.node.value {
            parse_size(text)
        } else {
            return Err(self.expected("a size").note(hint));
        };
        size.ok_or_else(|| self.wrong("not a size").note(hint))
    }

    pub(super) fn exitcodes(&self) -> Result<Vec<u8>, Problem> {
        let Value::Array(items) = &self.node.value else {
            let problem = self.expected("an array of exit codes");
            return Err(problem.note("as [0, 2]; codes are 0 to 255"));
        };
        let mut set = [false; 256];
        for item in items {
            let code: u8 = self.part(item).small_integer(0, 255)?;
            if let Some(is_set) = set.get_mut(usize::from(code)) {
                *is_set = true;
            }
        }
        let codes = (0..=u8::MAX).zip(set);
        Ok(codes
            .filter(|(_, is_set)| *is_set)
            .map(|(code, _)| code)
            .collect())
    }

    pub(super) fn retries(&self) -> Result<Retries, Problem> {
        if let Some(word) = self.node.value.string() {
            let unknown = || self.wrong(format_args!("unknown value {}", quoted(word)));
            return match word {
                "infinite" => Ok(Retries::Infinite),
                word => Err(unknown().note(RETRIES).nearest(word, ["infinite"])),
            };
        }
        let Value::Integer(number) = self.node.value else {
            return Err(self.expected("an integer or \"infinite\"").note(RETRIES));
        };
        let number = number.and_then(|n| u32::try_from(n).ok());
        let number = number.ok_or_else(|| self.wrong("out of range").note(RETRIES))?;
        Ok(Retries::AtMost(number))
    }

    pub(super) fn autorestart(&self) -> Result<Autorestart, Problem> {
        if let Value::Boolean(always) = self.node.value {
            return Ok(match always {
                true => Autorestart::Always,
                false => Autorestart::Never,
            });
        }
        let choices = [
            ("always", Autorestart::Always),
            ("unexpected", Autorestart::Unexpected),
            ("never", Autorestart::Never),
        ];
        self.choice_or(&choices, ", true, false")
    }

    /// A user and perhaps a group, of which the syntax is checked.
    pub(super) fn user(&self, text: &str) -> Result<UserSpec, Problem> {
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (text, None),
        };
        for (what, name) in [("user", Some(user)), ("group", group)] {
            if let Some(why) = name.and_then(wrong_name) {
                let problem = self.wrong(format_args!("the {what} {why}"));
                return Err(
                    problem.note("the forms are \"name\", \"uid\", \"name:group\", \"uid:gid\"")
                );
            }
        }
        Ok(UserSpec {
            user: user.to_owned(),
            group: group.map(str::to_owned),
        })
    }
}

/// What a signal looks like, for messages.
const SIGNAL_FORMS: &str = "a name with or without SIG (\"TERM\", \"RTMIN+3\") or a number";

const RETRIES: &str = "an integer of at least 0, or \"infinite\"";

/// Says what a signal looks like, and which one was probably meant.
pub(super) fn not_a_signal(problem: Problem, name: &str) -> Problem {
    let upper = name.to_ascii_uppercase();
    let names: Vec<String> = Signal::all().map(|s| s.to_string()).collect();
    let short = names.iter().map(|n| n.strip_prefix("SIG").unwrap_or(n));
    let problem = problem.note(SIGNAL_FORMS);
    match upper.starts_with("SIG") {
        true => problem.nearest(&upper, names.iter().map(String::as_str)),
        false => problem.nearest(&upper, short),
    }
}

/// Whether a user or group is given by its number.
pub(super) fn is_numeric(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit())
}

/// Why it can be nobody's name or number.
pub(super) fn wrong_name(name: &str) -> Option<String> {
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, ':' | '/' | ',');
    if name.is_empty() {
        Some("is empty".to_owned())
    } else if is_numeric(name) {
        // The last number means "no change" to the kernel (setresuid(2)).
        let is_id = name.parse::<u32>().is_ok_and(|id| id != u32::MAX);
        (!is_id).then(|| format!("{} is out of range", quoted(name)))
    } else {
        let is_wrong = name.starts_with('-') || name.contains(is_odd);
        is_wrong.then(|| format!("{} is not a name", quoted(name)))
    }
}
