//! What is wrong with a configuration, and how it is told.
//!
//! Every check notes what it finds and goes on, so that all errors of a file are told
//! at once, in the order of the file. A problem says where it is, what is wrong, what
//! is right, and which name was probably meant.

use std::collections::BTreeSet;
use std::fmt::{self, Display};

use lastout_core::order;

use super::text::{Files, Place, quoted};

/// More than this many are counted, not shown: nobody reads on, and a file of nothing
/// but errors must not cost more than its size.
const SHOWN: usize = 100;

/// Longer names have no neighbours; it keeps the comparison cheap.
const LONGEST_NAME: usize = 64;

/// Something that is wrong, or surely not meant. One pointer, since every reader of a key
/// passes one on, or none.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Problem(Box<Wrong>);

#[derive(Clone, Debug, Eq, PartialEq)]
struct Wrong {
    place: Option<Place>,
    kind: Kind,
    message: String,
    /// Each perhaps with what is to be seen elsewhere.
    notes: Vec<(String, Option<Place>)>,
}

/// How a problem relates to the others.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Kind {
    /// The text is no TOML. What else is wrong on that line follows from it.
    Syntax,
    /// Something is not there. It may stand where the text could not be read.
    Absence,
    /// A whole file cannot be read.
    File,
    /// Stands for itself.
    Plain,
}

impl Problem {
    /// Something wrong at a place.
    pub(super) fn at(place: Place, message: impl Display) -> Problem {
        Problem::new(Some(place), &message)
    }

    /// Something wrong that stands in no file.
    pub(super) fn nowhere(message: impl Display) -> Problem {
        Problem::new(None, &message)
    }

    fn new(place: Option<Place>, message: &dyn Display) -> Problem {
        Problem(Box::new(Wrong {
            place,
            kind: Kind::Plain,
            message: message.to_string(),
            notes: Vec::new(),
        }))
    }

    /// The same at another place.
    pub(super) fn moved_to(mut self, place: Place) -> Problem {
        self.0.place = Some(place);
        self
    }

    /// It is a matter of the syntax of TOML.
    pub(super) fn of_syntax(mut self) -> Problem {
        self.0.kind = Kind::Syntax;
        self
    }

    /// It is about a whole file.
    pub(super) fn of_file(mut self) -> Problem {
        self.0.kind = Kind::File;
        self
    }

    /// It is about something that is not there.
    pub(super) fn of_absence(mut self) -> Problem {
        self.0.kind = Kind::Absence;
        self
    }

    /// Says more about it.
    pub(super) fn note(self, text: impl Display) -> Problem {
        self.with(&text, None)
    }

    /// Points to another place.
    pub(super) fn see(self, text: impl Display, place: Place) -> Problem {
        self.with(&text, Some(place))
    }

    fn with(mut self, text: &dyn Display, place: Option<Place>) -> Problem {
        self.0.notes.push((text.to_string(), place));
        self
    }

    /// Names the one that was probably meant, if one is near.
    pub(super) fn nearest<'a>(
        self,
        name: &str,
        candidates: impl IntoIterator<Item = &'a str>,
    ) -> Problem {
        self.with_nearest(name, &mut candidates.into_iter())
    }

    fn with_nearest(self, name: &str, candidates: &mut dyn Iterator<Item = &str>) -> Problem {
        match nearest(name, candidates) {
            Some(meant) => self.note(format_args!("did you mean {}?", quoted(meant))),
            None => self,
        }
    }

    /// Its number in the order of the files; at one place by kind.
    fn rank(&self) -> u64 {
        self.0.place.map_or(0, Place::rank) << 2 | self.0.kind as u64
    }

    /// With its line and its notes, as many lines as it takes.
    fn render(&self, files: &Files) -> String {
        let mut text = self.render_line(files);
        if let Some(place) = self.0.place {
            let (line, carets) = files.excerpt(place);
            text.push_str(&format!("\n  | {line}\n  | {carets}"));
        }
        for (note, place) in &self.0.notes {
            text.push_str("\n  ");
            match place {
                None => text.push_str(&wrapped(note)),
                Some(place) => text.push_str(&format!("{note} {}", files.position(*place))),
            }
        }
        text
    }

    /// On one line.
    fn render_line(&self, files: &Files) -> String {
        match self.0.place {
            Some(place) => format!("{}: {}", files.position(place), self.0.message),
            None => self.0.message.clone(),
        }
    }
}

