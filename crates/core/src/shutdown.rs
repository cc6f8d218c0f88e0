//! The end of the container: nobody is left behind (STOP-1 to STOP-6), and the exit
//! status (EXIT-1 to EXIT-3).
//!
//! ```text
//! begun ──────── programs are told in order; strays when no leader is alive
//! 4/5 ────────── the last call: everybody who was not told is told now, also those who
//!                were to be told when their leader is gone
//! stop_timeout ─ everybody who is left is killed
//! + a moment ─── lastout leaves, whoever hangs in the kernel
//! ```
//!
//! It ends early, the moment nobody is left.

use core::time::Duration;

use crate::program::State;
use crate::{
    Action, Cause, End, ExitStatus, KillReason, Notice, ProgramId, Signal, Supervisor, Time, Why,
};

/// How long lastout waits for those that it killed: to reap and report them, and as a
/// subreaper not to leave them to others. Who hangs in the kernel is not waited for. And
/// how long what programs wrote is passed on at least, once nobody is left.
const LAST_MOMENT: Duration = Duration::from_millis(500);

/// The exit status of a shutdown that had to kill, with `--strict`: as of a process
/// that was killed (EXIT-3).
const KILLED: u8 = 137;

/// The exit status of a shutdown that lastout has begun because it gave up (EXIT-2).
const GAVE_UP: u8 = 1;

/// Where the container stands.
#[derive(Clone, Debug)]
pub(crate) enum Phase {
    /// Programs run.
    Up,
    /// Everybody is asked to end.
    Stopping(Shutdown),
    /// The last order was given.
    Over,
}

/// A shutdown that has begun.
#[derive(Clone, Debug)]
pub(crate) struct Shutdown {
    cause: Cause,
    last_call: Option<Time>,
    deadline: Option<(Time, KillReason)>,
    leave: Option<Time>,
    strays_told: bool,
    /// Whether everybody has been told, so that nothing may begin any more.
    called: bool,
    killed: bool,
    interrupts: u32,
}

impl Phase {
    pub(crate) fn deadline(&self) -> Option<Time> {
        match self {
            Phase::Up | Phase::Over => None,
            Phase::Stopping(shutdown) => {
                let deadline = shutdown.deadline.map(|(at, _)| at);
                [shutdown.last_call, deadline, shutdown.leave]
                    .into_iter()
                    .flatten()
                    .min()
            }
        }
    }
}

impl Phase {
    /// When everybody is killed, if that is bounded.
    pub(crate) fn kill_deadline(&self) -> Option<Time> {
        match self {
            Phase::Up | Phase::Over => None,
            Phase::Stopping(shutdown) => shutdown.deadline.map(|(at, _)| at),
        }
    }

    /// How long it is until everybody is killed, if that is bounded.
    pub(crate) fn time_left(&self, now: Time) -> Option<Duration> {
        self.kill_deadline().map(|at| at.since(now))
    }
}

impl Supervisor {
    /// Begins the shutdown; the first cause decides.
    pub(crate) fn begin_shutdown(&mut self, now: Time, cause: Cause) {
        if self.is_stopping() {
            return;
        }
        let timeout = self.spec.stop_timeout;
        self.phase = Phase::Stopping(Shutdown {
            cause,
            last_call: timeout.map(|timeout| now.plus(timeout / 5 * 4)),
            deadline: timeout.map(|timeout| (now.plus(timeout), KillReason::StopTimeout(timeout))),
            leave: None,
            strays_told: false,
            called: false,
            killed: false,
            interrupts: 0,
        });
        self.notice(Notice::ShutdownBegun { cause });
        self.end_startup(now);
        if let Some(timeout) = timeout {
            let by = now.plus(timeout / 2);
            self.programs.iter_mut().for_each(|p| p.hang_up_by(by));
        }
        self.rearm();
        for id in self.ids() {
            self.unwant(id);
            // Who waits for a next life does not get one (RUN-2).
            if matches!(self.program(id), Some(p) if matches!(p.state, State::Backoff { .. })) {
                self.become_state(now, id, State::Stopped);
            }
            self.let_go(id);
        }
        self.answer_in_shutdown(now, cause);
        self.decide_all(now);
    }

