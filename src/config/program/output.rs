//! The keys that say where what a program writes goes.
//!
//! Only the text is looked at here; what is there on the machine, and who else writes to
//! the same file, is [`super::super::log_files`].

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::super::problem::{Problem, Problems};
use super::super::text::{printable, quoted};
use super::super::tree::Value;
use super::super::value::Field;
use super::Reader;
use super::parts::Parts;
use crate::plan::{Destination, Launch, LineFormat, LogFile, Output, Ready, Relayed};

const PARTS: [&str; 5] = ["file", "max_size", "backups", "mode", "format"];

const FORMATS: [(&str, LineFormat); 3] = [
    ("raw", LineFormat::Raw),
    ("prefix", LineFormat::Prefix),
    ("json", LineFormat::Json),
];

/// Each rotation renames them all.
const MOST_BACKUPS: i64 = 1000;

/// A word that says where output goes.
#[derive(Clone, Copy)]
enum Word {
    Inherit,
    Null,
    Stdout,
    Own(LineFormat),
}

const WORDS: [(&str, Word); 5] = [
    ("inherit", Word::Inherit),
    ("null", Word::Null),
    ("prefix", Word::Own(LineFormat::Prefix)),
    ("json", Word::Own(LineFormat::Json)),
    // For stderr only.
    ("stdout", Word::Stdout),
];

impl Reader<'_> {
    /// After the key `ready`, which may have a say in it.
    pub(super) fn output(&self, launch: &mut Launch, problems: &mut Problems) {
        let [of_stdout @ .., _] = &WORDS;
        for (name, words, output) in [
            ("stdout", of_stdout.as_slice(), &mut launch.stdout),
            ("stderr", WORDS.as_slice(), &mut launch.stderr),
        ] {
            let Some(field) = self.field(name) else {
                continue;
            };
            let read = if let Value::Table(table) = &field.node.value {
                self.log_file(Parts { field, table }, problems)
            } else {
                problems.take(word(field, words))
            };
            if let Some(read) = read {
                *output = read;
            }
        }
        if let Some(Ready::Line(_)) = launch.ready {
            self.let_lines_be_read(launch, problems);
        }
    }

    /// Who waits for a line needs somebody who reads it: what would go straight to lastout's
    /// own descriptor goes there through the relay, as it is.
    fn let_lines_be_read(&self, launch: &mut Launch, problems: &mut Problems) {
        let mut is_read = false;
        for output in [&mut launch.stdout, &mut launch.stderr] {
            match output {
                Output::Inherit => *output = Output::Relayed(Relayed::UNCHANGED),
                Output::Null | Output::Stdout => continue,
                Output::Relayed(_) => {}
            }
            is_read = true;
        }
        if let Some(field) = self.field("ready").filter(|_| !is_read) {
            let field = field.get("log").unwrap_or(field);
            let problem = field.wrong("nobody reads what goes to /dev/null");
            problems.error(problem.note("`stdout` or `stderr` has to be something else"));
        }
    }

    fn log_file(&self, parts: Parts<'_>, problems: &mut Problems) -> Option<Output> {
        parts.refuse_unknown(&PARTS, problems);
        let mut format = LineFormat::Raw;
        let mut file = LogFile::at(PathBuf::new());
        if let Some(field) = parts.get("max_size") {
            problems.take_into(&mut file.max_size, field.size());
        }
        if let Some(field) = parts.get("backups") {
            problems.take_into(&mut file.backups, field.small_integer(0, MOST_BACKUPS));
        }
        if let Some(field) = parts.get("mode") {
            problems.take_into(&mut file.mode, field.file_mode());
        }
        if let Some(field) = parts.get("format") {
            problems.take_into(&mut format, field.choice(&FORMATS));
        }
        let Some(field) = parts.get("file") else {
            if !parts.has_unknown(&PARTS) {
                let problem = parts.field.wrong("there is no `file` in it");
                let hint = "to lastout's own goes \"prefix\" or \"json\", without a table";
                problems.error(problem.of_absence().note(hint));
            }
            return None;
        };
        file.path = problems.take(self.path(field).and_then(|path| of_a_file(field, &path)))?;
        let to = Destination::File(file);
        Some(Output::Relayed(Relayed { format, to }))
    }
}

fn word(field: Field<'_>, words: &[(&str, Word)]) -> Result<Output, Problem> {
    let Some(text) = field.node.value.string() else {
        let problem = field.expected("a string or a table");
        return Err(problem.note("as \"prefix\", or { file = \"/var/log/app.log\" }"));
    };
    let word = field.choice(words).map_err(|problem| {
        if !text.contains('/') {
            return problem;
        }
        match is_descriptor(Path::new(text)) {
            true => problem,
            false => problem.note(format_args!(
                "a file is {{ file = \"{}\" }}",
                printable(text)
            )),
        }
    })?;
    Ok(match word {
        Word::Inherit => Output::Inherit,
        Word::Null => Output::Null,
        Word::Stdout => Output::Stdout,
        Word::Own(format) => Output::Relayed(Relayed {
            format,
            to: Destination::Own,
        }),
    })
}

/// The path without what means nothing in it, if it can be that of a file.
fn of_a_file(field: Field<'_>, path: &Path) -> Result<PathBuf, Problem> {
    let name = path.to_string_lossy();
    let wrong = |what: &str| field.wrong(format_args!("{} is {what}", quoted(&name)));
    let plain: PathBuf = path.components().collect();
    if is_descriptor(&plain) {
        let problem = wrong("a descriptor, not a file");
        return Err(problem.note("use \"inherit\", or \"prefix\", in place of the table"));
    }
    if plain == Path::new("/dev/null") {
        return Err(wrong("no file").note("use \"null\" in place of the table"));
    }
    if ["/proc", "/sys"]
        .iter()
        .any(|kernel| plain.starts_with(kernel))
    {
        return Err(wrong("a file of the kernel's"));
    }
    if plain.file_name().is_none() || path.as_os_str().as_bytes().ends_with(b"/") {
        return Err(wrong("a directory").note("it is the path of a file"));
    }
    Ok(plain)
}

/// Whether it leads to a descriptor of whoever opens it (LOG-5).
fn is_descriptor(path: &Path) -> bool {
    let bytes = path.as_os_str().as_bytes();
    let is_one = |start: &[u8]| bytes.starts_with(start);
    is_one(b"/dev/std")
        || is_one(b"/dev/fd/")
        || is_one(b"/proc/") && path.parent().is_some_and(|folder| folder.ends_with("fd"))
}
