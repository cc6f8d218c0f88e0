//! A world by seed: what is supervised, how bad the days are that it will have, which
//! signals arrive, which times come and which configurations are read. Everything random
//! about a world that can be known before it begins is decided here.

mod plan;
mod program;
mod requests;

use std::time::Duration;

use lastout_core::{Signal, Spec, Time};

use crate::random::Random;
use plan::Plan;
pub(crate) use requests::{Ask, What};

/// Everything about a world that is known before it begins.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) seed: u64,
    /// The configurations, in the order in which they are read.
    pub(crate) versions: Vec<Version>,
    pub(crate) chaos: Chaos,
    /// Signals that arrive at lastout, and whether a terminal sends them.
    pub(crate) signals: Vec<(Time, Signal, bool)>,
    /// When processes appear that belong to no program.
    pub(crate) strays: Vec<Time>,
    /// When the time of a scheduled program comes, by its name.
    pub(crate) dues: Vec<(Time, String)>,
    /// When the configuration is read without a signal that asks for it.
    pub(crate) loads: Vec<Time>,
    /// What people ask for.
    pub(crate) requests: Vec<Ask>,
    /// No simulated time is looked at beyond this.
    pub(crate) horizon: Time,
}

/// A configuration, and for each of its programs how it is launched: another number
/// needs another process.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) spec: Spec,
    pub(crate) launches: Vec<u32>,
}

