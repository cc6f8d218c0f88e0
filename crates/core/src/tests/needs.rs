//! Who waits for whom: DEP-1, DEP-2 and STOP-4 in chains and diamonds, with each of the
//! conditions.

use alloc::vec;

use super::*;
use crate::{Autorestart, EndPolicy, FatalReason, Kind, Retries};

fn with(name: &str, needs: &[(u32, Condition)]) -> ProgramSpec {
    let need = |(id, condition): &(u32, Condition)| Need {
        program: ProgramId(*id),
        condition: *condition,
    };
    ProgramSpec {
        needs: needs.iter().map(need).collect(),
        ..needing(name, &[])
    }
}

fn oneshot(name: &str) -> ProgramSpec {
    ProgramSpec {
        kind: Kind::Oneshot,
        ..needing(name, &[])
    }
}

fn quiet(spec: ProgramSpec) -> ProgramSpec {
    ProgramSpec {
        on_failure: EndPolicy::Ignore,
        ..spec
    }
}

/// migrate → app → nginx, all of which are up.
fn stack() -> Bench {
    let app = with("app", &[(0, Condition::Completed)]);
    let nginx = with("nginx", &[(1, Condition::Ready)]);
    Bench::new(vec![oneshot("migrate"), app, nginx])
}

#[test]
fn dep_1_a_chain_starts_one_after_the_other() {
    let mut bench = stack();
    assert_eq!(bench.started(), vec![0]);
    bench.execed(1);
    assert_eq!((bench.state(0), bench.started()), ("RUNNING", vec![]));
    bench.exited(1, 0);
    assert_eq!(bench.started(), vec![]);
    bench.gone(1);
    assert_eq!((bench.state(0), bench.started()), ("EXITED", vec![1]));
    bench.execed(2);
    assert_eq!(bench.started(), vec![2]);
}

#[test]
fn stop_4_a_chain_stops_one_after_the_other_from_its_end() {
    let mut bench = stack();
    bench.execed(1);
    bench.ends(1, 0);
    bench.execed(2);
    bench.execed(3);
    bench.signal(Signal::TERM);
    assert_eq!(bench.told(), vec![3]);
    bench.ends(3, 0);
    assert_eq!(bench.told(), vec![2]);
    bench.exited(2, 0);
    assert!(bench.strays_told());
}

/// db; left and right, which need it; top, which needs both.
fn diamond() -> Bench {
    Bench::new(vec![
        needing("db", &[]),
        needing("left", &[0]),
        needing("right", &[0]),
        needing("top", &[1, 2]),
    ])
}

#[test]
fn dep_1_a_diamond_starts_its_two_sides_together_and_its_top_when_both_are_up() {
    let mut bench = diamond();
    bench.execed(1);
    assert_eq!(bench.started(), vec![1, 2]);
    bench.execed(3);
    assert_eq!(bench.started(), vec![]);
    bench.execed(2);
    assert_eq!(bench.started(), vec![3]);
}

#[test]
fn stop_4_a_diamond_stops_its_two_sides_together_and_its_foot_when_both_are_gone() {
    let mut bench = diamond();
    (1..=4).for_each(|run| bench.execed(run));
    bench.signal(Signal::TERM);
    assert_eq!(bench.told(), vec![4]);
    bench.ends(4, 0);
    assert_eq!(bench.told(), vec![3, 2]);
    bench.ends(3, 0);
    assert_eq!(bench.told(), vec![]);
    bench.ends(2, 0);
    assert_eq!(bench.told(), vec![1]);
}

#[test]
fn dep_1_started_holds_at_the_exec_and_ready_when_it_is_running() {
    let mut bench = Bench::new(vec![
        program("slow"),
        with("started", &[(0, Condition::Started)]),
        with("ready", &[(0, Condition::Ready)]),
    ]);
    bench.execed(1);
    assert_eq!(bench.started(), vec![1]);
    bench.after(ms(1_000));
    assert_eq!(bench.started(), vec![2]);
}

#[test]
fn dep_1_a_good_end_meets_every_condition_and_a_bad_one_none() {
    for (code, started) in [(0, vec![1, 2, 3]), (1, vec![])] {
        let once = ProgramSpec {
            autorestart: Autorestart::Never,
            autostart: true,
            ..quiet(program("once"))
        };
        let users = [Condition::Started, Condition::Ready, Condition::Completed];
        let mut programs = vec![once];
        programs.extend(users.map(|condition| quiet(with("user", &[(0, condition)]))));
        programs.push(program("other"));
        let mut bench = Bench::new(programs);
        bench.ends(1, code);
        let all: Vec<u32> = bench.started();
        assert_eq!(all, started, "{code}");
    }
}

#[test]
fn dep_1_what_a_done_program_left_behind_must_be_gone_before_it_counts_as_completed() {
    for autorestart in [Autorestart::Unexpected, Autorestart::Always] {
        let once = ProgramSpec {
            autorestart,
            ..oneshot("migrate")
        };
        let app = with("app", &[(0, Condition::Completed)]);
        let mut bench = Bench::running(vec![once, app], 1);
        bench.exited(1, 0);
        assert_eq!(bench.started(), vec![], "{autorestart:?}");
        bench.gone(1);
        assert!(bench.started().contains(&1), "{autorestart:?}");
    }
}

