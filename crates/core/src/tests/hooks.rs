//! What is run before and after a command.

use alloc::vec;

use super::*;
use crate::{
    Aftermath, End, EndPolicy, FatalReason, Hook, KillReason, Leftovers, Retries, SignalTable,
};

fn before(name: &str) -> ProgramSpec {
    ProgramSpec {
        pre_start: true,
        on_failure: EndPolicy::Ignore,
        ..needing(name, &[])
    }
}

fn after(name: &str) -> ProgramSpec {
    ProgramSpec {
        post_stop: true,
        on_failure: EndPolicy::Ignore,
        ..needing(name, &[])
    }
}

fn code(code: u8) -> End {
    End::Status(ExitStatus::Code(code))
}

fn post_stop(end: End, asked: Option<Why>) -> Work {
    Work::PostStop(Aftermath {
        end: Some(end),
        asked,
        out_of_memory: false,
    })
}

#[test]
fn a_pre_start_comes_before_the_command_and_its_tree_is_gone_by_then() {
    let mut bench = Bench::new(vec![before("a")]);
    assert_eq!(bench.begun(), vec![(0, Work::PreStart)]);
    bench.execed(1);
    assert_eq!(bench.state(0), "STARTING");
    bench.exited(1, 0);
    assert_eq!((bench.rest_told(), bench.begun()), (vec![1], vec![]));
    bench.gone(1);
    assert_eq!(bench.begun(), vec![(0, Work::Command)]);
    bench.execed(2);
    assert_eq!(bench.state(0), "RUNNING");
}

#[test]
fn a_pre_start_that_fails_is_a_failed_start() {
    let spec = ProgramSpec {
        startretries: Retries::AtMost(1),
        ..before("a")
    };
    let mut bench = Bench::running(vec![spec, program("b")], 2);
    bench.ends(1, 7);
    assert_eq!(bench.state(0), "BACKOFF");
    bench.after(ms(1_100));
    assert_eq!(bench.begun(), vec![(0, Work::PreStart)]);
    bench.exited(3, 7);
    let reason = FatalReason::PreStart {
        failures: 2,
        last: code(7),
    };
    let program = ProgramId(0);
    assert!(bench.noticed(|n| *n == Notice::GaveUp { program, reason }));
    bench.gone(3);
    assert_eq!(bench.state(0), "FATAL");
}

#[test]
fn a_pre_start_that_was_not_found_is_a_failed_start_and_leaves_nothing_to_clean_up() {
    let spec = ProgramSpec {
        post_stop: true,
        ..before("a")
    };
    let mut bench = Bench::new(vec![spec, program("b")]);
    bench.failed(1, not_found());
    assert_eq!((bench.state(0), bench.begun()), ("BACKOFF", vec![]));
}

#[test]
fn a_pre_start_has_a_minute_and_then_stopwaitsecs() {
    let mut bench = Bench::running(vec![before("a")], 1);
    bench.after(ms(59_999));
    assert_eq!(bench.told_why(), vec![]);
    bench.after(ms(1));
    assert_eq!(bench.told_why(), vec![(0, Why::HookTime)]);
    bench.after(ms(8_000));
    bench.after(ms(2_000));
    assert!(bench.killed(1));
    bench.ended(1, ExitStatus::Signal(Signal::KILL));
    bench.gone(1);
    assert_eq!(bench.state(0), "BACKOFF");
}

#[test]
fn stop_3_what_a_pre_start_leaves_is_kept_where_that_is_asked_for() {
    let spec = ProgramSpec {
        leftovers: Leftovers::Keep,
        ..before("a")
    };
    let mut bench = Bench::running(vec![spec], 1);
    bench.exited(1, 0);
    assert!(bench.ordered(&Action::Disown { run: RunId(1) }));
    assert_eq!(bench.begun(), vec![(0, Work::Command)]);
}

#[test]
fn a_post_stop_comes_after_each_life_and_before_the_next_and_knows_how_it_went() {
    let mut bench = Bench::running(vec![after("a")], 1);
    bench.exited(1, 3);
    assert_eq!(bench.begun(), vec![]);
    bench.gone(1);
    assert_eq!(bench.begun(), vec![(0, post_stop(code(3), None))]);
    bench.after(ms(5_000));
    assert_eq!((bench.state(0), bench.begun()), ("STOPPING", vec![]));
    bench.execed(2);
    bench.ends(2, 0);
    assert_eq!(bench.state(0), "BACKOFF");
    bench.after(ms(1_100));
    assert_eq!(bench.begun(), vec![(0, Work::Command)]);
}

#[test]
fn a_post_stop_that_fails_or_never_runs_changes_nothing() {
    for failure in [true, false] {
        let mut bench = Bench::running(vec![after("a"), program("b")], 2);
        bench.ends(1, 0);
        match failure {
            true => bench.failed(3, fork_failed()),
            false => bench.ends(3, 9),
        }
        assert_eq!(bench.state(0), "EXITED");
    }
}

#[test]
fn a_post_stop_that_takes_too_long_is_told_at_four_fifths_of_stopwaitsecs_and_killed() {
    let mut bench = Bench::running(vec![after("a"), program("b")], 2);
    bench.ends(1, 0);
    bench.after(ms(7_999));
    assert_eq!(bench.told(), vec![]);
    bench.after(ms(1));
    assert_eq!(bench.told(), vec![3]);
    let overdue = Care::HookOverdue {
        hook: Hook::PostStop,
        limit: ms(10_000),
    };
    assert_eq!(bench.cares(), vec![overdue]);
    bench.after(ms(1_999));
    assert!(!bench.killed(3));
    bench.after(ms(1));
    assert!(bench.killed(3));
}

