//! Readiness (READY-1 to READY-4), and when all are up (UP-1).

use alloc::vec;

use super::*;
use crate::{
    Cause, EndPolicy, FatalReason, Kind, ProbeTimes, Question, Readiness, ReadyBy, Retries,
};

const ASKS: Work = Work::Probe(Question::Ready);

fn by_message(name: &str) -> ProgramSpec {
    ProgramSpec {
        readiness: Some(Readiness {
            by: ReadyBy::Message,
            start_timeout: ms(10_000),
        }),
        ..program(name)
    }
}

fn by_probe(name: &str) -> ProgramSpec {
    let times = ProbeTimes {
        interval: ms(1_000),
        timeout: ms(3_000),
    };
    ProgramSpec {
        readiness: Some(Readiness {
            by: ReadyBy::Probe(times),
            start_timeout: ms(10_000),
        }),
        startsecs: Duration::ZERO,
        ..program(name)
    }
}

fn times_up(bench: &Bench) -> usize {
    let all = bench.last.iter();
    all.filter(|action| matches!(action, Action::Notice(Notice::AllUp)))
        .count()
}

#[test]
fn ready_1_it_is_running_when_it_has_said_so_and_is_up_for_startsecs() {
    let mut early = Bench::running(vec![by_message("a")], 1);
    early.said(1, Message::Ready);
    assert_eq!(early.state(0), "STARTING");
    early.live(ms(1_000));
    assert_eq!(early.state(0), "RUNNING");
    let mut late = Bench::running(vec![by_message("a")], 1);
    late.live(ms(5_000));
    assert_eq!(late.state(0), "STARTING");
    late.said(1, Message::Ready);
    assert_eq!(late.state(0), "RUNNING");
}

#[test]
fn ready_1_a_message_that_comes_before_the_exec_is_known_says_that_too() {
    let is_started = |notice: &Notice| matches!(notice, Notice::Started { .. });
    let spec = ProgramSpec {
        startsecs: Duration::ZERO,
        ..by_message("a")
    };
    let mut bench = Bench::new(vec![spec]);
    bench.said(1, Message::Ready);
    assert!(bench.noticed(is_started));
    assert_eq!(bench.state(0), "RUNNING");
    bench.execed(1);
    assert!(!bench.noticed(is_started));
    assert_eq!(bench.state(0), "RUNNING");
}

#[test]
fn ready_1_a_message_of_a_told_program_says_that_it_was_execed() {
    let mut bench = Bench::new(vec![by_message("a")]);
    bench.signal(Signal::TERM);
    bench.said(1, Message::Alive);
    assert!(bench.noticed(|notice| matches!(notice, Notice::Started { .. })));
}

#[test]
fn ready_1_a_message_after_the_end_or_of_nobody_says_nothing() {
    let mut bench = Bench::running(vec![by_message("a"), program("b")], 2);
    bench.exited(1, 1);
    bench.said(1, Message::Ready);
    assert_eq!(bench.state(0), "STOPPING");
    bench.gone(1);
    bench.said(1, Message::Ready);
    bench.said(77, Message::Ready);
    assert_eq!((bench.last.len(), bench.state(0)), (0, "BACKOFF"));
}

#[test]
fn ready_1_a_message_of_a_hook_is_none_of_the_programs() {
    let spec = ProgramSpec {
        pre_start: true,
        startsecs: Duration::ZERO,
        ..by_message("a")
    };
    let mut bench = Bench::running(vec![spec], 1);
    bench.said(1, Message::Ready);
    bench.ends(1, 0);
    bench.execed(2);
    assert_eq!(bench.state(0), "STARTING");
}

#[test]
fn ready_2_who_needs_nothing_but_a_message_is_never_asked() {
    let mut bench = Bench::running(vec![by_message("a")], 1);
    bench.live(ms(9_999));
    assert_eq!(bench.begun(), vec![]);
}

#[test]
fn ready_3_it_is_asked_at_its_exec_and_an_interval_after_each_answer() {
    let mut bench = Bench::new(vec![by_probe("a")]);
    bench.execed(1);
    assert_eq!(bench.begun(), vec![(0, ASKS)]);
    bench.live(ms(2_000));
    bench.ends(2, 1);
    bench.live(ms(999));
    assert_eq!(bench.begun(), vec![]);
    bench.live(ms(1));
    assert_eq!(bench.begun(), vec![(0, ASKS)]);
    bench.ends(3, 0);
    assert_eq!(bench.state(0), "RUNNING");
    bench.live(ms(100_000));
    assert_eq!(bench.begun(), vec![]);
}

#[test]
fn ready_4_who_is_not_ready_in_time_is_told_and_has_failed_to_start_whatever_its_end() {
    let mut bench = Bench::running(vec![by_message("a"), program("b")], 2);
    bench.live(ms(9_999));
    assert_eq!(bench.told_why(), vec![]);
    bench.live(ms(1));
    assert_eq!(bench.told_why(), vec![(0, Why::NotReady)]);
    bench.ends(1, 0);
    assert_eq!(bench.state(0), "BACKOFF");
}

