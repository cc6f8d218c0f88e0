//! A program's life, from exec to the last of its tree: what each fact about it, and
//! the passing of time, makes of its state.

use core::time::Duration;

use crate::program::{State, Stopping};
use crate::restart::{self, Verdict};
use crate::{
    Action, Cause, End, EndPolicy, ExitStatus, FatalReason, KillReason, Leftovers, Notice,
    ProgramId, RunId, Scope, SpawnFailure, Supervisor, Time,
};

/// The pause before a tree that was killed is killed again, doubled each time: a fork
/// in progress or a process in the middle of a system call may have been missed.
const FIRST_KILL_PAUSE: Duration = Duration::from_millis(50);

/// The longest such pause; what is left by then hangs in the kernel.
const LONGEST_KILL_PAUSE: Duration = Duration::from_secs(1);

/// How long a leader with a terminal may take over its stop signal before it is hung
/// up on in any case: half of what Docker grants, or of what it has before it is killed.
const HANG_UP_PATIENCE: Duration = Duration::from_secs(5);

impl Supervisor {
    /// The command runs: from now on it may be RUNNING, and gets what was held for it.
    pub(crate) fn execed(&mut self, now: Time, run: RunId) {
        let Some(id) = self.program_of(run) else {
            return;
        };
        let Some((program, spec)) = self.parts(id) else {
            return;
        };
        match &mut program.state {
            State::Starting { execed, .. } if execed.is_none() => *execed = Some(now),
            // It was told in the middle of its start; what came before that is its all the same.
            State::Stopping(life) if life.leader.is_none() && !life.execed => life.execed = true,
            State::Starting { .. }
            | State::Stopping(_)
            | State::Running { .. }
            | State::Stopped
            | State::Backoff { .. }
            | State::Exited { .. }
            | State::Fatal { .. } => return,
        }
        let up_at = now.plus(spec.startsecs);
        program.machine_failures = 0;
        let held = core::mem::take(&mut program.held);
        let scope = spec.forward_scope;
        self.wake_at(up_at);
        self.notice(Notice::Started { program: id, run });
        for signal in held {
            self.order(Action::Forward { run, scope, signal });
        }
    }

    /// The command never ran. The machine's failures do not count against the program.
    pub(crate) fn spawn_failed(&mut self, now: Time, run: RunId, failure: SpawnFailure) {
        let Some(id) = self.program_of(run) else {
            return;
        };
        let stopping = self.is_stopping();
        let Some((program, _)) = self.parts(id) else {
            return;
        };
        let end = End::NeverRan(failure);
        let was_asked = match &program.state {
            State::Starting { .. } => false,
            State::Stopping(life) if life.leader.is_none() => true,
            State::Stopping(_)
            | State::Running { .. }
            | State::Stopped
            | State::Backoff { .. }
            | State::Exited { .. }
            | State::Fatal { .. } => return,
        };
        program.last_end = Some(end);
        program.lived = Duration::ZERO;
        let failures = program.machine_failures;
        let is_temporary = failure.is_temporary();
        let is_over = was_asked || stopping;
        // Of what the machine is to blame for only the first is told, and nothing of
        // what will not be tried again.
        if !is_temporary || (failures == 0 && !is_over) {
            self.notice(Notice::NotStarted {
                program: id,
                failure,
            });
        }
        if was_asked || (stopping && is_temporary) {
            self.finish(now, id, end, Verdict::EndedBadly);
            return;
        }
        if !is_temporary {
            let verdict = self.judge(now, id, false, end);
            self.finish(now, id, end, verdict);
            return;
        }
        if let Some((program, _)) = self.parts(id) {
            program.machine_failures = failures.saturating_add(1);
        }
        let pause = restart::pause_of_machine(failures);
        self.become_state(
            id,
            State::Backoff {
                until: now.plus(pause),
            },
        );
    }

    /// The leader has ended. What it leaves behind is told (STOP-2, STOP-3).
    pub(crate) fn exited(
        &mut self,
        now: Time,
        run: RunId,
        status: ExitStatus,
        out_of_memory: bool,
    ) {
        let Some(id) = self.program_of(run) else {
            return;
        };
        self.pass_startsecs(now, id);
        let Some((program, spec)) = self.parts(id) else {
            return;
        };
        let end = End::Status(status);
        let (born, was_up, asked) = match &program.state {
            State::Starting { born, .. } => (*born, false, None),
            State::Running { born, .. } => (*born, true, None),
            State::Stopping(life) if life.leader.is_none() => (life.born, true, life.asked),
            State::Stopping(_)
            | State::Stopped
            | State::Backoff { .. }
            | State::Exited { .. }
            | State::Fatal { .. } => return,
        };
        program.last_end = Some(end);
        program.lived = now.since(born);
        let keeps = spec.leftovers == Leftovers::Keep;
        let expected = asked.is_some() || restart::is_expected(spec, end);
        let since_asked = asked.map(|at| now.since(at));
        let lived = now.since(born);
        self.notice(Notice::Ended {
            program: id,
            run,
            status,
            out_of_memory,
            lived,
            asked: since_asked,
            expected,
        });
        if asked.is_some() {
            self.leader_gone_when_asked(id, run, end);
            return;
        }
        let verdict = self.judge(now, id, was_up, end);
        if keeps {
            self.order(Action::Disown { run });
            self.finish(now, id, end, verdict);
        } else {
            self.clear_tree(now, id, end, verdict);
        }
    }

