//! `[program.NAME]`, with what `[defaults]` adds, into programs: one for each instance.
//!
//! Looks at the text, at lastout's environment and at the files that the text names
//! (`env_file`, `secrets`) only; what the machine says to the rest (is there such a
//! directory?) is [`super::check`].

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::Duration;

use lastout_core::ProgramSpec;

use super::depends::{self, Dependency};
use super::expand::{Owner, Variables};
use super::keys;
use super::problem::{Problem, Problems};
use super::text::{Files, printable, quoted};
use super::tree::{self, Entry, Table, Value};
use super::value::Field;
use crate::plan::{Launch, Stdin};

mod command;
mod end;
mod limits;
mod output;
mod parts;
mod variables;
mod watch;
mod when;

/// A name is at most this long: it stands before every line of the log.
const LONGEST_NAME: usize = 64;

/// The instances of one program. Also a bound on what a slip of the finger costs.
const MOST_INSTANCES: i64 = 1000;

/// All programs, each instance counted. More are no container that somebody runs.
const MOST_PROGRAMS: i64 = 10_000;

/// A `[program.NAME]` and what became of it.
#[derive(Debug)]
pub(super) struct Definition<'a> {
    pub(super) name: &'a str,
    pub(super) keys: Keys<'a>,
    /// What it depends on, as it is written.
    pub(super) dependencies: Vec<Dependency>,
    /// How many instances it has.
    pub(super) count: u32,
    /// All of them where nothing is wrong, and one at least unless it is no table. All of them differ in nothing but what
    /// `${LASTOUT_INSTANCE}` stands for.
    pub(super) instances: Vec<Program>,
}

impl Definition<'_> {
    /// Whether somebody comes before it, who may make what it needs: a directory, say.
    pub(super) fn is_made_ready(&self) -> bool {
        !self.dependencies.is_empty() || self.keys.field("pre_start").is_some()
    }
}

/// What the keys of one instance say. Where one of them is wrong, the default stands
/// for it.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) spec: ProgramSpec,
    pub(super) launch: Launch,
}

/// The keys of a program: its own, and those of `[defaults]`.
#[derive(Clone, Debug)]
pub(super) struct Keys<'a> {
    /// As it is written: `[program.web]`.
    section: String,
    own: &'a [Entry],
    defaults: &'a [Entry],
}

impl Keys<'_> {
    /// The program's own key, else that of `[defaults]`.
    pub(super) fn field(&self, name: &str) -> Option<Field<'_>> {
        self.own(name).or_else(|| self.default(name))
    }

    /// The program's own key.
    pub(super) fn own(&self, name: &str) -> Option<Field<'_>> {
        tree::get(self.own, name).map(|entry| Field::new(&self.section, entry))
    }

    /// The key of `[defaults]`.
    fn default(&self, name: &str) -> Option<Field<'_>> {
        tree::get(self.defaults, name).map(|entry| Field::new(DEFAULTS, entry))
    }
}

/// What all programs are read with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'a> {
    pub(super) files: &'a Files,
    pub(super) variables: Variables<'a>,
    pub(super) defaults: &'a Table,
    /// The name that the command of the command line has taken.
    pub(super) reserved: Option<&'a str>,
}

/// Reads all programs, in the order of the file.
pub(super) fn read_all<'a>(
    entries: &'a [Entry],
    context: Context<'a>,
    problems: &mut Problems,
) -> Vec<Definition<'a>> {
    check_defaults(context, problems);
    let mut room = MOST_PROGRAMS;
    let entries = entries.iter();
    entries
        .map(|entry| read(entry, context, &mut room, problems))
        .collect()
}

