//! Configurations that are read again: RELOAD-1 to RELOAD-3, and the places of programs.

use alloc::vec;

use super::*;
use crate::{
    Cause, Changes, Concurrency, EndPolicy, Meaning, Readiness, ReadyBy, Retries, SignalTable,
};

fn up(name: &str) -> ProgramSpec {
    ProgramSpec {
        on_failure: EndPolicy::Ignore,
        ..needing(name, &[])
    }
}

fn user(name: &str, needed: &[u32]) -> ProgramSpec {
    ProgramSpec {
        needs: needing(name, needed).needs,
        ..up(name)
    }
}

fn changes(bench: &Bench) -> Changes {
    let all = bench.last.iter();
    let mut found = all.filter_map(|action| {
        if let Action::Notice(Notice::Reloaded { changes }) = action {
            Some(changes.clone())
        } else {
            None
        }
    });
    found.next().unwrap_or_default()
}

#[test]
fn reload_3_who_did_not_change_keeps_its_process_and_nothing_differs() {
    let all = || vec![up("a"), user("b", &[0])];
    let mut bench = Bench::new(all());
    bench.execed(1);
    bench.execed(2);
    bench.loaded(all());
    assert!(changes(&bench).is_empty());
    assert_eq!((bench.told(), bench.started()), (vec![], vec![]));
    let names = vec![user("b", &[1]), up("a")];
    bench.loaded(names);
    assert!(
        changes(&bench).is_empty(),
        "the order of the file is nothing"
    );
    assert_eq!((bench.told(), bench.started()), (vec![], vec![]));
}

#[test]
fn reload_2_who_is_launched_in_another_way_is_told_and_started_again_at_once() {
    let mut bench = Bench::running(vec![up("a"), up("b")], 2);
    bench.loaded_with(vec![up("a"), up("b")], vec![Change::Restart, Change::Live]);
    assert_eq!(bench.told_why(), vec![(0, Why::Changed)]);
    let changes = changes(&bench);
    assert_eq!(
        (changes.restarted, changes.changed),
        (vec!["a".into()], vec!["b".into()])
    );
    bench.exited(1, 1);
    bench.gone(1);
    assert_eq!((bench.state(0), bench.started()), ("STARTING", vec![0]));
}

#[test]
fn reload_2_who_has_no_process_is_not_said_to_restart_whatever_it_takes() {
    let all = || {
        let manual = ProgramSpec {
            autostart: false,
            ..up("manual")
        };
        vec![manual, up("b")]
    };
    let mut bench = Bench::running(all(), 1);
    bench.loaded_with(all(), vec![Change::Restart, Change::Restart]);
    let changes = changes(&bench);
    assert_eq!(
        (changes.restarted, changes.changed),
        (vec!["b".into()], vec!["manual".into()])
    );
    assert_eq!(bench.told_why(), vec![(1, Why::Changed)]);
}

#[test]
fn reload_2_who_needs_it_is_not_told_with_it() {
    let all = || vec![up("db"), user("app", &[0])];
    let mut bench = Bench::new(all());
    bench.execed(1);
    bench.execed(2);
    bench.loaded_with(all(), vec![Change::Restart, Change::Same]);
    assert_eq!(bench.told(), vec![1]);
}

#[test]
fn reload_2_another_stopwaitsecs_counts_from_the_next_stop_on() {
    let with = |wait| ProgramSpec {
        stopwaitsecs: Some(ms(wait)),
        ..up("a")
    };
    let mut bench = Bench::running(vec![with(5_000)], 1);
    bench.loaded(vec![with(1_000)]);
    assert_eq!(bench.told(), vec![]);
    bench.signal(Signal::TERM);
    bench.after(ms(1_000));
    assert!(bench.killed(1));
}

#[test]
fn reload_2_who_is_not_asked_any_more_whether_it_is_ready_is_so() {
    let asked = ProgramSpec {
        readiness: Some(Readiness::new(ReadyBy::Message)),
        ..up("a")
    };
    let mut bench = Bench::running(vec![asked], 1);
    assert_eq!(bench.state(0), "STARTING");
    bench.loaded(vec![up("a")]);
    assert_eq!(bench.state(0), "RUNNING");
}

