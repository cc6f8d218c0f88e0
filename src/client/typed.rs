//! What was typed behind a first word, and what is wrong with it; and its help.

use std::ffi::OsString;

use lastout_core::Signal;
use lexopt::{Arg, Parser};
use serde_json::{Map, Value};

use super::verbs::{COMMANDS, Command, Group, HELP, Operands, Opt, Says};
use crate::cli::odd_text;
use crate::config::{nearest, parse_duration};
use crate::control::wire::{Field, STATES, Verb};

/// A command and what it is to be done with.
#[derive(Debug)]
pub struct Typed {
    /// The first word.
    pub command: &'static Command,
    /// Whether help is all that is wanted.
    pub wants_help: bool,
    operands: Vec<String>,
    options: Vec<(&'static Opt, OsString)>,
}

impl Typed {
    /// Reads what stands behind the first word.
    ///
    /// # Errors
    /// What is wrong with it, in a line.
    pub fn read(command: &'static Command, words: &[OsString]) -> Result<Typed, String> {
        let mut typed = Typed {
            command,
            wants_help: false,
            operands: Vec::new(),
            options: Vec::new(),
        };
        let mut words = Parser::from_args(words);
        while let Some(word) = words.next().map_err(odd_text)? {
            let opt = match &word {
                Arg::Value(value) => {
                    typed.operands.push(value.to_string_lossy().into_owned());
                    continue;
                }
                Arg::Long(name) => command.all_options().find(|opt| opt.long == *name),
                Arg::Short(letter) => {
                    let mut options = command.all_options();
                    options.find(|opt| opt.short == Some(*letter))
                }
            };
            match opt {
                Some(opt) => typed.take(opt, &mut words)?,
                None => return Err(not_taken(command, &word)),
            }
        }
        if !typed.wants_help {
            typed.check_operands()?;
        }
        Ok(typed)
    }

    fn take(&mut self, opt: &'static Opt, words: &mut Parser) -> Result<(), String> {
        let long = opt.long;
        let mut value = OsString::new();
        if let Some(name) = opt.value {
            let missing = || format!("`--{long}` needs a value: `--{long} {name}`");
            let given = words.value().ok().filter(|value| !value.is_empty());
            value = given.ok_or_else(missing)?;
        }
        if let Says::Value(field) = opt.says {
            let text = value.to_string_lossy();
            if !fits(field, &text) {
                let wanted = field.wanted();
                return Err(format!(
                    "invalid value `{text}` for `--{long}`: expected {wanted}"
                ));
            }
        }
        self.wants_help |= *opt == HELP;
        self.options.retain(|(known, _)| *known != opt);
        self.options.push((opt, value));
        Ok(())
    }

    fn check_operands(&self) -> Result<(), String> {
        let Command { name, operands, .. } = self.command;
        let example = || format!("`lastout {name}{}`", operands.shown());
        match (operands, self.operands.as_slice()) {
            (Operands::Nothing, [word, ..]) if *name == "check" => Err(format!(
                "`{name}` does not take `{word}`; a file goes after `--config`"
            )),
            (Operands::Nothing, [word, ..]) | (Operands::Shell, [_, word, ..]) => {
                Err(format!("`{name}` does not take `{word}`"))
            }
            (Operands::SomePrograms, []) => Err(format!(
                "`{name}` needs a program: {}; `all` for all of them",
                example()
            )),
            (Operands::SignalAndPrograms, [] | [_]) => Err(format!(
                "`{name}` needs a signal and a program: {}",
                example()
            )),
            (Operands::SignalAndPrograms, [word, ..]) if !fits(Field::Signal, word) => {
                Err(format!(
                    "invalid signal `{word}`: expected {}, in {}",
                    Field::Signal.wanted(),
                    example()
                ))
            }
            (Operands::Shell, []) => Err(format!("`{name}` needs a shell: {}", example())),
            (
                Operands::Nothing
                | Operands::Programs
                | Operands::SomePrograms
                | Operands::SignalAndPrograms
                | Operands::Shell,
                _,
            ) => Ok(()),
        }
    }

    /// What stands behind it beside options.
    #[must_use]
    pub fn operands(&self) -> &[String] {
        &self.operands
    }

    /// The value of an option, empty where it has none; `None`: it was not given.
    #[must_use]
    pub fn option(&self, long: &str) -> Option<&OsString> {
        let mut options = self.options.iter();
        options
            .find(|(opt, _)| opt.long == long)
            .map(|(_, value)| value)
    }

    /// Whether an option was given.
    #[must_use]
    pub fn has(&self, long: &str) -> bool {
        self.option(long).is_some()
    }

    /// What it asks of a running lastout; `None`: nothing.
    fn verb(&self) -> Option<Verb> {
        match self.command.group {
            Group::Alone => None,
            Group::Ask | Group::Act => match Verb::named(self.command.name) {
                Some(Verb::Reload) if !self.operands.is_empty() => Some(Verb::ReloadPrograms),
                verb => verb,
            },
        }
    }