/// A note, broken at its blanks so that it fits on 80 columns.
fn wrapped(note: &str) -> String {
    let mut lines = String::new();
    let mut column = 2;
    for word in note.split_inclusive(' ') {
        let width = word.trim_end().chars().count();
        if column + width > 80 && column > 4 {
            lines.truncate(lines.trim_end().len());
            lines.push_str("\n    ");
            column = 4;
        }
        lines.push_str(word);
        column += word.chars().count();
    }
    lines
}

/// All that was found.
#[derive(Debug, Default)]
pub(super) struct Problems {
    errors: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl Problems {
    /// Notes an error.
    pub(super) fn error(&mut self, problem: Problem) {
        self.errors.push(problem);
    }

    /// Notes what is legal but surely not meant.
    pub(super) fn warning(&mut self, problem: Problem) {
        self.warnings.push(problem);
    }

    /// Takes what a check returned, and notes the error if it is one.
    pub(super) fn take<T>(&mut self, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.error(problem)).ok()
    }

    /// As [`Problems::take`], for what has a default already.
    pub(super) fn take_into<T>(&mut self, target: &mut T, result: Result<T, Problem>) {
        if let Some(value) = self.take(result) {
            *target = value;
        }
    }

    /// How many errors there are so far, with those that are told once only.
    pub(super) fn count(&self) -> usize {
        self.errors.len()
    }

    /// Whether there is no error.
    pub(super) fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// Every warning on a line of its own, in the order of the files.
    pub(super) fn warnings(mut self, files: &Files) -> Vec<String> {
        order::sort_by(&mut self.warnings, |a, b| a.rank().cmp(&b.rank()));
        self.warnings.dedup();
        let shown = self.warnings.iter().take(SHOWN);
        shown.map(|problem| problem.render_line(files)).collect()
    }

    /// Every error that does not merely follow from another, in the order of the files.
    pub(super) fn report(mut self, files: &Files) -> Report {
        order::sort_by(&mut self.errors, |a, b| a.rank().cmp(&b.rank()));
        self.errors.dedup();
        let is_syntax = |p: &Problem| p.0.kind == Kind::Syntax;
        let line = |p: &Problem| match p.0.place {
            Some(place) => (files.line_of(place).rank(), 0),
            None => (0, 0),
        };
        let mut broken: BTreeSet<(u64, u64)> = BTreeSet::new();
        broken.extend(self.errors.iter().filter(|p| is_syntax(p)).map(line));
        let is_unread = |p: &Problem| matches!(p.0.kind, Kind::Syntax | Kind::File);
        let is_whole = !self.errors.iter().any(is_unread);
        let mut told = BTreeSet::new();
        self.errors.retain(|problem| match problem.0.kind {
            Kind::Syntax => told.insert(line(problem)),
            Kind::Absence => is_whole,
            Kind::Plain | Kind::File => !broken.contains(&line(problem)),
        });
        let shown = self.errors.iter().take(SHOWN);
        Report {
            errors: shown.map(|problem| problem.render(files)).collect(),
            count: self.errors.len(),
        }
    }
}

/// Why a configuration is refused: all its errors. Displayed with a blank line between
/// them, without a newline at the end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Report {
    errors: Vec<String>,
    count: usize,
}

impl Report {
    /// How many errors there are; of very many not all are displayed.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The errors, each with its place, its line and its hints.
    #[must_use]
    pub fn errors(&self) -> &[String] {
        &self.errors
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.errors.join("\n\n"))?;
        match self.count.saturating_sub(self.errors.len()) {
            0 => Ok(()),
            more => write!(f, "\n\n… and {more} more"),
        }
    }
}

impl std::error::Error for Report {}

