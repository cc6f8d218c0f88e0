//! What there is to know of each program from the facts and orders alone, kept apart
//! from the core and by rules of its own: the configuration's rules RUN-*, END-1 and
//! DEP-*, written down a second time, as plainly as they can be. Time is looked at
//! directly here; there is no deadline that could be missed.

use std::time::Duration;

use lastout_core::{
    Autorestart, End, EndPolicy, ExitStatus, Notice, ProgramSpec, Retries, RunId, Signal, Spec,
    Time,
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
    pub(crate) failures: u32,
    restarts: u32,
    machine_failures: u32,
    /// Signals that are to reach the leader, in order.
    pub(crate) owed: Vec<Signal>,
    /// The stop signal that it is told with instead of its own.
    pub(crate) stop_with: Option<Signal>,
    /// How its last life ended.
    pub(crate) last_end: Option<End>,
    /// How long its last leader lived.
    pub(crate) lived: Duration,
    /// Whether the end of its last life is the container's.
    pub(crate) ends_container: bool,
}

/// Where a program stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Life {
    /// Never started, or waiting for what it needs again.
    Waiting,
    Alive(Run),
    /// Between two lives, until then.
    Pause(Time),
    Done {
        end: End,
        well: bool,
    },
    Fatal {
        end: End,
    },
}

/// What becomes of a program.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fate {
    Well,
    Badly,
    Again,
    GivenUp,
}

/// A life that is not over.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Run {
    pub(crate) id: RunId,
    pub(crate) born: Time,
    pub(crate) execed: Option<Time>,
    pub(crate) up: bool,
    /// When the leader was asked to end.
    pub(crate) told: Option<Time>,
    /// When what the leader left was.
    pub(crate) rest_told: Option<Time>,
    /// When those were told whose leader was told before, and lives.
    pub(crate) followers_told: Option<Time>,
    pub(crate) hung_up: bool,
    pub(crate) killed: Option<Time>,
    /// How the leader ended, when, and what becomes of the program.
    pub(crate) leader: Option<(End, Time, Fate)>,
}

impl Run {
    pub(crate) fn first_told(&self) -> Option<Time> {
        match (self.told, self.rest_told) {
            (Some(told), Some(rest)) => Some(told.min(rest)),
            (told, rest) => told.or(rest),
        }
    }
}

impl Shadow {
    pub(crate) fn new() -> Shadow {
        Shadow {
            life: Life::Waiting,
            failures: 0,
            restarts: 0,
            machine_failures: 0,
            owed: Vec::new(),
            stop_with: None,
            last_end: None,
            lived: Duration::ZERO,
            ends_container: false,
        }
    }

    pub(crate) fn run(&self) -> Option<&Run> {
        match &self.life {
            Life::Alive(run) => Some(run),
            Life::Waiting | Life::Pause(_) | Life::Done { .. } | Life::Fatal { .. } => None,
        }
    }

    pub(crate) fn run_mut(&mut self) -> Option<&mut Run> {
        match &mut self.life {
            Life::Alive(run) => Some(run),
            Life::Waiting | Life::Pause(_) | Life::Done { .. } | Life::Fatal { .. } => None,
        }
    }

    pub(crate) fn has_leader(&self) -> bool {
        self.run().is_some_and(|run| run.leader.is_none())
    }

    /// Whether it lives, or will by itself (END-1).
    pub(crate) fn is_busy(&self, spec: &ProgramSpec) -> bool {
        match self.life {
            Life::Waiting => spec.autostart,
            Life::Alive(_) | Life::Pause(_) => true,
            Life::Done { .. } | Life::Fatal { .. } => false,
        }
    }

    /// Whether those that need it may start.
    pub(crate) fn is_there(&self, now: Time, spec: &ProgramSpec) -> bool {
        match &self.life {
            Life::Alive(run) => {
                let lived = run.execed.map(|since| now.since(since));
                run.leader.is_none() && lived.is_some_and(|lived| lived >= spec.startsecs)
            }
            Life::Done { well, .. } => *well,
            Life::Waiting | Life::Pause(_) | Life::Fatal { .. } => false,
        }
    }

    /// Whether those that need it can give up hope.
    pub(crate) fn is_lost(&self) -> bool {
        match self.life {
            Life::Done { well, .. } => !well,
            Life::Fatal { .. } => true,
            Life::Waiting | Life::Alive(_) | Life::Pause(_) => false,
        }
    }