fn read<'a>(
    entry: &'a Entry,
    context: Context<'a>,
    room: &mut i64,
    problems: &mut Problems,
) -> Definition<'a> {
    let is_sound = problems.take(check_name(entry, context.reserved)).is_some();
    let section = match is_sound {
        true => format!("[program.{}]", entry.name),
        false => format!("[program.{}]", context.files.slice(entry.place)),
    };
    let mut definition = Definition {
        name: &entry.name,
        keys: Keys {
            section: printable(&section),
            own: &[],
            defaults: context.defaults,
        },
        dependencies: Vec::new(),
        count: 1,
        instances: Vec::new(),
    };
    let section = &definition.keys.section;
    let Value::Table(own) = &entry.node.value else {
        let kind = entry.node.value.kind();
        problems.error(Problem::at(
            entry.node.place,
            format_args!("{section} must be a table, not {kind}"),
        ));
        return definition;
    };
    keys::refuse_unknown(own, section, &keys::PROGRAM, problems);
    definition.keys.own = own;
    let keys = &definition.keys;
    if keys.field("command").is_none() {
        let problem = Problem::at(entry.node.place, format_args!("{section} has no `command`"));
        problems.error(problem.of_absence().note("every program needs one"));
    }
    if let Some(field) = keys.field("depends_on") {
        definition.dependencies = depends::read(field, problems);
    }
    let numprocs = keys.field("numprocs");
    let count = numprocs.and_then(|field| problems.take(count_of(field)));
    let count = count.unwrap_or(1);
    let place = numprocs.map_or(entry.node.place, |field| field.node.place);
    let had_room = *room >= 0;
    *room -= i64::from(count);
    let has_room = *room >= 0;
    if had_room && !has_room {
        let name = quoted(&entry.name);
        problems.error(Problem::at(
            place,
            format_args!("with {name} there are more than {MOST_PROGRAMS} programs"),
        ));
    }
    definition.count = count;
    definition.instances = instances(entry, keys, context, (count, has_room), problems);
    definition
}

/// Reads as many instances as there are, or as it takes to find something wrong.
fn instances(
    entry: &Entry,
    keys: &Keys<'_>,
    context: Context<'_>,
    (count, is_wanted): (u32, bool),
    problems: &mut Problems,
) -> Vec<Program> {
    let mut instances = Vec::new();
    let errors = problems.count();
    for number in 0..count {
        let number = number.to_string();
        let owner = Owner {
            program: &entry.name,
            instance: &number,
        };
        let reader = Reader::new(keys, context, owner);
        let name = match count {
            1 => entry.name.clone(),
            _ => format!("{}:{number}", entry.name),
        };
        instances.push(reader.program(name, count > 1, problems));
        if problems.count() > errors || !is_wanted {
            break;
        }
    }
    instances
}

/// Checks `[defaults]` by itself, so that its errors are told even where every program
/// has a key of its own.
fn check_defaults(context: Context<'_>, problems: &mut Problems) {
    keys::refuse_unknown(context.defaults, DEFAULTS, &keys::PROGRAM, problems);
    let keys = Keys {
        section: String::new(),
        own: &[],
        defaults: context.defaults,
    };
    let owner = Owner {
        program: "defaults",
        instance: "0",
    };
    let mut reader = Reader::new(&keys, context, owner);
    reader.is_draft = true;
    reader.program(String::new(), false, problems);
    if let Some(field) = keys.field("depends_on") {
        depends::read(field, problems);
    }
    if let Some(field) = keys.field("numprocs") {
        problems.take(count_of(field));
    }
}

fn count_of(field: Field<'_>) -> Result<u32, Problem> {
    field.small_integer(1, MOST_INSTANCES)
}

const DEFAULTS: &str = "[defaults]";

fn check_name(entry: &Entry, reserved: Option<&str>) -> Result<(), Problem> {
    let name = entry.name.as_str();
    let wrong = |why: &str| {
        Err(Problem::at(
            entry.place,
            format_args!("the name {} {why}", quoted(name)),
        ))
    };
    let is_sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || !name.chars().all(is_sound) {
        let problem = wrong("is not a program's");
        return problem.map_err(|p| p.note("names are made of letters, digits, . _ and -"));
    }
    if name.len() > LONGEST_NAME {
        return wrong("is longer than 64 characters");
    }
    match reserved {
        Some(reserved) if reserved == name => wrong("is that of the command on the command line"),
        Some(_) | None => Ok(()),
    }
}

