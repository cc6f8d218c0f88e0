//! A plan in words, for `lastout check`: what would run, in the order of its start.
//!
//! At most 80 columns wide. Values of the environment are not shown: some are secret.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lastout_core::{Meaning, ProgramId, ProgramSpec, Signal, SignalTable, Spec};

use super::text::printable;
use super::{Loaded, LogFormat, format_duration};
use crate::control::settings::Settings;

mod program;

const WIDTH: usize = 80;

/// Where the second column begins.
const INDENT: usize = 14;

/// What would run, in the order of its start, and then the warnings. Ends with a newline.
#[must_use]
pub fn explain(loaded: &Loaded) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default().as_secs();
    explain_at(loaded, i64::try_from(now).unwrap_or(i64::MAX))
}

/// As [`explain`], at that time of the wall clock.
pub(super) fn explain_at(loaded: &Loaded, now: i64) -> String {
    let spec = &loaded.plan.spec;
    let mut page = Page::default();
    let count = spec.programs.len();
    let programs = if count == 1 {
        "program"
    } else {
        "programs, in the order of their start"
    };
    let file = printable(&loaded.path.to_string_lossy());
    page.add(format_args!("{file}: {count} {programs}"));
    page.line();
    for number in order(spec) {
        page.program(loaded, number, now);
    }
    page.line();
    page.add("lastout");
    page.line();
    if let Some(timeout) = spec.startup_timeout {
        page.add(format_args!("within {}", Time(timeout)));
        page.row("startup");
    }
    if let Some(timeout) = spec.stop_timeout {
        page.add(format_args!("within {}", Time(timeout)));
        page.row("shutdown");
    }
    page.signals(&spec.signals, &spec.programs);
    page.control(loaded.plan.control.as_ref());
    let format = match loaded.log_format {
        LogFormat::Text => "text",
        LogFormat::Json => "json",
    };
    let level = loaded.log_level.as_str().to_ascii_lowercase();
    page.add(format_args!("{level}, as {format}"));
    page.row("log");
    if !loaded.plan.warnings.is_empty() {
        page.line();
    }
    for warning in &loaded.plan.warnings {
        page.add(warning);
        page.wrapped("warning: ");
    }
    page.lines
}

/// What a reload from one configuration to another would do. Ends with a newline.
#[must_use]
pub fn explain_reload(old: &Loaded, new: &Loaded) -> String {
    let name = |loaded: &Loaded| printable(&loaded.path.to_string_lossy());
    let mut page = Page::default();
    page.add(format_args!("a reload from {} to {}", name(old), name(new)));
    page.line();
    let place = |loaded: &Loaded| loaded.plan.control.clone().map(|control| control.socket);
    let is_moved = place(old) != place(new);
    let changes = old.plan.changes_to(&new.plan);
    let rows = [
        ("removes", &changes.removed),
        ("restarts", &changes.restarted),
        ("adds", &changes.added),
        ("adapts", &changes.changed),
    ];
    for (what, names) in rows.iter().filter(|(_, names)| !names.is_empty()) {
        page.add(names.join(" "));
        page.row(what);
    }
    let touched = changes.restarted.len() + changes.added.len() + changes.changed.len();
    let (what, text) = match new.plan.spec.programs.len() - touched {
        _ if changes.is_empty() => ("changes", String::from("no program")),
        0 => ("", String::new()),
        1 => ("leaves", String::from("one program as it is")),
        many => ("leaves", format!("{many} programs as they are")),
    };
    page.add(text);
    page.row(what);
    if is_moved {
        page.add("stays as it is until lastout itself is restarted");
        page.row("control");
    }
    page.lines
}

/// The places of all programs in the order of their start: each after what it needs, of
/// those that could start the one with the lowest priority first, then as in the file.
/// The command comes when all are up.
fn order(spec: &Spec) -> Vec<usize> {
    let programs = &spec.programs;
    let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); programs.len()];
    let mut missing = Vec::with_capacity(programs.len());
    let mut free: BTreeSet<(u64, u64)> = BTreeSet::new();
    let rank = |number: usize| {
        let is_main = spec.main.is_some_and(|main| main.0 as usize == number);
        let priority = programs.get(number).map_or(0, |p| i64::from(p.priority));
        match is_main {
            true => (u64::MAX, 0),
            false => (priority.abs_diff(i64::from(i32::MIN)), number as u64),
        }
    };
    for (number, program) in programs.iter().enumerate() {
        for need in &program.needs {
            if let Some(needed_by) = needed_by.get_mut(need.program.0 as usize) {
                needed_by.push(number);
            }
        }
        missing.push(program.needs.len());
        if program.needs.is_empty() {
            free.insert(rank(number));
        }
    }
    let mut order = Vec::with_capacity(programs.len());
    while let Some((priority, number)) = free.pop_first() {
        let number = match (priority, spec.main) {
            (u64::MAX, Some(main)) => main.0 as usize,
            (_, _) => number as usize,
        };
        order.push(number);
        for dependent in needed_by.get(number).into_iter().flatten() {
            if let Some(missing) = missing.get_mut(*dependent) {
                *missing = missing.saturating_sub(1);
                if *missing == 0 {
                    free.insert(rank(*dependent));
                }
            }
        }
    }
    order
}

