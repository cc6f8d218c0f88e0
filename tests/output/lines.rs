//! LOG-1, LOG-2, LOG-3, LOG-6: what a program writes is what is read.

use std::fs::File;
use std::os::fd::AsRawFd;

use lastout_harness::configuration::Configuration;
use lastout_harness::lines::Stream;
use lastout_harness::namespace::{Output, Setup};
use lastout_harness::{binaries, wait_until};

use crate::{out, relays, run_until};

#[test]
fn log_1_inherited_output_needs_no_relay() {
    let (_configuration, mut run) = run_until(
        "[program.a]\ncommand = [\"PROBE\", \"last-words\", \"--name\", \"a\"]\n",
        &["a: ready"],
    );
    assert!(relays(&run).is_empty());
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
}

#[test]
fn log_2_lines_have_the_programs_name_in_front_and_each_stream_stays_itself() {
    let (_configuration, mut run) = run_until(
        r#"
[program.web]
command = ["sh", "-c", "echo out; echo err >&2; echo; exec PROBE last-words"]
stdout = "prefix"
stderr = "prefix"
[program.both]
command = ["sh", "-c", "echo one; echo two >&2; echo three; exec PROBE last-words --name both"]
stdout = "prefix"
stderr = "stdout"
"#,
        &["web | last-words: ready", "both | both: ready"],
    );
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    let lines = run.lines();
    lines.assert_in_order(
        Stream::Stdout,
        &["web | out", "web | ", "web | last-words: ready"],
    );
    lines.assert_in_order(
        Stream::Stdout,
        &[
            "both | one",
            "both | two",
            "both | three",
            "both | both: ready",
        ],
    );
    lines.assert_in_order(Stream::Stderr, &["web | err"]);
    let err = lines.of(Stream::Stderr);
    assert!(!err.iter().any(|line| line.starts_with("both | ")));
}

#[test]
fn log_4_lastouts_own_stdout_holds_as_much_as_a_programs_pipe() {
    let (_configuration, mut run) = run_until(
        "[program.web]\ncommand = [\"PROBE\", \"last-words\"]\nstdout = \"prefix\"\n",
        &["web | last-words: ready"],
    );
    let holds = |pid: i32| {
        let own = File::open(format!("/proc/{pid}/fd/1")).unwrap();
        // SAFETY: fcntl with a number, on a descriptor of the test's.
        unsafe { libc::fcntl(own.as_raw_fd(), libc::F_GETPIPE_SZ) }
    };
    let (own, programs) = (holds(run.pid()), holds(run.leader_of("web").pid));
    assert!(own >= programs && own > 65_536, "{own}, {programs}");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
}

#[test]
fn log_2_a_line_is_an_object_of_json() {
    let (_configuration, mut run) = run_until(
        r#"
[program.web]
command = ["sh", "-c", "echo 'say \"hi\"'; exec PROBE last-words"]
stdout = "json"
"#,
        &["last-words: ready"],
    );
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    let said = out(run.lines());
    let line: serde_json::Value = serde_json::from_str(&said[0]).unwrap();
    assert_eq!(line["program"], "web");
    assert_eq!(line["stream"], "stdout");
    assert_eq!(line["message"], "say \"hi\"");
    assert!(line["pid"].as_u64().is_some_and(|pid| pid > 1), "{line}");
}

#[test]
fn log_2_two_programs_never_share_a_line() {
    // Each writes its lines in pieces, as fast as it can.
    let program = |name: &str, letter: &str| {
        format!(
            "[program.{name}]\ncommand = [\"sh\", \"-c\", \"i=0; while [ $i -lt 2000 ]; do \
             printf {letter}{letter}; printf '{letter}\\\\n'; i=$((i+1)); done; exec PROBE \
             last-words --name {name}\"]\nstdout = \"prefix\"\n"
        )
    };
    let text = program("one", "a") + &program("two", "b");
    let (_configuration, mut run) = run_until(&text, &["one: ready", "two: ready"]);
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    let said = out(run.lines());
    for (name, letters) in [("one | ", "aaa"), ("two | ", "bbb")] {
        let theirs = said.iter().filter_map(|line| line.strip_prefix(name));
        let (whole, others): (Vec<&str>, Vec<&str>) = theirs.partition(|line| *line == letters);
        assert_eq!(whole.len(), 2000, "{name}");
        assert!(others.iter().all(|line| line.contains(": ")), "{others:?}");
    }
}

