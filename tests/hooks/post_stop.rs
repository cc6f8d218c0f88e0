//! What runs after a program, and what it is told.

use lastout_harness::configuration::Configuration;
use lastout_harness::lines::Stream;
use lastout_harness::wait_until;

use crate::{assert_in_order, assert_never};

/// A program with a post_stop that says what it was told.
fn told(keys: &str) -> Configuration {
    Configuration::new(&format!(
        r#"
        [signals]
        USR1 = "reload:web"
        [program.web]
        startsecs = 0
        backoff = 25
        post_stop = ["sh", "-c", "echo after: $LASTOUT_REASON code=$LASTOUT_EXIT_CODE signal=$LASTOUT_EXIT_SIGNAL"]
        {keys}
        [program.stays]
        command = "PROBE last-words --name stays"
        "#
    ))
}

const WEB: &str = "command = 'PROBE last-words --name the-web'";

#[test]
fn post_stop_is_told_why_its_program_has_ended_by_itself() {
    for (keys, expected) in [
        ("command = 'PROBE exit 3'", "exit code=3 signal="),
        ("command = 'PROBE exit 0'", "exit code=0 signal="),
        (
            "command = 'PROBE kill-self KILL'",
            "signal code= signal=KILL",
        ),
        (
            "command = 'PROBE kill-self RTMIN+5'",
            "signal code= signal=RTMIN+5",
        ),
        (
            "command = 'true'\npre_start = 'PROBE exit 4'",
            "exit code=4 signal=",
        ),
        (
            "command = '/none'\npre_start = 'true'",
            "not-started code=127 signal=",
        ),
    ] {
        let file = told(keys);
        let run = file.run();
        run.wait_for_line(&format!("after: {expected}"));
        assert_eq!(run.lines().count("after: "), 1, "{keys}");
    }
}

#[test]
fn post_stop_is_told_for_what_its_program_was_stopped() {
    let notify = "command = 'PROBE notify --name the-web READY=1 until:TERM exit:9'";
    // It is not well once it has said that it is there, and knows what to do with a TERM.
    let healthcheck = "exec = 'test ! -e FOLDER/bad', interval = 0.02, retries = 1";
    for (keys, expected) in [
        (
            format!("{WEB}\nhealthcheck = {{ {healthcheck} }}"),
            "unhealthy code=0 signal=",
        ),
        (
            format!("{WEB}\nready = {{ notify = true, start_timeout = 2 }}"),
            "not-ready code=0 signal=",
        ),
        (
            format!("{notify}\nready = 'notify'\nwatchdog = 0.1"),
            "watchdog code= signal=ABRT",
        ),
    ] {
        let file = told(&keys);
        let run = file.run();
        if !keys.contains("watchdog") {
            run.wait_for_line("the-web: ready");
        }
        file.write("bad", "");
        run.wait_for_line(&format!("after: {expected}"));
        assert_eq!(run.lines().count("after: "), 1, "{keys}");
    }
}

#[test]
fn post_stop_is_told_of_a_shutdown_a_restart_and_what_a_reload_does() {
    let file = told(WEB);
    let run = file.run_until(&["the-web: ready"]);
    run.signal(libc::SIGUSR1);
    run.wait_for_line("after: restart code=0 signal=");
    run.lines().wait_for_times("the-web: ready", 2);
    let changed = "command = 'PROBE last-words --name changed'";
    let text = |keys: &str| {
        format!(
            r#"
            [program.web]
            startsecs = 0
            post_stop = ["sh", "-c", "echo after: $LASTOUT_REASON code=$LASTOUT_EXIT_CODE signal=$LASTOUT_EXIT_SIGNAL"]
            {keys}
            [program.stays]
            command = "PROBE last-words --name stays"
            "#
        )
    };
    file.rewrite(&text(changed));
    run.signal(libc::SIGHUP);
    run.wait_for_line("after: changed code=0 signal=");
    run.wait_for_line("changed: ready");
    file.rewrite("[program.stays]\ncommand = 'PROBE last-words --name stays'");
    run.signal(libc::SIGHUP);
    run.wait_for_line("after: removed code=0 signal=");
    assert_eq!(run.lines().count("after: "), 3);
}

#[test]
fn post_stop_is_told_of_a_shutdown_and_runs_as_the_program_did() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = "PROBE last-words --name the-web --exit 7"
        post_stop = ["sh", "-c", "echo after: $LASTOUT_REASON $LASTOUT_EXIT_CODE $LASTOUT_PROGRAM $(id -u) $(pwd) $WHAT"]
        user = "65534:12"
        directory = "FOLDER"
        environment = { WHAT = "well" }
        "#,
    );
    let mut run = file.run_until(&["the-web: ready"]);
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    run.wait_for_line(&format!(
        "after: shutdown 7 web 65534 {} well",
        file.folder()
    ));
}

#[test]
fn post_stop_does_not_run_where_nothing_did() {
    // Neither one that waited for its needs nor one that could not be exec'ed.
    let file = Configuration::new(
        r#"
        [program.db]
        command = "PROBE last-words --name db"
        ready = "notify"
        [program.web]
        command = "true"
        post_stop = ["sh", "-c", "echo cleaned"]
        depends_on = ["db"]
        [program.none]
        command = "/none"
        post_stop = ["sh", "-c", "echo cleaned"]
        on_failure = "ignore"
        startretries = 0
        "#,
    );
    let mut run = file.run_until(&["db: ready", "none: FATAL"]);
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert_never(&run, "cleaned");
}

#[test]
fn post_stop_is_over_before_the_program_starts_again() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = ["sh", "-c", "echo command; exit 3"]
        post_stop = ["sh", "-c", "sleep 0.1; echo after"]
        startsecs = 0
        backoff = 0.01
        "#,
    );
    let run = file.run();
    wait_until("it was cleaned up after three times", || {
        let said = run.lines().of(Stream::Stdout);
        said.iter().filter(|line| *line == "after").count() >= 3
    });
    let said = run.lines().of(Stream::Stdout);
    let expected = ["command", "after", "command", "after", "command", "after"];
    assert_eq!(said.get(..6).unwrap_or(&said), expected);
}

#[test]
fn post_stop_that_fails_is_told_and_changes_nothing_else() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = "PROBE exit 0"
        post_stop = "PROBE exit 9"
        [program.stays]
        command = "PROBE last-words --name stays"
        "#,
    );
    let mut run = file.run();
    run.wait_for_line("web: post_stop: exit 9");
    run.signal(libc::SIGUSR2);
    run.wait_for_line("web: EXITED for ");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
}

#[test]
fn stop_4_what_a_program_needs_is_still_there_for_its_post_stop() {
    let file = Configuration::new(
        r#"
        [program.db]
        command = "PROBE last-words --name db"
        startsecs = 0
        [program.web]
        command = "PROBE last-words --name the-web"
        depends_on = ["db"]
        post_stop = ["sh", "-c", "sleep 0.2; echo cleaned up"]
        "#,
    );
    let mut run = file.run_until(&["db: ready", "the-web: ready"]);
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    let expected = ["the-web: got SIGTERM", "cleaned up", "db: got SIGTERM"];
    assert_in_order(&run, Stream::Stdout, &expected);
}
