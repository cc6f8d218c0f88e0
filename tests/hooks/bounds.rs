//! That nothing beside a program takes longer than it may, nor outlasts the shutdown.

use std::time::Duration;

use lastout_harness::configuration::Configuration;
use lastout_harness::lines::Stream;

use crate::{assert_in_order, assert_never};

/// What a loaded machine may add.
const SLACK: Duration = Duration::from_secs(10);

#[test]
fn post_stop_that_hangs_is_told_and_then_killed_within_stopwaitsecs() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = "PROBE exit 3"
        post_stop = "PROBE last-words --name after --ignore-term"
        stopwaitsecs = 2
        startretries = 0
        "#,
    );
    let mut run = file.run_until(&["after: ready"]);
    let hangs = run.wait_for_line("after: ready").at;
    let (code, ended) = run.wait_and_measure();
    assert_eq!(code, 3, "{}", run.lines().text());
    assert_eq!(run.lines().count("after: got SIGTERM, staying"), 1);
    let expected = [
        "web: post_stop takes longer than 2 s",
        "web: is killed, stopwaitsecs of 2 s is over",
        "web: post_stop: ended by SIGKILL",
    ];
    assert_in_order(&run, Stream::Stderr, &expected);
    assert!(ended - hangs < SLACK);
}

#[test]
fn post_stop_that_leaves_when_it_is_told_is_not_killed() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = "PROBE exit 3"
        post_stop = "PROBE last-words --name after"
        stopwaitsecs = 2
        startretries = 0
        "#,
    );
    let mut run = file.run_until(&["after: ready"]);
    assert_eq!(run.wait(), 3);
    run.wait_for_line("after: got SIGTERM, leaving");
    assert_never(&run, "killed");
}

#[test]
fn stop_5_the_shutdown_fits_in_stop_timeout_whatever_a_post_stop_does() {
    let file = Configuration::new(
        r#"
        [supervisor]
        stop_timeout = 3
        [program.web]
        command = "PROBE last-words --name the-web"
        post_stop = "PROBE last-words --name after --ignore-term"
        stopwaitsecs = 60
        "#,
    );
    let mut run = file.run_until(&["the-web: ready"]);
    let (code, took) = run.stop(libc::SIGTERM);
    assert_eq!(code, 0, "{}", run.lines().text());
    assert!(took >= Duration::from_secs(3), "{took:?}");
    assert!(took < SLACK, "{took:?}");
    // Not even it is killed untold.
    assert_eq!(run.lines().count("after: got SIGTERM, staying"), 1);
    run.wait_for_line("stop_timeout of 3 s is over");
}

#[test]
fn stop_5_a_post_stop_that_would_begin_after_the_last_call_is_left_out() {
    let file = Configuration::new(
        r#"
        [supervisor]
        stop_timeout = 5
        [program.web]
        command = "PROBE last-words --name the-web --after 4300ms"
        post_stop = "echo after"
        "#,
    );
    let mut run = file.run_until(&["the-web: ready"]);
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    run.wait_for_line("web: post_stop is left out, the shutdown has no time for it");
    let said = run.lines().of(Stream::Stdout);
    assert!(!said.contains(&String::from("after")), "{said:?}");
}

#[test]
fn stop_3_what_a_post_stop_leaves_behind_is_gone_too() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = "PROBE exit 3"
        post_stop = "PROBE daemon --name left-behind"
        startretries = 0
        on_failure = "ignore"
        [program.stays]
        command = "PROBE last-words --name stays"
        "#,
    );
    let mut run = file.run();
    run.wait_for_line("left-behind: got SIGTERM, leaving");
    assert_eq!(run.lines().count("stays: got"), 0);
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
}
