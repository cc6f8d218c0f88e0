//! A plan in words, for `lastout check`: what would run, in the order of its start.
//!
//! At most 80 columns wide. Values of the environment are not shown: some are secret.

use std::ffi::{CStr, CString};

use lastout_core::{
    Autorestart, EndPolicy, Leftovers, Meaning, ProgramSpec, Retries, Scope, Signal, SignalTable,
};

use super::text::printable;
use super::{Loaded, LogFormat, format_duration};
use crate::plan::{Launch, Stdin};

const WIDTH: usize = 80;

/// Where the second column begins.
const INDENT: usize = 14;

/// What would run, in the order of its start, and then the warnings. Ends with a newline.
#[must_use]
pub fn explain(loaded: &Loaded) -> String {
    let spec = &loaded.plan.spec;
    let mut page = Page::default();
    let count = spec.programs.len();
    let programs = if count == 1 { "program" } else { "programs" };
    let file = printable(&loaded.path.to_string_lossy());
    page.line(&format!(
        "{file}: {count} {programs}, in the order of their start"
    ));
    let mut order: Vec<(&ProgramSpec, &Launch)> =
        spec.programs.iter().zip(&loaded.plan.launches).collect();
    // Stable: among equals the order of the file. The command comes when all are up.
    let main = spec.main.and_then(|id| spec.programs.get(id.0 as usize));
    let main = main.map(|program| program.name.as_str());
    order.sort_by_key(|(program, _)| (Some(program.name.as_str()) == main, program.priority));
    for (program, launch) in order {
        page.program(program, launch, Some(program.name.as_str()) == main);
    }
    page.line("");
    page.line("lastout");
    if let Some(stop_timeout) = spec.stop_timeout {
        page.row(
            "shutdown",
            &format!("within {}", format_duration(stop_timeout)),
        );
    }
    page.row("signals", &signals(&spec.signals, &spec.programs));
    let format = match loaded.log_format {
        LogFormat::Text => "text",
        LogFormat::Json => "json",
    };
    let level = loaded.log_level.as_str().to_ascii_lowercase();
    page.row("log", &format!("{level}, as {format}"));
    if !loaded.plan.warnings.is_empty() {
        page.line("");
    }
    for warning in &loaded.plan.warnings {
        page.wrapped("warning: ", warning);
    }
    page.0
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, text: &str) {
        self.0.push_str(text.trim_end());
        self.0.push('\n');
    }

    fn row(&mut self, name: &str, text: &str) {
        self.wrapped(&format!("  {name:<width$}", width = INDENT - 2), text);
    }

    /// A text broken at its blanks; what has no blanks for a whole line runs over.
    fn wrapped(&mut self, start: &str, text: &str) {
        let indent = " ".repeat(start.chars().count());
        let mut line = start.to_owned();
        let mut is_empty = true;
        for word in text.split(' ') {
            let long = line.chars().count() + 1 + word.chars().count() > WIDTH;
            if long && !is_empty {
                self.line(&line);
                line.clone_from(&indent);
                is_empty = true;
            }
            if !is_empty {
                line.push(' ');
            }
            line.push_str(word);
            is_empty = false;
        }
        self.line(&line);
    }

    fn program(&mut self, program: &ProgramSpec, launch: &Launch, is_main: bool) {
        self.line("");
        let name = &program.name;
        self.line(&match (is_main, program.autostart) {
            (true, _) => format!("{name} (the command, when all are up; its end is the end)"),
            (false, true) => name.clone(),
            (false, false) => format!("{name} (not by itself)"),
        });
        self.row("command", &command(&launch.argv));
        if let Some(directory) = &launch.directory {
            self.row("directory", &printable(&directory.to_string_lossy()));
        }
        if let Some(user) = &launch.user {
            let group = user.group.iter().map(|group| format!(":{group}"));
            let group: String = group.collect();
            self.row("user", &printable(&format!("{}{group}", user.user)));
        }
        if let Some(umask) = launch.umask {
            self.row("umask", &format!("{umask:03o}"));
        }
        if launch.stdin == Stdin::Inherit && !is_main {
            self.row("stdin", "lastout's");
        }
        if !is_main {
            self.row("start", &start(program));
            self.row("restart", &restart(program));
            self.row("its end", &end(program));
        }
        self.row("stop", &stop(program));
    }
}