    /// The leader of a told program is gone: the rest of its tree is told with the same.
    fn leader_gone_when_asked(&mut self, id: ProgramId, run: RunId, end: End) {
        let Some((program, spec)) = self.parts(id) else {
            return;
        };
        let State::Stopping(life) = &mut program.state else {
            return;
        };
        let verdict = match restart::is_expected(spec, end) {
            true => Verdict::EndedWell,
            false => Verdict::EndedBadly,
        };
        life.leader = Some((end, verdict));
        life.hang_up = None;
        life.last_call = None;
        let signal = life.signal;
        self.order(Action::Tell {
            run,
            scope: None,
            signal,
        });
    }

    /// A leader that nobody asked has ended: the rest of its tree is told, and gets its
    /// time, before anything else becomes of the program (STOP-3).
    fn clear_tree(&mut self, now: Time, id: ProgramId, end: End, verdict: Verdict) {
        let Some((program, spec)) = self.parts(id) else {
            return;
        };
        let (State::Starting { run, born, .. } | State::Running { run, born }) = program.state
        else {
            return;
        };
        let signal = spec.stopsignal;
        let kill = spec
            .stopwaitsecs
            .map(|wait| (now.plus(wait), FIRST_KILL_PAUSE));
        self.become_state(
            id,
            State::Stopping(Stopping {
                run,
                born,
                execed: true,
                signal,
                asked: None,
                leader: Some((end, verdict)),
                last_call: None,
                kill,
                killed: false,
                hang_up: None,
            }),
        );
        self.order(Action::Tell {
            run,
            scope: None,
            signal,
        });
    }

    /// Decides what becomes of a program whose life has ended unasked. An end for good
    /// that is the container's begins the shutdown at once, so that nobody waits for
    /// the tree that is being cleared.
    fn judge(&mut self, now: Time, id: ProgramId, was_up: bool, end: End) -> Verdict {
        let stopping = self.is_stopping();
        let Some((program, spec)) = self.parts(id) else {
            return Verdict::EndedBadly;
        };
        if restart::is_failed_start(spec, was_up, end) {
            program.failures = program.failures.saturating_add(1);
        } else {
            program.failures = 0;
        }
        let failures = program.failures;
        let verdict = restart::judge(spec, was_up, end, failures);
        let policy = match verdict {
            Verdict::EndedWell => spec.on_success,
            Verdict::EndedBadly | Verdict::GiveUp => spec.on_failure,
            Verdict::Again => return verdict,
        };
        if stopping {
            return verdict;
        }
        if verdict == Verdict::GiveUp && Some(id) != self.spec.main {
            let reason = FatalReason::FailedStarts {
                failures,
                last: end,
            };
            self.notice(Notice::GaveUp {
                program: id,
                reason,
            });
        }
        if verdict != Verdict::EndedWell {
            self.first_failure.get_or_insert(end);
        }
        if policy == EndPolicy::Shutdown {
            // It cannot be told any more; without the wish it is not started again.
            self.begin_shutdown(now, Cause::Ended(id, end));
        }
        verdict
    }

    /// Nobody of the tree is left.
    pub(crate) fn tree_gone(&mut self, now: Time, run: RunId) {
        let Some(id) = self.program_of(run) else {
            return;
        };
        let Some((program, _)) = self.parts(id) else {
            return;
        };
        let State::Stopping(Stopping {
            leader: Some((end, verdict)),
            ..
        }) = program.state
        else {
            return;
        };
        self.notice(Notice::TreeGone { program: id, run });
        self.finish(now, id, end, verdict);
    }

    /// A life is over, tree and all: the program takes the state that the verdict says.
    fn finish(&mut self, now: Time, id: ProgramId, end: End, verdict: Verdict) {
        let stopping = self.is_stopping();
        let Some(program) = self.programs.get_mut(id.0 as usize) else {
            return;
        };
        let Some(spec) = self.spec.programs.get(id.0 as usize) else {
            return;
        };
        let failures = program.failures;
        let next = match verdict {
            Verdict::EndedWell => State::Exited { end, well: true },
            Verdict::EndedBadly => State::Exited { end, well: false },
            Verdict::GiveUp => State::Fatal {
                reason: FatalReason::FailedStarts {
                    failures,
                    last: end,
                },
            },
            Verdict::Again if stopping || !program.wanted => State::Exited { end, well: false },
            Verdict::Again => {
                let pause = if program.lived >= spec.backoff_max && failures == 0 {
                    program.restarts = 0;
                    Duration::ZERO
                } else {
                    let pause = restart::pause(spec, program.restarts, &mut self.jitter);
                    program.restarts = program.restarts.saturating_add(1);
                    pause
                };
                self.notice(Notice::WillRestart {
                    program: id,
                    pause,
                    failures,
                });
                State::Backoff {
                    until: now.plus(pause),
                }
            }
        };
        self.become_state(id, next);
    }

