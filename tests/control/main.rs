//! The control socket against a real lastout: what docs/protocol.md shows, who may ask
//! what, what is at the socket's place, and clients that behave badly.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;

use lastout_harness::configuration::Configuration;
use lastout_harness::namespace::Run;
use lastout_harness::{DEADLINE, must, wait_until};
use serde_json::Value;

mod access;
mod crowd;
mod errors;
mod examples;
mod flood;
mod logs;
mod odd;
mod orders;
mod place;
mod requests;

/// A client.
struct Client {
    lines: BufReader<UnixStream>,
}

impl Client {
    /// Connects, once somebody listens.
    fn of(path: &str) -> Client {
        let mut stream = None;
        wait_until("somebody listens", || {
            stream = UnixStream::connect(path).ok();
            stream.is_some()
        });
        let stream = must(stream.ok_or("nobody listens"), path);
        must(stream.set_read_timeout(Some(DEADLINE)), "set a time-out");
        Client {
            lines: BufReader::new(stream),
        }
    }

    fn send(&mut self, text: &[u8]) {
        must(self.lines.get_mut().write_all(text), "send");
    }

    /// The next line; empty where there is none.
    fn line(&mut self) -> String {
        let mut line = String::new();
        must(self.lines.read_line(&mut line), "a line");
        line
    }

    fn value(&mut self) -> Value {
        let line = self.line();
        must(serde_json::from_str(&line), &line)
    }

    /// The answer to this line.
    fn ask(&mut self, line: &str) -> Value {
        self.send(format!("{line}\n").as_bytes());
        self.value()
    }

    /// That lastout has ended the connection.
    fn assert_ended(&mut self) {
        let mut rest = Vec::new();
        // What it had not read when it ended it the kernel tells of.
        if let Err(error) = self.lines.read_to_end(&mut rest) {
            assert_ne!(error.kind(), ErrorKind::WouldBlock, "it goes on");
        }
        assert_eq!(String::from_utf8_lossy(&rest), "");
    }
}

/// Starts this file, waits until all are up, and connects.
fn begin(text: &str) -> (Configuration, Run, Client) {
    let file = Configuration::new(text);
    let run = file.run();
    run.wait_for_line("all programs are up");
    let client = Client::of(&file.socket());
    (file, run, client)
}

/// A program that leaves when it was told to and FOLDER/go is there: until then it is
/// STOPPING, on a machine that is busy too.
const SLOW: &str = r#"
    [supervisor]
    stop_timeout = 50
    [program.web]
    command = ["sh", "-c", """
        trap 'until test -e FOLDER/go; do sleep 0.01; done; exit 0' TERM
        echo web: ready
        while :; do sleep 0.01; done"""]
    startsecs = 0
    stopwaitsecs = 50
"#;

/// A program that stays.
const WEB: &str = "
    [program.web]
    command = 'PROBE last-words --name web'
    startsecs = 0
";
