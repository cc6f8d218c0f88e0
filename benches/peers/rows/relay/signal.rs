//! SIGTERM at PID 1 to the first instruction of a program's handler, while another program
//! writes without end: that one, the relay and whoever reads want all of the machine. The
//! floor is PID 1 in C, beside the C loop under the same load.
//!
//! A shutdown begins once in a life, so that each sample is one: started, under way,
//! stopped.

use std::io::{Error, PipeReader, Read, Result, pipe};
use std::os::fd::AsRawFd;

use super::{drain, start};
use crate::board::Board;
use crate::contender::{Bench, Contender, arrival};
use crate::launch::{Running, now};
use crate::report::{Group, Kind, Line, Section, TIMES};
use crate::stats::{interleave, micros};

/// How much has come when the signal is sent: all pipes are full, and everybody is at work.
const UNDER_WAY: u64 = 8_000_000;

/// How much is read at a time while the handler is waited for: whoever reads looks often.
const PIECE: usize = 65_536;

/// How much may be read meanwhile: some seconds of it.
const MOST: u64 = 20_000_000_000;

pub(in crate::rows) fn measure(bench: &mut Bench) -> Result<Vec<Section>> {
    let rounds = bench.rounds(1000);
    let mut all = bench.contenders(&[Kind::Floor, Kind::Again, Kind::Lastout]);
    let series = interleave(&mut all, rounds, |who| sample(bench, who));
    let lines = all
        .iter()
        .zip(series)
        .map(|(who, series)| Line::of(&who.name, who.kind, series))
        .collect();
    Ok(vec![Section {
        id: "relay-signal",
        title: format!(
            "TERM at PID 1 → a program's handler while lines come without end, in µs, {rounds} rounds"
        ),
        columns: TIMES.to_vec(),
        headline: 2,
        target: "p99 ≤ 5000 µs",
        groups: vec![Group {
            label: String::new(),
            lines,
        }],
    }])
}

/// Who writes, who answers, and what comes.
struct UnderLoad {
    /// PID 1 of the program that answers; a relay in C is an init of its own.
    answers: Running,
    _writes: Option<Running>,
    board: Board,
    reader: PipeReader,
}

fn sample(bench: &mut Bench, who: &Contender) -> Result<f64> {
    let mut load = match who.path {
        Some(_) => supervised(bench, who)?,
        None => apart(bench, who)?,
    };
    load.board.go();
    drain(&mut load.reader, UNDER_WAY)?;
    let before = load.board.arrived();
    // What PID 1 gets is TERM; what the floor passes on as it came is what programs answer.
    let signal = match who.path {
        Some(_) => libc::SIGTERM,
        None => libc::SIGUSR1,
    };
    let from = now();
    load.answers.signal(signal)?;
    let (mut piece, mut read) = (vec![0; PIECE], 0);
    while load.board.arrived() == before {
        read += load.reader.read(&mut piece)? as u64;
        if read > MOST {
            return Err(Error::other("the handler never ran"));
        }
    }
    Ok(micros(from, load.board.last()))
}

/// lastout with both programs. Who writes goes on when it is told to stop, so that nobody
/// gets a machine for himself before the other has been told.
fn supervised(bench: &mut Bench, who: &Contender) -> Result<UnderLoad> {
    let board = bench.board()?;
    board.expect(2);
    let (lines, program) = (bench.tools.program("lines"), bench.tools.program("program"));
    let path = board.path();
    let tables = format!(
        "[program.writes]\ncommand = [\"{lines}\", \"{path}\", \"0\"]\nstdout = \"prefix\"\n\
         stopsignal = \"WINCH\"\n\
         [program.web]\ncommand = [\"{program}\", \"{path}\", \"answer\"]\n\
         stopsignal = \"USR1\"\n"
    );
    let (answers, reader) = start(bench, who, &tables)?;
    arrival(&answers, &board)?;
    Ok(UnderLoad {
        answers,
        _writes: None,
        board,
        reader,
    })
}

/// The same in C: an init of one command, and beside it a relay of another.
fn apart(bench: &mut Bench, who: &Contender) -> Result<UnderLoad> {
    let board = bench.board()?;
    board.expect(2);
    let (lines, program) = (bench.tools.program("lines"), bench.tools.program("program"));
    let path = board.path();
    let relay = [
        bench.tools.program("relay"),
        "prefix".into(),
        lines,
        path.clone(),
        "0".into(),
    ];
    let (reader, writer) = pipe()?;
    let writes = bench.launcher.launch_to(&relay, Some(writer.as_raw_fd()))?;
    drop(writer);
    let answers = bench.start_one(who, &[&program, &path, "answer"])?;
    arrival(&answers, &board)?;
    Ok(UnderLoad {
        answers,
        _writes: Some(writes),
        board,
        reader,
    })
}
