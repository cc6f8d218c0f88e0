//! The shutdown: STOP-1 to STOP-9 as far as the core decides them, and the table of
//! shutdown.rs, row by row.

use alloc::vec;

use super::*;
use crate::{Cause, KillReason, Leftovers, Scope};

fn patient(name: &str) -> ProgramSpec {
    ProgramSpec {
        stopwaitsecs: None,
        ..needing(name, &[])
    }
}

fn bounded(programs: Vec<ProgramSpec>, stop_timeout: u64) -> Bench {
    Bench::of(Spec {
        stop_timeout: Some(ms(stop_timeout)),
        ..Spec::new(programs)
    })
}

#[test]
fn stop_1_programs_are_told_first_and_strays_when_no_leader_lives() {
    let mut bench = Bench::running(vec![needing("a", &[])], 1);
    bench.signal(Signal::TERM);
    assert_eq!((bench.told(), bench.strays_told()), (vec![1], false));
    bench.exited(1, 0);
    assert!(bench.strays_told());
}

#[test]
fn stop_1_strays_are_told_at_once_where_no_program_lives() {
    let mut bench = Bench::new(vec![program("a")]);
    bench.failed(1, fork_failed());
    bench.signal(Signal::TERM);
    assert!(bench.strays_told());
}

#[test]
fn stop_1_a_second_ctrl_c_tells_who_was_not_told_before_it_kills() {
    let mut bench = Bench::new(vec![needing("need", &[]), needing("user", &[0])]);
    bench.execed(1);
    bench.execed(2);
    bench.ctrl_c();
    assert_eq!(bench.told(), vec![2]);
    bench.ctrl_c();
    assert_eq!((bench.told(), bench.strays_told()), (vec![1], true));
    assert_eq!(bench.last.last(), Some(&Action::KillEverybody));
}

#[test]
fn stop_2_what_a_told_leader_leaves_is_told_with_the_same_signal() {
    let spec = ProgramSpec {
        stopsignal: Signal::QUIT,
        ..needing("a", &[])
    };
    let mut bench = Bench::running(vec![spec], 1);
    bench.signal(Signal::TERM);
    bench.exited(1, 0);
    assert!(bench.ordered(&Action::Tell {
        run: RunId(1),
        scope: None,
        signal: Signal::QUIT,
    }));
}

#[test]
fn stop_1_the_rest_of_a_tree_is_told_before_it_is_killed_with_a_deaf_leader() {
    let spec = ProgramSpec {
        stopwaitsecs: Some(ms(1000)),
        ..needing("a", &[])
    };
    let mut bench = Bench::running(vec![spec], 1);
    bench.signal(Signal::TERM);
    let followers_told = Action::TellFollowers {
        run: RunId(1),
        signal: Signal::TERM,
    };
    bench.after(ms(799));
    assert!(!bench.ordered(&followers_told));
    bench.after(ms(1));
    assert!(bench.ordered(&followers_told) && !bench.killed(1));
    bench.after(ms(200));
    assert!(bench.killed(1) && !bench.ordered(&followers_told));
}

#[test]
fn stop_5_at_the_last_call_the_rest_of_every_tree_is_told_too() {
    let mut bench = bounded(vec![patient("a"), patient("b")], 1000);
    bench.execed(1);
    bench.execed(2);
    bench.signal(Signal::TERM);
    bench.exited(2, 0);
    bench.after(ms(800));
    let followers_told = |run| Action::TellFollowers {
        run: RunId(run),
        signal: Signal::TERM,
    };
    assert!(bench.ordered(&followers_told(1)));
    // Of this one the rest was told when its leader was gone.
    assert!(!bench.ordered(&followers_told(2)));
}

#[test]
fn stop_2_stop_scope_says_who_is_told_first() {
    let spec = ProgramSpec {
        stop_scope: Scope::Group,
        ..needing("a", &[])
    };
    let mut bench = Bench::running(vec![spec], 1);
    bench.signal(Signal::TERM);
    assert!(bench.ordered(&Action::Tell {
        run: RunId(1),
        scope: Some(Scope::Group),
        signal: Signal::TERM,
    }));
}