    /// Without a bound on the shutdown, what a command left behind has one from the
    /// moment the command is gone (STOP-5).
    fn bound_leftovers(&mut self, now: Time) {
        let time = self.spec.leftover_time;
        let Phase::Stopping(shutdown) = &mut self.phase else {
            return;
        };
        let is_bounded = shutdown.deadline.is_some() || shutdown.leave.is_some();
        if self.spec.stop_timeout.is_none() && !is_bounded {
            shutdown.deadline = Some((now.plus(time), KillReason::LeftoverTime(time)));
            self.rearm();
        }
    }

    /// Strays are told when no leader is alive, nor will be; what is left of the programs'
    /// trees was told by then, and has no leader to be told by either.
    pub(crate) fn tell_strays_when_alone(&mut self, now: Time) {
        let mut pairs = self.programs.iter().zip(&self.spec.programs);
        if pairs.any(|(program, spec)| program.has_work(spec)) {
            return;
        }
        self.bound_leftovers(now);
        self.tell_strays();
    }

    fn tell_strays(&mut self) {
        let Phase::Stopping(shutdown) = &mut self.phase else {
            return;
        };
        if !shutdown.strays_told {
            shutdown.strays_told = true;
            self.order(Action::TellStrays {
                signal: Signal::TERM,
            });
        }
    }

    /// Acts on everything that is due. Whether anything was.
    pub(crate) fn pass_time(&mut self, now: Time) -> bool {
        if self.alarm.is_none_or(|at| at > now) {
            return false;
        }
        let mut acted = false;
        let mut from = 0;
        self.note_what_is_due();
        while let Some(place) = self.due.next(from, now) {
            acted |= self.pass_time_of(now, ProgramId(place as u32));
            self.note_what_is_due();
            from = place + 1;
        }
        while self.pass_time_of_probes(now) {
            acted = true;
        }
        acted |= self.pass_startup(now);
        acted |= self.pass_time_of_shutdown(now);
        acted |= self.pass_time_of_requests(now);
        self.note_what_is_due();
        self.alarm = self.next_deadline();
        acted
    }

    /// One step of the shutdown, if it is due: the earliest, so that everybody has been
    /// told before anybody is killed however late lastout wakes.
    fn pass_time_of_shutdown(&mut self, now: Time) -> bool {
        let Phase::Stopping(shutdown) = &mut self.phase else {
            return false;
        };
        if shutdown.last_call.is_some_and(|at| at <= now) {
            shutdown.last_call = None;
            self.last_call(now);
        } else if let Some((_, reason)) = shutdown.deadline.filter(|(at, _)| *at <= now) {
            self.kill_everybody(now, reason);
        } else if shutdown.leave.is_some_and(|at| at <= now) {
            self.leave(now);
        } else {
            return false;
        }
        true
    }

    /// Whether the shutdown has no time for anything new.
    pub(crate) fn is_after_last_call(&self) -> bool {
        match &self.phase {
            Phase::Up => false,
            Phase::Stopping(shutdown) => shutdown.called,
            Phase::Over => true,
        }
    }

    /// Order is given up, so that everybody has been told before anybody is killed.
    fn last_call(&mut self, now: Time) {
        let Phase::Stopping(shutdown) = &mut self.phase else {
            return;
        };
        shutdown.called = true;
        let untold = self
            .programs
            .iter()
            .any(|program| program.state.is_untold());
        if untold || !shutdown.strays_told {
            self.notice(Notice::LastCall);
        }
        for id in self.graph.last_to_first() {
            self.tell(now, id, Why::Shutdown);
            self.tell_followers(now, id, Why::Shutdown);
        }
        self.tell_strays();
    }

    fn kill_everybody(&mut self, now: Time, reason: KillReason) {
        let Phase::Stopping(shutdown) = &mut self.phase else {
            return;
        };
        if shutdown.leave.is_some() {
            // They were killed before; that another reason has come changes nothing.
            return;
        }
        shutdown.killed = true;
        shutdown.called = true;
        shutdown.last_call = None;
        shutdown.deadline = None;
        shutdown.strays_told = true;
        shutdown.leave = Some(now.plus(LAST_MOMENT));
        self.rearm();
        self.notice(Notice::KillingEverybody { reason });
        self.order(Action::KillEverybody);
    }

