//! `INIT -- true`: from the exec of the init to the return of waitpid, less the
//! median of the same time of `true` alone, which takes its turns with them.

use std::io::Result;

use super::{ONE, group_of};
use crate::contender::{Bench, Contender, LIMIT, expect_success};
use crate::report::{Kind, Section, TIMES};
use crate::stats::{interleave, micros, p50};

pub(super) fn measure(bench: &mut Bench) -> Result<Vec<Section>> {
    let rounds = bench.rounds(300);
    let command = bench.tools.program("true");
    let mut subjects = vec![Contender {
        name: "true alone".into(),
        kind: Kind::Alone,
        path: None,
    }];
    subjects.extend(bench.contenders(ONE));
    let mut series = interleave(&mut subjects, rounds, |who| {
        let running = bench.start_one(who, &[&command])?;
        let from = running.exec_at();
        let end = running.wait(LIMIT)?;
        expect_success(end.code)?;
        Ok(micros(from, end.at))
    });
    let alone = p50(&series.remove(0).samples);
    let samples = series.iter_mut().flat_map(|one| &mut one.samples);
    samples.for_each(|sample| *sample -= alone);
    Ok(vec![Section {
        id: "run",
        title: format!(
            "`INIT -- true` as PID 1, time over exec'ing true directly ({:.0} µs), in µs, {rounds} rounds",
            alone
        ),
        columns: TIMES.to_vec(),
        headline: 1,
        target: "≤ 0.8 × best peer",
        groups: vec![group_of("", subjects[1..].iter(), series)],
    }])
}
