//! A configuration in the making, and what becomes of it when somebody edits it: programs
//! come and go and come back, need others, are launched in other ways, get new values.
//!
//! Programs are known by numbers that they keep, where a `Spec` knows them by their places.

use lastout_core::{
    Condition, EndPolicy, Forward, Meaning, Need, ProgramId, ProgramSpec, Scope, Signal,
    SignalTable, Spec,
};

use super::{Version, ms, program};
use crate::random::Random;

/// Most programs of a configuration.
const MOST: u64 = 10;

/// A program in the making.
#[derive(Clone, Debug)]
struct Def {
    number: u32,
    spec: ProgramSpec,
    needs: Vec<(u32, Condition)>,
    launch: u32,
}

/// A configuration in the making.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    defs: Vec<Def>,
    /// What differs from the table that there would be otherwise. Program ids are numbers.
    table: Vec<(Signal, Meaning)>,
    /// Whose signals these are; `None`: it is a supervisor's table.
    forwarding: Option<u32>,
    main: Option<u32>,
    /// All but programs, signals and main.
    rest: Spec,
    /// Needs point in any direction as far as numbers go, yet never in a circle.
    backwards: bool,
    /// How often one needs another, in a hundred.
    chains: u64,
    /// How often a program has each of the newer things, in a hundred.
    extras: u64,
    launches: u32,
}

impl Plan {
    pub(super) fn single_command(random: &mut Random) -> Plan {
        let spec = ProgramSpec {
            has_terminal: random.chance(25),
            stop_scope: random.pick(&[Scope::Leader, Scope::Leader, Scope::Group, Scope::Tree]),
            forward_scope: random.pick(&[Scope::Leader, Scope::Group]),
            ..ProgramSpec::command("command")
        };
        let command = Def {
            number: 0,
            spec,
            needs: Vec::new(),
            launch: 0,
        };
        Plan {
            defs: vec![command],
            table: Vec::new(),
            forwarding: Some(0),
            main: Some(0),
            rest: Spec {
                stop_timeout: random.pick(&[None, None, Some(ms(700)), Some(ms(5_000))]),
                ..rest_of_spec(random)
            },
            backwards: false,
            chains: 0,
            extras: 0,
            launches: 0,
        }
    }

    pub(super) fn with_main(random: &mut Random) -> Plan {
        let mut plan = Plan::configuration(random);
        let main = random.below(plan.defs.len() as u64) as usize;
        let def = &mut plan.defs[main];
        def.spec = ProgramSpec {
            has_terminal: def.spec.has_terminal,
            priority: def.spec.priority,
            stopwaitsecs: def.spec.stopwaitsecs,
            ..ProgramSpec::command("main")
        };
        plan.main = Some(def.number);
        if random.chance(60) {
            plan.forwarding = plan.main;
            plan.table = Vec::new();
        }
        plan.rest.stop_timeout = random.pick(&[None, Some(ms(900)), Some(ms(9_000))]);
        plan
    }

    pub(super) fn configuration(random: &mut Random) -> Plan {
        let timeouts = [0, 1, 300, 2_000, 9_000, 9_000, 60_000];
        let stop_timeout = match random.chance(6) {
            true => None,
            false => Some(ms(random.pick(&timeouts))),
        };
        let startup = [500, 3_000, 20_000];
        let has_startup_timeout = random.chance(12);
        let mut plan = Plan {
            defs: Vec::new(),
            table: Vec::new(),
            forwarding: None,
            main: None,
            rest: Spec {
                stop_timeout,
                startup_timeout: has_startup_timeout.then(|| ms(random.pick(&startup))),
                ..rest_of_spec(random)
            },
            backwards: random.chance(50),
            chains: random.pick(&[0, 15, 40, 80]),
            extras: random.pick(&[0, 0, 10, 30, 50]),
            launches: 0,
        };
        let many = 1 + random.below(8);
        for number in 0..many as u32 {
            plan.add(random, number);
        }
        plan.all_need(random);
        let terminal = random.below(many * 5) as usize;
        if let Some(def) = plan.defs.get_mut(terminal) {
            def.spec.has_terminal = true;
        }
        plan.table = table(random, many);
        plan
    }

    /// Whether there is a file that can be read again.
    pub(super) fn is_file(&self) -> bool {
        self.main.is_none() || self.defs.len() > 1
    }

