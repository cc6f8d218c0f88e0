//! What programs write, on its way through the relay: lines of 100 bytes, with the name in
//! front, as they are, and to a file that is rotated, against a C loop that does the same;
//! and a hundred programs that write without end, of which none is to get less than half of
//! what another gets.

use std::collections::BTreeMap;
use std::io::{Error, PipeReader, Read, Result, pipe};
use std::os::fd::AsRawFd;
use std::time::Duration;

use super::group_of;
use crate::board::Board;
use crate::contender::{Bench, Contender, LIMIT, arrival, name};
use crate::launch::{Running, now};
use crate::observe::children;
use crate::report::{Group, Kind, Line, Section, TIMES};
use crate::stats::interleave;
use crate::tools::in_path;

/// A way to pass lines on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Prefix,
    Unchanged,
    File,
}

const WAYS: [(Way, &str, &[&str]); 3] = [
    (Way::Prefix, "prefixed", &[]),
    (Way::Unchanged, "unchanged", &["supervisord"]),
    (Way::File, "to a file", &["s6-log", "svlogd"]),
];

pub(super) fn measure(bench: &mut Bench) -> Result<Vec<Section>> {
    let lines: u64 = if bench.quick { 200_000 } else { 5_000_000 };
    let rounds = bench.rounds(9);
    let mut groups = Vec::new();
    for (way, label, peers) in WAYS {
        let mut all = bench.contenders(&[Kind::Floor, Kind::Again, Kind::Lastout]);
        for peer in peers {
            if let Some(path) = in_path(peer) {
                all.push(Contender {
                    name: (*peer).into(),
                    kind: Kind::Peer,
                    path: Some(path),
                });
            }
        }
        let series = interleave(&mut all, rounds, |who| {
            let nanoseconds = pass_on(bench, who, way, lines)?;
            Ok(nanoseconds as f64 / lines as f64)
        });
        groups.push(group_of(label, all.iter(), series));
    }
    Ok(vec![
        Section {
            id: "relay",
            title: format!("{lines} lines of 100 bytes passed on, in ns a line"),
            columns: TIMES.to_vec(),
            headline: 1,
            target: "≤ 1.25 prefixed, ≤ 1.0 unchanged, ≤ 1.0 × s6-log",
            groups,
        },
        fair(bench),
    ])
}

/// How long it takes from go until all is where it is to be.
fn pass_on(bench: &mut Bench, who: &Contender, way: Way, lines: u64) -> Result<u64> {
    let board = bench.board()?;
    board.expect(1);
    let logs = tempfile::tempdir()?;
    let directory = logs.path().display().to_string();
    let argv = argv(bench, who, way, (&board, lines), &directory)?;
    let (mut reader, writer) = pipe()?;
    let running = bench
        .launcher
        .launch_to(&argv, (way != Way::File).then_some(writer.as_raw_fd()))?;
    drop(writer);
    arrival(&running, &board)?;
    let begin = now();
    board.go();
    let prefix = if way == Way::Prefix { 6 } else { 0 };
    let end = if way == Way::File {
        running.wait(LIMIT)?.at
    } else {
        drain(&mut reader, lines * (100 + prefix))?;
        now()
    };
    Ok(end - begin)
}

fn argv(
    bench: &mut Bench,
    who: &Contender,
    way: Way,
    (board, lines): (&Board, u64),
    directory: &str,
) -> Result<Vec<String>> {
    let (program, board) = (bench.tools.program("lines"), board.path());
    let relay = bench.tools.program("relay");
    let shell = |text: String| Ok(vec!["/bin/sh".into(), "-c".into(), text]);
    let Some(path) = &who.path else {
        let mode = if way == Way::Prefix { "prefix" } else { "copy" };
        if way == Way::File {
            return shell(format!(
                "exec {relay} copy {program} {board} {lines} >>{directory}/log"
            ));
        }
        return Ok(vec![relay, mode.into(), program, board, lines.to_string()]);
    };
    let path = path.display();
    match who.name.as_str() {
        "s6-log" => shell(format!(
            "{program} {board} {lines} | {path} n5 s10000000 {directory}"
        )),
        "svlogd" => {
            std::fs::write(format!("{directory}/config"), "s10000000\nn5\n")?;
            shell(format!("{program} {board} {lines} | {path} {directory}"))
        }
        "supervisord" => {
            let file = format!("{directory}/supervisord.conf");
            let text = format!(
                "[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\n\
                 pidfile={directory}/pid\n[program:web]\ncommand={program} {board} {lines}\n\
                 autorestart=false\nstdout_logfile=/dev/fd/1\nstdout_logfile_maxbytes=0\n"
            );
            std::fs::write(&file, text)?;
            // It would say something of its own on its stdout.
            Ok(vec![path.to_string(), "-s".into(), "-c".into(), file])
        }
        _ => {
            let keys = match way {
                Way::Prefix => "stdout = \"prefix\"".into(),
                // Somebody looks at the lines, so that they go through the relay.
                Way::Unchanged => "ready = { log = \"none of them\" }".into(),
                Way::File => {
                    format!("stdout = {{ file = \"{directory}/log\", max_size = \"10MB\" }}")
                }
            };
            let file = bench.configuration(&format!(
                "[program.web]\ncommand = [\"{program}\", \"{board}\", \"{lines}\"]\n\
                 startsecs = 0\n{keys}\n"
            ))?;
            Ok(vec![path.to_string(), "-c".into(), file])
        }
    }
}

