//! The report for people: the summary, then a line for everybody, in columns. At most
//! 80 characters wide for names of usual length.

use log::Level;

use super::{End, Entry, Report, Who};
use crate::say;

pub(super) fn write(report: &Report, end: &End, level: Level) {
    say::plain(level, &report.summary(end));
    let rows: Vec<Row> = report
        .in_order()
        .into_iter()
        .map(|(entry, of)| Row::new(entry, of))
        .collect();
    let widest = |column: fn(&Row) -> &str| {
        let widths = rows.iter().map(|row| column(row).chars().count());
        widths.max().unwrap_or(0)
    };
    let (who, told) = (widest(|row| &row.who), widest(|row| &row.told));
    for row in &rows {
        let line = match row.told.as_str() {
            "" => format!("  {:who$}  {}", row.who, row.outcome),
            with => format!("  {:who$}  {with:told$}  {}", row.who, row.outcome),
        };
        say::plain(level, &line);
    }
    if report.unnamed > 0 {
        let line = format!("  and {} more, not named here", report.unnamed);
        say::plain(level, &line);
    }
}

/// A line in its three columns.
struct Row {
    who: String,
    told: String,
    outcome: String,
}

impl Row {
    fn new(entry: &Entry, of: Option<&str>) -> Row {
        Row {
            who: match (&entry.who, of) {
                (Who::Leader(name), _) => name.clone(),
                (Who::Other(person), Some(_)) => format!("  + {person}"),
                (Who::Other(person), None) => format!("stray {person}"),
            },
            told: entry
                .told
                .map_or_else(String::new, |(_, signal)| format!("told {signal}")),
            outcome: entry.outcome(),
        }
    }
}
