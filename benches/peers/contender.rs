//! Who takes part, and how each is told to run one command or many programs.

use std::fmt::Write as _;
use std::io::{Error, Result};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::board::Board;
use crate::launch::{Launcher, Running};
use crate::report::Kind;
use crate::tools::Tools;

/// How long anything may take before the contender is out of the row.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// One that takes part in the rows.
#[derive(Clone)]
pub(crate) struct Contender {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// The executable; none for the floor, which differs from row to row.
    pub(crate) path: Option<PathBuf>,
}

/// What a supervisor is to run: `count` instances of the C program.
pub(crate) struct Many {
    pub(crate) count: u32,
    /// What the programs do at TERM: see benches/floor/program.c.
    pub(crate) mode: &'static str,
    /// The same, of the last of them.
    pub(crate) odd_mode: &'static str,
    /// From TERM to the kill.
    pub(crate) grace: Duration,
    /// What else a supervisor is told of each, by its place.
    pub(crate) keys: fn(u32) -> String,
}

impl Many {
    /// Programs that TERM ends at once.
    pub(crate) fn prompt(count: u32) -> Self {
        Self {
            count,
            mode: "wait",
            odd_mode: "wait",
            grace: Duration::from_secs(10),
            keys: |_| String::new(),
        }
    }
}

/// The name of the program at this place.
pub(crate) fn name(place: u32) -> String {
    format!("p{place:04}")
}

/// The state that all rows share.
pub(crate) struct Bench {
    pub(crate) launcher: Launcher,
    pub(crate) tools: Tools,
    pub(crate) contenders: Vec<Contender>,
    /// Few rounds, short waits: shows that the rows work, not how fast.
    pub(crate) quick: bool,
    /// Rounds of every row, where the command line gives them.
    pub(crate) rounds: Option<usize>,
    boards: u32,
}

impl Bench {
    pub(crate) fn new(launcher: Launcher, tools: Tools, contenders: Vec<Contender>) -> Self {
        Self {
            launcher,
            tools,
            contenders,
            quick: false,
            rounds: None,
            boards: 0,
        }
    }

    /// The rounds of a row: as asked for, else a tenth of `full` if quick.
    pub(crate) fn rounds(&self, full: usize) -> usize {
        let usual = if self.quick {
            full.div_ceil(10).max(2)
        } else {
            full
        };
        self.rounds.unwrap_or(usual)
    }

    pub(crate) fn contenders(&self, kinds: &[Kind]) -> Vec<Contender> {
        let chosen = self
            .contenders
            .iter()
            .filter(|one| kinds.contains(&one.kind));
        chosen.cloned().collect()
    }

    pub(crate) fn board(&mut self) -> Result<Board> {
        self.boards += 1;
        Board::new(self.tools.directory(), &format!("board-{}", self.boards))
    }

    /// Starts `command` below the contender as its init.
    pub(crate) fn start_one(&mut self, who: &Contender, command: &[&str]) -> Result<Running> {
        let mut argv = match (who.kind, &who.path) {
            (Kind::Alone, _) => vec![],
            (_, None) => vec![self.tools.program("init")],
            (_, Some(path)) => vec![path.display().to_string(), "--".into()],
        };
        argv.extend(command.iter().map(ToString::to_string));
        self.launcher.launch(&argv)
    }

    /// Starts many programs below the contender, and waits until all have come.
    pub(crate) fn start_many(&mut self, who: &Contender, many: &Many) -> Result<(Running, Board)> {
        let board = self.board()?;
        board.expect(many.count);
        let argv = match &who.path {
            None => self.many_argv(many, &board),
            Some(path) => {
                let tables = self.tables_of(many, &board);
                let file = self.configuration(&tables)?;
                vec![path.display().to_string(), "-c".into(), file]
            }
        };
        let running = self.launcher.launch(&argv)?;
        arrival(&running, &board)?;
        Ok((running, board))
    }

    /// Writes a configuration file; returns its path.
    pub(crate) fn configuration(&mut self, text: &str) -> Result<String> {
        let path = self.tools.program("supervisor.toml");
        std::fs::write(&path, text)?;
        Ok(path)
    }

    fn many_argv(&self, many: &Many, board: &Board) -> Vec<String> {
        vec![
            self.tools.program("many"),
            many.grace.as_millis().to_string(),
            many.count.to_string(),
            self.tools.program("program"),
            board.path(),
            many.mode.into(),
            many.odd_mode.into(),
        ]
    }

    fn tables_of(&self, many: &Many, board: &Board) -> String {
        let program = self.tools.program("program");
        let board = board.path();
        let mut text = String::new();
        for index in 0..many.count {
            let last = index + 1 == many.count;
            let mode = if last { many.odd_mode } else { many.mode };
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "[program.{}]\ncommand = [\"{program}\", \"{board}\", \"{mode}\"]\nstopwaitsecs = {}\n{}\n",
                name(index),
                many.grace.as_secs_f64(),
                (many.keys)(index)
            );
        }
        text
    }
}

/// Waits until all that the board expects have arrived; it is an error if the
/// init ends before, or if it takes too long.
pub(crate) fn arrival(running: &Running, board: &Board) -> Result<()> {
    let deadline = Instant::now() + LIMIT;
    loop {
        match board.wait(Duration::from_secs(1)) {
            Err(_) if running.has_ended() => {
                return Err(Error::other("ended before its programs came"));
            }
            Err(_) if Instant::now() < deadline => {}
            result => return result,
        }
    }
}

/// What a run that should have ended with 0 says.
pub(crate) fn expect_success(code: i32) -> Result<()> {
    if code == 0 {
        return Ok(());
    }
    Err(Error::other(format!("ended with status {code}")))
}

/// Lets the machine come to rest, or time pass that is itself measured.
#[expect(clippy::disallowed_methods, reason = "the benchmark is no PID 1")]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}
