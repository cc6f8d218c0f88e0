//! One program: its state, and which state may follow which.
//!
//! ```text
//! state      means                                           goes on to
//! STOPPED    no life; waits for what it needs, if wanted     STARTING FATAL
//! STARTING   a life that is not up yet: its pre_start runs,  RUNNING STOPPING, STARTING STOPPED
//!            it is forked, or it is exec'ed and not ready    BACKOFF EXITED FATAL
//! RUNNING    up, and ready if that is asked for              STOPPING, STOPPED BACKOFF EXITED FATAL
//! STOPPING   told to end, or its leader has ended and the    STARTING STOPPED BACKOFF EXITED FATAL,
//!            rest of its tree is told, or its post_stop runs another STOPPING
//! BACKOFF    no life; waits for its next one                 STARTING STOPPED FATAL
//! EXITED     ended for good                                  STOPPED
//! FATAL      given up                                        STOPPED
//! ```
//!
//! A state carries only what means something in it. Whether the program is wanted is
//! a wish and not a state. STARTING and RUNNING go directly to where an end leads
//! when nothing of the tree is to be waited for: `leftovers = "keep"`, or a life that
//! never began. Where it is the pre_start that has ended, STARTING and STOPPING go on to
//! STARTING; where the post_stop begins, all go on to STOPPING. Out of EXITED and FATAL only
//! somebody else leads: a schedule, or a configuration that was read again.

use alloc::vec::Vec;
use core::time::Duration;

use crate::restart::Verdict;
use crate::watch::Watch;
use crate::{
    Aftermath, Condition, End, FatalReason, Message, ProgramId, ProgramSpec, RunId, Signal, Time,
    Why,
};

/// A program and what its supervisor remembers of it.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) state: State,
    /// Whether it should be alive.
    pub(crate) wanted: bool,
    /// What the configuration that was read last says of it.
    pub(crate) standing: Standing,
    /// Failed starts in a row.
    pub(crate) failures: u32,
    /// Restarts in a row without a long life between them.
    pub(crate) restarts: u32,
    /// Starts in a row that failed for the machine's sake.
    pub(crate) machine_failures: u32,
    /// Signals that came before there was anybody to get them, in order (SIG-4).
    pub(crate) held: Vec<Signal>,
    /// How its last life ended.
    pub(crate) last: Aftermath,
    /// How long its last leader lived; the time that its tree took to go is none of it.
    pub(crate) lived: Duration,
    /// Another stop signal than the program's own: the one that came (SIG-3).
    pub(crate) stop_with: Option<Signal>,
    /// In the shutdown: neither it nor anybody who needs it is alive, so that those that
    /// it needs are held back by it no more. Never taken back.
    pub(crate) let_go: bool,
    /// What is known of how it is, and when it is asked.
    pub(crate) watch: Watch,
    /// Whether it has ended well since somebody last asked for it to run.
    pub(crate) completed: bool,
    /// Whether it was ever up.
    pub(crate) was_up: bool,
    /// Whether it is started once more when its life is over, whatever that was.
    pub(crate) again: bool,
    /// Whether something of a life has run after which there is to be cleaned up.
    pub(crate) to_clean: bool,
    /// Whether somebody asked for it to be stopped, and nobody for a start since.
    pub(crate) stopped: bool,
    /// Why its life is to end on request; `None` when it is over.
    pub(crate) leaving: Option<Why>,
    /// Since when it is in its state.
    pub(crate) since: Time,
    /// How often its command was exec'ed.
    pub(crate) lives: u32,
    /// Whether its last life had to be killed.
    pub(crate) was_killed: bool,
}

/// What the configuration says of a program.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Standing {
    /// It is in it.
    Listed,
    /// It came with the last reload, and starts when what that removed is gone.
    New,
    /// It is not in it any more. Without a life its place is free.
    Removed,
    /// A second life of a scheduled program, beside this one's.
    Twin(ProgramId),
}

/// How many real-time signals wait for a program at most; more than there are different
/// ones would only be repetitions.
const MOST_HELD: usize = 64;

/// Where a program stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum State {
    Stopped,
    Starting { run: RunId, born: Time, step: Step },
    Running { run: RunId, born: Time },
    Backoff { until: Time },
    Stopping(Stopping),
    Exited { end: End, well: bool },
    Fatal { reason: FatalReason },
}

