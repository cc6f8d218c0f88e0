//! The state table of program.rs, row by row.

use alloc::vec;

use super::*;
use crate::{Autorestart, EndPolicy, Leftovers, Retries};

/// One that ends the container by nothing, so that another test's subject stays up.
fn quiet(name: &str) -> ProgramSpec {
    ProgramSpec {
        on_failure: EndPolicy::Ignore,
        ..program(name)
    }
}

fn keeping(name: &str) -> ProgramSpec {
    ProgramSpec {
        leftovers: Leftovers::Keep,
        ..quiet(name)
    }
}

#[test]
fn a_stopped_program_that_is_wanted_and_free_is_starting() {
    let bench = Bench::new(vec![program("a")]);
    assert_eq!((bench.started(), bench.state(0)), (vec![0], "STARTING"));
}

#[test]
fn a_stopped_program_whose_need_is_fatal_is_fatal() {
    let need = ProgramSpec {
        startretries: Retries::AtMost(0),
        ..quiet("need")
    };
    let user = ProgramSpec {
        on_failure: EndPolicy::Ignore,
        ..needing("user", &[0])
    };
    let mut bench = Bench::new(vec![need, user, program("other")]);
    assert_eq!(bench.state(1), "STOPPED");
    bench.failed(1, not_found());
    assert_eq!((bench.state(0), bench.state(1)), ("FATAL", "FATAL"));
}

#[test]
fn a_starting_program_is_running_after_startsecs() {
    let mut bench = Bench::running(vec![program("a")], 1);
    bench.after(ms(999));
    assert_eq!(bench.state(0), "STARTING");
    bench.after(ms(1));
    assert_eq!(bench.state(0), "RUNNING");
}

#[test]
fn a_program_whose_pre_start_is_done_is_starting_its_command() {
    for leftovers in [Leftovers::Stop, Leftovers::Keep] {
        let spec = ProgramSpec {
            pre_start: true,
            leftovers,
            ..quiet("a")
        };
        let mut bench = Bench::running(vec![spec, program("other")], 2);
        bench.exited(1, 0);
        if leftovers == Leftovers::Stop {
            assert_eq!((bench.started(), bench.state(0)), (vec![], "STOPPING"));
            bench.gone(1);
        }
        assert_eq!((bench.started(), bench.state(0)), (vec![0], "STARTING"));
        bench.execed(3);
        bench.after(ms(1_000));
        assert_eq!(bench.state(0), "RUNNING");
    }
}

#[test]
fn a_starting_program_without_startsecs_is_running_at_its_exec() {
    let bench = Bench::running(vec![needing("a", &[])], 1);
    assert_eq!(bench.state(0), "RUNNING");
}

#[test]
fn a_starting_program_that_is_told_is_stopping() {
    let mut bench = Bench::new(vec![program("a")]);
    bench.signal(Signal::TERM);
    assert_eq!((bench.told(), bench.state(0)), (vec![1], "STOPPING"));
}

#[test]
fn a_starting_program_whose_leader_ends_is_stopping_until_its_tree_is_gone() {
    let mut bench = Bench::running(vec![quiet("a")], 1);
    bench.exited(1, 1);
    assert_eq!((bench.rest_told(), bench.state(0)), (vec![1], "STOPPING"));
    bench.gone(1);
    assert_eq!(bench.state(0), "BACKOFF");
}

#[test]
fn a_starting_program_that_could_not_be_forked_is_in_backoff() {
    let mut bench = Bench::new(vec![program("a")]);
    bench.failed(1, fork_failed());
    assert_eq!(bench.state(0), "BACKOFF");
    bench.after(ms(100));
    assert_eq!((bench.started(), bench.state(0)), (vec![0], "STARTING"));
}

#[test]
fn a_starting_program_that_keeps_its_leftovers_ends_without_stopping() {
    let mut bench = Bench::running(vec![keeping("a"), program("b")], 2);
    bench.exited(1, 0);
    assert!(bench.ordered(&Action::Disown { run: RunId(1) }));
    assert_eq!((bench.rest_told(), bench.state(0)), (vec![], "EXITED"));
}

