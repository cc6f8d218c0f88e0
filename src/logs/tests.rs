//! The relay as a whole, in a thread of its own, with pipes of the tests'.

use std::fs::File;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags};

use super::message::{Adopt, Channel, News, Order, Query, SourceId};
use super::relay::Relay;
use super::sink::Sink;
use crate::linux::orders;
use crate::linux::outlet::Outlet;
use crate::linux::relay::{self, Sent};
use crate::linux::shared::Gauge;
use crate::plan::{Destination, LineFormat, LogFile, Relayed};

struct Running {
    socket: OwnedFd,
    gauge: Gauge,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// A relay whose stdout is this pipe.
    fn start(stdout: Option<PipeWriter>) -> Running {
        let (own, its) = relay::pair().unwrap();
        let gauge = Gauge::new().unwrap();
        let thread = std::thread::spawn(move || {
            let mut relay = Relay::new(its, gauge, false).unwrap();
            if let Some(stdout) = stdout {
                orders::never_wait(stdout.as_fd());
                relay.open_own(0, || Sink::of(Outlet::Own(stdout.into())));
            }
            while relay.turn() {}
        });
        Running {
            socket: own,
            gauge,
            thread: Some(thread),
        }
    }

    fn order(&self, order: &Order, with: Option<BorrowedFd<'_>>) {
        let mut bytes = Vec::new();
        order.encode(&mut bytes);
        assert_eq!(relay::send(self.socket.as_fd(), &bytes, with), Sent::Yes);
    }

    fn adopt(&self, id: u64, program: &str, relayed: Relayed, ready: Option<&[u8]>) -> PipeWriter {
        let (reader, writer) = pipe().unwrap();
        self.adopt_pipe(id, (program, relayed, ready), &reader);
        writer
    }

    fn adopt_pipe(&self, id: u64, writes: (&str, Relayed, Option<&[u8]>), reader: &PipeReader) {
        let (program, relayed, ready) = writes;
        let adopt = Adopt {
            source: SourceId(id),
            program: program.into(),
            pid: 7,
            channel: Channel::Stdout,
            relayed,
            ready: ready.map(<[u8]>::to_vec),
        };
        self.order(&Order::Adopt(adopt), Some(reader.as_fd()));
    }

    /// Whether it says something within that many milliseconds.
    fn has_news(&self, within: u16) -> bool {
        let mut ask = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
        nix::poll::poll(&mut ask, within) == Ok(1)
    }

    /// The next that it says.
    fn news(&self) -> News {
        assert!(self.has_news(20_000), "the relay says nothing");
        let mut bytes = [0; 4096];
        let received = orders::receive(self.socket.as_fd(), &mut bytes).unwrap();
        News::decode(&bytes[..received.length]).unwrap()
    }

    /// All that it says until it has finished.
    fn finish(mut self) -> Vec<News> {
        self.order(&Order::Finish, None);
        let mut all = Vec::new();
        loop {
            match self.news() {
                News::Finished => break,
                news @ (News::Ready(_) | News::Ended(_) | News::Say { .. } | News::Served) => {
                    all.push(news);
                }
            }
        }
        self.thread.take().unwrap().join().unwrap();
        assert_eq!(self.gauge.kept(), 0);
        all
    }

    fn serve(&self, program: &str, lines: Option<u32>, follow: bool) -> UnixStream {
        let (own, its) = UnixStream::pair().unwrap();
        own.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let query = Query {
            programs: vec![program.into()],
            channel: None,
            lines,
            follow,
        };
        self.order(&Order::Serve(query), Some(its.as_fd()));
        assert_eq!(self.news(), News::Served);
        own
    }
}

fn to_file(path: &Path, format: LineFormat) -> Relayed {
    Relayed {
        format,
        to: Destination::File(LogFile {
            path: path.into(),
            max_size: 0,
            backups: 0,
            mode: 0o600,
        }),
    }
}

const PREFIX: Relayed = Relayed {
    format: LineFormat::Prefix,
    to: Destination::Own,
};

fn messages(stream: &mut impl Read, count: usize) -> Vec<String> {
    let (mut bytes, mut found) = (Vec::new(), Vec::new());
    while found.len() < count {
        let mut byte = [0];
        if stream.read(&mut byte).unwrap() == 0 {
            break;
        }
        bytes.push(byte[0]);
        if byte[0] == b'\n' {
            let object: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            found.push(object["message"].as_str().unwrap().to_string());
            bytes.clear();
        }
    }
    found
}

