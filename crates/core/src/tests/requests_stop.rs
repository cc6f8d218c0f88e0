//! What a stop sets going, when it is answered, and that it holds.

use alloc::vec;

use super::requests::{EXIT_0, EXIT_3, by_hand, quiet, stopped};
use super::*;
use crate::{
    Autorestart, By, Concurrency, End, EndPolicy, HealthAction, Healthcheck, Kind, Outcome,
    Readiness, ReadyBy, Retries,
};

#[test]
fn a_stop_is_answered_when_nobody_of_the_tree_is_left() {
    let mut bench = Bench::running(vec![quiet("web")], 1);
    bench.asks_to_stop(7, &[0]);
    assert_eq!(bench.told_why(), [(0, Why::Stopped)]);
    bench.after(ms(200));
    bench.exited(1, 0);
    assert_eq!(bench.replies(), []);
    bench.after(ms(10));
    bench.gone(1);
    let expected = Outcome::Stopped {
        took: ms(210),
        end: Some(EXIT_0),
        killed: false,
        is_off: false,
    };
    assert_eq!(bench.outcomes(7), [(0, expected)]);
    assert_eq!(bench.state(0), "STOPPED");
}

#[test]
fn a_stop_says_that_it_had_to_kill() {
    let mut bench = Bench::running(vec![quiet("web")], 1);
    bench.asks_to_stop(7, &[0]);
    bench.live(ms(10_000));
    assert!(bench.killed(1));
    bench.ended(1, ExitStatus::Signal(Signal::KILL));
    bench.gone(1);
    let end = Some(End::Status(ExitStatus::Signal(Signal::KILL)));
    let expected = Outcome::Stopped {
        took: ms(10_000),
        end,
        killed: true,
        is_off: false,
    };
    assert_eq!(bench.outcomes(7), [(0, expected)]);
}

#[test]
fn a_stop_of_what_does_not_run_is_answered_at_once() {
    let mut bench = Bench::running(vec![quiet("web"), by_hand("b")], 1);
    bench.asks_to_stop(7, &[1]);
    let outcomes = bench.outcomes(7);
    assert!(
        matches!(&outcomes[..], [(1, Outcome::AlreadyStopped(_))]),
        "{outcomes:?}"
    );
}

#[test]
fn a_stop_ends_the_tries_of_what_waits_in_backoff_and_the_wait_of_what_needs_another() {
    let db = ProgramSpec {
        readiness: Some(Readiness::new(ReadyBy::Message)),
        ..quiet("db")
    };
    let mut bench = Bench::running(vec![db, needing("app", &[0]), quiet("web")], 1);
    bench.failed(2, not_found());
    assert_eq!(bench.state(2), "BACKOFF");
    bench.asks_to_stop(7, &[1, 2]);
    assert_eq!(bench.outcomes(7), [(1, stopped(None)), (2, stopped(None))]);
    bench.said(1, Message::Ready);
    bench.live(ms(60_000));
    assert_eq!(bench.started(), []);
}

#[test]
fn a_stop_wins_over_autorestart_and_over_what_the_failure_would_do() {
    let spec = ProgramSpec {
        autorestart: Autorestart::Always,
        on_failure: EndPolicy::Shutdown,
        startretries: Retries::AtMost(0),
        readiness: Some(Readiness::new(ReadyBy::Message)),
        ..quiet("web")
    };
    let mut bench = Bench::running(vec![spec, quiet("db")], 2);
    bench.live(ms(60_000));
    assert_eq!(bench.told_why(), [(0, Why::NotReady)]);
    bench.asks_to_stop(7, &[0]);
    bench.ends(1, 3);
    assert_eq!(bench.outcomes(7), [(0, stopped(Some(EXIT_3)))]);
    assert!(!bench.core.is_stopping());
    bench.live(ms(60_000));
    assert_eq!((bench.state(0), bench.started()), ("STOPPED", vec![]));
}

#[test]
fn a_stop_is_of_the_named_only() {
    let mut bench = Bench::running(vec![quiet("db"), needing("web", &[0])], 2);
    bench.asks_to_stop(7, &[0]);
    assert_eq!(bench.told_why(), [(0, Why::Stopped)]);
    bench.ends(1, 0);
    assert_eq!((bench.state(0), bench.state(1)), ("STOPPED", "RUNNING"));
}

#[test]
fn stop_4_those_that_are_stopped_together_are_told_in_the_order_of_their_needs() {
    let mut bench = Bench::running(vec![quiet("db"), needing("web", &[0]), quiet("x")], 3);
    bench.asks_to_stop(7, &[0, 1]);
    assert_eq!(bench.told_why(), [(1, Why::Stopped)]);
    bench.exited(3, 0);
    assert_eq!(bench.told_why(), []);
    bench.gone(3);
    assert_eq!(bench.told_why(), [(0, Why::Stopped)]);
    bench.ends(1, 0);
    let both = [(0, stopped(Some(EXIT_0))), (1, stopped(Some(EXIT_0)))];
    assert_eq!(bench.outcomes(7), both);
}

#[test]
fn stop_4_the_order_holds_by_way_of_what_is_done() {
    let migrate = ProgramSpec {
        kind: Kind::Oneshot,
        ..needing("migrate", &[0])
    };
    let app = ProgramSpec {
        needs: vec![Need {
            program: ProgramId(1),
            condition: Condition::Completed,
        }],
        ..quiet("app")
    };
    let mut bench = Bench::running(vec![quiet("db"), migrate, app], 2);
    bench.ends(2, 0);
    bench.execed(3);
    bench.asks_to_stop(7, &[0, 1, 2]);
    assert_eq!(bench.told_why(), [(2, Why::Stopped)]);
    bench.ends(3, 0);
    assert_eq!(bench.told_why(), [(0, Why::Stopped)]);
}

