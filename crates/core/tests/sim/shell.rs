//! The loop: sleeps exactly as long as the core says, passes facts on, has every order
//! checked and carried out. It keeps to the contract of the crate's description, and to
//! nothing that is more comfortable than that.

use std::time::Duration;

use lastout_core::{
    Action, Change, Event, ProgramId, ReadyBy, Request, RequestId, RunId, Scope, Supervisor, Time,
    Work,
};

use crate::facts::Checker;
use crate::kernel::{Job, Kernel, News};
use crate::outcome::Outcome;
use crate::random::Random;
use crate::shadow::{Check, ensure};
use crate::trace::Trace;
use crate::world::{What, World};

/// Most orders after one fact: a few for each program, and what was held for one.
const MOST_ORDERS: u32 = 1_000;

/// Most ticks without a fact in one simulated second.
const MOST_TICKS: u32 = 200;

struct Shell<'a> {
    world: &'a World,
    core: Supervisor,
    /// Who has each place, and how that one is launched.
    launches: Vec<(String, u32)>,
    kernel: Kernel,
    checker: Checker,
    trace: &'a mut Trace,
    outcome: Outcome,
}

/// Lets a world happen from its beginning to its end.
pub(crate) fn run(world: &World, trace: &mut Trace) -> Result<Outcome, String> {
    let mut random = Random::new(world.seed ^ 0x5eed);
    let first = &world.versions[0];
    let names = first.spec.programs.iter().map(|spec| spec.name.clone());
    let mut shell = Shell {
        world,
        core: Supervisor::new(first.spec.clone()),
        launches: names.zip(first.launches.iter().copied()).collect(),
        kernel: Kernel::new(world),
        checker: Checker::new(&first.spec),
        trace,
        outcome: Outcome::default(),
    };
    let mut now = Time::ZERO;
    let (mut second, mut ticks) = (0, 0);
    let rests = loop {
        let facts = shell.outcome.facts;
        shell.turn(now, &mut random)?;
        if shell.checker.exit.is_some() {
            break true;
        }
        if now.since_beginning().as_secs() != second {
            second = now.since_beginning().as_secs();
            ticks = 0;
        }
        ticks += u32::from(facts == shell.outcome.facts);
        ensure!(ticks <= MOST_TICKS, "the loop is busy with nothing");
        let deadline = shell.core.next_deadline();
        let Some(next) = shell.kernel.sleep(deadline) else {
            break true;
        };
        if next > world.horizon {
            break false;
        }
        now = shell.sleep(&mut random, now.max(next));
    };
    shell.checker.world_done(now, rests, &shell.kernel)?;
    shell.outcome.exit = shell.checker.exit;
    Ok(shell.outcome)
}

