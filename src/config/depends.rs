//! `depends_on`: what is written, which programs it means, and that it has no cycle.
//!
//! All instances of a program depend on the same, so that everything but the last step
//! is done once for each `[program.NAME]`, however many instances it has.

use std::time::Duration;

use lastout_core::{Condition, Kind, Need, ProgramId, ProgramSpec};

use super::names::Names;
use super::problem::{Problem, Problems};
use super::program::Definition;
use super::text::{Place, quoted};
use super::tree::{Node, Value};
use super::value::Field;

/// Needs of all instances together; a bound on what a thousand that need a thousand cost.
const MOST_NEEDS: usize = 1_000_000;

/// Looking for the nearest name takes time; nobody reads more hints than this.
const MOST_HINTS: usize = 100;

/// A cycle of more is not told in full.
const MOST_LINKS: usize = 10;

const CONDITIONS: [(&str, Condition); 3] = [
    ("started", Condition::Started),
    ("ready", Condition::Ready),
    ("completed", Condition::Completed),
];

/// One entry of a `depends_on`.
#[derive(Clone, Debug)]
pub(super) struct Dependency {
    name: String,
    /// `None`: what goes without saying.
    condition: Option<Condition>,
    place: Place,
}

/// Reads a `depends_on`.
pub(super) fn read(field: Field<'_>, problems: &mut Problems) -> Vec<Dependency> {
    let dependency = |name: &str, condition, place| Dependency {
        name: name.to_owned(),
        condition,
        place,
    };
    if let Value::Array(items) = &field.node.value {
        let read = |node: &Node| {
            let name = field.part(node).string("the name of a program")?;
            Ok(dependency(name, None, node.place))
        };
        let items = items.iter();
        return items.filter_map(|node| problems.take(read(node))).collect();
    }
    if let Value::Table(table) = &field.node.value {
        let entries = table.iter();
        let read = entries.filter_map(|entry| {
            let condition = problems.take(field.inner(entry).choice(&CONDITIONS))?;
            Some(dependency(&entry.name, Some(condition), entry.place))
        });
        return read.collect();
    }
    let problem = field.expected("an array or a table");
    problems.error(problem.note("as [\"db\"] or { db = \"ready\" }"));
    Vec::new()
}

/// Which definition depends on which.
#[derive(Debug, Default)]
pub(super) struct Graph {
    /// By the place of a definition: those it depends on, and where that is written.
    edges: Vec<Vec<(usize, Place)>>,
    /// All definitions, each after those that it depends on; with a cycle none.
    order: Vec<usize>,
}

/// Gives every program its needs.
pub(super) fn resolve(
    definitions: &mut [Definition<'_>],
    names: &Names<'_>,
    problems: &mut Problems,
) -> Graph {
    let mut graph = Graph::default();
    let mut room = MOST_NEEDS;
    let mut hints = 0;
    for number in 0..definitions.len() {
        let mut resolving = Resolving {
            definitions,
            names,
            number,
            needs: Vec::new(),
            edges: Vec::new(),
            hints: &mut hints,
        };
        resolving.all(problems);
        let Resolving { needs, edges, .. } = resolving;
        graph.edges.push(edges);
        let Some(definition) = definitions.get_mut(number) else {
            continue;
        };
        let count = needs.len() * definition.instances.len();
        if count > room {
            let field = definition.keys.field("depends_on");
            problems.take(field.map_or(Ok(()), |field| {
                Err(field.wrong(format_args!(
                    "more than {MOST_NEEDS} instances are needed in all"
                )))
            }));
            break;
        }
        room -= count;
        for instance in &mut definition.instances {
            instance.spec.needs.clone_from(&needs);
        }
    }
    let errors = problems.count();
    graph.sort(definitions, problems);
    if problems.count() > errors {
        graph.order.clear();
    }
    graph
}

/// Finds out what one definition needs.
struct Resolving<'a, 'd> {
    definitions: &'a [Definition<'d>],
    names: &'a Names<'d>,
    number: usize,
    needs: Vec<Need>,
    edges: Vec<(usize, Place)>,
    hints: &'a mut usize,
}

