//! The goodbye report (STOP-7): who was told with what, who left in what time with
//! what status, who had to be killed and why, which strays there were.
//!
//! It collects while the shutdown goes on, and is written as the last lines of the
//! log. It never asks anybody: what it was not told, it does not say.

use std::fmt::Write as _;
use std::time::Duration;

use lastout_core::{Cause, End, ExitStatus, KillReason, Notice, RunId, Signal, Spec, Time};
use log::Level;
use serde_json::{Map, Value, json};

use crate::linux::people::{Person, Sighting};
use crate::say::{self, LogFormat};
use crate::words;

/// People beside the programs that are reported by name; of more only the number is told.
const MOST_NAMED: usize = 200;

/// What is known so far.
#[derive(Debug, Default)]
pub struct Report {
    begun: Option<(Time, Cause)>,
    runs: Vec<Run>,
    others: Vec<Other>,
    unnamed: usize,
    killed_everybody: Option<KillReason>,
}

/// A program's life that was on when the shutdown began.
#[derive(Debug)]
struct Run {
    name: String,
    run: RunId,
    told: Option<(Time, Signal)>,
    ended: Option<(Time, ExitStatus, bool)>,
    killed: Option<KillReason>,
}

/// Somebody who was not a program's leader.
#[derive(Debug)]
struct Other {
    who: Person,
    of: Option<RunId>,
    told: Option<(Time, Signal)>,
    left: Option<(Time, Option<ExitStatus>)>,
    killed: Option<KillReason>,
}

impl Report {
    /// Takes note of what the core tells people. `alive` are the lives that are on.
    pub fn notice(&mut self, now: Time, notice: &Notice, spec: &Spec) {
        match notice {
            Notice::ShutdownBegun { cause } => self.begun = Some((now, *cause)),
            Notice::Told {
                program,
                run,
                signal,
            } => {
                let name = words::name(spec, *program).to_owned();
                let told = Some((now, *signal));
                self.runs.push(Run {
                    name,
                    run: *run,
                    told,
                    ended: None,
                    killed: None,
                });
            }
            Notice::Ended {
                program,
                run,
                status,
                out_of_memory,
                ..
            } => {
                let ended = Some((now, *status, *out_of_memory));
                if let Some(row) = self.runs.iter_mut().find(|row| row.run == *run) {
                    row.ended = ended;
                } else {
                    let name = words::name(spec, *program).to_owned();
                    // Kept only if the shutdown begins with it; see `forget`.
                    self.runs.push(Run {
                        name,
                        run: *run,
                        told: None,
                        ended,
                        killed: None,
                    });
                }
            }
            Notice::Killing { run, reason, .. } => self.kill(Some(*run), *reason),
            Notice::TreeGone { run, .. } => self.tree_gone(now, *run),
            Notice::KillingEverybody { reason } => {
                self.killed_everybody = Some(*reason);
                self.kill(None, *reason);
            }
            Notice::Started { .. }
            | Notice::Up { .. }
            | Notice::NotStarted { .. }
            | Notice::WillRestart { .. }
            | Notice::GaveUp { .. }
            | Notice::LastCall
            | Notice::NextInterruptKills
            | Notice::Ignored { .. }
            | Notice::NotForwarded { .. }
            | Notice::ReopenLogs
            | Notice::Reload
            | Notice::State { .. } => {}
        }
    }

    /// Takes note of somebody who was told or killed beside the leaders.
    pub fn sighted(&mut self, now: Time, sighting: Sighting) {
        let Sighting { who, of, signal } = sighting;
        let place = self.others.iter().position(|other| other.who == who);
        let other = match place {
            Some(place) => self.others.get_mut(place),
            None if self.others.len() >= MOST_NAMED => {
                self.unnamed += 1;
                return;
            }
            None => {
                self.others.push(Other {
                    who,
                    of,
                    told: None,
                    left: None,
                    killed: None,
                });
                self.others.last_mut()
            }
        };
        let Some(other) = other else { return };
        if signal == Signal::KILL {
            let of_run = self.runs.iter().find(|row| Some(row.run) == of);
            other.killed = of_run.and_then(|row| row.killed).or(self.killed_everybody);
        } else if other.told.is_none() {
            other.told = Some((now, signal));
        }
    }

    /// Somebody who was no leader was reaped.
    pub fn reaped(&mut self, now: Time, who: &Person, status: ExitStatus) {
        let same = |other: &&mut Other| other.who.is_same_process(who) && other.left.is_none();
        if let Some(other) = self.others.iter_mut().find(same) {
            other.left = Some((now, Some(status)));
        }
    }