#[test]
fn log_7_all_that_is_in_the_pipes_is_written_before_the_end_the_last_line_completed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let relay = Running::start(None);
    let mut web = relay.adopt(1, "web", to_file(&path, LineFormat::Prefix), None);
    let mut worker = relay.adopt(2, "worker", to_file(&path, LineFormat::Raw), None);
    web.write_all(b"one\ntwo\nlast").unwrap();
    worker.write_all(b"a\nb").unwrap();
    drop(worker);
    assert_eq!(relay.news(), News::Ended(SourceId(2)));
    // The pipe of web is open: somebody holds it.
    relay.finish();
    let text = std::fs::read_to_string(&path).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["a", "b", "web | last", "web | one", "web | two"]);
    drop(web);
}

#[test]
fn log_4_who_does_not_read_stdout_holds_up_who_writes_there_and_nobody_else() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let (mut stdout, its_stdout) = pipe().unwrap();
    let relay = Running::start(Some(its_stdout));
    let mut web = relay.adopt(1, "web", PREFIX, None);
    let mut worker = relay.adopt(2, "worker", to_file(&path, LineFormat::Raw), None);
    let flood = std::thread::spawn(move || {
        for number in 0..60_000 {
            writeln!(web, "{number}").unwrap();
        }
    });
    for _ in 0..1000 {
        worker
            .write_all(b"a line of a program that goes on\n".repeat(64).as_slice())
            .unwrap();
    }
    drop(worker);
    assert_eq!(relay.news(), News::Ended(SourceId(2)));
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 64_000 * 33);
    assert!(!flood.is_finished());
    let reader = std::thread::spawn(move || {
        let mut all = String::new();
        stdout.read_to_string(&mut all).unwrap();
        all
    });
    flood.join().unwrap();
    assert_eq!(relay.news(), News::Ended(SourceId(1)));
    assert_eq!(relay.finish(), []);
    let all = reader.join().unwrap();
    let mut lines = all.lines();
    for number in 0..60_000 {
        assert_eq!(lines.next(), Some(&*format!("web | {number}")));
    }
    assert_eq!(lines.next(), None);
}

#[test]
fn what_a_dead_relay_left_in_the_pipes_is_read_by_the_next_older_lives_first() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let relay = Running::start(None);
    let older = pipe().unwrap();
    let newer = pipe().unwrap();
    (&older.1).write_all(b"1\n2\n").unwrap();
    (&newer.1).write_all(b"3\n").unwrap();
    let raw = || to_file(&path, LineFormat::Raw);
    relay.adopt_pipe(2, ("web", raw(), None), &older.0);
    relay.adopt_pipe(3, ("web", raw(), None), &newer.0);
    relay.finish();
    assert_eq!(std::fs::read(&path).unwrap(), b"1\n2\n3\n");
}

#[test]
fn log_3_the_last_line_of_a_life_is_a_line_of_its_own_in_a_file_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let relay = Running::start(None);
    for life in 1..=2 {
        let mut web = relay.adopt(life, "web", to_file(&path, LineFormat::Raw), None);
        web.write_all(b"no end").unwrap();
        drop(web);
        assert_eq!(relay.news(), News::Ended(SourceId(life)));
    }
    relay.finish();
    assert_eq!(std::fs::read(&path).unwrap(), b"no end\nno end\n");
}

#[test]
fn log_3_what_a_relay_or_a_machine_that_died_left_of_a_line_is_a_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    std::fs::write(&path, "was cu").unwrap();
    let relay = Running::start(None);
    let mut web = relay.adopt(1, "web", to_file(&path, LineFormat::Raw), None);
    web.write_all(b"one\n").unwrap();
    drop(web);
    assert_eq!(relay.news(), News::Ended(SourceId(1)));
    relay.finish();
    assert_eq!(std::fs::read(&path).unwrap(), b"was cu\none\n");
}

#[test]
fn a_line_with_the_text_makes_ready_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let relay = Running::start(None);
    let raw = to_file(&path, LineFormat::Raw);
    let mut web = relay.adopt(9, "web", raw, Some(b"is ready"));
    web.write_all(b"is rea").unwrap();
    web.write_all(b"dy\nis ready\n").unwrap();
    assert_eq!(relay.news(), News::Ready(SourceId(9)));
    drop(web);
    assert_eq!(relay.news(), News::Ended(SourceId(9)));
    assert_eq!(relay.finish(), []);
}

#[test]
fn ready_3_a_line_makes_ready_though_nobody_reads_it() {
    let (mut stdout, writer) = pipe().unwrap();
    let relay = Running::start(Some(writer));
    let (reader, mut web) = pipe().unwrap();
    // With the name in front these are more than stdout takes, and than is written at once.
    web.write_all(&b"a\n".repeat(30_000)).unwrap();
    web.write_all(b"is ready\n").unwrap();
    relay.adopt_pipe(1, ("web", PREFIX, Some(b"ready")), &reader);
    drop((reader, web));
    assert_eq!(relay.news(), News::Ready(SourceId(1)));
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).unwrap();
        text
    });
    assert_eq!(relay.finish(), [News::Ended(SourceId(1))]);
    assert!(
        reading
            .join()
            .unwrap()
            .ends_with("web | a\nweb | is ready\n")
    );
}