#[test]
fn dep_1_that_it_was_completed_once_is_remembered_while_it_runs_again() {
    let again = ProgramSpec {
        autorestart: Autorestart::Always,
        ..oneshot("again")
    };
    let slow = ProgramSpec {
        startsecs: ms(5_000),
        ..program("slow")
    };
    let app = with("app", &[(0, Condition::Completed), (1, Condition::Ready)]);
    let mut bench = Bench::running(vec![again, slow, app], 2);
    bench.ends(1, 0);
    bench.live(ms(2_000));
    assert_eq!(bench.started(), vec![0]);
    bench.execed(3);
    bench.live(ms(3_000));
    assert_eq!((bench.state(0), bench.started()), ("RUNNING", vec![2]));
}

#[test]
fn dep_2_who_fails_for_good_takes_all_that_wait_for_it_and_at_last_the_container() {
    let db = ProgramSpec {
        startretries: Retries::AtMost(1),
        ..quiet(program("db"))
    };
    let app = quiet(needing("app", &[0]));
    let nginx = needing("nginx", &[1]);
    let mut bench = Bench::running(vec![db, app, nginx], 1);
    bench.ends(1, 3);
    assert_eq!((bench.state(0), bench.state(1)), ("BACKOFF", "STOPPED"));
    bench.after(ms(1_100));
    bench.execed(2);
    bench.ends(2, 3);
    let gave_up = |id, reason| {
        let program = ProgramId(id);
        Action::Notice(Notice::GaveUp { program, reason })
    };
    assert_eq!((bench.state(0), bench.state(1)), ("FATAL", "FATAL"));
    assert!(bench.ordered(&gave_up(1, FatalReason::Needs(ProgramId(0)))));
    assert!(bench.ordered(&gave_up(2, FatalReason::Needs(ProgramId(1)))));
    bench.fact(Event::NobodyLeft);
    assert_eq!(bench.exit(), Some(3));
}

#[test]
fn run_5_pauses_double_with_a_tenth_of_jitter_and_startretries_ends_them() {
    let db = quiet(program("db"));
    let mut bench = Bench::running(vec![db, needing("other", &[])], 2);
    let mut runs = [1, 3, 4, 5].into_iter();
    for seconds in [1, 2, 4] {
        let run = runs.next().unwrap();
        bench.ends(run, 1);
        bench.after(ms(seconds * 900 - 1));
        assert_eq!(bench.started(), vec![], "{seconds}");
        bench.after(ms(seconds * 200 + 1));
        assert_eq!(bench.started(), vec![0], "{seconds}");
        bench.execed(run + 1 + u64::from(run == 1));
    }
    bench.ends(5, 1);
    assert_eq!(bench.state(0), "FATAL");
}

#[test]
fn dep_2_a_need_that_may_still_come_true_is_waited_for_however_long() {
    let by_hand = ProgramSpec {
        autostart: false,
        ..program("by hand")
    };
    let mut bench = Bench::new(vec![by_hand, needing("user", &[0])]);
    bench.after(ms(100_000_000));
    assert_eq!((bench.state(1), bench.exit()), ("STOPPED", None));
}

/// db is FATAL, and app for its sake.
fn given_up() -> Bench {
    let db = ProgramSpec {
        startretries: Retries::AtMost(0),
        ..quiet(needing("db", &[]))
    };
    let mut bench = Bench::new(vec![db, quiet(needing("app", &[0])), needing("other", &[])]);
    bench.failed(1, not_found());
    bench.execed(2);
    assert_eq!((bench.state(0), bench.state(1)), ("FATAL", "FATAL"));
    bench
}

#[test]
fn dep_2_who_was_given_up_for_another_hopes_again_when_that_one_is_mended() {
    let mut bench = given_up();
    let all = vec![
        quiet(needing("db", &[])),
        quiet(needing("app", &[0])),
        needing("other", &[]),
    ];
    bench.loaded_with(all, vec![Change::Restart, Change::Same, Change::Same]);
    assert_eq!((bench.started(), bench.state(1)), (vec![0], "STOPPED"));
    bench.execed(3);
    assert_eq!(bench.started(), vec![1]);
}

#[test]
fn dep_2_or_when_it_needs_that_one_no_more() {
    let mut bench = given_up();
    bench.loaded(vec![quiet(needing("app", &[])), needing("other", &[])]);
    assert_eq!(bench.started(), vec![1]);
}

#[test]
fn dep_2_or_when_another_one_has_taken_its_place() {
    let mut bench = given_up();
    bench.loaded(vec![
        quiet(needing("postgres", &[])),
        quiet(needing("app", &[0])),
        needing("other", &[]),
    ]);
    assert_eq!((bench.started(), bench.state(1)), (vec![3], "STOPPED"));
    bench.execed(3);
    assert_eq!(bench.started(), vec![1]);
}