    /// Outside of a shutdown nobody asks for what is over.
    pub fn forget(&mut self, run: RunId) {
        if self.begun.is_none() {
            self.runs.retain(|row| row.run != run);
            self.others.retain(|other| other.of != Some(run));
        }
    }

    fn kill(&mut self, run: Option<RunId>, reason: KillReason) {
        for row in self
            .runs
            .iter_mut()
            .filter(|row| run.is_none_or(|run| row.run == run))
        {
            if row.ended.is_none() {
                row.killed.get_or_insert(reason);
            }
        }
        let of_run = |other: &&mut Other| run.is_none() || other.of == run;
        for other in self.others.iter_mut().filter(of_run) {
            if other.left.is_none() {
                other.killed.get_or_insert(reason);
            }
        }
    }

    fn tree_gone(&mut self, now: Time, run: RunId) {
        for other in self.others.iter_mut().filter(|other| other.of == Some(run)) {
            other.left.get_or_insert((now, None));
        }
    }

    /// Writes the report, if there is anything to say: somebody was told or killed, or
    /// somebody asked for the end.
    pub fn write(&mut self, now: Time, code: u8) {
        let Some((begun, cause)) = self.begun else {
            return;
        };
        let asked = matches!(cause, Cause::Asked(_));
        if !asked && self.others.is_empty() && self.runs.iter().all(|row| row.told.is_none()) {
            return;
        }
        if self.killed_everybody.is_none() {
            for other in &mut self.others {
                other.left.get_or_insert((now, None));
            }
        }
        let took = now.since(begun);
        match say::format() {
            LogFormat::Text => self.write_text(cause, took, code),
            LogFormat::Json => self.write_objects(cause, took, code),
        }
    }

    fn killed(&self) -> usize {
        let runs = self.runs.iter().filter(|row| row.killed.is_some()).count();
        runs + self
            .others
            .iter()
            .filter(|other| other.killed.is_some())
            .count()
    }

    fn summary(&self, cause: Cause, took: Duration, code: u8) -> String {
        let why = match cause {
            Cause::Asked(signal) => format!("{signal} came"),
            Cause::Ended(..) => match self.runs.iter().find(|row| row.told.is_none()) {
                Some(row) => format!("{} had ended", row.name),
                None => String::from("a program had ended"),
            },
            Cause::NothingLeft => String::from("no program was left"),
        };
        let gone = match (
            self.killed(),
            self.runs.len() + self.others.len() + self.unnamed,
        ) {
            (0, _) => String::from("everybody left"),
            (killed, all) => format!("{killed} of {all} had to be killed"),
        };
        format!(
            "goodbye: {why}; {gone} within {}; exit status {code}",
            words::seconds(took)
        )
    }

    fn write_text(&self, cause: Cause, took: Duration, code: u8) {
        let level = if self.killed() > 0 {
            Level::Warn
        } else {
            Level::Info
        };
        say::object(level, &self.summary(cause, took, code), Map::new());
        let rows = self.rows();
        let widest = |column: fn(&Row) -> &str| {
            rows.iter()
                .map(|row| column(row).chars().count())
                .max()
                .unwrap_or(0)
        };
        let (who, told) = (widest(|row| &row.who), widest(|row| &row.told));
        for row in &rows {
            let line = format!("  {:who$}  {:told$}  {}", row.who, row.told, row.outcome);
            say::object(Level::Info, line.trim_end(), Map::new());
        }
        if self.unnamed > 0 {
            let line = format!("  and {} more, not named here", self.unnamed);
            say::object(Level::Info, &line, Map::new());
        }
    }