#[test]
fn stop_2_a_tree_is_killed_stopwaitsecs_after_the_first_signal_and_again_and_again() {
    let spec = ProgramSpec {
        stopwaitsecs: Some(ms(1000)),
        ..needing("a", &[])
    };
    let mut bench = bounded(vec![spec], 60_000);
    bench.execed(1);
    bench.signal(Signal::TERM);
    bench.after(ms(600));
    bench.exited(1, 0);
    bench.after(ms(399));
    assert!(!bench.killed(1));
    bench.after(ms(1));
    assert!(bench.killed(1));
    for pause in [50, 100, 200, 400, 800, 1000, 1000] {
        bench.after(ms(pause - 1));
        assert!(!bench.killed(1), "{pause}");
        bench.after(ms(1));
        assert!(bench.killed(1), "{pause}");
    }
}

#[test]
fn stop_3_a_program_is_not_restarted_before_its_old_tree_is_gone() {
    let mut bench = Bench::running(vec![needing("a", &[])], 1);
    bench.exited(1, 1);
    assert_eq!(bench.rest_told(), vec![1]);
    bench.after(ms(9_999));
    assert!(!bench.killed(1));
    bench.after(ms(1));
    assert!(bench.killed(1));
    assert_eq!(bench.started(), vec![]);
    bench.gone(1);
    bench.after(ms(1100));
    assert_eq!(bench.started(), vec![0]);
}

#[test]
fn stop_3_leftovers_keep_lets_the_tree_be() {
    let spec = ProgramSpec {
        leftovers: Leftovers::Keep,
        ..needing("a", &[])
    };
    let mut bench = Bench::running(vec![spec], 1);
    bench.exited(1, 1);
    assert!(bench.ordered(&Action::Disown { run: RunId(1) }));
    assert_eq!(bench.rest_told(), vec![]);
}

#[test]
fn stop_4_a_program_is_told_only_when_those_that_need_it_are_gone() {
    let mut bench = Bench::new(vec![needing("db", &[]), needing("app", &[0])]);
    bench.execed(1);
    bench.execed(2);
    bench.signal(Signal::TERM);
    assert_eq!(bench.told(), vec![2]);
    bench.exited(2, 0);
    assert_eq!(bench.told(), vec![]);
    bench.gone(2);
    assert_eq!(bench.told(), vec![1]);
}

#[test]
fn stop_4_the_order_holds_through_a_program_that_is_done() {
    let programs = vec![
        needing("db", &[]),
        needing("migrate", &[0]),
        needing("app", &[1]),
    ];
    let mut bench = Bench::new(programs);
    bench.execed(1);
    bench.execed(2);
    bench.ends(2, 0);
    bench.execed(3);
    bench.signal(Signal::TERM);
    assert_eq!(bench.told(), vec![3]);
    bench.ends(3, 0);
    assert_eq!(bench.told(), vec![1]);
}

#[test]
fn stop_4_a_second_stop_signal_does_not_overtake_the_order() {
    let command = ProgramSpec::command("main");
    let spec = Spec {
        signals: crate::SignalTable::forwarding(ProgramId(0)),
        main: Some(ProgramId(0)),
        ..Spec::new(vec![command, needing("user", &[0])])
    };
    let mut bench = Bench::of(spec);
    bench.execed(1);
    bench.execed(2);
    bench.signal(Signal::TERM);
    assert_eq!(bench.told(), vec![2]);
    bench.signal(Signal::TERM);
    assert_eq!((bench.forwarded(), bench.told()), (vec![], vec![]));
    bench.ends(2, 0);
    assert_eq!(bench.told(), vec![1]);
}

#[test]
fn stop_4_who_starts_last_is_told_first_where_nothing_else_decides() {
    let of = |name: &str, priority| ProgramSpec {
        priority,
        ..patient(name)
    };
    let mut bench = Bench::new(vec![of("b", 20), of("c", 30), of("a", 10)]);
    assert_eq!(bench.started(), vec![2, 0, 1]);
    bench.signal(Signal::TERM);
    assert_eq!(bench.told(), vec![3, 2, 1]);
}