#[test]
fn reload_2_who_is_removed_is_told_when_nobody_alive_needs_it() {
    let mut bench = Bench::new(vec![up("db"), user("app", &[0]), up("other")]);
    bench.execed(1);
    bench.execed(2);
    bench.execed(3);
    bench.loaded(vec![up("other")]);
    assert_eq!(bench.told_why(), vec![(1, Why::Removed)]);
    bench.ends(3, 0);
    assert_eq!(bench.told_why(), vec![(0, Why::Removed)]);
}

#[test]
fn reload_2_who_is_removed_is_held_back_by_way_of_one_that_has_ended() {
    let all = vec![
        up("db"),
        user("migrate", &[0]),
        user("app", &[1]),
        up("other"),
    ];
    let mut bench = Bench::new(all);
    bench.execed(1);
    bench.execed(2);
    bench.execed(3);
    bench.ends(3, 0);
    assert_eq!(bench.state(1), "EXITED");
    bench.execed(4);
    bench.loaded(vec![up("other")]);
    assert_eq!(bench.told_why(), vec![(2, Why::Removed)]);
    bench.ends(4, 0);
    assert_eq!(bench.told_why(), vec![(0, Why::Removed)]);
}

#[test]
fn reload_2_who_is_new_starts_when_all_that_was_removed_is_gone() {
    let mut bench = Bench::running(vec![up("old"), up("a")], 2);
    bench.loaded(vec![up("a"), up("new")]);
    assert_eq!((bench.told(), bench.started()), (vec![1], vec![]));
    bench.exited(1, 0);
    assert_eq!(bench.started(), vec![]);
    bench.gone(1);
    assert_eq!(bench.started(), vec![2]);
}

#[test]
fn places_are_kept_and_those_of_the_removed_are_given_to_the_new() {
    let mut bench = Bench::running(vec![up("a"), up("b"), up("c")], 3);
    bench.loaded(vec![up("c"), up("a")]);
    bench.ends(2, 0);
    let spec = Spec::new(vec![up("d"), up("c"), up("e"), up("a")]);
    let places = bench.core.places(&spec);
    assert_eq!(places, [1, 2, 3, 0].map(ProgramId));
    bench.loaded(spec.programs);
    assert_eq!(bench.started(), vec![1, 3]);
    let names = bench.core.spec().programs.iter();
    let names: Vec<&str> = names.map(|program| program.name.as_str()).collect();
    assert_eq!(names, ["a", "d", "c", "e"]);
}

#[test]
fn a_signal_for_a_program_reaches_it_at_its_place() {
    let mut bench = Bench::running(vec![up("a"), up("b")], 2);
    let mut signals = SignalTable::supervising();
    signals.set(Signal::USR1, Meaning::ReloadProgram(ProgramId(0)));
    let spec = Spec {
        signals,
        ..Spec::new(vec![up("b")])
    };
    bench.fact(Event::Loaded {
        spec: Box::new(spec),
        launches: vec![Change::Same],
    });
    bench.signal(Signal::USR1);
    assert_eq!(bench.told_why(), vec![(1, Why::Restarted)]);
}

#[test]
fn who_comes_back_while_it_stops_is_started_again_after_it() {
    let mut bench = Bench::running(vec![up("a"), up("b")], 2);
    for run in [1, 3, 4] {
        bench.loaded(vec![up("b")]);
        assert_eq!(bench.told_why(), vec![(0, Why::Removed)]);
        bench.loaded(vec![up("b"), up("a")]);
        assert_eq!(bench.told_why(), vec![]);
        bench.ends(run, 0);
        assert_eq!(bench.started(), vec![0]);
        let next = if run == 1 { 3 } else { run + 1 };
        bench.execed(next);
        assert_eq!(bench.state(0), "RUNNING");
    }
}

#[test]
fn who_comes_back_after_it_is_gone_is_new() {
    let mut bench = Bench::running(vec![up("a"), up("b")], 2);
    bench.loaded(vec![up("b")]);
    bench.ends(1, 0);
    bench.loaded(vec![up("b"), up("a")]);
    assert_eq!(
        (bench.started(), changes(&bench).added),
        (vec![0], vec!["a".into()])
    );
}

#[test]
fn reload_3_who_was_not_told_yet_when_it_comes_back_keeps_its_process() {
    let all = || vec![up("db"), user("app", &[0]), up("other")];
    let mut bench = Bench::new(all());
    bench.execed(1);
    bench.execed(2);
    bench.execed(3);
    bench.loaded(vec![up("other")]);
    bench.loaded(all());
    assert_eq!(bench.told(), vec![]);
    bench.ends(3, 0);
    assert_eq!((bench.told(), bench.started()), (vec![], vec![1]));
    bench.ends(1, 1);
    assert_eq!(bench.state(0), "BACKOFF", "and is cared for as before");
}

