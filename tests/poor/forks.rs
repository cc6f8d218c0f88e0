//! PID-7 and PID-10: forks that fail for a while are retried and said once.

use std::time::Duration;

use lastout_harness::engine::{Image, docker_says};
use lastout_harness::namespace::Setup;
use lastout_harness::{binaries, let_pass, must, wait_until};

use crate::{TWO, assert_two_left, two, wait_for_two};

const FAILED: &str = "cannot fork";

#[test]
fn pid_10_a_fork_that_fails_is_retried_until_it_can_and_said_once() {
    let container = Image::plain().run(
        &["--pids-limit", "1"],
        &["/lastout", "--", "/probe", "last-words", "--exit", "7"],
    );
    container.wait_for_line(FAILED);
    // Several tries of which nothing is to be said; the pauses begin with milliseconds.
    let_pass(Duration::from_secs(2));
    let _ = docker_says(&["update", "--pids-limit", "20", container.name()]);
    container.wait_for_line("last-words: ready");
    container.stop();
    assert_eq!(container.wait(), 7);
    assert_eq!(container.lines().count(FAILED), 1, "{}", container.logs());
}

#[test]
fn pid_10_every_program_of_a_configuration_starts_when_it_can() {
    let text = TWO.replace("PROBE", "/probe");
    let files = [("etc/lastout/supervisor.toml", text.as_str())];
    let image = Image::with(&files, "ENTRYPOINT [\"/lastout\"]");
    let container = image.run(&["--pids-limit", "1"], &[]);
    for program in ["first", "second"] {
        container.wait_for_line(&format!("{program}: {FAILED}"));
    }
    let _ = docker_says(&["update", "--pids-limit", "20", container.name()]);
    wait_for_two(container.lines());
    container.stop();
    assert_eq!(container.wait(), 0);
    assert_two_left(container.lines());
    assert_eq!(container.lines().count(FAILED), 2, "{}", container.logs());
}

#[test]
fn pid_10_a_stop_while_no_fork_succeeds_is_at_once() {
    let text = TWO.replace("PROBE", "/probe");
    let files = [("etc/lastout/supervisor.toml", text.as_str())];
    let image = Image::with(&files, "ENTRYPOINT [\"/lastout\"]");
    let container = image.run(&["--pids-limit", "1"], &[]);
    container.wait_for_line(FAILED);
    let took = container.stop();
    assert!(took < Duration::from_secs(8), "{took:?}");
    assert_ne!(container.wait(), 137, "{}", container.logs());
}

#[test]
fn pid_10_a_relay_that_cannot_be_forked_is_told_of_and_comes_when_it_can() {
    let text = "[program.it]\ncommand = [\"/probe\", \"last-words\"]\nstdout = \"prefix\"\n";
    let files = [("etc/lastout/supervisor.toml", text)];
    let image = Image::with(&files, "ENTRYPOINT [\"/lastout\"]");
    let container = image.run(&[], &[]);
    container.wait_for_line("it | last-words: ready");
    let _ = docker_says(&["update", "--pids-limit", "2", container.name()]);
    let pid = container.pid();
    let children = format!("/proc/{pid}/task/{pid}/children");
    let children = must(std::fs::read_to_string(&children), &children);
    let is_relay = |pid: &&str| {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm"));
        name.is_ok_and(|name| name == "lastout-relay\n")
    };
    let relay = children.split_whitespace().find(is_relay);
    let relay: i32 = relay.and_then(|pid| pid.parse().ok()).unwrap_or_default();
    assert!(relay > 0, "{children}");
    // SAFETY: a signal for a child of PID 1 in there, which just was there.
    unsafe { libc::kill(relay, libc::SIGKILL) };
    let waits = "what programs write has to wait";
    container.wait_for_line(waits);
    // Several tries of which nothing is to be said.
    let_pass(Duration::from_secs(1));
    let _ = docker_says(&["update", "--pids-limit", "20", container.name()]);
    container.wait_for_line("what programs write is passed on again");
    container.stop();
    assert_eq!(container.wait(), 0, "{}", container.logs());
    assert!(
        container
            .lines()
            .has("it | last-words: got SIGTERM, leaving")
    );
    assert_eq!(container.lines().count(waits), 1, "{}", container.logs());
}

