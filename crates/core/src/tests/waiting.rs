//! Who waits for an answer: until when, until what, and how many.

use alloc::vec;

use super::requests::{EXIT_0, EXIT_3, by_hand, quiet};
use super::*;
use crate::{
    Autorestart, By, Concurrency, EndPolicy, Healthcheck, MOST_REQUESTS, Outcome, ProgramState,
    Readiness, ReadyBy, Reason, Refusal, Reply, Request, RequestId, Retries, Until,
};

fn holds() -> Outcome {
    let (took, end) = (Duration::ZERO, None);
    Outcome::Holds { took, end }
}

fn is_impossible(bench: &Bench, id: u64) -> bool {
    matches!(bench.outcomes(id)[..], [(_, Outcome::Impossible(_))])
}

#[test]
fn who_waits_for_what_is_so_is_answered_at_once() {
    let done = ProgramSpec {
        autorestart: Autorestart::Never,
        ..quiet("b")
    };
    let mut bench = Bench::running(vec![quiet("a"), done, by_hand("c")], 2);
    bench.ends(2, 3);
    bench.waits_for(1, 0, Until::Running);
    assert_eq!(bench.outcomes(1), [(0, holds())]);
    bench.waits_for(2, 0, Until::Ready);
    assert_eq!(bench.outcomes(2), [(0, holds())]);
    bench.waits_for(3, 1, Until::Exited);
    let (took, end) = (Duration::ZERO, Some(EXIT_3));
    assert_eq!(bench.outcomes(3), [(1, Outcome::Holds { took, end })]);
    bench.waits_for(4, 1, Until::Stopped);
    assert_eq!(bench.outcomes(4), [(1, holds())]);
    bench.waits_for(5, 2, Until::Stopped);
    assert_eq!(bench.outcomes(5), [(2, holds())]);
}

#[test]
fn who_waits_for_what_cannot_become_so_by_itself_is_told_why_at_once() {
    let fatal = ProgramSpec {
        startretries: Retries::AtMost(0),
        ..quiet("a")
    };
    let mut bench = Bench::new(vec![fatal, by_hand("b"), quiet("c")]);
    bench.failed(1, not_found());
    for until in [Until::Running, Until::Ready] {
        bench.waits_for(1, 0, until);
        assert!(is_impossible(&bench, 1), "{until:?}");
        bench.waits_for(2, 1, until);
        assert!(is_impossible(&bench, 2), "{until:?}");
    }
    bench.waits_for(3, 1, Until::Exited);
    assert!(is_impossible(&bench, 3));
    bench.waits_for(4, 2, Until::Healthy);
    assert_eq!(bench.outcomes(4), [(2, Outcome::NoHealthcheck)]);
    bench.waits_for(5, 7, Until::Running);
    assert_eq!(bench.outcomes(5), [(7, Outcome::Unknown)]);
}

#[test]
fn who_waits_for_what_needs_a_program_that_was_stopped_is_told_so_and_not_left_waiting() {
    let programs = || vec![quiet("db"), needing("app", &[0]), needing("web", &[1])];
    let is_for_db = |bench: &Bench, id, of: u32| {
        let outcomes = bench.outcomes(id);
        let [(_, Outcome::Impossible(status))] = &outcomes[..] else {
            panic!("{outcomes:?}");
        };
        let program = ProgramId(of);
        matches!(status.reason, Reason::Needs { program: it, .. } if it == program)
    };
    // It is being stopped, and is gone: what waits for it by way of another one, too.
    let mut bench = Bench::new(programs());
    bench.waits_for(1, 2, Until::Running);
    assert_eq!(bench.replies(), []);
    bench.asks_to_stop(2, &[0]);
    assert!(is_for_db(&bench, 1, 1));
    bench.waits_for(3, 1, Until::Ready);
    assert!(is_for_db(&bench, 3, 0));
    bench.execed(1);
    bench.ends(1, 0);
    bench.waits_for(4, 2, Until::Running);
    assert!(is_for_db(&bench, 4, 1));
    // Its end may still come.
    bench.waits_for(5, 1, Until::Exited);
    assert_eq!(bench.replies(), []);
}