#[test]
fn end_1_the_end_of_who_is_removed_is_not_the_containers() {
    let fatal = ProgramSpec {
        startretries: Retries::AtMost(0),
        autorestart: crate::Autorestart::Never,
        on_failure: EndPolicy::Shutdown,
        ..up("db")
    };
    let mut bench = Bench::new(vec![fatal, user("app", &[0]), up("other")]);
    bench.execed(1);
    bench.execed(2);
    bench.execed(3);
    bench.loaded(vec![up("other")]);
    bench.exited(1, 9);
    assert!(!bench.noticed(|notice| matches!(notice, Notice::ShutdownBegun { .. })));
}

#[test]
fn end_1_when_all_are_removed_nothing_is_left() {
    let mut bench = Bench::running(vec![up("a")], 1);
    bench.loaded(vec![]);
    bench.ends(1, 0);
    let cause = Cause::NothingLeft;
    assert!(bench.noticed(|notice| *notice == Notice::ShutdownBegun { cause }));
    bench.fact(Event::NobodyLeft);
    assert_eq!(bench.exit(), Some(0));
}

#[test]
fn who_need_not_start_any_more_does_not_whatever_else_is_new_of_it() {
    let app = |autostart| ProgramSpec {
        autostart,
        ..user("app", &[0])
    };
    for launch in [Change::Same, Change::Restart] {
        let mut bench = Bench::new(vec![program("slow"), app(true)]);
        bench.execed(1);
        bench.loaded_with(
            vec![program("slow"), app(false)],
            vec![Change::Same, launch],
        );
        bench.after(ms(1_000));
        assert_eq!(
            (bench.state(0), bench.started()),
            ("RUNNING", vec![]),
            "{launch:?}"
        );
    }
}

#[test]
fn who_has_ended_and_is_not_to_start_by_itself_is_not_started_since_it_changed() {
    let app = |autostart| ProgramSpec {
        autostart,
        ..up("app")
    };
    let mut bench = Bench::running(vec![app(true), up("b")], 2);
    bench.ends(1, 0);
    bench.loaded_with(
        vec![app(false), up("b")],
        vec![Change::Restart, Change::Same],
    );
    assert_eq!(bench.started(), vec![]);
}

#[test]
fn who_has_a_schedule_from_now_on_waits_for_its_time_and_who_has_none_does_not() {
    let app = |schedule| ProgramSpec {
        schedule,
        ..user("app", &[0])
    };
    let mut bench = Bench::new(vec![program("slow"), app(None)]);
    bench.execed(1);
    bench.loaded(vec![program("slow"), app(Some(Concurrency::Forbid))]);
    bench.after(ms(1_000));
    assert_eq!(bench.started(), vec![]);
    bench.loaded(vec![program("slow"), app(None)]);
    assert_eq!(bench.started(), vec![1]);
}

#[test]
fn a_restart_that_somebody_asked_for_comes_before_giving_up() {
    let broken = || ProgramSpec {
        startretries: Retries::AtMost(0),
        on_failure: EndPolicy::Shutdown,
        readiness: Some(Readiness::new(ReadyBy::Message)),
        ..up("a")
    };
    let mut bench = Bench::running(vec![broken(), up("b")], 2);
    bench.after(ms(60_000));
    assert_eq!(bench.told_why(), vec![(0, Why::NotReady)]);
    let all = vec![broken(), up("b")];
    bench.loaded_with(all, vec![Change::Restart, Change::Same]);
    bench.ends(1, 0);
    assert_eq!(bench.started(), vec![0]);
}

#[test]
fn reload_1_nothing_is_read_nor_taken_in_the_shutdown() {
    let mut bench = Bench::running(vec![up("a")], 1);
    bench.signal(Signal::TERM);
    bench.signal(Signal::HUP);
    assert!(!bench.ordered(&Action::Load));
    bench.loaded(vec![up("b")]);
    assert_eq!((bench.last.len(), bench.core.spec().programs.len()), (0, 1));
}

#[test]
fn reload_1_hup_asks_for_the_file_to_be_read() {
    let mut bench = Bench::running(vec![up("a")], 1);
    bench.signal(Signal::HUP);
    assert!(bench.ordered(&Action::Load));
}

