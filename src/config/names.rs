//! Which programs a name means: `NAME` all instances of one, `NAME:2` one of several.

use std::collections::BTreeMap;
use std::ops::Range;

use super::problem::Problem;
use super::program::Definition;
use super::text::quoted;

/// All names, and which programs they stand for.
#[derive(Debug)]
pub(super) struct Names<'a>(BTreeMap<&'a str, Named>);

/// What a name stands for.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// Its place among the definitions; `None`: the command of the command line.
    pub(super) definition: Option<usize>,
    /// The numbers of its programs, as those of [`lastout_core::ProgramId`].
    pub(super) programs: Range<u32>,
}

impl<'a> Names<'a> {
    /// The names of these, and of the command of the command line, which comes last.
    pub(super) fn new(definitions: &[Definition<'a>], command: Option<&'a str>) -> Names<'a> {
        let mut names = BTreeMap::new();
        let mut first = 0;
        for (number, definition) in definitions.iter().enumerate() {
            let end = first + definition.count;
            names.insert(
                definition.name,
                Named {
                    definition: Some(number),
                    programs: first..end,
                },
            );
            first = end;
        }
        if let Some(command) = command {
            let named = Named {
                definition: None,
                programs: first..first + 1,
            };
            names.entry(command).or_insert(named);
        }
        Names(names)
    }

    /// What a name stands for.
    pub(super) fn find(&self, name: &str) -> Option<Named> {
        if let Some(named) = self.0.get(name) {
            return Some(named.clone());
        }
        let (base, number) = name.split_once(':')?;
        let named = self.0.get(base)?;
        let mut programs = named.programs.clone();
        let is_one_of_many = programs.len() > 1;
        let one = programs.find(|id| (id - named.programs.start).to_string() == number);
        one.filter(|_| is_one_of_many).map(|id| Named {
            programs: id..id + 1,
            ..*named
        })
    }

    /// Says that there is no such program, and which one was probably meant, though not
    /// the one that asks.
    pub(super) fn missing(&self, problem: Problem, name: &str, asks: &str) -> Problem {
        let problem = problem.of_absence();
        let base = name.split(':').next().unwrap_or_default();
        match self.0.get(base) {
            Some(named) if named.programs.len() > 1 => problem.note(instances_of(base, named)),
            Some(_) | None => {
                let others = self.0.keys().copied().filter(|other| *other != asks);
                problem.nearest(name, others)
            }
        }
    }
}

/// How the instances of a program are named.
pub(super) fn instances_of(name: &str, named: &Named) -> String {
    let last = named.programs.len().saturating_sub(1);
    let [first, last] = [0, last].map(|number| quoted(&format!("{name}:{number}")));
    format!("its instances are {first} to {last}")
}