#[test]
fn a_text_over_the_edge_of_two_parts_makes_ready() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let relay = Running::start(None);
    let mut web = relay.adopt(1, "web", to_file(&path, LineFormat::Raw), Some(b"ready"));
    let mut follower = relay.serve("web", None, true);
    let mut part = vec![b'x'; 15_998];
    part.extend_from_slice(b"rea");
    web.write_all(&part).unwrap();
    // The first part was passed on.
    assert!(messages(&mut follower, 1)[0].ends_with("xxre"));
    web.write_all(b"dy\n").unwrap();
    assert_eq!(relay.news(), News::Ready(SourceId(1)));
    drop(web);
    assert_eq!(relay.news(), News::Ended(SourceId(1)));
    relay.finish();
}

#[test]
fn the_last_lines_are_told_and_then_those_that_come() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let relay = Running::start(None);
    let mut web = relay.adopt(1, "web", to_file(&path, LineFormat::Raw), Some(b"4"));
    let _worker = relay.adopt(2, "worker", to_file(&path, LineFormat::Raw), None);
    web.write_all(b"1\n2\n3\n4\n").unwrap();
    assert_eq!(relay.news(), News::Ready(SourceId(1)));
    let mut follower = relay.serve("web", Some(2), true);
    assert_eq!(messages(&mut follower, 2), ["3", "4"]);
    web.write_all(b"5\n").unwrap();
    assert_eq!(messages(&mut follower, 1), ["5"]);
    drop(follower);
    let mut all = relay.serve("web", None, false);
    assert_eq!(messages(&mut all, 9), ["1", "2", "3", "4", "5"]);
    let mut none = relay.serve("worker", None, false);
    assert_eq!(messages(&mut none, 9), [""; 0]);
    relay.finish();
}

#[test]
fn more_is_kept_than_a_socket_takes_and_all_of_it_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let relay = Running::start(None);
    let mut web = relay.adopt(1, "web", to_file(&path, LineFormat::Raw), Some(b"end"));
    web.write_all(b"\n".repeat(60_000).as_slice()).unwrap();
    web.write_all(b"end\n").unwrap();
    assert_eq!(relay.news(), News::Ready(SourceId(1)));
    let mut all = relay.serve("web", None, false);
    let mut text = String::new();
    all.read_to_string(&mut text).unwrap();
    assert_eq!(text.lines().count(), 60_001);
    relay.finish();
}

#[test]
fn who_follows_and_does_not_read_is_let_go_and_holds_nobody_up() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let relay = Running::start(None);
    let mut web = relay.adopt(1, "web", to_file(&path, LineFormat::Raw), None);
    let mut follower = relay.serve("web", None, true);
    web.write_all(b"begin\n").unwrap();
    assert_eq!(messages(&mut follower, 1), ["begin"]);
    let lines = b"some line or other\n".repeat(1000);
    let said = loop {
        web.write_all(&lines).unwrap();
        if relay.has_news(0) {
            break relay.news();
        }
    };
    let News::Say { text, .. } = said else {
        panic!("{said:?}")
    };
    assert!(text.contains("does not read is let go"), "{text}");
    let mut rest = Vec::new();
    follower.read_to_end(&mut rest).unwrap();
    drop(web);
    assert_eq!(relay.news(), News::Ended(SourceId(1)));
    relay.finish();
}

#[test]
fn who_is_adopted_while_it_waits_to_leave_keeps_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let (mut reader, stdout) = pipe().unwrap();
    let mut fills = File::from(OwnedFd::from(stdout.try_clone().unwrap()));
    let relay = Running::start(Some(stdout));
    let mut first = relay.adopt(1, "first", PREFIX, None);
    orders::never_wait(fills.as_fd());
    while fills.write(&[b'.'; 4096]).is_ok() {}
    while fills.write(b".").is_ok() {}
    first.write_all(b"last words").unwrap();
    drop(first);
    assert_eq!(relay.news(), News::Ended(SourceId(1)));
    // Nobody is left, but for who does not read; then somebody comes.
    relay.order(&Order::Finish, None);
    let mut second = relay.adopt(2, "second", to_file(&path, LineFormat::Raw), Some(b"end"));
    second.write_all(b"end\n").unwrap();
    assert_eq!(relay.news(), News::Ready(SourceId(2)));
    second.write_all(b"and more\n").unwrap();
    drop(second);
    assert_eq!(relay.news(), News::Ended(SourceId(2)));
    assert_eq!(std::fs::read(&path).unwrap(), b"end\nand more\n");
    drop(fills);
    let reads = std::thread::spawn(move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        text
    });
    assert_eq!(relay.finish(), []);
    assert!(reads.join().unwrap().ends_with("first | last words\n"));
}