#[test]
fn ready_4_who_is_never_ready_is_fatal_and_the_container_ends_with_1() {
    let spec = ProgramSpec {
        startretries: Retries::AtMost(0),
        ..by_message("a")
    };
    let mut bench = Bench::running(vec![spec], 1);
    bench.live(ms(10_000));
    bench.exited(1, 0);
    let program = ProgramId(0);
    let reason = FatalReason::NotReady { failures: 1 };
    assert!(bench.noticed(|n| *n == Notice::GaveUp { program, reason }));
    bench.gone(1);
    bench.fact(Event::NobodyLeft);
    assert_eq!(bench.exit(), Some(1));
}

#[test]
fn ready_4_it_may_ask_for_more_time_and_gets_no_less_by_it() {
    let mut bench = Bench::running(vec![by_message("a")], 1);
    bench.said(1, Message::ExtendTimeout(ms(1)));
    bench.live(ms(9_000));
    bench.said(1, Message::ExtendTimeout(ms(5_000)));
    bench.live(ms(4_999));
    assert_eq!(bench.told_why(), vec![]);
    bench.live(ms(1));
    assert_eq!(bench.told_why(), vec![(0, Why::NotReady)]);
}

#[test]
fn ready_4_nobody_is_impatient_in_the_shutdown_not_even_with_who_execs_in_it() {
    let spec = Spec {
        stop_timeout: Some(ms(100_000)),
        ..Spec::new(vec![by_message("need"), with_started(0)])
    };
    let mut bench = Bench::of(spec);
    bench.execed(1);
    bench.execed(2);
    bench.ends(1, 1);
    bench.live(ms(1_200));
    bench.signal(Signal::TERM);
    bench.execed(3);
    bench.live(ms(9_000));
    bench.live(ms(2_000));
    assert_eq!((bench.told(), bench.state(0)), (vec![], "STARTING"));
}

/// One that needs a program to be no more than started, and takes its time to stop.
fn with_started(id: u32) -> ProgramSpec {
    ProgramSpec {
        needs: vec![Need {
            program: ProgramId(id),
            condition: Condition::Started,
        }],
        stopwaitsecs: None,
        ..program("user")
    }
}

#[test]
fn up_1_all_are_up_once_when_the_last_is_running_and_the_oneshots_are_done() {
    let once = ProgramSpec {
        kind: Kind::Oneshot,
        ..needing("once", &[])
    };
    let by_hand = ProgramSpec {
        autostart: false,
        ..program("by hand")
    };
    let mut bench = Bench::running(vec![needing("a", &[]), once, by_hand], 2);
    assert_eq!((bench.state(1), times_up(&bench)), ("RUNNING", 0));
    bench.ends(2, 0);
    assert_eq!(times_up(&bench), 1);
    bench.ends(1, 1);
    bench.live(ms(1_100));
    bench.execed(3);
    assert_eq!((bench.state(0), times_up(&bench)), ("RUNNING", 0));
}

#[test]
fn up_1_nobody_is_told_that_all_are_up_in_the_shutdown() {
    let once = ProgramSpec {
        kind: Kind::Oneshot,
        ..needing("once", &[])
    };
    let mut bench = Bench::running(vec![once], 1);
    bench.signal(Signal::TERM);
    bench.exited(1, 0);
    bench.gone(1);
    assert_eq!((bench.state(0), times_up(&bench)), ("EXITED", 0));
}

#[test]
fn up_1_who_was_all_that_was_missing_is_missed_no_more_when_it_is_removed() {
    let mut bench = Bench::running(vec![needing("a", &[]), by_message("b")], 2);
    bench.loaded(vec![needing("a", &[])]);
    assert_eq!(times_up(&bench), 1);
}

#[test]
fn up_1_who_runs_and_is_a_service_by_a_reload_is_up() {
    let once = |kind| ProgramSpec {
        kind,
        ..needing("a", &[])
    };
    let mut bench = Bench::running(vec![once(Kind::Oneshot)], 1);
    bench.loaded(vec![once(Kind::Service)]);
    assert_eq!(times_up(&bench), 1);
}

#[test]
fn exit_2_when_not_all_are_up_in_time_the_container_ends_with_1() {
    let spec = Spec {
        startup_timeout: Some(ms(5_000)),
        ..Spec::new(vec![by_message("a"), needing("b", &[])])
    };
    let mut bench = Bench::of(spec);
    bench.execed(1);
    bench.execed(2);
    bench.live(ms(5_000));
    let cause = Cause::StartupTimeout(ms(5_000));
    assert!(bench.noticed(|notice| *notice == Notice::ShutdownBegun { cause }));
    bench.ends(1, 0);
    bench.ends(2, 0);
    bench.fact(Event::NobodyLeft);
    assert_eq!(bench.exit(), Some(1));
}

#[test]
fn dep_2_who_was_never_ready_takes_those_that_wait_for_it() {
    let need = ProgramSpec {
        startretries: Retries::AtMost(0),
        on_failure: EndPolicy::Ignore,
        ..by_message("need")
    };
    let mut bench = Bench::running(vec![need, needing("user", &[0])], 1);
    bench.live(ms(10_000));
    bench.ends(1, 0);
    assert_eq!((bench.state(0), bench.state(1)), ("FATAL", "FATAL"));
}
