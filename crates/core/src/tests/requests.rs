//! What requests set going that are no start and no stop: the table of requested.rs, line
//! by line, and what all of these tests ask with.

use alloc::vec;

use super::*;
use crate::{
    By, End, EndPolicy, Meaning, Outcome, Reason, Refusal, Reply, Request, RequestId, Scope,
    SignalTable, Until,
};

impl Bench {
    /// Somebody asks, and waits without end.
    pub(super) fn asks(&mut self, id: u64, request: Request) {
        self.asks_with(id, request, None, true);
    }

    pub(super) fn asks_with(
        &mut self,
        id: u64,
        request: Request,
        deadline: Option<Time>,
        wait: bool,
    ) {
        self.fact(Event::Requested {
            id: RequestId(id),
            request,
            deadline,
            wait,
            each: false,
        });
    }

    pub(super) fn asks_to_start(&mut self, id: u64, programs: &[u32]) {
        let programs = ids(programs);
        self.asks(id, Request::Start { programs });
    }

    pub(super) fn asks_to_stop(&mut self, id: u64, programs: &[u32]) {
        let programs = ids(programs);
        self.asks(id, Request::Stop { programs });
    }

    pub(super) fn asks_to_restart(&mut self, id: u64, programs: &[u32]) {
        let programs = ids(programs);
        self.asks(id, Request::Restart { programs });
    }

    pub(super) fn waits_for(&mut self, id: u64, program: u32, until: Until) {
        let programs = ids(&[program]);
        self.asks(id, Request::Wait { programs, until });
    }

    /// The answers of the last fact.
    pub(super) fn replies(&self) -> Vec<(u64, Reply)> {
        let all = self.last.iter();
        all.filter_map(|action| {
            if let Action::Reply { id, reply } = action {
                Some((id.0, reply.clone()))
            } else {
                None
            }
        })
        .collect()
    }

    /// What came of a request that was answered by the last fact.
    pub(super) fn outcomes(&self, id: u64) -> Vec<(u32, Outcome)> {
        let mut all = self.replies().into_iter();
        let found = all.find(|(of, _)| *of == id);
        let Some((_, Reply::Programs(outcomes))) = found else {
            return vec![];
        };
        outcomes.into_iter().map(|(id, it)| (id.0, it)).collect()
    }
}

fn ids(programs: &[u32]) -> Vec<ProgramId> {
    programs.iter().copied().map(ProgramId).collect()
}

/// Up at once, and none whose failure ends the container.
pub(super) fn quiet(name: &str) -> ProgramSpec {
    ProgramSpec {
        on_failure: EndPolicy::Ignore,
        ..needing(name, &[])
    }
}

pub(super) fn by_hand(name: &str) -> ProgramSpec {
    ProgramSpec {
        autostart: false,
        ..quiet(name)
    }
}

pub(super) const EXIT_0: End = End::Status(ExitStatus::Code(0));
pub(super) const EXIT_3: End = End::Status(ExitStatus::Code(3));

pub(super) fn started() -> Outcome {
    let took = Duration::ZERO;
    Outcome::Started { took }
}

pub(super) fn stopped(end: Option<End>) -> Outcome {
    Outcome::Stopped {
        took: Duration::ZERO,
        end,
        killed: false,
        is_off: false,
    }
}

#[test]
fn a_restart_ends_the_life_and_begins_another_at_once() {
    let mut bench = Bench::running(vec![quiet("web"), quiet("db")], 2);
    bench.asks_to_restart(7, &[0]);
    assert_eq!(bench.told_why(), [(0, Why::Restarted)]);
    bench.ends(1, 3);
    assert_eq!((bench.started(), bench.replies()), (vec![0], vec![]));
    bench.execed(3);
    assert_eq!(bench.outcomes(7), [(0, started())]);
}

