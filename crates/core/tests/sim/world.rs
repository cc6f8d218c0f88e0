//! A world by seed: what is supervised, how bad the days are that it will have, and
//! which signals arrive. Everything random about a world that can be known before it
//! begins is decided here.

use std::time::Duration;

use lastout_core::{
    Autorestart, Condition, EndPolicy, Forward, Leftovers, Meaning, Need, ProgramId, ProgramSpec,
    Retries, Scope, Signal, SignalTable, Spec, Time,
};

use crate::random::Random;

/// Everything about a world that is known before it begins.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) spec: Spec,
    pub(crate) chaos: Chaos,
    /// Signals that arrive at lastout, and whether a terminal sends them.
    pub(crate) signals: Vec<(Time, Signal, bool)>,
    /// When processes appear that belong to no program.
    pub(crate) strays: Vec<Time>,
    /// No simulated time is looked at beyond this.
    pub(crate) horizon: Time,
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
    let spec = match random.below(10) {
        0..3 => single_command(&mut random),
        3..5 => with_main(&mut random),
        _ => configuration(&mut random),
    };
    let chaos = chaos(&mut random, stop_at);
    let signals = signals(&mut random, &spec, stop_at);
    let strays = (0..random.within(ms(5)).as_millis())
        .map(|_| near(&mut random, stop_at))
        .collect();
    World {
        seed,
        spec,
        chaos,
        signals,
        strays,
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

fn single_command(random: &mut Random) -> Spec {
    let command = ProgramSpec {
        has_terminal: random.chance(25),
        stop_scope: random.pick(&[Scope::Leader, Scope::Leader, Scope::Group, Scope::Tree]),
        forward_scope: random.pick(&[Scope::Leader, Scope::Group]),
        ..ProgramSpec::command("command")
    };
    Spec {
        signals: SignalTable::forwarding(ProgramId(0)),
        stop_timeout: random.pick(&[None, None, Some(ms(700)), Some(ms(5_000))]),
        main: Some(ProgramId(0)),
        ..rest_of_spec(random, vec![command])
    }
}

fn with_main(random: &mut Random) -> Spec {
    let mut programs = programs(random);
    let id = ProgramId(random.below(programs.len() as u64) as u32);
    let name = "main";
    let index = id.0 as usize;
    let needs = programs[index].needs.clone();
    programs[index] = ProgramSpec {
        needs,
        has_terminal: programs[index].has_terminal,
        priority: programs[index].priority,
        stopwaitsecs: programs[index].stopwaitsecs,
        ..ProgramSpec::command(name)
    };
    let signals = if random.chance(60) {
        SignalTable::forwarding(id)
    } else {
        supervising(random, programs.len())
    };
    Spec {
        signals,
        stop_timeout: random.pick(&[None, Some(ms(900)), Some(ms(9_000))]),
        main: Some(id),
        ..rest_of_spec(random, programs)
    }
}

fn configuration(random: &mut Random) -> Spec {
    let programs = programs(random);
    let signals = supervising(random, programs.len());
    let timeouts = [0, 1, 300, 2_000, 9_000, 9_000, 60_000];
    let stop_timeout = match random.chance(6) {
        true => None,
        false => Some(ms(random.pick(&timeouts))),
    };
    Spec {
        signals,
        stop_timeout,
        ..rest_of_spec(random, programs)
    }
}

fn rest_of_spec(random: &mut Random, programs: Vec<ProgramSpec>) -> Spec {
    Spec {
        leftover_time: ms(random.pick(&[0, 100, 1_000, 5_000])),
        expected_codes: random
            .pick(&[&[][..], &[], &[143], &[3], &[137, 0]])
            .to_vec(),
        strict: random.chance(25),
        seed: random.next(),
        ..Spec::new(programs)
    }
}

/// A supervisor's table, at times changed as `[signals]` can change it.
fn supervising(random: &mut Random, programs: usize) -> SignalTable {
    let mut table = SignalTable::supervising();
    for _ in 0..random.below(4) {
        let forward = Forward {
            program: ProgramId(random.below(programs as u64) as u32),
            signal: random.pick(&[
                Some(Signal::HUP),
                Some(Signal::RTMIN_3),
                Some(Signal::USR1),
                None,
            ]),
            stops: random.chance(20),
        };
        let signal = random.pick(&[
            Signal::WINCH,
            Signal::HUP,
            Signal::USR1,
            Signal::RTMIN_3,
            Signal::PWR,
        ]);
        let meaning = random.pick(&[
            Meaning::Forward(forward),
            Meaning::Forward(forward),
            Meaning::Shutdown,
            Meaning::Ignore,
        ]);
        table.set(signal, meaning);
    }
    table
}

fn programs(random: &mut Random) -> Vec<ProgramSpec> {
    let many = 1 + random.below(8);
    let chains = random.pick(&[0, 15, 40, 80]);
    let terminal = random.below(many * 5);
    // Needs point in any direction as far as numbers go, yet never in a circle.
    let backwards = random.chance(50);
    (0..many)
        .map(|index| {
            let needs = (0..many)
                .filter(|other| {
                    if backwards {
                        *other > index
                    } else {
                        *other < index
                    }
                })
                .filter(|_| random.chance(chains))
                .map(|other| Need {
                    program: ProgramId(other as u32),
                    condition: Condition::Ready,
                })
                .collect();
            ProgramSpec {
                needs,
                has_terminal: index == terminal,
                ..program(random, index)
            }
        })
        .collect()
}

fn program(random: &mut Random, index: u64) -> ProgramSpec {
    let policies = match random.chance(60) {
        true => [EndPolicy::Ignore; 3],
        false => [EndPolicy::Ignore, EndPolicy::Ignore, EndPolicy::Shutdown],
    };
    let waits = [
        None,
        Some(0),
        Some(1),
        Some(50),
        Some(1_000),
        Some(10_000),
        Some(30_000),
    ];
    ProgramSpec {
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
        ..ProgramSpec::new(format!("p{index}"))
    }
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