/// How bad the days are; numbers without a unit are percentages.
#[derive(Clone, Debug)]
pub(crate) struct Chaos {
    /// While this lasts, every fork fails.
    pub(crate) no_forks: (Time, Time),
    /// After this nothing new goes wrong by itself.
    pub(crate) calm_from: Time,
    pub(crate) exec_fails: u64,
    pub(crate) exec_fails_for_now: u64,
    pub(crate) slow_exec: u64,
    pub(crate) dies_young: u64,
    pub(crate) lives_on: u64,
    pub(crate) deaf: u64,
    pub(crate) slow: u64,
    pub(crate) children: u64,
    pub(crate) hangs_in_kernel: u64,
    pub(crate) stopped: u64,
    pub(crate) dies_of_forwarded: u64,
    pub(crate) late_reports: u64,
    /// How often one that is asked, or a hook, says no.
    pub(crate) unwell: u64,
    /// How often one that is asked, or a hook, takes very long.
    pub(crate) dawdles: u64,
    /// How often a program says what it should not say now, or says nothing.
    pub(crate) confused: u64,
    /// How often a configuration that is read is wrong.
    pub(crate) bad_loads: u64,
    /// How often, in a thousand, the loop wakes much too late.
    pub(crate) late_wakes: u64,
    /// Whether everybody is late together with it (`docker pause`).
    pub(crate) all_are_late: bool,
    /// The loop wakes at multiples of this, so that facts come several at once.
    pub(crate) grain: Duration,
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn at(since_beginning: Duration) -> Time {
    Time::from_beginning(since_beginning)
}

/// Makes the world of that seed.
pub(crate) fn make(seed: u64) -> World {
    let mut random = Random::new(seed);
    let short = random.mostly_short(ms(4_000));
    let stop_at = at(match random.chance(40) {
        true => ms(50) + random.within(ms(40_000)),
        false => short + random.within(ms(8_000)),
    });
    let mut plan = match random.below(10) {
        0..2 => Plan::single_command(&mut random),
        2..4 => Plan::with_main(&mut random),
        _ => Plan::configuration(&mut random),
    };
    let mut versions = vec![plan.build()];
    let chaos = chaos(&mut random, stop_at);
    let signals = signals(&mut random, &versions[0].spec, stop_at);
    let strays = (0..random.within(ms(5)).as_millis())
        .map(|_| near(&mut random, stop_at))
        .collect();
    let first = plan.clone();
    let mut loads = Vec::new();
    if random.chance(45) && plan.is_file() {
        for _ in 0..1 + random.below(4) {
            loads.push(match random.chance(30) {
                true => shortly_before(&mut random, stop_at),
                false => near(&mut random, stop_at),
            });
        }
        for _ in 0..4 {
            // What was once is at times so again.
            match random.chance(15) {
                true => plan = first.clone(),
                false => plan.change(&mut random),
            }
            versions.push(plan.build());
        }
    }
    World {
        seed,
        dues: dues(&mut random, &versions, stop_at),
        requests: requests::requests(seed, (&versions, &loads), stop_at),
        versions,
        chaos,
        signals,
        strays,
        loads,
        horizon: stop_at.plus(ms(150_000)),
    }
}

/// Any time in the life of a world, more often about the stop.
fn near(random: &mut Random, stop_at: Time) -> Time {
    if random.chance(50) {
        at(random.within(stop_at.since_beginning()))
    } else {
        stop_at.plus(random.mostly_short(ms(12_000)))
    }
}

/// What is begun then is in the middle of it when the stop comes.
fn shortly_before(random: &mut Random, stop_at: Time) -> Time {
    let before = random.mostly_short(ms(2_000));
    at(stop_at.since_beginning().saturating_sub(before))
}

/// The times of those that are scheduled in any of the configurations, and at times of
/// one that is not.
fn dues(random: &mut Random, versions: &[Version], stop_at: Time) -> Vec<(Time, String)> {
    let mut dues = Vec::new();
    let all = versions.iter().flat_map(|version| &version.spec.programs);
    for program in all {
        let is_known = dues.iter().any(|(_, name)| *name == program.name);
        let is_scheduled = program.schedule.is_some() && !is_known;
        let many = match is_scheduled {
            true => 1 + random.below(6),
            false => u64::from(random.chance(2)),
        };
        let whole = stop_at.since_beginning() + ms(1_000);
        for _ in 0..many {
            let when = at(random.within(whole));
            dues.push((when, program.name.clone()));
            if random.chance(20) {
                dues.push((when.plus(random.within(ms(500))), program.name.clone()));
            }
        }
    }
    dues
}

fn chaos(random: &mut Random, stop_at: Time) -> Chaos {
    let worst = random.pick(&[0, 20, 60, 100, 100]);
    let mut up_to = |most: u64| random.below(most * worst / 100 + 1);
    let no_forks_from = up_to(100);
    let mut chaos = Chaos {
        no_forks: (Time::ZERO, Time::ZERO),
        calm_from: stop_at.plus(ms(20_000)),
        exec_fails: up_to(12),
        exec_fails_for_now: up_to(25),
        slow_exec: up_to(50),
        dies_young: up_to(40),
        lives_on: 100 - up_to(70),
        deaf: up_to(70),
        slow: up_to(80),
        children: up_to(70),
        hangs_in_kernel: up_to(20),
        stopped: up_to(30),
        dies_of_forwarded: up_to(60),
        late_reports: up_to(60),
        unwell: up_to(90),
        dawdles: up_to(30),
        confused: up_to(40),
        bad_loads: up_to(40),
        late_wakes: up_to(40),
        all_are_late: false,
        grain: Duration::ZERO,
    };
    if no_forks_from > 60 {
        let from = near(random, stop_at);
        chaos.no_forks = (from, from.plus(random.within(ms(8_000))));
    } else if no_forks_from > 40 {
        chaos.no_forks = (Time::ZERO, at(random.within(ms(8_000))));
    }
    if random.chance(60) {
        chaos.hangs_in_kernel = 0;
    }
    chaos.all_are_late = random.chance(50);
    chaos.grain = random.pick(&[Duration::ZERO, Duration::ZERO, Duration::from_micros(100)]);
    chaos
}

/// What arrives: a few signals at any time, bursts, and a stop, mostly once.
fn signals(random: &mut Random, spec: &Spec, stop_at: Time) -> Vec<(Time, Signal, bool)> {
    let mut signals = Vec::new();
    let kinds = [
        Signal::HUP,
        Signal::USR1,
        Signal::USR2,
        Signal::WINCH,
        Signal::INT,
        Signal::QUIT,
        Signal::CONT,
        Signal::PWR,
        Signal::RTMIN_3,
        Signal::new(36).unwrap_or(Signal::HUP),
        Signal::new(40).unwrap_or(Signal::HUP),
    ];
    // With a configuration INT, QUIT, PWR and RTMIN+3 end the world early.
    let kinds = match spec.main.is_some() || random.chance(20) {
        true => &kinds[..],
        false => &kinds[..4],
    };
    for _ in 0..random.within(ms(10)).as_millis() {
        let when = match random.chance(20) {
            true => at(random.within(ms(5))),
            false => near(random, stop_at),
        };
        let many = match random.chance(6) {
            true => random.below(100),
            false => 1,
        };
        let signal = random.pick(kinds);
        let from_terminal = random.chance(10);
        signals.extend((0..many).map(|_| (when, signal, from_terminal)));
    }
    let stop = random.pick(&[Signal::TERM, Signal::TERM, Signal::TERM, Signal::PWR]);
    if !random.chance(10) {
        signals.push((stop_at, stop, false));
    }
    if random.chance(30) {
        signals.push((stop_at.plus(random.within(ms(3_000))), Signal::TERM, false));
    }
    if random.chance(20) {
        let first = stop_at.plus(random.mostly_short(ms(2_000)));
        signals.push((first, Signal::INT, true));
        for _ in 0..1 + random.below(2) {
            let later = first.plus(random.mostly_short(ms(3_000)));
            signals.push((later, Signal::INT, true));
        }
    }
    signals
}