/// How far a start has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    /// What comes before the command runs, until then.
    PreStart { give_up: Option<Time> },
    /// The command is about to be exec'ed.
    Forked,
    /// It runs.
    Execed {
        /// When it has been up for `startsecs`; `None`: it has been.
        up_at: Option<Time>,
        /// Whether it is ready.
        ready: bool,
        /// When it must be (READY-4).
        give_up: Option<Time>,
    },
}

/// Which part of a life a run is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    PreStart,
    Command,
    PostStop,
}

/// A life that is coming to its end.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stopping {
    pub(crate) run: RunId,
    pub(crate) part: Part,
    pub(crate) born: Time,
    /// Whether its command has been exec'ed.
    pub(crate) execed: bool,
    /// What its tree is told with.
    pub(crate) signal: Signal,
    /// When it was asked to end, and why; `None`: nobody asked, its leader ended by itself.
    pub(crate) asked: Option<(Time, Why)>,
    /// How the leader ended and what becomes of the program; `None`: it is alive.
    pub(crate) leader: Option<(End, Verdict)>,
    /// When the rest of the tree is told although the leader is alive, so that nobody
    /// of it is killed untold (STOP-1).
    pub(crate) last_call: Option<Time>,
    /// When the tree is killed, and how long after that again.
    pub(crate) kill: Option<(Time, Duration)>,
    /// Whether it was killed before.
    pub(crate) killed: bool,
    /// When the leader is hung up on (STOP-9).
    pub(crate) hang_up: Option<Time>,
    /// Of a post_stop: how the life ended that it cleans up after, and what becomes of
    /// the program then.
    pub(crate) then: Option<(End, Verdict)>,
}

impl Step {
    pub(crate) fn part(self) -> Part {
        match self {
            Step::PreStart { .. } => Part::PreStart,
            Step::Forked | Step::Execed { .. } => Part::Command,
        }
    }

    /// When something happens by itself.
    fn deadline(self) -> Option<Time> {
        match self {
            Step::PreStart { give_up } => give_up,
            Step::Forked => None,
            Step::Execed { up_at, give_up, .. } => earlier(up_at, give_up),
        }
    }

    fn deadlines(&mut self) -> impl Iterator<Item = &mut Time> {
        let (first, second) = match self {
            Step::PreStart { give_up } => (give_up.as_mut(), None),
            Step::Forked => (None, None),
            Step::Execed { up_at, give_up, .. } => (up_at.as_mut(), give_up.as_mut()),
        };
        first.into_iter().chain(second)
    }

    /// Nobody is impatient any more.
    fn have_patience(&mut self) {
        match self {
            Step::PreStart { give_up } | Step::Execed { give_up, .. } => *give_up = None,
            Step::Forked => {}
        }
    }
}

/// The earlier of two deadlines.
pub(crate) fn earlier(a: Option<Time>, b: Option<Time>) -> Option<Time> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

impl State {
    /// The life that the program is in, if it has one.
    pub(crate) fn run(&self) -> Option<RunId> {
        match self {
            State::Starting { run, .. } | State::Running { run, .. } => Some(*run),
            State::Stopping(stopping) => Some(stopping.run),
            State::Stopped | State::Backoff { .. } | State::Exited { .. } | State::Fatal { .. } => {
                None
            }
        }
    }

    /// Whether the leader of a life is alive, or at least not known to be dead.
    pub(crate) fn has_leader(&self) -> bool {
        match self {
            State::Starting { .. } | State::Running { .. } => true,
            State::Stopping(stopping) => stopping.leader.is_none(),
            State::Stopped | State::Backoff { .. } | State::Exited { .. } | State::Fatal { .. } => {
                false
            }
        }
    }

    /// Whether it lives and nobody has asked it to end.
    pub(crate) fn is_untold(&self) -> bool {
        matches!(self, State::Starting { .. } | State::Running { .. })
    }

    /// Whether it has ended as it should, or what is left of it is being told.
    pub(crate) fn is_well(&self) -> bool {
        match self {
            State::Exited { well, .. } => *well,
            State::Stopping(life) => {
                let fate = life.then.or(life.leader);
                fate.is_some_and(|(_, verdict)| verdict == Verdict::EndedWell)
            }
            State::Stopped
            | State::Starting { .. }
            | State::Running { .. }
            | State::Backoff { .. }
            | State::Fatal { .. } => false,
        }
    }

