//! What a signal that arrives sets going (SIG-1 to SIG-4): a shutdown, a signal for a
//! program, or words for people. Never loses one that a program could still get.

use alloc::format;
use alloc::string::String;
use core::time::Duration;

use crate::program::{Program, State};
use crate::{
    Action, Cause, FatalReason, Forward, Meaning, Notice, ProgramId, Signal, Supervisor, Time,
};

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
            Meaning::Reload | Meaning::ReloadProgram(_) => self.notice(Notice::Reload),
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
            State::Starting { execed: None, .. } => program.hold(signal),
            State::Stopping(ref life) if life.leader.is_none() && !life.execed => {
                program.hold(signal)
            }
            State::Stopped | State::Backoff { .. } if program.wanted => program.hold(signal),
            State::Starting { run, .. } | State::Running { run, .. } => {
                self.order(Action::Forward { run, scope, signal });
                true
            }
            State::Stopping(ref life) if life.leader.is_none() => {
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

    /// Tells people how every program is.
    fn log_state(&mut self, now: Time) {
        for id in self.ids() {
            let Some(program) = self.program(id) else {
                continue;
            };
            let state = program.state.name(program.wanted);
            let detail = self.describe(now, id, program);
            self.notice(Notice::State {
                program: id,
                state,
                detail,
            });
        }
    }

    /// What there is to know of a program beside its state.
    fn describe(&self, now: Time, id: ProgramId, program: &Program) -> String {
        match &program.state {
            State::Stopped if program.wanted => {
                let missing = self.spec.programs.get(id.0 as usize).and_then(|spec| {
                    spec.needs.iter().find(|need| {
                        self.program(need.program)
                            .is_some_and(|p| !p.state.meets(need.condition))
                    })
                });
                let name = missing.and_then(|need| self.spec.programs.get(need.program.0 as usize));
                name.map_or_else(String::new, |spec| format!("waits for {}", spec.name))
            }
            State::Stopped => String::from("not started"),
            State::Starting { born, .. } | State::Running { born, .. } => {
                format!("for {}", tenths(now.since(*born)))
            }
            State::Backoff { until } => {
                format!("next try in {}", tenths(until.since(now)))
            }
            State::Stopping(life) => match (life.leader, life.asked) {
                (None, Some(asked)) => {
                    format!("told {} ago", tenths(now.since(asked)))
                }
                (None, None) | (Some(_), _) => String::from("waits for what it left behind"),
            },
            State::Exited { end, .. } => format!("status {}", end.as_code()),
            State::Fatal {
                reason: FatalReason::FailedStarts { failures, .. },
            } => {
                format!("failed to start {failures} times")
            }
            State::Fatal {
                reason: FatalReason::Needs(needed),
            } => {
                let name = self
                    .spec
                    .programs
                    .get(needed.0 as usize)
                    .map(|spec| spec.name.as_str());
                format!(
                    "needs {}, which is not to be had",
                    name.unwrap_or("a program")
                )
            }
        }
    }
}

/// `12.3 s`, without the machinery that formats floating-point numbers.
fn tenths(time: Duration) -> String {
    let tenths = (time.as_millis() + 50) / 100;
    format!("{}.{} s", tenths / 10, tenths % 10)
}
