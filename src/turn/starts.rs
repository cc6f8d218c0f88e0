//! Starts: of programs, of what is run beside them, and of those who ask them. How each
//! exec went is told over a pipe of its own, and over another one a program may say that
//! it is ready.

use lastout_core::{
    Aftermath, End, Event, ExitStatus, Message, ProgramId, Question, RunId, SpawnFailure, Stage,
    Time, Why, Work,
};

use super::{Lastout, READY, gets_terminal};
use crate::face::Seen;
use crate::linux::poll::{Interest, Token};
use crate::linux::spawn::{self, ReadyNews, Start};
use crate::plan::{Launch, Ready};

/// A start that waits for the descriptors of others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    program: ProgramId,
    run: RunId,
    work: Work,
    /// Why it could not be made at once.
    failure: SpawnFailure,
}

impl Lastout {
    pub(super) fn spawn(&mut self, now: Time, program: ProgramId, run: RunId, work: Work) {
        self.borrow_launch(program);
        let Some(launch) = self.launches.get(program.0 as usize) else {
            return;
        };
        let Some(task) = task(launch, work) else {
            // The configuration that was read again has none any more.
            let failure = SpawnFailure {
                stage: Stage::Exec,
                errno: libc::ENOENT,
            };
            self.tell_core(now, Event::SpawnFailed { run, failure });
            return;
        };
        let extra = self.extra(launch, work);
        let start = Start {
            run,
            launch,
            work: task,
            extra: &extra,
            in_front: self.gives_terminal && gets_terminal(launch),
        };
        match self.people.spawn(start) {
            Ok(outputs) => self.keep_outputs(run, program, work, outputs),
            Err(failure) => {
                if self.people.may_start_later(failure) {
                    self.waiting.push_back(Waiting {
                        program,
                        run,
                        work,
                        failure,
                    });
                } else {
                    self.tell_core(now, Event::SpawnFailed { run, failure });
                    if self.people.runs_before_exec().is_empty() {
                        // Nobody will give descriptors back in a moment.
                        self.call_off(now, None);
                    }
                }
                return;
            }
        }
        if let Some(leader) = self.people.leader(run) {
            self.narrator.saw(Seen::Born(leader.id()));
        }
        self.watch_start(now, run);
    }

    /// Waits for what a child has to say.
    fn watch_start(&mut self, now: Time, run: RunId) {
        if let Some(pipe) = self.people.ready_descriptor(run)
            && let Err(error) = self
                .poll
                .add(pipe, Token(run.0 | READY), Interest::Readable)
        {
            log::warn!("cannot wait for a program to say that it is ready: {error}");
        }
        let Some(pipe) = self.people.exec_status(run) else {
            return;
        };
        if let Err(error) = self.poll.add(pipe, Token(run.0), Interest::Readable) {
            // Without a watch it is read when the program ends, and counts as exec'ed.
            log::warn!("cannot wait for the exec of a program: {error}");
            self.tell_core(now, Event::Execed { run });
        }
    }

    /// Variables that only this start knows.
    fn extra(&self, launch: &Launch, work: Work) -> Vec<(&'static str, Vec<u8>)> {
        let mut extra = Vec::new();
        match work {
            Work::Command | Work::PreStart => {}
            Work::PostStop(aftermath) => extra.extend(told_of(aftermath)),
            Work::Probe(_) => return extra,
        }
        if launch.notify
            && let Some(socket) = &self.notify
        {
            extra.push(("NOTIFY_SOCKET", socket.name().to_vec()));
        }
        extra
    }

    /// Whether a start waits for its turn.
    pub(super) fn is_waiting(&self, run: RunId) -> bool {
        self.waiting.iter().any(|waiting| waiting.run == run)
    }

    /// A start that waits need not be made any more: of this run, or of any.
    pub(super) fn call_off(&mut self, now: Time, which: Option<RunId>) {
        for waiting in std::mem::take(&mut self.waiting) {
            let Waiting { run, failure, .. } = waiting;
            if which.is_none_or(|which| which == run) {
                self.tell_core(now, Event::SpawnFailed { run, failure });
            } else {
                self.waiting.push_back(waiting);
            }
        }
    }

    /// What comes after an exec is for the program, though the exec was not told of yet:
    /// what the core holds for a program that is not there has a bound.
    pub(super) fn learn_of_execs(&mut self, now: Time) {
        for run in self.people.runs_before_exec() {
            let _ = self.learn_exec_status(now, run, false);
        }
        self.carry_out(now);
    }