#[test]
fn a_starting_program_that_cannot_be_started_is_fatal_after_its_retries() {
    let spec = ProgramSpec {
        startretries: Retries::AtMost(1),
        ..quiet("a")
    };
    let mut bench = Bench::new(vec![spec, program("b")]);
    bench.failed(1, not_found());
    assert_eq!(bench.state(0), "BACKOFF");
    bench.after(ms(1100));
    bench.failed(3, not_found());
    assert_eq!(bench.state(0), "FATAL");
}

#[test]
fn a_running_program_that_is_told_is_stopping() {
    let mut bench = Bench::running(vec![needing("a", &[])], 1);
    bench.signal(Signal::TERM);
    assert_eq!((bench.told(), bench.state(0)), (vec![1], "STOPPING"));
}

#[test]
fn a_running_program_that_keeps_its_leftovers_is_in_backoff_at_once() {
    let spec = ProgramSpec {
        startsecs: Duration::ZERO,
        ..keeping("a")
    };
    let mut bench = Bench::running(vec![spec], 1);
    bench.exited(1, 1);
    assert_eq!(bench.state(0), "BACKOFF");
}

#[test]
fn a_running_program_that_keeps_its_leftovers_has_exited_at_once() {
    let spec = ProgramSpec {
        startsecs: Duration::ZERO,
        ..keeping("a")
    };
    let mut bench = Bench::running(vec![spec, program("b")], 2);
    bench.exited(1, 0);
    assert_eq!(bench.state(0), "EXITED");
}

#[test]
fn a_stopping_program_has_exited_when_its_tree_is_gone() {
    let mut bench = Bench::running(vec![quiet("a"), program("b")], 2);
    bench.exited(1, 0);
    assert_eq!(bench.state(0), "STOPPING");
    bench.gone(1);
    assert_eq!(bench.state(0), "EXITED");
}

#[test]
fn a_stopping_program_is_fatal_when_its_last_try_has_failed() {
    let spec = ProgramSpec {
        startretries: Retries::AtMost(0),
        ..quiet("a")
    };
    let mut bench = Bench::running(vec![spec, program("b")], 2);
    bench.exited(1, 1);
    assert_eq!(bench.state(0), "STOPPING");
    bench.gone(1);
    assert_eq!(bench.state(0), "FATAL");
}

#[test]
fn a_program_in_backoff_starts_when_its_pause_is_over() {
    let mut bench = Bench::running(vec![quiet("a")], 1);
    bench.ends(1, 1);
    bench.after(ms(899));
    assert_eq!(bench.state(0), "BACKOFF");
    bench.after(ms(201));
    assert_eq!((bench.started(), bench.state(0)), (vec![0], "STARTING"));
}

#[test]
fn a_program_in_backoff_whose_need_is_away_is_stopped_and_waits() {
    let need = ProgramSpec {
        autorestart: Autorestart::Always,
        ..needing("need", &[])
    };
    let mut bench = Bench::new(vec![need, needing("user", &[0])]);
    bench.execed(1);
    bench.execed(2);
    bench.ends(2, 1);
    bench.exited(1, 0);
    bench.after(ms(1100));
    assert_eq!((bench.started(), bench.state(1)), (vec![], "STOPPED"));
    bench.gone(1);
    bench.after(ms(1100));
    bench.execed(3);
    assert_eq!((bench.started(), bench.state(1)), (vec![1], "STARTING"));
}

#[test]
fn a_program_in_backoff_is_stopped_by_the_shutdown() {
    let mut bench = Bench::running(vec![quiet("a"), program("b")], 2);
    bench.ends(1, 1);
    bench.signal(Signal::TERM);
    assert_eq!(bench.state(0), "STOPPED");
    bench.after(ms(2000));
    assert_eq!(bench.started(), vec![]);
}

#[test]
fn a_program_in_backoff_whose_need_is_fatal_is_fatal() {
    let need = ProgramSpec {
        startretries: Retries::AtMost(0),
        autorestart: Autorestart::Never,
        on_failure: EndPolicy::Ignore,
        ..needing("need", &[])
    };
    let user = ProgramSpec {
        on_failure: EndPolicy::Ignore,
        ..needing("user", &[0])
    };
    let mut bench = Bench::new(vec![need, user, program("other")]);
    bench.execed(1);
    bench.execed(3);
    bench.ends(3, 1);
    bench.ends(1, 1);
    bench.after(ms(1100));
    assert_eq!((bench.state(0), bench.state(1)), ("EXITED", "FATAL"));
}
