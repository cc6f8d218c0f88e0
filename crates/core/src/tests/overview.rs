//! How programs are, and why, for whoever asks.

use alloc::vec;

use super::requests::{EXIT_3, by_hand, quiet};
use super::*;
use crate::{
    Concurrency, FatalReason, Health, HealthAction, Healthcheck, Kind, ProgramState, Readiness,
    ReadyBy, Reason, Retries,
};

impl Bench {
    fn reason(&self, program: u32) -> Reason {
        let status = self.core.status(self.now, ProgramId(program));
        status.map_or(Reason::Up, |status| status.reason)
    }

    fn health(&self, program: u32) -> Health {
        let status = self.core.status(self.now, ProgramId(program));
        status.map_or(Health::None, |status| status.health)
    }

    fn chain(&self, program: u32) -> Vec<(u32, ProgramState)> {
        let steps = self.core.why(self.now, ProgramId(program));
        steps.iter().map(|it| (it.program.0, it.state)).collect()
    }

    fn not_well(&self) -> Vec<u32> {
        self.core.not_well().iter().map(|id| id.0).collect()
    }
}

#[test]
fn a_program_that_runs_is_up_since_its_start_and_its_restarts_are_counted() {
    let mut bench = Bench::running(vec![quiet("web"), quiet("db")], 2);
    bench.after(ms(1_000));
    bench.asks_to_restart(1, &[0]);
    bench.ends(1, 0);
    bench.execed(3);
    let born = bench.now;
    bench.after(ms(1_000));
    let status = bench.core.status(bench.now, ProgramId(0));
    let status = status.expect("there is one");
    assert_eq!(
        (status.state, status.since, status.restarts, status.run),
        (ProgramState::Running, born, 1, Some(RunId(3)))
    );
    assert!(status.is_ready);
    assert_eq!(status.reason, Reason::Up);
    assert_eq!(bench.core.status(bench.now, ProgramId(9)), None);
}

#[test]
fn each_state_has_its_reason() {
    let ready = ProgramSpec {
        readiness: Some(Readiness::new(ReadyBy::Message)),
        ..quiet("a")
    };
    let slow = ProgramSpec {
        startsecs: ms(500),
        ..quiet("b")
    };
    let job = ProgramSpec {
        schedule: Some(Concurrency::Forbid),
        ..quiet("job")
    };
    let mut bench = Bench::new(vec![
        ready,
        slow,
        needing("c", &[0]),
        by_hand("d"),
        job,
        quiet("e"),
    ]);
    assert_eq!(bench.reason(0), Reason::Forked);
    bench.execed(1);
    bench.execed(2);
    let until = Some(Time::ZERO.plus(ms(60_000)));
    assert_eq!(bench.reason(0), Reason::NotReady { until });
    let at = Time::ZERO.plus(ms(500));
    assert_eq!(bench.reason(1), Reason::NotUpYet { at });
    let (program, condition) = (ProgramId(0), Condition::Ready);
    assert_eq!(bench.reason(2), Reason::Needs { program, condition });
    assert_eq!(bench.reason(3), Reason::NotStarted);
    assert_eq!(bench.reason(4), Reason::Scheduled);
    bench.failed(3, not_found());
    assert!(matches!(
        bench.reason(5),
        Reason::Backoff { failures: 1, .. }
    ));
    bench.asks_to_stop(1, &[5, 1]);
    let last = Some(crate::End::NeverRan(not_found()));
    assert_eq!(bench.reason(5), Reason::StoppedByRequest { last });
    let (at, why) = (Time::ZERO, Why::Stopped);
    let kill = Some(Time::ZERO.plus(ms(10_000)));
    let killed = false;
    let told = Reason::Told {
        at,
        why,
        kill,
        killed,
    };
    assert_eq!(bench.reason(1), told);
    bench.exited(2, 3);
    let end = EXIT_3;
    assert_eq!(bench.reason(1), Reason::Leftovers { end, kill, killed });
}

