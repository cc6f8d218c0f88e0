//! A program's life, from its start to the last of its tree: what each fact about it
//! makes of its state.
//!
//! A life has up to three parts, each a run with a tree of its own, one after the other:
//! what runs before the command (`pre_start`), the command, and what runs after it
//! (`post_stop`). The next one begins when nobody of the last one is left.

use core::time::Duration;

use crate::hooks::PRE_START_TIME;
use crate::program::{Part, Standing, State, Step, Stopping};
use crate::restart::{self, Course, Verdict};
use crate::{
    Action, Aftermath, End, ExitStatus, Hook, Kind, Leftovers, Notice, ProgramId, RunId,
    SpawnFailure, Supervisor, Time, Why, Work,
};

/// The pause before a tree that was killed is killed again, doubled each time: a fork
/// in progress or a process in the middle of a system call may have been missed.
pub(crate) const FIRST_KILL_PAUSE: Duration = Duration::from_millis(50);

impl Supervisor {
    /// A life begins.
    pub(crate) fn start(&mut self, now: Time, id: ProgramId) {
        let Some((program, spec)) = self.parts(id) else {
            return;
        };
        program.was_killed = false;
        if program.standing == Standing::New {
            program.standing = Standing::Listed;
        }
        let work = match spec.pre_start {
            true => Work::PreStart,
            false => Work::Command,
        };
        self.begin(now, id, work);
    }

    fn begin(&mut self, now: Time, id: ProgramId, work: Work) {
        let run = self.new_run();
        let Some((_, spec)) = self.parts(id) else {
            return;
        };
        let step = if work == Work::PreStart {
            let limit = spec.startsecs.max(PRE_START_TIME);
            Step::PreStart {
                give_up: Some(now.plus(limit)),
            }
        } else {
            Step::Forked
        };
        let born = now;
        self.become_state(now, id, State::Starting { run, born, step });
        self.order(Action::Spawn {
            program: id,
            run,
            work,
        });
    }

