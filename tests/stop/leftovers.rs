//! STOP-3: what a leader leaves behind when it ends by itself.

use std::time::Duration;

use crate::{assert_in_order, assert_times, run_until};

#[test]
fn stop_3_leftovers_are_told_and_gone_before_the_program_starts_again() {
    let (_file, run) = run_until(
        r#"
        [program.web]
        command = "PROBE family --leader-leaves --exit 3 --after 500ms"
        startsecs = 0
        backoff = 30
        backoff_max = 30
        "#,
        &["web: told its probe"],
    );
    run.wait_for_line("web: starts again in");
    // Nobody of the first family is alive by then, and the second is not born yet.
    run.lines().wait_for_times("got SIGTERM, leaving", 3);
    assert_eq!(run.processes().len(), 1, "{}", run.lines().text());
    assert_in_order(
        run.lines(),
        &[
            "web: started",
            "web: exit 3",
            "told its probe",
            "starts again",
        ],
    );
}

#[test]
fn stop_3_leftovers_that_stay_are_killed_after_stopwaitsecs_and_then_it_starts_again() {
    // Only the first one leaves somebody behind.
    let (_file, run) = run_until(
        r#"
        [program.web]
        command = ["sh", "-c", """
            mkdir FOLDER/been-here 2>/dev/null && exec PROBE daemon --ignore-term
            exec PROBE last-words --name second"""]
        autorestart = "always"
        startsecs = 0
        backoff = 0.01
        stopwaitsecs = 2
        "#,
        &["daemon: got SIGTERM, staying", "second: ready"],
    );
    let second = run.lines().wait_for_times("web: started", 2).at;
    assert!(second - run.started() >= Duration::from_secs(2));
    assert_in_order(
        run.lines(),
        &["told its probe", "web: is killed", "web: started"],
    );
    assert_times(run.lines(), "SIGTERM, staying", 1);
}

#[test]
fn stop_3_leftovers_are_told_too_when_the_program_is_not_started_again() {
    let (_file, mut run) = run_until(
        r#"
        [program.once]
        command = "PROBE daemon --after 200ms"
        autorestart = "never"
        startsecs = 0
        "#,
        &["daemon: got SIGTERM, leaving"],
    );
    assert_eq!(run.wait(), 0);
    assert_in_order(run.lines(), &["once: exit 0", "once: told its probe"]);
}

#[test]
fn stop_3_leftovers_that_are_to_be_kept_live_beside_the_next_instance() {
    let folder = tempfile::tempdir().expect("a folder");
    let been_here = folder.path().join("been-here").display().to_string();
    let (_file, mut run) = run_until(
        &format!(
            r#"
            [program.web]
            command = ["/bin/sh", "-c", """
                mkdir {been_here} 2>/dev/null && exec PROBE daemon --name first
                exec PROBE last-words --name second
            """]
            leftovers = "keep"
            autorestart = "always"
            startsecs = 0
            backoff = 0.01
            "#
        ),
        &["first: ready", "second: ready"],
    );
    assert_times(run.lines(), "first: got", 0);
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert_times(run.lines(), "first: got SIGTERM, leaving", 1);
    // It is nobody's by then, and the life that left it behind is long over.
    assert_times(run.lines(), "  web ", 1);
    assert_times(run.lines(), "  stray probe", 1);
}
