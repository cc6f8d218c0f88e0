//! STOP-5 and STOP-6: how long the shutdown may take, and that it takes no longer.
//!
//! Lower bounds are exact, since nobody is killed early; upper ones are generous.

use std::time::Duration;

use lastout_harness::configuration::Configuration;
use lastout_harness::namespace::{Run, Setup, run_probe};

use crate::{assert_in_order, assert_times, run_until};

/// What a loaded machine may add.
const SLACK: Duration = Duration::from_secs(10);

#[test]
fn stop_5_at_the_end_of_stop_timeout_whoever_is_left_is_killed_and_lastout_exits() {
    let (_file, run) = run_until(
        r#"
        [supervisor]
        stop_timeout = 1
        [program.deaf]
        command = "PROBE last-words --name deaf --ignore-term"
        stopwaitsecs = 60
        "#,
        &["deaf: ready"],
    );
    assert_takes(run, 0, Duration::from_secs(1));
}

#[test]
fn stop_5_the_default_of_a_configuration_is_nine_seconds() {
    let (_file, run) = run_until(
        r#"
        [program.deaf]
        command = "PROBE last-words --name deaf --ignore-term"
        "#,
        &["deaf: ready"],
    );
    let run = assert_takes(run, 0, Duration::from_secs(9));
    run.wait_for_line("stop_timeout of 9 s is over");
}

#[test]
fn stop_5_the_option_and_the_variable_win_over_the_file() {
    let file = Configuration::new(
        r#"
        [supervisor]
        stop_timeout = 60
        [program.deaf]
        command = "PROBE last-words --name deaf --ignore-term"
        stopwaitsecs = 60
        "#,
    );
    let variable = file.setup(&[]).environment("LASTOUT_STOP_TIMEOUT", "1.2");
    let both = file
        .setup(&["--stop-timeout", "1300ms"])
        .environment("LASTOUT_STOP_TIMEOUT", "40");
    for (setup, time) in [(variable, 1200), (both, 1300)] {
        let run = setup.start();
        run.wait_for_line("deaf: ready");
        assert_takes(run, 0, Duration::from_millis(time));
    }
}

#[test]
fn stop_5_at_the_last_call_everybody_is_told_before_anybody_is_killed() {
    let file = Configuration::new(
        r#"
        [supervisor]
        stop_timeout = 5
        [program.db]
        command = "PROBE last-words --name db --ignore-term"
        startsecs = 0
        [program.cache]
        command = "PROBE last-words --name cache"
        startsecs = 0
        [program.maker]
        command = "PROBE daemon --name stray"
        leftovers = "keep"
        autorestart = "never"
        startsecs = 0
        "#,
    );
    let probe = lastout_harness::binaries::probe();
    let mut run = file
        .setup(&["--", &probe, "family", "--ignore-term"])
        .start();
    for name in ["db", "cache", "stray", "leader", "member of the group"] {
        run.wait_for_line(&format!("{name}: ready"));
    }
    run.wait_for_line("daemon of the family: ready");
    run.wait_for_line("maker: exit 0");
    let (code, took) = run.stop(libc::SIGTERM);
    assert_eq!(code, 137, "{}", run.lines().text());
    assert!(took >= Duration::from_secs(5), "{took:?}");
    // Who is needed by the deaf one, who only follows it, and who is nobody's.
    assert_times(run.lines(), "db: got SIGTERM, staying", 1);
    assert_times(run.lines(), "cache: got SIGTERM, leaving", 1);
    assert_times(run.lines(), "stray: got SIGTERM, leaving", 1);
    assert_times(run.lines(), "leader: got SIGTERM, staying", 1);
    assert_times(run.lines(), "member of the group: got SIGTERM, staying", 1);
    assert_times(run.lines(), "member with its own group: got SIGTERM", 1);
    assert_times(run.lines(), "daemon of the family: got SIGTERM", 1);
    assert_in_order(
        run.lines(),
        &[
            "last call",
            "cache: told",
            "everybody who is left is killed",
        ],
    );
}

#[test]
fn stop_5_the_order_holds_until_the_last_call() {
    let file = Configuration::new(
        r#"
        [supervisor]
        stop_timeout = 20
        [program.db]
        command = "PROBE last-words --name db"
        startsecs = 0
        "#,
    );
    let probe = lastout_harness::binaries::probe();
    let words = [
        "--",
        &probe,
        "last-words",
        "--name",
        "main",
        "--after",
        "2s",
    ];
    let mut run = file.setup(&words).start();
    run.wait_for_line("main: ready");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert_times(run.lines(), "last call", 0);
    assert_in_order(run.lines(), &["main: left after", "db: told"]);
}

