//! When a program is started again, and when it is not (RUN-2, RUN-3, RUN-5).

use lastout_harness::configuration::Configuration;
use lastout_harness::lines::Stream;

use crate::{assert_in_order, assert_never};

/// A program that was up and then exits with `code`, until there have been three of it.
fn ends_with(code: u32, keys: &str) -> String {
    format!(
        r#"
        [program.web]
        command = ["sh", "-c", """
            echo x >> FOLDER/lives
            test $(wc -l < FOLDER/lives) = 3 && exec PROBE last-words --name third
            exit {code}"""]
        startsecs = 0
        backoff = 0.01
        on_failure = "ignore"
        {keys}
        "#
    )
}

#[test]
fn autorestart_decides_what_becomes_of_one_that_was_up() {
    for (code, keys, lives_on) in [
        (0, "autorestart = 'always'", true),
        (3, "autorestart = 'always'", true),
        (0, "autorestart = 'unexpected'", false),
        (3, "autorestart = 'unexpected'", true),
        (3, "autorestart = 'unexpected'\nexitcodes = [0, 3]", false),
        (0, "autorestart = 'unexpected'\nexitcodes = [3]", true),
        (0, "autorestart = 'never'", false),
        (3, "autorestart = 'never'", false),
    ] {
        let file = Configuration::new(&ends_with(code, keys));
        let mut run = file.run();
        if lives_on {
            run.wait_for_line("third: ready");
        } else {
            let is_expected = code == 0 || keys.contains("[0, 3]");
            let status = if is_expected { 0 } else { 3 };
            assert_eq!(run.wait(), status, "{code} {keys}");
            assert_eq!(run.lines().count("web: started"), 1, "{code} {keys}");
        }
    }
}

#[test]
fn run_3_an_expected_exit_before_it_was_running_is_no_failed_start() {
    let file = Configuration::new("[program.web]\ncommand = 'PROBE exit 0'\nstartsecs = 60\n");
    let mut run = file.run_until(&["web: exit 0"]);
    assert_eq!(run.wait(), 0);
    assert_never(&run, "failed to start");
}

#[test]
fn run_3_with_always_an_expected_exit_before_it_was_running_is_one() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = "PROBE exit 0"
        startsecs = 60
        startretries = 2
        backoff = 0.01
        autorestart = "always"
        "#,
    );
    let mut run =
        file.run_until(&["web: FATAL: failed to start 3 times in a row, at last: exit 0"]);
    assert_eq!(run.wait(), 1);
}

#[test]
fn run_2_who_waits_for_its_restart_is_not_started_in_the_shutdown() {
    let file = Configuration::new(
        r#"
        [program.slow]
        command = "PROBE last-words --name slow --after 300ms"
        [program.web]
        command = "PROBE exit 3"
        backoff = 0.1
        backoff_max = 0.1
        startretries = "infinite"
        "#,
    );
    let mut run = file.run_until(&["slow: ready", "web: starts again in"]);
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    // As often as may be before it: when the signal arrives is not known here.
    let said = run.lines().of(Stream::Stderr);
    let begins = |line: &String| line.contains("the shutdown begins");
    let begin = said.iter().position(begins).expect("the shutdown begins");
    let starts = |line: &String| line.contains("web: started");
    assert!(!said[begin..].iter().any(starts), "{said:#?}");
}

#[test]
fn run_5_a_oneshot_is_done_or_tried_again_and_then_fatal() {
    let file = Configuration::new(
        r#"
        [program.good]
        command = "PROBE exit 0 --after 50ms"
        type = "oneshot"
        startsecs = 0
        [program.bad]
        command = "PROBE exit 6 --after 50ms"
        type = "oneshot"
        startsecs = 0
        startretries = 1
        backoff = 0.01
        depends_on = ["good"]
        "#,
    );
    let mut run = file.run_until(&["bad: FATAL"]);
    assert_eq!(run.wait(), 6);
    assert_in_order(
        &run,
        &[
            "good: done, exit 0",
            "bad: started",
            "bad: exit 6",
            "bad: started",
            "bad: exit 6",
            "bad: FATAL: failed to start 2 times in a row, at last: exit 6",
        ],
    );
    assert_eq!(run.lines().count("good: started"), 1);
}
