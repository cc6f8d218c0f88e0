//! A plan in words, for `lastout check`: what would run, in the order of its start.
//!
//! At most 80 columns wide. Values of the environment are not shown: some are secret.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use lastout_core::{Meaning, ProgramSpec, Signal, SignalTable, Spec};

use super::text::printable;
use super::{Loaded, LogFormat, format_duration};

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
    let programs = if count == 1 { "program" } else { "programs" };
    let file = printable(&loaded.path.to_string_lossy());
    page.line(&format!(
        "{file}: {count} {programs}, in the order of their start"
    ));
    for number in order(spec) {
        page.program(loaded, number, now);
    }
    page.line("");
    page.line("lastout");
    if let Some(timeout) = spec.startup_timeout {
        page.row("startup", &format!("within {}", format_duration(timeout)));
    }
    if let Some(timeout) = spec.stop_timeout {
        page.row("shutdown", &format!("within {}", format_duration(timeout)));
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
