//! The rows, one module each. A row starts its contenders, measures them in
//! turns and returns its sections; what fails is a line of the table.

mod chain;
mod control;
mod crash;
mod idle;
mod memory;
mod reap;
mod relay;
mod restart;
mod run;
mod signal;
mod size;
mod status;
mod stop;

use std::io::Result;

use crate::board::Board;
use crate::contender::{Bench, Contender, arrival};
use crate::launch::Running;
use crate::report::{Group, Kind, Line};
use crate::stats::{Series, interleave};

/// A row: its name on the command line, and what measures it.
pub(crate) type Row = (
    &'static str,
    fn(&mut Bench) -> Result<Vec<crate::report::Section>>,
);

/// All rows, in the order of the table.
pub(crate) const ROWS: [Row; 16] = [
    ("run", run::measure),
    ("memory", memory::measure),
    ("idle", idle::measure),
    ("reap", reap::measure),
    ("signal", signal::measure),
    ("stop", stop::measure),
    ("chain", chain::measure),
    ("restart", restart::measure),
    ("crash", crash::measure),
    ("relay", relay::measure),
    ("relay-fair", relay::fair::measure),
    ("relay-memory", relay::memory::measure),
    ("relay-signal", relay::signal::measure),
    ("control", control::measure),
    ("status", status::measure),
    ("size", size::measure),
];

/// The contenders that run one command.
const ONE: &[Kind] = &[Kind::Floor, Kind::Again, Kind::Peer, Kind::Lastout];

/// The contenders that run many programs.
const MANY: &[Kind] = &[Kind::Floor, Kind::Again, Kind::Lastout];

/// A contender whose program has arrived and waits for what is to be measured.
struct Alive {
    who: Contender,
    state: std::result::Result<(Running, Board), String>,
}

impl Alive {
    /// Starts one with `start` and keeps the reason if that fails.
    fn start(
        bench: &mut Bench,
        who: Contender,
        start: impl FnOnce(&mut Bench, &Contender) -> Result<(Running, Board)>,
    ) -> Self {
        let state = start(bench, &who).map_err(|error| error.to_string());
        Self { who, state }
    }

    /// Starts all contenders of these kinds, one after the other.
    fn start_all(
        bench: &mut Bench,
        kinds: &[Kind],
        mut start: impl FnMut(&mut Bench, &Contender) -> Result<(Running, Board)>,
    ) -> Vec<Self> {
        let contenders = bench.contenders(kinds).into_iter();
        contenders
            .map(|who| Self::start(bench, who, &mut start))
            .collect()
    }

    fn parts(&self) -> Result<(&Running, &Board)> {
        match &self.state {
            Ok((running, board)) => Ok((running, board)),
            Err(why) => Err(std::io::Error::other(why.clone())),
        }
    }
}

/// Starts the C program `tool` below `who`: one command that gets a board.
fn start_with_board(
    bench: &mut Bench,
    who: &Contender,
    tool: &str,
    words: &[&str],
) -> Result<(Running, Board)> {
    let board = bench.board()?;
    board.expect(1);
    let (program, path) = (bench.tools.program(tool), board.path());
    let command: Vec<&str> = [program.as_str(), path.as_str()]
        .into_iter()
        .chain(words.iter().copied())
        .collect();
    let running = bench.start_one(who, &command)?;
    arrival(&running, &board)?;
    Ok((running, board))
}

/// Measures contenders that are alive in turns, and makes a group of it.
fn group_of_alive(
    label: &str,
    alive: &mut [Alive],
    rounds: usize,
    mut measure: impl FnMut(&Running, &Board) -> Result<f64>,
) -> Group {
    let series = interleave(alive, rounds, |one| {
        let (running, board) = one.parts()?;
        measure(running, board)
    });
    let names = alive.iter().map(|one| &one.who);
    group_of(label, names, series)
}

fn group_of<'a>(
    label: &str,
    who: impl Iterator<Item = &'a Contender>,
    series: Vec<Series>,
) -> Group {
    let lines = who
        .zip(series)
        .map(|(who, series)| Line::of(&who.name, who.kind, series))
        .collect();
    Group {
        label: label.into(),
        lines,
    }
}

fn programs(count: u32) -> String {
    match count {
        1 => "1 program".into(),
        _ => format!("{count} programs"),
    }
}
