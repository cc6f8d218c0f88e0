//! The loop: sleeps exactly as long as the core says, passes facts on, has every order
//! checked and carried out. It keeps to the contract of the crate's description, and to
//! nothing that is more comfortable than that.

use std::time::Duration;

use lastout_core::{Action, Event, Scope, Supervisor, Time};

use crate::facts::Checker;
use crate::kernel::Kernel;
use crate::random::Random;
use crate::shadow::{Check, ensure};
use crate::trace::Trace;
use crate::world::World;

/// Most orders after one fact: a few for each program, and what was held for one.
const MOST_ORDERS: u32 = 1_000;

/// Most ticks without a fact in one simulated second.
const MOST_TICKS: u32 = 200;

/// How a world went.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    /// Of everything that was ordered, and when.
    pub(crate) fingerprint: u64,
    pub(crate) facts: u64,
    pub(crate) spawns: u64,
    pub(crate) kills: u64,
    pub(crate) exit: Option<u8>,
}

struct Shell<'a> {
    core: Supervisor,
    kernel: Kernel,
    checker: Checker,
    trace: &'a mut Trace,
    outcome: Outcome,
}

/// Lets a world happen from its beginning to its end.
pub(crate) fn run(world: &World, trace: &mut Trace) -> Result<Outcome, String> {
    let mut random = Random::new(world.seed ^ 0x5eed);
    let mut shell = Shell {
        core: Supervisor::new(world.spec.clone()),
        kernel: Kernel::new(world),
        checker: Checker::new(&world.spec),
        trace,
        outcome: Outcome::default(),
    };
    let mut now = Time::ZERO;
    let (mut second, mut ticks) = (0, 0);
    loop {
        let facts = shell.outcome.facts;
        shell.turn(now, &mut random)?;
        if shell.checker.exit.is_some() {
            break;
        }
        if now.since_beginning().as_secs() != second {
            second = now.since_beginning().as_secs();
            ticks = 0;
        }
        ticks += u32::from(facts == shell.outcome.facts);
        ensure!(ticks <= MOST_TICKS, "the loop is busy with nothing");
        let deadline = shell.core.next_deadline();
        let Some(next) = shell.kernel.sleep(deadline) else {
            break;
        };
        if next > world.horizon {
            break;
        }
        now = shell.sleep(world, &mut random, now.max(next));
    }
    shell.checker.world_done(now, &shell.kernel)?;
    shell.outcome.exit = shell.checker.exit;
    Ok(shell.outcome)
}

impl Shell<'_> {
    /// Sleeps until `until`, or much longer.
    fn sleep(&mut self, world: &World, random: &mut Random, until: Time) -> Time {
        let chaos = &world.chaos;
        let mut now = until;
        if !chaos.grain.is_zero() {
            let grain = chaos.grain.as_micros() as u64;
            let micros = now.since_beginning().as_micros() as u64;
            now = Time::from_beginning(Duration::from_micros(micros.next_multiple_of(grain)));
            now = now.max(until);
        }
        if now < chaos.calm_from && random.below(1000) < chaos.late_wakes {
            let late = random.mostly_short(Duration::from_secs(20));
            self.checker.late += late;
            if chaos.all_are_late {
                self.kernel.delay_all(late);
            }
            self.trace
                .note(now, format_args!("the loop sleeps {late:?} too long"));
            now = now.plus(late);
        }
        now
    }

    /// One turn of the loop: facts in any order that their causes allow, then a tick.
    fn turn(&mut self, now: Time, random: &mut Random) -> Check {
        self.kernel.advance(now);
        self.say_when_nobody_is_left(now)?;
        let mut inbox = std::mem::take(&mut self.kernel.inbox);
        while !inbox.is_empty() && self.checker.exit.is_none() {
            let any = random.below(inbox.len() as u64) as usize;
            // What is told of one run, and signals among themselves, keep their order.
            let first = inbox.iter().position(|event| of(event) == of(&inbox[any]));
            let event = inbox.remove(first.unwrap_or(any));
            self.outcome.facts += 1;
            self.kernel.delivered(now, &event);
            self.handle(now, event)?;
            self.say_when_nobody_is_left(now)?;
        }
        if self.checker.exit.is_none() {
            self.handle(now, Event::Tick)?;
        }
        self.say_when_nobody_is_left(now)
    }

    fn say_when_nobody_is_left(&mut self, now: Time) -> Check {
        if self.kernel.nobody_is_left() && self.checker.exit.is_none() {
            self.outcome.facts += 1;
            self.handle(now, Event::NobodyLeft)?;
        }
        Ok(())
    }

    fn handle(&mut self, now: Time, event: Event) -> Check {
        if event != Event::Tick {
            self.trace.note(now, format_args!("{event:?}"));
        }
        self.checker.fact(now, &event);
        self.core.handle(now, event);
        let mut orders = 0;
        while let Some(action) = self.core.poll_action() {
            self.trace.note(now, format_args!("    {action:?}"));
            orders += 1;
            ensure!(orders <= MOST_ORDERS, "there is no end to the orders");
            self.checker.order(now, &action, &self.kernel)?;
            self.carry_out(now, &action);
        }
        self.checker.step_done(now, self.core.next_deadline())
    }

    fn carry_out(&mut self, now: Time, action: &Action) {
        let kind = match action {
            Action::Spawn { program, run, .. } => {
                let has_terminal = self.checker.spec.programs[program.0 as usize].has_terminal;
                self.kernel.spawn(now, *run, has_terminal);
                self.outcome.spawns += 1;
                run.0
            }
            Action::Forward { run, .. } => {
                self.kernel.forward(now, *run);
                run.0 + (1 << 20)
            }
            Action::Tell { run, scope, signal } => {
                let leader_only = *scope == Some(Scope::Leader);
                self.kernel.tell(now, *run, leader_only, *signal);
                run.0 + (2 << 20)
            }
            Action::TellFollowers { run, signal } => {
                self.kernel.tell_followers(now, *run, *signal);
                run.0 + (8 << 20)
            }
            Action::HangUp { run } => {
                self.kernel.hang_up(now, *run);
                run.0 + (3 << 20)
            }
            Action::Kill { run } => {
                self.kernel.kill(now, *run);
                self.outcome.kills += 1;
                run.0 + (4 << 20)
            }
            Action::Disown { run } => {
                self.kernel.disown(now, *run);
                run.0 + (5 << 20)
            }
            Action::TellStrays { .. } => {
                self.kernel.tell_strays(now);
                6 << 20
            }
            Action::KillEverybody => {
                self.kernel.kill_everybody(now);
                self.outcome.kills += 1;
                7 << 20
            }
            Action::Load => 10 << 20,
            Action::Notice(_) => 8 << 20,
            Action::Exit { code } => u64::from(*code) + (9 << 20),
        };
        let micros = now.since_beginning().as_micros() as u64;
        let mixed = self.outcome.fingerprint.rotate_left(5) ^ kind ^ (micros << 24);
        self.outcome.fingerprint = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// Facts with the same number keep their order.
fn of(event: &Event) -> u64 {
    match event {
        Event::Execed { run }
        | Event::SpawnFailed { run, .. }
        | Event::Exited { run, .. }
        | Event::TreeGone { run }
        | Event::LeaderAlone { run }
        | Event::Said { run, .. } => run.0,
        Event::Due { .. }
        | Event::Loaded { .. }
        | Event::Signal { .. }
        | Event::NobodyLeft
        | Event::Tick => 0,
    }
}