    /// Decides what becomes of a program whose life ended and that nobody had asked:
    /// RUN-3, RUN-5, `autorestart`, `startretries`.
    pub(crate) fn judge(&mut self, spec: &ProgramSpec, was_up: bool, end: End) -> Fate {
        let is_expected = is_expected(spec, end);
        let simply_done = is_expected && spec.autorestart != Autorestart::Always;
        let fate = if !was_up && !simply_done {
            self.failures += 1;
            match spec.startretries {
                Retries::AtMost(most) if self.failures > most => Fate::GivenUp,
                Retries::AtMost(_) | Retries::Infinite => Fate::Again,
            }
        } else {
            self.failures = 0;
            match spec.autorestart {
                Autorestart::Always => Fate::Again,
                Autorestart::Unexpected | Autorestart::Never if is_expected => Fate::Well,
                Autorestart::Unexpected => Fate::Again,
                Autorestart::Never => Fate::Badly,
            }
        };
        let policy = match fate {
            Fate::Well => spec.on_success,
            Fate::Badly | Fate::GivenUp => spec.on_failure,
            Fate::Again => EndPolicy::Ignore,
        };
        self.ends_container = policy == EndPolicy::Shutdown;
        fate
    }

    /// The life is over, tree and all. A pause begins if it is not the last life; the
    /// notice of it says how long, and is checked against what it may be.
    pub(crate) fn over(&mut self, end: End, fate: Fate) {
        self.life = match fate {
            Fate::Well => Life::Done { end, well: true },
            Fate::Badly => Life::Done { end, well: false },
            Fate::GivenUp => Life::Fatal { end },
            // Until the notice says otherwise there is no end to the pause.
            Fate::Again => Life::Pause(Time::from_beginning(Duration::MAX)),
        };
    }

    /// The machine was at fault: a pause of at most seconds, doubled each time (PID-10).
    pub(crate) fn machine_failed(&mut self, now: Time) {
        let pause = Duration::from_millis(100 << self.machine_failures.min(10));
        self.machine_failures += 1;
        self.life = Life::Pause(now.plus(pause.min(Duration::from_secs(5))));
    }

    pub(crate) fn execed(&mut self, now: Time) {
        self.machine_failures = 0;
        if let Some(run) = self.run_mut() {
            run.execed = Some(now);
        }
    }

    /// Whether the pause that is announced is one that there may be: doubled from
    /// `backoff` to `backoff_max` with a tenth of jitter; none only after a long life.
    pub(crate) fn pause(&mut self, now: Time, spec: &ProgramSpec, pause: Duration) -> Check {
        let lived = self.lived;
        ensure!(
            matches!(self.life, Life::Pause(_)),
            "a restart is announced of a program that is {:?}",
            self.life
        );
        if lived >= spec.backoff_max && self.failures == 0 {
            self.restarts = 0;
            ensure!(pause.is_zero(), "a pause of {pause:?} after a long life");
        } else {
            let doubled = spec.backoff * 2_u32.pow(self.restarts.min(20));
            let middle = doubled.min(spec.backoff_max);
            self.restarts += 1;
            ensure!(
                pause >= middle * 9 / 10 && pause <= middle * 11 / 10,
                "a pause of {pause:?} where {middle:?} is due (lived {lived:?})"
            );
        }
        self.life = Life::Pause(now.plus(pause));
        Ok(())
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

pub(crate) fn is_expected(spec: &ProgramSpec, end: End) -> bool {
    matches!(end, End::Status(ExitStatus::Code(code)) if spec.exitcodes.contains(&code))
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
}

impl Due {
    /// Takes note of a notice; each is given once, and only when it is called for.
    pub(crate) fn given(&mut self, notice: &Notice) -> Check {
        let (slot, of) = if let Notice::Started { run, .. } = notice {
            (&mut self.started, run)
        } else if let Notice::Ended { run, .. } = notice {
            (&mut self.ended, run)
        } else if let Notice::TreeGone { run, .. } = notice {
            (&mut self.gone, run)
        } else {
            return Ok(());
        };
        ensure!(*slot == Some(*of), "{notice:?} is not called for");
        *slot = None;
        Ok(())
    }

    pub(crate) fn is_nothing(&self) -> Check {
        let none = self.started.is_none() && self.ended.is_none() && self.gone.is_none();
        ensure!(none, "notices are missing: {self:?}");
        Ok(())
    }
}
