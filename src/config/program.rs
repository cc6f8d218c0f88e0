//! One `[program.NAME]`, with what `[defaults]` adds, into a program.
//!
//! Looks at the text and at lastout's environment only; what the machine says to it
//! (is there such a directory?) is [`super::check`].

use std::ffi::{CString, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::Duration;

use lastout_core::{EndPolicy, Leftovers, ProgramSpec, Scope, Signal};

use super::expand::Variables;
use super::keys;
use super::problem::{Problem, Problems};
use super::text::{Files, Place, printable, quoted};
use super::tree::{self, Entry, Table, Value};
use super::value::Field;
use super::words::{self, Unsplittable};
use crate::plan::{Stdin, UserSpec};

/// A name is at most this long: it stands before every line of the log.
const LONGEST_NAME: usize = 64;

/// What is told of one command; the rest is most likely of the same kind.
const MOST_WORD_ERRORS: usize = 20;

/// Words that mean something to a shell, and nothing to a program.
const SHELL_WORDS: [&str; 10] = ["|", "||", "&", "&&", ";", "<", ">", ">>", "2>", "2>&1"];

/// What a program's keys say. Where one of them is wrong, the default stands for it.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) spec: ProgramSpec,
    pub(super) argv: Option<(Vec<CString>, Place)>,
    pub(super) directory: Option<(PathBuf, Place)>,
    pub(super) environment: Vec<(String, Vec<u8>)>,
    pub(super) user: Option<(UserSpec, Place)>,
    pub(super) umask: Option<u32>,
    pub(super) stdin: (Stdin, Place),
    /// Where `stopwaitsecs` is set, and to what.
    pub(super) stopwaitsecs: Option<(Duration, Place)>,
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

/// Reads a program.
pub(super) fn read(
    entry: &Entry,
    context: Context<'_>,
    problems: &mut Problems,
) -> Option<Program> {
    let is_sound = problems.take(check_name(entry, context.reserved)).is_some();
    let section = match is_sound {
        true => format!("[program.{}]", entry.name),
        false => format!("[program.{}]", context.files.slice(entry.place)),
    };
    let section = printable(&section);
    let section = section.as_str();
    let Value::Table(own) = &entry.node.value else {
        let kind = entry.node.value.kind();
        let message = format!("{section} must be a table, not {kind}");
        problems.error(Problem::at(entry.node.place, message));
        return None;
    };
    keys::refuse_unknown(own, section, &keys::PROGRAM, problems);
    let reader = Reader {
        own: (section, own),
        context: Context {
            variables: Variables {
                program: Some(&entry.name),
                ..context.variables
            },
            ..context
        },
    };
    let program = reader.program(entry, problems);
    if reader.field("command").is_none() {
        let problem = Problem::at(entry.node.place, format!("{section} has no `command`"));
        problems.error(problem.of_absence().note("every program needs one"));
    }
    Some(program)
}

/// Checks `[defaults]` by itself, so that its errors are told even where every program
/// has a key of its own.
pub(super) fn check_defaults(context: Context<'_>, problems: &mut Problems) {
    let Some(first) = context.defaults.first() else {
        return;
    };
    keys::refuse_unknown(context.defaults, DEFAULTS, &keys::PROGRAM, problems);
    let reader = Reader {
        own: (DEFAULTS, &Vec::new()),
        context: Context {
            variables: Variables {
                program: Some("defaults"),
                ..context.variables
            },
            ..context
        },
    };
    reader.program(first, problems);
}

const DEFAULTS: &str = "[defaults]";

fn check_name(entry: &Entry, reserved: Option<&str>) -> Result<(), Problem> {
    let name = entry.name.as_str();
    let wrong = |why: &str| {
        let message = format!("the name {} {why}", quoted(name));
        Err(Problem::at(entry.place, message))
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

struct Reader<'a> {
    /// The program's own keys, and their section.
    own: (&'a str, &'a Table),
    context: Context<'a>,
}

impl<'a> Reader<'a> {
    /// The program's own key, else that of `[defaults]`.
    fn field(&self, name: &str) -> Option<Field<'a>> {
        let own = tree::get(self.own.1, name).map(|entry| Field::new(self.own.0, entry));
        own.or_else(|| {
            Some(Field::new(
                DEFAULTS,
                tree::get(self.context.defaults, name)?,
            ))
        })
    }

    /// Reads a key, if it is set, and notes what is wrong with it.
    fn read<T>(
        &self,
        name: &str,
        problems: &mut Problems,
        read: impl FnOnce(Field<'a>) -> Result<T, Problem>,
    ) -> Option<(T, Place)> {
        let field = self.field(name)?;
        let value = problems.take(read(field))?;
        Some((value, field.node.place))
    }

    fn program(&self, entry: &Entry, problems: &mut Problems) -> Program {
        let mut spec = ProgramSpec::new(entry.name.as_str());
        self.when(&mut spec, problems);
        self.end(&mut spec, problems);
        let Context {
            files, variables, ..
        } = self.context;
        let path = |bytes| PathBuf::from(OsString::from_vec(bytes));
        let directory = self.read("directory", problems, |f| {
            let bytes = f.expanded("a path", &variables, files)?;
            match bytes.is_empty() {
                true => Err(f.wrong("the path is empty")),
                false => Ok(path(bytes)),
            }
        });
        let user = self.read("user", problems, |f| {
            let what = "a string";
            let bytes = f.expanded(what, &variables, files)?;
            let text = String::from_utf8(bytes).map_err(|_| f.wrong("not UTF-8"))?;
            f.user(&text)
        });
        let stdin = self.read("stdin", problems, |f| {
            f.choice(&[("null", Stdin::Null), ("inherit", Stdin::Inherit)])
        });
        let stopwaitsecs = self.read("stopwaitsecs", problems, |f| f.duration());
        Program {
            argv: self.command(problems),
            directory,
            environment: self.environment(problems),
            user,
            umask: self.read("umask", problems, |f| f.umask()).map(|(v, _)| v),
            stdin: stdin.unwrap_or((Stdin::Null, entry.place)),
            stopwaitsecs,
            spec,
        }
    }

    /// The keys that say when it runs.
    fn when(&self, spec: &mut ProgramSpec, problems: &mut Problems) {
        let mut set = Setting {
            reader: self,
            problems,
        };
        set.to(&mut spec.autostart, "autostart", |f| f.boolean());
        set.to(&mut spec.priority, "priority", |f| {
            let number = f.integer(i32::MIN.into(), i32::MAX.into())?;
            i32::try_from(number).map_err(|_| f.wrong("out of range"))
        });
        set.to(&mut spec.startsecs, "startsecs", |f| f.duration());
        set.to(&mut spec.startretries, "startretries", |f| f.retries());
        set.to(&mut spec.autorestart, "autorestart", |f| f.autorestart());
        set.to(&mut spec.exitcodes, "exitcodes", |f| f.exitcodes());
        set.to(&mut spec.backoff, "backoff", |f| f.duration());
        set.to(&mut spec.backoff_max, "backoff_max", |f| f.duration());
        let policies = [
            ("ignore", EndPolicy::Ignore),
            ("shutdown", EndPolicy::Shutdown),
        ];
        set.to(&mut spec.on_success, "on_success", |f| f.choice(&policies));
        set.to(&mut spec.on_failure, "on_failure", |f| f.choice(&policies));
        self.check_backoff(spec, problems);
    }

    fn check_backoff(&self, spec: &ProgramSpec, problems: &mut Problems) {
        let field = self.field("backoff").or_else(|| self.field("backoff_max"));
        let Some(field) = field else {
            return;
        };
        let (low, high) = (spec.backoff, spec.backoff_max);
        if low > high {
            let show = super::format_duration;
            let message = format!("`backoff` ({}) is longer than `backoff_max`", show(low));
            problems.error(field.wrong(message).note(match self.field("backoff_max") {
                Some(_) => format!("`backoff_max` is {}", show(high)),
                None => format!("`backoff_max` is {} where it is not set", show(high)),
            }));
        }
        if low.is_zero() {
            problems.warning(field.wrong("restarts follow each other without a pause"));
        }
    }

    /// The keys that say how it ends.
    fn end(&self, spec: &mut ProgramSpec, problems: &mut Problems) {
        let mut set = Setting {
            reader: self,
            problems,
        };
        set.to(&mut spec.stopsignal, "stopsignal", |f| {
            match f.signal()? {
                Signal::STOP => Err(f.wrong("SIGSTOP ends no program")),
                signal => Ok(signal),
            }
        });
        set.to(&mut spec.stopwaitsecs, "stopwaitsecs", |f| {
            f.duration().map(Some)
        });
        set.to(&mut spec.stop_scope, "stop_scope", |f| {
            f.choice(&[
                ("leader", Scope::Leader),
                ("group", Scope::Group),
                ("tree", Scope::Tree),
            ])
        });
        set.to(&mut spec.leftovers, "leftovers", |f| {
            f.choice(&[("stop", Leftovers::Stop), ("keep", Leftovers::Keep)])
        });
        if let Some(field) = self.field("stopsignal")
            && spec.stopsignal == Signal::KILL
        {
            let message = "SIGKILL leaves the program no time to end well";
            problems.warning(field.wrong(message));
        }
    }

    /// The words of the command.
    fn command(&self, problems: &mut Problems) -> Option<(Vec<CString>, Place)> {
        let field = self.field("command")?;
        let words = self.words(field, problems);
        let words = problems.take(words)?;
        let Context {
            files, variables, ..
        } = self.context;
        let mut argv = Vec::with_capacity(words.len());
        let mut errors = 0;
        for (field, word) in &words {
            let bytes = field.expand(word, &variables, files);
            let word = bytes.and_then(|b| CString::new(b).map_err(|_| field.wrong("a NUL byte")));
            match word {
                Ok(word) => argv.push(word),
                Err(problem) => {
                    problems.error(problem);
                    errors += 1;
                }
            }
            if errors == MOST_WORD_ERRORS {
                break;
            }
        }
        if errors > 0 {
            return None;
        }
        if argv.first().is_none_or(|word| word.is_empty()) {
            problems.error(field.wrong("the command is empty"));
            return None;
        }
        Some((argv, field.node.place))
    }

    /// The words as they are written, each with the field that it is a part of.
    fn words(
        &self,
        field: Field<'a>,
        problems: &mut Problems,
    ) -> Result<Vec<(Field<'a>, String)>, Problem> {
        if let Value::Array(items) = &field.node.value {
            let fields = items.iter().map(|item| field.part(item));
            return fields
                .map(|f| Ok((f, f.string("a string")?.to_owned())))
                .collect();
        }
        let text = field.string("a string or an array of strings")?;
        let words = words::split(text).map_err(|why| {
            let (at, message) = match why {
                Unsplittable::Quote(at) => (at, "a quote that is not closed"),
                Unsplittable::Backslash(at) => (at, "a backslash at the end"),
            };
            let mut problem = field.wrong(message);
            let rest = text.get(at..).unwrap_or_default();
            let place = self.context.files.find_within(field.node.place, rest);
            problem.place = Some(place);
            problem
        })?;
        let is_for_shell = |(word, is_quoted): &&(String, bool)| {
            !is_quoted && SHELL_WORDS.contains(&word.as_str())
        };
        if let Some((word, _)) = words.iter().find(is_for_shell) {
            problems.warning(field.wrong(format!(
                "no shell reads this: `{word}` is an argument like any other"
            )));
        }
        Ok(words.into_iter().map(|(word, _)| (field, word)).collect())
    }

    /// The variables of `[defaults]` and the program's own, which win one by one.
    fn environment(&self, problems: &mut Problems) -> Vec<(String, Vec<u8>)> {
        let defaults = tree::get(self.context.defaults, "environment");
        let own = tree::get(self.own.1, "environment");
        let fields = defaults.map(|entry| Field::new(DEFAULTS, entry));
        let fields = fields
            .into_iter()
            .chain(own.map(|entry| Field::new(self.own.0, entry)));
        let mut variables = Vec::new();
        for field in fields {
            let Value::Table(table) = &field.node.value else {
                let hint = "as { NAME = \"value\" }";
                problems.error(field.expected("a table").note(hint));
                continue;
            };
            for entry in table {
                let value = self.variable(field, entry);
                variables.extend(problems.take(value).map(|v| (entry.name.clone(), v)));
            }
        }
        variables
    }

    fn variable(&self, field: Field<'a>, entry: &'a Entry) -> Result<Vec<u8>, Problem> {
        let name = entry.name.as_str();
        if name.is_empty() || name.contains(['=', '\0']) {
            let message = format!("{} cannot be the name of a variable", quoted(name));
            let mut problem = field.wrong(message);
            problem.place = Some(entry.place);
            return Err(problem);
        }
        let Context {
            files, variables, ..
        } = self.context;
        let field = field.part(&entry.node);
        if entry.node.value.string().is_none() {
            let problem = field.expected("a string");
            return Err(problem.note("values are strings: NAME = \"1\""));
        }
        field.expanded("a string", &variables, files)
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
        if let Some((value, _)) = self.reader.read(name, self.problems, read) {
            *target = value;
        }
    }
}
