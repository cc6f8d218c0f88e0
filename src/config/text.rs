//! The files of a configuration as text, and places in them.
//!
//! Turns a byte range into what a person finds again: file, line, column, and the
//! line itself with carets under the culprit. Never fails: a range that is none is
//! moved to the nearest one that is.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A line of an excerpt is at most this wide, so that it fits on 80 columns.
const WIDTH: usize = 74;

/// What is kept of a long line before the culprit.
const LEAD: usize = 24;

/// One of the files of a configuration, in the order in which they were read.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct FileId(usize);

/// Some bytes of one of the files.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Place {
    pub(super) file: FileId,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Place {
    /// Its number in the order of the files: no file is longer than 2²⁴ bytes.
    pub(super) fn rank(self) -> u64 {
        (self.file.0 as u64 + 1) << 24 | self.start as u64
    }
}

/// All files of a configuration; the first is the one that includes the others.
#[derive(Debug, Default)]
pub(super) struct Files(Vec<File>);

#[derive(Debug)]
struct File {
    name: String,
    folder: PathBuf,
    text: String,
}

impl Files {
    /// Takes a file in.
    pub(super) fn add(&mut self, path: &Path, text: String) -> FileId {
        let name = printable(&path.to_string_lossy());
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        self.0.push(File { name, folder, text });
        FileId(self.0.len() - 1)
    }

    /// The whole text of a file.
    pub(super) fn text(&self, file: FileId) -> &str {
        self.0.get(file.0).map_or("", |f| f.text.as_str())
    }

    /// The folder that a file is in.
    pub(super) fn folder(&self, file: FileId) -> &Path {
        self.0.get(file.0).map_or(Path::new(""), |f| &f.folder)
    }

    /// The place of a byte range, which need not be a sound one.
    pub(super) fn place(&self, file: FileId, range: Range<usize>) -> Place {
        let text = self.text(file);
        let start = char_start(text, range.start);
        let end = char_start(text, range.end.max(start)).max(start);
        Place { file, start, end }
    }

    /// The bytes of a place.
    pub(super) fn slice(&self, place: Place) -> &str {
        self.text(place.file)
            .get(place.start..place.end)
            .unwrap_or_default()
    }

    /// Where in a value that was written at `place` a text stands, as far as that can
    /// be told through the escapes of TOML.
    pub(super) fn find_within(&self, place: Place, text: &str) -> Place {
        match self.slice(place).find(text) {
            Some(offset) if !text.is_empty() => Place {
                start: place.start + offset,
                end: place.start + offset + text.len(),
                ..place
            },
            Some(_) | None => place,
        }
    }

    /// `file:line:column`, both from one, the column in characters.
    pub(super) fn position(&self, place: Place) -> String {
        let before = self.text(place.file).get(..place.start).unwrap_or_default();
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default();
        let column = column.chars().count() + 1;
        let name = self.0.get(place.file.0).map_or("", |f| f.name.as_str());
        format!("{name}:{line}:{column}")
    }

    /// The beginning of the line on which a place begins.
    pub(super) fn line_of(&self, place: Place) -> Place {
        let start = self.line(place).start;
        Place { start, ..place }
    }

    /// The range of the line on which a place begins.
    fn line(&self, place: Place) -> Range<usize> {
        let text = self.text(place.file);
        let (before, after) = text.split_at_checked(place.start).unwrap_or((text, ""));
        let start = before.rfind('\n').map_or(0, |i| i + 1);
        let end = after.find('\n').map_or(text.len(), |i| place.start + i);
        start..end
    }

    /// The line of a place, and a line of carets under it.
    pub(super) fn excerpt(&self, place: Place) -> (String, String) {
        let text = self.text(place.file);
        let line = self.line(place);
        let before = text.get(line.start..place.start).unwrap_or_default();
        let after = text.get(place.start..line.end).unwrap_or_default();
        let after = after.strip_suffix('\r').unwrap_or(after);
        let culprit = place.end.min(line.end) - place.start;
        let (culprit, tail) = after.split_at_checked(culprit).unwrap_or((after, ""));

        let is_long = !fits(text.get(line).unwrap_or_default());
        let lead = if is_long { last(before, LEAD) } else { before };
        let mut shown = String::new();
        if lead.len() < before.len() {
            shown.push('…');
        }
        shown.extend(lead.chars().map(visible));
        let indent = width(&shown);

        let room = if is_long { WIDTH - indent } else { usize::MAX };
        let marked = first(culprit, room);
        let rest = first(tail, room.saturating_sub(marked.chars().count()));
        shown.extend(marked.chars().chain(rest.chars()).map(visible));
        if marked.len() + rest.len() < after.len() {
            shown.push('…');
        }
        let carets = "^".repeat(width(marked).max(1));
        (shown, format!("{}{carets}", " ".repeat(indent)))
    }
}

/// A text without what a terminal would act upon.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(visible).collect()
}