    /// A program that never lived, or waits for its next life, is given up.
    pub(crate) fn give_up(
        &mut self,
        now: Time,
        id: ProgramId,
        reason: FatalReason,
        end: Option<End>,
    ) {
        let Some((program, spec)) = self.parts(id) else {
            return;
        };
        let policy = spec.on_failure;
        let end = end.unwrap_or(End::Status(ExitStatus::Code(1)));
        program.last_end = Some(end);
        self.become_state(id, State::Fatal { reason });
        self.notice(Notice::GaveUp {
            program: id,
            reason,
        });
        self.first_failure.get_or_insert(end);
        if policy == EndPolicy::Shutdown {
            self.begin_shutdown(now, Cause::Ended(id, end));
        }
    }

    /// Asks a program to end (STOP-2), if it is alive and was not asked before.
    pub(crate) fn tell(&mut self, now: Time, id: ProgramId) {
        let left = self.phase.time_left(now);
        let Some((program, spec)) = self.parts(id) else {
            return;
        };
        let (run, born, execed) = match &program.state {
            State::Starting { run, born, execed } => (*run, *born, execed.is_some()),
            State::Running { run, born } => (*run, *born, true),
            State::Backoff { .. } => {
                self.become_state(id, State::Stopped);
                return;
            }
            State::Stopping(_) | State::Stopped | State::Exited { .. } | State::Fatal { .. } => {
                return;
            }
        };
        let signal = program.stop_with.unwrap_or(spec.stopsignal);
        let has_terminal = spec.has_terminal;
        // A shell ignores its stop signal; what runs in it must get its own, and first.
        let scope = if has_terminal {
            Scope::Tree
        } else {
            spec.stop_scope
        };
        let wait = spec.stopwaitsecs;
        let bounds = wait.into_iter().chain(left);
        let patience = bounds.fold(HANG_UP_PATIENCE, |patience, time| patience.min(time / 2));
        self.become_state(
            id,
            State::Stopping(Stopping {
                run,
                born,
                execed,
                signal,
                asked: Some(now),
                leader: None,
                last_call: wait.map(|wait| now.plus(wait / 5 * 4)),
                kill: wait.map(|wait| (now.plus(wait), FIRST_KILL_PAUSE)),
                killed: false,
                hang_up: has_terminal.then(|| now.plus(patience)),
            }),
        );
        self.notice(Notice::Told {
            program: id,
            run,
            signal,
        });
        self.order(Action::Tell {
            run,
            scope: Some(scope),
            signal,
        });
    }

    /// The last call for a tree whose leader is alive: the rest of it is told, too, so
    /// that nobody is killed untold (STOP-1).
    pub(crate) fn tell_followers(&mut self, id: ProgramId) {
        let Some((program, _)) = self.parts(id) else {
            return;
        };
        let State::Stopping(life) = &mut program.state else {
            return;
        };
        life.last_call = None;
        if life.leader.is_none() && !life.killed {
            let (run, signal) = (life.run, life.signal);
            self.order(Action::TellFollowers { run, signal });
        }
    }

    /// Only the leader is left of what a terminal started: it is hung up on (STOP-9).
    pub(crate) fn leader_alone(&mut self, run: RunId) {
        let Some(id) = self.program_of(run) else {
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
        let Some((program, spec)) = self.parts(id) else {
            return false;
        };
        if program
            .state
            .deadline(spec.startsecs)
            .is_none_or(|at| at > now)
        {
            return false;
        }
        match &mut program.state {
            State::Starting { .. } => self.pass_startsecs(now, id),
            // Those whose pause is over at the same time start in their order.
            State::Backoff { .. } => self.mark_dirty(id),
            State::Stopping(life) if life.hang_up.is_some_and(|at| at <= now) => {
                life.hang_up = None;
                let run = life.run;
                self.order(Action::HangUp { run });
            }
            State::Stopping(life) if life.last_call.is_some_and(|at| at <= now) => {
                self.tell_followers(id);
            }
            State::Stopping(_) => self.kill(now, id),
            State::Stopped | State::Running { .. } | State::Exited { .. } | State::Fatal { .. } => {
                return false;
            }
        }
        true
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

    /// A life that has lasted for `startsecs` is RUNNING.
    fn pass_startsecs(&mut self, now: Time, id: ProgramId) {
        let Some((program, spec)) = self.parts(id) else {
            return;
        };
        let State::Starting {
            run,
            born,
            execed: Some(since),
        } = program.state
        else {
            return;
        };
        if now.since(since) >= spec.startsecs {
            program.failures = 0;
            self.become_state(id, State::Running { run, born });
            self.notice(Notice::Up { program: id });
        }
    }
}
