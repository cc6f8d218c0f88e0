//! Memory of PID 1 while its program waits, or its 1, 100 and 1000 programs do.
//! These figures do not vary, so each is read once; and a second floor would
//! share its pages with the first, which is not how an init runs.

use std::io::Result;
use std::time::Duration;

use super::{Alive, programs, start_with_board};
use crate::contender::{Bench, Many, pause};
use crate::observe::memory;
use crate::report::{Group, Kind, Line, Section};

const ONE: &[Kind] = &[Kind::Floor, Kind::Peer, Kind::Lastout];
const MANY: &[Kind] = &[Kind::Floor, Kind::Lastout];

const FEW: u32 = 1;
const COUNTS: [u32; 2] = [100, 1000];

/// The column of the private memory that was written to.
const DIRTY: usize = 2;

pub(super) fn measure(bench: &mut Bench) -> Result<Vec<Section>> {
    // A page of an executable that was just built counts as dirty until it is on disk.
    // SAFETY: sync takes nothing and cannot fail.
    unsafe { libc::sync() };
    let one = Alive::start_all(bench, ONE, |bench, who| {
        start_with_board(bench, who, "program", &["wait"])
    });
    let alone = group_of("", one);
    let few = of_many(bench, FEW);
    let mut groups = vec![alone];
    let mut more = Vec::new();
    for count in COUNTS {
        let group = of_many(bench, count);
        more.push(per_program(&few, &group, count));
        groups.push(group);
    }
    groups.insert(1, few);
    Ok(vec![
        Section {
            id: "memory",
            title: "memory of PID 1 while its program waits, or its programs, in kB".into(),
            columns: vec!["RSS", "PSS", "priv. dirty"],
            headline: DIRTY,
            target: "≤ 130 kB, RSS ≤ 900 kB",
            groups,
        },
        Section {
            id: "memory more",
            title: "private dirty memory of PID 1 that a program more costs, in kB".into(),
            columns: vec!["a program"],
            headline: 0,
            target: "≤ 2 kB a program more",
            groups: more,
        },
    ])
}

fn of_many(bench: &mut Bench, count: u32) -> Group {
    let many = Many::prompt(count);
    let all = Alive::start_all(bench, MANY, |bench, who| bench.start_many(who, &many));
    group_of(&programs(count), all)
}

fn group_of(label: &str, alive: Vec<Alive>) -> Group {
    // Two seconds see a supervisor past the second in which its programs start.
    pause(Duration::from_secs(2));
    let line_of = |alive: Alive| {
        let memory = alive.parts().and_then(|(running, _)| memory(running.pid()));
        let cells = memory.map(|memory| vec![memory.rss, memory.pss, memory.private_dirty]);
        Line {
            name: alive.who.name,
            kind: alive.who.kind,
            cells: cells.map_err(|error| error.to_string()),
        }
    };
    Group {
        label: label.into(),
        lines: alive.into_iter().map(line_of).collect(),
    }
}

/// What each of the `count` programs costs more than the few do.
fn per_program(few: &Group, many: &Group, count: u32) -> Group {
    let line_of = |(few, many): (&Line, &Line)| {
        let difference = |few: &Vec<f64>, many: &Vec<f64>| {
            vec![(many[DIRTY] - few[DIRTY]) / f64::from(count - FEW)]
        };
        let cells = match (&few.cells, &many.cells) {
            (Ok(few), Ok(many)) => Ok(difference(few, many)),
            (Err(why), _) | (_, Err(why)) => Err(why.clone()),
        };
        Line {
            name: many.name.clone(),
            kind: many.kind,
            cells,
        }
    };
    Group {
        label: many.label.clone(),
        lines: few.lines.iter().zip(&many.lines).map(line_of).collect(),
    }
}