impl Resolving<'_, '_> {
    fn all(&mut self, problems: &mut Problems) {
        let definitions = self.definitions;
        let Some(definition) = definitions.get(self.number) else {
            return;
        };
        let mut told: Vec<(std::ops::Range<u32>, Place)> = Vec::new();
        for dependency in &definition.dependencies {
            let Some((programs, condition)) = self.one(definition, dependency, problems) else {
                continue;
            };
            let is_same = |(other, _): &&(std::ops::Range<u32>, Place)| {
                other.start < programs.end && programs.start < other.end
            };
            if let Some((_, first)) = told.iter().find(is_same) {
                let message = "it depends on the same program twice";
                let problem = Problem::at(dependency.place, message);
                problems.error(problem.see("the first is at", *first));
                continue;
            }
            told.push((programs.clone(), dependency.place));
            self.needs.extend(programs.map(|program| Need {
                program: ProgramId(program),
                condition,
            }));
        }
    }

    fn one(
        &mut self,
        definition: &Definition<'_>,
        dependency: &Dependency,
        problems: &mut Problems,
    ) -> Option<(std::ops::Range<u32>, Condition)> {
        let name = quoted(&dependency.name);
        let place = dependency.place;
        let named = self.names.find(&dependency.name);
        let Some((number, programs)) = named.and_then(|n| Some((n.definition?, n.programs))) else {
            let problem = Problem::at(place, format_args!("there is no program {name}"));
            *self.hints += 1;
            problems.error(match *self.hints <= MOST_HINTS {
                true => self
                    .names
                    .missing(problem, &dependency.name, definition.name),
                false => problem.of_absence(),
            });
            return None;
        };
        if number == self.number {
            problems.error(Problem::at(
                place,
                format_args!("{} depends on itself", quoted(definition.name)),
            ));
            return None;
        }
        self.edges.push((number, place));
        let needed = self.definitions.get(number)?.instances.first()?;
        let condition = condition(&needed.spec, dependency.condition);
        check(&needed.spec, condition, dependency, problems);
        Some((programs, condition))
    }
}

/// What must be true of a program where nothing is said: the most that can be.
fn condition(needed: &ProgramSpec, said: Option<Condition>) -> Condition {
    said.unwrap_or(match needed.kind {
        Kind::Oneshot => Condition::Completed,
        Kind::Service if needed.readiness.is_some() => Condition::Ready,
        Kind::Service => Condition::Started,
    })
}

/// Tells of what can never be true, or hardly.
fn check(
    needed: &ProgramSpec,
    condition: Condition,
    dependency: &Dependency,
    problems: &mut Problems,
) {
    let name = quoted(&dependency.name);
    let at = |message| Problem::at(dependency.place, message);
    if needed.schedule.is_some() {
        problems.error(
            at(format_args!(
                "{name} has a `schedule`: it runs when its time has come"
            ))
            .note("nothing can wait for it"),
        );
    } else if !needed.autostart {
        problems.warning(at(format_args!(
            "{name} does not start by itself, and this waits until it does"
        )));
    } else if condition == Condition::Completed && needed.kind == Kind::Service {
        problems.warning(at(format_args!(
            "{name} is a service: it is to run on, and this waits for its end"
        )));
    }
}

/// How far the search for cycles has come with a definition.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Visit {
    Not,
    Open,
    Done,
}

