//! Clients that never tire: who come again whenever they are let go, who ask for more than
//! can be answered, who take every descriptor. Others get their answers, programs are
//! started again, and the stop comes on time.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use lastout_harness::configuration::Configuration;
use lastout_harness::namespace::Run;
use lastout_harness::{must, wait_until};

use super::{Client, WEB, begin};

const HEALTH: &str = r#"{"verb":"health"}"#;

/// Threads that go on until this is dropped.
struct Crowd {
    is_over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Crowd {
    /// So many, each of which does this again and again.
    fn of(count: usize, begin: impl Fn() -> Box<dyn FnMut() + Send>) -> Crowd {
        let is_over = Arc::new(AtomicBool::new(false));
        let threads = (0..count).map(|_| {
            let (is_over, mut act) = (Arc::clone(&is_over), begin());
            std::thread::spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    act();
                }
            })
        });
        Crowd {
            threads: threads.collect(),
            is_over,
        }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Connects, says this and nothing more, and stays; with 100 of these, the first one goes.
fn comes_again(path: &str, text: &'static [u8]) -> Box<dyn FnMut() + Send> {
    let (path, mut crowd) = (path.to_owned(), Vec::new());
    Box::new(move || {
        let Ok(mut stream) = UnixStream::connect(&path) else {
            std::thread::yield_now();
            return;
        };
        let _ = stream.set_nonblocking(true);
        let _ = stream.write_all(text);
        crowd.push(stream);
        if crowd.len() > 100 {
            crowd.remove(0);
        }
    })
}

/// Asks this of 15 connections as fast as it is taken, and reads what is answered.
fn asks_for_ever(path: &str, line: &'static str) -> Box<dyn FnMut() + Send> {
    let connect = || {
        let stream = must(UnixStream::connect(path), "connect");
        must(stream.set_nonblocking(true), "do not wait");
        (stream, 0)
    };
    let mut streams: Vec<(UnixStream, usize)> = (0..15).map(|_| connect()).collect();
    let mut buffer = vec![0; 1 << 16];
    Box::new(move || {
        for (stream, sent) in &mut streams {
            let rest = &line.as_bytes()[*sent..];
            if let Ok(count) = stream.write(rest) {
                *sent = (*sent + count) % line.len();
            }
            let _ = stream.read(&mut buffer);
        }
        std::thread::yield_now();
    })
}

fn assert_stops_in_time(run: &mut Run) {
    let (status, took) = run.stop(libc::SIGTERM);
    assert_eq!(status, 0);
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn a_thousand_that_come_again_and_again_cost_nobody_an_answer() {
    for text in [&b""[..], b"\xff\x00\n{}\n", b"{\"verb\":\"status\"}\n"] {
        let (file, mut run, _client) = begin(WEB);
        let crowd = Crowd::of(8, || comes_again(&file.socket(), text));
        run.wait_for_line("the control socket has more clients");
        // Of whom each waits for a second, behind 256 others.
        for _ in 0..4 {
            let mut client = Client::of(&file.socket());
            assert_eq!(client.ask(HEALTH)["healthy"], true);
        }
        assert_stops_in_time(&mut run);
        drop(crowd);
    }
}

#[test]
fn requests_that_take_long_hold_up_neither_the_stop_nor_others() {
    let file = Configuration::new(
        "[program.family]\nstartsecs = 0\ncommand = [\"sh\", \"-c\", \
         \"for i in $(seq 300); do sleep 1000 & done; echo grown; wait\"]\n",
    );
    let mut run = file.run();
    run.wait_for_line("grown");
    // Each takes some 10 ms.
    let tree = "{\"verb\":\"tree\"}\n";
    let crowd = Crowd::of(4, || asks_for_ever(&file.socket(), tree));
    let mut client = Client::of(&file.socket());
    for _ in 0..5 {
        assert_eq!(client.ask(HEALTH)["healthy"], true);
    }
    assert_stops_in_time(&mut run);
    drop(crowd);
}

#[test]
fn clients_leave_descriptors_to_those_who_are_started() {
    for nofile in ["20", "40"] {
        let file = Configuration::new(
            "[program.loops]\ncommand = 'PROBE exit 0'\nautorestart = 'always'\nstartsecs = 0\n\
             backoff = '10ms'\nbackoff_max = '10ms'\n",
        );
        let mut run = file.setup(&["-v"]).launch(&["--nofile", nofile]).start();
        run.wait_for_line("loops: started");
        let mut crowd = Vec::new();
        for _ in 0..100 {
            crowd.push(must(UnixStream::connect(file.socket()), "connect"));
        }
        assert_eq!(Client::of(&file.socket()).ask(HEALTH)["ok"], true);
        let starts = || run.lines().count("loops: started");
        let before = starts();
        wait_until("it is started again and again", || starts() > before + 5);
        assert_eq!(run.stop(libc::SIGTERM).0, 0);
        let said = run.lines().count("too few descriptors");
        assert_eq!(said, 0, "{}", run.lines().text());
    }
}