#[test]
fn a_start_that_needs_what_is_stopped_meanwhile_is_told_so() {
    let app = ProgramSpec {
        autostart: false,
        ..needing("app", &[0])
    };
    let mut bench = Bench::running(vec![by_hand("db"), app, quiet("x")], 1);
    bench.asks_to_start(1, &[1]);
    bench.asks_to_stop(2, &[0]);
    let outcomes = bench.outcomes(1);
    let [
        (0, Outcome::Overtaken(By::Stop)),
        (1, Outcome::Impossible(_)),
    ] = &outcomes[..]
    else {
        panic!("{outcomes:?}");
    };
    // Who stopped it may start it, and what waits for it comes then.
    bench.asks_to_start(3, &[0]);
    bench.execed(2);
    bench.ends(2, 0);
    assert_eq!(bench.started(), [0]);
    bench.execed(3);
    assert_eq!(bench.started(), [1]);
}

#[test]
fn who_waits_for_what_needs_a_program_that_comes_by_itself_waits_on() {
    let job = ProgramSpec {
        schedule: Some(Concurrency::Forbid),
        ..quiet("job")
    };
    let mut bench = Bench::running(vec![quiet("db"), needing("app", &[0])], 1);
    bench.execed(2);
    bench.asks_to_restart(1, &[0, 1]);
    bench.waits_for(2, 1, Until::Running);
    bench.ends(2, 0);
    bench.waits_for(3, 1, Until::Running);
    assert_eq!(bench.replies(), []);
    let mut bench = Bench::new(vec![job, needing("app", &[0])]);
    bench.waits_for(1, 1, Until::Running);
    assert_eq!(bench.replies(), []);
}

#[test]
fn who_waits_for_what_becomes_impossible_is_told_then() {
    let mut bench = Bench::new(vec![quiet("a"), quiet("b")]);
    bench.waits_for(1, 0, Until::Running);
    assert_eq!(bench.replies(), []);
    bench.asks_to_stop(2, &[0]);
    assert_eq!(bench.replies(), []);
    bench.failed(1, not_found());
    let outcomes = bench.outcomes(1);
    let [(0, Outcome::Impossible(status))] = &outcomes[..] else {
        panic!("{outcomes:?}");
    };
    assert_eq!(status.state, ProgramState::Stopped);
    assert!(matches!(status.reason, Reason::StoppedByRequest { .. }));
}

#[test]
fn who_waits_for_the_end_of_a_program_does_so_through_its_restarts() {
    let spec = ProgramSpec {
        autorestart: Autorestart::Unexpected,
        ..quiet("a")
    };
    let mut bench = Bench::running(vec![spec, quiet("b")], 2);
    bench.waits_for(1, 0, Until::Exited);
    bench.ends(1, 3);
    assert_eq!((bench.state(0), bench.replies()), ("BACKOFF", vec![]));
    bench.live(ms(2_000));
    bench.execed(3);
    bench.ends(3, 0);
    let (took, end) = (ms(2_000), Some(EXIT_0));
    assert_eq!(bench.outcomes(1), [(0, Outcome::Holds { took, end })]);
}

#[test]
fn who_waits_for_a_scheduled_program_waits_for_its_time() {
    let job = ProgramSpec {
        schedule: Some(Concurrency::Forbid),
        ..quiet("job")
    };
    let mut bench = Bench::new(vec![job]);
    bench.waits_for(1, 0, Until::Running);
    bench.waits_for(2, 0, Until::Exited);
    assert_eq!(bench.replies(), []);
    bench.due(0);
    bench.execed(1);
    assert_eq!(bench.outcomes(1), [(0, holds())]);
    bench.ends(1, 0);
    let (took, end) = (Duration::ZERO, Some(EXIT_0));
    assert_eq!(bench.outcomes(2), [(0, Outcome::Holds { took, end })]);
}

#[test]
fn who_waits_for_health_waits_for_the_first_good_answer() {
    let spec = ProgramSpec {
        healthcheck: Some(Healthcheck::DEFAULT),
        ..quiet("web")
    };
    let mut bench = Bench::running(vec![spec], 1);
    bench.waits_for(1, 0, Until::Healthy);
    assert_eq!(bench.replies(), []);
    bench.after(ms(30_000));
    bench.exited(2, 1);
    assert_eq!(bench.replies(), []);
    bench.gone(2);
    bench.after(ms(30_000));
    bench.exited(3, 0);
    let (took, end) = (ms(60_000), None);
    assert_eq!(bench.outcomes(1), [(0, Outcome::Holds { took, end })]);
}

