//! How fast lastout passes on what programs write, against plain C and the loggers of
//! Debian, in one run: `cargo bench --bench relay -- [MIB]`.
//!
//! A program writes lines of 100 bytes as fast as they are taken; what is measured is the
//! time from its start until the last byte has arrived, in a pipe that is read as fast as
//! it can be, or in a file. Contenders take turns, and the median of the rounds counts.
//! Nothing here passes or fails: a benchmark is never a timed test.

#![expect(clippy::disallowed_methods, reason = "a benchmark may block")]

use std::fs;
use std::io::{Error, Read, Result, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Instant;

const ROUNDS: usize = 7;

/// What is measured.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Row {
    Unchanged,
    Prefix,
    File,
}

/// Who passes lines on, and how: the words of a shell, in which FOLDER is one of its own.
struct Contender {
    row: Row,
    name: &'static str,
    /// Each is a command that reads the lines, or that starts who writes them.
    way: Way,
}

enum Way {
    /// `lines | WORDS`.
    Filter(&'static str),
    /// lastout with these lines about the program that writes.
    Lastout(&'static str),
    /// supervisord with these.
    Supervisord(&'static str),
}

const CONTENDERS: [Contender; 12] = [
    contender(Row::Unchanged, "C loop (floor)", Way::Filter("RELAY copy")),
    contender(
        Row::Unchanged,
        "C loop, 1 MiB pipe",
        Way::Filter("RELAY copy 1048576"),
    ),
    contender(Row::Unchanged, "cat", Way::Filter("cat")),
    contender(
        Row::Unchanged,
        "supervisord",
        Way::Supervisord("stdout_logfile=/dev/fd/1\nstdout_logfile_maxbytes=0"),
    ),
    contender(
        Row::Unchanged,
        "lastout (ready.log)",
        Way::Lastout("ready = { log = 'xxx' }"),
    ),
    contender(Row::Prefix, "C loop (floor)", Way::Filter("RELAY prefix")),
    contender(
        Row::Prefix,
        "C loop, 1 MiB pipe",
        Way::Filter("RELAY prefix 1048576"),
    ),
    contender(Row::Prefix, "lastout", Way::Lastout("stdout = 'prefix'")),
    contender(
        Row::File,
        "C loop (floor)",
        Way::Filter("RELAY copy >FOLDER/out"),
    ),
    contender(
        Row::File,
        "s6-log",
        Way::Filter("s6-log n3 s50000000 FOLDER/s6"),
    ),
    contender(
        Row::File,
        "svlogd",
        Way::Filter("mkdir FOLDER/sv; svlogd -b 65536 FOLDER/sv"),
    ),
    contender(
        Row::File,
        "lastout",
        Way::Lastout("stdout = { file = 'FOLDER/out', max_size = '50MB', backups = 3 }"),
    ),
];

const fn contender(row: Row, name: &'static str, way: Way) -> Contender {
    Contender { row, name, way }
}

fn main() -> ExitCode {
    let mib = std::env::args().filter_map(|word| word.parse().ok()).next();
    match compare(mib.unwrap_or(512)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "relay: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(mib: u64) -> Result<()> {
    let tools = Tools::build()?;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{mib} MiB of lines of 100 bytes, {ROUNDS} rounds, MB/s in the middle"
    )?;
    for row in [Row::Unchanged, Row::Prefix, Row::File] {
        let title = match row {
            Row::Unchanged => "unchanged, to a pipe",
            Row::Prefix => "with a prefix, to a pipe",
            Row::File => "to a file (rotated at 50 MB, but by the floor)",
        };
        writeln!(out, "\n{title}")?;
        let them: Vec<&Contender> = CONTENDERS.iter().filter(|one| one.row == row).collect();
        let them: Vec<&Contender> = them.into_iter().filter(|one| is_there(one)).collect();
        let mut speeds: Vec<Vec<f64>> = vec![Vec::new(); them.len()];
        for _ in 0..ROUNDS {
            for (one, speeds) in them.iter().zip(&mut speeds) {
                speeds.push(tools.measure(one, mib)?);
            }
        }
        let mut floor = None;
        for (one, speeds) in them.iter().zip(&mut speeds) {
            speeds.sort_by(f64::total_cmp);
            let speed = speeds[ROUNDS / 2];
            let floor = *floor.get_or_insert(speed);
            writeln!(
                out,
                "  {:22} {speed:7.0}  {:.2} × floor",
                one.name,
                speed / floor
            )?;
        }
    }
    Ok(())
}

/// Whether Debian's tool is installed; who is not is left out of the table.
fn is_there(one: &Contender) -> bool {
    let tool = match one.way {
        Way::Filter(words) if words.contains("s6-log") => "s6-log",
        Way::Filter(words) if words.contains("svlogd") => "svlogd",
        Way::Supervisord(_) => "supervisord",
        Way::Filter(_) | Way::Lastout(_) => return true,
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(tool).exists())
}

struct Tools {
    folder: tempfile::TempDir,
    lastout: PathBuf,
}

impl Tools {
    fn build() -> Result<Tools> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = tempfile::tempdir()?;
        for name in ["lines", "relay"] {
            let mut cc = Command::new("cc");
            cc.args(["-O2", "-Wall", "-Wextra", "-o"])
                .arg(folder.path().join(name));
            succeed(cc.arg(root.join(format!("benches/floor/{name}.c"))))?;
        }
        succeed(&mut Command::new(root.join("scripts/build-static")))?;
        let lastout = root.join("target/static/lastout");
        Ok(Tools { folder, lastout })
    }

    /// MB/s of one round.
    fn measure(&self, one: &Contender, mib: u64) -> Result<f64> {
        let place = tempfile::tempdir_in(self.folder.path())?;
        let file = place.path().join("it");
        let lines = format!("{} {mib}", self.folder.path().join("lines").display());
        let relay = self.folder.path().join("relay").display().to_string();
        let folder = place.path().display().to_string();
        let fill = |text: &str| text.replace("FOLDER", &folder).replace("RELAY", &relay);
        let mut command = Command::new("/bin/sh");
        match one.way {
            Way::Filter(words) => {
                command
                    .arg("-c")
                    .arg(format!("{lines} | {{ {}; }}", fill(words)));
            }
            Way::Lastout(keys) => {
                let keys = fill(keys);
                fs::write(
                    &file,
                    format!(
                        "[program.lines]\ncommand = \"{lines}\"\nstartsecs = 0\nautorestart = 'never'\n{keys}\n"
                    ),
                )?;
                command = Command::new(&self.lastout);
                command.args(["-q", "-c"]).arg(&file);
            }
            Way::Supervisord(keys) => {
                // It goes on when its program has ended: whoever is last tells it.
                let command_line = format!("/bin/sh -c '{lines}; kill $PPID'");
                fs::write(
                    &file,
                    format!(
                        "[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\n\
                         pidfile={folder}/pid\nuser=root\n[program:lines]\ncommand={command_line}\n{keys}\n"
                    ),
                )?;
                command = Command::new("supervisord");
                command.arg("-c").arg(&file);
            }
        }
        command
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .stdout(Stdio::piped());
        let begin = Instant::now();
        let bytes = mib * 1024 * 1024;
        let took = self.all_of(command.spawn()?, one, bytes, begin)?;
        Ok(bytes as f64 / took / 1e6)
    }

    /// Seconds until all has arrived.
    fn all_of(&self, mut child: Child, one: &Contender, bytes: u64, begin: Instant) -> Result<f64> {
        let mut came = 0;
        let mut took = None;
        if let Some(mut pipe) = child.stdout.take() {
            let mut buffer = vec![0; 1 << 20];
            loop {
                let count = pipe.read(&mut buffer)?;
                came += count as u64;
                if count == 0 || (came >= bytes && took.is_none()) {
                    took = Some(begin.elapsed());
                }
                if count == 0 {
                    break;
                }
            }
        }
        child.wait()?;
        let took = match one.row {
            Row::Unchanged | Row::Prefix if came < bytes => {
                let text = format!("{}: {came} of {bytes} bytes came", one.name);
                return Err(Error::other(text));
            }
            Row::Unchanged | Row::Prefix => took.unwrap_or_else(|| begin.elapsed()),
            Row::File => begin.elapsed(),
        };
        Ok(took.as_secs_f64())
    }
}

fn succeed(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).status()?;
    match status.success() {
        true => Ok(()),
        false => Err(Error::other(format!("{command:?} failed"))),
    }
}