#[test]
fn log_2_where_stdout_and_stderr_are_one_pipe_that_is_full_no_line_is_mixed() {
    // More than the one pipe holds, and less than it and the programs' own.
    let program = |name: &str, to: &str, redirect: &str| {
        format!(
            "[program.{name}]\ncommand = [\"sh\", \"-c\", \"i=0; while [ $i -lt 20000 ]; do echo {name} \
             $i of what fills a pipe that nobody reads.; i=$((i+1)); done {redirect}; echo > \
             FOLDER/{name}; exec PROBE last-words\"]\n{to} = \"prefix\"\n"
        )
    };
    let text = program("one", "stdout", "") + &program("two", "stderr", ">&2");
    let configuration = Configuration::new(&text);
    let file = configuration.path();
    let exec = r#"exec "$0" "$@" 2>&1"#;
    let lastout = binaries::lastout().display().to_string();
    let setup = Setup::new(&["-c", exec, &lastout, "-c", &file]);
    let setup = setup.environment("LASTOUT_SOCKET", &configuration.socket());
    let setup = setup.program("/bin/sh").stdout(Output::Unread);
    let mut run = setup.start();
    wait_until("all is written", || {
        ["one", "two"]
            .iter()
            .all(|name| configuration.read(name).is_some())
    });
    run.signal(libc::SIGUSR2);
    run.read_the_unread();
    run.wait_for_line("two 19999 ");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    let mut next = [0, 0];
    for line in out(run.lines()) {
        let theirs = ["one", "two"].iter().zip(&mut next).any(|(name, next)| {
            let expected =
                format!("{name} | {name} {next} of what fills a pipe that nobody reads.");
            let is_next = line == expected;
            *next += i32::from(is_next);
            is_next
        });
        let others = line.starts_with("lastout: ") || line.contains("last-words: ");
        assert!(theirs || (others && !line.contains("fills")), "{line}");
    }
    assert_eq!(next, [20_000, 20_000]);
}

#[test]
fn log_6_a_program_of_another_user_opens_its_own_stdout() {
    let (_configuration, mut run) = run_until(
        r#"
[program.web]
command = ["sh", "-c", "echo opened > /dev/stdout; echo too > /dev/stderr; exec PROBE last-words"]
user = "4711"
stdout = "prefix"
stderr = "prefix"
"#,
        &["last-words: ready"],
    );
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    run.lines()
        .assert_in_order(Stream::Stdout, &["web | opened"]);
    run.lines().assert_in_order(Stream::Stderr, &["web | too"]);
}

#[test]
fn what_runs_before_and_after_a_program_writes_as_the_program_does() {
    let (_configuration, mut run) = run_until(
        r#"
[program.web]
command = ["PROBE", "last-words"]
pre_start = ["echo", "before"]
post_stop = ["echo", "after"]
stdout = "prefix"
"#,
        &["last-words: ready"],
    );
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    let expected = ["web | before", "web | last-words: ready", "web | after"];
    run.lines().assert_in_order(Stream::Stdout, &expected);
}

#[test]
fn who_asks_a_program_is_not_heard() {
    let (configuration, mut run) = run_until(
        r#"
[program.web]
command = ["PROBE", "last-words"]
healthcheck = { exec = ["sh", "-c", "echo chatter; echo asked > FOLDER/asked"], interval = "100ms" }
stdout = "prefix"
stderr = "prefix"
"#,
        &["last-words: ready"],
    );
    wait_until("it was asked", || configuration.read("asked").is_some());
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert_eq!(run.lines().count("chatter"), 0);
}

#[test]
fn ready_1_a_line_makes_a_program_ready() {
    let (configuration, mut run) = run_until(
        r#"
[program.db]
command = ["sh", "-c", "echo begins; while [ ! -e FOLDER/go ]; do sleep 0.05; done; echo 'now accepting connections'; exec PROBE last-words --name db"]
ready = { log = "accepting" }
[program.web]
command = ["PROBE", "last-words", "--name", "web"]
depends_on = { db = "ready" }
"#,
        &["begins"],
    );
    assert_eq!(run.lines().count("web: ready"), 0);
    configuration.write("go", "");
    run.wait_for_line("web: ready");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
}
