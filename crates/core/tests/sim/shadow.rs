//! What there is to know of each program from the facts and orders alone, kept apart
//! from the core. Time is looked at directly here; there is no alarm that could be missed.

use std::time::Duration;

use lastout_core::{
    Aftermath, Condition, End, Kind, Notice, ProgramSpec, RunId, Signal, Spec, Time, Why, Work,
};

/// What a check says: nothing, or what is wrong.
pub(crate) type Check = Result<(), String>;

/// Leaves the function with what is wrong.
macro_rules! ensure {
    ($holds:expr, $($what:tt)+) => {
        if !$holds {
            return Err(format!($($what)+));
        }
    };
}
pub(crate) use ensure;

/// A program from outside.
#[derive(Debug)]
pub(crate) struct Shadow {
    pub(crate) life: Life,
    pub(crate) standing: Standing,
    /// Whether it is to be started when it can be.
    pub(crate) wanted: bool,
    /// Whether it is to be started once more when its life is over, whatever that was.
    pub(crate) again: bool,
    /// Whether it has ended well since somebody wanted it.
    pub(crate) completed: bool,
    /// Whether it was ever up; a oneshot: done.
    pub(crate) was_up: bool,
    /// Whether something has run after which a post_stop is due.
    pub(crate) to_clean: bool,
    pub(crate) failures: u32,
    pub(crate) restarts: u32,
    pub(crate) machine_failures: u32,
    /// Signals that are to reach the leader, in order.
    pub(crate) owed: Vec<Signal>,
    /// The stop signal that it is told with instead of its own.
    pub(crate) stop_with: Option<Signal>,
    /// The newest part of its lives.
    pub(crate) last_run: Option<RunId>,
    /// How its last life ended.
    pub(crate) last: Aftermath,
    /// How long its last leader lived.
    pub(crate) lived: Duration,
    /// The end of its last life, where that is the container's.
    pub(crate) ends_container: Option<End>,
    pub(crate) watch: Watch,
    /// Why it must be told in this step.
    pub(crate) must: Option<Why>,
    /// Whether somebody asked for it to be stopped, and nobody for a start since.
    pub(crate) stopped: bool,
    /// Why somebody asked for the end of this life.
    pub(crate) leaving: Option<Why>,
    /// Whether its last life had to be killed.
    pub(crate) was_killed: bool,
}

/// What the configuration says of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Standing {
    Listed,
    /// It came with a reload, and was not started yet.
    New,
    Removed,
    /// A second life of this scheduled program.
    Twin(usize),
}

/// What is asked of it, and what it has to say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch {
    pub(crate) ask_at: Option<Time>,
    pub(crate) asking: Option<RunId>,
    pub(crate) failures: u32,
    pub(crate) grace: Option<Time>,
    pub(crate) unhealthy: bool,
    /// Whether it has answered well, and has not been unhealthy since.
    pub(crate) well: bool,
    /// Whether the machine had nobody to ask it the last time.
    pub(crate) unasked: bool,
    pub(crate) watchdog: Option<(Duration, Time)>,
}

/// Where a program stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Life {
    /// Never started, or waiting for what it needs again.
    Waiting,
    Alive(Run),
    /// The next part of its life must begin now; what becomes of it after a post_stop.
    Between(Work, Option<(End, Fate)>),
    /// Between two lives, until then.
    Pause(Time),
    Done {
        end: End,
        well: bool,
    },
    Fatal {
        end: End,
        /// For whose sake.
        needs: Option<usize>,
    },
}

/// What becomes of a program.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fate {
    Well,
    Badly,
    Again,
    AtOnce,
    /// The command comes next.
    Proceed,
    /// Somebody asked for its end.
    Stopped,
    GivenUp,
    /// The machine was at fault: it is tried again then.
    Machine(Time),
}

/// A part of a life.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    PreStart,
    Command,
    PostStop,
}

/// A part of a life that is not over.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Run {
    pub(crate) id: RunId,
    pub(crate) part: Part,
    pub(crate) born: Time,
    /// When the command was exec'ed.
    pub(crate) execed: Option<Time>,
    /// When it has been up for long enough; none: it has been.
    pub(crate) up_at: Option<Time>,
    pub(crate) ready: bool,
    /// When it must be ready, or its pre_start done.
    pub(crate) give_up: Option<Time>,
    pub(crate) up: bool,
    /// When the leader was asked to end, and why.
    pub(crate) told: Option<(Time, Why)>,
    /// With what it was, or with what its rest will be.
    pub(crate) signal: Signal,
    /// When what the leader left was.
    pub(crate) rest_told: Option<Time>,
    /// When those were told whose leader was told before, and lives.
    pub(crate) followers_told: Option<Time>,
    /// When those must be told, at the latest.
    pub(crate) call_at: Option<Time>,
    /// When it is killed.
    pub(crate) kill_at: Option<Time>,
    pub(crate) has_terminal: bool,
    pub(crate) hung_up: bool,
    pub(crate) killed: Option<Time>,
    /// How the leader ended, and what becomes of the program.
    pub(crate) leader: Option<(End, Fate)>,
    /// What becomes of the program after this post_stop.
    pub(crate) then: Option<(End, Fate)>,
}