#[test]
fn stop_5_the_last_call_comes_at_four_fifths_and_tells_everybody() {
    let user = ProgramSpec {
        stopwaitsecs: None,
        ..needing("user", &[0])
    };
    let mut bench = bounded(vec![patient("need"), user], 10_000);
    bench.execed(1);
    bench.execed(2);
    bench.signal(Signal::TERM);
    bench.after(ms(7_999));
    assert_eq!((bench.told(), bench.strays_told()), (vec![], false));
    bench.after(ms(1));
    assert!(bench.noticed(|notice| *notice == Notice::LastCall));
    assert_eq!((bench.told(), bench.strays_told()), (vec![1], true));
}

#[test]
fn stop_5_at_the_end_everybody_is_killed_and_lastout_leaves_a_moment_later() {
    let mut bench = bounded(vec![patient("a")], 10_000);
    bench.execed(1);
    bench.signal(Signal::TERM);
    bench.after(ms(9_999));
    assert!(!bench.ordered(&Action::KillEverybody));
    bench.after(ms(1));
    assert!(bench.ordered(&Action::KillEverybody));
    bench.after(ms(499));
    assert_eq!(bench.exit(), None);
    bench.after(ms(1));
    assert_eq!(bench.exit(), Some(0));
}

#[test]
fn stop_5_however_late_lastout_wakes_everybody_is_told_before_anybody_is_killed() {
    let mut bench = bounded(vec![patient("need"), needing("user", &[0])], 10_000);
    bench.execed(1);
    bench.execed(2);
    bench.signal(Signal::TERM);
    bench.after(ms(60_000));
    assert_eq!(bench.told(), vec![1]);
    assert!(bench.ordered(&Action::KillEverybody));
    assert_eq!(bench.last.last(), Some(&Action::KillEverybody));
}

fn single(leftover_time: u64) -> Spec {
    Spec {
        signals: crate::SignalTable::forwarding(ProgramId(0)),
        stop_timeout: None,
        leftover_time: ms(leftover_time),
        main: Some(ProgramId(0)),
        ..Spec::new(vec![ProgramSpec::command("main")])
    }
}

#[test]
fn stop_5_a_single_command_is_never_killed() {
    let mut bench = Bench::of(single(5_000));
    bench.execed(1);
    bench.signal(Signal::TERM);
    assert_eq!(bench.core.next_deadline(), None);
}

#[test]
fn stop_5_what_a_command_left_behind_is_told_at_once_and_has_its_time() {
    let mut bench = Bench::of(single(5_000));
    bench.execed(1);
    bench.exited(1, 0);
    assert_eq!((bench.rest_told(), bench.strays_told()), (vec![1], true));
    bench.after(ms(4_999));
    assert!(!bench.ordered(&Action::KillEverybody));
    bench.after(ms(1));
    assert!(bench.ordered(&Action::KillEverybody));
}

#[test]
fn stop_5_what_hangs_in_the_kernel_is_killed_once_however_short_its_time() {
    for leftover_time in [0, 1, 100, 499] {
        let mut bench = Bench::of(single(leftover_time));
        bench.execed(1);
        bench.exited(1, 7);
        bench.after(ms(leftover_time));
        bench.after(ms(499));
        assert!(!bench.ordered(&Action::KillEverybody), "{leftover_time}");
        bench.after(ms(1));
        assert_eq!(bench.exit(), Some(7), "{leftover_time}");
    }
}

#[test]
fn stop_6_lastout_leaves_when_nobody_is_left_and_orders_nothing_more() {
    let spec = ProgramSpec {
        stopwaitsecs: Some(ms(1000)),
        ..needing("a", &[])
    };
    let mut bench = Bench::running(vec![spec], 1);
    bench.signal(Signal::TERM);
    bench.exited(1, 0);
    // Its tree is gone, which is reported too late: the time to kill it has come.
    bench.now = bench.now.plus(ms(1000));
    bench.fact(Event::NobodyLeft);
    assert_eq!(bench.exit(), Some(0));
    assert_eq!(bench.core.next_deadline(), None);
    bench.gone(1);
    bench.after(ms(1000));
    assert_eq!(bench.last, vec![]);
}

