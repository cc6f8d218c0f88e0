//! The keys that say where what a program writes goes.
//!
//! Only the text is looked at here; what is there on the machine, and who else writes to
//! the same file, is [`super::super::log_files`].

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

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
        file.path = problems.take(self.log_path(field))?;
        let to = Destination::File(file);
        Some(Output::Relayed(Relayed { format, to }))
    }

    fn log_path(&self, field: Field<'_>) -> Result<PathBuf, Problem> {
        let path = self.expanded(field, "a path")?;
        match path.is_empty() {
            true => Err(field.wrong("the path is empty")),
            false => of_a_file(field, &path),
        }
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
        match is_descriptor(text.as_bytes()) {
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
fn of_a_file(field: Field<'_>, path: &[u8]) -> Result<PathBuf, Problem> {
    let plain = plain(path);
    let begins = |with: &str| plain.starts_with(with.as_bytes());
    let last = plain.rsplit(|b| *b == b'/').next().unwrap_or_default();
    let (what, hint) = if is_descriptor(&plain) {
        (
            "a descriptor, not a file",
            "\"inherit\" and \"prefix\" go there",
        )
    } else if plain == b"/dev/null" {
        ("no file", "\"null\" goes there")
    } else if begins("/proc/") || begins("/sys/") {
        ("a file of the kernel's", "")
    } else if path.ends_with(b"/") || [b"".as_slice(), b".", b".."].contains(&last) {
        ("a directory", "it is the path of a file")
    } else {
        return Ok(PathBuf::from(OsString::from_vec(plain)));
    };
    let name = String::from_utf8_lossy(path);
    let problem = field.wrong(format_args!("{} is {what}", quoted(&name)));
    Err(match hint {
        "" => problem,
        hint => problem.note(hint),
    })
}

/// Without `//`, `/.` and a `/` at its end.
fn plain(path: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(path.len());
    for part in path.split(|b| *b == b'/') {
        if part.is_empty() || part == b"." {
            continue;
        }
        if !plain.is_empty() || path.starts_with(b"/") {
            plain.push(b'/');
        }
        plain.extend_from_slice(part);
    }
    plain
}

/// Whether it leads to a descriptor of whoever opens it (LOG-5).
fn is_descriptor(path: &[u8]) -> bool {
    let begins = |with: &str| path.starts_with(with.as_bytes());
    let is_in_fd = || path.windows(4).any(|part| part == b"/fd/");
    begins("/dev/std") || begins("/dev/fd/") || begins("/proc/") && is_in_fd()
}
