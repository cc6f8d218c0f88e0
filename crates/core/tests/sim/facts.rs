//! The checker's half that listens: what each fact, before the core has seen it, means
//! for what the core must and must not do.

use std::time::Duration;

use lastout_core::{
    Cause, End, Event, ExitStatus, Forward, Leftovers, Meaning, RunId, Signal, SpawnFailure, Spec,
    Time,
};

use crate::shadow::{Check, Due, Fate, Life, Shadow, is_expected, users};

/// Watches one world.
#[derive(Debug)]
pub(crate) struct Checker {
    pub(crate) spec: Spec,
    pub(crate) shadows: Vec<Shadow>,
    pub(crate) users: Vec<Vec<usize>>,
    /// The program of each run that there ever was.
    pub(crate) runs: Vec<(RunId, usize)>,
    pub(crate) stop: Option<Stop>,
    /// The stop signal that has come, and that must begin the shutdown now.
    pub(crate) stop_signal: Option<Signal>,
    pub(crate) due: Due,
    /// The run that is to be disowned now.
    pub(crate) disowns: Option<RunId>,
    /// How the first program ended that failed for good.
    pub(crate) first_failure: Option<End>,
    /// How many Ctrl-C came at a terminal since the shutdown began.
    pub(crate) interrupts: u32,
    pub(crate) nobody_left: bool,
    pub(crate) exit: Option<u8>,
    /// By how much the loop has woken late, since the shutdown began.
    pub(crate) late: Duration,
    /// Whether somebody has hung in the kernel since then.
    pub(crate) somebody_hung: bool,
    /// Whether this step is a tick.
    pub(crate) is_tick: bool,
    /// The priorities of who was started and told last in this step.
    pub(crate) last_spawned: Option<i32>,
    pub(crate) last_told: Option<i32>,
    /// When the core asked to be woken.
    pub(crate) deadline: Option<Time>,
}

/// A shutdown from outside.
#[derive(Debug)]
pub(crate) struct Stop {
    pub(crate) began: Time,
    pub(crate) cause: Cause,
    pub(crate) strays_told: bool,
    pub(crate) everybody_killed: Option<Time>,
    /// Whether anybody had to be killed (EXIT-3).
    pub(crate) killed: bool,
    /// Since when no leader is alive.
    pub(crate) leaderless: Option<Time>,
    /// When the second Ctrl-C came.
    pub(crate) second_interrupt: Option<Time>,
}

impl Checker {
    pub(crate) fn new(spec: &Spec) -> Checker {
        Checker {
            spec: spec.clone(),
            shadows: spec.programs.iter().map(|_| Shadow::new()).collect(),
            users: users(spec),
            runs: Vec::new(),
            stop: None,
            stop_signal: None,
            due: Due::default(),
            disowns: None,
            first_failure: None,
            interrupts: 0,
            nobody_left: false,
            exit: None,
            late: Duration::ZERO,
            somebody_hung: false,
            is_tick: false,
            last_spawned: None,
            last_told: None,
            deadline: None,
        }
    }

    /// The program of a run, if that run is not over.
    pub(crate) fn program_of(&self, run: RunId) -> Option<usize> {
        let (_, program) = self.runs.iter().rev().find(|(id, _)| *id == run)?;
        let is_current = self.shadows[*program].run().is_some_and(|r| r.id == run);
        is_current.then_some(*program)
    }

    /// HEALTH-2: who was held up for a second or more gives everybody that much longer, and
    /// a second in which to do what the pause kept him from.
    fn oversleep(&mut self, now: Time) {
        let late = self.deadline.map_or(Duration::ZERO, |at| now.since(at));
        if late < Duration::from_secs(1) {
            return;
        }
        let by = late + Duration::from_secs(1);
        for run in self.shadows.iter_mut().filter_map(Shadow::run_mut) {
            if !run.up && run.told.is_none() && run.leader.is_none() {
                run.execed = run.execed.map(|at| at.plus(by));
            }
        }
    }

    /// A fact that the core is about to be told.
    pub(crate) fn fact(&mut self, now: Time, event: &Event) {
        self.is_tick = *event == Event::Tick;
        self.last_spawned = None;
        self.oversleep(now);
        self.last_told = None;
        match event {
            Event::Execed { run } => {
                if let Some(program) = self.program_of(*run) {
                    self.shadows[program].execed(now);
                    self.due.started = Some(*run);
                }
            }
            Event::SpawnFailed { run, failure } => self.spawn_failed(now, *run, *failure),
            Event::Exited { run, status, .. } => self.exited(now, *run, *status),
            Event::TreeGone { run } => self.tree_gone(*run),
            Event::Signal {
                signal,
                from_terminal,
            } => self.signal(now, *signal, *from_terminal),
            Event::NobodyLeft => self.nobody_left = true,
            Event::LeaderAlone { .. }
            | Event::Said { .. }
            | Event::Due { .. }
            | Event::Loaded { .. }
            | Event::Tick => {}
        }
    }

    fn exited(&mut self, now: Time, run: RunId, status: ExitStatus) {
        let Some(program) = self.program_of(run) else {
            return;
        };
        self.due.ended = Some(run);
        let end = End::Status(status);
        let spec = self.spec.programs[program].clone();
        let shadow = &mut self.shadows[program];
        let Some(life) = shadow.run().cloned() else {
            return;
        };
        shadow.last_end = Some(end);
        shadow.lived = now.since(life.born);
        let was_up = life
            .execed
            .is_some_and(|since| now.since(since) >= spec.startsecs);
        let fate = if life.told.is_some() {
            match is_expected(&spec, end) {
                true => Fate::Well,
                false => Fate::Badly,
            }
        } else {
            if was_up {
                shadow.failures = 0;
            }
            self.judged(program, was_up, end)
        };
        let shadow = &mut self.shadows[program];
        if let Some(run) = shadow.run_mut() {
            run.leader = Some((end, now, fate));
        }
        if life.told.is_none() && spec.leftovers == Leftovers::Keep {
            self.disowns = Some(run);
        }
    }

