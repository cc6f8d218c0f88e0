//! STOP-2: who of a tree is told when, and that all of it is killed in the end.

use std::time::Duration;

use lastout_harness::wait_until;

use crate::{assert_in_order, assert_times, run_until};

const FAMILY: [&str; 4] = [
    "leader: ready",
    "member of the group: ready",
    "member with its own group: ready",
    "daemon of the family: ready",
];

#[test]
fn stop_2_the_stopsignal_goes_to_the_leader_alone_at_first() {
    let (_file, mut run) = run_until(
        r#"
        [program.web]
        command = "PROBE family --after 300ms"
        "#,
        &FAMILY,
    );
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    // The report sees when they were told; what they said is read too late for that.
    let lines = run.lines();
    assert_in_order(lines, &["leader: got SIGTERM", "member of the group: got"]);
    assert_in_order(lines, &["web: left after", "web: told its probe"]);
    for name in ["member of the group", "member with its own group", "daemon"] {
        lines.wait_for(name);
    }
    assert_times(lines, "got SIGTERM, leaving", 4);
}

#[test]
fn stop_2_with_the_scope_group_the_process_group_is_told_at_once() {
    assert_eq!(
        told_beside_a_deaf_leader("group"),
        ["leader", "member of the group"]
    );
}

#[test]
fn stop_2_with_the_scope_tree_every_member_is_told_at_once() {
    let told = told_beside_a_deaf_leader("tree");
    assert_eq!(told.len(), 4, "{told:?}");
}

/// Who says that he was told before a deaf leader has had four fifths of its time.
fn told_beside_a_deaf_leader(scope: &str) -> Vec<String> {
    let (_file, mut run) = run_until(
        &format!(
            r#"
            [program.web]
            command = "PROBE family --ignore-term"
            stop_scope = "{scope}"
            stopwaitsecs = 5
            [program.clock]
            command = "PROBE last-words --name clock --after 2s"
            "#
        ),
        &[&FAMILY[..], &["clock: ready"]].concat(),
    );
    run.signal(libc::SIGTERM);
    // By then everybody who is told at once has said so.
    run.wait_for_line("clock: left after");
    let mut told: Vec<String> = FAMILY
        .iter()
        .map(|line| line.replace(": ready", ""))
        .filter(|name| run.lines().has(&format!("{name}: got SIGTERM, staying")))
        .collect();
    told.sort();
    assert_eq!(run.wait(), 0);
    told
}

#[test]
fn stop_2_when_the_leader_is_gone_the_rest_is_told_the_same() {
    let (_file, mut run) = run_until(
        r#"
        [program.web]
        command = "PROBE family --signal QUIT"
        stopsignal = "QUIT"
        "#,
        &FAMILY,
    );
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert_times(run.lines(), "got SIGQUIT, leaving", 4);
    assert_times(run.lines(), "got SIGTERM", 0);
}

#[test]
fn stop_2_whoever_was_told_with_the_tree_is_not_told_again_when_the_leader_is_gone() {
    let (_file, mut run) = run_until(
        r#"
        [program.web]
        command = "PROBE family --after 300ms"
        stop_scope = "tree"
        "#,
        &FAMILY,
    );
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert_times(run.lines(), "told its probe", 3);
    assert_times(run.lines(), "got SIGTERM", 4);
}

#[test]
fn stop_2_the_rest_of_a_tree_is_told_before_it_is_killed_with_a_deaf_leader() {
    let (_file, mut run) = run_until(
        r#"
        [program.web]
        command = "PROBE family --ignore-term"
        stopwaitsecs = 5
        "#,
        &FAMILY,
    );
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert_times(run.lines(), "got SIGTERM, staying", 4);
    assert_in_order(run.lines(), &["told its probe", "is killed"]);
}

#[test]
fn stop_2_a_stopped_leader_is_continued_so_that_it_can_act() {
    let (_file, mut run) = run_until(
        r#"
        [program.web]
        command = "PROBE stop-self"
        "#,
        &["stop-self: stopping"],
    );
    wait_until("it is stopped", || {
        run.processes().iter().any(|p| p.state == 'T')
    });
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert_in_order(run.lines(), &["went on", "stop-self: got SIGTERM, leaving"]);
    assert_times(run.lines(), "is killed", 0);
}

#[test]
fn stop_2_a_stopped_member_is_continued_so_that_it_can_act() {
    let (_file, mut run) = run_until(
        r#"
        [program.web]
        command = "PROBE daemon --stay"
        "#,
        &["daemon: ready", "daemon's leader: ready"],
    );
    // The leader is lastout's first child, and the daemon the younger one.
    let youngest = run.processes().into_iter().max_by_key(|p| p.inner_pid);
    let daemon = youngest.expect("there is a daemon").pid;
    // SAFETY: kill takes two numbers; the process is the namespace's and not reaped.
    unsafe { libc::kill(daemon, libc::SIGSTOP) };
    wait_until("it is stopped", || {
        run.processes().iter().any(|p| p.state == 'T')
    });
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert_times(run.lines(), "daemon: got SIGTERM, leaving", 1);
}

#[test]
fn stop_2_a_member_in_a_session_of_its_own_of_another_user_without_environment_is_told() {
    let (_file, mut run) = run_until(
        r#"
        [program.web]
        command = "PROBE daemon --stay --uid 65534 --signal USR1"
        stopsignal = "USR1"
        "#,
        &["daemon: ready", "daemon's leader: ready"],
    );
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    // As a stray it would have been told SIGTERM.
    assert_times(run.lines(), "daemon: got SIGUSR1, leaving", 1);
}

#[test]
fn stop_2_the_tree_of_a_subreaper_is_told_the_same() {
    let file = lastout_harness::configuration::Configuration::new(
        r#"
        [program.web]
        command = "PROBE family --signal USR1"
        stopsignal = "USR1"
        "#,
    );
    let mut run = file.setup(&[]).as_subreaper_beside_a_bystander().start();
    for line in FAMILY {
        run.wait_for_line(line);
    }
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert_times(run.lines(), "got SIGUSR1, leaving", 4);
    run.wait_for_line("parent: the bystander is alive");
    run.wait_for_line("parent: nobody is left");
}

#[test]
fn stop_2_after_stopwaitsecs_all_of_the_tree_is_killed_until_nobody_is_left() {
    let file = lastout_harness::configuration::Configuration::new(
        r#"
        [supervisor]
        stop_timeout = 40
        [program.hydra]
        command = "PROBE hydra --heads 4 --sessions --every 2ms --for 30s"
        stopwaitsecs = 1
        [program.deaf]
        command = "PROBE family --ignore-term"
        stopwaitsecs = 1
        [program.other]
        command = "PROBE last-words --name other --after 100ms"
        "#,
    );
    let mut run = file.setup(&[]).as_subreaper().start();
    run.wait_for_line("hydra: ready");
    run.wait_for_line("daemon of the family: ready");
    run.wait_for_line("other: ready");
    let (code, took) = run.stop(libc::SIGTERM);
    assert_eq!(code, 0, "{}", run.lines().text());
    assert!(took >= Duration::from_secs(1), "{took:?}");
    // The hydra lives for thirty seconds if nobody cuts all its heads off.
    assert!(took < Duration::from_secs(20), "{took:?}");
    run.wait_for_line("parent: nobody is left");
    assert_times(run.lines(), "hydra: ended by itself", 0);
}
