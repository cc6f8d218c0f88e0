//! A hundred programs that write without end: how much more the first of them gets through
//! than the last, and how much memory the relay has then, the last 64 KiB of each included.

use std::collections::BTreeMap;
use std::io::{Error, PipeReader, Read, Result};
use std::time::Duration;

use super::{relay_of, start};
use crate::contender::{Bench, Contender, arrival, name};
use crate::launch::now;
use crate::observe::memory;
use crate::report::{Group, Kind, Line, Section};

const PROGRAMS: u32 = 100;

pub(in crate::rows) fn measure(bench: &mut Bench) -> Result<Vec<Section>> {
    let time = Duration::from_secs(if bench.quick { 1 } else { 10 });
    let lines = bench
        .contenders(&[Kind::Lastout])
        .into_iter()
        .map(|who| Line {
            cells: shares(bench, &who, time).map_err(|error| error.to_string()),
            kind: who.kind,
            name: who.name,
        });
    let lines = lines.collect();
    Ok(vec![Section {
        id: "relay-fair",
        title: format!("{PROGRAMS} programs that write without end, {time:?}"),
        columns: vec!["most/least", "million", "RSS, kB"],
        headline: 0,
        target: "≤ 2",
        groups: vec![Group {
            label: String::new(),
            lines,
        }],
    }])
}

fn shares(bench: &mut Bench, who: &Contender, time: Duration) -> Result<Vec<f64>> {
    let board = bench.board()?;
    board.expect(PROGRAMS);
    let (program, path) = (bench.tools.program("lines"), board.path());
    let tables: String = (0..PROGRAMS)
        .map(|place| {
            let name = name(place);
            format!(
                "[program.{name}]\ncommand = [\"{program}\", \"{path}\", \"0\"]\nstdout = \"prefix\"\n"
            )
        })
        .collect();
    let (running, mut reader) = start(bench, who, &tables)?;
    arrival(&running, &board)?;
    board.go();
    let counts = count(&mut reader, time)?;
    if counts.len() < PROGRAMS as usize {
        return Err(Error::other(format!("only {} were heard", counts.len())));
    }
    let most = counts.values().max().copied().unwrap_or(0);
    let least = counts.values().min().copied().unwrap_or(0);
    let all: u64 = counts.values().sum();
    Ok(vec![
        most as f64 / least as f64,
        all as f64 / 1e6,
        memory(relay_of(&running)?)?.rss,
    ])
}

/// The lines of each, by the first bytes: `p0042 | xxx…`.
fn count(reader: &mut PipeReader, time: Duration) -> Result<BTreeMap<Vec<u8>, u64>> {
    let mut counts: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
    let mut buffer = vec![0; 1 << 20];
    let mut kept = 0;
    let end = now() + u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    while now() < end {
        let length = kept + reader.read(&mut buffer[kept..])?;
        let whole = buffer[..length]
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |newline| newline + 1);
        for line in buffer[..whole].split_inclusive(|byte| *byte == b'\n') {
            let name = line.get(..5).unwrap_or_default();
            match counts.get_mut(name) {
                Some(count) => *count += 1,
                None => drop(counts.insert(name.to_vec(), 1)),
            }
        }
        buffer.copy_within(whole..length, 0);
        kept = length - whole;
    }
    Ok(counts)
}
