//! The pauses between restarts, and what a crash loop costs.

use std::time::{Duration, Instant};

use lastout_harness::configuration::Configuration;
use lastout_harness::lines::Stream;
use lastout_harness::namespace::Run;
use lastout_harness::{let_pass, sight};

use crate::{assert_in_order, assert_never};

/// The pauses that were told of, in seconds.
fn pauses(run: &Run) -> Vec<f64> {
    let said = run.lines().of(Stream::Stderr);
    let told = said.iter().filter_map(|line| {
        let (_, pause) = line.split_once("starts again in ")?;
        pause.split(' ').next()?.parse().ok()
    });
    told.collect()
}

#[test]
fn the_pause_doubles_from_backoff_to_backoff_max_and_is_kept() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = "PROBE exit 3"
        backoff = 0.1
        backoff_max = 0.4
        startretries = 4
        "#,
    );
    let mut run = file.run();
    let (code, ended) = run.wait_and_measure();
    assert_eq!(code, 3, "{}", run.lines().text());
    let pauses = pauses(&run);
    assert_eq!(pauses.len(), 4, "{pauses:?}");
    // A tenth of jitter, and what the figures of the log are rounded by.
    for (pause, nominal) in pauses.iter().zip([0.1, 0.2, 0.4, 0.4]) {
        assert!((pause / nominal - 1.0).abs() <= 0.151, "{pauses:?}");
    }
    let took = ended - run.started();
    assert!(took >= Duration::from_millis(990), "{took:?}");
    assert_in_order(
        &run,
        &[
            "web: starts again in 0.",
            "(failed to start 4 times in a row)",
            "web: FATAL: failed to start 5 times in a row, at last: exit 3",
        ],
    );
}

#[test]
fn the_pauses_differ_by_their_jitter() {
    let programs: String = (0..20)
        .map(|n| format!("[program.p{n}]\ncommand = 'PROBE exit 3'\nbackoff = 9\n"))
        .collect();
    let file = Configuration::new(&programs);
    let run = file.run_until(&[]);
    run.lines().wait_for_times("starts again in", 20);
    let mut pauses = pauses(&run);
    pauses.sort_by(f64::total_cmp);
    assert!(pauses[19] - pauses[0] > 0.1, "{pauses:?}");
    assert!(pauses[0] >= 8.1 && pauses[19] <= 9.9, "{pauses:?}");
}

#[test]
fn after_a_long_life_the_first_restart_is_at_once_and_the_pauses_begin_anew() {
    // Two short lives, a long one, and a short one again.
    let file = Configuration::new(
        r#"
        [program.web]
        command = ["sh", "-c", """
            echo x >> FOLDER/lives
            test $(wc -l < FOLDER/lives) = 3 && sleep 2.5
            test $(wc -l < FOLDER/lives) = 5 && exec PROBE last-words --name web
            exit 3"""]
        startsecs = 0
        backoff = 0.1
        backoff_max = 2
        "#,
    );
    let run = file.run_until(&["web: ready"]);
    assert_in_order(
        &run,
        &[
            "web: starts again in 0.",
            "web: starts again in 0.",
            "web: starts again at once",
            "web: starts again in 0.",
        ],
    );
    let pauses = pauses(&run);
    assert!(pauses[1] > pauses[0] * 1.5, "{pauses:?}");
    assert!(pauses[2] < pauses[0] * 1.3, "{pauses:?}");
}

#[test]
fn infinite_is_never_fatal() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = "PROBE exit 3"
        startretries = "infinite"
        backoff = 0.01
        backoff_max = 0.01
        "#,
    );
    let run = file.run_until(&["web: started"]);
    run.lines().wait_for_times("web: started", 25);
    assert_never(&run, "FATAL");
    run.wait_for_line("(failed to start 20 times in a row)");
}

/// Four restarts a second, where the default begins with one and goes down to two a minute.
#[test]
fn run_4_a_crash_loop_costs_less_than_a_hundredth_of_a_core() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = "false"
        startretries = "infinite"
        backoff = 0.25
        backoff_max = 0.25
        "#,
    );
    let run = file.run_until(&["web: started"]);
    run.lines().wait_for_times("web: started", 2);
    let (began, before) = (Instant::now(), sight::processor_time(run.pid()));
    assert!(!before.is_zero(), "it was never seen");
    let starts = run.lines().count("web: started");
    let_pass(Duration::from_secs(3));
    let spent = sight::processor_time(run.pid()) - before;
    let share = spent.as_secs_f64() / began.elapsed().as_secs_f64();
    let starts = run.lines().count("web: started") - starts;
    assert!(starts >= 3, "{starts}");
    assert!(share < 0.01, "{share} of a core for {starts} starts");
}
