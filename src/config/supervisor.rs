//! `[supervisor]` and `[signals]`, and the variables that win over them.

use std::ffi::OsStr;
use std::fmt;
use std::time::Duration;

use lastout_core::{Forward, Meaning, ProgramId, Signal, SignalTable};
use log::LevelFilter;

use super::duration::{self, parse_duration};
use super::keys;
use super::names::{Names, instances_of};
use super::problem::{Problem, Problems};
use super::text::{Place, printable, quoted};
use super::tree::{self, Entry, Table};
use super::value::{Field, not_a_signal};
use super::{Environment, LogFormat};

const LEVELS: [(&str, LevelFilter); 5] = [
    ("error", LevelFilter::Error),
    ("warn", LevelFilter::Warn),
    ("info", LevelFilter::Info),
    ("debug", LevelFilter::Debug),
    ("trace", LevelFilter::Trace),
];

const MEANINGS: [(&str, Meaning); 5] = [
    ("shutdown", Meaning::Shutdown),
    ("reload", Meaning::Reload),
    ("reopen-logs", Meaning::ReopenLogs),
    ("log-state", Meaning::LogState),
    // Who has written it down needs no line in the log whenever it arrives.
    ("ignore", Meaning::IgnoreSilently),
];

/// What `[supervisor]` says.
#[derive(Debug)]
pub(super) struct Supervisor {
    /// From the file, and where.
    pub(super) stop_timeout: Option<(Duration, Place)>,
    /// From `$LASTOUT_STOP_TIMEOUT`.
    pub(super) stop_timeout_variable: Option<Duration>,
    /// From the file, and where.
    pub(super) startup_timeout: Option<(Duration, Place)>,
    pub(super) log_level: LevelFilter,
    pub(super) log_format: LogFormat,
}

/// Reads `[supervisor]`.
pub(super) fn read(
    table: &Table,
    environment: &Environment,
    problems: &mut Problems,
) -> Supervisor {
    const SECTION: &str = "[supervisor]";
    keys::refuse_unknown(table, SECTION, &keys::SUPERVISOR, problems);
    let field = |name| tree::get(table, name).map(|entry| Field::new(SECTION, entry));
    let stop_timeout = field("stop_timeout").and_then(|f| {
        let duration = problems.take(f.duration())?;
        Some((duration, f.node.place))
    });
    let startup_timeout = field("startup_timeout").and_then(|f| {
        let duration = problems.take(f.some_time())?;
        Some((duration, f.node.place))
    });
    let level = field("log_level").and_then(|f| problems.take(f.choice(&LEVELS)));
    let level_variable = variable(environment, "LASTOUT_LOG", problems, |text| {
        let words = LEVELS.map(|(word, _)| word).join(", ");
        let level = LEVELS.iter().find(|(word, _)| *word == text);
        let level = level.map(|(_, level)| *level);
        level.ok_or_else(|| format!("unknown level {}; valid: {words}", quoted(text)))
    });
    let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
    let log_format = field("log_format").and_then(|f| problems.take(f.choice(&formats)));
    Supervisor {
        stop_timeout,
        startup_timeout,
        stop_timeout_variable: variable(environment, "LASTOUT_STOP_TIMEOUT", problems, |text| {
            parse_duration(text).map_err(|why| format!("{why}; {}", duration::FORMS))
        }),
        log_level: level_variable.or(level).unwrap_or(LevelFilter::Info),
        log_format: log_format.unwrap_or(LogFormat::Text),
    }
}

/// A variable of lastout's environment that wins over a key. Empty counts as not set.
fn variable<T>(
    environment: &Environment,
    name: &str,
    problems: &mut Problems,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Option<T> {
    let value = environment.get_set(name)?;
    let text = OsStr::to_str(value).ok_or_else(|| "not UTF-8".to_owned());
    let read = text.and_then(read);
    problems
        .take(read.map_err(|why| Problem::nowhere(format_args!("${name}: {}", printable(&why)))))
}

/// The table of a supervisor with what `[signals]` changes.
pub(super) fn signals(table: &Table, names: &Names<'_>, problems: &mut Problems) -> SignalTable {
    let mut signals = SignalTable::supervising();
    let mut set: Vec<(Signal, &Entry)> = Vec::new();
    for entry in table {
        let Some(signal) = problems.take(key(entry)) else {
            continue;
        };
        if let Some((_, first)) = set.iter().find(|(other, _)| *other == signal) {
            let problem = Problem::at(
                entry.place,
                format_args!("{signal} is set twice in [signals]"),
            );
            problems.error(problem.see("the first is at", first.place));
            continue;
        }
        set.push((signal, entry));
        if let Some(meaning) = problems.take(meaning(signal, entry, names)) {
            signals.set(signal, meaning);
        }
    }
    let mut all = Signal::all();
    if let Some(first) = table.first()
        && !all.any(|signal| signals.meaning(signal) == Meaning::Shutdown)
    {
        let message = "no signal begins the shutdown any more";
        problems.warning(Problem::at(first.place, message));
    }
    signals
}

fn key(entry: &Entry) -> Result<Signal, Problem> {
    let name = entry.name.as_str();
    let wrong = |message: fmt::Arguments<'_>| {
        Problem::at(entry.place, format_args!("[signals]: {message}"))
    };
    match name.parse() {
        Ok(Signal::CHLD) => Err(wrong(format_args!(
            "SIGCHLD is how lastout learns of an end"
        ))),
        Ok(signal) if signal.can_be_caught() => Ok(signal),
        Ok(signal) => Err(wrong(format_args!("{signal} cannot be caught by anybody"))),
        Err(_) => {
            let problem = wrong(format_args!("unknown signal {}", quoted(name)));
            Err(not_a_signal(problem, name))
        }
    }
}

fn meaning(signal: Signal, entry: &Entry, names: &Names<'_>) -> Result<Meaning, Problem> {
    let field = Field::new("[signals]", entry);
    let text = entry.node.value.string().unwrap_or_default();
    let (verb, name) = match text.split_once(':') {
        Some(("forward", name)) => ("forward", name),
        Some(("reload", name)) => ("reload", name),
        Some(_) | None => {
            return field.choice_or(&MEANINGS, ", \"forward:NAME\", \"reload:NAME\"");
        }
    };
    let named = names.find(name);
    // The command of the command line has nothing that could be read again.
    let named = named.filter(|named| verb == "forward" || named.definition.is_some());
    let Some(named) = named else {
        let problem = field.wrong(format_args!("there is no program {}", quoted(name)));
        return Err(names.missing(problem, name, ""));
    };
    if named.programs.len() > 1 {
        let problem = field.wrong(format_args!("one program gets it, as \"{verb}:{name}:0\""));
        return Err(problem.note(instances_of(name, &named)));
    }
    let program = ProgramId(named.programs.start);
    Ok(match verb {
        "reload" => Meaning::ReloadProgram(program),
        _ => Meaning::Forward(Forward {
            program,
            signal: Some(signal),
            stops: false,
        }),
    })
}
