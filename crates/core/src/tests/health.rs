//! Whether programs are well: probes (HEALTH-1), pauses of everybody (HEALTH-2), and the
//! watchdog.

use alloc::vec;

use super::*;
use crate::{Autorestart, HealthAction, Healthcheck, ProbeTimes, Question, Scope};

const ASKS: Work = Work::Probe(Question::Health);

fn check(action: HealthAction) -> Healthcheck {
    Healthcheck {
        times: ProbeTimes {
            interval: ms(10_000),
            timeout: ms(3_000),
        },
        retries: 2,
        start_period: Duration::ZERO,
        action,
    }
}

fn checked(action: HealthAction) -> ProgramSpec {
    ProgramSpec {
        healthcheck: Some(check(action)),
        ..needing("a", &[])
    }
}

/// One answer of the program: the question is the next run.
fn answer(bench: &mut Bench, run: u64, code: u8) {
    bench.after(ms(10_000));
    assert_eq!(bench.begun(), vec![(0, ASKS)]);
    bench.execed(run);
    bench.exited(run, code);
    let orders = core::mem::take(&mut bench.last);
    bench.gone(run);
    bench.last = orders;
}

fn watched() -> ProgramSpec {
    ProgramSpec {
        watchdog: Some(ms(2_000)),
        ..needing("a", &[])
    }
}

#[test]
fn health_1_failures_in_a_row_restart_it_whatever_autorestart_says() {
    let spec = ProgramSpec {
        autorestart: Autorestart::Never,
        ..checked(HealthAction::Restart)
    };
    let mut bench = Bench::running(vec![spec], 1);
    answer(&mut bench, 2, 1);
    assert_eq!(bench.told_why(), vec![]);
    answer(&mut bench, 3, 1);
    assert_eq!(bench.told_why(), vec![(0, Why::Unhealthy)]);
    bench.ends(1, 0);
    assert_eq!(bench.state(0), "BACKOFF");
    bench.after(ms(1_100));
    bench.execed(4);
    answer(&mut bench, 5, 1);
    assert_eq!(bench.told_why(), vec![], "a restart starts anew");
}

#[test]
fn health_1_a_success_resets_the_count() {
    let mut bench = Bench::running(vec![checked(HealthAction::Restart)], 1);
    for (run, code) in [(2, 1), (3, 0), (4, 1), (5, 0)] {
        answer(&mut bench, run, code);
        assert_eq!(bench.told_why(), vec![]);
    }
}

#[test]
fn health_1_failures_in_start_period_do_not_count_until_the_first_success() {
    let spec = |good_first: bool| {
        let healthcheck = Healthcheck {
            start_period: ms(60_000),
            ..check(HealthAction::Restart)
        };
        let spec = ProgramSpec {
            healthcheck: Some(healthcheck),
            ..needing("a", &[])
        };
        let mut bench = Bench::running(vec![spec], 1);
        answer(&mut bench, 2, u8::from(!good_first));
        answer(&mut bench, 3, 1);
        answer(&mut bench, 4, 1);
        bench.told_why().len()
    };
    assert_eq!((spec(false), spec(true)), (0, 1));
}

#[test]
fn health_1_shutdown_ends_the_container_with_1() {
    let mut bench = Bench::running(vec![checked(HealthAction::Shutdown)], 1);
    answer(&mut bench, 2, 1);
    answer(&mut bench, 3, 1);
    assert_eq!(bench.told_why(), vec![(0, Why::Shutdown)]);
    bench.ends(1, 0);
    bench.fact(Event::NobodyLeft);
    assert_eq!(bench.exit(), Some(1));
}

#[test]
fn health_1_none_says_so_once_and_once_more_when_it_is_well() {
    let mut bench = Bench::running(vec![checked(HealthAction::Nothing)], 1);
    answer(&mut bench, 2, 1);
    answer(&mut bench, 3, 1);
    let is_unhealthy = |care: &Care| matches!(care, Care::Unhealthy { failures: 2, .. });
    assert!(bench.cares().iter().any(is_unhealthy));
    answer(&mut bench, 4, 1);
    assert!(!bench.cares().iter().any(is_unhealthy));
    answer(&mut bench, 5, 0);
    assert_eq!(bench.cares(), vec![Care::Healthy]);
    assert_eq!(bench.state(0), "RUNNING");
}