    pub(crate) fn killed_in_shutdown(&mut self) {
        if let Phase::Stopping(shutdown) = &mut self.phase {
            shutdown.killed = true;
        }
    }

    /// A Ctrl-C during the shutdown: the first one says what the second one does (SIG-3).
    pub(crate) fn interrupted(&mut self, now: Time) {
        let Phase::Stopping(shutdown) = &mut self.phase else {
            return;
        };
        shutdown.interrupts = shutdown.interrupts.saturating_add(1);
        match shutdown.interrupts {
            1 => self.notice(Notice::NextInterruptKills),
            2 => {
                // Not even now is anybody killed untold (STOP-1).
                self.last_call(now);
                self.kill_everybody(now, KillReason::Interrupt);
            }
            3.. => {}
            0 => {}
        }
    }

    /// Nobody is left, so lastout leaves, at once (STOP-6).
    pub(crate) fn nobody_left(&mut self, now: Time) {
        if matches!(&self.phase, Phase::Stopping(shutdown) if shutdown.strays_told) {
            self.leave(now);
        }
    }

    fn leave(&mut self, now: Time) {
        self.answer_everybody(now);
        let code = self.exit_code();
        let moment = now.plus(LAST_MOMENT);
        // Who reads slowly has as long as the programs would have had.
        let drain_until = match &self.phase {
            Phase::Stopping(shutdown) => shutdown
                .deadline
                .map_or(moment, |(deadline, _)| deadline.max(moment)),
            Phase::Up | Phase::Over => moment,
        };
        self.phase = Phase::Over;
        // Nothing is due any more, whoever hangs in the kernel.
        self.rearm();
        self.order(Action::Exit { code, drain_until });
    }

    /// The container's exit status.
    fn exit_code(&self) -> u8 {
        let Phase::Stopping(shutdown) = &self.phase else {
            return 0;
        };
        if self.spec.strict && shutdown.killed {
            return KILLED;
        }
        match shutdown.cause {
            Cause::Asked(signal) => match self.spec.main {
                Some(main) => self.code_of_main(main, signal),
                None => 0,
            },
            Cause::Requested(Some(code)) => code,
            Cause::Requested(None) => match self.spec.main {
                Some(main) => self.code_of_main(main, Signal::TERM),
                None => 0,
            },
            Cause::Ended(program, end) if Some(program) == self.spec.main => {
                self.unless_expected(self.spec.failure_codes.code_of(end))
            }
            Cause::Ended(program, end) => match self.is_well(program) {
                true => end.as_code(),
                false => failure_code(end),
            },
            Cause::NotReady(_) | Cause::Unhealthy(_) | Cause::StartupTimeout(_) => GAVE_UP,
            Cause::NothingLeft => self.first_failure.map_or(0, failure_code),
        }
    }

    /// The command's own status, whoever asked for the end. One that hangs in the kernel
    /// was killed; one that never ran, even if the machine would not let it, would have
    /// ended by the signal that came.
    fn code_of_main(&self, main: ProgramId, asked_with: Signal) -> u8 {
        let Some(program) = self.program(main) else {
            return 0;
        };
        let end = match program.last.end {
            _ if program.state.has_leader() => End::Status(ExitStatus::Signal(Signal::KILL)),
            Some(End::NeverRan(failure)) if failure.is_temporary() => {
                End::Status(ExitStatus::Signal(asked_with))
            }
            Some(end) => end,
            None => End::Status(ExitStatus::Signal(asked_with)),
        };
        self.unless_expected(self.spec.failure_codes.code_of(end))
    }

    /// `-e CODE`: the code counts as 0.
    fn unless_expected(&self, code: u8) -> u8 {
        if self.spec.expected_codes.contains(&code) {
            0
        } else {
            code
        }
    }

    fn is_well(&self, id: ProgramId) -> bool {
        self.program(id)
            .is_some_and(|program| program.state.is_well())
    }
}

/// The status of a failure: its own, or 1 where that would read as success (a program
/// that exits with 0 too early, again and again, has failed all the same).
fn failure_code(end: End) -> u8 {
    match end.as_code() {
        0 => 1,
        code => code,
    }
}
