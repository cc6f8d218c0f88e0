//! What a signal that arrives sets going (SIG-1 to SIG-4): a shutdown, a signal for a
//! program, or words for people. Never loses one that a program could still get.

use crate::program::{Part, State, Step};
use crate::{Action, Cause, Forward, Meaning, Notice, Signal, Supervisor, Time};

impl Supervisor {
    /// A signal has arrived: what it means is in the table, and a terminal's Ctrl-C
    /// during the stop means what SIG-3 says.
    pub(crate) fn signal(&mut self, now: Time, signal: Signal, from_terminal: bool) {
        let meaning = self.spec.signals.meaning(signal);
        if self.is_stopping() && signal == Signal::INT && from_terminal {
            // Whom the terminal did not tell gets it all the same (SIG-1).
            if let Meaning::Forward(forward) = meaning {
                self.forward(now, signal, forward, from_terminal);
            }
            self.interrupted(now);
            return;
        }
        match meaning {
            Meaning::Shutdown => {
                if !self.is_stopping() {
                    self.begin_shutdown(now, Cause::Asked(signal));
                    if signal == Signal::INT && from_terminal {
                        self.interrupted(now);
                    }
                }
            }
            Meaning::Forward(forward) => self.forward(now, signal, forward, from_terminal),
            // Nobody asks for anything by closing the window but for the end.
            Meaning::Reload if from_terminal => {
                self.begin_shutdown(now, Cause::Asked(signal));
            }
            // Nothing is started any more, and who stops does so by what it was started with.
            Meaning::Reload if self.is_stopping() => {}
            Meaning::Reload => self.order(Action::Load),
            Meaning::ReloadProgram(_) if self.is_stopping() => {}
            // As on request, only that nobody waits for an answer.
            Meaning::ReloadProgram(program) => drop(self.reload_asked_for(now, &[program])),
            Meaning::ReopenLogs => self.notice(Notice::ReopenLogs),
            Meaning::LogState => self.log_state(now),
            Meaning::Ignore => self.notice(Notice::Ignored { signal }),
            Meaning::IgnoreSilently => {}
        }
    }

    /// Passes a signal on (SIG-1), and starts the stop clock if it is one to stop with.
    fn forward(&mut self, now: Time, came: Signal, forward: Forward, from_terminal: bool) {
        let Some(signal) = forward.signal else { return };
        let stopping = self.is_stopping();
        let Some((program, spec)) = self.parts(forward.program) else {
            return;
        };
        // The terminal told its foreground group, which is the program's. When it hangs up
        // it tells only the leader of the session, with SIGHUP and SIGCONT.
        let is_hang_up = matches!(came, Signal::HUP | Signal::CONT);
        if from_terminal && spec.has_terminal && !is_hang_up {
            return;
        }
        if forward.stops && !stopping {
            program.stop_with = Some(signal);
            self.begin_shutdown(now, Cause::Asked(came));
            return;
        }
        if forward.stops && program.state.is_untold() {
            // It is told when its turn has come: a stop signal is no way to be told
            // before those that need it are gone (STOP-4, SIG-3).
            program.stop_with.get_or_insert(signal);
            return;
        }
        let scope = spec.forward_scope;
        let is_passed_on = match program.state {
            State::Starting {
                step: Step::PreStart { .. } | Step::Forked,
                ..
            } => program.hold(signal),
            State::Stopping(ref life) if life.leader.is_none() && !life.execed => {
                program.hold(signal)
            }
            State::Stopped | State::Backoff { .. } if program.wanted => program.hold(signal),
            State::Starting { run, .. } | State::Running { run, .. } => {
                self.order(Action::Forward { run, scope, signal });
                true
            }
            State::Stopping(ref life) if life.leader.is_none() && life.part == Part::Command => {
                let run = life.run;
                self.order(Action::Forward { run, scope, signal });
                true
            }
            State::Stopped
            | State::Backoff { .. }
            | State::Stopping(_)
            | State::Exited { .. }
            | State::Fatal { .. } => false,
        };
        if !is_passed_on {
            self.notice(Notice::NotForwarded {
                signal,
                program: forward.program,
            });
        }
    }
}
