//! Starting and stopping programs. Start: from the exec of the supervisor to the
//! first instruction of the last program. Stop: from TERM at the supervisor to
//! the return of waitpid.

use std::io::Result;
use std::time::Duration;

use super::{MANY, group_of, programs};
use crate::contender::{Bench, Contender, LIMIT, Many, expect_success, pause};
use crate::launch::now;
use crate::report::{Group, Section, TIMES};
use crate::stats::{Series, interleave, micros};

pub(super) fn measure(bench: &mut Bench) -> Result<Vec<Section>> {
    let (mut starts, mut stops) = (Vec::new(), Vec::new());
    for (count, full) in [(1, 100), (10, 100), (100, 40), (1000, 10)] {
        let rounds = bench.rounds(full);
        let label = programs(count);
        let (start, stop) = group_of_both(bench, &label, &Many::prompt(count), rounds);
        starts.push(start);
        stops.push(stop);
    }
    let slow = Many {
        mode: "slow",
        odd_mode: "slow",
        ..Many::prompt(10)
    };
    let stubborn = Many {
        odd_mode: "ignore",
        grace: Duration::from_secs(1),
        ..Many::prompt(10)
    };
    let (few, fewer) = (bench.rounds(20), bench.rounds(10));
    let late = vec![
        group_of_both(bench, "10 × 200 ms", &slow, few).1,
        group_of_both(bench, "1 of 10 deaf", &stubborn, fewer).1,
    ];
    let section = |id, title: &str, target, groups| Section {
        id,
        title: title.into(),
        columns: TIMES.to_vec(),
        headline: 1,
        target,
        groups,
    };
    Ok(vec![
        section(
            "start",
            "exec of the supervisor → first instruction of its last program, in ms",
            "≤ 1.5 × floor (1: 2.5)",
            starts,
        ),
        section(
            "stop",
            "TERM at the supervisor → its end; programs that leave at once, in ms",
            "≤ 1.2 × floor",
            stops,
        ),
        section(
            "stop late",
            "the same; all need 200 ms, or one ignores TERM (stopwaitsecs = 1), in ms",
            "≤ 1.01 × floor",
            late,
        ),
    ])
}

fn group_of_both(bench: &mut Bench, label: &str, many: &Many, rounds: usize) -> (Group, Group) {
    let who = bench.contenders(MANY);
    let who = who.into_iter().map(|one| (one, many)).collect();
    start_and_stop(bench, label, who, rounds)
}

/// Starts and stops of contenders, each with programs of its own.
pub(super) fn start_and_stop(
    bench: &mut Bench,
    label: &str,
    mut who: Vec<(Contender, &Many)>,
    rounds: usize,
) -> (Group, Group) {
    // The starts of a round are taken on the way to its stops, by contender.
    let mut starts: Vec<Series> = who
        .iter()
        .map(|_| Series {
            samples: Vec::new(),
            failure: None,
        })
        .collect();
    let names: Vec<String> = who.iter().map(|(one, _)| one.name.clone()).collect();
    let stops = interleave(&mut who, rounds, |(one, many)| {
        let (running, board) = bench.start_many(one, many)?;
        let start = micros(running.exec_at(), board.last()) / 1000.0;
        // The supervisor has gone to sleep before it is told.
        pause(Duration::from_millis(100));
        let from = now();
        running.signal(libc::SIGTERM)?;
        let end = running.wait(LIMIT)?;
        expect_success(end.code)?;
        if let Some(index) = names.iter().position(|name| *name == one.name) {
            starts[index].samples.push(start);
        }
        Ok(micros(from, end.at) / 1000.0)
    });
    for (start, stop) in starts.iter_mut().zip(&stops) {
        start.failure.clone_from(&stop.failure);
    }
    let names = || who.iter().map(|(one, _)| one);
    (
        group_of(label, names(), starts),
        group_of(label, names(), stops),
    )
}
