//! STOP-1: who belongs to no program is told when the programs are gone, and waited for.

use lastout_harness::namespace::{Setup, run_probe};

use crate::{assert_in_order, assert_times, run_until};

/// A program that leaves a stray behind, and one that takes its time.
const WITH_A_STRAY: &str = r#"
    [program.web]
    command = "PROBE last-words --name web --after 300ms"
    [program.maker]
    command = "PROBE daemon --name stray --after 300ms"
    leftovers = "keep"
    autorestart = "never"
    startsecs = 0
"#;

#[test]
fn stop_1_strays_are_told_when_the_programs_are_gone_and_waited_for() {
    let (_file, mut run) = run_until(
        WITH_A_STRAY,
        &["web: ready", "stray: ready", "maker: exit 0"],
    );
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert_in_order(
        run.lines(),
        &["web: got SIGTERM, leaving", "stray: got SIGTERM, leaving"],
    );
    assert_in_order(run.lines(), &["web: left after", "told stray"]);
    let report = run.wait_for_line("  stray probe (pid ").text;
    assert!(report.contains("told SIGTERM  left after"), "{report}");
}

#[test]
fn stop_1_a_stray_is_told_once() {
    let (_file, mut run) = run_until(
        WITH_A_STRAY,
        &["web: ready", "stray: ready", "maker: exit 0"],
    );
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert_times(run.lines(), "stray: got", 1);
}

#[test]
fn stop_1_a_stopped_stray_is_continued_so_that_it_can_act() {
    let (_file, mut run) = run_until(
        r#"
        [program.web]
        command = "PROBE last-words --name web"
        [program.maker]
        command = ["/bin/sh", "-c", "setsid PROBE stop-self & exit 0"]
        leftovers = "keep"
        autorestart = "never"
        startsecs = 0
        "#,
        &["web: ready", "maker: exit 0", "stop-self: stopping"],
    );
    lastout_harness::wait_until("it is stopped", || {
        run.processes().iter().any(|p| p.state == 'T')
    });
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert_times(run.lines(), "stop-self: got SIGTERM, leaving", 1);
}

#[test]
fn stop_1_what_a_command_left_behind_is_told_and_waited_for() {
    let mut run = run_probe(&["daemon", "--after", "300ms"]);
    assert_eq!(run.wait(), 0);
    assert_times(run.lines(), "daemon: got SIGTERM, leaving", 1);
    assert_times(run.lines(), "killed", 0);
}

#[test]
fn stop_1_without_proc_everybody_is_told_and_waited_for() {
    let mut run = Setup::of_probe(&["daemon", "--after", "300ms", "--stay"])
        .without_proc()
        .start();
    run.wait_for_line("daemon: ready");
    run.wait_for_line("daemon's leader: ready");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert_times(run.lines(), "daemon: got SIGTERM, leaving", 1);
    assert_times(run.lines(), "daemon's leader: got SIGTERM, leaving", 1);
}

#[test]
fn stop_1_as_a_subreaper_its_own_orphans_are_told_and_nobody_else() {
    let mut run = Setup::of_probe(&["daemon", "--after", "300ms"])
        .as_subreaper_beside_a_bystander()
        .start();
    assert_eq!(run.wait(), 0);
    assert_times(run.lines(), "daemon: got SIGTERM, leaving", 1);
    assert_times(run.lines(), "bystander: got", 0);
    run.wait_for_line("parent: the bystander is alive");
}