    /// What becomes of a program that nobody had asked; remembers whose fault it is.
    fn judged(&mut self, program: usize, was_up: bool, end: End) -> Fate {
        let spec = self.spec.programs[program].clone();
        let fate = self.shadows[program].judge(&spec, was_up, end);
        if self.stop.is_some() {
            self.shadows[program].ends_container = false;
        } else if matches!(fate, Fate::Badly | Fate::GivenUp) {
            self.first_failure.get_or_insert(end);
        }
        fate
    }

    /// The life of a program is over.
    pub(crate) fn finish(&mut self, program: usize, end: End, fate: Fate) {
        let fate = match fate {
            Fate::Again if self.stop.is_some() => Fate::Badly,
            // The order for the shutdown that it causes comes first.
            Fate::Well | Fate::Badly | Fate::Again | Fate::GivenUp => fate,
        };
        self.shadows[program].over(end, fate);
    }

    fn tree_gone(&mut self, run: RunId) {
        let Some(program) = self.program_of(run) else {
            return;
        };
        if let Some((end, _, fate)) = self.shadows[program].run().and_then(|run| run.leader) {
            self.due.gone = Some(run);
            self.finish(program, end, fate);
        }
    }

    fn spawn_failed(&mut self, now: Time, run: RunId, failure: SpawnFailure) {
        let Some(program) = self.program_of(run) else {
            return;
        };
        let end = End::NeverRan(failure);
        let shadow = &mut self.shadows[program];
        let Some(life) = shadow.run().cloned() else {
            return;
        };
        shadow.last_end = Some(end);
        shadow.lived = now.since(life.born);
        let is_temporary = failure.is_temporary();
        if life.told.is_some() || (self.stop.is_some() && is_temporary) {
            self.finish(program, end, Fate::Badly);
        } else if is_temporary {
            self.shadows[program].machine_failed(now);
        } else {
            let fate = self.judged(program, false, end);
            self.finish(program, end, fate);
        }
    }

    fn signal(&mut self, now: Time, signal: Signal, from_terminal: bool) {
        let is_interrupt = signal == Signal::INT && from_terminal;
        let meaning = self.spec.signals.meaning(signal);
        if let Some(stop) = &mut self.stop {
            if is_interrupt {
                self.interrupts += 1;
                if self.interrupts == 2 {
                    stop.second_interrupt.get_or_insert(now);
                }
            }
        } else if meaning == Meaning::Shutdown || (meaning == Meaning::Reload && from_terminal) {
            self.stop_signal = Some(signal);
            self.interrupts += u32::from(is_interrupt);
        }
        if let Meaning::Forward(forward) = meaning {
            self.forward(signal, forward, from_terminal);
        }
    }

    /// Whom a signal that is to be passed on must reach (SIG-1, SIG-3, SIG-4).
    fn forward(&mut self, came: Signal, forward: Forward, from_terminal: bool) {
        let program = forward.program.0 as usize;
        let spec = &self.spec.programs[program];
        let Some(signal) = forward.signal else { return };
        // Of a hang-up the terminal tells the leader of the session alone.
        let is_hang_up = came == Signal::HUP || came == Signal::CONT;
        if from_terminal && spec.has_terminal && !is_hang_up {
            return;
        }
        let stopping = self.stop.is_some();
        let is_wanted = spec.autostart && !stopping;
        let shadow = &mut self.shadows[program];
        if forward.stops && !stopping {
            shadow.stop_with = Some(signal);
            self.stop_signal = Some(came);
            return;
        }
        let is_untold = shadow
            .run()
            .is_some_and(|run| run.told.is_none() && run.leader.is_none());
        if forward.stops && is_untold {
            // It will be told when its turn has come, and with that signal.
            shadow.stop_with.get_or_insert(signal);
            return;
        }
        match &shadow.life {
            Life::Alive(run) if run.leader.is_none() => shadow.owe(signal),
            Life::Waiting | Life::Pause(_) if is_wanted => shadow.owe(signal),
            Life::Waiting
            | Life::Pause(_)
            | Life::Alive(_)
            | Life::Done { .. }
            | Life::Fatal { .. } => {}
        }
    }

    /// Whether somebody lives who needs the program, by way of others too.
    pub(crate) fn is_needed(&self, program: usize) -> Option<usize> {
        let users = &self.users[program];
        users
            .iter()
            .copied()
            .find(|user| self.shadows[*user].run().is_some())
    }

    /// Whether the last call is due, or was given.
    pub(crate) fn is_last_call(&self, now: Time) -> bool {
        let timeout = self.spec.stop_timeout;
        let interrupted = self.interrupts >= 2;
        self.stop.as_ref().is_some_and(|stop| {
            interrupted || timeout.is_some_and(|timeout| now >= stop.began.plus(timeout / 5 * 4))
        })
    }

    /// Remembers since when no leader has been alive.
    pub(crate) fn look_for_leaders(&mut self, now: Time) {
        let leader_lives = self.shadows.iter().any(|shadow| shadow.has_leader());
        if let Some(stop) = &mut self.stop
            && !leader_lives
        {
            stop.leaderless.get_or_insert(now);
        }
    }

    /// Whether the last order was given.
    pub(crate) fn is_over(&self) -> Check {
        match self.exit {
            None => Ok(()),
            Some(_) => Err("an order after the last one".into()),
        }
    }
}