#[test]
fn a_restart_of_what_others_need_restarts_only_itself() {
    let mut bench = Bench::running(vec![quiet("db"), needing("web", &[0])], 2);
    bench.asks_to_restart(7, &[0]);
    assert_eq!(bench.told_why(), [(0, Why::Restarted)]);
    bench.ends(1, 0);
    bench.execed(3);
    assert_eq!(bench.outcomes(7), [(0, started())]);
    assert_eq!(bench.told(), []);
}

#[test]
fn those_that_are_restarted_together_end_and_begin_in_the_order_of_their_needs() {
    // web has the lower rank, so that it is looked at first.
    let web = ProgramSpec {
        priority: 1,
        ..needing("web", &[0])
    };
    let mut bench = Bench::running(vec![quiet("db"), web], 2);
    bench.asks_to_restart(7, &[0, 1]);
    assert_eq!(bench.told_why(), [(1, Why::Restarted)]);
    bench.ends(2, 0);
    assert_eq!(bench.told_why(), [(0, Why::Restarted)]);
    assert_eq!(bench.started(), []);
    bench.ends(1, 0);
    assert_eq!(bench.started(), [0]);
    bench.execed(3);
    assert_eq!((bench.started(), bench.replies()), (vec![1], vec![]));
    bench.execed(4);
    assert_eq!(bench.outcomes(7), [(0, started()), (1, started())]);
}

#[test]
fn a_restart_of_what_does_not_run_is_a_start() {
    let mut bench = Bench::running(vec![quiet("db"), by_hand("web")], 1);
    bench.asks_to_restart(7, &[1]);
    assert_eq!(bench.started(), [1]);
    bench.execed(2);
    assert_eq!(bench.outcomes(7), [(1, started())]);
}

#[test]
fn a_restart_while_it_stops_overtakes_the_stop_and_comes_after_it() {
    let mut bench = Bench::running(vec![quiet("web")], 1);
    bench.asks_to_stop(7, &[0]);
    bench.asks_to_restart(8, &[0]);
    let overtaken = Outcome::Overtaken(By::Restart);
    assert_eq!(bench.outcomes(7), [(0, overtaken)]);
    assert_eq!(bench.told(), []);
    bench.ends(1, 0);
    assert_eq!(bench.started(), [0]);
    bench.execed(2);
    assert_eq!(bench.outcomes(8), [(0, started())]);
}

#[test]
fn a_signal_reaches_whose_command_runs_and_nobody_else() {
    let mut bench = Bench::running(vec![quiet("web"), by_hand("b"), quiet("c")], 1);
    bench.asks(
        7,
        Request::Signal {
            programs: ids(&[0, 1, 2, 9]),
            signal: Signal::HUP,
            scope: Scope::Tree,
        },
    );
    assert!(bench.ordered(&Action::Forward {
        run: RunId(1),
        scope: Scope::Tree,
        signal: Signal::HUP,
    }));
    let outcomes = bench.outcomes(7);
    let [
        (0, Outcome::Signalled { .. }),
        (1, Outcome::NotRunning(never)),
        (2, Outcome::NotRunning(forked)),
        (9, Outcome::Unknown),
    ] = &outcomes[..]
    else {
        panic!("{outcomes:?}");
    };
    assert_eq!(never.reason, Reason::NotStarted);
    assert_eq!(forked.reason, Reason::Forked);
}

#[test]
fn a_program_reloads_by_its_signal_or_else_by_a_restart() {
    let with_signal = ProgramSpec {
        reload_signal: Some(Signal::HUP),
        ..quiet("web")
    };
    let mut bench = Bench::running(vec![with_signal, quiet("db"), by_hand("b")], 2);
    let programs = ids(&[0, 1, 2]);
    bench.asks(7, Request::ReloadPrograms { programs });
    assert_eq!(bench.forwarded(), [Signal::HUP]);
    assert_eq!(bench.told_why(), [(1, Why::Restarted)]);
    bench.ends(2, 0);
    bench.execed(3);
    let signal = Signal::HUP;
    let outcomes = bench.outcomes(7);
    let (by_signal, by_restart) = (Outcome::Reloads { signal }, started());
    assert_eq!(outcomes[..2], [(0, by_signal), (1, by_restart)]);
    assert!(matches!(outcomes[2], (2, Outcome::NotRunning(_))));
}