    /// Somebody edits it.
    pub(super) fn change(&mut self, random: &mut Random) {
        let main = self.main;
        if random.chance(50) {
            self.defs
                .retain(|def| Some(def.number) == main || !random.chance(25));
        }
        if self.defs.is_empty() || random.chance(50) {
            for number in 0..MOST as u32 {
                let is_there = self.defs.iter().any(|def| def.number == number);
                if !is_there && random.chance(30) {
                    self.add(random, number);
                }
            }
        }
        for index in 0..self.defs.len() {
            if Some(self.defs[index].number) == main {
                continue;
            }
            if random.chance(12) {
                self.launches += 1;
                self.defs[index].launch = self.launches;
            }
            if random.chance(3) {
                let spec = &mut self.defs[index].spec;
                spec.has_terminal = false;
            }
            if random.chance(25) {
                program::change(random, &mut self.defs[index].spec, self.extras);
            }
        }
        if random.chance(30) {
            self.all_need(random);
        }
        if random.chance(20) && self.defs.len() > 1 {
            let many = self.defs.len() as u64;
            let (one, other) = (random.below(many), random.below(many));
            self.defs.swap(one as usize, other as usize);
        }
    }

    fn add(&mut self, random: &mut Random, number: u32) {
        self.launches += 1;
        self.defs.push(Def {
            number,
            spec: program::any(random, u64::from(number), self.extras),
            needs: Vec::new(),
            launch: self.launches,
        });
    }

    /// Everybody needs others than before.
    fn all_need(&mut self, random: &mut Random) {
        let numbers: Vec<u32> = self.defs.iter().map(|def| def.number).collect();
        for def in &mut self.defs {
            let may = |other: u32| match self.backwards {
                true => other > def.number,
                false => other < def.number,
            };
            let others = numbers.iter().copied().filter(|other| may(*other));
            let others: Vec<u32> = others.filter(|_| random.chance(self.chains)).collect();
            let condition = |_| match random.chance(self.extras.max(10)) {
                true => random.pick(&[Condition::Started, Condition::Completed]),
                false => Condition::Ready,
            };
            let conditions: Vec<Condition> = others.iter().map(condition).collect();
            def.needs = others.into_iter().zip(conditions).collect();
        }
    }

    /// What a reader of the file makes of it.
    pub(super) fn build(&self) -> Version {
        let place = |number: u32| {
            let place = self.defs.iter().position(|def| def.number == number);
            place.map(|place| ProgramId(place as u32))
        };
        let program = |def: &Def| {
            let need = |(number, condition): &(u32, Condition)| {
                Some(Need {
                    program: place(*number)?,
                    condition: *condition,
                })
            };
            ProgramSpec {
                needs: def.needs.iter().filter_map(need).collect(),
                ..def.spec.clone()
            }
        };
        let mut signals = match self.forwarding.and_then(place) {
            Some(id) => SignalTable::forwarding(id),
            None => SignalTable::supervising(),
        };
        for (signal, meaning) in &self.table {
            // Whoever names one that is not there gets an error, and edits again.
            if let Some(meaning) = placed(*meaning, place) {
                signals.set(*signal, meaning);
            }
        }
        Version {
            spec: Spec {
                programs: self.defs.iter().map(program).collect(),
                signals,
                main: self.main.and_then(place),
                ..self.rest.clone()
            },
            launches: self.defs.iter().map(|def| def.launch).collect(),
        }
    }
}

fn placed(meaning: Meaning, place: impl Fn(u32) -> Option<ProgramId>) -> Option<Meaning> {
    Some(match meaning {
        Meaning::Forward(forward) => Meaning::Forward(Forward {
            program: place(forward.program.0)?,
            ..forward
        }),
        Meaning::ReloadProgram(program) => Meaning::ReloadProgram(place(program.0)?),
        Meaning::Shutdown
        | Meaning::Reload
        | Meaning::ReopenLogs
        | Meaning::LogState
        | Meaning::Ignore
        | Meaning::IgnoreSilently => meaning,
    })
}

fn rest_of_spec(random: &mut Random) -> Spec {
    Spec {
        leftover_time: ms(random.pick(&[0, 100, 1_000, 5_000])),
        expected_codes: random
            .pick(&[&[][..], &[], &[143], &[3], &[137, 0]])
            .to_vec(),
        strict: random.chance(25),
        seed: random.next(),
        ..Spec::new(Vec::new())
    }
}

/// What `[signals]` changes.
fn table(random: &mut Random, programs: u64) -> Vec<(Signal, Meaning)> {
    let many = random.below(4);
    let change = |_| {
        let program = ProgramId(random.below(programs) as u32);
        let forward = Forward {
            program,
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
            Meaning::ReloadProgram(program),
            Meaning::Shutdown,
            Meaning::Ignore,
        ]);
        (signal, meaning)
    };
    (0..many).map(change).collect()
}

/// What a program's end for good may do, by the mood of the world.
pub(super) fn policies(random: &mut Random) -> [EndPolicy; 3] {
    match random.chance(60) {
        true => [EndPolicy::Ignore; 3],
        false => [EndPolicy::Ignore, EndPolicy::Ignore, EndPolicy::Shutdown],
    }
}