    /// One row for each: a program, then who it left behind, and the strays at last.
    fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for run in &self.runs {
            rows.push(run.row());
            let own = self.others.iter().filter(|other| other.of == Some(run.run));
            rows.extend(own.map(|other| other.row("  left behind: ")));
        }
        let known = |other: &&Other| self.runs.iter().any(|run| Some(run.run) == other.of);
        let strays = self.others.iter().filter(|other| !known(other));
        rows.extend(strays.map(|other| other.row("stray: ")));
        rows
    }

    fn write_objects(&self, cause: Cause, took: Duration, code: u8) {
        for run in &self.runs {
            let mut fields = Map::new();
            fields.insert("event".into(), json!("goodbye"));
            fields.insert("name".into(), json!(run.name));
            let ended = run.ended.map(|(at, status, _)| (at, Some(status)));
            outcome_fields(&mut fields, run.told, ended, run.killed);
            if let Some((_, _, true)) = run.ended {
                fields.insert("reason".into(), json!("out of memory"));
            }
            let row = run.row();
            let message = format!("{}: {} {}", row.who, row.told, row.outcome);
            say::object(Level::Info, message.trim(), fields);
        }
        for other in &self.others {
            let of = self.runs.iter().find(|run| Some(run.run) == other.of);
            let mut fields = Map::new();
            fields.insert("event".into(), json!("goodbye"));
            fields.insert("left_behind_by".into(), json!(of.map(|run| &run.name)));
            fields.insert("process".into(), json!(other.who.id()));
            fields.insert("command".into(), json!(other.who.command()));
            outcome_fields(&mut fields, other.told, other.left, other.killed);
            let row = other.row("");
            let message = format!("{}: {} {}", row.who, row.told, row.outcome);
            say::object(Level::Info, message.trim(), fields);
        }
        let mut fields = Map::new();
        fields.insert("event".into(), json!("goodbye-summary"));
        fields.insert("seconds".into(), json!(took.as_secs_f64()));
        fields.insert("exit_status".into(), json!(code));
        fields.insert("killed".into(), json!(self.killed()));
        fields.insert("not_named".into(), json!(self.unnamed));
        if let Cause::Asked(signal) = cause {
            fields.insert("signal".into(), json!(signal.to_string()));
        }
        let level = if self.killed() > 0 {
            Level::Warn
        } else {
            Level::Info
        };
        say::object(level, &self.summary(cause, took, code), fields);
    }
}

/// A line of the report, in its three columns.
struct Row {
    who: String,
    told: String,
    outcome: String,
}

impl Run {
    fn row(&self) -> Row {
        let mut outcome = String::new();
        match (self.told, self.ended) {
            (Some((told, _)), Some((at, status, _))) => {
                let after = words::seconds(at.since(told));
                let verb = if self.killed.is_some() {
                    "killed"
                } else {
                    "left"
                };
                let _ = write!(
                    outcome,
                    "{verb} after {after}, {}",
                    words::end(End::Status(status))
                );
            }
            (None, Some((_, status, _))) => {
                let _ = write!(
                    outcome,
                    "ended by itself, {}",
                    words::end(End::Status(status))
                );
            }
            (_, None) => outcome.push_str("did not leave"),
        }
        if let Some(reason) = self.killed {
            let _ = write!(outcome, " ({})", words::kill_reason(reason));
        } else if let Some((_, _, true)) = self.ended {
            outcome.push_str(" (out of memory)");
        }
        Row {
            who: self.name.clone(),
            told: told_with(self.told),
            outcome,
        }
    }
}

impl Other {
    fn row(&self, prefix: &str) -> Row {
        let began = self.told.map(|(at, _)| at);
        let after = match (began, self.left) {
            (Some(told), Some((at, _))) => format!(" after {}", words::seconds(at.since(told))),
            (_, _) => String::new(),
        };
        let status = match self.left {
            Some((_, Some(status))) => format!(", {}", words::end(End::Status(status))),
            Some((_, None)) | None => String::new(),
        };
        let outcome = match self.killed {
            Some(reason) => format!("killed{after} ({})", words::kill_reason(reason)),
            None if self.left.is_some() => format!("left{after}{status}"),
            None => String::from("did not leave"),
        };
        Row {
            who: format!("{prefix}{}", self.who),
            told: told_with(self.told),
            outcome,
        }
    }
}

fn told_with(told: Option<(Time, Signal)>) -> String {
    told.map_or_else(String::new, |(_, signal)| format!("told {signal}"))
}

fn outcome_fields(
    fields: &mut Map<String, Value>,
    told: Option<(Time, Signal)>,
    left: Option<(Time, Option<ExitStatus>)>,
    killed: Option<KillReason>,
) {
    if let Some((_, signal)) = told {
        fields.insert("told".into(), json!(signal.to_string()));
    }
    if let (Some((told, _)), Some((at, _))) = (told, left) {
        fields.insert("seconds".into(), json!(at.since(told).as_secs_f64()));
    }
    match left {
        Some((_, Some(ExitStatus::Code(code)))) => {
            fields.insert("exit_code".into(), json!(code));
        }
        Some((_, Some(ExitStatus::Signal(signal)))) => {
            fields.insert("exit_signal".into(), json!(signal.to_string()));
        }
        Some((_, None)) | None => {}
    }
    fields.insert("left".into(), json!(left.is_some()));
    fields.insert("killed".into(), json!(killed.is_some()));
    if let Some(reason) = killed {
        fields.insert("reason".into(), json!(words::kill_reason(reason)));
    }
}
