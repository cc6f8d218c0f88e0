//! The relay's memory when it begins, and after 10 GB of one program went through it.

use std::io::Result;

use super::{drain, relay_of, start};
use crate::contender::{Bench, Contender, arrival};
use crate::observe::{Memory, memory};
use crate::report::{Group, Kind, Line, Section};

/// After so many bytes it has all that it needs.
const WARM: u64 = 100_000_000;

/// So many go through, and change nothing.
const ALL: u64 = 10_000_000_000;

const WAYS: [(&str, &str); 2] = [
    ("prefixed", "stdout = \"prefix\""),
    ("unchanged", "ready = { log = \"none of them\" }"),
];

pub(in crate::rows) fn measure(bench: &mut Bench) -> Result<Vec<Section>> {
    let all = if bench.quick { ALL / 10 } else { ALL };
    let mut groups = Vec::new();
    for (label, keys) in WAYS {
        let mut lines = Vec::new();
        for who in bench.contenders(&[Kind::Lastout]) {
            lines.push(Line {
                cells: over(bench, &who, keys, all).map_err(|error| error.to_string()),
                name: who.name,
                kind: who.kind,
            });
        }
        groups.push(Group {
            label: label.into(),
            lines,
        });
    }
    Ok(vec![Section {
        id: "relay-memory",
        title: format!(
            "the relay's memory after {} MB and after {} MB of one program, in kB",
            WARM / 1_000_000,
            all / 1_000_000
        ),
        columns: vec!["RSS, first", "RSS, last", "own, first", "own, last"],
        headline: 1,
        target: "RSS ≤ 2 MB, and no more at the end",
        groups,
    }])
}

fn over(bench: &mut Bench, who: &Contender, keys: &str, all: u64) -> Result<Vec<f64>> {
    let board = bench.board()?;
    board.expect(1);
    let (program, path) = (bench.tools.program("lines"), board.path());
    let tables = format!("[program.web]\ncommand = [\"{program}\", \"{path}\", \"0\"]\n{keys}\n");
    let (running, mut reader) = start(bench, who, &tables)?;
    arrival(&running, &board)?;
    board.go();
    let mut look = |bytes: u64| -> Result<Memory> {
        drain(&mut reader, bytes)?;
        memory(relay_of(&running)?)
    };
    let (first, last) = (look(WARM)?, look(all - WARM)?);
    Ok(vec![first.rss, last.rss, first.private, last.private])
}