    /// The command runs: from now on it may be RUNNING, and gets what was held for it.
    pub(crate) fn execed(&mut self, now: Time, run: RunId) {
        let Some(id) = self.life_of(run) else {
            return;
        };
        let stopping = self.is_stopping();
        let Some((program, spec)) = self.parts(id) else {
            return;
        };
        let mut is_up_next = false;
        match &mut program.state {
            State::Starting { step, .. } if *step == Step::Forked => {
                *step = Step::Execed {
                    up_at: Some(now.plus(spec.startsecs)),
                    ready: spec.readiness.is_none(),
                    // In the shutdown nobody is impatient any more.
                    give_up: (spec.readiness.filter(|_| !stopping))
                        .map(|r| now.plus(r.start_timeout)),
                };
                is_up_next = true;
            }
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
        program.machine_failures = 0;
        program.to_clean = true;
        program.lives = program.lives.saturating_add(1);
        let held = core::mem::take(&mut program.held);
        let scope = spec.forward_scope;
        let deadline = program.deadline();
        if let Some(at) = deadline {
            self.wake_at(at);
        }
        self.notice(Notice::Started { program: id, run });
        for signal in held {
            self.order(Action::Forward { run, scope, signal });
        }
        if is_up_next {
            // For some of those that need it that is enough.
            self.mark_dirty(id);
            if !stopping {
                self.watch_start(now, id);
            }
        }
    }

    /// A process never came to run what it was started for. The machine's failures do not
    /// count against the program.
    pub(crate) fn spawn_failed(&mut self, now: Time, run: RunId, failure: SpawnFailure) {
        let Some(id) = self.life_of(run) else {
            return;
        };
        let stopping = self.is_stopping();
        let Some((program, _)) = self.parts(id) else {
            return;
        };
        let end = End::NeverRan(failure);
        let (part, asked) = match &program.state {
            State::Starting { step, .. } => (step.part(), None),
            State::Stopping(life) if life.leader.is_none() => (life.part, life.asked),
            State::Stopping(_)
            | State::Running { .. }
            | State::Stopped
            | State::Backoff { .. }
            | State::Exited { .. }
            | State::Fatal { .. } => return,
        };
        if part == Part::PostStop {
            self.hook_ended(id, Hook::PostStop, end);
            self.post_stop_over(now, id);
            return;
        }
        let was_asked = asked.is_some();
        let failures = program.machine_failures;
        program.last = Aftermath {
            end: Some(end),
            asked: asked.map(|(_, why)| why),
            out_of_memory: false,
        };
        program.lived = Duration::ZERO;
        let is_temporary = failure.is_temporary();
        let is_over = was_asked || stopping;
        // Of what the machine is to blame for only the first is told, and nothing of
        // what will not be tried again.
        if !is_temporary || (failures == 0 && !is_over) {
            match part {
                Part::PreStart => self.hook_ended(id, Hook::PreStart, end),
                Part::Command | Part::PostStop => self.notice(Notice::NotStarted {
                    program: id,
                    failure,
                }),
            }
        }
        if let Some((_, why)) = asked {
            let verdict = self.verdict_of_asked(now, id, why, end);
            self.finish(now, id, end, verdict);
        } else if stopping && is_temporary {
            self.finish(now, id, end, Verdict::EndedBadly);
        } else if !is_temporary {
            let course = match part {
                Part::PreStart => Course::PreStart,
                Part::Command | Part::PostStop => Course::Early,
            };
            let verdict = self.judge(now, id, course, end);
            self.finish(now, id, end, verdict);
        } else {
            if let Some((program, _)) = self.parts(id) {
                program.machine_failures = failures.saturating_add(1);
            }
            let until = now.plus(restart::pause_of_machine(failures));
            self.finish(now, id, end, Verdict::NotBefore(until));
        }
    }

    /// The leader has ended. What it leaves behind is told (STOP-2, STOP-3).
    pub(crate) fn exited(
        &mut self,
        now: Time,
        run: RunId,
        status: ExitStatus,
        out_of_memory: bool,
    ) {
        let Some(id) = self.life_of(run) else {
            return;
        };
        self.pass_up(now, id);
        let Some((program, spec)) = self.parts(id) else {
            return;
        };
        let end = End::Status(status);
        let (born, part, course, asked) = match &program.state {
            State::Starting { born, step, .. } => (*born, step.part(), Course::Early, None),
            State::Running { born, .. } => (*born, Part::Command, Course::Late, None),
            State::Stopping(life) if life.leader.is_none() => {
                (life.born, life.part, Course::Late, life.asked)
            }
            State::Stopping(_)
            | State::Stopped
            | State::Backoff { .. }
            | State::Exited { .. }
            | State::Fatal { .. } => return,
        };
        let keeps = spec.leftovers == Leftovers::Keep;
        if part == Part::PostStop {
            self.post_stop_ended(now, id, run, end);
            return;
        }
        program.last = Aftermath {
            end: Some(end),
            asked: asked.map(|(_, why)| why),
            out_of_memory,
        };
        let lived = now.since(born);
        program.lived = lived;
        if part == Part::PreStart {
            program.to_clean = true;
            self.hook_ended(id, Hook::PreStart, end);
        } else {
            let expected = asked.is_some() || restart::is_expected(spec, end);
            self.notice(Notice::Ended {
                program: id,
                run,
                status,
                out_of_memory,
                lived,
                asked: asked.map(|(at, why)| (now.since(at), why)),
                expected,
            });
        }
        if let Some((_, why)) = asked {
            self.leader_gone_when_asked(now, id, end, why);
            return;
        }
        let verdict = match part {
            Part::PreStart if status == ExitStatus::Code(0) => Verdict::Proceed,
            Part::PreStart => self.judge(now, id, Course::PreStart, end),
            Part::Command | Part::PostStop => self.judge(now, id, course, end),
        };
        if keeps {
            self.order(Action::Disown { run });
            self.finish(now, id, end, verdict);
        } else {
            self.clear_tree(now, id, end, verdict);
        }
    }

    /// The leader of a told program is gone: the rest of its tree is told with the same.
    fn leader_gone_when_asked(&mut self, now: Time, id: ProgramId, end: End, why: Why) {
        let verdict = self.verdict_of_asked(now, id, why, end);
        let Some((program, _)) = self.parts(id) else {
            return;
        };
        let State::Stopping(life) = &mut program.state else {
            return;
        };
        life.leader = Some((end, verdict));
        life.hang_up = None;
        life.last_call = None;
        let (run, signal) = (life.run, life.signal);
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
        let (run, born, part) = match program.state {
            State::Starting { run, born, step } => (run, born, step.part()),
            State::Running { run, born } => (run, born, Part::Command),
            State::Stopped
            | State::Backoff { .. }
            | State::Stopping(_)
            | State::Exited { .. }
            | State::Fatal { .. } => return,
        };
        let signal = spec.stopsignal;
        let kill = spec
            .stopwaitsecs
            .map(|wait| (now.plus(wait), FIRST_KILL_PAUSE));
        let life = Stopping {
            run,
            part,
            born,
            execed: true,
            signal,
            asked: None,
            leader: Some((end, verdict)),
            last_call: None,
            kill,
            killed: false,
            hang_up: None,
            then: None,
        };
        self.become_state(now, id, State::Stopping(life));
        self.order(Action::Tell {
            run,
            scope: None,
            signal,
        });
    }

    /// Nobody of the tree is left.
    pub(crate) fn tree_gone(&mut self, now: Time, run: RunId) {
        let Some(id) = self.life_of(run) else {
            return;
        };
        let Some((program, _)) = self.parts(id) else {
            return;
        };
        let State::Stopping(Stopping {
            leader: Some((end, verdict)),
            part,
            ..
        }) = program.state
        else {
            return;
        };
        self.notice(Notice::TreeGone { program: id, run });
        match part {
            Part::PostStop => self.post_stop_over(now, id),
            Part::PreStart | Part::Command => self.finish(now, id, end, verdict),
        }
    }

    /// A part of a life is over, tree and all: the next part begins, or the program takes
    /// the state that the verdict says.
    fn finish(&mut self, now: Time, id: ProgramId, end: End, verdict: Verdict) {
        let stopping = self.is_stopping();
        let Some((program, _)) = self.parts(id) else {
            return;
        };
        // Who is to end, or to begin anew, does not go on with the command.
        let goes_on = !stopping && program.wanted && !program.again;
        if verdict == Verdict::Proceed && goes_on {
            return self.begin(now, id, Work::Command);
        }
        if !self.clean_up(now, id, (end, verdict)) {
            self.meet_fate(now, id, end, verdict);
        }
    }

    /// A life that is ready and has lasted for `startsecs` is RUNNING.
    pub(crate) fn pass_up(&mut self, now: Time, id: ProgramId) {
        let Some((program, spec)) = self.parts(id) else {
            return;
        };
        let State::Starting {
            run,
            born,
            step: Step::Execed { up_at, ready, .. },
        } = &mut program.state
        else {
            return;
        };
        if up_at.is_some_and(|at| at > now) {
            return;
        }
        *up_at = None;
        if !*ready {
            return;
        }
        let (run, born) = (*run, *born);
        // A oneshot has gone well only when it is done (RUN-5).
        if spec.kind == Kind::Service {
            program.failures = 0;
        }
        self.notice(Notice::Up { program: id });
        self.become_state(now, id, State::Running { run, born });
        self.note_up(id);
        self.watch_running(now, id);
    }
}
