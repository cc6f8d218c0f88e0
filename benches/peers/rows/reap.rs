//! Reaping orphans: CPU time of PID 1 per reap, in portions of 1000 that the
//! contenders get in turns.
//!
//! Stream: one orphan exits after the other, at the pace of their making, so
//! that each costs a wake-up. Burst: PID 1 is stopped while a thousand exit, and
//! finds them all when it is continued; else it depends on the scheduler how
//! many of them it meets at a time.

use std::collections::BTreeMap;
use std::io::Result;

use super::{Alive, ONE, group_of_alive, start_with_board};
use crate::board::Board;
use crate::contender::{Bench, arrival};
use crate::launch::{Running, now};
use crate::report::{Group, Section, TIMES};
use crate::stats::{micros, p50};

const PORTION: u16 = 1000;

pub(super) fn measure(bench: &mut Bench) -> Result<Vec<Section>> {
    let rounds = bench.rounds(20);
    let orphans = rounds * usize::from(PORTION);
    let section = |id, title, column, target, group| Section {
        id,
        title: format!("CPU of PID 1 per orphan, {title}, in µs, {orphans} orphans"),
        columns: TIMES.into_iter().chain([column]).collect(),
        headline: 1,
        target,
        groups: vec![group],
    };
    let streamed = stream(bench, rounds);
    let drained = burst(bench, rounds);
    Ok(vec![
        section(
            "reap stream",
            "one by one",
            "unreaped",
            "≤ 1.3 × floor",
            streamed,
        ),
        section(
            "reap burst",
            "1000 at once",
            "drained, ms",
            "≤ 1.2 × floor",
            drained,
        ),
    ])
}

fn start_all(bench: &mut Bench, mode: &str) -> Vec<Alive> {
    let portion = PORTION.to_string();
    Alive::start_all(bench, ONE, |bench, who| {
        start_with_board(bench, who, "orphans", &[mode, &portion])
    })
}

/// The last column is the most orphans that were there when all had exited.
fn stream(bench: &mut Bench, rounds: usize) -> Group {
    let mut alive = start_all(bench, "stream");
    let group = group_of_alive("", &mut alive, rounds, |running, board| {
        let before = running.cpu()?;
        let_go(running, board)?;
        per_orphan(running, before)
    });
    with_column(group, &alive, |_, board| f64::from(board.unreaped()))
}

/// The last column is the median time from the continuing of PID 1 to the moment
/// when no orphan is left.
fn burst(bench: &mut Bench, rounds: usize) -> Group {
    let mut alive = start_all(bench, "burst");
    let mut drained: BTreeMap<libc::pid_t, Vec<f64>> = BTreeMap::new();
    let group = group_of_alive("", &mut alive, rounds, |running, board| {
        running.signal(libc::SIGSTOP)?;
        let_go(running, board)?;
        let (before, from) = (running.cpu()?, now());
        running.signal(libc::SIGCONT)?;
        let_go(running, board)?;
        let times = drained.entry(running.pid()).or_default();
        times.push(micros(from, board.last()) / 1000.0);
        per_orphan(running, before)
    });
    with_column(group, &alive, |running, _| {
        drained
            .get(&running.pid())
            .map_or(f64::NAN, |times| p50(times))
    })
}

fn let_go(running: &Running, board: &Board) -> Result<()> {
    board.expect(1);
    board.go();
    arrival(running, board)
}

fn per_orphan(running: &Running, before: u64) -> Result<f64> {
    Ok(micros(before, running.cpu()?) / f64::from(PORTION))
}

fn with_column(
    mut group: Group,
    alive: &[Alive],
    value: impl Fn(&Running, &Board) -> f64,
) -> Group {
    for (line, one) in group.lines.iter_mut().zip(alive) {
        if let (Ok(cells), Ok((running, board))) = (&mut line.cells, one.parts()) {
            cells.push(value(running, board));
        }
    }
    group
}
