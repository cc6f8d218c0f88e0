//! The environment of a program: `env_file`, `secrets` and `environment`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::slice;

use lastout_core::ProgramSpec;

use super::super::env_file;
use super::super::environment::Variable;
use super::super::problem::{Problem, Problems};
use super::super::read::{self, Unreadable};
use super::super::text::{printable, quoted};
use super::super::tree::{Entry, Value};
use super::super::value::Field;
use super::Reader;

/// The last of a name wins.
type Variables = Vec<Variable>;

impl Reader<'_> {
    /// What is set for this program: by lastout, by its files, by its secrets and by
    /// its own keys, of which the later win.
    pub(super) fn own_variables(
        &self,
        spec: &ProgramSpec,
        is_one_of_many: bool,
        problems: &mut Problems,
    ) -> Variables {
        let mut variables = Vec::new();
        let owner = self.variables.owner;
        variables.extend(owner.map(|o| variable("LASTOUT_PROGRAM", o.program)));
        let owner = owner.filter(|_| is_one_of_many);
        variables.extend(owner.map(|o| variable("LASTOUT_INSTANCE", o.instance)));
        let watchdog = spec.watchdog.map(|time| time.as_micros().to_string());
        variables.extend(watchdog.map(|time| variable("WATCHDOG_USEC", &time)));
        self.env_files(&mut variables, problems);
        // The variables of `[defaults]` and the program's own win one by one.
        let tables = [
            self.field("secrets"),
            self.keys.default("environment"),
            self.keys.own("environment"),
        ];
        for field in tables.into_iter().flatten() {
            self.table(field, &mut variables, problems);
        }
        variables
    }

    /// The variables of `secrets` or `environment`.
    fn table(&self, field: Field<'_>, variables: &mut Variables, problems: &mut Problems) {
        let is_secret = field.name == "secrets";
        let Value::Table(table) = &field.node.value else {
            let hint = match is_secret {
                true => "as { NAME = \"/run/secrets/name\" }",
                false => "as { NAME = \"value\" }",
            };
            problems.error(field.expected("a table").note(hint));
            return;
        };
        for entry in table {
            let field = field.part(&entry.node);
            let value = check_name(field, entry).and_then(|()| match is_secret {
                true => self.secret(field),
                false if entry.node.value.string().is_none() => {
                    let problem = field.expected("a string");
                    Err(problem.note("values are strings: NAME = \"1\""))
                }
                false => self.expanded(field, "a string"),
            });
            variables.extend(problems.take(value).map(|v| (entry.name.clone(), v)));
        }
    }

    fn env_files(&self, variables: &mut Variables, problems: &mut Problems) {
        let Some(field) = self.field("env_file") else {
            return;
        };
        let nodes = if let Value::Array(items) = &field.node.value {
            items.as_slice()
        } else {
            slice::from_ref(field.node)
        };
        for node in nodes {
            let read = self.env_file(field.part(node));
            variables.extend(problems.take(read).unwrap_or_default());
        }
    }

    fn env_file(&self, field: Field<'_>) -> Result<Variables, Problem> {
        let bytes = self.expanded(field, "a path or an array of paths")?;
        let (may_be_missing, bytes) = match bytes.strip_prefix(b"-") {
            Some(rest) => (true, rest),
            None => (false, bytes.as_slice()),
        };
        let Some(path) = self.file(field, bytes)? else {
            return Ok(Vec::new());
        };
        let text = match read::read(&path) {
            Ok(contents) => contents.text,
            Err(Unreadable {
                is_missing: true, ..
            }) if may_be_missing => return Ok(Vec::new()),
            Err(Unreadable { why, is_missing }) => {
                let problem = field.wrong(why);
                return Err(match is_missing {
                    true => problem.note("with a - before its name it may be missing"),
                    false => problem,
                });
            }
        };
        env_file::parse(&text, self.variables.environment).map_err(|(line, why)| {
            let name = printable(&path.to_string_lossy());
            field.wrong(format_args!("{name}:{line}: {why}"))
        })
    }

    /// The content of a file, less one newline.
    fn secret(&self, field: Field<'_>) -> Result<Vec<u8>, Problem> {
        let bytes = self.expanded(field, "a path")?;
        let Some(path) = self.file(field, &bytes)? else {
            return Ok(Vec::new());
        };
        let (mut bytes, _) = read::read_bytes(&path).map_err(|e| field.wrong(e.why))?;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        }
        match bytes.contains(&0) {
            true => {
                let name = printable(&path.to_string_lossy());
                let why = "a NUL byte, which no variable can hold";
                Err(field.wrong(format_args!("{name}: there is {why}")))
            }
            false => Ok(bytes),
        }
    }

    /// Where a file is that is named relative to the one that names it; `None`: it is not
    /// to be read.
    fn file(&self, field: Field<'_>, name: &[u8]) -> Result<Option<PathBuf>, Problem> {
        if name.is_empty() {
            return Err(field.wrong("the path is empty"));
        }
        let folder = self.files.folder(field.node.place.file);
        Ok((!self.is_draft).then(|| folder.join(OsStr::from_bytes(name))))
    }
}

fn variable(name: &str, value: &str) -> Variable {
    (name.to_owned(), value.as_bytes().to_vec())
}

fn check_name(field: Field<'_>, entry: &Entry) -> Result<(), Problem> {
    let name = entry.name.as_str();
    if !name.is_empty() && !name.contains(['=', '\0']) {
        return Ok(());
    }
    Err(field
        .wrong(format_args!(
            "{} cannot be the name of a variable",
            quoted(name)
        ))
        .moved_to(entry.place))
}
