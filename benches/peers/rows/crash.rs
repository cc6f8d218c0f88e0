//! A program that fails as soon as it runs, and is started again: what that costs PID 1
//! each time when there is no pause, against a C loop, and what it costs the machine with
//! the pauses that it has by default, and with one of 50 ms each time.

use std::io::Result;
use std::time::Duration;

use super::MANY;
use crate::board::Board;
use crate::contender::{Bench, Contender, arrival, pause};
use crate::launch::{Running, now};
use crate::observe::cpu_of_children;
use crate::report::{Group, Kind, Line, Section};

/// The pauses: none, those of a program that says nothing of them, and a short one.
const AT_ONCE: &str = "backoff = 0\nbackoff_max = 0\n";
const DEFAULT: &str = "";
const SHORT: &str = "backoff = 0.05\nbackoff_max = 0.05\n";

pub(super) fn measure(bench: &mut Bench) -> Result<Vec<Section>> {
    let seconds = if bench.quick { 2 } else { 20 };
    let spin = Duration::from_secs(seconds) / 10;
    let each = bench.contenders(MANY).into_iter().map(|who| {
        let cells = watch(bench, &who, AT_ONCE, spin).map(|loops| {
            let each = loops.cpu as f64 / f64::from(loops.restarts) / 1000.0;
            vec![each, f64::from(loops.restarts)]
        });
        line_of(who, cells)
    });
    let each = Group {
        label: String::new(),
        lines: each.collect(),
    };
    let mut shares = Vec::new();
    for (label, keys) in [("by default", DEFAULT), ("every 50 ms", SHORT)] {
        let lines = bench.contenders(&[Kind::Lastout]).into_iter().map(|who| {
            let cells = watch(bench, &who, keys, Duration::from_secs(seconds)).map(|loops| {
                let percent = |cpu: u64| cpu as f64 / loops.time as f64 * 100.0;
                let restarts = f64::from(loops.restarts);
                vec![
                    percent(loops.cpu),
                    percent(loops.cpu + loops.programs),
                    restarts,
                ]
            });
            line_of(who, cells)
        });
        shares.push(Group {
            label: label.into(),
            lines: lines.collect(),
        });
    }
    Ok(vec![
        Section {
            id: "crash",
            title: "CPU of PID 1 for each restart of a program that fails at once, in µs".into(),
            columns: vec!["CPU", "restarts"],
            headline: 0,
            target: "≤ 2 × floor",
            groups: vec![each],
        },
        Section {
            id: "crash loop",
            title: format!("the same with pauses, in {seconds} s, in percent of a core"),
            columns: vec!["PID 1", "and program", "restarts"],
            headline: 0,
            target: "≤ 1 %",
            groups: shares,
        },
    ])
}

/// What a time of crashes has cost, in nanoseconds.
struct Loops {
    restarts: u32,
    time: u64,
    /// Of PID 1.
    cpu: u64,
    /// Of those that it has reaped.
    programs: u64,
}

fn watch(bench: &mut Bench, who: &Contender, keys: &str, time: Duration) -> Result<Loops> {
    let (running, board) = start(bench, who, keys)?;
    let reading = || -> Result<Loops> {
        Ok(Loops {
            restarts: board.arrived(),
            time: now(),
            cpu: running.cpu()?,
            programs: cpu_of_children(running.pid())?,
        })
    };
    let before = reading()?;
    pause(time);
    let after = reading()?;
    Ok(Loops {
        restarts: after.restarts - before.restarts,
        time: after.time - before.time,
        cpu: after.cpu - before.cpu,
        programs: after.programs - before.programs,
    })
}

fn start(bench: &mut Bench, who: &Contender, keys: &str) -> Result<(Running, Board)> {
    let board = bench.board()?;
    board.expect(1);
    let (program, path) = (bench.tools.program("program"), board.path());
    let argv = match &who.path {
        None => vec![
            bench.tools.program("restart"),
            program,
            path,
            "brief".into(),
        ],
        Some(lastout) => {
            let file = bench.configuration(&format!(
                "[program.brief]\ncommand = [\"{program}\", \"{path}\", \"brief\"]\n\
                 startsecs = 0\nautorestart = \"always\"\n{keys}"
            ))?;
            vec![lastout.display().to_string(), "-c".into(), file]
        }
    };
    let running = bench.launcher.launch(&argv)?;
    arrival(&running, &board)?;
    Ok((running, board))
}

fn line_of(who: Contender, cells: Result<Vec<f64>>) -> Line {
    Line {
        name: who.name,
        kind: who.kind,
        cells: cells.map_err(|error| error.to_string()),
    }
}