#[test]
fn a_deadline_that_passes_is_told_with_how_far_it_is() {
    let mut bench = Bench::running(vec![quiet("web")], 1);
    let deadline = Some(bench.now.plus(ms(700)));
    let programs = vec![ProgramId(0)];
    bench.asks_with(1, Request::Stop { programs }, deadline, true);
    assert_eq!(bench.core.next_deadline(), deadline);
    bench.after(ms(700));
    let outcomes = bench.outcomes(1);
    let [(0, Outcome::TimedOut(status))] = &outcomes[..] else {
        panic!("{outcomes:?}");
    };
    assert_eq!(status.state, ProgramState::Stopping);
    let kill = Some(Time::ZERO.plus(ms(10_000)));
    assert!(matches!(status.reason, Reason::Told { kill: at, killed: false, .. } if at == kill));
    // What was set going goes on.
    bench.ends(1, 0);
    assert_eq!((bench.state(0), bench.replies()), ("STOPPED", vec![]));
}

#[test]
fn a_deadline_in_the_past_is_one_that_has_passed() {
    let mut bench = Bench::running(vec![quiet("web")], 1);
    bench.after(ms(5_000));
    let programs = vec![ProgramId(0)];
    let deadline = Some(Time::ZERO);
    bench.asks_with(1, Request::Stop { programs }, deadline, true);
    assert!(matches!(bench.outcomes(1)[..], [(0, Outcome::TimedOut(_))]));
    assert!(!bench.noticed(|notice| matches!(notice, Notice::Overslept { .. })));
}

#[test]
fn who_does_not_wait_is_told_what_was_set_going() {
    let mut bench = Bench::running(vec![quiet("web"), by_hand("b")], 1);
    let programs = vec![ProgramId(0), ProgramId(1)];
    bench.asks_with(1, Request::Start { programs }, None, false);
    let outcomes = bench.outcomes(1);
    let [(0, Outcome::AlreadyRunning), (1, Outcome::SetGoing(status))] = &outcomes[..] else {
        panic!("{outcomes:?}");
    };
    assert_eq!(
        (status.state, status.reason),
        (ProgramState::Starting, Reason::Forked)
    );
}

#[test]
fn who_has_gone_is_not_answered_and_what_was_asked_for_goes_on() {
    let mut bench = Bench::running(vec![quiet("web")], 1);
    bench.asks_to_stop(1, &[0]);
    let id = RequestId(1);
    bench.fact(Event::Withdrawn { id });
    bench.ends(1, 0);
    assert_eq!((bench.state(0), bench.replies()), ("STOPPED", vec![]));
}

#[test]
fn one_more_than_may_wait_is_refused_and_nothing_is_done_for_it() {
    let mut bench = Bench::running(vec![quiet("web"), quiet("db")], 2);
    for id in 0..MOST_REQUESTS as u64 {
        bench.waits_for(id, 0, Until::Stopped);
        assert_eq!(bench.replies(), []);
    }
    bench.asks_to_stop(999, &[1]);
    let refused = Reply::Refused(Refusal::TooMany);
    assert_eq!(bench.replies(), [(999, refused)]);
    assert_eq!(bench.told(), []);
    // Who does not wait takes no room, and the end of all needs none.
    let programs = vec![ProgramId(1)];
    bench.asks_with(1_000, Request::Stop { programs }, None, false);
    assert_eq!(bench.told_why(), [(1, Why::Stopped)]);
    let code = None;
    bench.asks(1_001, Request::Shutdown { code });
    assert_eq!(bench.replies()[0], (1_001, Reply::ShutdownBegun));
}

#[test]
fn the_shutdown_overtakes_who_waits_for_a_life_and_keeps_who_waits_for_an_end() {
    let db = ProgramSpec {
        readiness: Some(Readiness::new(ReadyBy::Message)),
        ..quiet("db")
    };
    let mut bench = Bench::running(vec![db, by_hand("web")], 1);
    bench.asks_to_start(1, &[1]);
    bench.waits_for(2, 0, Until::Ready);
    bench.waits_for(3, 0, Until::Exited);
    bench.asks(4, Request::Reload);
    bench.signal(Signal::TERM);
    let overtaken = Outcome::Overtaken(By::Shutdown);
    assert_eq!(bench.outcomes(1), [(1, overtaken.clone())]);
    assert_eq!(bench.outcomes(2), [(0, overtaken)]);
    let refused = Reply::Refused(Refusal::Stopping);
    assert!(bench.replies().contains(&(4, refused)));
    bench.execed(2);
    bench.exited(2, 0);
    bench.gone(2);
    bench.exited(1, 3);
    bench.gone(1);
    let (took, end) = (Duration::ZERO, Some(EXIT_3));
    assert_eq!(bench.outcomes(3), [(0, Outcome::Holds { took, end })]);
}

