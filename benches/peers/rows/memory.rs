//! Memory of PID 1 while its program waits, or its 1, 100 and 1000 programs do.
//! These figures do not vary, so each is read once.

use std::io::Result;
use std::time::Duration;

use super::{Alive, MANY, ONE, start_with_board};
use crate::contender::{Bench, Many, pause};
use crate::observe::memory;
use crate::report::{Group, Line, Section};

const COUNTS: [u32; 3] = [1, 100, 1000];

pub(super) fn measure(bench: &mut Bench) -> Result<Vec<Section>> {
    let mut groups = vec![Group {
        label: String::new(),
        lines: Vec::new(),
    }];
    for who in bench.contenders(ONE) {
        let alive = Alive::start(who, |who| {
            start_with_board(bench, who, "program", &["wait"])
        });
        groups[0].lines.push(line_of(alive, None));
    }
    let mut of_one: Vec<Option<f64>> = Vec::new();
    for count in COUNTS {
        let mut lines = Vec::new();
        for (index, who) in bench.contenders(MANY).into_iter().enumerate() {
            let alive = Alive::start(who, |who| bench.start_many(who, &Many::prompt(count)));
            let base = of_one
                .get(index)
                .copied()
                .flatten()
                .map(|base| (count, base));
            let line = line_of(alive, base);
            of_one.push(line.cells.as_ref().ok().map(|cells| cells[2]));
            lines.push(line);
        }
        groups.push(Group {
            label: format!("{count} programs"),
            lines,
        });
    }
    Ok(vec![Section {
        id: "memory",
        title: "memory of PID 1, in kB; a program more: private dirty".into(),
        columns: vec!["RSS", "PSS", "private dirty", "program more"],
        headline: 2,
        target: "≤ 130 kB, ≤ 2 kB a program more; RSS ≤ 900 kB",
        groups,
    }])
}

/// `base` is the count of programs and the private memory of a single one.
fn line_of(alive: Alive, base: Option<(u32, f64)>) -> Line {
    // Two seconds see a supervisor past the second in which its programs start.
    pause(Duration::from_secs(2));
    let cells = alive.parts().and_then(|(running, _)| memory(running.pid()));
    let cells = cells.map(|memory| {
        let mut cells = vec![memory.rss, memory.pss, memory.private_dirty];
        cells
            .extend(base.map(|(count, base)| (memory.private_dirty - base) / f64::from(count - 1)));
        cells
    });
    Line {
        name: alive.who.name,
        kind: alive.who.kind,
        cells: cells.map_err(|error| error.to_string()),
    }
}
