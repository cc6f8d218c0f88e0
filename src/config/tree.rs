//! A file of TOML as a tree in which everything knows its place.
//!
//! The parser's own tables are sorted by name and borrow the text; here entries stand
//! in the order of the file, which is the order in which programs start. Syntax errors
//! are all told, and what could be read in spite of them is returned.

use lastout_core::order;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Problem, Problems};
use super::text::{FileId, Files, Place, quoted};

/// A table, in the order of the file.
pub(super) type Table = Vec<Entry>;

/// A key and what it is set to.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) node: Node,
}

/// A value and where it stands; of a `[table]` that is its header.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

/// A value. What no key takes has no content here.
#[derive(Clone, Debug)]
pub(super) enum Value {
    String(String),
    /// `None`: more than 64 bits hold.
    Integer(Option<i64>),
    /// As it was written: nobody needs it as a number.
    Float(String),
    Boolean(bool),
    Date,
    Array(Vec<Node>),
    Table(Table),
}

impl Value {
    /// Its text, if it is a string.
    pub(super) fn string(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Date
            | Value::Array(_)
            | Value::Table(_) => None,
        }
    }

    /// What it is, with its article.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Value::String(_) => "a string",
            Value::Integer(_) => "an integer",
            Value::Float(_) => "a float",
            Value::Boolean(_) => "a boolean",
            Value::Date => "a date",
            Value::Array(_) => "an array",
            Value::Table(_) => "a table",
        }
    }
}

/// The entry of that name.
pub(super) fn get<'a>(table: &'a [Entry], name: &str) -> Option<&'a Entry> {
    table.iter().find(|entry| entry.name == name)
}

/// Reads a file that is already in `files`.
pub(super) fn parse(files: &Files, file: FileId, problems: &mut Problems) -> Table {
    let (table, errors) = DeTable::parse_recoverable(files.text(file));
    for error in errors {
        let span = error.span().unwrap_or_default();
        let before = files.text(file).get(..span.start).unwrap_or_default();
        let place = files.place(file, span);
        let message = match error.message() {
            "duplicate key" => format!("{} is set twice", quoted(files.slice(place))),
            message => message.to_owned(),
        };
        let mut problem = Problem::at(place, message).of_syntax();
        // As supervisord's file has it.
        if before.ends_with("[program") && files.slice(place).starts_with(':') {
            problem = problem.note("a program is `[program.NAME]` here");
        }
        problems.error(problem);
    }
    Planting { files, file }.table(table.into_inner())
}

struct Planting<'a> {
    files: &'a Files,
    file: FileId,
}

impl Planting<'_> {
    fn table(&self, table: DeTable<'_>) -> Table {
        let mut entries: Table = table
            .into_iter()
            // Where a value is missing, the parser puts one of no length.
            .filter(|(_, value)| !value.span().is_empty())
            .map(|(key, value)| Entry {
                place: self.files.place(self.file, key.span()),
                name: key.into_inner().into_owned(),
                node: self.node(value),
            })
            .collect();
        order::sort_by(&mut entries, |a, b| a.place.rank().cmp(&b.place.rank()));
        entries
    }

    /// Recurses; the parser lets nothing deeper than 80 levels through.
    fn node(&self, value: Spanned<DeValue<'_>>) -> Node {
        let place = self.files.place(self.file, value.span());
        let value = match value.into_inner() {
            DeValue::String(text) => Value::String(text.into_owned()),
            DeValue::Integer(n) => Value::Integer(i64::from_str_radix(n.as_str(), n.radix()).ok()),
            DeValue::Float(n) => Value::Float(n.as_str().to_owned()),
            DeValue::Boolean(b) => Value::Boolean(b),
            DeValue::Datetime(_) => Value::Date,
            DeValue::Array(items) => {
                let items = items.into_iter().filter(|item| !item.span().is_empty());
                Value::Array(items.map(|item| self.node(item)).collect())
            }
            DeValue::Table(table) => Value::Table(self.table(table)),
        };
        Node { place, value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn parsed(text: &str) -> (Table, Files, Problems) {
        let mut files = Files::default();
        let file = files.add(Path::new("f"), text.to_owned());
        let mut problems = Problems::default();
        let table = parse(&files, file, &mut problems);
        (table, files, problems)
    }

    #[test]
    fn entries_stand_in_the_order_of_the_file() {
        let (table, files, problems) = parsed("[t.z]\nx = 1\n[t.a]\ny.b = 2\ny.a = 3\n[b]\n");
        assert!(problems.is_empty());
        let names = |t: &Table| t.iter().map(|e| e.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&table), ["t", "b"]);
        let Value::Table(t) = &table[0].node.value else {
            panic!("no table");
        };
        assert_eq!(names(t), ["z", "a"]);
        assert_eq!(files.slice(t[0].node.place), "[t.z]");
        assert_eq!(files.slice(t[0].place), "z");
    }

    #[test]
    fn all_syntax_errors_are_told_and_the_rest_is_read() {
        let (table, files, problems) = parsed("a = \nb = 1x\nc = 3\nc = 4\n");
        assert!(get(&table, "a").is_none());
        assert!(get(&table, "c").is_some());
        let report = problems.report(&files);
        assert_eq!(report.count(), 3, "{report}");
        assert!(
            report.errors()[2].starts_with("f:4:1: `c` is set twice"),
            "{report}"
        );
    }

    #[test]
    fn a_program_of_supervisord_is_told_what_it_is_called_here() {
        let (_, files, problems) = parsed("[program:web]\ncommand = 'x'\n[a:b]\n");
        let report = problems.report(&files);
        let hint = "[program:web]\n  |         ^\n  a program is `[program.NAME]` here";
        assert!(report.errors()[0].ends_with(hint), "{report}");
        assert!(report.errors()[1].ends_with('^'), "{report}");
    }

    #[test]
    fn deep_nesting_is_refused_and_not_followed() {
        for deep in [
            "a = ".to_owned() + &"[".repeat(100_000),
            "a = ".to_owned() + &"{a=".repeat(100_000),
            "a.".repeat(100_000) + "a = 1",
        ] {
            let (_, _, problems) = parsed(&deep);
            assert!(!problems.is_empty());
        }
    }
}
