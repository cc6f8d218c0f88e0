//! Context switches and CPU time of PID 1 while nothing happens. All contenders
//! are idle at the same time: whoever is does not disturb the others.

use std::io::Result;
use std::time::Duration;

use super::{Alive, MANY, ONE, start_with_board};
use crate::contender::{Bench, Many, pause};
use crate::observe::switches;
use crate::report::{Group, Line, Section};
use crate::stats::micros;

pub(super) fn measure(bench: &mut Bench) -> Result<Vec<Section>> {
    let seconds = if bench.quick { 5 } else { 30 };
    let one = Alive::start_all(bench, ONE, |bench, who| {
        start_with_board(bench, who, "program", &["wait"])
    });
    let many = Many::prompt(100);
    let many = Alive::start_all(bench, MANY, |bench, who| bench.start_many(who, &many));
    let all = [("", one), ("100 programs", many)];

    // Starting is over when the programs have been up for a second, twice over.
    pause(Duration::from_secs(2));
    let before: Vec<_> = readings(&all);
    pause(Duration::from_secs(seconds));
    let after = readings(&all);

    let mut pairs = before.into_iter().zip(after);
    let groups = all.iter().map(|(label, alive)| Group {
        label: (*label).into(),
        lines: alive
            .iter()
            .zip(&mut pairs)
            .map(|(one, (before, after))| Line {
                name: one.who.name.clone(),
                kind: one.who.kind,
                cells: before.and_then(|before| {
                    let after = after?;
                    Ok(vec![after.0 - before.0, micros(before.1, after.1)])
                }),
            })
            .collect(),
    });
    Ok(vec![Section {
        id: "idle",
        title: format!("PID 1 in {seconds} s in which nothing happens"),
        columns: vec!["switches", "CPU, µs"],
        headline: 0,
        target: "0 switches, 0 µs",
        groups: groups.collect(),
    }])
}

type Reading = std::result::Result<(f64, u64), String>;

fn readings(all: &[(&str, Vec<Alive>)]) -> Vec<Reading> {
    let alive = all.iter().flat_map(|(_, alive)| alive);
    alive
        .map(|one| {
            let (running, _) = one.parts()?;
            Ok((switches(running.pid())?, running.cpu()?))
        })
        .map(|reading: Result<_>| reading.map_err(|error| error.to_string()))
        .collect()
}
