//! How a program is asked to end (STOP-2), and what the passing of time makes of it:
//! told, told again for those who follow, hung up on, killed until nobody is left.

use core::time::Duration;

use crate::life::FIRST_KILL_PAUSE;
use crate::program::{Part, State, Step, Stopping};
use crate::{
    Action, Care, Hook, KillReason, Notice, ProgramId, RunId, Scope, Signal, Supervisor, Time, Why,
};

/// The longest pause between two kills; what is left by then hangs in the kernel.
pub(crate) const LONGEST_KILL_PAUSE: Duration = Duration::from_secs(1);

/// How long a leader with a terminal may take over its stop signal before it is hung
/// up on in any case: half of what Docker grants, or of what it has before it is killed.
const HANG_UP_PATIENCE: Duration = Duration::from_secs(5);

impl Supervisor {
    /// Asks a program to end (STOP-2), if it is alive and was not asked before.
    pub(crate) fn tell(&mut self, now: Time, id: ProgramId, why: Why) {
        let left = self.phase.time_left(now);
        let Some((program, spec)) = self.parts(id) else {
            return;
        };
        let (run, born, part, execed) = match &program.state {
            State::Starting { run, born, step } => {
                (*run, *born, step.part(), *step != Step::Forked)
            }
            State::Running { run, born } => (*run, *born, Part::Command, true),
            State::Stopped
            | State::Backoff { .. }
            | State::Stopping(_)
            | State::Exited { .. }
            | State::Fatal { .. } => return,
        };
        let signal = match why {
            // A picture of what it was doing, for those who write to its core file.
            Why::Watchdog => Signal::ABRT,
            Why::Shutdown
            | Why::Removed
            | Why::Changed
            | Why::Restarted
            | Why::Stopped
            | Why::Replaced
            | Why::NotReady
            | Why::Unhealthy
            | Why::HookTime => program.stop_with.unwrap_or(spec.stopsignal),
        };
        let has_terminal = spec.has_terminal && part == Part::Command;
        // A shell ignores its stop signal; what runs in it must get its own, and first.
        let scope = match has_terminal {
            true => Scope::Tree,
            false => spec.stop_scope,
        };
        let wait = spec.stopwaitsecs;
        let bounds = wait.into_iter().chain(left);
        let patience = bounds.fold(HANG_UP_PATIENCE, |patience, time| patience.min(time / 2));
        let life = Stopping {
            run,
            part,
            born,
            execed,
            signal,
            asked: Some((now, why)),
            leader: None,
            last_call: wait.map(|wait| now.plus(wait / 5 * 4)),
            kill: wait.map(|wait| (now.plus(wait), FIRST_KILL_PAUSE)),
            killed: false,
            hang_up: has_terminal.then(|| now.plus(patience)),
            then: None,
        };
        self.become_state(now, id, State::Stopping(life));
        self.notice(Notice::Told {
            program: id,
            run,
            signal,
            why,
        });
        self.order(Action::Tell {
            run,
            scope: Some(scope),
            signal,
        });
    }

    /// The last call for a tree whose leader is alive: the rest of it is told, too, so
    /// that nobody is killed untold (STOP-1). What cleans up is told only now.
    pub(crate) fn tell_followers(&mut self, now: Time, id: ProgramId, why: Why) {
        let Some((program, spec)) = self.parts(id) else {
            return;
        };
        let State::Stopping(life) = &mut program.state else {
            return;
        };
        life.last_call = None;
        if life.leader.is_some() || life.killed {
            return;
        }
        let (run, signal) = (life.run, life.signal);
        if life.asked.is_none() {
            life.asked = Some((now, why));
            let limit = spec.stopwaitsecs.unwrap_or_default();
            if why == Why::HookTime {
                self.care(
                    id,
                    Care::HookOverdue {
                        hook: Hook::PostStop,
                        limit,
                    },
                );
            }
            self.order(Action::Tell {
                run,
                scope: Some(Scope::Leader),
                signal,
            });
        }
        self.order(Action::TellFollowers { run, signal });
    }

    /// Only the leader is left of what a terminal started: it is hung up on (STOP-9).
    pub(crate) fn leader_alone(&mut self, run: RunId) {
        let Some(id) = self.life_of(run) else {
            return;
        };
        let Some((program, _)) = self.parts(id) else {
            return;
        };
        let State::Stopping(life) = &mut program.state else {
            return;
        };
        if life.leader.is_none() && life.hang_up.take().is_some() {
            self.order(Action::HangUp { run });
        }
    }

    /// Acts on what is due for one program. Whether anything was.
    pub(crate) fn pass_time_of(&mut self, now: Time, id: ProgramId) -> bool {
        let Some((program, _)) = self.parts(id) else {
            return false;
        };
        if program.deadline().is_none_or(|at| at > now) {
            return false;
        }
        if self.pass_watch(now, id) {
            return true;
        }
        let Some((program, _)) = self.parts(id) else {
            return false;
        };
        match &mut program.state {
            State::Starting { step, .. } => {
                let step = *step;
                self.pass_start(now, id, step);
            }
            // Those whose pause is over at the same time start in their order.
            State::Backoff { .. } => self.mark_dirty(id),
            State::Stopping(life) if life.hang_up.is_some_and(|at| at <= now) => {
                life.hang_up = None;
                let run = life.run;
                self.order(Action::HangUp { run });
            }
            State::Stopping(life) if life.last_call.is_some_and(|at| at <= now) => {
                self.tell_followers(now, id, Why::HookTime);
            }
            State::Stopping(_) => self.kill(now, id),
            State::Stopped | State::Running { .. } | State::Exited { .. } | State::Fatal { .. } => {
                return false;
            }
        }
        true
    }

    /// Something of a start is due: it is up for long enough, or its time to be ready is
    /// over (READY-4).
    fn pass_start(&mut self, now: Time, id: ProgramId, step: Step) {
        let Some((_, spec)) = self.parts(id) else {
            return;
        };
        match step {
            Step::Execed {
                up_at: Some(at), ..
            } if at <= now => self.pass_up(now, id),
            Step::Execed { .. } => {
                let limit = spec.readiness.map(|readiness| readiness.start_timeout);
                self.care(
                    id,
                    Care::NotReady {
                        limit: limit.unwrap_or_default(),
                    },
                );
                self.tell(now, id, Why::NotReady);
            }
            Step::PreStart { .. } => {
                let limit = spec.startsecs.max(crate::hooks::PRE_START_TIME);
                self.care(
                    id,
                    Care::HookOverdue {
                        hook: Hook::PreStart,
                        limit,
                    },
                );
                self.tell(now, id, Why::HookTime);
            }
            Step::Forked => {}
        }
    }

    /// The tree has had its time: it is killed, and again after a pause if that was not enough.
    fn kill(&mut self, now: Time, id: ProgramId) {
        let Some((program, spec)) = self.parts(id) else {
            return;
        };
        let State::Stopping(life) = &mut program.state else {
            return;
        };
        let Some((_, pause)) = life.kill else { return };
        let run = life.run;
        let is_first = !life.killed;
        life.killed = true;
        program.was_killed = true;
        life.kill = Some((now.plus(pause), (pause * 2).min(LONGEST_KILL_PAUSE)));
        let reason = KillReason::StopWait(spec.stopwaitsecs.unwrap_or_default());
        if is_first {
            self.notice(Notice::Killing {
                program: id,
                run,
                reason,
            });
        }
        self.order(Action::Kill { run });
        self.killed_in_shutdown();
    }
}
