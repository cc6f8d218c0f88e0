//! Tables: columns as wide as their widest cell, and no line wider than the terminal.

use super::out::Out;

/// Rows, the first of which may be titles.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<Vec<String>>,
    /// The columns whose cells stand at the right.
    numbers: &'static [usize],
    /// Whether the last column stands below the others where there is no room for it.
    folds: bool,
    has_titles: bool,
}

/// Between two columns.
const GAP: usize = 2;

impl Table {
    /// With these titles. `numbers`: which columns have their cells at the right.
    pub(super) fn new(titles: &[&str], numbers: &'static [usize]) -> Table {
        let mut table = Table {
            rows: Vec::new(),
            numbers,
            folds: false,
            has_titles: !titles.is_empty(),
        };
        if !titles.is_empty() {
            table.add(titles.iter().map(|title| (*title).to_owned()).collect());
        }
        table
    }

    /// Whose last column is not to be cut: where there is no room for all of it, it
    /// stands below the others.
    pub(super) fn folding(self) -> Table {
        Table {
            folds: true,
            ..self
        }
    }

    /// One more row.
    pub(super) fn add(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// Takes a column out in which nothing stands below its title.
    pub(super) fn drop_if_empty(&mut self, column: usize) {
        let is_empty = |row: &Vec<String>| row.get(column).is_none_or(|cell| cell == "-");
        if self.rows.iter().skip(1).all(is_empty) {
            for row in self.rows.iter_mut().filter(|row| row.len() > column) {
                row.remove(column);
            }
        }
    }

    /// Writes it.
    pub(super) fn write(&self, out: &mut Out) {
        for line in self.lines(out) {
            out.say(&line);
        }
    }

    /// Its lines.
    pub(super) fn lines(&self, out: &Out) -> Vec<String> {
        let mut widths: Vec<usize> = Vec::new();
        for row in &self.rows {
            for (place, cell) in row.iter().enumerate() {
                let width = cell.chars().count();
                match widths.get_mut(place) {
                    Some(widest) => *widest = width.max(*widest),
                    None => widths.push(width),
                }
            }
        }
        let all = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
        let rows = self.rows.iter();
        if !self.folds || out.width.is_none_or(|width| all <= width) {
            return rows.map(|row| self.line(row, &widths, out)).collect();
        }
        let last = widths.len().saturating_sub(1);
        let mut lines = Vec::new();
        for (place, row) in rows.enumerate() {
            lines.push(self.line(row.get(..last).unwrap_or(row), &widths, out));
            let is_title = self.has_titles && place == 0;
            let note = row.get(last).filter(|note| !note.is_empty() && !is_title);
            lines.extend(note.map(|note| out.cut(&format!("  {note}"))));
        }
        lines
    }

    fn line(&self, row: &[String], widths: &[usize], out: &Out) -> String {
        let mut left = out.width.unwrap_or(usize::MAX);
        let mut line = String::new();
        // Blanks that nothing may follow.
        let mut blanks = 0;
        for (place, (cell, width)) in row.iter().zip(widths).enumerate() {
            let length = cell.chars().count();
            let missing = width - length;
            let is_number = self.numbers.contains(&place);
            blanks += if is_number { missing } else { 0 };
            if length > 0 {
                if blanks >= left {
                    break;
                }
                line.push_str(&" ".repeat(blanks));
                left -= blanks;
                blanks = 0;
                if length > left {
                    line.extend(cell.chars().take(left - 1));
                    line.push('…');
                    return line;
                }
                left -= length;
                paint(&mut line, cell, place > 0 && out.has_colour);
            }
            blanks += GAP + if is_number { 0 } else { missing };
        }
        line
    }
}

/// A cell, with a colour where it tells of good or bad.
fn paint(line: &mut String, cell: &str, has_colour: bool) {
    let colour = match cell {
        "RUNNING" | "healthy" => "32",
        "STARTING" | "STOPPING" | "BACKOFF" | "starting" => "33",
        "FATAL" | "unhealthy" => "31",
        _ => "",
    };
    if has_colour && !colour.is_empty() {
        line.extend(["\x1b[", colour, "m", cell, "\x1b[0m"]);
    } else {
        line.push_str(cell);
    }
}

#[cfg(test)]
mod tests;
