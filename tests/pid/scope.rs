//! PID-2: whom it may reach, as PID 1, as a subreaper on a host, in a sandbox, and one
//! below the other.

use lastout_harness::binaries;
use lastout_harness::configuration::Configuration;
use lastout_harness::namespace::{Run, Setup};

/// Ends it with TERM, as a subreaper; the bystander must not notice anything.
fn stop_beside_the_bystander(mut run: Run) -> String {
    run.wait_for_line("bystander: ready");
    let (status, _) = run.stop(libc::SIGTERM);
    let text = run.lines().text();
    assert!([0, 137].contains(&status), "status {status}\n{text}");
    assert!(text.contains("the bystander is alive"), "{text}");
    assert!(!text.contains("bystander: got"), "{text}");
    assert!(text.contains("nobody is left"), "{text}");
    text
}

#[test]
fn pid_2_as_pid_1_everybody_in_the_namespace_is_in_scope() {
    let mut run = Setup::of_probe(&["daemon", "--stay", "--name", "it", "--uid", "4711"]).start();
    run.wait_for_line("it: ready");
    run.wait_for_line("daemon's leader: ready");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert!(run.lines().has("it: got SIGTERM, leaving"));
}

#[test]
fn pid_2_as_a_subreaper_a_daemon_comes_back_and_is_told() {
    let run = Setup::of_probe(&["daemon", "--stay", "--name", "it", "--uid", "4711"])
        .as_subreaper_beside_a_bystander()
        .start();
    run.wait_for_line("it: ready");
    run.wait_for_line("daemon's leader: ready");
    let text = stop_beside_the_bystander(run);
    assert!(text.contains("it: got SIGTERM, leaving"), "{text}");
}

#[test]
fn pid_2_as_a_subreaper_killing_everybody_reaches_no_bystander() {
    let probe = binaries::probe();
    let deaf = [&probe, "daemon", "--name", "deaf", "--ignore-term"];
    let words = [&["--stop-timeout", "3s", "--"], &deaf[..]].concat();
    let run = Setup::new(&words).as_subreaper_beside_a_bystander().start();
    run.wait_for_line("deaf: got SIGTERM, staying");
    let text = stop_beside_the_bystander(run);
    assert!(text.contains("deaf: got SIGTERM, staying"), "{text}");
}

#[test]
fn pid_2_as_a_subreaper_without_proc_no_bystander_is_reached() {
    let probe = binaries::probe();
    let deaf = [&probe, "family", "--ignore-term"];
    let words = [&["--stop-timeout", "3s", "--"], &deaf[..]].concat();
    let mut run = Setup::new(&words)
        .without_proc()
        .as_subreaper_beside_a_bystander()
        .start();
    run.wait_for_line("leader: ready");
    run.wait_for_line("bystander: ready");
    let (status, _) = run.stop(libc::SIGTERM);
    let text = run.lines().text();
    assert_eq!(status, 137, "{text}");
    assert!(text.contains("the bystander is alive"), "{text}");
    assert!(!text.contains("bystander: got"), "{text}");
}

#[test]
fn pid_2_as_a_subreaper_a_configuration_reaches_no_bystander() {
    let configuration = Configuration::new(
        r#"
        [program.polite]
        command = ["PROBE", "family"]
        [program.deaf]
        command = ["PROBE", "last-words", "--name", "deaf", "--ignore-term"]
        stopwaitsecs = "2s"
        "#,
    );
    let setup = configuration.setup(&[]).as_subreaper_beside_a_bystander();
    let run = setup.start();
    for who in [
        "deaf",
        "leader",
        "member of the group",
        "daemon of the family",
    ] {
        run.wait_for_line(&format!("{who}: ready"));
    }
    let text = stop_beside_the_bystander(run);
    assert!(text.contains("deaf: got SIGTERM, staying"), "{text}");
    assert!(
        text.contains("daemon of the family: got SIGTERM, leaving"),
        "{text}"
    );
}

#[test]
fn pid_2_a_sandbox_reaches_nobody_outside() {
    let probe = binaries::probe();
    let words = [
        "--sandbox",
        "--",
        &probe,
        "daemon",
        "--stay",
        "--name",
        "it",
    ];
    let run = Setup::new(&words).as_subreaper_beside_a_bystander().start();
    run.wait_for_line("it: ready");
    run.wait_for_line("daemon's leader: ready");
    let text = stop_beside_the_bystander(run);
    assert!(text.contains("it: got SIGTERM, leaving"), "{text}");
}

#[test]
fn pid_2_a_sandbox_that_kills_everybody_kills_nobody_outside() {
    let probe = binaries::probe();
    let sandbox = ["--sandbox", "--stop-timeout", "3s", "--"];
    let deaf = [&probe, "daemon", "--name", "deaf", "--ignore-term"];
    let words = [&sandbox[..], &deaf[..]].concat();
    let run = Setup::new(&words).as_subreaper_beside_a_bystander().start();
    run.wait_for_line("deaf: got SIGTERM, staying");
    let text = stop_beside_the_bystander(run);
    assert!(text.contains("deaf: got SIGTERM, staying"), "{text}");
}

#[test]
fn pid_2_in_a_sandbox_it_is_pid_1() {
    let probe = binaries::probe();
    let mut run = Setup::new(&["--sandbox", "--", &probe, "state"])
        .as_subreaper()
        .start();
    assert_eq!(run.wait(), 0);
    assert!(run.lines().has("parent 1"), "{}", run.lines().text());
    assert!(run.lines().has("pid 2"), "{}", run.lines().text());
}

/// A lastout with a daemon of its own beside a program of the outer one.
fn nested() -> (Configuration, Run) {
    let lastout = binaries::lastout().display().to_string();
    let configuration = Configuration::new(&format!(
        r#"
        [program.inner]
        autorestart = "always"
        startsecs = 0
        command = ["{lastout}", "--", "PROBE", "daemon", "--stay", "--name", "inner daemon", "--after", "300ms"]
        [program.outer]
        command = ["PROBE", "daemon", "--stay", "--name", "outer daemon", "--after", "300ms"]
        "#
    ));
    let run = configuration.run();
    run.wait_for_line("inner daemon: ready");
    run.wait_for_line("outer daemon: ready");
    run.lines().wait_for_times("daemon's leader: ready", 2);
    (configuration, run)
}

#[test]
fn pid_2_under_another_lastout_both_stop_their_own_and_each_is_told_once() {
    let (_configuration, mut run) = nested();
    let (status, _) = run.stop(libc::SIGTERM);
    let text = run.lines().text();
    assert_eq!(status, 0, "{text}");
    assert_eq!(run.lines().count("inner daemon: got SIGTERM"), 1, "{text}");
    assert_eq!(run.lines().count("outer daemon: got SIGTERM"), 1, "{text}");
    assert!(!text.contains("killed"), "{text}");
}

#[test]
fn pid_2_the_inner_lastout_reaches_nobody_of_the_outer_one() {
    let (_configuration, mut run) = nested();
    let inner = run
        .processes()
        .into_iter()
        .find(|process| process.name == "lastout" && process.inner_pid != 1);
    let inner = inner.expect("there is an inner lastout").pid;
    // SAFETY: kill takes numbers; the process is one of this test's own.
    unsafe { libc::kill(inner, libc::SIGTERM) };
    run.wait_for_line("inner daemon: got SIGTERM, leaving");
    run.wait_for_line("inner: starts again");
    run.lines().wait_for_times("inner daemon: ready", 2);
    assert!(
        !run.lines().has("outer daemon: got"),
        "{}",
        run.lines().text()
    );
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
}