#[test]
fn why_a_program_does_not_run_is_a_chain_that_ends_with_who_is_to_blame() {
    let db = ProgramSpec {
        startsecs: ms(500),
        ..quiet("db")
    };
    let mut bench = Bench::running(vec![db, needing("app", &[0]), needing("web", &[1])], 1);
    bench.ends(1, 3);
    assert_eq!(
        bench.chain(2),
        [
            (2, ProgramState::Starting),
            (1, ProgramState::Starting),
            (0, ProgramState::Backoff)
        ]
    );
    let last = bench.core.why(bench.now, ProgramId(2)).pop();
    let reason = last.map(|step| step.reason);
    assert!(matches!(
        reason,
        Some(Reason::Backoff { last: Some(end), .. }) if end == EXIT_3
    ));
}

#[test]
fn why_a_program_is_fatal_names_whom_it_needs() {
    let db = ProgramSpec {
        startretries: Retries::AtMost(0),
        ..quiet("db")
    };
    let app = ProgramSpec {
        on_failure: crate::EndPolicy::Ignore,
        ..needing("app", &[0])
    };
    let mut bench = Bench::new(vec![db, app, quiet("x")]);
    bench.failed(1, not_found());
    assert_eq!(
        bench.chain(1),
        [(1, ProgramState::Fatal), (0, ProgramState::Fatal)]
    );
    let reason = FatalReason::Needs(ProgramId(0));
    let out_of_memory = false;
    assert_eq!(
        bench.reason(1),
        Reason::Fatal {
            reason,
            out_of_memory
        }
    );
}

#[test]
fn in_the_shutdown_why_tells_who_keeps_a_program_alive_and_until_when() {
    let migrate = ProgramSpec {
        kind: Kind::Oneshot,
        ..needing("migrate", &[0])
    };
    let web = ProgramSpec {
        needs: vec![Need {
            program: ProgramId(1),
            condition: Condition::Completed,
        }],
        ..quiet("web")
    };
    let mut bench = Bench::running(vec![quiet("db"), migrate, web], 2);
    bench.ends(2, 0);
    bench.execed(3);
    bench.signal(Signal::TERM);
    assert_eq!(
        bench.chain(0),
        [
            (0, ProgramState::Running),
            (1, ProgramState::Exited),
            (2, ProgramState::Stopping)
        ]
    );
    // The whole has 9 s, which is less than the 10 s of its own.
    let kill = Some(Time::ZERO.plus(ms(9_000)));
    assert!(matches!(bench.reason(2), Reason::Told { kill: at, .. } if at == kill));
    assert!(!bench.core.is_all_well());
}

#[test]
fn a_stop_that_waits_for_its_turn_says_for_whom() {
    let mut bench = Bench::running(vec![quiet("db"), needing("web", &[0])], 2);
    bench.asks_to_stop(1, &[0, 1]);
    let program = ProgramId(1);
    assert_eq!(bench.reason(0), Reason::NeededBy { program });
}

#[test]
fn all_is_well_when_all_that_should_be_up_is_ready_and_healthy() {
    let check = Healthcheck {
        retries: 1,
        action: HealthAction::Nothing,
        ..Healthcheck::DEFAULT
    };
    let web = ProgramSpec {
        healthcheck: Some(check),
        ..quiet("web")
    };
    let migrate = ProgramSpec {
        kind: Kind::Oneshot,
        ..quiet("migrate")
    };
    let mut bench = Bench::new(vec![web, migrate, by_hand("debug")]);
    assert_eq!(bench.not_well(), [0, 1]);
    bench.execed(1);
    bench.execed(2);
    assert_eq!(
        (bench.not_well(), bench.health(0)),
        (vec![1], Health::Starting)
    );
    bench.ends(2, 0);
    assert_eq!(bench.not_well(), []);
    assert!(bench.core.is_all_well());
    bench.after(ms(30_000));
    bench.ends(3, 1);
    let failures = 1;
    assert_eq!(bench.health(0), Health::Unhealthy { failures });
    assert_eq!(bench.not_well(), [0]);
    bench.after(ms(30_000));
    bench.ends(4, 0);
    let failures = 0;
    assert_eq!(bench.health(0), Health::Healthy { failures });
    assert!(bench.core.is_all_well());
    // Who was stopped on request need not be up.
    bench.asks_to_stop(1, &[0]);
    assert_eq!(bench.not_well(), []);
}
