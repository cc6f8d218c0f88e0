//! The core in simulated worlds: a kernel that does its worst, a shell that keeps to
//! the contract, and a checker that knows the rules and nothing of the core. A world
//! is made from a seed and from nothing else.
//!
//! `LASTOUT_SIM_SEEDS=n` looks at that many worlds; `LASTOUT_SIM_SEED=n` at one, and
//! prints all that happens in it. docs/simulation.md says more.

mod answers;
mod asked;
mod endings;
mod exit_status;
mod facts;
mod files;
mod in_vain;
mod kernel;
mod liveness;
mod notices;
mod orders;
mod outcome;
mod overview;
mod probes;
mod random;
mod regressions;
mod shadow;
mod shell;
mod signals;
mod trace;
mod verdict;
mod words;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};

use crate::outcome::{FLOOR, Outcome};
use crate::trace::Trace;

/// How many worlds a test run looks at.
const WORLDS: u64 = 100_000;

/// How many threads look.
const THREADS: usize = 2;

/// How many lines of a failing world are shown.
const LAST_LINES: usize = 60;

fn number_from(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Runs a world without a trace; a panic of the core is a failure like any other.
fn try_world(seed: u64) -> Result<Outcome, String> {
    let world = world::make(seed);
    let run = || shell::run(&world, &mut Trace::silent());
    match std::panic::catch_unwind(run) {
        Ok(outcome) => outcome,
        Err(_) => Err("the core panics".into()),
    }
}

/// All that there is to say of a world: its spec, its last lines, and what was wrong.
fn tell_of(seed: u64, most: usize) -> String {
    let world = world::make(seed);
    let mut trace = Trace::full();
    let run = std::panic::AssertUnwindSafe(|| shell::run(&world, &mut trace));
    let outcome = match std::panic::catch_unwind(run) {
        Ok(Ok(outcome)) => format!("it goes well: {outcome:?}"),
        Ok(Err(wrong)) => format!("WRONG: {wrong}"),
        Err(_) => "WRONG: the core panics".into(),
    };
    let mut spec = String::new();
    for program in &world.versions[0].spec.programs {
        spec.push_str(&format!("  {program:?}\n"));
    }
    let rest = lastout_core::Spec {
        programs: Vec::new(),
        signals: lastout_core::SignalTable::supervising(),
        ..world.versions[0].spec.clone()
    };
    format!(
        "seed {seed}\nprograms\n{spec}{rest:?}\n{chaos:?}\n…\n{lines}\n{outcome}\n\
         LASTOUT_SIM_SEED={seed} shows all of it",
        rest = format!("{rest:?}").replace(&format!("{:?}", rest.signals), "…"),
        chaos = world.chaos,
        lines = trace.tail(most),
    )
}

#[test]
fn whatever_happens_the_rules_hold() {
    if let Some(seed) = number_from("LASTOUT_SIM_SEED") {
        let story = tell_of(seed, usize::MAX);
        assert!(story.is_empty(), "{story}");
    }
    let worlds = number_from("LASTOUT_SIM_SEEDS").unwrap_or(WORLDS);
    let next = AtomicU64::new(0);
    let failed = AtomicU64::new(u64::MAX);
    let totals = [const { AtomicU64::new(0) }; FLOOR.len()];
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    // The lowest seed that fails is found, whoever is faster.
                    if seed >= worlds.min(failed.load(Ordering::Relaxed)) {
                        break;
                    }
                    match try_world(seed) {
                        Ok(outcome) => count(&totals, &outcome),
                        Err(_) => {
                            failed.fetch_min(seed, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    let failed = failed.into_inner();
    assert!(failed == u64::MAX, "{}", tell_of(failed, LAST_LINES));
    let totals = totals.map(AtomicU64::into_inner);
    for (total, (what, per_thousand)) in totals.iter().zip(FLOOR) {
        let is_enough = *total >= worlds * per_thousand / 1_000;
        assert!(is_enough, "{total} {what} in {worlds} worlds");
    }
}

fn count(totals: &[AtomicU64; FLOOR.len()], outcome: &Outcome) {
    for (total, count) in totals.iter().zip(outcome.counts()) {
        total.fetch_add(count, Ordering::Relaxed);
    }
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in 0..100 {
        assert_eq!(tell_of(seed, usize::MAX), tell_of(seed, usize::MAX));
        assert_eq!(try_world(seed), try_world(seed));
    }
}

#[test]
fn worlds_that_once_went_wrong_go_well() {
    for (seed, what) in regressions::SEEDS {
        let outcome = try_world(*seed);
        assert!(outcome.is_ok(), "{what}\n{}", tell_of(*seed, LAST_LINES));
    }
}
