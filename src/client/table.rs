//! Tables: columns as wide as their widest cell, and no row wider than the terminal.

mod fit;

pub(super) use fit::push_broken;
use fit::{columns, push_cut, push_shortened};

/// How rows are shown.
#[derive(Debug)]
pub(super) struct Table {
    /// How many columns the terminal has; `None`: it is none, and nothing is cut.
    width: Option<usize>,
    has_colour: bool,
    /// The columns whose cells stand at the right.
    pub(super) numbers: &'static [usize],
    /// The column of names: where the others would have no room these are shortened.
    pub(super) names: usize,
    /// What becomes of a last cell that does not fit.
    pub(super) notes: Notes,
    /// How wide the columns are by now: what comes later stands below what came first.
    widths: Vec<usize>,
}

/// What becomes of notes, which are the last cells of rows, where there is no room for all
/// of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Notes {
    /// They are cut.
    Cut,
    /// Those that do not fit stand below their row.
    Below,
    /// They are cut, in a table with titles; where nearly nothing would be left of them
    /// all stand below, and have no title.
    Status,
}

/// Between two columns.
const GAP: usize = 2;
/// How narrow names may become.
const LEAST_NAME: usize = 16;
/// How much room notes have at least that are not to stand below.
const LEAST_NOTE: usize = 16;
/// For how much room for notes names are shortened: less where long notes stand below.
const GOOD_NOTE: usize = 38;
const GOOD_CUT_NOTE: usize = 44;

impl Table {
    pub(super) fn new(width: Option<usize>, has_colour: bool) -> Table {
        Table {
            width,
            has_colour,
            numbers: &[],
            names: 0,
            notes: Notes::Cut,
            widths: Vec::new(),
        }
    }

    /// Whether there is less room than most rows of several words would take.
    pub(super) fn is_narrow(&self) -> bool {
        self.width.is_some_and(|width| width < 100)
    }

    /// Lines, of which those with tabs are rows. Others are broken at their blanks where
    /// they would be wider than the terminal.
    pub(super) fn align(&mut self, text: &str) -> String {
        for row in text.lines().filter(|line| line.contains('\t')) {
            for (place, cell) in row.split('\t').enumerate() {
                if place == self.widths.len() {
                    self.widths.push(0);
                }
                if let Some(widest) = self.widths.get_mut(place) {
                    *widest = columns(cell).max(*widest);
                }
            }
        }
        let room = self.room();
        let (widths, left) = self.shared();
        let all_below = self.notes == Notes::Status && left < LEAST_NOTE && {
            let last = self.widths.last().copied().unwrap_or_default();
            last > left
        };
        let mut aligned = String::new();
        let mut is_title = self.notes == Notes::Status;
        for line in text.lines() {
            match line.rsplit_once('\t') {
                None => push_broken(&mut aligned, line, room),
                Some((row, note))
                    if all_below || (self.notes == Notes::Below && columns(note) > left) =>
                {
                    self.row(&mut aligned, row, &widths);
                    if !note.is_empty() && !is_title {
                        aligned.push('\n');
                        let note = ["  ", note].concat();
                        match all_below {
                            true => push_cut(&mut aligned, &note, room),
                            false => push_broken(&mut aligned, &note, room),
                        }
                    }
                }
                Some(_) => self.row(&mut aligned, line, &widths),
            }
            aligned.push('\n');
            is_title = false;
        }
        aligned
    }

    fn room(&self) -> usize {
        self.width.unwrap_or(usize::MAX)
    }

    /// How wide the columns are shown, and how much is left for notes.
    fn shared(&self) -> (Vec<usize>, usize) {
        let mut widths = self.widths.clone();
        let last = widths.pop().unwrap_or_default();
        let taken: usize = widths.iter().map(|width| width + GAP).sum();
        let wanted = match self.notes {
            // Where there is not even room for them they stand below, and take none.
            Notes::Status => 0,
            Notes::Below => last.min(GOOD_NOTE),
            Notes::Cut => last.min(GOOD_CUT_NOTE),
        };
        let too_much = (taken + wanted).saturating_sub(self.room());
        let mut left = self.room().saturating_sub(taken);
        if let Some(name) = widths.get_mut(self.names) {
            let shorter = name.saturating_sub(too_much).max(LEAST_NAME).min(*name);
            left = self.room().saturating_sub(taken - (*name - shorter));
            *name = shorter;
        }
        widths.push(last);
        (widths, left)
    }

    fn row(&self, line: &mut String, row: &str, widths: &[usize]) {
        let mut left = self.room();
        // Those that nothing may follow.
        let mut blanks = 0;
        for (place, (cell, width)) in row.split('\t').zip(widths).enumerate() {
            let mut short = String::new();
            let cell = match place == self.names && columns(cell) > *width {
                true => {
                    push_shortened(&mut short, cell, *width);
                    short.as_str()
                }
                false => cell,
            };
            let length = columns(cell);
            let missing = width.saturating_sub(length);
            let is_number = self.numbers.contains(&place);
            blanks += if is_number { missing } else { 0 };
            if length > 0 {
                if blanks >= left {
                    break;
                }
                for _ in 0..blanks {
                    line.push(' ');
                }
                left -= blanks;
                blanks = 0;
                let colour = colour_of(cell).filter(|_| place > 0 && self.has_colour);
                line.push_str(colour.unwrap_or_default());
                push_cut(line, cell, left);
                line.push_str(colour.map_or("", |_| "\x1b[0m"));
                left = left.saturating_sub(length);
            }
            blanks += GAP + if is_number { 0 } else { missing };
        }
    }
}

/// The colour of a cell that tells of good or bad.
fn colour_of(cell: &str) -> Option<&'static str> {
    match cell {
        "RUNNING" | "healthy" => Some("\x1b[32m"),
        "STARTING" | "STOPPING" | "BACKOFF" | "starting" => Some("\x1b[33m"),
        "FATAL" | "unhealthy" => Some("\x1b[31m"),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