impl Graph {
    /// Puts the definitions into order, and refuses cycles. Without recursion: a chain may
    /// be as long as the file.
    fn sort(&mut self, definitions: &[Definition<'_>], problems: &mut Problems) {
        let mut visits = vec![Visit::Not; self.edges.len()];
        for root in 0..self.edges.len() {
            // The way from the root, each with how many of its edges were followed.
            let mut way: Vec<(usize, usize)> = Vec::new();
            let mut next = Some(root).filter(|root| visits.get(*root) == Some(&Visit::Not));
            loop {
                if let Some(number) = next.take() {
                    set(&mut visits, number, Visit::Open);
                    way.push((number, 0));
                }
                let Some((number, followed)) = way.last_mut() else {
                    break;
                };
                let edge = self.edges.get(*number).and_then(|e| e.get(*followed));
                *followed += 1;
                let Some((target, _)) = edge else {
                    set(&mut visits, *number, Visit::Done);
                    self.order.push(*number);
                    way.pop();
                    continue;
                };
                match visits.get(*target) {
                    Some(Visit::Not) => next = Some(*target),
                    Some(Visit::Open) => self.refuse_cycle(&way, *target, definitions, problems),
                    Some(Visit::Done) | None => {}
                }
            }
        }
    }

    /// Tells a cycle from its first member in the order of the file.
    fn refuse_cycle(
        &self,
        way: &[(usize, usize)],
        target: usize,
        definitions: &[Definition<'_>],
        problems: &mut Problems,
    ) {
        let start = way.iter().position(|(number, _)| *number == target);
        let mut cycle: Vec<usize> = way.iter().skip(start.unwrap_or(0)).map(|w| w.0).collect();
        let first = (0..cycle.len()).min_by_key(|i| cycle.get(*i));
        cycle.rotate_left(first.unwrap_or(0));
        let ends = cycle.iter().skip(1).chain(cycle.first());
        let links: Vec<(usize, usize)> = cycle.iter().copied().zip(ends.copied()).collect();
        let name = |number: usize| definitions.get(number).map_or("", |d| d.name);
        let told = links.iter().take(MOST_LINKS);
        let told = told.map(|(a, b)| format!("{} needs {}", quoted(name(*a)), quoted(name(*b))));
        let mut told: Vec<String> = told.collect();
        if links.len() > MOST_LINKS {
            told.push("…".to_owned());
        }
        let place = |(from, to): &(usize, usize)| {
            let edges = self.edges.get(*from)?;
            edges.iter().find(|(target, _)| target == to).map(|e| e.1)
        };
        let Some(first) = links.first().and_then(place) else {
            return;
        };
        let mut problem = Problem::at(first, format_args!("a cycle: {}", told.join(", ")));
        for (link, told) in links.iter().zip(&told).skip(1).take(MOST_LINKS - 1) {
            if let Some(place) = place(link) {
                problem = problem.see(format_args!("{told} at"), place);
            }
        }
        problems.error(problem);
    }

    /// The longest chain of times along the dependencies: what it comes to, and its
    /// members, each after the one that it depends on.
    pub(super) fn longest_chain(&self, time: impl Fn(usize) -> Duration) -> (Duration, Vec<usize>) {
        let mut chains = vec![(Duration::ZERO, None); self.edges.len()];
        let mut longest: Option<usize> = None;
        for number in &self.order {
            let edges = self.edges.get(*number).map_or(&[][..], Vec::as_slice);
            let of = |number: usize| chains.get(number).map_or(Duration::ZERO, |chain| chain.0);
            let before = edges.iter().map(|e| e.0).max_by_key(|target| of(*target));
            let total = time(*number) + before.map_or(Duration::ZERO, of);
            if longest.is_none_or(|longest| total > of(longest)) {
                longest = Some(*number);
            }
            if let Some(chain) = chains.get_mut(*number) {
                *chain = (total, before);
            }
        }
        let total = longest
            .and_then(|l| chains.get(l))
            .map_or(Duration::ZERO, |c| c.0);
        let mut members = Vec::new();
        while let Some(number) = longest {
            members.push(number);
            longest = chains.get(number).and_then(|chain| chain.1);
        }
        members.reverse();
        (total, members)
    }
}

fn set(visits: &mut [Visit], number: usize, visit: Visit) {
    if let Some(slot) = visits.get_mut(number) {
        *slot = visit;
    }
}
