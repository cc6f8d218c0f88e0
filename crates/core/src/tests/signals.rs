//! Signals that arrive: SIG-1 to SIG-4.

use alloc::vec;

use super::*;
use crate::{Cause, Forward, Meaning, Reason, SignalTable};

fn single(has_terminal: bool) -> Bench {
    let command = ProgramSpec {
        has_terminal,
        ..ProgramSpec::command("main")
    };
    Bench::of(Spec {
        signals: SignalTable::forwarding(ProgramId(0)),
        stop_timeout: None,
        main: Some(ProgramId(0)),
        ..Spec::new(vec![command])
    })
}

#[test]
fn sig_1_a_single_command_gets_every_signal_as_often_as_it_came() {
    let mut bench = single(false);
    bench.execed(1);
    for signal in [Signal::HUP, Signal::RTMIN_3, Signal::INT, Signal::WINCH] {
        bench.signal(signal);
        let is_stop = signal == Signal::RTMIN_3;
        assert_eq!(bench.forwarded().contains(&signal), !is_stop, "{signal}");
        bench.signal(signal);
        assert_eq!(bench.forwarded(), vec![signal]);
    }
}

#[test]
fn sig_1_child_signals_are_never_passed_on() {
    let mut bench = single(false);
    bench.execed(1);
    bench.signal(Signal::CHLD);
    assert_eq!(bench.last, vec![]);
}

#[test]
fn sig_1_what_the_terminal_told_its_foreground_group_is_not_told_twice() {
    let mut bench = single(true);
    bench.execed(1);
    bench.ctrl_c();
    assert_eq!(bench.last, vec![]);
}

#[test]
fn sig_1_a_terminal_that_hangs_up_told_nobody_but_the_leader_of_the_session() {
    let mut bench = single(true);
    bench.execed(1);
    for signal in [Signal::HUP, Signal::CONT] {
        bench.fact(Event::Signal {
            signal,
            from_terminal: true,
        });
        assert_eq!(bench.forwarded(), vec![signal]);
    }
}

#[test]
fn sig_2_a_terminal_that_hangs_up_begins_the_shutdown_of_a_configuration() {
    let mut bench = Bench::running(vec![program("a")], 1);
    bench.fact(Event::Signal {
        signal: Signal::HUP,
        from_terminal: true,
    });
    assert_eq!(bench.told(), vec![1]);
}

#[test]
fn sig_1_a_ctrl_c_during_the_stop_reaches_whom_the_terminal_did_not_tell() {
    let mut bench = single(false);
    bench.execed(1);
    bench.signal(Signal::TERM);
    bench.ctrl_c();
    assert_eq!(bench.forwarded(), vec![Signal::INT]);
    assert!(bench.noticed(|notice| *notice == Notice::NextInterruptKills));
}

#[test]
fn sig_2_a_supervisor_stops_reloads_reopens_and_reports() {
    for signal in [
        Signal::TERM,
        Signal::INT,
        Signal::QUIT,
        Signal::RTMIN_3,
        Signal::PWR,
    ] {
        let mut bench = Bench::running(vec![program("a")], 1);
        bench.signal(signal);
        let cause = Cause::Asked(signal);
        assert!(bench.noticed(|notice| *notice == Notice::ShutdownBegun { cause }));
    }
    let mut bench = Bench::running(vec![program("a")], 1);
    bench.signal(Signal::HUP);
    assert_eq!(bench.last, vec![Action::Load]);
    bench.signal(Signal::USR1);
    assert_eq!(bench.last, vec![Action::Notice(Notice::ReopenLogs)]);
    bench.signal(Signal::USR2);
    assert!(bench.noticed(|notice| matches!(notice, Notice::State { .. })));
    bench.signal(Signal::PIPE);
    let signal = Signal::PIPE;
    assert_eq!(bench.last, vec![Action::Notice(Notice::Ignored { signal })]);
    bench.signal(Signal::WINCH);
    assert_eq!(bench.last, vec![]);
}

#[test]
fn sig_2_the_report_names_what_a_program_waits_for_and_not_what_is_done() {
    let programs = vec![
        needing("migrate", &[]),
        program("db"),
        needing("app", &[0, 1]),
    ];
    let mut bench = Bench::running(programs, 2);
    bench.ends(1, 0);
    bench.signal(Signal::USR2);
    assert!(bench.noticed(|notice| {
        let Notice::State { status, .. } = notice else {
            return false;
        };
        let condition = Condition::Ready;
        let program = ProgramId(1);
        status.reason == Reason::Needs { program, condition }
    }));
}