#[test]
fn stop_5_a_command_that_needs_its_time_gets_it() {
    let mut run = run_probe(&["last-words", "--after", "7s", "--exit", "5"]);
    run.wait_for_line("last-words: ready");
    let (code, took) = run.stop(libc::SIGTERM);
    assert_eq!(code, 5, "{}", run.lines().text());
    assert!(took >= Duration::from_secs(7), "{took:?}");
    assert_times(run.lines(), "killed", 0);
}

#[test]
fn stop_5_with_a_stop_timeout_a_command_is_killed() {
    let probe = lastout_harness::binaries::probe();
    let words = ["--stop-timeout", "1", "--", &probe, "last-words"];
    let run = Setup::new(&[&words[..], &["--ignore-term"]].concat()).start();
    run.wait_for_line("last-words: ready");
    assert_takes(run, 137, Duration::from_secs(1));
}

#[test]
fn stop_5_with_a_stop_timeout_from_the_environment_a_command_is_killed() {
    let run = Setup::of_probe(&["last-words", "--ignore-term"])
        .environment("LASTOUT_STOP_TIMEOUT", "1")
        .start();
    run.wait_for_line("last-words: ready");
    assert_takes(run, 137, Duration::from_secs(1));
}

#[test]
fn stop_5_what_a_command_left_behind_has_five_seconds() {
    let run = run_probe(&["daemon", "--ignore-term", "--exit", "0"]);
    let started = run.started();
    let mut run = run;
    let (code, ended) = run.wait_and_measure();
    assert_eq!(code, 0, "{}", run.lines().text());
    assert_times(run.lines(), "daemon: got SIGTERM, staying", 1);
    let took = ended - started;
    assert!(took >= Duration::from_secs(5), "{took:?}");
    assert!(took < Duration::from_secs(5) + SLACK, "{took:?}");
}

#[test]
fn stop_5_what_a_command_left_behind_has_the_stop_timeout_where_there_is_one() {
    let probe = lastout_harness::binaries::probe();
    let words = [
        "--stop-timeout",
        "1",
        "--",
        &probe,
        "daemon",
        "--ignore-term",
    ];
    let mut run = Setup::new(&words).start();
    let (code, ended) = run.wait_and_measure();
    assert_eq!(code, 0, "{}", run.lines().text());
    let took = ended - run.started();
    assert!(took >= Duration::from_secs(1), "{took:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn stop_6_lastout_exits_at_once_when_the_last_program_is_gone() {
    assert_exits_at_once(&["last-words", "--name", "the last"]);
}

#[test]
fn stop_6_lastout_exits_at_once_when_the_last_of_the_leftovers_is_gone() {
    assert_exits_at_once(&["daemon", "--name", "the last"]);
}

/// From the end of the last one, half a second after its last words, to the end of
/// lastout. Who looked every 50 ms would come 25 ms late, since the looks are at 75, 125
/// … 525 ms. What others on the machine do can only add: so it is tried until it was at
/// once, and has never been in the end if it is not.
fn assert_exits_at_once(words: &[&str]) {
    const AFTER: Duration = Duration::from_millis(500);
    const AT_ONCE: Duration = Duration::from_millis(15);
    const TRIES: usize = 40;
    let mut gaps = (0..TRIES).map(|_| {
        let mut run = run_probe(&[words, &["--after", "500ms"]].concat());
        run.wait_for_line("the last: ");
        run.signal(libc::SIGTERM);
        let (_, ended) = run.wait_and_measure();
        let last = run.wait_for_line("the last: got SIGTERM, leaving").at;
        ended.saturating_duration_since(last).saturating_sub(AFTER)
    });
    assert!(gaps.any(|gap| gap < AT_ONCE), "never in {TRIES} times");
}

/// Stops it, and gives it back when it ended with that code after that time.
fn assert_takes(mut run: Run, code: i32, time: Duration) -> Run {
    let (ended_with, took) = run.stop(libc::SIGTERM);
    assert_eq!(ended_with, code, "{}", run.lines().text());
    assert!(took >= time, "{took:?}");
    assert!(took < time + SLACK, "{took:?}");
    run
}