#[test]
fn pid_7_with_all_pids_taken_everybody_is_still_told() {
    // The stop needs no fork.
    let command = ["/lastout", "--", "/probe", "daemon", "--stay"];
    let container = Image::plain().run(&["--pids-limit", "10"], &command);
    container.wait_for_line("daemon: ready");
    container.wait_for_line("daemon's leader: ready");
    let _ = docker_says(&["update", "--pids-limit", "3", container.name()]);
    let (_, said) = container.exec(&[], &["/probe", "forks", "1"]);
    // The engine itself may have had no room for what it starts it with.
    assert!(!said.contains("1 of 1"), "there was room: {said}");
    container.stop();
    assert_eq!(container.wait(), 0, "{}", container.logs());
    assert!(container.lines().has("daemon: got SIGTERM, leaving"));
}

#[test]
fn pid_7_a_program_that_took_all_pids_does_not_keep_the_other_from_being_told() {
    // Not before the other one is there: it would never come to be.
    let text = "
        [signals]
        USR1 = \"forward:greedy\"
        [program.greedy]
        command = [\"/probe\", \"forks\", \"1000\", \"--stay\", \"--upon\", \"USR1\"]
        priority = 1
        [program.late]
        command = [\"/probe\", \"last-words\", \"--name\", \"late\"]
        ";
    let image = Image::with(
        &[("etc/lastout/supervisor.toml", text)],
        "ENTRYPOINT [\"/lastout\"]",
    );
    let container = image.run(&["--pids-limit", "12"], &[]);
    container.wait_for_line("forks: waits");
    container.wait_for_line("late: ready");
    container.signal("USR1");
    container.wait_for_line("forks: ready");
    let (_, said) = container.exec(&[], &["/probe", "forks", "1"]);
    // The engine itself may have had no room for what it starts it with.
    assert!(!said.contains("1 of 1"), "there was room: {said}");
    container.stop();
    assert_eq!(container.wait(), 0, "{}", container.logs());
}

#[test]
fn pid_10_a_limit_of_processes_of_a_user_is_waited_for() {
    // RLIMIT_NPROC counts all processes of the uid, in every namespace.
    let other = Setup::new(&["last-words"]).program(binaries::probe());
    let other = other.uid(48123).start();
    other.wait_for_line("last-words: ready");
    let setup = Setup::of_probe(&["exit", "7"]).uid(48123);
    let mut run = setup.launch(&["--nproc", "2"]).start();
    run.wait_for_line(FAILED);
    assert!(!run.has_ended());
    drop(other);
    assert_eq!(run.wait(), 7);
    assert_eq!(run.lines().count(FAILED), 1, "{}", run.lines().text());
}

#[test]
fn pid_10_pauses_between_tries_are_seconds_at_most() {
    let container = Image::plain().run(
        &["--pids-limit", "1"],
        &["/lastout", "--", "/probe", "last-words"],
    );
    container.wait_for_line(FAILED);
    // As far as the pause grows.
    let_pass(Duration::from_secs(8));
    let _ = docker_says(&["update", "--pids-limit", "20", container.name()]);
    let allowed = std::time::Instant::now();
    container.wait_for_line("last-words: ready");
    assert!(
        allowed.elapsed() < Duration::from_secs(10),
        "{:?}",
        allowed.elapsed()
    );
}

#[test]
fn pid_10_while_forks_fail_it_does_not_spin() {
    let configuration = two();
    let setup = configuration
        .setup(&[])
        .uid(48124)
        .launch(&["--nproc", "1"]);
    let run = setup.start();
    run.lines().wait_for_times(FAILED, 2);
    let before = cpu_time(run.pid());
    let_pass(Duration::from_secs(3));
    let used = cpu_time(run.pid()) - before;
    assert!(used < 30, "{used} ticks of 300");
    wait_until("it is there", || !run.processes().is_empty());
}

/// Ticks of 10 ms that a process has used.
fn cpu_time(pid: i32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let times = fields.split(' ').skip(11).take(2);
    times.filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
}
