//! What needs cost: a thousand programs, a hundred of which form a chain in which each
//! needs the one before it, against the same thousand without. Such a chain starts one
//! after the other, and is stopped the other way round.

use std::io::Result;

use super::stop::start_and_stop;
use crate::contender::{Bench, Contender, Many, name};
use crate::report::{Kind, Section, TIMES};

const PROGRAMS: u32 = 1000;
const CHAIN: u32 = 100;

pub(super) fn measure(bench: &mut Bench) -> Result<Vec<Section>> {
    let free = Many {
        keys: |_| up_at_once(),
        ..Many::prompt(PROGRAMS)
    };
    let chained = Many {
        keys: |place| {
            let mut keys = up_at_once();
            if (1..CHAIN).contains(&place) {
                let before = name(place - 1);
                keys.push_str(&format!("depends_on = {{ {before} = \"started\" }}\n"));
            }
            keys
        },
        ..Many::prompt(PROGRAMS)
    };
    let mut who = Vec::new();
    for (number, lastout) in (0..).zip(bench.contenders(&[Kind::Lastout])) {
        let named = |name: &str, kind| Contender {
            name: name.into(),
            kind,
            ..lastout.clone()
        };
        // Of several builds the first is what the others are compared with.
        if number == 0 {
            who.push((named("without needs", Kind::Floor), &free));
            who.push((named("without again", Kind::Again), &free));
        }
        who.push((lastout, &chained));
    }
    let rounds = bench.rounds(10);
    let (start, stop) = start_and_stop(bench, "", who, rounds);
    let section = |id, title: String, target, group| Section {
        id,
        title,
        columns: TIMES.to_vec(),
        headline: 1,
        target,
        groups: vec![group],
    };
    let programs = format!("{PROGRAMS} programs, {CHAIN} of them a chain of needs");
    Ok(vec![
        section(
            "chain start",
            format!("{programs}: exec → first instruction of the last, in ms"),
            "≤ 1.3 × without",
            start,
        ),
        section(
            "chain stop",
            format!("{programs}: TERM → the end, in ms"),
            "≤ 2000 ms",
            stop,
        ),
    ])
}

/// Up as soon as it is exec'ed: there is no second in which nothing happens.
fn up_at_once() -> String {
    String::from("startsecs = 0\n")
}