#[test]
fn end_1_a_container_whose_programs_were_all_stopped_stays_and_one_that_ends_does_not() {
    let mut bench = Bench::running(vec![quiet("web")], 1);
    bench.asks_to_stop(7, &[0]);
    bench.ends(1, 0);
    bench.live(ms(60_000));
    assert!(!bench.core.is_stopping());
    bench.asks_to_start(8, &[0]);
    bench.execed(2);
    bench.ends(2, 0);
    assert!(bench.core.is_stopping());
}

#[test]
fn end_1_what_does_not_start_by_itself_is_no_reason_to_stay_when_it_was_stopped() {
    let mut bench = Bench::running(vec![quiet("web"), by_hand("debug")], 1);
    bench.asks_to_start(7, &[1]);
    bench.execed(2);
    bench.asks_to_stop(8, &[1]);
    bench.ends(2, 0);
    bench.ends(1, 0);
    assert!(bench.core.is_stopping());
}

#[test]
fn what_was_stopped_is_not_started_by_its_schedule_nor_by_a_reload_nor_for_another() {
    let job = ProgramSpec {
        schedule: Some(Concurrency::Forbid),
        ..quiet("job")
    };
    let fatal = ProgramSpec {
        startretries: Retries::AtMost(0),
        ..quiet("db")
    };
    let app = ProgramSpec {
        on_failure: EndPolicy::Ignore,
        ..needing("app", &[2])
    };
    let programs = vec![job, quiet("web"), fatal, app];
    let mut bench = Bench::new(programs.clone());
    bench.execed(1);
    bench.failed(2, not_found());
    assert_eq!((bench.state(2), bench.state(3)), ("FATAL", "FATAL"));
    bench.asks_to_stop(7, &[0, 1, 3]);
    bench.ends(1, 0);
    bench.due(0);
    assert_eq!(bench.started(), []);
    let is_off = |bench: &Bench, id| {
        let status = bench.core.status(bench.now, ProgramId(id));
        status.is_some_and(|status| status.is_off)
    };
    assert_eq!([0, 1].map(|id| is_off(&bench, id)), [true, false]);
    bench.loaded_with(programs, vec![Change::Restart; 4]);
    assert_eq!(bench.started(), [2]);
    bench.execed(3);
    assert_eq!(bench.started(), []);
    bench.asks_to_start(8, &[0, 3]);
    assert_eq!(bench.started(), [0, 3]);
    assert!(!is_off(&bench, 0));
}

#[test]
fn a_stop_while_it_starts_overtakes_the_start_and_the_restart() {
    for restarts in [false, true] {
        let mut bench = Bench::running(vec![quiet("db"), by_hand("web")], 1);
        match restarts {
            true => bench.asks_to_restart(7, &[1]),
            false => bench.asks_to_start(7, &[1]),
        }
        bench.asks_to_stop(8, &[1]);
        let overtaken = Outcome::Overtaken(By::Stop);
        assert_eq!(bench.outcomes(7), [(1, overtaken)]);
        assert_eq!(bench.told_why(), [(1, Why::Stopped)]);
        bench.ends(2, 0);
        assert_eq!(bench.outcomes(8), [(1, stopped(Some(EXIT_0)))]);
        assert_eq!(bench.started(), []);
    }
}

#[test]
fn two_stops_at_once_are_both_answered_at_the_end() {
    let mut bench = Bench::running(vec![quiet("web")], 1);
    bench.asks_to_stop(7, &[0]);
    bench.asks_to_stop(8, &[0]);
    assert_eq!((bench.told(), bench.replies()), (vec![], vec![]));
    bench.ends(1, 0);
    let both: Vec<u64> = bench.replies().iter().map(|(id, _)| *id).collect();
    assert_eq!(both, [7, 8]);
}

#[test]
fn a_start_takes_back_a_stop_that_waits_for_its_turn() {
    let mut bench = Bench::running(vec![quiet("db"), needing("web", &[0])], 2);
    bench.asks_to_stop(7, &[0, 1]);
    assert_eq!(bench.told_why(), [(1, Why::Stopped)]);
    bench.asks_to_start(8, &[0]);
    assert_eq!(bench.outcomes(8), [(0, Outcome::AlreadyRunning)]);
    bench.ends(2, 0);
    assert_eq!((bench.state(0), bench.told()), ("RUNNING", vec![]));
    assert_eq!(
        bench.outcomes(7),
        [
            (0, Outcome::Overtaken(By::Start)),
            (1, stopped(Some(EXIT_0)))
        ]
    );
}

#[test]
fn who_was_stopped_before_it_was_up_is_waited_for_by_nobody() {
    let mut bench = Bench::running(
        vec![
            quiet("web"),
            ProgramSpec {
                startsecs: ms(1_000),
                ..quiet("slow")
            },
        ],
        1,
    );
    bench.asks_to_stop(7, &[1]);
    assert!(bench.noticed(|notice| *notice == Notice::AllUp));
}

#[test]
fn who_is_killed_for_its_health_and_stopped_meanwhile_stays_stopped() {
    let check = Healthcheck {
        retries: 1,
        action: HealthAction::Restart,
        ..Healthcheck::DEFAULT
    };
    let spec = ProgramSpec {
        healthcheck: Some(check),
        ..quiet("web")
    };
    let mut bench = Bench::running(vec![spec], 1);
    bench.live(ms(30_001));
    bench.exited(2, 1);
    assert_eq!(bench.told_why(), [(0, Why::Unhealthy)]);
    bench.asks_to_stop(7, &[0]);
    bench.ends(1, 0);
    assert_eq!(bench.outcomes(7), [(0, stopped(Some(EXIT_0)))]);
    bench.live(ms(60_000));
    assert_eq!(bench.started(), []);
}
