//! The relay as a whole, in a thread of its own, with pipes of the tests'.

use std::fs::File;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use super::message::{Adopt, Channel, News, Order, Query, SourceId};
use super::relay::Relay;
use super::sink::Sink;
use crate::linux::orders;
use crate::linux::outlet::Outlet;
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
        let mut ends = [0; 2];
        // SAFETY: the array has room for two descriptors, which are nobody else's.
        let [own, its] = unsafe {
            let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
            assert_eq!(
                libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()),
                0
            );
            ends.map(|end| OwnedFd::from_raw_fd(end))
        };
        let gauge = Gauge::new().unwrap();
        let thread = std::thread::spawn(move || {
            let mut relay = Relay::new(its, gauge, false).unwrap();
            if let Some(stdout) = stdout {
                orders::never_wait(stdout.as_fd());
                relay.sinks[0] = Some(Sink::of(Outlet::Own(stdout.into())));
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
        let mut part = libc::iovec {
            iov_base: bytes.as_mut_ptr().cast(),
            iov_len: bytes.len(),
        };
        let mut control = [0_u64; 4];
        // SAFETY: the header's pointers are to what lives across the call; the control
        // buffer has room for one descriptor.
        unsafe {
            let mut header: libc::msghdr = MaybeUninit::zeroed().assume_init();
            header.msg_iov = &raw mut part;
            header.msg_iovlen = 1;
            if let Some(descriptor) = with {
                header.msg_control = control.as_mut_ptr().cast();
                header.msg_controllen = libc::CMSG_SPACE(4) as _;
                let first = libc::CMSG_FIRSTHDR(&raw const header);
                (*first).cmsg_level = libc::SOL_SOCKET;
                (*first).cmsg_type = libc::SCM_RIGHTS;
                (*first).cmsg_len = libc::CMSG_LEN(4) as _;
                libc::CMSG_DATA(first)
                    .cast::<i32>()
                    .write(descriptor.as_raw_fd());
            }
            let sent = libc::sendmsg(self.socket.as_raw_fd(), &raw const header, 0);
            assert_eq!(usize::try_from(sent).unwrap(), bytes.len());
        }
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

    /// The next that it says.
    fn news(&self) -> News {
        let mut ask = libc::pollfd {
            fd: self.socket.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one pollfd.
        let found = unsafe { libc::poll(&raw mut ask, 1, 20_000) };
        assert_eq!(found, 1, "the relay says nothing");
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
                news @ (News::Ready(_) | News::Ended(_) | News::Say { .. }) => all.push(news),
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
        let mut ask = libc::pollfd {
            fd: relay.socket.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one pollfd, and no waiting.
        if unsafe { libc::poll(&raw mut ask, 1, 0) } == 1 {
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
    assert_eq!(std::fs::read(&path).unwrap(), b"one\ntwo");
}

#[test]
fn log_5_files_are_opened_anew_when_told() {
    let directory = tempfile::tempdir().unwrap();
    let (path, moved) = (
        directory.path().join("log"),
        directory.path().join("log.old"),
    );
    let relay = Running::start(None);
    let mut web = relay.adopt(1, "web", to_file(&path, LineFormat::Raw), Some(b"one"));
    web.write_all(b"one\n").unwrap();
    assert_eq!(relay.news(), News::Ready(SourceId(1)));
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
