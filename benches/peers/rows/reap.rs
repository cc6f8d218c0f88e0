//! Reaping orphans: CPU time of PID 1 per reap, in portions of 1000 that the
//! contenders get in turns; one orphan after the other, or a thousand at once.

use std::io::Result;

use super::{Alive, ONE, group_of_alive, start_with_board};
use crate::contender::{Bench, LIMIT};
use crate::report::{Section, TIMES};
use crate::stats::micros;

const PORTION: u16 = 1000;

pub(super) fn measure(bench: &mut Bench) -> Result<Vec<Section>> {
    let rounds = bench.rounds(20);
    let stream = one_mode(bench, "stream", rounds)?;
    let burst = one_mode(bench, "burst", rounds)?;
    Ok(vec![stream, burst])
}

fn one_mode(bench: &mut Bench, mode: &'static str, rounds: usize) -> Result<Section> {
    let portion = PORTION.to_string();
    let mut alive: Vec<Alive> = Vec::new();
    for who in bench.contenders(ONE) {
        alive.push(Alive::start(who, |who| {
            start_with_board(bench, who, "orphans", &[mode, &portion])
        }));
    }
    let mut group = group_of_alive("", &mut alive, rounds, |running, board| {
        let before = running.cpu()?;
        board.expect(1);
        board.go();
        board.wait(LIMIT)?;
        Ok(micros(before, running.cpu()?) / f64::from(PORTION))
    });
    for (line, one) in group.lines.iter_mut().zip(&alive) {
        if let (Ok(cells), Ok((_, board))) = (&mut line.cells, one.parts()) {
            cells.push(f64::from(board.unreaped()));
        }
    }
    let (id, how, target) = match mode {
        "stream" => ("reap stream", "one by one", "≤ 1.3 × floor"),
        _ => ("reap burst", "1000 at once", "≤ 1.2 × floor"),
    };
    Ok(Section {
        id,
        title: format!(
            "CPU of PID 1 per orphan, {how}, in µs, {} orphans; the most seen unreaped",
            rounds * usize::from(PORTION)
        ),
        columns: TIMES.into_iter().chain(["unreaped"]).collect(),
        headline: 1,
        target,
        groups: vec![group],
    })
}
