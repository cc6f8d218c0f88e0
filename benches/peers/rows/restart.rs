//! From the last instruction of a program to the first of its next instance,
//! after a life that is longer than the back-off: the restart that should be
//! immediate. The benchmark says when to die, so that the contenders take turns.

use std::io::Result;
use std::time::Duration;

use super::{Alive, MANY, group_of_alive};
use crate::board::Board;
use crate::contender::{Bench, Contender, arrival, pause};
use crate::launch::Running;
use crate::report::{Section, TIMES};

pub(super) fn measure(bench: &mut Bench) -> Result<Vec<Section>> {
    let rounds = bench.rounds(300);
    let mut alive = Alive::start_all(bench, MANY, start);
    let group = group_of_alive("", &mut alive, rounds, |running, board| {
        pause(Duration::from_millis(25));
        board.expect(1);
        board.go();
        arrival(running, board)?;
        let nanoseconds = board.last() as f64;
        Ok(nanoseconds / 1000.0)
    });
    Ok(vec![Section {
        id: "restart",
        title: format!("death → first instruction of the next instance, in µs, {rounds} rounds"),
        columns: TIMES.to_vec(),
        headline: 1,
        target: "≤ 1.2 × floor",
        groups: vec![group],
    }])
}

fn start(bench: &mut Bench, who: &Contender) -> Result<(Running, Board)> {
    let board = bench.board()?;
    board.expect(1);
    let (program, path) = (bench.tools.program("program"), board.path());
    let argv = match &who.path {
        None => vec![
            bench.tools.program("restart"),
            program,
            path,
            "mortal".into(),
        ],
        Some(lastout) => {
            let file = bench.configuration(&format!(
                "[program.mortal]\ncommand = [\"{program}\", \"{path}\", \"mortal\"]\n\
                 startsecs = 0\nautorestart = \"always\"\n\
                 backoff = \"10ms\"\nbackoff_max = \"10ms\"\n"
            ))?;
            vec![lastout.display().to_string(), "-c".into(), file]
        }
    };
    let running = bench.launcher.launch(&argv)?;
    arrival(&running, &board)?;
    Ok((running, board))
}
