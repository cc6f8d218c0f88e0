//! Tables: columns as wide as their widest cell, and no row wider than the terminal.

/// How rows are shown.
#[derive(Debug)]
pub(super) struct Table {
    /// How many columns the terminal has; `None`: it is none, and nothing is cut.
    width: Option<usize>,
    has_colour: bool,
    /// The columns whose cells stand at the right.
    pub(super) numbers: &'static [usize],
    /// Whether the last column stands below the others where there is no room for all of
    /// it: below titles in all rows, else in those. It is cut otherwise.
    pub(super) folds: bool,
    /// Whether the first row has titles.
    pub(super) has_titles: bool,
    /// How wide the columns are by now: what comes later stands below what came first.
    widths: Vec<usize>,
}

/// Between two columns.
const GAP: usize = 2;

impl Table {
    pub(super) fn new(width: Option<usize>, has_colour: bool) -> Table {
        Table {
            width,
            has_colour,
            numbers: &[],
            folds: false,
            has_titles: false,
            widths: Vec::new(),
        }
    }

    /// Lines, of which those with tabs are rows.
    pub(super) fn align(&mut self, text: &str) -> String {
        for row in text.lines().filter(|line| line.contains('\t')) {
            for (place, cell) in row.split('\t').enumerate() {
                if place == self.widths.len() {
                    self.widths.push(0);
                }
                if let Some(widest) = self.widths.get_mut(place) {
                    *widest = cell.chars().count().max(*widest);
                }
            }
        }
        let all = self.widths.iter().map(|width| width + GAP).sum::<usize>() - GAP;
        let last = self.widths.last().copied().unwrap_or_default();
        let fits = |note: &str| all - last + note.chars().count() <= self.room();
        let folds_all = self.folds && self.has_titles && all > self.room();
        let mut aligned = String::new();
        let mut is_title = self.has_titles;
        for line in text.lines() {
            match line.rsplit_once('\t') {
                None => aligned.push_str(line),
                Some((row, note)) if folds_all || (self.folds && !fits(note)) => {
                    self.row(&mut aligned, row);
                    if !note.is_empty() && !is_title {
                        aligned.push_str("\n  ");
                        push_cut(&mut aligned, note, self.room().saturating_sub(2));
                    }
                }
                Some(_) => self.row(&mut aligned, line),
            }
            aligned.push('\n');
            is_title = false;
        }
        aligned
    }

    fn room(&self) -> usize {
        self.width.unwrap_or(usize::MAX)
    }

    fn row(&self, line: &mut String, row: &str) {
        let mut left = self.room();
        // Those that nothing may follow.
        let mut blanks = 0;
        for (place, (cell, width)) in row.split('\t').zip(&self.widths).enumerate() {
            let length = cell.chars().count();
            let missing = width - length;
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

/// A text as far as there is room for it.
fn push_cut(line: &mut String, text: &str, room: usize) {
    if text.chars().count() <= room {
        line.push_str(text);
    } else {
        line.extend(text.chars().take(room.saturating_sub(1)));
        line.push('…');
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
