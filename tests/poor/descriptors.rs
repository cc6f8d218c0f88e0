//! PID-3 and PID-10 with a low RLIMIT_NOFILE, and with one that many starts exceed.

use std::fmt::Write;

use lastout_harness::configuration::Configuration;
use lastout_harness::lines::Lines;
use lastout_harness::namespace::Setup;

use crate::{assert_two_left, two, wait_for_two};

#[test]
fn pid_3_with_8_to_16_descriptors_a_command_runs_and_its_status_is_given() {
    for limit in 8..=16 {
        let setup = Setup::of_probe(&["exit", "7"]);
        let mut run = setup.launch(&["--nofile", &limit.to_string()]).start();
        assert_eq!(run.wait(), 7, "{limit}");
        assert!(
            run.lines().all().is_empty(),
            "{limit}: {}",
            run.lines().text()
        );
    }
}

#[test]
fn pid_3_with_8_to_16_descriptors_everybody_of_a_command_is_told() {
    for limit in 8..=16 {
        let setup = Setup::of_probe(&["daemon", "--stay"]);
        let mut run = setup.launch(&["--nofile", &limit.to_string()]).start();
        run.wait_for_line("daemon: ready");
        run.wait_for_line("daemon's leader: ready");
        let (status, _) = run.stop(libc::SIGTERM);
        assert_eq!(status, 0, "{limit}: {}", run.lines().text());
        let told = run.lines().has("daemon: got SIGTERM, leaving");
        assert!(told, "{limit}: {}", run.lines().text());
    }
}

#[test]
fn pid_3_with_8_to_16_descriptors_a_configuration_runs_and_is_stopped() {
    let configuration = two();
    for limit in 8..=16 {
        let setup = configuration.setup(&[]);
        let mut run = setup.launch(&["--nofile", &limit.to_string()]).start();
        wait_for_two(run.lines());
        let (status, _) = run.stop(libc::SIGTERM);
        assert_eq!(status, 0, "{limit}: {}", run.lines().text());
        assert_two_left(run.lines());
    }
}

#[test]
fn pid_3_with_inherited_descriptors_up_to_the_limit_a_command_still_runs() {
    let launch = [
        "--open",
        "3:/dev/null",
        "--open",
        "4:/dev/null",
        "--open",
        "5:/dev/null",
        "--nofile",
        "14",
    ];
    let mut run = Setup::of_probe(&["exit", "7"]).launch(&launch).start();
    assert_eq!(run.wait(), 7, "{}", run.lines().text());
}

/// As many programs as this, all started at once, each told at the end.
fn many(programs: usize, limit: &str) {
    let mut text = String::new();
    for number in 0..programs {
        let _ = write!(
            text,
            "[program.p{number}]\ncommand = [\"PROBE\", \"last-words\", \"--name\", \"p{number}\"]\n"
        );
    }
    let configuration = Configuration::new(&text);
    let setup = configuration.setup(&["-q"]);
    let mut run = setup.launch(&["--nofile", limit]).start();
    run.lines().wait_for_times(": ready", programs);
    assert_eq!(run.stop(libc::SIGTERM).0, 0, "{}", run.lines().text());
    assert_eq!(run.lines().count(": got SIGTERM, leaving"), programs);
    assert_only_the_socket_is_missing(run.lines());
}

/// Who waits for another's start has not failed. People who ask can wait until somebody
/// raises the limit.
fn assert_only_the_socket_is_missing(lines: &Lines) {
    let missing = lines.count("no control socket at");
    assert!(missing <= 1, "{}", lines.text());
    assert_eq!(lines.count("Too many"), missing, "{}", lines.text());
}

#[test]
fn pid_10_with_12_descriptors_100_programs_start_one_after_the_other() {
    many(100, "12");
}

#[test]
fn pid_10_with_8_to_11_descriptors_30_programs_start_one_after_the_other() {
    for limit in ["8", "9", "10", "11"] {
        many(30, limit);
    }
}

#[test]
fn pid_3_with_8_to_16_descriptors_a_program_is_restarted() {
    let configuration = Configuration::new(
        "[program.it]\ncommand = [\"PROBE\", \"exit\", \"0\"]\nautorestart = \"always\"\nstartsecs = 0\nbackoff = 0\n",
    );
    for limit in 8..=16 {
        let setup = configuration.setup(&[]);
        let mut run = setup.launch(&["--nofile", &limit.to_string()]).start();
        run.lines().wait_for_times("it: started", 10);
        assert_eq!(run.stop(libc::SIGTERM).0, 0, "{}", run.lines().text());
        assert_only_the_socket_is_missing(run.lines());
    }
}

#[test]
fn pid_10_a_stop_while_many_starts_wait_for_descriptors_is_at_once() {
    let mut text = String::new();
    for number in 0..200 {
        let _ = write!(
            text,
            "[program.p{number}]\ncommand = [\"PROBE\", \"last-words\"]\n"
        );
    }
    let configuration = Configuration::new(&text);
    let mut run = configuration
        .setup(&["-q"])
        .launch(&["--nofile", "8"])
        .start();
    run.wait_for_line(": ready");
    let (status, took) = run.stop(libc::SIGTERM);
    assert_eq!(status, 0, "{}", run.lines().text());
    assert!(took.as_secs() < 8, "{took:?}");
}
