//! Completions. What a shell gets is a few lines that ask lastout itself for the words
//! that may stand there, so that they are those of this lastout, and of its programs.

use std::ffi::OsString;
use std::time::Duration;

use super::ask::Conversation;
use super::verbs::{COMMANDS, Command, Operands, Opt};
use super::{Outcome, Typed, answer, out};
use crate::cli::LONG;
use crate::control::wire::{STATES, Verb};

/// The word by which shells ask: `lastout complete-words WORD... ""`, of which the last
/// is what is typed of the word to complete.
pub const WORD: &str = "complete-words";

/// How long somebody who presses a key waits for names.
const A_MOMENT: Duration = Duration::from_secs(1);

const SHELLS: [(&str, &str); 3] = [
    ("bash", include_str!("complete/lastout.bash")),
    ("zsh", include_str!("complete/lastout.zsh")),
    ("fish", include_str!("complete/lastout.fish")),
];

/// Prints what a shell is to read.
pub(super) fn script(typed: &Typed) -> Outcome {
    let shell = typed.operands().first().map_or("", String::as_str);
    match SHELLS.iter().find(|(name, _)| *name == shell) {
        Some((_, script)) => out::write(script).map(|()| 0),
        None => {
            let text = [
                "lastout: no completions for `",
                shell,
                "`; there are those for bash, zsh and fish",
            ]
            .concat();
            Err(super::Failure::Said(text, super::USAGE))
        }
    }
}

/// Prints the words that may stand where the last of these stands, one a line.
#[must_use]
pub fn words(typed: &[OsString]) -> u8 {
    let mut found = String::new();
    let typed: Vec<String> = typed
        .iter()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let (start, before) = match typed.split_last() {
        Some((start, before)) => (start.as_str(), before),
        None => ("", typed.as_slice()),
    };
    for word in candidates(start, before) {
        if word.starts_with(start) {
            found.extend([word.as_str(), "\n"]);
        }
    }
    out::write(&found).map_or(super::REFUSED, |()| 0)
}

fn candidates(start: &str, before: &[String]) -> Vec<String> {
    let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let commands = || COMMANDS.iter().map(|it| it.name.to_owned()).collect();
    let (command, rest) = match before.split_first() {
        None if start.starts_with('-') => {
            return LONG.iter().map(|long| ["--", long].concat()).collect();
        }
        Some((first, [])) if first == "help" => return commands(),
        None => return commands(),
        Some(split) => split,
    };
    let Some(command) = Command::named(command) else {
        return Vec::new();
    };
    let last = rest.last().map_or("", String::as_str);
    if let Some(opt) = option_of(command, last).filter(|opt| opt.value.is_some()) {
        return match opt.long {
            "for" => own(&STATES.map(|(name, _)| name)),
            _ => Vec::new(),
        };
    }
    if start.starts_with('-') {
        let options = command.all_options();
        return options.map(|opt| ["--", opt.long].concat()).collect();
    }
    match command.operands {
        Operands::Nothing => Vec::new(),
        Operands::Shell => own(&SHELLS.map(|(name, _)| name)),
        Operands::SignalAndPrograms if rest.iter().all(|word| word.starts_with('-')) => own(&[
            "HUP", "INT", "QUIT", "USR1", "USR2", "TERM", "STOP", "CONT", "KILL",
        ]),
        Operands::Programs | Operands::SomePrograms | Operands::SignalAndPrograms => {
            let mut names = programs(rest);
            names.push("all".to_owned());
            names
        }
    }
}

fn option_of(command: &'static Command, word: &str) -> Option<&'static Opt> {
    let mut options = command.all_options();
    match word.strip_prefix("--") {
        Some(long) => options.find(|opt| opt.long == long),
        None => {
            let letter = word.strip_prefix('-')?.chars().last();
            options.find(|opt| opt.short == letter)
        }
    }
}

/// The names of the programs of who answers; none where nobody does.
fn programs(rest: &[String]) -> Vec<String> {
    let place = rest.iter().position(|word| word == "--socket");
    let place = place.and_then(|at| rest.get(at + 1)).map(OsString::from);
    let ask = || {
        let mut conversation = Conversation::begin(place.as_ref(), A_MOMENT)?;
        conversation.ask(Verb::Status, "{\"verb\":\"status\"}\n", false);
        conversation.answer()
    };
    let status = ask().unwrap_or_default();
    let programs = answer::list(&status, "programs").iter();
    let names = programs.map(|program| answer::text(program, "name").to_owned());
    names.collect()
}