#[test]
fn a_reload_of_who_is_to_stop_and_is_held_back_by_others_is_overtaken_by_the_stop() {
    let mut bench = Bench::running(vec![quiet("db"), needing("app", &[0])], 2);
    bench.asks_to_stop(7, &[0, 1]);
    assert_eq!(bench.told_why(), [(1, Why::Stopped)]);
    assert_eq!(bench.state(0), "RUNNING");
    let programs = ids(&[0]);
    bench.asks(8, Request::ReloadPrograms { programs });
    assert_eq!(bench.outcomes(8), [(0, Outcome::Overtaken(By::Stop))]);
}

#[test]
fn a_signal_that_reloads_who_is_to_stop_and_is_held_back_by_others_changes_nothing() {
    let mut signals = SignalTable::supervising();
    signals.set(Signal::USR1, Meaning::ReloadProgram(ProgramId(0)));
    let mut bench = Bench::of(Spec {
        signals,
        ..Spec::new(vec![quiet("db"), needing("app", &[0])])
    });
    bench.execed(1);
    bench.execed(2);
    bench.asks_to_stop(7, &[0, 1]);
    assert_eq!(bench.told_why(), [(1, Why::Stopped)]);
    bench.signal(Signal::USR1);
    assert_eq!(bench.told_why(), []);
    bench.ends(2, 0);
    assert_eq!(bench.told_why(), [(0, Why::Stopped)]);
    bench.ends(1, 0);
    assert_eq!((bench.started(), bench.state(0)), (vec![], "STOPPED"));
}

#[test]
fn who_does_not_run_and_is_needed_by_who_reloads_with_it_is_started_and_answered_once() {
    let mut bench = Bench::running(vec![by_hand("db"), needing("app", &[0]), quiet("x")], 1);
    let programs = ids(&[0, 1]);
    bench.asks(7, Request::ReloadPrograms { programs });
    assert_eq!(bench.started(), [0]);
    bench.execed(2);
    assert_eq!((bench.started(), bench.replies()), (vec![1], vec![]));
    bench.execed(3);
    assert_eq!(bench.outcomes(7), [(0, started()), (1, started())]);
}

#[test]
fn a_reload_of_the_file_is_answered_with_what_differs() {
    let mut bench = Bench::running(vec![quiet("web")], 1);
    bench.asks(7, Request::Reload);
    assert!(bench.ordered(&Action::Load));
    assert_eq!(bench.replies(), []);
    bench.loaded(vec![quiet("web"), quiet("db")]);
    let replies = bench.replies();
    let [(7, Reply::Reloaded(changes))] = &replies[..] else {
        panic!("{replies:?}");
    };
    assert_eq!(changes.added, ["db"]);
    bench.asks(8, Request::Reload);
    bench.fact(Event::LoadFailed);
    assert_eq!(bench.replies(), [(8, Reply::LoadFailed)]);
}

#[test]
fn a_program_that_a_reload_removes_is_up_for_nobody_and_gone_for_who_waits_for_that() {
    let slow = ProgramSpec {
        startsecs: ms(500),
        ..by_hand("web")
    };
    let mut bench = Bench::running(vec![quiet("db"), slow], 1);
    bench.asks_to_start(7, &[1]);
    bench.waits_for(8, 1, Until::Stopped);
    bench.loaded(vec![quiet("db")]);
    assert_eq!(bench.outcomes(7), [(1, Outcome::Removed)]);
    bench.execed(2);
    bench.ends(2, 0);
    let (took, end) = (Duration::ZERO, None);
    assert_eq!(bench.outcomes(8), [(1, Outcome::Holds { took, end })]);
    bench.asks_to_start(9, &[1]);
    assert_eq!(bench.outcomes(9), [(1, Outcome::Removed)]);
}