/// A name as a message quotes it: printable, and not longer than a line.
pub(super) fn quoted(name: &str) -> Quoted<'_> {
    Quoted(name)
}

/// [`quoted`].
#[derive(Clone, Copy)]
pub(super) struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = first(self.0, 64);
        let dots = if short.len() < self.0.len() {
            "…"
        } else {
            ""
        };
        write!(f, "`{}{dots}`", printable(short))
    }
}

fn visible(c: char) -> char {
    match c {
        '\t' => ' ',
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        // These turn the direction of the text around them.
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            char::REPLACEMENT_CHARACTER
        }
        c => c,
    }
}

fn fits(line: &str) -> bool {
    line.chars().take(WIDTH + 1).count() <= WIDTH
}

fn first(text: &str, characters: usize) -> &str {
    let end = text.char_indices().nth(characters).map(|(i, _)| i);
    end.and_then(|end| text.get(..end)).unwrap_or(text)
}

fn last(text: &str, characters: usize) -> &str {
    let start = text.char_indices().rev().take(characters).last();
    start.and_then(|(i, _)| text.get(i..)).unwrap_or_default()
}

/// How many columns of a terminal a text takes, near enough to put a caret under it.
fn width(text: &str) -> usize {
    text.chars()
        .map(|c| match u32::from(c) {
            0x0300..=0x036f | 0x200b..=0x200d | 0xfe00..=0xfe0f => 0,
            0x1100..=0x115f
            | 0x2e80..=0xa4cf
            | 0xac00..=0xd7a3
            | 0xf900..=0xfaff
            | 0xfe30..=0xfe6f
            | 0xff00..=0xff60
            | 0xffe0..=0xffe6
            | 0x1f300..=0x1faff
            | 0x20000..=0x3fffd => 2,
            _ => 1,
        })
        .sum()
}

/// The last start of a character at or before an offset.
fn char_start(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, range: Range<usize>) -> (String, String, String) {
        let mut files = Files::default();
        let file = files.add(Path::new("f"), text.to_owned());
        let place = files.place(file, range);
        let (line, carets) = files.excerpt(place);
        (files.position(place), line, carets)
    }

    fn of(position: &str, line: &str, carets: &str) -> (String, String, String) {
        (position.into(), line.into(), carets.into())
    }

    #[test]
    fn carets_stand_under_the_culprit() {
        assert_eq!(shown("a = 1\nbc = 2\n", 6..8), of("f:2:1", "bc = 2", "^^"));
        assert_eq!(shown("a = 1\r\nb", 4..5), of("f:1:5", "a = 1", "    ^"));
        assert_eq!(shown("\ta = 1", 1..2), of("f:1:2", " a = 1", " ^"));
        assert_eq!(shown("é = ü", 5..7), of("f:1:5", "é = ü", "    ^"));
        assert_eq!(
            shown("日本 = 1", 9..10),
            of("f:1:6", "日本 = 1", "       ^")
        );
    }

    #[test]
    fn a_place_that_is_none_is_moved_to_the_nearest() {
        assert_eq!(shown("", 0..0), of("f:1:1", "", "^"));
        assert_eq!(shown("a\n", 2..9), of("f:2:1", "", "^"));
        assert_eq!(shown("aé", 2..2), of("f:1:2", "aé", " ^"));
        #[expect(clippy::reversed_empty_ranges, reason = "this is what is tested")]
        let reversed = shown("abc", 2..1);
        assert_eq!(reversed, of("f:1:3", "abc", "  ^"));
    }

    #[test]
    fn a_culprit_of_several_lines_is_marked_on_its_first() {
        assert_eq!(shown("a = [\n1]", 4..8), of("f:1:5", "a = [", "    ^"));
    }

    #[test]
    fn of_a_long_line_the_part_around_the_culprit_is_shown() {
        let long = format!("{} x = 1 {}", "a".repeat(200), "b".repeat(200));
        let (position, line, carets) = shown(&long, 201..202);
        assert_eq!(position, "f:1:202");
        assert!(line.starts_with("…aaa") && line.ends_with("bbb…"), "{line}");
        assert!(line.chars().count() <= WIDTH + 1, "{line}");
        assert_eq!(line.chars().nth(carets.chars().count() - 1), Some('x'));
        let (_, line, carets) = shown(&long, 0..200);
        assert_eq!(line.chars().count(), WIDTH + 1);
        assert_eq!(carets, "^".repeat(WIDTH));
    }

    #[test]
    fn nothing_that_a_terminal_acts_upon_is_shown() {
        let (_, line, _) = shown("a = \"\u{1b}[2J\u{202e}\"", 0..1);
        assert_eq!(line, "a = \"\u{fffd}[2J\u{fffd}\"");
        assert_eq!(quoted("a\nb").to_string(), "`a\u{fffd}b`");
        assert_eq!(
            quoted(&"é".repeat(65)).to_string(),
            format!("`{}…`", "é".repeat(64))
        );
    }
}
