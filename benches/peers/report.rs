//! What a run found: sections of groups of lines, as text and as JSON.
//!
//! Within a group every line is compared with the floor's, and lastout's with
//! the best peer's. The floor takes part twice: what its two lines differ by is
//! the resolution, below which no ratio of the group means anything.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::stats::{Series, p50, quantile};

/// What a contender is to the others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// The command without an init.
    Alone,
    Floor,
    /// The floor once more.
    Again,
    Peer,
    Lastout,
}

/// One contender's figures, in the order of the section's columns.
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) cells: Result<Vec<f64>, String>,
}

/// Lines that are compared with one another.
pub(crate) struct Group {
    pub(crate) label: String,
    pub(crate) lines: Vec<Line>,
}

/// One row of the benchmark.
pub(crate) struct Section {
    pub(crate) id: &'static str,
    pub(crate) title: String,
    pub(crate) columns: Vec<&'static str>,
    /// The column that the ratios compare.
    pub(crate) headline: usize,
    pub(crate) target: &'static str,
    pub(crate) groups: Vec<Group>,
}

/// The columns of a row of samples.
pub(crate) const TIMES: [&str; 3] = ["min", "p50", "p99"];

impl Line {
    /// The minimum, median and 99th percentile of a series.
    pub(crate) fn of(name: &str, kind: Kind, series: Series) -> Self {
        let samples = &series.samples;
        let cells = [
            quantile(samples, 0.0),
            p50(samples),
            quantile(samples, 0.99),
        ];
        Self {
            name: name.into(),
            kind,
            cells: series.failure.map_or(Ok(cells.to_vec()), Err),
        }
    }

    fn cell(&self, column: usize) -> Option<f64> {
        self.cells.as_ref().ok()?.get(column).copied()
    }
}

impl Group {
    fn value(&self, kind: Kind, column: usize) -> Option<f64> {
        let line = self.lines.iter().find(|line| line.kind == kind)?;
        line.cell(column)
    }

    fn over_floor(&self, line: &Line, column: usize) -> Option<f64> {
        ratio(line.cell(column)?, self.value(Kind::Floor, column)?)
    }

    fn over_best_peer(&self, line: &Line, column: usize) -> Option<f64> {
        if line.kind != Kind::Lastout {
            return None;
        }
        let peers = self.lines.iter().filter(|line| line.kind == Kind::Peer);
        let best = peers
            .filter_map(|line| line.cell(column))
            .reduce(f64::min)?;
        ratio(line.cell(column)?, best)
    }
}

fn ratio(value: f64, reference: f64) -> Option<f64> {
    (reference > 0.0).then_some(value / reference)
}

impl Section {
    /// The section as people read it, at most 100 columns wide.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |words: String| {
            text.push_str(words.trim_end());
            text.push('\n');
        };
        line(format!("{}: {}", self.id, self.title));
        let mut heads = format!("{:30}", "");
        for column in &self.columns {
            let _ = write!(heads, "{column:>12}");
        }
        line(format!("{heads}{:>10}{:>12}", "× floor", "× best peer"));
        for group in &self.groups {
            for one in &group.lines {
                let name = match group.label.as_str() {
                    "" => format!("  {}", one.name),
                    label => format!("  {label}: {}", one.name),
                };
                let cells = match &one.cells {
                    Ok(cells) => cells.iter().fold(String::new(), |mut row, &cell| {
                        let _ = write!(row, "{:>12}", number(cell));
                        row
                    }),
                    Err(why) => {
                        line(format!("{name:30}  failed: {why}"));
                        continue;
                    }
                };
                let floor = shown(group.over_floor(one, self.headline));
                let best = shown(group.over_best_peer(one, self.headline));
                line(format!("{name:30}{cells}{floor:>10}{best:>12}"));
            }
        }
        text
    }

    /// The lines of the summary: one a group, of lastout alone.
    pub(crate) fn summary(&self) -> String {
        let mut text = String::new();
        for group in &self.groups {
            let Some(line) = group.lines.iter().find(|line| line.kind == Kind::Lastout) else {
                continue;
            };
            let again = group.lines.iter().find(|line| line.kind == Kind::Again);
            let noise = again.and_then(|again| group.over_floor(again, self.headline));
            let name = format!("{} {}", self.id, group.label);
            let value = line.cell(self.headline).map_or("failed".into(), number);
            let floor = shown(group.over_floor(line, self.headline));
            let best = shown(group.over_best_peer(line, self.headline));
            let noise = shown(noise);
            let _ = writeln!(
                text,
                "{name:26}{value:>10}{floor:>9}{noise:>13}{best:>13}   {}",
                self.target
            );
        }
        text
    }

    pub(crate) fn json(&self) -> Value {
        let groups: Vec<Value> = self
            .groups
            .iter()
            .map(|group| self.json_of(group))
            .collect();
        json!({
            "row": self.id,
            "title": self.title,
            "columns": self.columns,
            "headline": self.columns.get(self.headline),
            "target": self.target,
            "groups": groups,
        })
    }

    fn json_of(&self, group: &Group) -> Value {
        let lines: Vec<Value> = group
            .lines
            .iter()
            .map(|line| {
                json!({
                    "name": line.name,
                    "kind": format!("{:?}", line.kind).to_lowercase(),
                    "cells": line.cells.as_ref().ok(),
                    "failed": line.cells.as_ref().err(),
                    "over_floor": group.over_floor(line, self.headline),
                    "over_best_peer": group.over_best_peer(line, self.headline),
                })
            })
            .collect();
        json!({ "label": group.label, "lines": lines })
    }
}

/// The head of the summary.
pub(crate) fn summary_head() -> String {
    format!(
        "{:26}{:>10}{:>9}{:>13}{:>13}   {}\n",
        "lastout", "headline", "× floor", "floor twice", "× best peer", "target"
    )
}

fn shown(ratio: Option<f64>) -> String {
    ratio.map_or(String::new(), |ratio| format!("{ratio:.2}"))
}

/// Three digits that mean something, whole numbers above a hundred.
fn number(value: f64) -> String {
    match value.abs() {
        size if size < 0.005 => "0".into(),
        size if size == size.trunc() || size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
