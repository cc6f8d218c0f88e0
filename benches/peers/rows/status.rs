//! `lastout status` of 100 programs: from the exec of the client to the return of waitpid,
//! less the median of the same time of `true` alone, which takes its turns with it.

use std::fmt::Write as _;
use std::io::Result;

use crate::board::Board;
use crate::contender::{Bench, Contender, LIMIT, arrival, expect_success, name};
use crate::launch::Running;
use crate::report::{Group, Kind, Line, Section, TIMES};
use crate::stats::{interleave, micros, p50};

/// How many programs are asked about.
const COUNT: u32 = 100;

pub(super) fn measure(bench: &mut Bench) -> Result<Vec<Section>> {
    let rounds = bench.rounds(300);
    let socket = bench.tools.program("control.sock");
    let mut lines = Vec::new();
    // One after the other: they have one socket.
    for who in bench.contenders(&[Kind::Lastout]) {
        let asked = match start(bench, &who, &socket) {
            Ok((running, _board)) => {
                let asked = ask(bench, &who, &socket, rounds);
                drop(running);
                asked
            }
            Err(error) => Err(error),
        };
        lines.push(asked.unwrap_or_else(|error| Line {
            name: who.name,
            kind: who.kind,
            cells: Err(error.to_string()),
        }));
    }
    Ok(vec![Section {
        id: "status",
        title: format!(
            "`lastout status` of {COUNT} programs, time over exec'ing true, in µs, {rounds} rounds"
        ),
        columns: TIMES.to_vec(),
        headline: 1,
        target: "≤ 5000 µs",
        groups: vec![Group {
            label: String::new(),
            lines,
        }],
    }])
}

fn start(bench: &mut Bench, who: &Contender, socket: &str) -> Result<(Running, Board)> {
    let board = bench.board()?;
    board.expect(COUNT);
    let (program, path) = (bench.tools.program("program"), board.path());
    let mut text = format!("[control]\nsocket = \"{socket}\"\n");
    for place in 0..COUNT {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "[program.{}]\ncommand = [\"{program}\", \"{path}\", \"wait\"]\nstartsecs = 0",
            name(place)
        );
    }
    let file = bench.configuration(&text)?;
    let lastout = who.path.clone().unwrap_or_default();
    let argv = [lastout.display().to_string(), "-c".into(), file];
    let running = bench.launcher.launch(&argv)?;
    arrival(&running, &board)?;
    Ok((running, board))
}

/// The client, and `true`, in turns.
fn ask(bench: &mut Bench, who: &Contender, socket: &str, rounds: usize) -> Result<Line> {
    let path = who.path.clone().unwrap_or_default();
    let path = path.display().to_string();
    let client = [&path, "status", "--socket", socket].map(String::from);
    let mut subjects = [vec![bench.tools.program("true")], client.to_vec()];
    let mut series = interleave(&mut subjects, rounds, |argv| {
        let running = bench.launcher.launch(argv)?;
        let from = running.exec_at();
        let end = running.wait(LIMIT)?;
        expect_success(end.code)?;
        Ok(micros(from, end.at))
    });
    let alone = p50(&series.remove(0).samples);
    let mut client = series.remove(0);
    client
        .samples
        .iter_mut()
        .for_each(|sample| *sample -= alone);
    Ok(Line::of(&who.name, who.kind, client))
}