#[test]
fn health_1_who_does_not_answer_in_time_is_told_and_killed_a_second_later_again_and_again() {
    let mut bench = Bench::running(vec![checked(HealthAction::Restart)], 1);
    bench.after(ms(10_000));
    bench.execed(2);
    bench.after(ms(3_000));
    // All of them: nobody is killed untold (STOP-1).
    let telling = Action::Tell {
        run: RunId(2),
        scope: Some(Scope::Tree),
        signal: Signal::TERM,
    };
    assert!(bench.ordered(&telling));
    let is_count = |care: &Care| matches!(care, Care::ProbeFailed { end: None, count, .. } if *count == Some((1, 2)));
    assert!(bench.cares().iter().any(is_count));
    bench.after(ms(999));
    assert!(!bench.killed(2));
    bench.after(ms(1));
    assert!(bench.killed(2));
    bench.after(ms(50));
    assert!(bench.killed(2));
    bench.ends(2, 0);
    assert_eq!(bench.cares(), vec![], "the answer comes too late");
}

#[test]
fn health_1_there_is_one_question_at_a_time_and_none_that_nobody_wants_answered() {
    let mut bench = Bench::running(vec![checked(HealthAction::Restart)], 1);
    bench.after(ms(10_000));
    bench.after(ms(2_999));
    assert_eq!(bench.begun(), vec![]);
    bench.exited(1, 1);
    assert!(bench.told().contains(&2));
    bench.after(ms(100_000));
    assert_eq!(bench.begun(), vec![]);
}

#[test]
fn health_1_a_life_that_is_over_does_not_wait_for_who_asks() {
    let mut bench = Bench::running(vec![checked(HealthAction::Restart)], 1);
    bench.after(ms(10_000));
    bench.ends(1, 1);
    bench.after(ms(1_100));
    assert_eq!(bench.begun(), vec![(0, Work::Command)]);
}

#[test]
fn health_1_nobody_is_asked_in_the_shutdown_and_who_asks_is_told() {
    let need = ProgramSpec {
        stopwaitsecs: None,
        ..checked(HealthAction::Restart)
    };
    let mut bench = Bench::running(vec![need, needing("user", &[0])], 2);
    bench.after(ms(10_000));
    assert_eq!(bench.begun(), vec![(0, ASKS)]);
    bench.signal(Signal::TERM);
    assert_eq!(bench.told(), vec![3, 2]);
    bench.ends(3, 1);
    bench.after(ms(7_000));
    assert_eq!(bench.begun(), vec![]);
}

#[test]
fn health_1_a_question_that_could_not_be_asked_is_a_failure() {
    let mut bench = Bench::running(vec![checked(HealthAction::Restart)], 1);
    for run in [2, 3] {
        bench.after(ms(10_000));
        bench.failed(run, not_found());
    }
    assert_eq!(bench.told_why(), vec![(0, Why::Unhealthy)]);
}

#[test]
fn health_2_who_was_paused_is_given_that_much_longer_and_a_second() {
    let mut bench = Bench::running(vec![watched()], 1);
    // It should have woken after 2 s.
    bench.after(ms(62_000));
    let late = ms(60_000);
    assert!(bench.noticed(|notice| *notice == Notice::Overslept { late }));
    assert_eq!(bench.told_why(), vec![]);
    bench.after(ms(999));
    assert_eq!(bench.told_why(), vec![]);
    bench.after(ms(1));
    assert_eq!(bench.told_why(), vec![(0, Why::Watchdog)]);
}

#[test]
fn health_2_a_probe_may_answer_after_a_pause_and_so_may_a_start_be_up() {
    let late = program("late");
    let mut bench = Bench::running(vec![checked(HealthAction::Restart), late], 2);
    bench.after(ms(1_000));
    bench.after(ms(9_000));
    assert_eq!(bench.begun(), vec![(0, ASKS)]);
    bench.after(ms(30_000));
    assert_eq!((bench.told(), bench.cares()), (vec![], vec![]));
    bench.ends(3, 0);
    assert_eq!(bench.cares(), vec![]);
}