/// Lines, and the text that the next of them are made of.
#[derive(Default)]
struct Page {
    lines: String,
    text: String,
}

impl Page {
    fn add(&mut self, text: impl Display) {
        self.add_this(&text);
    }

    fn add_this(&mut self, text: &dyn Display) {
        // Writing to a string does not fail.
        let _ = write!(self.text, "{text}");
    }

    /// What else there is, after a comma if there was something before it.
    fn add_item(&mut self, text: impl Display) {
        if !self.text.is_empty() {
            self.add(", ");
        }
        self.add_this(&text);
    }

    /// The text as a line.
    fn line(&mut self) {
        self.lines.push_str(self.text.trim_end());
        self.lines.push('\n');
        self.text.clear();
    }

    /// The text behind a name, if there is any.
    fn row(&mut self, name: &str) {
        if !self.text.is_empty() {
            self.wrapped(&format!("  {name:<width$}", width = INDENT - 2));
        }
    }

    /// The text broken at its blanks; what has no blanks for a whole line runs over.
    fn wrapped(&mut self, start: &str) {
        let indent = " ".repeat(start.chars().count());
        let text = std::mem::take(&mut self.text);
        self.add(start);
        let mut is_empty = true;
        for word in text.split(' ') {
            let long = self.text.chars().count() + 1 + word.chars().count() > WIDTH;
            if long && !is_empty {
                self.line();
                self.add(&indent);
                is_empty = true;
            }
            if !is_empty {
                self.add(' ');
            }
            self.add(word);
            is_empty = false;
        }
        self.line();
    }

    /// What is said of the control socket.
    fn control(&mut self, settings: Option<&Settings>) {
        let Some(settings) = settings else {
            self.add("none");
            return self.row("control");
        };
        if let Some(socket) = &settings.socket {
            self.add(printable(&socket.to_string_lossy()));
        }
        if !settings.readers.is_empty() {
            self.add_item("read by");
        }
        for reader in &settings.readers {
            self.add(format_args!(" {}", printable(reader)));
        }
        self.row("control");
    }

    fn signals(&mut self, table: &SignalTable, programs: &[ProgramSpec]) {
        let name = |program: ProgramId| {
            let program = programs.get(program.0 as usize);
            program.map_or("", |program| program.name.as_str())
        };
        let mut told: Vec<Meaning> = Vec::new();
        for first in Signal::all() {
            let meaning = table.meaning(first);
            let is_nothing = matches!(meaning, Meaning::Ignore | Meaning::IgnoreSilently);
            if is_nothing || told.iter().any(|other| is_same(*other, meaning)) {
                continue;
            }
            if !told.is_empty() {
                self.add("; ");
            }
            told.push(meaning);
            for signal in Signal::all().filter(|s| is_same(table.meaning(*s), meaning)) {
                let signal = signal.to_string();
                let signal = signal.strip_prefix("SIG").unwrap_or(&signal);
                self.add(format_args!("{signal} "));
            }
            match meaning {
                Meaning::Shutdown => self.add("shutdown"),
                Meaning::Reload => self.add("reload"),
                Meaning::ReloadProgram(program) => {
                    self.add(format_args!("reload:{}", name(program)));
                }
                Meaning::ReopenLogs => self.add("reopen-logs"),
                Meaning::LogState => self.add("log-state"),
                Meaning::Forward(forward) => {
                    self.add(format_args!("forward:{}", name(forward.program)));
                }
                Meaning::Ignore | Meaning::IgnoreSilently => {}
            }
        }
        self.row("signals");
    }
}

/// Whether two signals are told as one: what each is forwarded as is its own.
fn is_same(one: Meaning, other: Meaning) -> bool {
    match (one, other) {
        (Meaning::Forward(one), Meaning::Forward(other)) => one.program == other.program,
        (one, other) => one == other,
    }
}

/// A duration as people write it.
struct Time(Duration);

impl Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format_duration(self.0))
    }
}
