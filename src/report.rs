//! The goodbye report (STOP-7): who was told with what, who left in what time with
//! what status, who was killed and why (STOP-8), which strays there were.
//!
//! It collects while the shutdown goes on, and is written as the last lines of the
//! log, as a table or as objects ([`table`], [`objects`]; docs/report.md shows both).
//! It never asks anybody: what it was not told, it does not say.

mod objects;
mod table;

use lastout_core::{Cause, ExitStatus, KillReason, Notice, ProgramId, RunId, Signal, Spec, Time};
use log::Level;

use crate::control::object::Json;
use crate::linux::people::{Person, Sighting};
use crate::say::{self, LogFormat};
use crate::words;

/// People beside the programs that are reported by name; of more only the number is told.
const MOST_NAMED: usize = 200;

/// What is known so far.
#[derive(Debug, Default)]
pub struct Report {
    begun: Option<Begun>,
    entries: Vec<Entry>,
    /// The last stop of a program before the shutdown, for who asks.
    last_stop: Vec<Entry>,
    /// How many of the entries are no leaders.
    others: usize,
    unnamed: usize,
    killed_trees: Vec<(RunId, KillReason)>,
    killed_everybody: Option<KillReason>,
}

/// When and why the shutdown began.
#[derive(Debug)]
struct Begun {
    at: Time,
    cause: Cause,
    /// The cause in words.
    why: String,
}

/// Somebody who was there when the shutdown began, or came later.
#[derive(Debug)]
struct Entry {
    who: Who,
    /// Whose tree it belongs to; `None`: it is a stray.
    of: Option<RunId>,
    /// Whose it is, by its command, by a hook of it or by who asks it.
    program: Option<ProgramId>,
    told: Option<(Time, Signal)>,
    /// When it was found to be gone, and how it ended, where its parent is lastout.
    left: Option<(Time, Option<ExitStatus>)>,
    out_of_memory: bool,
    killed: Option<KillReason>,
}

#[derive(Debug)]
enum Who {
    /// The leader of a program of this name.
    Leader(String),
    /// Somebody else.
    Other(Person),
}

impl Report {
    /// Takes note of what the core tells people.
    pub fn notice(&mut self, now: Time, notice: &Notice, spec: &Spec) {
        match notice {
            Notice::ShutdownBegun { cause } => {
                self.begun = Some(Begun {
                    at: now,
                    cause: *cause,
                    why: words::cause(spec, *cause),
                });
            }
            Notice::Told {
                program,
                run,
                signal,
                ..
            } => {
                let leader = Who::Leader(words::name(spec, *program).to_owned());
                let entry = Entry::new(leader, Some(*run));
                self.entries.push(Entry {
                    program: Some(*program),
                    told: Some((now, *signal)),
                    ..entry
                });
            }
            Notice::Ended {
                program,
                run,
                status,
                out_of_memory,
                ..
            } => {
                let place = self.entries.iter().position(|entry| entry.leads(*run));
                let place = place.unwrap_or_else(|| {
                    // Kept only if the shutdown begins before its tree is gone.
                    let leader = Who::Leader(words::name(spec, *program).to_owned());
                    self.entries.push(Entry::new(leader, Some(*run)));
                    self.entries.len() - 1
                });
                if let Some(entry) = self.entries.get_mut(place) {
                    entry.program = Some(*program);
                    entry.left = Some((now, Some(*status)));
                    entry.out_of_memory = *out_of_memory;
                }
            }
            Notice::Killing { run, reason, .. } => {
                self.killed_trees.push((*run, *reason));
                self.kill(Some(*run), *reason);
            }
            Notice::KillingEverybody { reason } => {
                self.killed_everybody = Some(*reason);
                self.kill(None, *reason);
            }
            Notice::Started { .. }
            | Notice::Up { .. }
            | Notice::NotStarted { .. }
            | Notice::WillRestart { .. }
            | Notice::TreeGone { .. }
            | Notice::GaveUp { .. }
            | Notice::LastCall
            | Notice::NextInterruptKills
            | Notice::Ignored { .. }
            | Notice::NotForwarded { .. }
            | Notice::ReopenLogs
            | Notice::Reloaded { .. }
            | Notice::Reloads { .. }
            | Notice::AllUp
            | Notice::Care { .. }
            | Notice::Overslept { .. }
            | Notice::State { .. } => {}
        }
    }

