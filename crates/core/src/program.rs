//! One program: its state, and which state may follow which.
//!
//! ```text
//! state      means                                           goes on to
//! STOPPED    no life; waits for what it needs, if wanted     STARTING FATAL
//! STARTING   a life that is not up yet                       RUNNING STOPPING, BACKOFF EXITED FATAL
//! RUNNING    up                                              STOPPING, BACKOFF EXITED
//! STOPPING   told to end, or its leader has ended and the    BACKOFF EXITED FATAL
//!            rest of its tree is told
//! BACKOFF    no life; waits for its next one                 STARTING STOPPED FATAL
//! EXITED     ended for good                                  -
//! FATAL      given up                                        -
//! ```
//!
//! A state carries only what means something in it. Whether the program is wanted is
//! a wish and not a state. STARTING and RUNNING go directly to where an end leads
//! when nothing of the tree is to be waited for: `leftovers = "keep"`, or a life that
//! never began.

use alloc::vec::Vec;
use core::time::Duration;

use crate::restart::Verdict;
use crate::{Condition, End, FatalReason, RunId, Signal, Time};

/// A program and what its supervisor remembers of it.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) state: State,
    /// Whether it should be alive.
    pub(crate) wanted: bool,
    /// Failed starts in a row.
    pub(crate) failures: u32,
    /// Restarts in a row without a long life between them.
    pub(crate) restarts: u32,
    /// Starts in a row that failed for the machine's sake.
    pub(crate) machine_failures: u32,
    /// Signals that came before there was anybody to get them, in order (SIG-4).
    pub(crate) held: Vec<Signal>,
    /// How its last life ended.
    pub(crate) last_end: Option<End>,
    /// How long its last leader lived; the time that its tree took to go is none of it.
    pub(crate) lived: Duration,
    /// Another stop signal than the program's own: the one that came (SIG-3).
    pub(crate) stop_with: Option<Signal>,
    /// In the shutdown: neither it nor anybody who needs it is alive, so that those that
    /// it needs are held back by it no more. Never taken back.
    pub(crate) let_go: bool,
}

/// How many real-time signals wait for a program at most; more than there are different
/// ones would only be repetitions.
const MOST_HELD: usize = 64;

/// Where a program stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum State {
    Stopped,
    Starting {
        run: RunId,
        born: Time,
        /// Since when it has been exec'ed.
        execed: Option<Time>,
    },
    Running {
        run: RunId,
        born: Time,
    },
    Backoff {
        until: Time,
    },
    Stopping(Stopping),
    Exited {
        end: End,
        well: bool,
    },
    Fatal {
        reason: FatalReason,
    },
}

/// A life that is coming to its end.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stopping {
    pub(crate) run: RunId,
    pub(crate) born: Time,
    /// Whether its command has been exec'ed.
    pub(crate) execed: bool,
    /// What its tree is told with.
    pub(crate) signal: Signal,
    /// When it was asked to end; `None`: nobody asked, its leader ended by itself.
    pub(crate) asked: Option<Time>,
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
}

impl State {
    /// The state's name, as supervisord calls it.
    pub(crate) fn name(&self, wanted: bool) -> &'static str {
        match self {
            State::Stopped if wanted => "STARTING",
            State::Stopped => "STOPPED",
            State::Starting { .. } => "STARTING",
            State::Running { .. } => "RUNNING",
            State::Backoff { .. } => "BACKOFF",
            State::Stopping(_) => "STOPPING",
            State::Exited { .. } => "EXITED",
            State::Fatal { .. } => "FATAL",
        }
    }

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
            State::Stopping(life) => life
                .leader
                .is_some_and(|(_, verdict)| verdict == Verdict::EndedWell),
            State::Stopped
            | State::Starting { .. }
            | State::Running { .. }
            | State::Backoff { .. }
            | State::Fatal { .. } => false,
        }
    }

    /// Whether those that need it in this condition may start.
    pub(crate) fn meets(&self, condition: Condition) -> bool {
        match self {
            State::Exited { well: true, .. } => true,
            State::Running { .. } => condition != Condition::Completed,
            State::Starting { execed, .. } => condition == Condition::Started && execed.is_some(),
            State::Stopped
            | State::Stopping(_)
            | State::Backoff { .. }
            | State::Exited { well: false, .. }
            | State::Fatal { .. } => false,
        }
    }

    /// Whether it lives, or will live again by itself (END-1).
    pub(crate) fn is_busy(&self, wanted: bool) -> bool {
        match self {
            State::Stopped => wanted,
            State::Starting { .. }
            | State::Running { .. }
            | State::Backoff { .. }
            | State::Stopping(_) => true,
            State::Exited { .. } | State::Fatal { .. } => false,
        }
    }

    /// Whether `next` may follow: the table above.
    pub(crate) fn may_become(&self, next: &State) -> bool {
        match self {
            State::Stopped => matches!(next, State::Starting { .. } | State::Fatal { .. }),
            State::Starting { .. } => !matches!(next, State::Starting { .. } | State::Stopped),
            State::Running { .. } => {
                matches!(
                    next,
                    State::Stopping(_) | State::Backoff { .. } | State::Exited { .. }
                )
            }
            State::Stopping(_) => matches!(
                next,
                State::Backoff { .. } | State::Exited { .. } | State::Fatal { .. }
            ),
            State::Backoff { .. } => {
                matches!(
                    next,
                    State::Starting { .. } | State::Stopped | State::Fatal { .. }
                )
            }
            State::Exited { .. } | State::Fatal { .. } => false,
        }
    }

    /// When something happens by itself, `startsecs` being what makes a life RUNNING.
    pub(crate) fn deadline(&self, startsecs: Duration) -> Option<Time> {
        match self {
            State::Starting { execed, .. } => execed.map(|since| since.plus(startsecs)),
            State::Backoff { until } => Some(*until),
            State::Stopping(stopping) => {
                let kill = stopping.kill.map(|(at, _)| at);
                let steps = [kill, stopping.hang_up, stopping.last_call];
                steps.into_iter().flatten().min()
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
            failures: 0,
            restarts: 0,
            machine_failures: 0,
            held: Vec::new(),
            last_end: None,
            lived: Duration::ZERO,
            stop_with: None,
            let_go: false,
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
    fn what_has_ended_for_good_becomes_nothing_else() {
        let fatal = State::Fatal {
            reason: FatalReason::Needs(crate::ProgramId(0)),
        };
        assert!(!fatal.may_become(&State::Stopped));
        assert!(!fatal.is_busy(true));
    }
}