/// The candidate that is most like a name, if one is like it at all.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: &mut dyn Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let name = name.to_ascii_lowercase();
    if name.is_empty() || name.len() > LONGEST_NAME {
        return None;
    }
    let letters = name.chars().count();
    let mut best = None;
    // A third of it may be another, in very short ones a letter.
    let mut least = ((letters + 1) / 3).max(1) + 1;
    let (mut begun, mut count) = (None, 0);
    for candidate in candidates.filter(|c| c.len() <= LONGEST_NAME) {
        let other = candidate.to_ascii_lowercase();
        if letters >= 3 && other.starts_with(&name) {
            begun = Some(candidate);
            count += 1;
        }
        let length = other.chars().count();
        // To be one letter longer is to be one letter away.
        if length.abs_diff(letters) >= least {
            continue;
        }
        let distance = distance(&name, &other);
        // A word that has no letter in common with it is another word.
        if distance < least && distance < letters.max(length) {
            (best, least) = (Some(candidate), distance);
        }
    }
    // The only one that begins like that is meant rather than one with another letter.
    match count == 1 && least > 0 {
        true => begun,
        false => best,
    }
}

/// How many letters must be put in, left out, replaced or swapped with their neighbour
/// to make one word of the other (Damerau and Levenshtein, each letter touched once).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    // Three rows of the table are enough: this one and the two before it.
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let get = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX / 2);
            let replaced = get(&last, j) + usize::from(x != y);
            let mut best = replaced.min(get(&last, j + 1) + 1).min(get(&row, j) + 1);
            let is_swap = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if is_swap {
                best = best.min(get(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn letters_put_in_left_out_replaced_and_swapped_count_one_each() {
        for (a, b, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("autorestrat", "autorestart", 1),
            ("kitten", "sitting", 3),
            ("ab", "ba", 1),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn only_what_is_near_is_proposed() {
        let keys = ["command", "user", "umask"];
        assert_eq!(nearest("comand", &mut keys.into_iter()), Some("command"));
        assert_eq!(nearest("USER", &mut keys.into_iter()), Some("user"));
        assert_eq!(nearest("depends_on", &mut keys.into_iter()), None);
        assert_eq!(nearest("", &mut keys.into_iter()), None);
        let words = ["start", "status", "a", "db", "done", "web-1", "web-2"];
        let meant = |name| nearest(name, &mut words.into_iter());
        assert_eq!([meant("stat"), meant("sta")], [Some("status"), None]);
        assert_eq!([meant("b"), meant("x")], [Some("db"), None]);
        assert_eq!([meant("A"), meant("bd")], [Some("a"), Some("db")]);
        assert_eq!([meant("we"), meant("web"), meant("xy")], [None, None, None]);
        assert_eq!([meant("nope"), meant("doen")], [None, Some("done")]);
        assert_eq!(nearest(&"u".repeat(1000), &mut keys.into_iter()), None);
    }

    #[test]
    fn what_follows_from_broken_syntax_is_not_told() {
        let mut files = Files::default();
        let file = files.add(Path::new("f"), "aa\nbb\ncc".to_owned());
        let at = |range, message: &str| Problem::at(files.place(file, range), message);
        let mut problems = Problems::default();
        problems.error(at(6..7, "stands for itself"));
        problems.error(at(1..2, "follows"));
        problems.error(at(0..1, "syntax").of_syntax());
        problems.error(at(1..2, "more syntax").of_syntax());
        problems.error(at(6..7, "is not there").of_absence());
        let report = problems.report(&files);
        assert_eq!(
            report.to_string(),
            "f:1:1: syntax\n  | aa\n  | ^\n\nf:3:1: stands for itself\n  | cc\n  | ^"
        );
        assert_eq!(report.count(), 2);
    }

    #[test]
    fn of_very_many_errors_the_first_are_shown() {
        let mut problems = Problems::default();
        for i in 0..SHOWN + 5 {
            problems.error(Problem::nowhere(format_args!("{i}")));
        }
        let report = problems.report(&Files::default());
        assert_eq!((report.count(), report.errors().len()), (SHOWN + 5, SHOWN));
        assert!(report.to_string().ends_with("99\n\n… and 5 more"));
    }
}
