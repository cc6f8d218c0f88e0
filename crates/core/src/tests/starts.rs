//! Starts and restarts: RUN-1 to RUN-5, DEP-1 and DEP-2, PID-7 and PID-10 as far as
//! the core decides them.

use alloc::vec;

use super::*;
use crate::{Autorestart, EndPolicy, Kind, Retries};

fn always(name: &str) -> ProgramSpec {
    ProgramSpec {
        autorestart: Autorestart::Always,
        ..needing(name, &[])
    }
}

/// The pause that the last fact announced.
fn pause(bench: &Bench) -> Option<Duration> {
    bench.last.iter().find_map(|action| {
        if let Action::Notice(Notice::WillRestart { pause, .. }) = action {
            Some(*pause)
        } else {
            None
        }
    })
}

fn are_all_up(bench: &Bench) -> bool {
    let mut last = bench.last.iter();
    last.any(|action| matches!(action, Action::Notice(Notice::AllUp)))
}

#[test]
fn up_1_all_are_up_when_nobody_is_on_the_way_again() {
    let mut bench = Bench::running(vec![always("a"), needing("b", &[0])], 1);
    bench.ends(1, 1);
    bench.execed(2);
    assert_eq!((bench.state(0), bench.state(1)), ("BACKOFF", "RUNNING"));
    assert!(!are_all_up(&bench));
    bench.after(ms(1_100));
    bench.execed(3);
    assert!(are_all_up(&bench));
}

#[test]
fn up_1_whoever_was_up_and_has_ended_keeps_nobody_waiting() {
    let ended = ProgramSpec {
        on_failure: EndPolicy::Ignore,
        autorestart: Autorestart::Never,
        ..needing("a", &[])
    };
    let mut bench = Bench::running(vec![ended, needing("b", &[0])], 1);
    bench.exited(1, 1);
    bench.execed(2);
    assert!(!are_all_up(&bench));
    bench.gone(1);
    assert_eq!((bench.state(0), bench.state(1)), ("EXITED", "RUNNING"));
    assert!(are_all_up(&bench));
}

#[test]
fn up_1_nobody_is_told_so_in_the_shutdown() {
    let mut bench = Bench::running(vec![always("a"), needing("b", &[0])], 1);
    bench.ends(1, 1);
    bench.execed(2);
    bench.signal(Signal::TERM);
    assert!(!are_all_up(&bench));
    bench.ends(2, 0);
    assert!(!are_all_up(&bench));
}

#[test]
fn run_1_there_are_never_two_of_one_instance() {
    let mut bench = Bench::running(vec![always("a")], 1);
    bench.exited(1, 1);
    bench.after(ms(5_000));
    assert_eq!(bench.started(), vec![]);
    bench.gone(1);
    bench.after(ms(1_100));
    assert_eq!(bench.started(), vec![0]);
}

#[test]
fn run_2_nothing_is_restarted_in_the_shutdown() {
    let mut bench = Bench::running(vec![always("a"), always("b")], 2);
    bench.ends(1, 1);
    bench.exited(2, 1);
    bench.signal(Signal::TERM);
    bench.gone(2);
    bench.after(ms(8_999));
    assert_eq!(bench.started(), vec![]);
    assert_eq!((bench.state(0), bench.state(1)), ("STOPPED", "EXITED"));
}

#[test]
fn run_2_nor_is_one_that_a_living_program_still_needs() {
    let mut bench = Bench::new(vec![always("need"), needing("user", &[0])]);
    bench.execed(1);
    bench.execed(2);
    bench.ends(1, 1);
    bench.signal(Signal::TERM);
    assert_eq!((bench.told(), bench.state(0)), (vec![2], "STOPPED"));
    bench.after(ms(1_100));
    assert_eq!(bench.started(), vec![]);
}

#[test]
fn run_3_an_expected_exit_before_running_is_an_end_and_no_failed_start() {
    let mut bench = Bench::running(vec![program("a"), program("b")], 2);
    bench.ends(1, 0);
    assert_eq!(bench.state(0), "EXITED");
}

#[test]
fn run_5_startretries_failures_in_a_row_are_tried_again() {
    let spec = ProgramSpec {
        on_failure: EndPolicy::Ignore,
        ..program("a")
    };
    let mut bench = Bench::new(vec![spec, program("other")]);
    let mut run = 1;
    for _ in 0..3 {
        bench.execed(run);
        bench.ends(run, 1);
        assert_eq!(bench.state(0), "BACKOFF");
        bench.after(ms(40_000));
        run = if run == 1 { 3 } else { run + 1 };
    }
    bench.execed(run);
    bench.ends(run, 1);
    assert_eq!(bench.state(0), "FATAL");
}