/// Reads so many bytes, or until nobody writes any more.
fn drain(reader: &mut PipeReader, expected: u64) -> Result<()> {
    let mut buffer = vec![0; 1 << 20];
    let mut left = expected;
    while left > 0 {
        let count = reader.read(&mut buffer)?;
        if count == 0 {
            return Err(Error::other(format!("{left} bytes did not come")));
        }
        left = left.saturating_sub(count as u64);
    }
    Ok(())
}

const PROGRAMS: u32 = 100;

/// A hundred programs at once: how much more the first of them gets than the last, and how
/// much memory the relay has then, the last 64 KiB of each included.
fn fair(bench: &mut Bench) -> Section {
    let time = Duration::from_secs(if bench.quick { 1 } else { 10 });
    let lines = bench
        .contenders(&[Kind::Lastout])
        .into_iter()
        .map(|who| Line {
            cells: shares(bench, &who, time).map_err(|error| error.to_string()),
            kind: who.kind,
            name: who.name,
        });
    let lines = lines.collect();
    Section {
        id: "relay fair",
        title: format!("{PROGRAMS} programs that write without end, {time:?}"),
        columns: vec!["most/least", "million", "RSS, kB"],
        headline: 0,
        target: "≤ 2, RSS ≤ 2 MB and 64 KiB a program",
        groups: vec![Group {
            label: String::new(),
            lines,
        }],
    }
}

fn shares(bench: &mut Bench, who: &Contender, time: Duration) -> Result<Vec<f64>> {
    let board = bench.board()?;
    board.expect(PROGRAMS);
    let (program, path) = (bench.tools.program("lines"), board.path());
    let tables: String = (0..PROGRAMS)
        .map(|place| {
            let name = name(place);
            format!(
                "[program.{name}]\ncommand = [\"{program}\", \"{path}\", \"0\"]\nstdout = \"prefix\"\n"
            )
        })
        .collect();
    let file = bench.configuration(&tables)?;
    let lastout = who.path.as_ref().map(|path| path.display().to_string());
    let argv = [lastout.unwrap_or_default(), "-c".into(), file];
    let (mut reader, writer) = pipe()?;
    let running = bench.launcher.launch_to(&argv, Some(writer.as_raw_fd()))?;
    drop(writer);
    arrival(&running, &board)?;
    board.go();
    let counts = count(&mut reader, time)?;
    if counts.len() < PROGRAMS as usize {
        return Err(Error::other(format!("only {} were heard", counts.len())));
    }
    let most = counts.values().max().copied().unwrap_or(0);
    let least = counts.values().min().copied().unwrap_or(0);
    let all: u64 = counts.values().sum();
    Ok(vec![
        most as f64 / least as f64,
        all as f64 / 1e6,
        relay_memory(&running)?,
    ])
}

/// The lines of each, by the first bytes: `p0042 | xxx…`.
fn count(reader: &mut PipeReader, time: Duration) -> Result<BTreeMap<Vec<u8>, u64>> {
    let mut counts: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
    let mut buffer = vec![0; 1 << 20];
    let mut kept = 0;
    let end = now() + u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    while now() < end {
        let length = kept + reader.read(&mut buffer[kept..])?;
        let whole = buffer[..length]
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |newline| newline + 1);
        for line in buffer[..whole].split_inclusive(|byte| *byte == b'\n') {
            let name = line.get(..5).unwrap_or_default();
            match counts.get_mut(name) {
                Some(count) => *count += 1,
                None => drop(counts.insert(name.to_vec(), 1)),
            }
        }
        buffer.copy_within(whole..length, 0);
        kept = length - whole;
    }
    Ok(counts)
}

/// How much of it the relay has, which is one of the children.
fn relay_memory(running: &Running) -> Result<f64> {
    for pid in children(running.pid())? {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next().map(String::from)
        };
        if field("Name:").as_deref() == Some("lastout-relay") {
            let size = field("VmRSS:").and_then(|size| size.parse().ok());
            return size.ok_or_else(|| Error::other("no VmRSS"));
        }
    }
    Err(Error::other("there is no relay"))
}