#[test]
fn stop_9_who_was_told_before_the_shutdown_is_hung_up_on_before_everybody_is_killed() {
    let shell = ProgramSpec {
        has_terminal: true,
        stopwaitsecs: None,
        ..up("shell")
    };
    let mut bench = Bench::running(vec![shell, up("b")], 2);
    bench.loaded_with(vec![up("b")], vec![Change::Same]);
    assert_eq!(bench.told_why(), vec![(0, Why::Removed)]);
    let spec = Spec {
        stop_timeout: Some(ms(2_000)),
        ..Spec::new(vec![up("b")])
    };
    bench.fact(Event::Loaded {
        spec: Box::new(spec),
        launches: vec![Change::Same],
    });
    bench.signal(Signal::TERM);
    bench.after(ms(1_000));
    assert!(bench.ordered(&Action::HangUp { run: RunId(1) }));
}

/// The table with a signal that makes the first program reload.
fn asked(spec: ProgramSpec) -> Bench {
    let mut signals = SignalTable::supervising();
    signals.set(Signal::USR1, Meaning::ReloadProgram(ProgramId(0)));
    Bench::of(Spec {
        signals,
        ..Spec::new(vec![spec, up("b")])
    })
}

#[test]
fn a_program_reloads_by_its_signal_if_it_has_one_and_runs() {
    let mut bench = asked(ProgramSpec {
        reload_signal: Some(Signal::HUP),
        ..up("a")
    });
    bench.execed(1);
    bench.signal(Signal::USR1);
    assert_eq!(
        (bench.forwarded(), bench.told()),
        (vec![Signal::HUP], vec![])
    );
}

#[test]
fn a_program_without_such_a_signal_reloads_by_a_restart_at_once() {
    let mut bench = asked(up("a"));
    bench.execed(1);
    bench.signal(Signal::USR1);
    assert_eq!(bench.told_why(), vec![(0, Why::Restarted)]);
    bench.ends(1, 0);
    assert_eq!(bench.started(), vec![0]);
    bench.failed(3, fork_failed());
    bench.signal(Signal::USR1);
    assert_eq!(
        bench.started(),
        vec![0],
        "nor does it wait for its next try"
    );
}

#[test]
fn what_differs_between_a_configuration_and_itself_is_nothing() {
    let spec = Spec::new(vec![up("a"), user("b", &[0]), program("c")]);
    for launch in [Change::Same, Change::Restart] {
        let launches = vec![launch; 3];
        let changes = Changes::between(&spec, &spec, &launches);
        assert_eq!(changes.is_empty(), launch == Change::Same);
    }
    let other = Spec::new(vec![program("c"), user("b", &[0]), up("d")]);
    let changes = Changes::between(&spec, &other, &[Change::Same; 3]);
    assert_eq!(
        (changes.added, changes.removed),
        (vec!["d".into()], vec!["a".into()])
    );
    assert_eq!(changes.changed, ["b"], "it needs another one");
}

#[test]
fn reload_2_a_start_that_is_not_over_has_the_time_that_the_new_values_give_it() {
    let waiting = |start_timeout, startsecs| ProgramSpec {
        readiness: Some(Readiness {
            by: ReadyBy::Message,
            start_timeout: ms(start_timeout),
        }),
        startsecs: ms(startsecs),
        ..up("a")
    };
    let mut longer = Bench::running(vec![waiting(10_000, 0)], 1);
    longer.after(ms(9_000));
    longer.loaded(vec![waiting(60_000, 0)]);
    longer.live(ms(50_000));
    assert_eq!(longer.told_why(), vec![]);
    longer.live(ms(1_001));
    assert_eq!(longer.told_why(), vec![(0, Why::NotReady)]);

    let mut shorter = Bench::running(vec![waiting(600_000, 0)], 1);
    shorter.after(ms(9_000));
    shorter.loaded(vec![waiting(5_000, 0)]);
    assert_eq!(shorter.told_why(), vec![(0, Why::NotReady)]);

    let mut sooner = Bench::running(vec![waiting(600_000, 600_000)], 1);
    sooner.said(1, Message::Ready);
    sooner.after(ms(9_000));
    sooner.loaded(vec![waiting(5_000, 2_000)]);
    assert_eq!((sooner.state(0), sooner.told_why()), ("RUNNING", vec![]));
}