    /// Reads how a run's exec went, if that is known, and tells the core: that it failed
    /// only when its child has `ended`. Whether it failed.
    pub(super) fn learn_exec_status(&mut self, now: Time, run: RunId, ended: bool) -> bool {
        let Some(result) = self.people.read_exec_status(run) else {
            return false;
        };
        if let Some(pipe) = self.people.exec_status(run) {
            self.poll.remove(pipe);
        }
        self.people.close_exec_status(run);
        if let Some(waiting) = self.waiting.pop_front() {
            self.spawn(now, waiting.program, waiting.run, waiting.work);
        }
        match result {
            Ok(()) => {
                self.tell_core(now, Event::Execed { run });
                false
            }
            Err(failure) if !ended => {
                self.people.keep_failure(run, failure);
                true
            }
            Err(failure) => {
                self.stop_reading_readiness(run);
                self.tell_core(now, Event::SpawnFailed { run, failure });
                // The child that failed is reaped as nobody's.
                self.people.remove(run);
                true
            }
        }
    }

    /// A program may have said over its descriptor that it is ready (READY-2).
    pub(super) fn learn_readiness(&mut self, now: Time, run: RunId) {
        let Some(news) = self.people.read_ready(run) else {
            return;
        };
        self.stop_reading_readiness(run);
        match news {
            ReadyNews::Newline => {
                // Before its exec it could say nothing.
                let _ = self.learn_exec_status(now, run, false);
                let message = Message::Ready;
                self.tell_core(now, Event::Said { run, message });
            }
            ReadyNews::Closed => {
                if let Some(program) = self.core.program_of(run) {
                    let name = crate::words::name(self.core.spec(), program);
                    log::debug!(
                        "{name}: has closed its descriptor without saying that it is ready"
                    );
                }
            }
        }
    }

    /// A run has no more to say of its readiness.
    pub(super) fn stop_reading_readiness(&mut self, run: RunId) {
        if let Some(pipe) = self.people.ready_descriptor(run) {
            self.poll.remove(pipe);
            self.people.close_ready(run);
        }
    }
}

/// What is done for a program, where its launch has such a thing.
fn task(launch: &Launch, work: Work) -> Option<spawn::Work<'_>> {
    match work {
        Work::Command => Some(spawn::Work::Command),
        Work::PreStart => launch.pre_start.as_deref().map(spawn::Work::Hook),
        Work::PostStop(_) => launch.post_stop.as_deref().map(spawn::Work::Hook),
        Work::Probe(Question::Health) => launch.health.as_ref().map(spawn::Work::Probe),
        Work::Probe(Question::Ready) => match &launch.ready {
            Some(Ready::Probe(probe)) => Some(spawn::Work::Probe(probe)),
            Some(Ready::Notify | Ready::Descriptor(_) | Ready::Line(_)) | None => None,
        },
    }
}

/// What a post_stop is told of the life that it cleans up after.
fn told_of(aftermath: Aftermath) -> Vec<(&'static str, Vec<u8>)> {
    let mut told = vec![("LASTOUT_REASON", reason(aftermath).into())];
    match aftermath.end {
        Some(End::Status(ExitStatus::Signal(signal))) => {
            let name = signal.to_string();
            let name = name.strip_prefix("SIG").unwrap_or(&name);
            told.push(("LASTOUT_EXIT_SIGNAL", name.into()));
        }
        Some(end @ (End::Status(ExitStatus::Code(_)) | End::NeverRan(_))) => {
            told.push(("LASTOUT_EXIT_CODE", end.as_code().to_string().into()));
        }
        None => {}
    }
    told
}

/// Why a life has ended, in a word.
fn reason(aftermath: Aftermath) -> &'static str {
    let Some(why) = aftermath.asked else {
        return match aftermath.end {
            _ if aftermath.out_of_memory => "out-of-memory",
            Some(End::Status(ExitStatus::Code(_))) => "exit",
            Some(End::Status(ExitStatus::Signal(_))) => "signal",
            Some(End::NeverRan(_)) | None => "not-started",
        };
    };
    match why {
        Why::Shutdown => "shutdown",
        Why::Removed => "removed",
        Why::Changed => "changed",
        Why::Restarted => "restart",
        Why::Stopped => "stop",
        Why::Replaced => "replaced",
        Why::NotReady => "not-ready",
        Why::Unhealthy => "unhealthy",
        Why::Watchdog => "watchdog",
        Why::HookTime => "pre-start",
    }
}