#[test]
fn in_the_shutdown_nobody_is_left_waiting_for_a_life_and_who_waits_for_an_end_is() {
    let spec = ProgramSpec {
        readiness: Some(Readiness::new(ReadyBy::Message)),
        ..quiet("db")
    };
    let mut bench = Bench::running(vec![spec, needing("app", &[0]), quiet("web")], 2);
    bench.signal(Signal::TERM);
    let overtaken = Outcome::Overtaken(By::Shutdown);
    for until in [Until::Running, Until::Ready] {
        for program in [0, 2] {
            bench.waits_for(1, program, until);
            assert_eq!(bench.outcomes(1), [(program, overtaken.clone())]);
        }
        bench.waits_for(1, 1, until);
        assert!(is_impossible(&bench, 1));
    }
    bench.waits_for(2, 0, Until::Stopped);
    assert_eq!(bench.replies(), []);
    // What is so is so.
    let mut bench = Bench::running(vec![quiet("db"), needing("web", &[0])], 2);
    bench.signal(Signal::TERM);
    bench.waits_for(3, 0, Until::Running);
    assert_eq!(bench.outcomes(3), [(0, holds())]);
}

#[test]
fn at_the_end_of_lastout_everybody_is_answered_before_it() {
    let mut bench = Bench::running(vec![quiet("web")], 1);
    bench.asks_to_stop(1, &[0]);
    bench.signal(Signal::TERM);
    // It hangs in the kernel.
    bench.live(ms(20_000));
    let mut replies = bench.last.iter();
    let place = replies.position(|action| matches!(action, Action::Reply { .. }));
    assert_eq!(place, bench.last.len().checked_sub(2));
    assert!(bench.exit().is_some());
}

#[test]
fn a_program_that_is_running_for_no_time_at_all_was_running() {
    let spec = ProgramSpec {
        startsecs: ms(500),
        on_failure: EndPolicy::Ignore,
        ..by_hand("web")
    };
    let mut bench = Bench::running(vec![quiet("db"), spec], 1);
    bench.asks_to_start(1, &[1]);
    bench.execed(2);
    // The loop hears of its end before it looks at the clock.
    bench.now = bench.now.plus(ms(500));
    bench.exited(2, 3);
    let took = ms(500);
    assert_eq!(bench.outcomes(1), [(1, Outcome::Started { took })]);
}

/// The programs that the last fact has decided something of before the answer.
fn decided(bench: &Bench) -> Vec<u32> {
    let all = bench.last.iter();
    all.filter_map(|action| {
        if let Action::Decided { program, .. } = action {
            Some(program.0)
        } else {
            None
        }
    })
    .collect()
}

impl Bench {
    /// Somebody asks for the end of these, and wants to hear of each.
    fn asks_to_stop_each(&mut self, id: u64, programs: &[u32], wait: bool) {
        let programs = programs.iter().copied().map(ProgramId).collect();
        self.fact(Event::Requested {
            id: RequestId(id),
            request: Request::Stop { programs },
            deadline: None,
            wait,
            each: true,
        });
    }
}

#[test]
fn who_asks_for_each_of_several_is_told_of_each_and_of_the_last_by_the_answer() {
    let mut bench = Bench::running(vec![quiet("a"), quiet("b"), by_hand("c")], 2);
    bench.asks_to_stop_each(1, &[0, 1, 2], true);
    assert_eq!(decided(&bench), [2]);
    bench.exited(2, 0);
    bench.gone(2);
    assert_eq!((decided(&bench), bench.replies()), (vec![1], vec![]));
    bench.exited(1, 0);
    bench.gone(1);
    assert_eq!(decided(&bench), []);
    assert_eq!(bench.outcomes(1).len(), 3);
}

#[test]
fn who_does_not_ask_for_each_or_does_not_wait_is_told_of_nothing_before_the_answer() {
    let mut bench = Bench::running(vec![quiet("a"), quiet("b"), by_hand("c")], 2);
    bench.asks_to_stop(1, &[0, 1, 2]);
    assert_eq!(decided(&bench), []);
    bench.asks_to_stop_each(2, &[0, 2], false);
    assert_eq!((decided(&bench), bench.outcomes(2).len()), (vec![], 2));
    bench.ends(2, 0);
    assert_eq!((decided(&bench), bench.replies()), (vec![], vec![]));
    bench.ends(1, 0);
    assert_eq!((decided(&bench), bench.outcomes(1).len()), (vec![], 3));
}