fn start(program: &ProgramSpec) -> String {
    let up = match program.startsecs.is_zero() {
        true => "up at once".to_owned(),
        false => format!("up after {}", format_duration(program.startsecs)),
    };
    let retries = match program.startretries {
        Retries::AtMost(1) => "1 retry".to_owned(),
        Retries::AtMost(n) => format!("{n} retries"),
        Retries::Infinite => "retried without end".to_owned(),
    };
    let pauses = [program.backoff, program.backoff_max].map(format_duration);
    let [backoff, backoff_max] = pauses;
    format!(
        "priority {}; {up}; {retries}, pauses of {backoff} to {backoff_max}",
        program.priority
    )
}

fn restart(program: &ProgramSpec) -> String {
    let codes: Vec<String> = program.exitcodes.iter().map(u8::to_string).collect();
    match program.autorestart {
        Autorestart::Always => "always".to_owned(),
        Autorestart::Never => "never".to_owned(),
        Autorestart::Unexpected if codes.is_empty() => "after every end".to_owned(),
        Autorestart::Unexpected => format!("unless it exits with {}", codes.join(" or ")),
    }
}

fn end(program: &ProgramSpec) -> String {
    let policy = |policy| match policy {
        EndPolicy::Ignore => "the container goes on",
        EndPolicy::Shutdown => "the container ends",
    };
    let (good, bad) = (policy(program.on_success), policy(program.on_failure));
    match good == bad {
        true => format!("for good: {good}"),
        false => format!("well: {good}; badly: {bad}"),
    }
}

fn stop(program: &ProgramSpec) -> String {
    let scope = match program.stop_scope {
        Scope::Leader => "it",
        Scope::Group => "its process group",
        Scope::Tree => "all of its processes",
    };
    let signal = program.stopsignal;
    let time = match program.stopwaitsecs {
        Some(time) => format!("killed after {}", format_duration(time)),
        None => "killed only at the end of the shutdown".to_owned(),
    };
    let leftovers = match program.leftovers {
        Leftovers::Stop => "",
        Leftovers::Keep => "; what it leaves behind is kept",
    };
    format!("{signal} to {scope}, {time}{leftovers}")
}

fn signals(table: &SignalTable, programs: &[ProgramSpec]) -> String {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for signal in Signal::all() {
        let meaning = match table.meaning(signal) {
            Meaning::Shutdown => "shutdown".to_owned(),
            Meaning::Reload => "reload".to_owned(),
            Meaning::ReloadProgram(program) => {
                let program = programs.get(program.0 as usize);
                format!("reload:{}", program.map_or("", |p| p.name.as_str()))
            }
            Meaning::ReopenLogs => "reopen-logs".to_owned(),
            Meaning::LogState => "log-state".to_owned(),
            Meaning::Forward(forward) => {
                let program = programs.get(forward.program.0 as usize);
                format!("forward:{}", program.map_or("", |p| p.name.as_str()))
            }
            Meaning::Ignore | Meaning::IgnoreSilently => continue,
        };
        let signal = signal.to_string();
        let signal = signal.strip_prefix("SIG").unwrap_or(&signal).to_owned();
        match groups.iter_mut().find(|(known, _)| *known == meaning) {
            Some((_, signals)) => signals.push(signal),
            None => groups.push((meaning, vec![signal])),
        }
    }
    let groups = groups.iter();
    let groups: Vec<String> = groups
        .map(|(m, s)| format!("{} {m}", s.join(" ")))
        .collect();
    groups.join("; ")
}

/// A command as it could be typed into a shell.
fn command(argv: &[CString]) -> String {
    let words: Vec<String> = argv.iter().map(|word| shell_word(word)).collect();
    words.join(" ")
}

fn shell_word(word: &CStr) -> String {
    let text = word.to_string_lossy();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "%+,-./:=@_".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.into_owned();
    }
    let quoted = text.replace('\'', "'\\''").replace('\n', "⏎ ");
    printable(&format!("'{quoted}'"))
}