    /// Takes note of somebody of this program, or a stray, who was told or killed beside
    /// the leaders.
    pub fn sighted(&mut self, now: Time, sighting: Sighting, program: Option<ProgramId>) {
        let Sighting { who, of, signal } = sighting;
        let place = self.entries.iter().position(|entry| entry.is(&who));
        if place.is_none() && self.others >= MOST_NAMED {
            self.unnamed += 1;
            return;
        }
        let place = place.unwrap_or_else(|| {
            self.others += 1;
            let entry = Entry::new(Who::Other(who), of);
            self.entries.push(Entry { program, ..entry });
            self.entries.len() - 1
        });
        let tree = self.killed_trees.iter().find(|(run, _)| Some(*run) == of);
        let reason = tree.map(|(_, reason)| *reason);
        let Some(entry) = self.entries.get_mut(place) else {
            return;
        };
        if signal == Signal::KILL {
            entry.killed = entry.killed.or(reason).or(self.killed_everybody);
        } else if entry.told.is_none() {
            entry.told = Some((now, signal));
        }
    }

    /// Somebody who was no leader was reaped.
    pub fn reaped(&mut self, now: Time, who: &Person, status: ExitStatus) {
        // The last one of that number: an earlier one had its number before.
        let same = |entry: &&mut Entry| match &entry.who {
            Who::Other(other) => other.is_same_process(who),
            Who::Leader(_) => false,
        };
        if let Some(entry) = self.entries.iter_mut().rev().find(same) {
            let (at, known) = entry.left.unwrap_or((now, None));
            entry.left = Some((at, known.or(Some(status))));
        }
    }

    /// Outside of a shutdown nobody asks for what is over, but for the last that was asked
    /// to end.
    pub fn forget(&mut self, run: RunId) {
        if self.begun.is_none() {
            let entries = std::mem::take(&mut self.entries);
            let (over, rest): (Vec<Entry>, Vec<Entry>) =
                entries.into_iter().partition(|entry| entry.of == Some(run));
            self.entries = rest;
            if over.iter().any(|entry| entry.told.is_some()) {
                self.last_stop = over;
            }
            self.killed_trees.retain(|(killed, _)| *killed != run);
            self.others = self.others();
            self.unnamed = 0;
        }
    }

    fn others(&self) -> usize {
        let other = |entry: &&Entry| matches!(entry.who, Who::Other(_));
        self.entries.iter().filter(other).count()
    }

    /// Leaders are killed; of the others those who are still seen then.
    fn kill(&mut self, run: Option<RunId>, reason: KillReason) {
        for entry in &mut self.entries {
            let is_leader = matches!(entry.who, Who::Leader(_));
            if is_leader && (run.is_none() || entry.of == run) && entry.left.is_none() {
                entry.killed.get_or_insert(reason);
            }
        }
    }

    /// Nobody of this tree is left.
    pub fn tree_gone(&mut self, now: Time, run: RunId) {
        for entry in self
            .entries
            .iter_mut()
            .filter(|entry| entry.of == Some(run))
        {
            entry.left.get_or_insert((now, None));
        }
        self.forget(run);
    }

    /// Writes the report, if there is anything to say: somebody was told or killed, or
    /// somebody asked for the end. `nobody_left`: nobody is there any more who could
    /// have stayed.
    pub fn write(&mut self, now: Time, code: u8, nobody_left: bool) {
        let Some(begun) = self.begun.take() else {
            return;
        };
        let asked = matches!(begun.cause, Cause::Asked(_) | Cause::Requested(_));
        if !asked && self.others == 0 && self.entries.iter().all(|entry| entry.told.is_none()) {
            return;
        }
        for entry in self.entries.iter_mut().filter(|_| nobody_left) {
            entry.left.get_or_insert((now, None));
        }
        let end = End {
            took: now.since(begun.at),
            begun,
            code,
        };
        let bad = self.entries.iter().any(|entry| entry.kill().is_some());
        let level = if bad { Level::Warn } else { Level::Info };
        match say::format() {
            LogFormat::Text => table::write(self, &end, level),
            LogFormat::Json => objects::write(self, &end, level),
        }
    }

