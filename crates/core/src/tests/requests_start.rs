//! What a start sets going, and when it is answered.

use alloc::vec;

use super::requests::{EXIT_0, EXIT_3, by_hand, quiet, started};
use super::*;
use crate::{
    Autorestart, Concurrency, End, EndPolicy, FatalReason, Kind, Outcome, Readiness, ReadyBy,
    Retries,
};

#[test]
fn a_start_of_what_runs_is_answered_at_once_and_changes_nothing() {
    let mut bench = Bench::running(vec![quiet("web")], 1);
    bench.asks_to_start(7, &[0]);
    assert_eq!(bench.outcomes(7), [(0, Outcome::AlreadyRunning)]);
    assert_eq!((bench.started(), bench.told()), (vec![], vec![]));
}

#[test]
fn a_start_is_answered_when_the_program_is_running_and_not_when_it_is_execed() {
    let spec = ProgramSpec {
        startsecs: ms(500),
        ..by_hand("web")
    };
    let mut bench = Bench::new(vec![quiet("db"), spec]);
    bench.asks_to_start(7, &[1]);
    assert_eq!((bench.started(), bench.replies()), (vec![1], vec![]));
    bench.execed(2);
    assert_eq!(bench.replies(), []);
    bench.after(ms(500));
    let took = ms(500);
    assert_eq!(bench.outcomes(7), [(1, Outcome::Started { took })]);
}

#[test]
fn a_start_of_what_waits_in_backoff_is_tried_now_and_nothing_of_what_was_counts() {
    let spec = ProgramSpec {
        startretries: Retries::AtMost(1),
        ..quiet("web")
    };
    let mut bench = Bench::new(vec![spec, quiet("db")]);
    bench.failed(1, not_found());
    assert_eq!(bench.state(0), "BACKOFF");
    bench.asks_to_start(7, &[0]);
    assert_eq!(bench.started(), [0]);
    bench.failed(3, not_found());
    assert_eq!((bench.state(0), bench.replies()), ("BACKOFF", vec![]));
}

#[test]
fn a_start_of_what_is_fatal_or_exited_is_a_new_beginning() {
    let failing = ProgramSpec {
        startretries: Retries::AtMost(0),
        ..quiet("a")
    };
    let done = ProgramSpec {
        autorestart: Autorestart::Never,
        ..quiet("b")
    };
    let mut bench = Bench::new(vec![failing, done, quiet("c")]);
    bench.failed(1, not_found());
    bench.execed(2);
    bench.ends(2, 3);
    assert_eq!((bench.state(0), bench.state(1)), ("FATAL", "EXITED"));
    bench.asks_to_start(7, &[0, 1]);
    assert_eq!(bench.started(), [0, 1]);
    bench.failed(4, not_found());
    assert_eq!(bench.replies(), []);
    bench.execed(5);
    let (took, last) = (Duration::ZERO, End::NeverRan(not_found()));
    let reason = FatalReason::FailedStarts { failures: 1, last };
    assert_eq!(
        bench.outcomes(7),
        [
            (0, Outcome::GaveUp { reason }),
            (1, Outcome::Started { took })
        ]
    );
}

#[test]
fn a_start_that_ends_before_it_is_up_is_answered_with_its_end() {
    let spec = ProgramSpec {
        startsecs: ms(500),
        ..by_hand("web")
    };
    let mut bench = Bench::new(vec![quiet("db"), spec]);
    bench.asks_to_start(7, &[1]);
    bench.execed(2);
    bench.exited(2, 0);
    assert_eq!(bench.replies(), []);
    bench.gone(2);
    let (took, end, well) = (Duration::ZERO, EXIT_0, true);
    assert_eq!(bench.outcomes(7), [(1, Outcome::Ended { took, end, well })]);
}

#[test]
fn a_start_that_ends_the_container_is_answered_with_its_end() {
    let spec = ProgramSpec {
        on_failure: EndPolicy::Shutdown,
        autorestart: Autorestart::Never,
        startretries: Retries::AtMost(0),
        startsecs: ms(500),
        ..by_hand("web")
    };
    let mut bench = Bench::running(vec![quiet("db"), spec], 1);
    bench.asks_to_start(7, &[0, 1]);
    bench.execed(2);
    bench.exited(2, 3);
    let (took, end, well) = (Duration::ZERO, EXIT_3, false);
    assert_eq!(
        bench.outcomes(7),
        [
            (0, Outcome::AlreadyRunning),
            (1, Outcome::Ended { took, end, well })
        ]
    );
}

#[test]
fn a_start_of_a_oneshot_is_answered_when_it_is_done() {
    let spec = ProgramSpec {
        kind: Kind::Oneshot,
        ..by_hand("migrate")
    };
    let mut bench = Bench::running(vec![quiet("db"), spec], 1);
    bench.asks_to_start(7, &[1]);
    bench.execed(2);
    bench.exited(2, 0);
    assert_eq!((bench.state(1), bench.replies()), ("STOPPING", vec![]));
    bench.gone(2);
    let took = Duration::ZERO;
    assert_eq!(bench.outcomes(7), [(1, Outcome::Completed { took })]);
    // Once more is once more.
    bench.asks_to_start(8, &[1]);
    assert_eq!(bench.started(), [1]);
}

#[test]
fn a_start_brings_along_what_it_needs_and_says_so() {
    let app = ProgramSpec {
        autostart: false,
        ..needing("app", &[0])
    };
    let web = ProgramSpec {
        autostart: false,
        ..needing("web", &[1])
    };
    let mut bench = Bench::running(vec![by_hand("db"), app, web, quiet("x")], 1);
    bench.asks_to_start(7, &[2]);
    assert_eq!(bench.started(), [0]);
    bench.execed(2);
    bench.execed(3);
    assert_eq!(bench.replies(), []);
    bench.execed(4);
    assert_eq!(
        bench.outcomes(7),
        [(0, started()), (1, started()), (2, started())]
    );
}

#[test]
fn a_start_waits_for_what_is_on_its_way_and_leaves_it_alone() {
    let db = ProgramSpec {
        readiness: Some(Readiness::new(ReadyBy::Message)),
        ..quiet("db")
    };
    let app = ProgramSpec {
        autostart: false,
        ..needing("app", &[0])
    };
    let mut bench = Bench::running(vec![db, app], 1);
    bench.asks_to_start(7, &[1]);
    assert_eq!((bench.started(), bench.replies()), (vec![], vec![]));
    bench.said(1, Message::Ready);
    assert_eq!(bench.started(), [1]);
    bench.execed(2);
    assert_eq!(bench.outcomes(7), [(1, started())]);
}

#[test]
fn a_start_of_a_scheduled_program_is_a_run_now_and_no_need_brings_one_along() {
    let job = ProgramSpec {
        schedule: Some(Concurrency::Forbid),
        ..quiet("job")
    };
    let app = ProgramSpec {
        autostart: false,
        ..needing("app", &[0])
    };
    let mut bench = Bench::new(vec![job, app]);
    bench.asks_to_start(7, &[1]);
    assert_eq!((bench.started(), bench.replies()), (vec![], vec![]));
    bench.asks_to_start(8, &[0]);
    assert_eq!(bench.started(), [0]);
    bench.execed(1);
    assert_eq!(bench.outcomes(8), [(0, started())]);
}
