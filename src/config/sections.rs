//! The main file and those that it includes, put together section by section.
//!
//! Nothing is looked into yet. What two files set is an error that names both; a
//! `[defaults]` holds for the programs of all files, wherever it stands.

use std::collections::BTreeSet;
use std::path::Path;

use super::environment::Index;
use super::expand::Variables;
use super::include;
use super::keys;
use super::problem::{Problem, Problems};
use super::read::{self, Identity};
use super::text::{Files, Place, quoted};
use super::tree::{self, Table, Value};

/// The sections of all files, each in the order of the files.
#[derive(Debug, Default)]
pub(super) struct Sections {
    pub(super) supervisor: Table,
    pub(super) control: Table,
    pub(super) signals: Table,
    pub(super) defaults: Table,
    pub(super) programs: Table,
}

/// Reads a configuration and what it includes.
pub(super) fn read(
    path: &Path,
    variables: &Variables<'_>,
    files: &mut Files,
    problems: &mut Problems,
) -> Sections {
    let mut reading = Reading {
        files,
        problems,
        seen: BTreeSet::new(),
        sections: Sections::default(),
    };
    reading.main(path, variables);
    let mut sections = reading.sections;
    for (table, name) in [
        (&mut sections.supervisor, "[supervisor]"),
        (&mut sections.control, "[control]"),
        (&mut sections.signals, "[signals]"),
        (&mut sections.defaults, "[defaults]"),
        (&mut sections.programs, "[program]"),
    ] {
        refuse_repeated(table, name, problems);
    }
    sections
}

struct Reading<'a> {
    files: &'a mut Files,
    problems: &'a mut Problems,
    /// No file is taken twice, whatever names it has.
    seen: BTreeSet<Identity>,
    sections: Sections,
}

impl Reading<'_> {
    fn main(&mut self, path: &Path, variables: &Variables<'_>) {
        let Some(table) = self.file(path, None) else {
            return;
        };
        let include = tree::get(&table, "include")
            .map(|entry| include::included(entry, path, variables, (self.files, self.problems)));
        self.sections(table);
        for (path, place) in include.unwrap_or_default() {
            let Some(table) = self.file(&path, Some(place)) else {
                continue;
            };
            if let Some(entry) = tree::get(&table, "include") {
                let message = "`include` in an included file";
                let problem = Problem::at(entry.place, message);
                self.problems.error(
                    problem
                        .note("only the main file includes others")
                        .see("it is", place),
                );
            }
            self.sections(table);
        }
    }

    /// A file as a tree; `None` when it cannot be read or was read already.
    fn file(&mut self, path: &Path, included_at: Option<Place>) -> Option<Table> {
        let contents = match read::read(path) {
            Ok(contents) => contents,
            Err(unreadable) => {
                let why = unreadable.why;
                let problem = match included_at {
                    Some(place) => Problem::at(place, why),
                    None => Problem::nowhere(why),
                };
                self.problems.error(problem.of_file());
                return None;
            }
        };
        if !self.seen.insert(contents.identity) {
            return None;
        }
        let file = self.files.add(path, contents.text);
        Some(tree::parse(self.files, file, self.problems))
    }

    fn sections(&mut self, table: Table) {
        keys::refuse_unknown(&table, "the file", &keys::TOP, self.problems);
        for entry in table {
            let section = match entry.name.as_str() {
                "supervisor" => &mut self.sections.supervisor,
                "control" => &mut self.sections.control,
                "signals" => &mut self.sections.signals,
                "defaults" => &mut self.sections.defaults,
                "program" => &mut self.sections.programs,
                _ => continue,
            };
            if let Value::Table(entries) = entry.node.value {
                section.extend(entries);
                continue;
            }
            let kind = entry.node.value.kind();
            let hint = match entry.name.as_str() {
                "program" => "each program is a table of its own: [program.NAME]".to_owned(),
                name => format!("it begins with [{name}]"),
            };
            self.problems.error(
                Problem::at(
                    entry.node.place,
                    format_args!("{} must be a table, not {kind}", quoted(&entry.name)),
                )
                .note(hint),
            );
        }
    }
}

/// Of what is set twice the first stays. Within one file the parser has told already.
fn refuse_repeated(table: &mut Table, section: &str, problems: &mut Problems) {
    let mut numbers = Index::new();
    let mut repeated = BTreeSet::new();
    for (number, entry) in table.iter().enumerate() {
        let earlier = *numbers.entry(entry.name.as_bytes()).or_insert(number);
        let Some(earlier) = table.get(earlier).filter(|_| earlier != number) else {
            continue;
        };
        let name = quoted(&entry.name);
        let problem = match section {
            "[program]" => Problem::at(entry.place, format_args!("a second program {name}")),
            section => Problem::at(
                entry.place,
                format_args!("{name} in {section} is set twice"),
            ),
        };
        problems.error(problem.see("the first is at", earlier.place));
        repeated.insert((entry.place.rank(), 0));
    }
    table.retain(|entry| !repeated.contains(&(entry.place.rank(), 0)));
}
