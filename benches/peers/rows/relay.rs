//! What programs write, on its way through the relay: lines of 100 bytes, with the name in
//! front, as they are, and to a file that is rotated, against a C loop that does the same.

pub(super) mod fair;
pub(super) mod memory;
pub(super) mod signal;

use std::io::{Error, PipeReader, Read, Result, pipe};
use std::os::fd::AsRawFd;

use super::group_of;
use crate::board::Board;
use crate::contender::{Bench, Contender, LIMIT, arrival};
use crate::launch::{Running, now};
use crate::observe::children;
use crate::report::{Kind, Section, TIMES};
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
    Ok(vec![Section {
        id: "relay",
        title: format!("{lines} lines of 100 bytes passed on, in ns a line"),
        columns: TIMES.to_vec(),
        headline: 1,
        target: "≤ 1.25 prefixed, ≤ 0.83 unchanged, ≤ 1.0 × s6-log",
        groups,
    }])
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

/// Starts lastout with these tables, and its stdout a pipe that is to be read.
fn start(bench: &mut Bench, who: &Contender, tables: &str) -> Result<(Running, PipeReader)> {
    let file = bench.configuration(tables)?;
    let path = who.path.as_ref().map(|path| path.display().to_string());
    let argv = [path.unwrap_or_default(), "-c".into(), file];
    let (reader, writer) = pipe()?;
    let running = bench.launcher.launch_to(&argv, Some(writer.as_raw_fd()))?;
    Ok((running, reader))
}

/// The relay, which is one of the children.
fn relay_of(running: &Running) -> Result<libc::pid_t> {
    let is_relay = |pid: &libc::pid_t| {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm"));
        name.is_ok_and(|name| name.trim_end() == "lastout-relay")
    };
    let relay = children(running.pid())?.into_iter().find(is_relay);
    relay.ok_or_else(|| Error::other("there is no relay"))
}