#[test]
fn sig_3_with_a_single_command_term_rtmin_3_and_pwr_stop_and_int_and_quit_do_not() {
    for (signal, stops) in [
        (Signal::TERM, true),
        (Signal::RTMIN_3, true),
        (Signal::PWR, true),
        (Signal::INT, false),
        (Signal::QUIT, false),
    ] {
        let mut bench = single(false);
        bench.execed(1);
        bench.signal(signal);
        assert_eq!(bench.core.is_stopping(), stops, "{signal}");
        let tell = Action::Tell {
            run: RunId(1),
            scope: Some(crate::Scope::Leader),
            signal,
        };
        assert_eq!(bench.ordered(&tell), stops, "told with the one that came");
    }
}

#[test]
fn sig_3_a_repeated_term_neither_shortens_nor_prolongs_anything() {
    let mut bench = Bench::running(vec![needing("a", &[])], 1);
    bench.signal(Signal::TERM);
    let deadline = bench.core.next_deadline();
    bench.after(ms(100));
    bench.signal(Signal::TERM);
    assert_eq!(
        (bench.last.len(), bench.core.next_deadline()),
        (0, deadline)
    );
}

#[test]
fn sig_3_the_first_ctrl_c_says_what_the_second_one_does() {
    let mut bench = Bench::running(vec![needing("a", &[])], 1);
    bench.ctrl_c();
    assert!(bench.noticed(|notice| *notice == Notice::NextInterruptKills));
    bench.ctrl_c();
    assert!(bench.ordered(&Action::KillEverybody));
    bench.ctrl_c();
    assert_eq!(bench.last, vec![]);
}

#[test]
fn sig_3_a_ctrl_c_after_the_deadline_does_not_prolong_the_last_moment() {
    let mut bench = Bench::running(vec![needing("a", &[])], 1);
    bench.signal(Signal::TERM);
    bench.after(ms(9_000));
    assert!(bench.ordered(&Action::KillEverybody));
    bench.after(ms(400));
    bench.ctrl_c();
    bench.ctrl_c();
    bench.after(ms(100));
    assert_eq!(bench.exit(), Some(0));
}

#[test]
fn sig_4_what_came_before_the_exec_is_passed_on_at_the_exec() {
    let mut bench = single(false);
    bench.signal(Signal::HUP);
    bench.signal(Signal::USR1);
    bench.signal(Signal::HUP);
    assert_eq!(bench.forwarded(), vec![]);
    bench.execed(1);
    assert_eq!(bench.forwarded(), vec![Signal::HUP, Signal::USR1]);
}

#[test]
fn sig_4_what_came_before_the_exec_outlasts_a_failed_fork_and_a_telling() {
    let mut bench = single(false);
    bench.signal(Signal::HUP);
    bench.failed(1, fork_failed());
    bench.signal(Signal::USR1);
    bench.after(ms(100));
    bench.signal(Signal::TERM);
    assert_eq!(bench.told(), vec![2]);
    bench.signal(Signal::USR2);
    assert_eq!(bench.forwarded(), vec![]);
    bench.execed(2);
    let all = vec![Signal::HUP, Signal::USR1, Signal::USR2];
    assert_eq!(bench.forwarded(), all);
    assert!(bench.noticed(|notice| matches!(notice, Notice::Started { .. })));
}

#[test]
fn sig_4_a_term_before_the_first_start_is_acted_upon() {
    let mut core = Supervisor::new(Spec::new(vec![program("a")]));
    core.handle(
        Time::ZERO,
        Event::Signal {
            signal: Signal::TERM,
            from_terminal: false,
        },
    );
    let orders: Vec<Action> = core::iter::from_fn(|| core.poll_action()).collect();
    assert!(!orders.iter().any(|a| matches!(a, Action::Spawn { .. })));
    assert!(core.is_stopping());
}

#[test]
fn what_reaches_nobody_is_reported() {
    let mut table = SignalTable::supervising();
    let forward = Forward {
        program: ProgramId(0),
        signal: Some(Signal::USR1),
        stops: false,
    };
    table.set(Signal::WINCH, Meaning::Forward(forward));
    let asleep = ProgramSpec {
        autostart: false,
        ..program("asleep")
    };
    let mut bench = Bench::of(Spec {
        signals: table,
        ..Spec::new(vec![asleep, program("b")])
    });
    bench.signal(Signal::WINCH);
    assert!(bench.noticed(|notice| matches!(notice, Notice::NotForwarded { .. })));
}