#[test]
fn run_5_a_oneshot_that_fails_after_it_was_up_is_tried_startretries_times_as_well() {
    let spec = ProgramSpec {
        on_failure: EndPolicy::Ignore,
        kind: Kind::Oneshot,
        startsecs: Duration::ZERO,
        ..program("a")
    };
    let mut bench = Bench::new(vec![spec, program("other")]);
    for run in [1, 3, 4, 5] {
        assert_ne!(bench.state(0), "FATAL");
        bench.execed(run);
        bench.after(ms(1));
        assert_eq!(bench.state(0), "RUNNING");
        bench.ends(run, 1);
        bench.after(ms(40_000));
    }
    assert_eq!(bench.state(0), "FATAL");
}

#[test]
fn a_restart_after_a_long_life_is_immediate_and_its_count_starts_anew() {
    let mut bench = Bench::running(vec![always("a")], 1);
    bench.ends(1, 1);
    bench.after(ms(1_100));
    bench.execed(2);
    bench.after(ms(30_000));
    bench.ends(2, 1);
    assert_eq!(pause(&bench), Some(Duration::ZERO));
    assert_eq!(bench.started(), vec![0]);
    bench.execed(3);
    bench.ends(3, 1);
    assert!(pause(&bench).is_some_and(|pause| pause <= ms(1_100)));
}

#[test]
fn a_tree_that_takes_long_to_go_makes_no_long_life() {
    let spec = ProgramSpec {
        stopwaitsecs: None,
        ..always("a")
    };
    let mut bench = Bench::running(vec![spec], 1);
    bench.exited(1, 1);
    bench.after(ms(60_000));
    bench.gone(1);
    assert!(pause(&bench).is_some_and(|pause| pause >= ms(900)));
}

#[test]
fn programs_whose_pauses_end_together_start_by_priority() {
    let of = |name: &str, priority| ProgramSpec {
        priority,
        ..always(name)
    };
    let mut bench = Bench::running(vec![of("late", 20), of("early", 10)], 2);
    bench.ends(1, 1);
    bench.ends(2, 1);
    bench.after(ms(1_100));
    assert_eq!(bench.started(), vec![1, 0]);
}

#[test]
fn dep_1_a_program_starts_when_all_that_it_needs_is_up() {
    let mut bench = Bench::new(vec![program("slow"), needing("user", &[0])]);
    assert_eq!(bench.started(), vec![0]);
    bench.execed(1);
    assert_eq!(bench.started(), vec![]);
    bench.after(ms(1_000));
    assert_eq!(bench.started(), vec![1]);
}

#[test]
fn dep_1_a_program_is_not_stopped_when_what_it_needs_merely_restarts() {
    let mut bench = Bench::new(vec![always("need"), needing("user", &[0])]);
    bench.execed(1);
    bench.execed(2);
    bench.ends(1, 1);
    assert_eq!((bench.told(), bench.state(1)), (vec![], "RUNNING"));
}

#[test]
fn dep_2_what_needs_a_fatal_program_is_fatal_unless_it_runs() {
    let need = ProgramSpec {
        startretries: Retries::AtMost(0),
        on_failure: EndPolicy::Ignore,
        ..always("need")
    };
    let waiting = ProgramSpec {
        on_failure: EndPolicy::Ignore,
        ..needing("waiting", &[0, 3])
    };
    let slow = program("slow");
    let mut bench = Bench::new(vec![need, needing("running", &[0]), waiting, slow]);
    bench.execed(1);
    bench.execed(3);
    bench.ends(1, 1);
    bench.after(ms(1_100));
    bench.failed(4, not_found());
    assert_eq!(bench.state(0), "FATAL");
    assert_eq!((bench.state(1), bench.state(2)), ("RUNNING", "FATAL"));
}

#[test]
fn pid_7_a_failed_fork_is_no_failure_of_the_program_and_is_said_once() {
    let spec = ProgramSpec {
        startretries: Retries::AtMost(0),
        ..program("a")
    };
    let mut bench = Bench::new(vec![spec]);
    for run in 1..100 {
        bench.failed(run, fork_failed());
        let is_said = bench.noticed(|notice| matches!(notice, Notice::NotStarted { .. }));
        assert_eq!((is_said, bench.state(0)), (run == 1, "BACKOFF"));
        bench.after(ms(5_000));
        assert_eq!(bench.started(), vec![0]);
    }
}

#[test]
fn pid_10_a_start_that_fails_for_good_is_said_even_in_the_shutdown() {
    let mut bench = Bench::new(vec![program("a")]);
    bench.signal(Signal::TERM);
    bench.failed(1, not_found());
    assert!(bench.noticed(|notice| matches!(notice, Notice::NotStarted { .. })));
}