#[test]
fn stop_7_what_is_killed_is_reported_once_with_its_reason() {
    let spec = ProgramSpec {
        stopwaitsecs: Some(ms(100)),
        ..needing("a", &[])
    };
    let mut bench = Bench::running(vec![spec], 1);
    bench.signal(Signal::TERM);
    bench.after(ms(100));
    let is_killing = |notice: &Notice| {
        *notice
            == Notice::Killing {
                program: ProgramId(0),
                run: RunId(1),
                reason: KillReason::StopWait(ms(100)),
            }
    };
    assert!(bench.noticed(is_killing));
    bench.after(ms(50));
    assert!(bench.killed(1) && !bench.noticed(is_killing));
}

fn shell() -> ProgramSpec {
    ProgramSpec {
        has_terminal: true,
        ..patient("sh")
    }
}

#[test]
fn stop_9_a_shell_is_hung_up_on_when_it_is_alone() {
    let mut bench = Bench::running(vec![shell()], 1);
    bench.signal(Signal::TERM);
    assert!(bench.ordered(&Action::Tell {
        run: RunId(1),
        scope: Some(Scope::Tree),
        signal: Signal::TERM,
    }));
    bench.fact(Event::LeaderAlone { run: RunId(1) });
    assert!(bench.ordered(&Action::HangUp { run: RunId(1) }));
    bench.after(ms(8_000));
    assert!(!bench.ordered(&Action::HangUp { run: RunId(1) }));
}

#[test]
fn stop_9_a_shell_that_is_never_alone_is_hung_up_on_before_it_is_killed() {
    for (stop_timeout, patience) in [(60_000, 5_000), (9_000, 4_500), (2_000, 1_000)] {
        let mut bench = bounded(vec![shell()], stop_timeout);
        bench.execed(1);
        bench.signal(Signal::TERM);
        bench.after(ms(patience - 1));
        assert!(!bench.ordered(&Action::HangUp { run: RunId(1) }));
        bench.after(ms(1));
        assert!(bench.ordered(&Action::HangUp { run: RunId(1) }));
    }
}

#[test]
fn the_first_cause_begins_the_shutdown_and_no_other_does() {
    let mut bench = Bench::running(vec![needing("a", &[])], 1);
    bench.signal(Signal::QUIT);
    let cause = Cause::Asked(Signal::QUIT);
    assert!(bench.noticed(|notice| *notice == Notice::ShutdownBegun { cause }));
    bench.signal(Signal::TERM);
    assert_eq!(bench.last, vec![]);
}

/// Until when what programs wrote may be passed on, of a lastout that leaves.
fn drain_until(bench: &Bench) -> Option<Time> {
    match bench.last.last() {
        Some(Action::Exit { drain_until, .. }) => Some(*drain_until),
        Some(_) | None => None,
    }
}

#[test]
fn log_4_what_programs_wrote_has_until_the_deadline_of_the_stop() {
    let mut bench = bounded(vec![needing("a", &[])], 9_000);
    bench.execed(1);
    bench.signal(Signal::TERM);
    bench.exited(1, 0);
    bench.fact(Event::NobodyLeft);
    assert_eq!(drain_until(&bench), Some(Time::ZERO.plus(ms(9_000))));
}

#[test]
fn log_4_after_everybody_was_killed_what_programs_wrote_has_a_moment() {
    let mut bench = bounded(vec![patient("a")], 1_000);
    bench.execed(1);
    bench.signal(Signal::TERM);
    bench.after(ms(1_000));
    bench.exited(1, 0);
    bench.after(ms(100));
    bench.fact(Event::NobodyLeft);
    assert_eq!(drain_until(&bench), Some(Time::ZERO.plus(ms(1_600))));
}