impl Run {
    pub(crate) fn new(id: RunId, part: Part, born: Time, signal: Signal) -> Run {
        Run {
            id,
            part,
            born,
            execed: None,
            up_at: None,
            ready: false,
            give_up: None,
            up: false,
            told: None,
            signal,
            rest_told: None,
            followers_told: None,
            call_at: None,
            kill_at: None,
            has_terminal: false,
            hung_up: false,
            killed: None,
            leader: None,
            then: None,
        }
    }

    pub(crate) fn first_told(&self) -> Option<Time> {
        let told = self.told.map(|(at, _)| at);
        match (told, self.rest_told) {
            (Some(told), Some(rest)) => Some(told.min(rest)),
            (told, rest) => told.or(rest),
        }
    }

    /// Whether it is up by the clock, whatever was reported.
    pub(crate) fn is_up(&self, now: Time) -> bool {
        let is_old = self.up_at.is_none_or(|at| at <= now);
        self.part == Part::Command && self.execed.is_some() && self.ready && is_old
    }

    /// Whether it is on its way in, or in, and not on its way out.
    pub(crate) fn is_untold(&self) -> bool {
        self.part != Part::PostStop && self.told.is_none() && self.leader.is_none()
    }
}

impl Shadow {
    pub(crate) fn new(wanted: bool, standing: Standing) -> Shadow {
        Shadow {
            life: Life::Waiting,
            standing,
            wanted,
            again: false,
            completed: false,
            was_up: false,
            to_clean: false,
            failures: 0,
            restarts: 0,
            machine_failures: 0,
            owed: Vec::new(),
            stop_with: None,
            last_run: None,
            last: Aftermath::default(),
            lived: Duration::ZERO,
            ends_container: None,
            watch: Watch::default(),
            must: None,
            stopped: false,
            leaving: None,
            was_killed: false,
        }
    }

    pub(crate) fn run(&self) -> Option<&Run> {
        match &self.life {
            Life::Alive(run) => Some(run),
            Life::Waiting
            | Life::Between(..)
            | Life::Pause(_)
            | Life::Done { .. }
            | Life::Fatal { .. } => None,
        }
    }

    pub(crate) fn run_mut(&mut self) -> Option<&mut Run> {
        match &mut self.life {
            Life::Alive(run) => Some(run),
            Life::Waiting
            | Life::Between(..)
            | Life::Pause(_)
            | Life::Done { .. }
            | Life::Fatal { .. } => None,
        }
    }

    pub(crate) fn has_leader(&self) -> bool {
        self.run().is_some_and(|run| run.leader.is_none())
    }

    /// Whether a leader of its life is alive, or will be: a post_stop is to come.
    pub(crate) fn has_work(&self, spec: &ProgramSpec) -> bool {
        let is_to_come = self.to_clean && spec.post_stop && self.run().is_some();
        let is_between = matches!(self.life, Life::Between(..));
        is_to_come || is_between || self.has_leader()
    }

    /// Whether it neither lives nor is about to.
    pub(crate) fn is_idle(&self) -> bool {
        match self.life {
            Life::Waiting => !self.wanted,
            Life::Done { .. } | Life::Fatal { .. } => true,
            Life::Alive(_) | Life::Between(..) | Life::Pause(_) => false,
        }
    }

    /// Whether somebody else may have its place.
    pub(crate) fn is_free(&self) -> bool {
        self.standing == Standing::Removed && self.run().is_none()
    }

    /// Whether it lives, or will by itself (END-1).
    pub(crate) fn is_busy(&self, spec: &ProgramSpec) -> bool {
        let is_scheduled = spec.schedule.is_some() && spec.autostart;
        match self.life {
            Life::Alive(_) | Life::Between(..) | Life::Pause(_) => true,
            _ if self.standing == Standing::Removed => false,
            _ if self.stopped && spec.autostart => true,
            Life::Waiting => self.wanted || is_scheduled,
            Life::Done { .. } | Life::Fatal { .. } => is_scheduled,
        }
    }

    /// Whether those that need it so may start.
    pub(crate) fn meets(&self, now: Time, condition: Condition) -> bool {
        let run = match &self.life {
            Life::Done { well: true, .. } => return true,
            Life::Alive(run) if !run.is_untold() || self.leaving.is_some() => return false,
            Life::Alive(run) => Some(run),
            Life::Waiting
            | Life::Between(..)
            | Life::Pause(_)
            | Life::Done { .. }
            | Life::Fatal { .. } => None,
        };
        match condition {
            Condition::Started => run.is_some_and(|run| run.execed.is_some()),
            Condition::Ready => run.is_some_and(|run| run.is_up(now)),
            Condition::Completed => self.completed,
        }
    }

