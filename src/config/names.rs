//! Which programs a name means: `NAME` all instances of one, `NAME:2` one of several.

use std::ops::Range;

use super::environment::Index;
use super::problem::Problem;
use super::program::Definition;

/// All names, and which programs they stand for.
#[derive(Debug)]
pub(super) struct Names<'a> {
    all: Vec<(&'a str, Named)>,
    numbers: Index<'a>,
}

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
        let mut all: Vec<(&str, Named)> = Vec::with_capacity(definitions.len() + 1);
        let mut first = 0;
        let counts = definitions.iter().map(|d| (d.name, d.count));
        let counts = counts.chain(command.map(|name| (name, 1)));
        for (number, (name, count)) in counts.enumerate() {
            let end = first + count;
            let named = Named {
                definition: (number < definitions.len()).then_some(number),
                programs: first..end,
            };
            all.push((name, named));
            first = end;
        }
        let mut numbers = Index::new();
        // A program that has the name of the command is an error of its own.
        for (number, (name, _)) in all.iter().enumerate().rev() {
            numbers.insert(name.as_bytes(), number);
        }
        Names { all, numbers }
    }

    fn get(&self, name: &str) -> Option<&Named> {
        let number = self.numbers.get(name.as_bytes())?;
        self.all.get(*number).map(|(_, named)| named)
    }

    /// What a name stands for.
    pub(super) fn find(&self, name: &str) -> Option<Named> {
        if let Some(named) = self.get(name) {
            return Some(named.clone());
        }
        let (base, number) = name.split_once(':')?;
        let named = self.get(base)?;
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
        match self.get(base) {
            Some(named) if named.programs.len() > 1 => problem.note(instances_of(base, named)),
            Some(_) | None => {
                let others = self.all.iter().map(|(other, _)| *other);
                let others = others.filter(|other| *other != asks);
                problem.nearest(name, others)
            }
        }
    }
}

/// How the instances of a program are named.
pub(super) fn instances_of(name: &str, named: &Named) -> String {
    let last = named.programs.len().saturating_sub(1);
    format!("its instances are `{name}:0` to `{name}:{last}`")
}