    /// Its request, and the request's line; `None`: it is not about a running lastout.
    ///
    /// # Errors
    /// What is wrong with it, in a line.
    pub fn request(&self) -> Result<Option<(Verb, String)>, String> {
        let Some(verb) = self.verb() else {
            return Ok(None);
        };
        let mut line = Map::new();
        line.insert("verb".to_owned(), verb.name().into());
        let mut put = |field: Field, value: Value| line.insert(field.name().to_owned(), value);
        for (opt, value) in &self.options {
            let (field, value) = match opt.says {
                Says::Nothing => continue,
                // Both are what is asked for without one.
                Says::Word(Field::Stream, _) if self.has("stdout") && self.has("stderr") => {
                    continue;
                }
                Says::Flag(field, is_set) => (field, Value::Bool(is_set)),
                Says::Word(field, word) => (field, word.into()),
                Says::Value(field) => (field, value_of(&value.to_string_lossy())),
            };
            if !verb.fields().contains(&field) {
                let (name, long) = (self.command.name, opt.long);
                let besides = match self.operands.is_empty() {
                    true => "without the name of a program",
                    false => "with the name of a program",
                };
                return Err(format!("`{name}` does not take `--{long}` {besides}"));
            }
            put(field, value);
        }
        if verb == Verb::Wait && !self.has("for") {
            let states = Field::For.wanted();
            return Err(format!("`wait` needs `--for` and one of {states}"));
        }
        let is_waited_for = !self.has("no-wait") && !self.has("json");
        if is_waited_for && verb.fields().contains(&Field::Each) {
            put(Field::Each, Value::Bool(true));
        }
        let mut names = self.operands.as_slice();
        if let (Verb::Signal, [signal, rest @ ..]) = (verb, names) {
            put(Field::Signal, signal.as_str().into());
            names = rest;
        }
        if !names.is_empty() {
            put(Field::Programs, names.to_vec().into());
        }
        Ok(Some((verb, format!("{}\n", Value::Object(line)))))
    }
}

/// An option that a command does not have.
fn not_taken(command: &'static Command, word: &Arg<'_>) -> String {
    let name = command.name;
    match word {
        Arg::Short(letter) => format!("`{name}` does not take `-{letter}`"),
        Arg::Value(_) => format!("`{name}` takes no more"),
        Arg::Long(long) => {
            let mut known = command.all_options().map(|opt| opt.long);
            let near = nearest(long, &mut known);
            let near = near.map_or_else(String::new, |near| format!("; did you mean `--{near}`?"));
            format!("`{name}` does not take `--{long}`{near}")
        }
    }
}

/// Whether a text is what a field's value is to be.
fn fits(field: Field, text: &str) -> bool {
    match field {
        Field::Timeout => parse_duration(text).is_ok(),
        Field::Lines => text.parse::<u32>().is_ok(),
        Field::Code => text.parse::<u8>().is_ok(),
        Field::For => STATES.iter().any(|(name, _)| *name == text),
        Field::Signal => text.parse::<Signal>().is_ok(),
        Field::Programs
        | Field::Wait
        | Field::Each
        | Field::Scope
        | Field::DryRun
        | Field::Stream
        | Field::Follow => true,
    }
}

/// A number as a number, and everything else as a text.
fn value_of(text: &str) -> Value {
    text.parse::<u32>()
        .map_or_else(|_| text.into(), Value::from)
}

/// The help of a command.
#[must_use]
pub fn help(command: &'static Command) -> String {
    let Command { name, about, .. } = command;
    let operands = command.operands.shown();
    let mut text = format!("{about}\n\nUsage: lastout {name}{operands} [OPTIONS]\n\nOptions:\n");
    let options: Vec<(String, &str)> = command
        .all_options()
        .map(|opt| (opt.shown(), opt.about))
        .collect();
    list(&mut text, &options);
    text.push_str(match command.operands {
        Operands::Programs | Operands::SomePrograms | Operands::SignalAndPrograms => {
            "\nNAME is a program, an instance (web:2), a pattern (web*), or all.\n"
        }
        Operands::Nothing | Operands::Shell => "",
    });
    text
}

/// The part of `lastout --help` that lists the commands.
#[must_use]
pub fn overview() -> String {
    let mut text = String::new();
    for (group, title) in [
        (Group::Ask, "Ask a running lastout:"),
        (Group::Act, "Have a running lastout do something:"),
        (Group::Alone, "Without one:"),
    ] {
        text.push_str(title);
        text.push('\n');
        let commands = COMMANDS.iter().filter(|command| command.group == group);
        let commands: Vec<(String, &str)> = commands
            .map(|command| (command.name.to_owned(), command.about))
            .collect();
        list(&mut text, &commands);
        text.push('\n');
    }
    text.push_str("`lastout SUBCOMMAND --help` has more of each.\n");
    text
}

fn list(text: &mut String, entries: &[(String, &str)]) {
    let widest = entries
        .iter()
        .map(|(left, _)| left.len())
        .max()
        .unwrap_or(0);
    for (left, right) in entries {
        text.push_str(&format!("  {left:widest$}  {right}\n"));
    }
}

impl Opt {
    /// As help shows it.
    #[must_use]
    pub fn shown(&self) -> String {
        let short = self
            .short
            .map_or_else(|| "    ".into(), |c| format!("-{c}, "));
        let value = self
            .value
            .map_or_else(String::new, |value| format!(" {value}"));
        format!("{short}--{}{value}", self.long)
    }
}
