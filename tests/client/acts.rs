//! `start`, `stop`, `restart`, `signal`, `reload`, `wait`, `shutdown`.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use lastout_harness::configuration::Configuration;
use lastout_harness::must;
use lastout_harness::namespace::Run;

use super::{command, lastout, timeless};

fn three() -> (Configuration, Run) {
    let configuration = Configuration::new(
        "[defaults]\nstartsecs = 0\n\
         [program.a]\ncommand = \"sleep 1000\"\nreload_signal = \"CONT\"\n\
         [program.b]\ncommand = \"sleep 1000\"\n\
         [program.c]\ncommand = \"sleep 1000\"\nautostart = false\n",
    );
    let run = configuration.run_until(&["a: running", "b: running"]);
    (configuration, run)
}

#[test]
fn each_is_told_of_in_a_line_and_0_is_done() {
    let (configuration, _run) = three();
    for (words, expected) in [
        (
            &["stop", "a", "c"][..],
            "c: is stopped already\na: stopped in 0 s, ended by SIGTERM\n",
        ),
        (&["start", "a"], "a: started in 0 s\n"),
        (&["start", "a"], "a: is running already\n"),
        (&["restart", "b"], "b: started in 0 s\n"),
        (&["reload", "a"], "a: told to reload with SIGCONT\n"),
        (&["signal", "CONT", "a"], "a: sent SIGCONT\n"),
        (&["reload"], "no program differs\n"),
        (
            &["wait", "a", "--for", "running"],
            "a: is running already\n",
        ),
    ] {
        let out = lastout(&configuration, words).expect(0);
        assert_eq!(timeless(&out), expected, "{words:?}");
    }
}

#[test]
fn what_did_not_come_true_is_1() {
    let (configuration, _run) = three();
    for (words, expected) in [
        (
            &["signal", "CONT", "c"][..],
            "c: is not running: it is STOPPED, does not start by itself\n",
        ),
        (
            &["wait", "c", "--for", "exited", "--timeout", "50ms"],
            "c: will not be exited by itself: it is STOPPED, does not start by itself\n",
        ),
        (
            &["wait", "b", "--for", "stopped", "--timeout=0.05"],
            "b: not in time: it is RUNNING\n",
        ),
    ] {
        let out = lastout(&configuration, words).expect(1);
        assert!(out.starts_with(expected), "{words:?}: {out}");
    }
    lastout(&configuration, &["stop", "nobody"])
        .expect_refusal(1, "lastout: no program named nobody; there are a, b, c");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test may block")]
fn a_line_comes_when_it_is_decided_and_not_with_the_last() {
    let configuration = Configuration::new(
        "[defaults]\nstartsecs = 0\nstopwaitsecs = 1000\n\
         [program.quick]\ncommand = \"sleep 1000\"\n\
         [program.slow]\ncommand = [\"sh\", \"-c\", \"trap '' TERM; echo set; while :; do \
         sleep 0.1; done\"]\n",
    );
    let run = configuration.run_until(&["quick: running", "set"]);
    let mut client = command(&["stop", "all"])
        .env("LASTOUT_SOCKET", configuration.socket())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(client.stdout.take().unwrap()).lines();
    let first = must(lines.next().unwrap(), "read");
    assert!(first.starts_with("quick: stopped in"), "{first}");
    lastout(&configuration, &["signal", "KILL", "slow"]).expect(0);
    let second = must(lines.next().unwrap(), "read");
    assert!(second.starts_with("slow: stopped in"), "{second}");
    assert!(lines.next().is_none());
    assert!(client.wait().unwrap().success());
    drop(run);
}

#[test]
fn a_reload_says_what_it_does_and_would_do() {
    let (configuration, _run) = three();
    configuration.rewrite(
        "[defaults]\nstartsecs = 0\n\
         [program.a]\ncommand = \"sleep 1000\"\nreload_signal = \"CONT\"\nstopwaitsecs = 3\n\
         [program.c]\ncommand = \"sleep 1000\"\nautostart = false\nenvironment = { A = \"1\" }\n\
         [program.d]\ncommand = \"sleep 1000\"\n",
    );
    let out = lastout(&configuration, &["reload", "--dry-run"]).expect(0);
    let would = "b: would be removed\nd: would be added\na: would take new values\n\
                 c: would take new values\n";
    assert_eq!(out, would);
    let out = lastout(&configuration, &["reload"]).expect(0);
    assert_eq!(
        out,
        "b: is removed\nd: is added\na: takes new values\nc: takes new values\n"
    );
    configuration.rewrite("[program.a]\ncomand = \"x\"\n");
    let said = lastout(&configuration, &["reload"]);
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    assert!(said.err.contains("did you mean `command`?"), "{}", said.err);
    assert!(said.err.lines().count() > 3, "{}", said.err);
}

#[test]
fn without_waiting_it_says_how_far_it_is() {
    let (configuration, _run) = three();
    let out = lastout(&configuration, &["stop", "a", "--no-wait"]).expect(0);
    assert!(out.starts_with("a: STOPP"), "{out}");
}

#[test]
fn a_shutdown_ends_the_container_with_its_status() {
    let (configuration, mut run) = three();
    let out = lastout(&configuration, &["shutdown", "--code", "3"]).expect(0);
    assert_eq!(out, "the shutdown begins\n");
    assert_eq!(run.wait(), 3);
}