#[test]
fn who_is_removed_and_still_lives_is_not_asked_to_reload() {
    let db = ProgramSpec {
        reload_signal: Some(Signal::HUP),
        ..quiet("db")
    };
    let mut bench = Bench::running(vec![db, quiet("web"), quiet("x")], 3);
    bench.loaded(vec![quiet("x")]);
    let programs = ids(&[0, 1]);
    bench.asks(7, Request::ReloadPrograms { programs });
    assert_eq!(bench.forwarded(), []);
    let both = [(0, Outcome::Removed), (1, Outcome::Removed)];
    assert_eq!(bench.outcomes(7), both);
}

#[test]
fn a_shutdown_ends_as_a_term_does_and_with_the_status_that_was_asked_for() {
    for (code, status) in [(None, 0), (Some(42), 42)] {
        let mut bench = Bench::running(vec![quiet("web")], 1);
        bench.asks(7, Request::Shutdown { code });
        assert_eq!(bench.replies(), [(7, Reply::ShutdownBegun)]);
        assert_eq!(bench.told_why(), [(0, Why::Shutdown)]);
        bench.ends(1, 0);
        bench.fact(Event::NobodyLeft);
        assert_eq!(bench.exit(), Some(status));
    }
}

#[test]
fn in_the_shutdown_nothing_is_started_or_stopped_on_request() {
    let mut bench = Bench::running(vec![quiet("web"), by_hand("b")], 1);
    bench.signal(Signal::TERM);
    let refused = |request| {
        let mut bench = Bench {
            core: bench.core.clone(),
            now: bench.now,
            last: vec![],
        };
        bench.asks(7, request);
        assert_eq!(bench.started(), []);
        bench.replies() == [(7, Reply::Refused(Refusal::Stopping))]
    };
    let programs = ids(&[0, 1]);
    assert!(refused(Request::Start {
        programs: programs.clone()
    }));
    assert!(refused(Request::Stop {
        programs: programs.clone()
    }));
    assert!(refused(Request::Restart {
        programs: programs.clone()
    }));
    assert!(refused(Request::ReloadPrograms { programs }));
    assert!(refused(Request::Reload));
    assert!(refused(Request::Shutdown { code: Some(1) }));
    assert!(!refused(Request::Shutdown { code: None }));
    let programs = ids(&[0]);
    let (signal, scope) = (Signal::USR1, Scope::Leader);
    assert!(!refused(Request::Signal {
        programs,
        signal,
        scope
    }));
}

#[test]
fn a_stop_of_the_only_command_is_the_end_of_the_container_with_its_status() {
    let mut bench = Bench::of(Spec {
        main: Some(ProgramId(0)),
        ..Spec::new(vec![ProgramSpec::command("cmd")])
    });
    bench.execed(1);
    bench.asks_to_stop(7, &[0]);
    assert_eq!(bench.told_why(), [(0, Why::Shutdown)]);
    bench.exited(1, 5);
    bench.gone(1);
    let end = Some(End::Status(ExitStatus::Code(5)));
    assert_eq!(bench.outcomes(7), [(0, stopped(end))]);
    bench.fact(Event::NobodyLeft);
    assert_eq!(bench.exit(), Some(5));
}

#[test]
fn a_restart_of_the_only_command_is_not_the_end_of_the_container() {
    let mut bench = Bench::of(Spec {
        main: Some(ProgramId(0)),
        ..Spec::new(vec![ProgramSpec::command("cmd")])
    });
    bench.execed(1);
    bench.asks_to_restart(7, &[0]);
    bench.ends(1, 5);
    assert_eq!(bench.started(), [0]);
    bench.execed(2);
    assert_eq!(bench.outcomes(7), [(0, started())]);
    bench.exited(2, 6);
    bench.gone(2);
    bench.fact(Event::NobodyLeft);
    assert_eq!(bench.exit(), Some(6));
}