/// Clients who ask for what "web" has written, and more is kept than their sockets take.
fn unread(relay: &Running, web: &mut PipeWriter, count: usize, follow: bool) -> Vec<UnixStream> {
    web.write_all(b"\n".repeat(60_000).as_slice()).unwrap();
    web.write_all(b"end\n").unwrap();
    assert_eq!(relay.news(), News::Ready(SourceId(1)));
    let asks = (0..count).map(|_| relay.serve("web", None, follow));
    let clients: Vec<UnixStream> = asks.collect();
    for client in &clients {
        let mut is_there = [PollFd::new(client.as_fd(), PollFlags::POLLIN)];
        assert_eq!(nix::poll::poll(&mut is_there, 20_000_u16), Ok(1));
    }
    clients
}

#[test]
fn who_reads_so_late_that_lines_are_not_kept_any_more_is_told_so() {
    for follow in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let relay = Running::start(None);
        let mut web = relay.adopt(1, "web", to_file(&path, LineFormat::Raw), Some(b"end"));
        let mut clients = unread(&relay, &mut web, 1, follow);
        // More than is kept, all of which is read when the other program's line is there.
        web.write_all(b"later\n".repeat(30_000).as_slice()).unwrap();
        let mut second = relay.adopt(2, "worker", to_file(&path, LineFormat::Raw), Some(b"end"));
        drop(web);
        assert_eq!(relay.news(), News::Ended(SourceId(1)));
        second.write_all(b"end\n").unwrap();
        assert_eq!(relay.news(), News::Ready(SourceId(2)));
        let mut text = String::new();
        clients[0].read_to_string(&mut text).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let (last, told) = lines.split_last().unwrap();
        assert!(last.contains("\"code\":\"too-slow\""), "{last}");
        assert!(
            told.len() > 1000 && !text.contains("later"),
            "{}",
            told.len()
        );
        drop(second);
        assert_eq!(relay.news(), News::Ended(SourceId(2)));
        relay.finish();
    }
}

#[test]
fn who_does_not_read_makes_room_for_the_65th() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let relay = Running::start(None);
    let mut web = relay.adopt(1, "web", to_file(&path, LineFormat::Raw), Some(b"end"));
    let mut clients = unread(&relay, &mut web, 64, false);
    let mut one_more = relay.serve("web", Some(1), false);
    assert_eq!(messages(&mut one_more, 9), ["end"]);
    let mut counts = Vec::new();
    for client in &mut clients {
        let mut text = String::new();
        client.read_to_string(&mut text).unwrap();
        counts.push(text.lines().count());
    }
    let whole = counts.iter().filter(|count| **count == 60_001).count();
    assert_eq!((counts[0] < 60_001, whole), (true, 63), "{counts:?}");
    relay.finish();
}

#[test]
fn when_pid_1_is_gone_it_writes_what_it_can_and_leaves() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let (_stdout, its_stdout) = pipe().unwrap();
    let mut relay = Running::start(Some(its_stdout));
    let mut web = relay.adopt(1, "web", to_file(&path, LineFormat::Raw), None);
    let mut stuck = relay.adopt(2, "stuck", PREFIX, None);
    web.write_all(b"one\ntwo").unwrap();
    // More than fits into both pipes, so that some of it stays.
    orders::never_wait(stuck.as_fd());
    while stuck.write(&[b'\n'; 4096]).is_ok() {}
    let thread = relay.thread.take().unwrap();
    drop(relay);
    thread.join().unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"one\ntwo\n");
}

#[test]
fn log_5_files_are_opened_anew_when_told() {
    let directory = tempfile::tempdir().unwrap();
    let (path, moved) = (
        directory.path().join("log"),
        directory.path().join("log.old"),
    );
    let relay = Running::start(None);
    let mut web = relay.adopt(1, "web", to_file(&path, LineFormat::Raw), None);
    let mut follower = relay.serve("web", None, true);
    web.write_all(b"one\n").unwrap();
    // Who follows is told what was passed on.
    assert_eq!(messages(&mut follower, 1), ["one"]);
    std::fs::rename(&path, &moved).unwrap();
    relay.order(&Order::Reopen, None);
    // Orders are obeyed one after the other, so that an answer says that it was done.
    messages(&mut relay.serve("web", None, false), 9);
    web.write_all(b"two\n").unwrap();
    relay.finish();
    assert_eq!(std::fs::read(&moved).unwrap(), b"one\n");
    assert_eq!(
        File::open(&path)
            .map(|mut file| {
                let mut text = String::new();
                file.read_to_string(&mut text).unwrap();
                text
            })
            .unwrap(),
        "two\n"
    );
}
