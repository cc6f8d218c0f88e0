//! STOP-4: who is told before whom, and who at the same time.

use std::time::Duration;

use lastout_harness::configuration::Configuration;

use crate::{assert_in_order, assert_times, run_until};

#[test]
fn stop_4_who_has_the_higher_priority_is_told_first() {
    let (_file, mut run) = run_until(
        r#"
        [program.second]
        command = "PROBE last-words --name second"
        priority = 20
        [program.first]
        command = "PROBE last-words --name first"
        priority = 30
        [program.third]
        command = "PROBE last-words --name third"
        priority = 10
        "#,
        &["first: ready", "second: ready", "third: ready"],
    );
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert_in_order(
        run.lines(),
        &["first: told", "second: told", "third: told", "left after"],
    );
}

#[test]
fn stop_4_the_programs_are_told_when_the_command_that_needs_them_is_gone() {
    let file = Configuration::new(
        r#"
        [program.db]
        command = "PROBE last-words --name db"
        startsecs = 0
        "#,
    );
    let probe = lastout_harness::binaries::probe();
    let command = ["--", &probe, "daemon", "--stay", "--after", "300ms"];
    let mut run = file.setup(&command).start();
    run.wait_for_line("db: ready");
    run.wait_for_line("daemon: ready");
    run.wait_for_line("daemon's leader: ready");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    // Its whole tree, not only its leader.
    assert_in_order(
        run.lines(),
        &[
            "daemon's leader: got SIGTERM, leaving",
            "daemon: got SIGTERM, leaving",
            "db: got SIGTERM, leaving",
        ],
    );
    assert_in_order(run.lines(), &["main: left after", "db: told SIGTERM"]);
}

#[test]
fn stop_4_independent_programs_take_as_long_as_the_slowest_and_not_more() {
    const SLOWEST: Duration = Duration::from_secs(2);
    let programs: String = (0..6)
        .map(|n| format!("[program.p{n}]\ncommand = \"PROBE last-words --name p{n} --after 2s\"\n"))
        .collect();
    let names: Vec<String> = (0..6).map(|n| format!("p{n}: ready")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (_file, mut run) = run_until(&programs, &names);
    let (code, took) = run.stop(libc::SIGTERM);
    assert_eq!(code, 0);
    assert!(took >= SLOWEST, "{took:?}");
    // One after the other takes six times as long, two at a time three times.
    assert!(took < SLOWEST.mul_f64(2.5), "{took:?}");
    assert_times(run.lines(), "got SIGTERM, leaving", 6);
}
