//! What becomes of a program whose life has ended: whether it begins anew, waits, has ended
//! for good or is given up, and whether that ends the container.

use core::time::Duration;

use crate::program::{Standing, State};
use crate::restart::{self, Course, Verdict};
use crate::{
    Aftermath, Cause, End, EndPolicy, ExitStatus, FatalReason, Notice, ProgramId, Supervisor, Time,
    Why,
};

impl Supervisor {
    /// What becomes of a program that has ended because it was asked to.
    pub(crate) fn verdict_of_asked(
        &mut self,
        now: Time,
        id: ProgramId,
        why: Why,
        end: End,
    ) -> Verdict {
        if self.program(id).is_some_and(|program| program.stopped) {
            return Verdict::Stopped;
        }
        match why {
            Why::Shutdown | Why::Removed => match self.parts(id) {
                Some((_, spec)) if restart::is_expected(spec, end) => Verdict::EndedWell,
                Some(_) | None => Verdict::EndedBadly,
            },
            // Somebody asked for a start since.
            Why::Stopped => Verdict::AtOnce,
            Why::Changed | Why::Restarted | Why::Replaced => Verdict::AtOnce,
            Why::NotReady => self.judge(now, id, Course::NotReady, end),
            Why::HookTime => self.judge(now, id, Course::PreStart, end),
            Why::Unhealthy | Why::Watchdog => self.judge(now, id, Course::Unwell, end),
        }
    }

    /// Decides what becomes of a program whose life has ended unasked. An end for good
    /// that is the container's begins the shutdown at once, so that nobody waits for
    /// the tree that is being cleared.
    pub(crate) fn judge(&mut self, now: Time, id: ProgramId, course: Course, end: End) -> Verdict {
        let stopping = self.is_stopping();
        let Some((program, spec)) = self.parts(id) else {
            return Verdict::EndedBadly;
        };
        if program.stopped {
            return Verdict::Stopped;
        }
        if program.again {
            // It begins anew, whatever its end.
            return Verdict::AtOnce;
        }
        if restart::is_failed_start(spec, course, end) {
            program.failures = program.failures.saturating_add(1);
        } else {
            program.failures = 0;
            let is_done = course != Course::Unwell && restart::is_expected(spec, end);
            program.completed |= is_done;
        }
        let verdict = restart::judge(spec, course, end, program.failures);
        let policy = match verdict {
            Verdict::EndedWell => spec.on_success,
            Verdict::EndedBadly | Verdict::GiveUp(_) => spec.on_failure,
            Verdict::Again
            | Verdict::AtOnce
            | Verdict::Proceed
            | Verdict::NotBefore(_)
            | Verdict::Stopped => return verdict,
        };
        if stopping || program.standing == Standing::Removed {
            return verdict;
        }
        if let Verdict::GiveUp(reason) = verdict
            && Some(id) != self.spec.main
        {
            self.notice(Notice::GaveUp {
                program: id,
                reason,
            });
        }
        let end = end_for_all(verdict, end);
        if verdict != Verdict::EndedWell {
            self.first_failure.get_or_insert(end);
        }
        if policy == EndPolicy::Shutdown {
            // It cannot be told any more; without the wish it is not started again.
            let cause = match verdict {
                Verdict::GiveUp(FatalReason::NotReady { .. }) => Cause::NotReady(id),
                Verdict::GiveUp(_)
                | Verdict::EndedWell
                | Verdict::EndedBadly
                | Verdict::Again
                | Verdict::AtOnce
                | Verdict::NotBefore(_)
                | Verdict::Stopped
                | Verdict::Proceed => Cause::Ended(id, end),
            };
            self.begin_shutdown(now, cause);
        }
        verdict
    }

    /// A life is over, with all that belongs to it.
    pub(crate) fn meet_fate(&mut self, now: Time, id: ProgramId, end: End, verdict: Verdict) {
        let stopping = self.is_stopping();
        let jitter = &mut self.jitter;
        let index = id.0 as usize;
        let (Some(program), Some(spec)) =
            (self.programs.get_mut(index), self.spec.programs.get(index))
        else {
            return;
        };
        let again = core::mem::take(&mut program.again) && !stopping;
        let failures = program.failures;
        let next = match verdict {
            _ if program.standing == Standing::Removed => State::Stopped,
            _ if again => {
                program.renew();
                State::Stopped
            }
            Verdict::Stopped => State::Stopped,
            Verdict::Again | Verdict::AtOnce | Verdict::NotBefore(_) | Verdict::Proceed
                if program.stopped =>
            {
                State::Stopped
            }
            Verdict::EndedWell => State::Exited { end, well: true },
            Verdict::EndedBadly | Verdict::Proceed => State::Exited { end, well: false },
            Verdict::GiveUp(reason) => State::Fatal { reason },
            Verdict::Again | Verdict::AtOnce | Verdict::NotBefore(_)
                if stopping || !program.wanted =>
            {
                State::Exited { end, well: false }
            }
            Verdict::NotBefore(until) => State::Backoff { until },
            Verdict::AtOnce => {
                program.renew();
                State::Stopped
            }
            Verdict::Again => {
                let pause = if program.lived >= spec.backoff_max && failures == 0 {
                    program.restarts = 0;
                    Duration::ZERO
                } else {
                    let pause = restart::pause(spec, program.restarts, jitter);
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
        self.become_state(now, id, next);
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
        program.last = Aftermath {
            end: Some(end),
            ..Aftermath::default()
        };
        self.notice(Notice::GaveUp {
            program: id,
            reason,
        });
        self.become_state(now, id, State::Fatal { reason });
        self.first_failure.get_or_insert(end);
        if policy == EndPolicy::Shutdown {
            self.begin_shutdown(now, Cause::Ended(id, end));
        }
    }
}

/// The end that counts for the container: who was given up because it was not ready did
/// not choose the status that it ended with (EXIT-2).
fn end_for_all(verdict: Verdict, end: End) -> End {
    match verdict {
        Verdict::GiveUp(FatalReason::NotReady { .. }) => End::Status(ExitStatus::Code(1)),
        Verdict::GiveUp(_)
        | Verdict::EndedWell
        | Verdict::EndedBadly
        | Verdict::Again
        | Verdict::AtOnce
        | Verdict::NotBefore(_)
        | Verdict::Stopped
        | Verdict::Proceed => end,
    }
}
