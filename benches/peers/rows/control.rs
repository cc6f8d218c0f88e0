//! CPU of PID 1 for a client that asks a thousand times a second, with 100 programs.

use std::io::{BufRead, BufReader, Error, Result, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::{Alive, group_of_alive};
use crate::contender::{Bench, Many, pause};
use crate::report::{Group, Kind, Section, TIMES};

/// How often is asked in a round, and how many times a second.
const ASKED: u32 = 1000;
const A_SECOND: u32 = 1000;

const QUESTIONS: [(&str, &str); 5] = [
    ("hello", r#"{"verb":"hello"}"#),
    ("health", r#"{"verb":"health"}"#),
    ("why", r#"{"verb":"why"}"#),
    ("status of 1", r#"{"verb":"status","programs":["p0050"]}"#),
    ("status of 100", r#"{"verb":"status"}"#),
];

pub(super) fn measure(bench: &mut Bench) -> Result<Vec<Section>> {
    let rounds = bench.rounds(5);
    let mut many = Many::prompt(100);
    // Behind the last of them.
    many.keys = |index| match index {
        99 => format!("[control]\nsocket = \"{}\"", socket()),
        _ => String::new(),
    };
    let mut alive = Alive::start_all(bench, &[Kind::Lastout], |bench, who| {
        bench.start_many(who, &many)
    });
    let mut groups: Vec<Group> = Vec::new();
    for (label, question) in QUESTIONS {
        groups.push(group_of_alive(label, &mut alive, rounds, |running, _| {
            let mut client = Client::connect()?;
            // Of which what is made ready once is none.
            client.ask(question)?;
            let (began, before) = (Instant::now(), running.cpu()?);
            for asked in 1..=ASKED {
                client.ask(question)?;
                let next = Duration::from_secs(1) * asked / A_SECOND;
                pause(next.saturating_sub(began.elapsed()));
            }
            let used = Duration::from_nanos(running.cpu()? - before);
            Ok(100.0 * used.as_secs_f64() / began.elapsed().as_secs_f64())
        }));
    }
    drop(alive);
    let _ = std::fs::remove_file(socket());
    Ok(vec![Section {
        id: "control",
        title: format!("CPU of PID 1 with {A_SECOND} requests a second, in % of a core"),
        columns: TIMES.to_vec(),
        headline: 1,
        target: "< 20 % of a core",
        groups,
    }])
}

fn socket() -> String {
    format!("/tmp/lastout-bench-{}.sock", std::process::id())
}

struct Client {
    lines: BufReader<UnixStream>,
    answer: Vec<u8>,
}

impl Client {
    fn connect() -> Result<Client> {
        Ok(Client {
            lines: BufReader::with_capacity(1 << 16, UnixStream::connect(socket())?),
            answer: Vec::new(),
        })
    }

    fn ask(&mut self, question: &str) -> Result<()> {
        let line = format!("{question}\n");
        self.lines.get_mut().write_all(line.as_bytes())?;
        self.answer.clear();
        self.lines.read_until(b'\n', &mut self.answer)?;
        match self.answer.starts_with(b"{\"ok\":true") {
            true => Ok(()),
            false => Err(Error::other(
                String::from_utf8_lossy(&self.answer).into_owned(),
            )),
        }
    }
}
