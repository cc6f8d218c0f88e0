//! PID-11: whatever descriptor 2 is, each line is one write, and none blocks or kills.

use std::net::UdpSocket;
use std::path::PathBuf;
use std::time::Duration;

use lastout_harness::lines::Stream;
use lastout_harness::namespace::{Output, Run, Setup};
use lastout_harness::{binaries, sight, wait_until};

use crate::{assert_two_left, two, wait_for_two};

#[test]
fn pid_11_a_closed_pipe_kills_nobody() {
    let configuration = two();
    for uid in [0, 4711] {
        let setup = configuration.setup(&[]).stderr(Output::Broken);
        let setup = if uid == 0 { setup } else { setup.uid(uid) };
        let mut run = setup.start();
        wait_for_two(run.lines());
        for _ in 0..100 {
            run.signal(40);
        }
        assert_eq!(run.stop(libc::SIGTERM).0, 0);
        assert_two_left(run.lines());
    }
}

#[test]
fn pid_11_a_closed_pipe_changes_no_exit_status_and_sends_no_sigpipe_on() {
    let probe = binaries::probe();
    let words = ["-vv", "--", &probe, "signals"];
    for setup in [Setup::new(&words), Setup::new(&words).as_subreaper()] {
        let mut run = setup.stderr(Output::Broken).start();
        run.wait_for_line("signals: ready");
        run.signal(libc::SIGUSR1);
        run.wait_for_line("got SIGUSR1");
        assert_eq!(run.stop(libc::SIGTERM).0, 0);
        assert!(!run.lines().has("SIGPIPE"), "{}", run.lines().text());
    }
}

#[test]
fn pid_11_a_pipe_of_another_uid_is_written_to() {
    // Root made it, so /proc/self/fd/2 cannot be opened anew.
    let configuration = two();
    let mut run = configuration.setup(&[]).uid(4711).start();
    wait_for_two(run.lines());
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert!(run.lines().has("goodbye"), "{}", run.lines().text());
}

#[test]
fn pid_11_a_socket_is_written_to() {
    let configuration = two();
    for uid in [0, 4711] {
        let setup = configuration.setup(&[]).stderr(Output::Socket);
        let setup = if uid == 0 { setup } else { setup.uid(uid) };
        let mut run = setup.start();
        wait_for_two(run.lines());
        assert_eq!(run.stop(libc::SIGTERM).0, 0);
        assert!(run.lines().has("goodbye"), "{}", run.lines().text());
    }
}

#[test]
fn pid_11_each_line_is_one_write() {
    // A datagram for each write.
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket
        .set_read_timeout(Some(Duration::from_secs(60)))
        .expect("a timeout");
    let port = socket.local_addr().expect("its address").port();
    let script = format!("exec \"$0\" -vv -c \"$1\" 2> /dev/udp/127.0.0.1/{port}");
    let configuration = two();
    let lastout = binaries::lastout().display().to_string();
    let mut run = Setup::new(&["-c", &script, &lastout, &configuration.path()])
        .program("/bin/bash")
        .start();
    wait_for_two(run.lines());
    run.signal(libc::SIGTERM);
    let mut heard = String::new();
    while !heard.contains("goodbye") {
        let mut datagram = [0; 65_536];
        let length = socket.recv(&mut datagram).expect("another line");
        let line = std::str::from_utf8(&datagram[..length]).expect("UTF-8");
        assert!(
            line.starts_with("lastout: ") && line.ends_with('\n'),
            "{line:?}"
        );
        assert_eq!(line.matches('\n').count(), 1, "{line:?}");
        heard.push_str(line);
    }
    assert_eq!(run.wait(), 0);
    assert!(heard.contains("told SIGTERM"), "{heard}");
}

/// A file of this test's own, removed when dropped.
struct LogFile(PathBuf);

impl LogFile {
    fn new(name: &str) -> LogFile {
        let name = format!("lastout-log-{}-{name}", std::process::id());
        LogFile(std::env::temp_dir().join(name))
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.0).unwrap_or_default()
    }

    /// Starts `lastout -c` with this file as descriptor 2, after these shell commands.
    fn start(&self, before: &str, configuration: &str) -> Run {
        let script = format!("{before} exec \"$0\" -c \"$1\" 2>> \"$2\"");
        let lastout = binaries::lastout().display().to_string();
        let file = self.0.display().to_string();
        Setup::new(&["-c", &script, &lastout, configuration, &file])
            .program("/bin/bash")
            .start()
    }
}

impl Drop for LogFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn pid_11_a_file_is_appended_to() {
    let file = LogFile::new("file");
    let configuration = two();
    let mut run = file.start("", &configuration.path());
    wait_for_two(run.lines());
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert_two_left(run.lines());
    assert!(file.text().contains("goodbye"), "{}", file.text());
}

#[test]
fn pid_11_a_file_that_may_not_grow_stops_nothing_and_sends_no_signal_on() {
    // SIGXFSZ comes for a write beyond RLIMIT_FSIZE, as SIGPIPE for one that nobody reads.
    let file = LogFile::new("limited");
    let script = "ulimit -f 0; exec \"$0\" -vv -- \"$1\" signals 2>> \"$2\"";
    let lastout = binaries::lastout().display().to_string();
    let name = file.0.display().to_string();
    let mut run = Setup::new(&["-c", script, &lastout, &binaries::probe(), &name])
        .program("/bin/bash")
        .start();
    run.wait_for_line("signals: ready");
    run.signal(libc::SIGUSR1);
    run.wait_for_line("got SIGUSR1");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert!(!run.lines().has("SIGXFSZ"), "{}", run.lines().text());
}

#[test]
fn pid_10_on_a_disk_that_is_full_for_a_while_the_log_goes_on_afterwards() {
    // A file system of four pages that are taken, then given back, in mounts of its own.
    let folder = std::env::temp_dir().join(format!("lastout-disk-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let script = "mount -t tmpfs -o size=16k,mode=755 none \"$2\" && \
                  { head -c 20000 /dev/zero > \"$2/ballast\" 2> /dev/null; \
                    exec \"$0\" -c \"$1\" 2>> \"$2/log\"; }";
    let configuration = two();
    let lastout = binaries::lastout().display().to_string();
    let disk = folder.display().to_string();
    let mut run = Setup::new(&["-c", script, &lastout, &configuration.path(), &disk])
        .program("/bin/bash")
        .start();
    wait_for_two(run.lines());
    let inside = PathBuf::from(format!("/proc/{}/root{disk}", run.pid()));
    run.signal(40);
    wait_until("the signal is taken", || {
        sight::status_field(run.pid(), "ShdPnd")
            .is_some_and(|pending| pending.trim_start_matches('0').is_empty())
    });
    std::fs::remove_file(inside.join("ballast")).expect("make room");
    run.signal(40);
    let log = inside.join("log");
    wait_until("the log goes on", || {
        std::fs::read_to_string(&log).is_ok_and(|text| text.contains("were lost"))
    });
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    let _ = std::fs::remove_dir(&folder);
}

#[test]
fn pid_11_a_terminal_that_hangs_up_kills_nobody() {
    let configuration = two();
    let mut run = configuration.setup(&[]).on_a_terminal().start();
    wait_for_two(run.lines());
    for _ in 0..100 {
        run.signal(40);
    }
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    let said = run.lines().of(Stream::Stdout).join("\n");
    assert!(said.contains("goodbye"), "{said}");
}
