//! `logs`, and readers that go away.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::Stdio;

use lastout_harness::configuration::Configuration;
use lastout_harness::must;
use lastout_harness::namespace::Run;

use super::{command, lastout};

fn talkers() -> (Configuration, Run) {
    let configuration = Configuration::new(
        "[defaults]\nstartsecs = 0\nstdout = \"prefix\"\nstderr = \"prefix\"\n\
         [program.a]\ncommand = [\"sh\", \"-c\", \"echo one; echo two >&2; echo three; \
         exec sleep 1000\"]\n\
         [program.b]\ncommand = [\"sh\", \"-c\", \"echo from b; exec sleep 1000\"]\n\
         [program.c]\ncommand = \"sleep 1000\"\nstdout = \"inherit\"\nstderr = \"inherit\"\n",
    );
    let run = configuration.run_until(&["a | three", "a | two", "b | from b"]);
    (configuration, run)
}

#[test]
fn lines_of_one_are_as_they_were_and_those_of_several_have_names() {
    let (configuration, _run) = talkers();
    let out = lastout(&configuration, &["logs", "a", "--stdout"]).expect(0);
    assert_eq!(out, "one\nthree\n");
    let out = lastout(&configuration, &["logs", "a", "--stderr"]).expect(0);
    assert_eq!(out, "two\n");
    let out = lastout(&configuration, &["logs", "a", "--stdout", "-n1"]).expect(0);
    assert_eq!(out, "three\n");
    let out = lastout(&configuration, &["logs", "a", "--stdout", "--stderr"]).expect(0);
    assert_eq!(out.lines().count(), 3, "{out}");
    let out = lastout(&configuration, &["logs"]).expect(0);
    let mut lines: Vec<&str> = out.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["a | one", "a | three", "a | two", "b | from b"]);
    let out = lastout(&configuration, &["logs", "b", "--timestamps"]).expect(0);
    let (time, line) = out.split_once(' ').unwrap();
    assert_eq!((time.len(), line), (27, "from b\n"), "{out}");
}

#[test]
fn what_does_not_come_by_lastout_is_1_and_says_how_it_would() {
    let (configuration, _run) = talkers();
    lastout(&configuration, &["logs", "c"]).expect_refusal(
        1,
        "lastout: what c writes goes straight to lastout's own output; with stdout = \"prefix\", \
         \"json\" or a file it comes by lastout",
    );
}

#[test]
fn log_3_a_line_that_comes_in_parts_is_one_again() {
    let configuration = Configuration::new(
        "[program.a]\nstartsecs = 0\nstdout = \"prefix\"\ncommand = [\"sh\", \"-c\", \
         \"head -c 40000 /dev/zero | tr '\\\\0' x; echo; echo end; exec sleep 1000\"]\n",
    );
    let _run = configuration.run_until(&["a | end"]);
    let out = lastout(&configuration, &["logs", "a"]).expect(0);
    let lengths: Vec<usize> = out.lines().map(str::len).collect();
    assert_eq!(lengths, [40_000, 3]);
    // Who reads the answer itself sees which are parts.
    let out = lastout(&configuration, &["logs", "a", "--json"]).expect(0);
    let lines: Vec<serde_json::Value> = out
        .lines()
        .skip(1)
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let parts: Vec<bool> = lines.iter().map(|line| line["partial"] == true).collect();
    assert_eq!(parts, [true, true, false, false], "{out}");
}

#[test]
fn what_the_relay_refuses_is_1_and_says_why() {
    let (configuration, _run) = talkers();
    let begin = || {
        let mut client = must(UnixStream::connect(configuration.socket()), "connect");
        let question = b"{\"verb\":\"logs\",\"follow\":true}\n";
        must(client.write_all(question), "ask");
        let mut lines = BufReader::new(client).lines();
        // "ok", and the first line that the relay tells.
        let told = lines.by_ref().take(2).filter_map(Result::ok).count();
        assert_eq!(told, 2);
        lines
    };
    let _served: Vec<_> = (0..64).map(|_| begin()).collect();
    let line = "lastout: 64 clients are served lines already; end one of them";
    lastout(&configuration, &["logs", "a"]).expect_refusal(1, line);
    let said = lastout(&configuration, &["logs", "a", "--json"]);
    assert_eq!((said.code, said.err.as_str()), (1, ""), "{}", said.out);
    assert!(said.out.contains("too-many-connections"), "{}", said.out);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test may block")]
fn a_follower_hears_what_comes_and_dies_of_a_signal_as_any_command() {
    let configuration = Configuration::new(
        "[program.a]\nstartsecs = 0\nstdout = \"prefix\"\ncommand = [\"sh\", \"-c\", \
         \"n=0; while :; do n=$((n+1)); echo $n; sleep 0.05; done\"]\n",
    );
    let _run = configuration.run_until(&["a | 1"]);
    let mut client = command(&["logs", "-f", "a"]);
    // Whoever runs the tests may ignore it, as a shell's jobs in the background do.
    // SAFETY: signal with these numbers is async-signal-safe and touches no memory.
    unsafe {
        client.pre_exec(|| {
            libc::signal(libc::SIGINT, libc::SIG_DFL);
            Ok(())
        });
    }
    let mut client = client
        .env("LASTOUT_SOCKET", configuration.socket())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(client.stdout.take().unwrap()).lines();
    for number in 1..20 {
        assert_eq!(must(lines.next().unwrap(), "read"), number.to_string());
    }
    // SAFETY: a signal for a child of ours that was not waited for.
    unsafe { libc::kill(client.id() as i32, libc::SIGINT) };
    let status = client.wait().unwrap();
    assert_eq!(status.signal(), Some(libc::SIGINT));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test may block")]
fn a_reader_that_goes_away_ends_it_without_a_word() {
    let (configuration, _run) = talkers();
    for words in [&["logs", "-f"][..], &["events"], &["status"], &["--help"]] {
        let (reader, writer) = must(std::io::pipe(), "make a pipe");
        drop(reader);
        let said = command(words)
            .env("LASTOUT_SOCKET", configuration.socket())
            .stdout(writer)
            .output();
        let said = must(said, "start the client");
        assert_eq!(String::from_utf8_lossy(&said.stderr), "", "{words:?}");
        assert!(!said.status.success(), "{words:?}");
    }
}