#[test]
fn a_command_that_never_ran_leaves_nothing_to_clean_up_but_its_pre_start_does() {
    let mut bench = Bench::new(vec![after("a"), program("b")]);
    bench.failed(1, not_found());
    assert_eq!(bench.begun(), vec![]);
    let both = ProgramSpec {
        post_stop: true,
        ..before("a")
    };
    let mut bench = Bench::running(vec![both], 1);
    bench.ends(1, 0);
    bench.failed(2, not_found());
    let end = End::NeverRan(not_found());
    assert_eq!(bench.begun(), vec![(0, post_stop(end, None))]);
}

#[test]
fn pid_10_a_command_that_the_machine_kept_from_running_is_cleaned_up_after_too() {
    let both = ProgramSpec {
        post_stop: true,
        ..before("a")
    };
    let mut bench = Bench::running(vec![both], 1);
    bench.ends(1, 0);
    bench.failed(2, fork_failed());
    let end = End::NeverRan(fork_failed());
    assert_eq!(bench.begun(), vec![(0, post_stop(end, None))]);
    bench.ends(3, 0);
    assert_eq!(bench.state(0), "BACKOFF");
    bench.after(ms(100));
    assert_eq!(bench.begun(), vec![(0, Work::PreStart)]);
}

#[test]
fn stop_4_who_is_needed_is_told_only_when_the_post_stop_of_who_needs_it_is_over() {
    let user = ProgramSpec {
        post_stop: true,
        ..needing("user", &[0])
    };
    let mut bench = Bench::new(vec![needing("need", &[]), user]);
    bench.execed(1);
    bench.execed(2);
    bench.signal(Signal::TERM);
    bench.ends(2, 0);
    let hook = post_stop(code(0), Some(Why::Shutdown));
    assert_eq!((bench.begun(), bench.told()), (vec![(1, hook)], vec![]));
    bench.ends(3, 0);
    assert_eq!(bench.told(), vec![1]);
}

#[test]
fn stop_5_after_the_last_call_nothing_is_begun_not_even_a_post_stop() {
    let mut bench = Bench::running(vec![after("a")], 1);
    bench.signal(Signal::TERM);
    bench.after(ms(7_200));
    bench.ends(1, 0);
    assert_eq!(bench.begun(), vec![]);
    assert_eq!(bench.cares(), vec![Care::HookSkipped]);
}

#[test]
fn stop_5_a_post_stop_that_runs_is_told_by_the_last_call() {
    let spec = ProgramSpec {
        stopwaitsecs: None,
        ..after("a")
    };
    let mut bench = Bench::running(vec![spec], 1);
    bench.signal(Signal::TERM);
    bench.ends(1, 0);
    bench.after(ms(7_199));
    assert_eq!(bench.told(), vec![]);
    bench.after(ms(1));
    assert_eq!(bench.told(), vec![2]);
}

#[test]
fn stop_1_strays_are_told_and_leftovers_bounded_only_when_no_post_stop_is_to_come() {
    let spec = Spec {
        stop_timeout: None,
        leftover_time: ms(100),
        signals: SignalTable::supervising(),
        ..Spec::new(vec![ProgramSpec {
            stopwaitsecs: None,
            ..after("a")
        }])
    };
    let mut bench = Bench::of(spec);
    bench.execed(1);
    bench.signal(Signal::TERM);
    bench.exited(1, 0);
    assert!(!bench.strays_told());
    bench.gone(1);
    bench.after(ms(10_000));
    let reason = KillReason::LeftoverTime(ms(100));
    assert!(!bench.noticed(|n| *n == Notice::KillingEverybody { reason }));
    bench.exited(2, 0);
    assert!(bench.strays_told());
}

#[test]
fn run_2_in_the_shutdown_the_command_does_not_follow_its_pre_start() {
    let spec = ProgramSpec {
        post_stop: true,
        ..before("need")
    };
    let mut bench = Bench::running(vec![spec], 1);
    bench.signal(Signal::TERM);
    assert_eq!(bench.told(), vec![1]);
    bench.ends(1, 0);
    let hook = post_stop(code(0), Some(Why::Shutdown));
    assert_eq!(bench.begun(), vec![(0, hook)]);
    bench.ends(2, 0);
    assert_eq!(bench.begun(), vec![]);
}

#[test]
fn sig_4_what_comes_while_the_pre_start_runs_is_for_the_command() {
    let mut signals = SignalTable::supervising();
    let forward = crate::Forward {
        program: ProgramId(0),
        signal: Some(Signal::USR2),
        stops: false,
    };
    signals.set(Signal::USR2, crate::Meaning::Forward(forward));
    let mut bench = Bench::of(Spec {
        signals,
        ..Spec::new(vec![before("a")])
    });
    bench.execed(1);
    bench.signal(Signal::USR2);
    assert_eq!(bench.forwarded(), vec![]);
    bench.ends(1, 0);
    bench.execed(2);
    assert_eq!(bench.forwarded(), vec![Signal::USR2]);
}