/// Reads the keys of one instance.
struct Reader<'a> {
    keys: &'a Keys<'a>,
    files: &'a Files,
    variables: Variables<'a>,
    /// It is `[defaults]` by itself: no program's, so that no other file is read for it.
    is_draft: bool,
}

impl<'a> Reader<'a> {
    fn new(keys: &'a Keys<'a>, context: Context<'a>, owner: Owner<'a>) -> Reader<'a> {
        Reader {
            keys,
            files: context.files,
            variables: Variables {
                owner: Some(owner),
                ..context.variables
            },
            is_draft: false,
        }
    }

    fn field(&self, name: &str) -> Option<Field<'a>> {
        self.keys.field(name)
    }

    /// Whether a key is set, here or in `[defaults]`.
    fn is_set(&self, name: &str) -> bool {
        self.field(name).is_some()
    }

    fn program(&self, name: String, is_one_of_many: bool, problems: &mut Problems) -> Program {
        let mut spec = ProgramSpec::new(name);
        let mut launch = Launch::clean(Vec::new(), Vec::new());
        self.when(&mut spec, &mut launch, problems);
        self.watch(&mut spec, &mut launch, problems);
        self.end(&mut spec, problems);
        self.limits(&mut launch.limits, problems);
        self.commands(&mut spec, &mut launch, problems);
        let mut set = Setting {
            reader: self,
            problems,
        };
        set.to(&mut launch.directory, "directory", |f| {
            self.path(f).map(Some)
        });
        set.to(&mut launch.user, "user", |f| {
            let bytes = self.expanded(f, "a string")?;
            let text = String::from_utf8(bytes).map_err(|_| f.wrong("not UTF-8"))?;
            f.user(&text).map(Some)
        });
        set.to(&mut launch.umask, "umask", |f| f.umask().map(Some));
        set.to(&mut launch.stdin, "stdin", |f| {
            let stdin = f.choice(&[("null", Stdin::Null), ("inherit", Stdin::Inherit)])?;
            match is_one_of_many && stdin == Stdin::Inherit {
                true => Err(f.wrong("one instance at most can have lastout's stdin")),
                false => Ok(stdin),
            }
        });
        self.output(&mut launch, problems);
        let variables = self.own_variables(&spec, is_one_of_many, problems);
        let environment = self.variables.environment;
        launch.environment = environment.of_program(&variables, launch.user.is_some());
        Program { spec, launch }
    }

    /// A string with its variables replaced.
    fn expanded(&self, field: Field<'_>, what: &str) -> Result<Vec<u8>, Problem> {
        field.expanded(what, &self.variables, self.files)
    }

    fn path(&self, field: Field<'_>) -> Result<PathBuf, Problem> {
        let bytes = self.expanded(field, "a path")?;
        match bytes.is_empty() {
            true => Err(field.wrong("the path is empty")),
            false => Ok(PathBuf::from(OsString::from_vec(bytes))),
        }
    }
}

/// Puts keys into the fields that have the defaults.
struct Setting<'r, 'a> {
    reader: &'r Reader<'a>,
    problems: &'r mut Problems,
}

impl<'a> Setting<'_, 'a> {
    fn to<T>(
        &mut self,
        target: &mut T,
        name: &str,
        read: impl FnOnce(Field<'a>) -> Result<T, Problem>,
    ) {
        let value = self.reader.field(name).map(read);
        if let Some(value) = value.and_then(|value| self.problems.take(value)) {
            *target = value;
        }
    }

    fn duration(&mut self, target: &mut Duration, name: &str) {
        self.to(target, name, |f| f.duration());
    }
}
