//! A key that is a table of keys.

use super::super::keys;
use super::super::problem::Problems;
use super::super::tree::Table;
use super::super::value::Field;

/// Such a key, and its table.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    pub(super) field: Field<'a>,
    pub(super) table: &'a Table,
}

impl<'a> Parts<'a> {
    pub(super) fn get(&self, name: &str) -> Option<Field<'a>> {
        self.field.get(name)
    }

    /// Refuses what is no part.
    pub(super) fn refuse_unknown(&self, all: &[&str], problems: &mut Problems) {
        let section = format!("`{}` in {}", self.field.name, self.field.section);
        keys::refuse_unknown(self.table, &section, all, problems);
    }

    /// Whether there is a part that was refused: most likely it was meant for what is
    /// missed.
    pub(super) fn has_unknown(&self, all: &[&str]) -> bool {
        self.table.iter().any(|e| !all.contains(&e.name.as_str()))
    }

    /// The one that is set of some that exclude each other; refuses what is no part.
    pub(super) fn one_of(
        &self,
        all: &[&str],
        ways: &[&str],
        problems: &mut Problems,
    ) -> Option<Field<'a>> {
        self.refuse_unknown(all, problems);
        let mut set = self
            .table
            .iter()
            .filter(|e| ways.contains(&e.name.as_str()));
        let first = set.next().map(|entry| self.field.inner(entry));
        let valid = || format!("one of: {}", ways.join(", "));
        match (first, set.next()) {
            (Some(first), None) => return Some(first),
            (Some(first), Some(second)) => {
                problems.error(
                    self.field
                        .wrong(format_args!(
                            "only one of `{}` and `{}`",
                            first.name, second.name
                        ))
                        .moved_to(second.place),
                );
            }
            (None, _) if self.has_unknown(all) => {}
            (None, _) => {
                let problem = self.field.wrong("it does not say how").note(valid());
                problems.error(problem.of_absence());
            }
        }
        None
    }
}