impl Shell<'_> {
    /// Sleeps until `until`, or much longer.
    fn sleep(&mut self, random: &mut Random, until: Time) -> Time {
        let chaos = &self.world.chaos;
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
            let first = inbox.iter().position(|news| of(news) == of(&inbox[any]));
            let Some(event) = self.fact_of(inbox.remove(first.unwrap_or(any))) else {
                continue;
            };
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

    /// What the core is told of the news: names are places there.
    fn fact_of(&mut self, news: News) -> Option<Event> {
        match news {
            News::Fact(event) => Some(event),
            News::Due(name) => {
                let place = self.checker.place_of(&name)?;
                let program = ProgramId(place as u32);
                Some(Event::Due { program })
            }
            News::Loaded(number) => Some(self.load(number)),
            News::Asked(number) => Some(self.ask(number)),
        }
    }

    /// Somebody asks for something. Names that nobody has any more are errors, which the
    /// shell answers; but who was removed has a name for as long as it lives.
    fn ask(&self, number: usize) -> Event {
        let ask = &self.world.requests[number];
        let places = ask
            .programs
            .iter()
            .filter_map(|it| self.checker.place_of(it));
        let named = places.map(|place| ProgramId(place as u32));
        let removed = ask.programs.iter().filter(|_| ask.removed);
        let removed = removed.flat_map(|it| self.checker.removed_of(it));
        let programs = named
            .chain(removed)
            .chain(ask.place.map(ProgramId))
            .collect();
        let request = match ask.what {
            What::Start => Request::Start { programs },
            What::Stop => Request::Stop { programs },
            What::Restart => Request::Restart { programs },
            What::Signal(signal, scope) => Request::Signal {
                programs,
                signal,
                scope,
            },
            What::ReloadPrograms => Request::ReloadPrograms { programs },
            What::Reload => Request::Reload,
            What::Wait(until) => Request::Wait { programs, until },
            What::Shutdown(code) => Request::Shutdown { code },
        };
        Event::Requested {
            id: RequestId(number as u64),
            request,
            deadline: ask.deadline,
            wait: ask.wait,
            each: ask.each,
        }
    }

    /// A configuration was read. What it takes to launch each program in its way is for
    /// the shell to say.
    fn load(&mut self, number: usize) -> Event {
        let version = &self.world.versions[number];
        let places = self.core.places(&version.spec);
        let mut launches = Vec::new();
        for ((place, spec), launch) in places
            .iter()
            .zip(&version.spec.programs)
            .zip(&version.launches)
        {
            let known = self.launches.get(place.0 as usize);
            launches.push(match known {
                Some((name, old)) if *name == spec.name && old == launch => Change::Same,
                Some(_) | None => Change::Restart,
            });
        }
        if !self.core.is_stopping() {
            self.outcome.loads += 1;
            for ((place, spec), launch) in places
                .iter()
                .zip(&version.spec.programs)
                .zip(&version.launches)
            {
                let place = place.0 as usize;
                let many = self.launches.len().max(place + 1);
                self.launches.resize(many, (String::new(), 0));
                self.launches[place] = (spec.name.clone(), *launch);
            }
        }
        self.checker.places = places;
        Event::Loaded {
            spec: Box::new(version.spec.clone()),
            launches,
        }
    }

    fn say_when_nobody_is_left(&mut self, now: Time) -> Check {
        if self.kernel.nobody_is_left() && self.checker.exit.is_none() {
            self.outcome.facts += 1;
            self.handle(now, Event::NobodyLeft)?;
        }
        Ok(())
    }

    fn handle(&mut self, now: Time, event: Event) -> Check {
        if let Event::Loaded { spec, launches } = &event {
            let programs = spec.programs.iter().zip(launches);
            for (program, launch) in programs {
                self.trace
                    .note(now, format_args!("Loaded {launch:?} {program:?}"));
            }
        } else if event != Event::Tick {
            self.trace.note(now, format_args!("{event:?}"));
        }
        self.checker.fact(now, &event)?;
        self.core.handle(now, event);
        self.greet_twins()?;
        let mut orders = 0;
        while let Some(action) = self.core.poll_action() {
            self.trace.note(now, format_args!("    {action:?}"));
            orders += 1;
            ensure!(orders <= MOST_ORDERS, "there is no end to the orders");
            self.checker.order(now, &action, &self.kernel)?;
            self.carry_out(now, &action);
        }
        self.checker.step_done(now, self.core.next_deadline())?;
        if self.checker.exit.is_none() {
            self.checker.overview_done(now, &self.core)?;
        }
        Ok(())
    }

    /// Second lives of scheduled programs have places of their own, which the shell has
    /// not given them.
    fn greet_twins(&mut self) -> Check {
        let known = self.checker.shadows.len();
        for place in known..self.core.spec().programs.len() {
            let of = self.core.launched_as(ProgramId(place as u32)).0 as usize;
            self.checker.twin_appears(of)?;
            let launch = self.launches[of].clone();
            self.launches.resize(place, (String::new(), 0));
            self.launches.push(launch);
        }
        Ok(())
    }

    fn spawn(&mut self, now: Time, program: ProgramId, run: RunId, work: Work) {
        let spec = &self.checker.spec.programs[program.0 as usize];
        let job = match work {
            Work::Command => Job::Command {
                has_terminal: spec.has_terminal,
                says_ready: spec.readiness.is_some_and(|r| r.by == ReadyBy::Message),
                watchdog: spec.watchdog,
            },
            Work::PreStart | Work::PostStop(_) => Job::Hook,
            Work::Probe(_) => Job::Probe,
        };
        self.kernel.spawn(now, run, job);
    }

    fn carry_out(&mut self, now: Time, action: &Action) {
        self.outcome.ordered(now, action);
        let kernel = &mut self.kernel;
        match action {
            Action::Spawn { program, run, work } => self.spawn(now, *program, *run, *work),
            Action::Forward { run, .. } => kernel.forward(now, *run),
            Action::Tell { run, scope, signal } => {
                let leader_only = *scope == Some(Scope::Leader);
                kernel.tell(now, *run, leader_only, *signal);
            }
            Action::TellFollowers { run, signal } => kernel.tell_followers(now, *run, *signal),
            Action::HangUp { run } => kernel.hang_up(now, *run),
            Action::Kill { run } => kernel.kill(now, *run),
            Action::Disown { run } => kernel.disown(now, *run),
            Action::TellStrays { .. } => kernel.tell_strays(now),
            Action::KillEverybody => kernel.kill_everybody(now),
            Action::Load => kernel.load(now),
            Action::Notice(_)
            | Action::Decided { .. }
            | Action::Reply { .. }
            | Action::Exit { .. } => {}
        }
    }
}

/// News with the same number keep their order.
fn of(news: &News) -> u64 {
    let News::Fact(event) = news else {
        return 0;
    };
    match event {
        Event::Execed { run }
        | Event::SpawnFailed { run, .. }
        | Event::Exited { run, .. }
        | Event::TreeGone { run }
        | Event::LeaderAlone { run } => run.0,
        // What is said travels on a way of its own.
        Event::Said { run, .. } => run.0 | 1 << 40,
        Event::Due { .. }
        | Event::Loaded { .. }
        | Event::LoadFailed
        | Event::Requested { .. }
        | Event::Withdrawn { .. }
        | Event::Signal { .. }
        | Event::NobodyLeft
        | Event::Tick => 0,
    }
}
