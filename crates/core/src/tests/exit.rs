//! The exit status: EXIT-1 to EXIT-3, END-1.

use alloc::vec;

use super::*;
use crate::{Autorestart, EndPolicy, HealthAction, Healthcheck, ProbeTimes, Retries, SignalTable};

fn single() -> Spec {
    Spec {
        signals: SignalTable::forwarding(ProgramId(0)),
        stop_timeout: None,
        main: Some(ProgramId(0)),
        ..Spec::new(vec![ProgramSpec::command("main")])
    }
}

fn failing(name: &str) -> ProgramSpec {
    ProgramSpec {
        startretries: Retries::AtMost(0),
        on_failure: EndPolicy::Ignore,
        ..program(name)
    }
}

/// The status of a single command that ended so.
fn status_of(spec: Spec, end: ExitStatus) -> Option<u8> {
    let mut bench = Bench::of(spec);
    bench.execed(1);
    bench.ended(1, end);
    bench.fact(Event::NobodyLeft);
    bench.exit()
}

#[test]
fn exit_1_a_single_commands_status_is_the_containers() {
    assert_eq!(status_of(single(), ExitStatus::Code(42)), Some(42));
    let killed = ExitStatus::Signal(Signal::KILL);
    assert_eq!(status_of(single(), killed), Some(137));
}

#[test]
fn exit_1_a_code_that_is_expected_counts_as_0() {
    let spec = Spec {
        expected_codes: vec![143],
        ..single()
    };
    let termed = ExitStatus::Signal(Signal::TERM);
    assert_eq!(status_of(spec.clone(), termed), Some(0));
    assert_eq!(status_of(spec, ExitStatus::Code(3)), Some(3));
}

#[test]
fn exit_1_what_is_not_found_is_127_and_what_cannot_be_run_126() {
    for (errno, code) in [(2, 127), (13, 126)] {
        let mut bench = Bench::of(single());
        let stage = Stage::Exec;
        bench.failed(1, SpawnFailure { stage, errno });
        bench.fact(Event::NobodyLeft);
        assert_eq!(bench.exit(), Some(code));
    }
}

#[test]
fn exit_1_a_command_that_never_ran_died_of_the_signal_that_came() {
    let mut bench = Bench::of(single());
    bench.failed(1, fork_failed());
    bench.signal(Signal::TERM);
    bench.fact(Event::NobodyLeft);
    assert_eq!(bench.exit(), Some(143));
}

#[test]
fn exit_1_a_command_that_is_stopped_leaves_its_own_status() {
    let mut bench = Bench::of(single());
    bench.execed(1);
    bench.signal(Signal::TERM);
    bench.exited(1, 9);
    bench.fact(Event::NobodyLeft);
    assert_eq!(bench.exit(), Some(9));
}

#[test]
fn exit_1_a_command_that_hangs_in_the_kernel_was_killed() {
    let mut bench = Bench::of(Spec {
        stop_timeout: Some(ms(1000)),
        ..single()
    });
    bench.execed(1);
    bench.signal(Signal::TERM);
    bench.after(ms(1000));
    bench.after(ms(500));
    assert_eq!(bench.exit(), Some(137));
}

#[test]
fn exit_2_a_shutdown_that_was_asked_for_is_0() {
    let mut bench = Bench::running(vec![needing("a", &[])], 1);
    bench.signal(Signal::TERM);
    bench.exited(1, 5);
    bench.fact(Event::NobodyLeft);
    assert_eq!(bench.exit(), Some(0));
}

#[test]
fn exit_2_the_program_that_ends_the_container_gives_its_code() {
    let one_shot = |on_success| ProgramSpec {
        on_success,
        exitcodes: vec![0, 3],
        ..needing("a", &[])
    };
    let programs = vec![one_shot(EndPolicy::Shutdown), failing("b")];
    let mut bench = Bench::running(programs, 2);
    bench.exited(1, 3);
    bench.exited(2, 1);
    bench.fact(Event::NobodyLeft);
    assert_eq!(bench.exit(), Some(3));
}

#[test]
fn exit_2_a_failure_is_never_0() {
    let spec = ProgramSpec {
        autorestart: Autorestart::Always,
        on_failure: EndPolicy::Shutdown,
        ..failing("a")
    };
    let mut bench = Bench::running(vec![spec], 1);
    bench.exited(1, 0);
    bench.fact(Event::NobodyLeft);
    assert_eq!(bench.exit(), Some(1));
}

