//! The state of every program in words, for whoever asks.

use alloc::format;
use alloc::string::String;
use core::time::Duration;

use crate::program::{Program, Standing, State, Step};
use crate::{Condition, FatalReason, Notice, ProgramId, Supervisor, Time};

impl Supervisor {
    /// Tells people how every program is.
    pub(crate) fn log_state(&mut self, now: Time) {
        for id in self.ids() {
            let Some(program) = self.program(id) else {
                continue;
            };
            let lives = program.state.run().is_some();
            match program.standing {
                Standing::Removed | Standing::Twin(_) if !lives => continue,
                Standing::Removed | Standing::Twin(_) | Standing::Listed | Standing::New => {}
            }
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
        let mut text = self.describe_state(now, id, program);
        if program.watch.is_unhealthy() {
            text.push_str(", unhealthy");
        }
        if program.watch.reloading {
            text.push_str(", reloading");
        }
        if let Some(says) = &program.watch.says {
            text.push_str(": ");
            text.push_str(says);
        }
        text
    }

    fn describe_state(&self, now: Time, id: ProgramId, program: &Program) -> String {
        match &program.state {
            State::Stopped if program.wanted => self.waits_for(id),
            State::Stopped if program.stopped => String::from("stopped on request"),
            State::Stopped if self.is_scheduled(id) => String::from("until its next time"),
            State::Stopped => String::from("not started"),
            State::Starting { born, step, .. } => {
                let what = match step {
                    Step::PreStart { .. } => "pre_start runs ",
                    Step::Forked => "",
                    Step::Execed { ready: false, .. } => "not ready ",
                    Step::Execed { ready: true, .. } => "",
                };
                format!("{what}for {}", tenths(now.since(*born)))
            }
            State::Running { born, .. } => format!("for {}", tenths(now.since(*born))),
            State::Backoff { until } => {
                format!("next try in {}", tenths(until.since(now)))
            }
            State::Stopping(life) => match (life.leader, life.asked) {
                (None, Some((asked, _))) => {
                    format!("told {} ago", tenths(now.since(asked)))
                }
                (None, None) => format!("post_stop runs for {}", tenths(now.since(life.born))),
                (Some(_), _) => String::from("waits for what it left behind"),
            },
            State::Exited { end, .. } => format!("status {}", end.as_code()),
            State::Fatal {
                reason: FatalReason::FailedStarts { failures, .. },
            } => {
                format!("failed to start {failures} times")
            }
            State::Fatal {
                reason: FatalReason::NotReady { failures },
            } => format!("was not ready in time {failures} times"),
            State::Fatal {
                reason: FatalReason::PreStart { failures, .. },
            } => format!("its pre_start failed {failures} times"),
            State::Fatal {
                reason: FatalReason::Needs(needed),
            } => format!("needs {}, which is not to be had", self.name(*needed)),
        }
    }

    /// What keeps a program from starting.
    fn waits_for(&self, id: ProgramId) -> String {
        let Some((program, condition)) = self.missing(id) else {
            return String::new();
        };
        let state = match condition {
            Condition::Started => "started",
            Condition::Ready => "ready",
            Condition::Completed => "completed",
        };
        format!("waits for {} to be {state}", self.name(program))
    }

    fn is_scheduled(&self, id: ProgramId) -> bool {
        let spec = self.spec.programs.get(id.0 as usize);
        spec.is_some_and(|spec| spec.schedule.is_some())
    }

    fn name(&self, id: ProgramId) -> &str {
        let spec = self.spec.programs.get(id.0 as usize);
        spec.map_or("a program", |spec| spec.name.as_str())
    }
}

/// `12.3 s`, without the machinery that formats floating-point numbers.
fn tenths(time: Duration) -> String {
    let tenths = (time.as_millis() + 50) / 100;
    format!("{}.{} s", tenths / 10, tenths % 10)
}