    /// Whether `next` may follow: the table above.
    pub(crate) fn may_become(&self, next: &State) -> bool {
        match self {
            State::Stopped => matches!(next, State::Starting { .. } | State::Fatal { .. }),
            State::Starting { step, .. } => {
                matches!(step, Step::PreStart { .. }) || !matches!(next, State::Starting { .. })
            }
            State::Running { .. } => {
                !matches!(next, State::Starting { .. } | State::Running { .. })
            }
            State::Stopping(_) => !matches!(next, State::Running { .. }),
            State::Backoff { .. } => {
                matches!(
                    next,
                    State::Starting { .. } | State::Stopped | State::Fatal { .. }
                )
            }
            State::Exited { .. } | State::Fatal { .. } => matches!(next, State::Stopped),
        }
    }

    /// When something happens by itself.
    fn deadline(&self) -> Option<Time> {
        match self {
            State::Starting { step, .. } => step.deadline(),
            State::Backoff { until } => Some(*until),
            State::Stopping(stopping) => {
                let kill = stopping.kill.map(|(at, _)| at);
                earlier(earlier(kill, stopping.hang_up), stopping.last_call)
            }
            State::Stopped | State::Running { .. } | State::Exited { .. } | State::Fatal { .. } => {
                None
            }
        }
    }
}

impl Program {
    pub(crate) fn new(wanted: bool) -> Program {
        Program {
            state: State::Stopped,
            wanted,
            standing: Standing::Listed,
            failures: 0,
            restarts: 0,
            machine_failures: 0,
            held: Vec::new(),
            last: Aftermath::default(),
            lived: Duration::ZERO,
            stop_with: None,
            let_go: false,
            watch: Watch::default(),
            completed: false,
            was_up: false,
            again: false,
            to_clean: false,
            stopped: false,
            leaving: None,
            since: Time::ZERO,
            lives: 0,
            was_killed: false,
        }
    }

    /// When something happens by itself.
    pub(crate) fn deadline(&self) -> Option<Time> {
        earlier(self.state.deadline(), self.watch.deadline())
    }

    /// Whether a leader of its life is alive, or will be: a post_stop comes after it.
    pub(crate) fn has_work(&self, spec: &ProgramSpec) -> bool {
        let is_to_come = self.to_clean && spec.post_stop && self.state.run().is_some();
        is_to_come || self.state.has_leader()
    }

    /// Whether it lives at its times, and nobody has stopped it.
    pub(crate) fn has_times(&self, spec: &ProgramSpec) -> bool {
        spec.has_times() && !self.stopped
    }

    /// Whether it lives, or will live again by itself (END-1).
    pub(crate) fn is_busy(&self, spec: &ProgramSpec) -> bool {
        let is_scheduled = spec.has_times();
        match self.state {
            State::Starting { .. }
            | State::Running { .. }
            | State::Backoff { .. }
            | State::Stopping(_) => true,
            _ if self.standing == Standing::Removed => false,
            // Who stopped it is still there, and may start it again.
            _ if self.stopped && spec.autostart => true,
            State::Stopped => self.wanted || is_scheduled,
            State::Exited { .. } | State::Fatal { .. } => is_scheduled,
        }
    }

    /// Whether those that need it in this condition may start.
    pub(crate) fn meets(&self, condition: Condition) -> bool {
        if self.waits_to_leave().is_some() {
            // It is as good as told.
            return false;
        }
        match (&self.state, condition) {
            (State::Exited { well: true, .. }, _) => true,
            // What it leaves behind may still be at it, and what cleans up after it.
            (State::Stopping(_), _) => false,
            (_, Condition::Completed) => self.completed,
            (State::Running { .. }, Condition::Started | Condition::Ready) => true,
            (State::Starting { step, .. }, Condition::Started) => {
                matches!(step, Step::Execed { .. })
            }
            (
                State::Starting { .. }
                | State::Stopped
                | State::Backoff { .. }
                | State::Exited { .. }
                | State::Fatal { .. },
                Condition::Started | Condition::Ready,
            ) => false,
        }
    }

    /// Whether no condition about it can come true any more by itself.
    pub(crate) fn is_lost(&self, spec: &ProgramSpec) -> bool {
        let is_over = matches!(
            self.state,
            State::Exited { well: false, .. } | State::Fatal { .. }
        );
        is_over && spec.schedule.is_none()
    }

