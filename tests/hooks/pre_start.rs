//! What runs before a program.

use lastout_harness::configuration::Configuration;
use lastout_harness::lines::Stream;

use crate::{assert_in_order, assert_never};

#[test]
fn pre_start_runs_before_the_program_and_as_it_would_be() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = ["sh", "-c", "echo command $(id -u):$(id -g) $(pwd) $WHAT $(ulimit -n); exec PROBE last-words"]
        pre_start = ["sh", "-c", "sleep 0.1; echo before $(id -u):$(id -g) $(pwd) $WHAT $(ulimit -n)"]
        user = "65534:12"
        directory = "FOLDER"
        environment = { WHAT = "well" }
        rlimits = { nofile = 99 }
        "#,
    );
    let run = file.run_until(&["last-words: ready"]);
    let facts = format!("65534:12 {} well 99", file.folder());
    let before = format!("before {facts}");
    let command = format!("command {facts}");
    assert_in_order(&run, Stream::Stdout, &[&before, &command, "last-words"]);
    run.wait_for_line("lastout: web: started");
    assert_eq!(run.lines().count("lastout: web: started"), 1);
}

#[test]
fn pre_start_may_make_what_the_program_needs() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = "PROBE last-words"
        pre_start = ["sh", "-c", "cd / && mkdir FOLDER/made"]
        directory = "FOLDER"
        "#,
    );
    let _run = file.run_until(&["last-words: ready"]);
    assert!(std::path::Path::new(&file.folder()).join("made").is_dir());
}

#[test]
fn pre_start_that_fails_is_a_failed_start_that_is_tried_again_and_then_fatal() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = ["sh", "-c", "echo command"]
        pre_start = "PROBE exit 4"
        startretries = 1
        backoff = 0.02
        "#,
    );
    let mut run = file.run_until(&["web: FATAL"]);
    assert_eq!(run.wait(), 4);
    assert_in_order(
        &run,
        Stream::Stderr,
        &[
            "web: pre_start: exit 4",
            "web: starts again in 0.02 s (failed to start)",
            "web: pre_start: exit 4",
            "web: FATAL: its pre_start failed 2 times in a row, at last: exit 4",
        ],
    );
    assert_never(&run, "command");
    assert_never(&run, "web: started");
}

#[test]
fn pre_start_that_succeeds_at_last_lets_the_program_start() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = "PROBE last-words --name command"
        pre_start = ["sh", "-c", "echo x >> FOLDER/tries; test $(wc -l < FOLDER/tries) = 3"]
        backoff = 0.01
        "#,
    );
    let run = file.run_until(&["command: ready"]);
    run.wait_for_line("lastout: web: started");
    assert_eq!(run.lines().count("web: pre_start: exit 1"), 2);
    assert_never(&run, "FATAL");
}

#[test]
fn pre_start_runs_before_each_start_and_leaves_nobody_to_the_program() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = ["sh", "-c", "ps -e -o comm= | grep -c '^sleep' ; sleep 0.05; exit 3"]
        pre_start = ["sh", "-c", "setsid sleep 1000 & echo before"]
        startsecs = 0
        backoff = 0.01
        "#,
    );
    let run = file.run_until(&["before"]);
    run.lines().wait_for_times("before", 4);
    run.lines().wait_for_times("lastout: web: started", 3);
    let said = run.lines().of(Stream::Stdout);
    assert!(
        said.iter()
            .all(|line| ["before", "0"].contains(&line.as_str())),
        "{said:?}"
    );
}

#[test]
fn pre_start_is_told_at_the_stop_and_the_program_is_not_started_then() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = ["sh", "-c", "echo command"]
        pre_start = "PROBE last-words --name before"
        "#,
    );
    let mut run = file.run_until(&["before: ready"]);
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    run.wait_for_line("before: got SIGTERM, leaving");
    assert_never(&run, "command");
}

/// The program that needs it is told first, so that it is not told when it is done.
#[test]
fn run_2_after_a_pre_start_that_ends_in_the_shutdown_the_program_is_not_started() {
    let file = Configuration::new(
        r#"
        [program.db]
        command = "PROBE last-words --name db"
        pre_start = ["sh", "-c", """
            test -e FOLDER/again || exec touch FOLDER/again
            echo before
            until test -e FOLDER/told; do sleep 0.01; done
            echo before is done; touch FOLDER/done"""]
        startsecs = 0
        backoff = 0.01
        [program.user]
        command = ["sh", "-c", """
            trap 'touch FOLDER/told
                  until test -e FOLDER/done; do sleep 0.01; done; sleep 0.2; exit 0' TERM
            echo user: ready
            while :; do sleep 0.01; done"""]
        depends_on = ["db"]
        startsecs = 0
        "#,
    );
    let mut run = file.run_until(&["db: ready", "user: ready"]);
    // SAFETY: takes two numbers; the process is of a namespace of ours.
    unsafe { libc::kill(run.leader_of("db").pid, libc::SIGKILL) };
    run.wait_for_line("before");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    run.wait_for_line("before is done");
    assert_eq!(run.lines().count("db: ready"), 1);
    assert_eq!(run.lines().count("lastout: db: started"), 1);
}