    /// Whether those that need it can give up hope.
    pub(crate) fn is_lost(&self, spec: &ProgramSpec) -> bool {
        let is_over = match self.life {
            Life::Done { well, .. } => !well,
            Life::Fatal { .. } => true,
            Life::Waiting | Life::Alive(_) | Life::Between(..) | Life::Pause(_) => false,
        };
        is_over && spec.schedule.is_none()
    }

    /// Somebody wants it, and nothing of what was counts any more.
    pub(crate) fn renew(&mut self) {
        self.wanted = true;
        self.again = false;
        self.completed = false;
        self.failures = 0;
        self.restarts = 0;
        self.machine_failures = 0;
        self.stopped = false;
        self.life = Life::Waiting;
    }

    /// It has ended for good.
    pub(crate) fn done(&mut self, life: Life, spec: &ProgramSpec) {
        self.was_up |= matches!(life, Life::Done { well: true, .. });
        self.life = life;
        if spec.schedule.is_some() {
            self.wanted = false;
        }
    }

    /// Whether it was up, and is to be up again.
    pub(crate) fn is_on_the_way(&self) -> bool {
        match &self.life {
            Life::Waiting => self.wanted,
            Life::Alive(run) => !(run.is_untold() && run.up),
            Life::Between(..) | Life::Pause(_) => true,
            Life::Done { .. } | Life::Fatal { .. } => false,
        }
    }

    /// It is RUNNING.
    pub(crate) fn is_running(&mut self, kind: Kind) {
        let is_service = kind == Kind::Service;
        if let Some(run) = self.run_mut() {
            run.up = true;
            if run.leader.is_none() && is_service {
                self.failures = 0;
            }
        }
        self.was_up |= is_service;
    }

    /// What of the signals that were kept for it is too much: those of a real-time
    /// signal over the bound, and repetitions of a standard one.
    pub(crate) fn owe(&mut self, signal: Signal) {
        let execed = self.run().is_some_and(|run| run.execed.is_some());
        let real_time = self.owed.iter().filter(|s| s.is_real_time()).count();
        let is_too_much = match signal.is_real_time() {
            true => real_time >= 64,
            false => self.owed.contains(&signal),
        };
        if execed || !is_too_much {
            self.owed.push(signal);
        }
    }
}

/// Whoever needs each program, by way of others too (STOP-4).
pub(crate) fn users(spec: &Spec) -> Vec<Vec<usize>> {
    let many = spec.programs.len();
    let mut needs = vec![vec![false; many]; many];
    for (user, program) in spec.programs.iter().enumerate() {
        for need in &program.needs {
            needs[user][need.program.0 as usize] = true;
        }
    }
    for middle in 0..many {
        for user in 0..many {
            for needed in 0..many {
                needs[user][needed] |= needs[user][middle] && needs[middle][needed];
            }
        }
    }
    let users_of = |needed: usize| (0..many).filter(|user| needs[*user][needed]).collect();
    (0..many).map(users_of).collect()
}

/// Notices that a fact calls for, and that were not given yet.
#[derive(Debug, Default)]
pub(crate) struct Due {
    pub(crate) started: Option<RunId>,
    pub(crate) ended: Option<RunId>,
    pub(crate) gone: Option<RunId>,
    /// Those that are known word by word.
    pub(crate) notices: Vec<Notice>,
    /// Whether the configuration is to be read.
    pub(crate) load: bool,
}

impl Due {
    /// Takes note of a notice; each is given once, and only when it is called for.
    pub(crate) fn given(&mut self, notice: &Notice) -> Check {
        if let Some(found) = self.notices.iter().position(|due| due == notice) {
            self.notices.remove(found);
            return Ok(());
        }
        let (slot, of) = if let Notice::Started { run, .. } = notice {
            (&mut self.started, run)
        } else if let Notice::Ended { run, .. } = notice {
            (&mut self.ended, run)
        } else if let Notice::TreeGone { run, .. } = notice {
            (&mut self.gone, run)
        } else {
            return Err(format!("{notice:?} is not called for"));
        };
        ensure!(*slot == Some(*of), "{notice:?} is not called for");
        *slot = None;
        Ok(())
    }

    pub(crate) fn is_nothing(&self) -> Check {
        let none = self.started.is_none() && self.ended.is_none() && self.gone.is_none();
        ensure!(
            none && self.notices.is_empty() && !self.load,
            "notices are missing: {self:?}"
        );
        Ok(())
    }
}
