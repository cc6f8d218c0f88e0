//! Programs that run at their times.

use alloc::vec;

use super::*;
use crate::{Concurrency, EndPolicy, Kind, Retries};

fn job(concurrency: Concurrency) -> ProgramSpec {
    ProgramSpec {
        kind: Kind::Oneshot,
        schedule: Some(concurrency),
        on_failure: EndPolicy::Ignore,
        ..needing("job", &[])
    }
}

#[test]
fn end_1_a_job_starts_at_its_time_and_is_waited_for_until_the_next() {
    let mut bench = Bench::new(vec![job(Concurrency::Forbid)]);
    assert_eq!((bench.started(), bench.exit()), (vec![], None));
    for run in 1..4 {
        bench.after(ms(60_000));
        bench.due(0);
        assert_eq!(bench.started(), vec![0]);
        bench.execed(run);
        bench.ends(run, 0);
        assert_eq!((bench.state(0), bench.started()), ("EXITED", vec![]));
    }
}

#[test]
fn run_5_a_job_that_fails_is_tried_again_before_its_next_time_and_given_up_until_then() {
    let spec = ProgramSpec {
        startretries: Retries::AtMost(1),
        ..job(Concurrency::Forbid)
    };
    let mut bench = Bench::new(vec![spec]);
    bench.due(0);
    bench.execed(1);
    bench.ends(1, 1);
    bench.after(ms(1_100));
    assert_eq!(bench.started(), vec![0]);
    bench.execed(2);
    bench.ends(2, 1);
    assert_eq!((bench.state(0), bench.strays_told()), ("FATAL", false));
    bench.due(0);
    assert_eq!(bench.started(), vec![0]);
}

#[test]
fn forbid_leaves_out_a_time_that_comes_too_early() {
    let mut bench = Bench::new(vec![job(Concurrency::Forbid)]);
    bench.due(0);
    bench.due(0);
    assert_eq!(bench.cares(), vec![Care::Skipped]);
    bench.execed(1);
    bench.exited(1, 0);
    bench.due(0);
    assert_eq!(bench.cares(), vec![Care::Skipped]);
    bench.gone(1);
    assert_eq!(bench.started(), vec![]);
}

#[test]
fn replace_tells_the_old_one_and_starts_the_new_one_when_it_is_gone() {
    let mut bench = Bench::new(vec![job(Concurrency::Replace)]);
    bench.due(0);
    bench.execed(1);
    bench.due(0);
    assert_eq!(bench.told_why(), vec![(0, Why::Replaced)]);
    bench.due(0);
    assert_eq!(bench.told_why(), vec![]);
    bench.exited(1, 143);
    assert_eq!(bench.started(), vec![]);
    bench.gone(1);
    assert_eq!(bench.started(), vec![0]);
}

#[test]
fn replace_starts_at_once_who_waits_for_its_next_try() {
    let mut bench = Bench::new(vec![job(Concurrency::Replace)]);
    bench.due(0);
    bench.execed(1);
    bench.ends(1, 1);
    assert_eq!(bench.state(0), "BACKOFF");
    bench.due(0);
    assert_eq!(bench.started(), vec![0]);
}

#[test]
fn allow_starts_a_second_one_that_is_launched_as_the_first() {
    let mut bench = Bench::new(vec![job(Concurrency::Allow), program("b")]);
    bench.due(0);
    bench.execed(2);
    bench.due(0);
    assert_eq!(bench.started(), vec![2]);
    assert_eq!(bench.core.launched_as(ProgramId(2)), ProgramId(0));
    assert_eq!(bench.core.launched_as(ProgramId(1)), ProgramId(1));
    bench.execed(3);
    bench.ends(3, 0);
    bench.due(0);
    assert_eq!(bench.started(), vec![2], "its place is used again");
}

#[test]
fn allow_has_a_bound_of_sixteen_beside_the_first() {
    let mut bench = Bench::new(vec![job(Concurrency::Allow)]);
    for _ in 0..17 {
        bench.due(0);
        assert_eq!(bench.started().len(), 1);
    }
    bench.due(0);
    assert_eq!(bench.started(), vec![]);
    assert_eq!(bench.cares(), vec![Care::Skipped]);
}

#[test]
fn run_2_no_job_starts_in_the_shutdown() {
    let mut bench = Bench::running(vec![job(Concurrency::Forbid), program("b")], 1);
    bench.signal(Signal::TERM);
    bench.due(0);
    assert_eq!(bench.started(), vec![]);
}

#[test]
fn a_time_of_who_has_none_means_nothing() {
    let off = ProgramSpec {
        autostart: false,
        ..job(Concurrency::Forbid)
    };
    let mut bench = Bench::new(vec![program("a"), off]);
    for id in [0, 1, 2, 77] {
        bench.due(id);
        assert_eq!(bench.last.len(), 0, "{id}");
    }
}

#[test]
fn dep_1_a_job_waits_for_what_it_needs_and_its_next_time_is_left_out() {
    let spec = ProgramSpec {
        needs: needing("x", &[1]).needs,
        ..job(Concurrency::Forbid)
    };
    let mut bench = Bench::new(vec![spec, program("slow")]);
    bench.execed(1);
    bench.due(0);
    assert_eq!(bench.started(), vec![]);
    bench.due(0);
    assert_eq!(bench.cares(), vec![Care::Skipped]);
    bench.after(ms(1_000));
    assert_eq!(bench.started(), vec![0]);
}

#[test]
fn dep_2_a_job_that_was_given_up_for_another_waits_for_its_time_and_not_for_the_other() {
    let spec = ProgramSpec {
        needs: needing("x", &[1]).needs,
        ..job(Concurrency::Forbid)
    };
    let db = |retries| ProgramSpec {
        startretries: Retries::AtMost(retries),
        on_failure: EndPolicy::Ignore,
        ..needing("db", &[])
    };
    let mut bench = Bench::new(vec![spec.clone(), db(0)]);
    bench.failed(1, not_found());
    bench.due(0);
    assert_eq!(bench.state(0), "FATAL");
    bench.loaded_with(vec![spec, db(0)], vec![Change::Same, Change::Restart]);
    assert_eq!(bench.started(), vec![1]);
    bench.execed(2);
    assert_eq!((bench.state(0), bench.started()), ("FATAL", vec![]));
    bench.due(0);
    assert_eq!(bench.started(), vec![0]);
}