#[test]
fn health_2_less_than_a_second_is_no_pause() {
    let mut bench = Bench::running(vec![watched()], 1);
    bench.after(ms(2_999));
    assert_eq!(bench.told_why(), vec![(0, Why::Watchdog)]);
}

#[test]
fn health_2_stop_deadlines_and_pauses_between_starts_do_not_move() {
    let mut bench = Bench::running(vec![needing("a", &[]), needing("b", &[])], 2);
    bench.ends(1, 1);
    bench.after(ms(60_000));
    assert_eq!(bench.started(), vec![0]);
    bench.execed(3);
    bench.exited(2, 1);
    bench.after(ms(60_000));
    assert!(bench.killed(2));
}

#[test]
fn the_watchdog_is_fed_in_time_or_it_is_told_with_abrt_and_started_again() {
    let mut bench = Bench::running(vec![watched()], 1);
    for _ in 0..5 {
        bench.after(ms(1_999));
        assert_eq!(bench.told_why(), vec![]);
        bench.said(1, Message::Alive);
    }
    bench.after(ms(2_000));
    assert_eq!(bench.told_why(), vec![(0, Why::Watchdog)]);
    let signal = Signal::ABRT;
    let is_abort =
        |action: &Action| matches!(action, Action::Tell { signal: s, .. } if *s == signal);
    assert!(bench.last.iter().any(is_abort));
    bench.ended(1, ExitStatus::Signal(signal));
    bench.gone(1);
    assert_eq!(bench.state(0), "BACKOFF");
}

#[test]
fn the_watchdog_bites_at_once_who_says_that_it_is_not_well() {
    let mut bench = Bench::running(vec![watched()], 1);
    bench.said(1, Message::NotWell);
    assert_eq!(bench.told_why(), vec![(0, Why::Watchdog)]);
    let mut bench = Bench::running(vec![needing("unwatched", &[])], 1);
    bench.said(1, Message::NotWell);
    assert_eq!(bench.told_why(), vec![]);
}

#[test]
fn the_watchdog_takes_another_period_and_zero_for_its_end() {
    let mut bench = Bench::running(vec![watched()], 1);
    bench.said(1, Message::WatchdogPeriod(ms(10_000)));
    bench.after(ms(9_999));
    assert_eq!(bench.told_why(), vec![]);
    bench.said(1, Message::WatchdogPeriod(Duration::ZERO));
    bench.after(ms(100_000));
    assert_eq!(bench.told_why(), vec![]);
}

#[test]
fn the_watchdog_lets_go_who_says_that_it_stops() {
    let mut bench = Bench::running(vec![watched()], 1);
    bench.said(1, Message::Stopping);
    bench.after(ms(100_000));
    assert_eq!(bench.told_why(), vec![]);
}

#[test]
fn the_watchdog_wakes_in_time_for_who_was_fed_after_a_pause() {
    let spec = ProgramSpec {
        watchdog: Some(ms(300)),
        ..watched()
    };
    let mut bench = Bench::running(vec![spec], 1);
    bench.after(ms(60_000));
    bench.said(1, Message::Alive);
    bench.after(ms(300));
    assert_eq!(bench.told_why(), vec![(0, Why::Watchdog)]);
}

#[test]
fn health_1_that_the_machine_had_nobody_to_ask_it_does_not_count_and_is_told_once() {
    let mut bench = Bench::running(vec![checked(HealthAction::Restart)], 1);
    let mut told = 0;
    for run in 2..12 {
        bench.after(ms(10_000));
        assert_eq!(bench.begun(), vec![(0, ASKS)]);
        bench.failed(run, fork_failed());
        assert_eq!(bench.told_why(), vec![]);
        told += bench.cares().len();
    }
    assert_eq!((told, bench.state(0)), (1, "RUNNING"));
}
