//! Commands: what runs, what runs before and after it, and what asks how it is.

use std::ffi::CString;

use lastout_core::ProgramSpec;

use super::super::problem::{Problem, Problems};
use super::super::tree::Value;
use super::super::value::Field;
use super::super::words::{self, Unsplittable};
use super::Reader;
use crate::plan::Launch;

/// What is told of one command; the rest is most likely of the same kind.
const MOST_WORD_ERRORS: usize = 20;

/// Words that mean something to a shell, and nothing to a program.
const SHELL_WORDS: [&str; 10] = ["|", "||", "&", "&&", ";", "<", ">", ">>", "2>", "2>&1"];

impl Reader<'_> {
    pub(super) fn commands(
        &self,
        spec: &mut ProgramSpec,
        launch: &mut Launch,
        problems: &mut Problems,
    ) {
        let mut of_key = |name| self.command(self.field(name)?, problems);
        launch.argv = of_key("command").unwrap_or_default();
        launch.pre_start = of_key("pre_start");
        launch.post_stop = of_key("post_stop");
        spec.pre_start = launch.pre_start.is_some();
        spec.post_stop = launch.post_stop.is_some();
    }

    /// The words of a command, if nothing is wrong with it.
    pub(super) fn command(
        &self,
        field: Field<'_>,
        problems: &mut Problems,
    ) -> Option<Vec<CString>> {
        let words = self.words(field, problems);
        let words = problems.take(words)?;
        let mut argv = Vec::with_capacity(words.len());
        let mut errors = 0;
        for (field, word) in &words {
            let bytes = field.expand(word, &self.variables, self.files);
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
        Some(argv)
    }

    /// The words as they are written, each with the field that it is a part of.
    fn words<'f>(
        &self,
        field: Field<'f>,
        problems: &mut Problems,
    ) -> Result<Vec<(Field<'f>, String)>, Problem> {
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
            let rest = text.get(at..).unwrap_or_default();
            let place = self.files.find_within(field.node.place, rest);
            field.wrong(message).moved_to(place)
        })?;
        let is_for_shell = |(word, is_quoted): &&(String, bool)| {
            !is_quoted && SHELL_WORDS.contains(&word.as_str())
        };
        if let Some((word, _)) = words.iter().find(is_for_shell) {
            problems.warning(field.wrong(format_args!(
                "no shell reads this: `{word}` is an argument like any other"
            )));
        }
        Ok(words.into_iter().map(|(word, _)| (field, word)).collect())
    }
}