#[test]
fn exit_3_with_strict_a_kill_in_the_shutdown_is_137() {
    let spec = ProgramSpec {
        stopwaitsecs: Some(ms(100)),
        ..needing("a", &[])
    };
    for (strict, pause, code) in [(true, 100, 137), (true, 99, 0), (false, 100, 0)] {
        let mut bench = Bench::of(Spec {
            strict,
            ..Spec::new(vec![spec.clone()])
        });
        bench.execed(1);
        bench.signal(Signal::TERM);
        bench.after(ms(pause));
        bench.exited(1, 0);
        bench.fact(Event::NobodyLeft);
        assert_eq!(bench.exit(), Some(code), "{strict} {pause}");
    }
}

#[test]
fn end_1_when_nothing_runs_or_waits_lastout_ends_with_the_first_failure() {
    let asleep = ProgramSpec {
        autostart: false,
        ..program("asleep")
    };
    let mut bench = Bench::running(vec![failing("a"), failing("b"), asleep], 2);
    bench.ends(1, 7);
    assert!(!bench.strays_told());
    bench.ends(2, 8);
    assert!(bench.strays_told());
    bench.fact(Event::NobodyLeft);
    assert_eq!(bench.exit(), Some(7));
}

#[test]
fn end_1_when_all_ended_well_it_is_0() {
    let mut bench = Bench::running(vec![program("a")], 1);
    bench.ends(1, 0);
    bench.fact(Event::NobodyLeft);
    assert_eq!(bench.exit(), Some(0));
}

#[test]
fn end_1_without_any_program_it_is_over_at_once() {
    let mut bench = Bench::new(vec![]);
    assert!(bench.strays_told());
    bench.fact(Event::NobodyLeft);
    assert_eq!(bench.exit(), Some(0));
}

/// A program that gives up at its first failure.
fn strict(name: &str) -> ProgramSpec {
    ProgramSpec {
        startretries: crate::Retries::AtMost(0),
        autorestart: crate::Autorestart::Never,
        ..needing(name, &[])
    }
}

#[test]
fn exit_2_every_way_in_which_a_program_ends_the_container_has_its_status() {
    let with_hook = ProgramSpec {
        pre_start: true,
        ..strict("hook")
    };
    let for_good = ProgramSpec {
        on_success: crate::EndPolicy::Shutdown,
        exitcodes: vec![0, 3],
        ..strict("good")
    };
    let ignored = ProgramSpec {
        on_failure: crate::EndPolicy::Ignore,
        ..strict("ignored")
    };
    let early = ProgramSpec {
        autorestart: crate::Autorestart::Always,
        startsecs: ms(1_000),
        ..strict("early")
    };
    let killed = ExitStatus::Signal(Signal::KILL);
    let code = ExitStatus::Code;
    for (what, spec, end, status) in [
        ("a failure", strict("a"), code(5), 5),
        ("a death by a signal", strict("a"), killed, 137),
        ("a good end", strict("a"), code(0), 0),
        (
            "a good end that is the container's",
            for_good.clone(),
            code(3),
            3,
        ),
        ("a failed start with 0", early, code(0), 1),
        ("a failed pre_start", with_hook, code(6), 6),
        (
            "a failure that is nobody's, when it was the last",
            ignored,
            code(7),
            7,
        ),
    ] {
        let mut bench = Bench::running(vec![spec], 1);
        bench.ended(1, end);
        bench.gone(1);
        bench.fact(Event::NobodyLeft);
        assert_eq!(bench.exit(), Some(status), "{what}");
    }
    let mut bench = Bench::new(vec![strict("missing")]);
    bench.failed(1, not_found());
    bench.fact(Event::NobodyLeft);
    assert_eq!(bench.exit(), Some(127));
}

#[test]
fn exit_3_with_strict_who_asks_a_program_and_had_to_be_killed_counts_too() {
    let times = ProbeTimes {
        interval: ms(1_000),
        timeout: ms(60_000),
    };
    let spec = ProgramSpec {
        healthcheck: Some(Healthcheck {
            times,
            retries: 3,
            start_period: Duration::ZERO,
            action: HealthAction::Restart,
        }),
        ..needing("a", &[])
    };
    for (pause, code) in [(1_000, 137), (999, 0)] {
        let mut bench = Bench::of(Spec {
            strict: true,
            ..Spec::new(vec![spec.clone()])
        });
        bench.execed(1);
        bench.after(ms(1_000));
        bench.execed(2);
        bench.signal(Signal::TERM);
        bench.ends(1, 0);
        bench.after(ms(pause));
        bench.ends(2, 0);
        bench.fact(Event::NobodyLeft);
        assert_eq!(bench.exit(), Some(code), "{pause}");
    }
}
