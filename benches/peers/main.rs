//! lastout against plain C and the inits of Debian, in one run:
//! `cargo bench --bench peers -- [--quick] [--json FILE] [ROW]...`
//!
//! Every row compares ratios within one run, against a floor that does the bare
//! system calls (benches/floor, compiled at the start) and against the peers
//! that are installed. docs/speed.md says how each row is measured. Nothing here
//! passes or fails: a benchmark is never a timed test.

mod board;
mod contender;
mod launch;
mod observe;
mod report;
mod rows;
mod stats;
mod tools;

use std::io::{Error, ErrorKind, Result, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use serde_json::{Value, json};

use crate::contender::{Bench, Contender};
use crate::launch::Launcher;
use crate::report::{Kind, Section, summary_head};
use crate::rows::{ROWS, Row};
use crate::tools::{Peer, Tools};

/// Measures lastout against plain C and the inits of Debian.
#[derive(Parser)]
struct Options {
    /// Few rounds and short waits: shows that the rows work, not how fast
    #[arg(long)]
    quick: bool,
    /// So many rounds of each row, instead of the row's own number
    #[arg(long)]
    rounds: Option<usize>,
    /// Write all figures to this file as well
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Show what the inits write to stderr, which costs them time
    #[arg(long)]
    show_log: bool,
    /// The rows to run; all of them without any
    rows: Vec<String>,
    /// What cargo bench says to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    match compare(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where stderr is gone there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "peers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(options: &Options) -> Result<()> {
    let rows = chosen(&options.rows)?;
    let mut out = std::io::stdout().lock();
    let tools = Tools::build()?;
    let launcher = Launcher::new(options.show_log).map_err(|error| {
        Error::new(
            error.kind(),
            format!("cannot make namespaces, which needs root: {error}"),
        )
    })?;
    let (contenders, mut notes) = contenders();
    let mut bench = Bench::new(launcher, tools, contenders);
    bench.quick = options.quick;
    bench.rounds = options.rounds;
    notes.extend(without_the_unusable(&mut bench));
    notes.insert(0, machine(&bench));
    for note in &notes {
        writeln!(out, "{note}")?;
    }

    let mut sections: Vec<Section> = Vec::new();
    for (_, measure) in rows {
        for section in measure(&mut bench)? {
            write!(out, "\n{}", section.text())?;
            out.flush()?;
            sections.push(section);
        }
    }
    write!(out, "\n{}", summary_head())?;
    for section in &sections {
        write!(out, "{}", section.summary())?;
    }
    if let Some(file) = &options.json {
        let rows: Vec<Value> = sections.iter().map(Section::json).collect();
        let all = json!({ "notes": notes, "quick": options.quick, "rows": rows });
        std::fs::write(file, format!("{all:#}\n"))?;
    }
    Ok(())
}

fn chosen(names: &[String]) -> Result<Vec<Row>> {
    let known = ROWS.map(|(name, _)| name);
    if let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) {
        let text = format!("there is no row {name:?}; there are: {}", known.join(", "));
        return Err(Error::new(ErrorKind::InvalidInput, text));
    }
    // `relay` is all rows of the relay.
    let is_part = |name: &str, of: &str| {
        let rest = name.strip_prefix(of);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    let wanted = |name: &str| names.is_empty() || names.iter().any(|one| is_part(name, one));
    Ok(ROWS.into_iter().filter(|(name, _)| wanted(name)).collect())
}

/// Who takes part, and what to say about them.
fn contenders() -> (Vec<Contender>, Vec<String>) {
    let floor = |name: &str, kind| Contender {
        name: name.into(),
        kind,
        path: None,
    };
    let mut all = vec![
        floor("floor", Kind::Floor),
        floor("floor again", Kind::Again),
    ];
    let mut notes = Vec::new();
    for peer in tools::peers() {
        match peer {
            Peer::Found {
                name,
                path,
                version,
            } => {
                notes.push(format!("{name}: {version}"));
                all.push(Contender {
                    name,
                    kind: Kind::Peer,
                    path: Some(path),
                });
            }
            Peer::Missing { name, package } => {
                notes.push(format!("{name}: MISSING, apt-get install {package}"));
            }
        }
    }
    match tools::lastout() {
        Ok(paths) => {
            for (number, path) in (1..).zip(paths) {
                let name = match number {
                    1 => String::from("lastout"),
                    _ => format!("lastout {number}"),
                };
                notes.push(format!("{name}: {}", path.display()));
                all.push(Contender {
                    name,
                    kind: Kind::Lastout,
                    path: Some(path),
                });
            }
        }
        Err(error) => notes.push(format!("lastout: MISSING, {error}")),
    }
    (all, notes)
}

/// Takes those out who cannot run a command, so that no row waits for them: the
/// command exits with the number of its arguments.
fn without_the_unusable(bench: &mut Bench) -> Vec<String> {
    let command = bench.tools.program("true");
    let mut notes = Vec::new();
    for who in bench.contenders.clone() {
        let tried = bench
            .start_one(&who, &[&command, "three", "little", "words"])
            .and_then(|running| running.wait(Duration::from_secs(5)));
        let problem = match tried {
            Ok(end) if end.code == 3 => continue,
            Ok(end) => format!("exits with {} where its command does with 3", end.code),
            Err(error) => error.to_string(),
        };
        notes.push(format!("{}: OUT, {problem}", who.name));
        bench.contenders.retain(|one| one.name != who.name);
    }
    notes
}

fn machine(bench: &Bench) -> String {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    format!(
        "Linux {}, {cpus} CPUs, load {}; floor: {}",
        read("/proc/sys/kernel/osrelease").trim(),
        read("/proc/loadavg").split(' ').next().unwrap_or_default(),
        bench.tools.compiler
    )
}
