//! A program of a world, with values that matter to the core picked so that much happens
//! in a few seconds.

use lastout_core::{
    Autorestart, Concurrency, HealthAction, Healthcheck, Kind, Leftovers, ProbeTimes, ProgramSpec,
    Readiness, ReadyBy, Retries, Scope, Signal,
};

use super::ms;
use super::plan::policies;
use crate::random::Random;

/// Any program; `extras` says how often it has each of the newer things, in a hundred.
pub(super) fn any(random: &mut Random, number: u64, extras: u64) -> ProgramSpec {
    let policies = policies(random);
    let waits = [
        None,
        Some(0),
        Some(1),
        Some(50),
        Some(1_000),
        Some(10_000),
        Some(30_000),
    ];
    let spec = ProgramSpec {
        autostart: random.chance(88),
        priority: random.pick(&[999, 999, 1, 10, 2_000]),
        startsecs: ms(random.pick(&[0, 0, 100, 1_000, 1_000, 5_000])),
        startretries: random.pick(&[
            Retries::AtMost(0),
            Retries::AtMost(1),
            Retries::AtMost(3),
            Retries::Infinite,
        ]),
        autorestart: random.pick(&[
            Autorestart::Always,
            Autorestart::Unexpected,
            Autorestart::Unexpected,
            Autorestart::Never,
        ]),
        exitcodes: random.pick(&[&[0][..], &[0], &[0, 3], &[]]).to_vec(),
        backoff: ms(random.pick(&[50, 300, 1_000, 1_000])),
        backoff_max: ms(random.pick(&[500, 2_000, 5_000, 30_000])),
        on_success: random.pick(&policies),
        on_failure: random.pick(&policies),
        stopsignal: random.pick(&[Signal::TERM, Signal::TERM, Signal::QUIT, Signal::RTMIN_3]),
        stopwaitsecs: random.pick(&waits).map(ms),
        stop_scope: random.pick(&[Scope::Leader, Scope::Group, Scope::Tree]),
        leftovers: match random.chance(15) {
            true => Leftovers::Keep,
            false => Leftovers::Stop,
        },
        forward_scope: random.pick(&[Scope::Leader, Scope::Tree]),
        ..ProgramSpec::new(format!("p{number}"))
    };
    match extras {
        0 => spec,
        _ => with_extras(random, spec, extras),
    }
}

fn with_extras(random: &mut Random, spec: ProgramSpec, extras: u64) -> ProgramSpec {
    ProgramSpec {
        kind: match random.chance(extras) {
            true => Kind::Oneshot,
            false => Kind::Service,
        },
        readiness: random.chance(extras).then(|| readiness(random)),
        healthcheck: random.chance(extras).then(|| healthcheck(random)),
        watchdog: random
            .chance(extras / 2)
            .then(|| ms(random.pick(&[300, 2_000, 10_000]))),
        pre_start: random.chance(extras),
        post_stop: random.chance(extras),
        schedule: random.chance(extras / 2).then(|| {
            random.pick(&[
                Concurrency::Forbid,
                Concurrency::Allow,
                Concurrency::Replace,
            ])
        }),
        reload_signal: random
            .chance(extras)
            .then(|| random.pick(&[Signal::HUP, Signal::USR1])),
        ..spec
    }
}

fn readiness(random: &mut Random) -> Readiness {
    Readiness {
        by: match random.chance(50) {
            true => ReadyBy::Message,
            false => ReadyBy::Probe(times(random)),
        },
        start_timeout: ms(random.pick(&[50, 300, 2_000, 60_000])),
    }
}

fn healthcheck(random: &mut Random) -> Healthcheck {
    Healthcheck {
        times: times(random),
        retries: 1 + random.below(3) as u32,
        start_period: ms(random.pick(&[0, 0, 2_000])),
        action: random.pick(&[
            HealthAction::Restart,
            HealthAction::Restart,
            HealthAction::Shutdown,
            HealthAction::Nothing,
        ]),
    }
}

fn times(random: &mut Random) -> ProbeTimes {
    ProbeTimes {
        interval: ms(random.pick(&[200, 1_000, 5_000])),
        timeout: ms(random.pick(&[20, 500, 3_000])),
    }
}

/// Somebody gives it other values, a few or all.
pub(super) fn change(random: &mut Random, spec: &mut ProgramSpec, extras: u64) {
    let new = ProgramSpec {
        name: spec.name.clone(),
        has_terminal: spec.has_terminal,
        ..any(random, 0, extras)
    };
    if random.chance(15) {
        *spec = new;
        return;
    }
    match random.below(9) {
        0 => spec.autostart = new.autostart,
        1 => spec.priority = new.priority,
        2 => spec.stopwaitsecs = new.stopwaitsecs,
        3 => spec.readiness = new.readiness,
        4 => spec.healthcheck = new.healthcheck,
        5 => (spec.startsecs, spec.watchdog) = (new.startsecs, new.watchdog),
        6 => (spec.pre_start, spec.post_stop) = (new.pre_start, new.post_stop),
        7 => spec.schedule = new.schedule,
        _ => (spec.kind, spec.autorestart) = (new.kind, new.autorestart),
    }
}