    /// A line that says it all.
    fn summary(&self, end: &End) -> String {
        let all = self.entries.len() + self.unnamed;
        let gone = match (self.killed(), self.still_there()) {
            (0, 0) => String::from("everybody left"),
            (killed, 0) => format!("{killed} of {all} killed"),
            (killed, there) => format!("{killed} of {all} killed, {there} still there"),
        };
        format!(
            "goodbye: {}; {gone}; took {}; exit status {}",
            end.begun.why,
            words::seconds(end.took),
            end.code
        )
    }

    fn killed(&self) -> usize {
        let killed = self.entries.iter().filter(|entry| entry.kill().is_some());
        killed.count()
    }

    fn still_there(&self) -> usize {
        let there = self.entries.iter().filter(|entry| entry.left.is_none());
        there.count()
    }

    /// What is known so far of a shutdown, else of the last stop of a program.
    #[must_use]
    pub fn so_far(&self) -> Json {
        objects::so_far(self)
    }

    /// Everybody in the order in which they are told of: a program, then the others of
    /// its tree, and the strays at last. With the name of the program for the others.
    fn in_order(&self) -> Vec<(&Entry, Option<&str>)> {
        in_order(&self.entries)
    }
}

fn in_order(entries: &[Entry]) -> Vec<(&Entry, Option<&str>)> {
    let mut all = Vec::with_capacity(entries.len());
    let (leaders, others): (Vec<&Entry>, Vec<&Entry>) = entries
        .iter()
        .partition(|entry| matches!(entry.who, Who::Leader(_)));
    for leader in &leaders {
        let Who::Leader(name) = &leader.who else {
            continue;
        };
        all.push((*leader, None));
        let own = others.iter().filter(|other| other.is_of_program_of(leader));
        all.extend(own.map(|other| (*other, Some(name.as_str()))));
    }
    let known = |other: &&&Entry| leaders.iter().any(|it| other.is_of_program_of(it));
    let strays = others.iter().filter(|other| !known(other));
    all.extend(strays.map(|stray| (*stray, None)));
    all
}

/// How it all ended.
struct End {
    begun: Begun,
    took: std::time::Duration,
    code: u8,
}

impl Entry {
    fn new(who: Who, of: Option<RunId>) -> Entry {
        Entry {
            who,
            of,
            program: None,
            told: None,
            left: None,
            out_of_memory: false,
            killed: None,
        }
    }

    fn leads(&self, run: RunId) -> bool {
        matches!(self.who, Who::Leader(_)) && self.of == Some(run)
    }

    fn is_of_program_of(&self, leader: &Entry) -> bool {
        self.program.is_some() && self.program == leader.program
    }

    fn is(&self, person: &Person) -> bool {
        matches!(&self.who, Who::Other(other) if other == person)
    }

    /// Why it was killed, if it was: who left before the kill reached it was not.
    fn kill(&self) -> Option<&'static str> {
        match self.left {
            Some((_, Some(status))) if status != ExitStatus::Signal(Signal::KILL) => None,
            _ if self.out_of_memory => Some("out of memory"),
            _ => self.killed.map(words::kill_cause),
        }
    }

    /// How long after it was told it was gone.
    fn took(&self) -> Option<std::time::Duration> {
        let ((told, _), (left, _)) = (self.told?, self.left?);
        Some(left.since(told))
    }

    /// What became of it, for people.
    fn outcome(&self) -> String {
        let after = self.took().map(words::seconds);
        let after = after.map_or_else(String::new, |time| format!(" after {time}"));
        match (self.kill(), self.left) {
            (Some(why), Some(_)) => format!("killed{after} ({why})"),
            (Some(why), None) => format!("killed ({why}), still there"),
            (None, None) => String::from("still there"),
            (None, Some((_, status))) => {
                let verb = match (&self.who, self.told) {
                    (Who::Leader(_), None) => "ended by itself",
                    (Who::Leader(_) | Who::Other(_), _) => "left",
                };
                let status = status.map(lastout_core::End::Status).map(words::end);
                let status = status.map_or_else(String::new, |text| format!(", {text}"));
                format!("{verb}{after}{status}")
            }
        }
    }
}