    /// It is wanted from now on, and nothing of what was counts any more. It must have no
    /// life.
    pub(crate) fn renew(&mut self) {
        self.wanted = true;
        self.failures = 0;
        self.restarts = 0;
        self.machine_failures = 0;
        self.completed = false;
        self.again = false;
        self.stopped = false;
    }

    /// What must happen by then may happen that much later (HEALTH-2): all but what
    /// belongs to its end.
    pub(crate) fn postpone(&mut self, by: Duration) {
        if let State::Starting { step, .. } = &mut self.state {
            for at in step.deadlines() {
                *at = at.plus(by);
            }
        }
        self.watch.postpone(by);
    }

    /// In the shutdown nobody is impatient with it any more, until it is told.
    pub(crate) fn have_patience(&mut self) {
        if let State::Starting { step, .. } = &mut self.state {
            step.have_patience();
        }
    }

    /// Who was told before the shutdown began is hung up on in time, too (STOP-9).
    pub(crate) fn hang_up_by(&mut self, by: Time) {
        if let State::Stopping(life) = &mut self.state {
            life.hang_up = life.hang_up.map(|at| at.min(by));
        }
    }

    /// It needs that much longer for what it is doing. Whether that is anything with an
    /// end to it.
    pub(crate) fn extend(&mut self, until: Time) -> bool {
        match &mut self.state {
            State::Starting { step, .. } => match step {
                Step::PreStart { give_up } | Step::Execed { give_up, .. } => {
                    *give_up = give_up.map(|at| at.max(until));
                    give_up.is_some()
                }
                Step::Forked => false,
            },
            State::Stopping(life) => match &mut life.kill {
                Some((at, _)) if *at < until && !life.killed => {
                    let by = until.since(*at);
                    *at = until;
                    life.last_call = life.last_call.map(|at| at.plus(by));
                    true
                }
                Some(_) | None => false,
            },
            State::Stopped
            | State::Running { .. }
            | State::Backoff { .. }
            | State::Exited { .. }
            | State::Fatal { .. } => false,
        }
    }

    /// What it says of itself, for people.
    pub(crate) fn hear(&mut self, message: &Message) {
        match message {
            Message::Ready => self.watch.reloading = false,
            Message::Reloading => self.watch.reloading = true,
            Message::Status(text) => self.watch.says = (!text.is_empty()).then(|| text.clone()),
            Message::Stopping
            | Message::ExtendTimeout(_)
            | Message::Alive
            | Message::NotWell
            | Message::WatchdogPeriod(_) => {}
        }
    }

    /// Keeps a signal until there is somebody to get it. Standard signals merge, as they
    /// do in the kernel, and each has its place; what of the real-time ones is over the
    /// bound is lost, as it is in the kernel. Whether the signal will reach the program.
    pub(crate) fn hold(&mut self, signal: Signal) -> bool {
        if signal.is_real_time() {
            let held = self.held.iter().filter(|held| held.is_real_time()).count();
            if held >= MOST_HELD {
                return false;
            }
            self.held.push(signal);
        } else if !self.held.contains(&signal) {
            self.held.push(signal);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_signals_merge_as_in_the_kernel_and_have_a_bound() {
        let mut program = Program::new(true);
        for _ in 0..3 {
            assert!(program.hold(Signal::HUP));
        }
        assert_eq!(program.held, [Signal::HUP]);
        let kept = (0..1000).filter(|_| program.hold(Signal::RTMIN_3)).count();
        assert_eq!((kept, program.held.len()), (MOST_HELD, MOST_HELD + 1));
    }

    #[test]
    fn sig_4_real_time_signals_leave_room_for_a_standard_one() {
        let mut program = Program::new(true);
        for _ in 0..1000 {
            program.hold(Signal::RTMIN_3);
        }
        assert!(program.hold(Signal::INT));
        assert_eq!(program.held.last(), Some(&Signal::INT));
    }

    #[test]
    fn what_has_ended_for_good_lives_again_only_by_way_of_stopped() {
        let fatal = State::Fatal {
            reason: FatalReason::Needs(crate::ProgramId(0)),
        };
        let starting = State::Starting {
            run: RunId(1),
            born: Time::ZERO,
            step: Step::Forked,
        };
        assert!(!fatal.may_become(&starting));
        assert!(fatal.may_become(&State::Stopped));
        let program = Program {
            state: fatal,
            ..Program::new(true)
        };
        assert!(!program.is_busy(&ProgramSpec::new("p")));
    }
}
