//! What is run beside a program's command: before it (`pre_start`), as a part of its
//! start, and after it (`post_stop`), as the last part of its end. Those that a program
//! needs are still there for both.

use core::time::Duration;

use crate::life::FIRST_KILL_PAUSE;
use crate::program::{Part, State, Stopping};
use crate::restart::Verdict;
use crate::{Action, Care, End, Hook, Leftovers, ProgramId, RunId, Supervisor, Time, Work};

/// How long what runs before the command may take, where `startsecs` is not longer.
pub(crate) const PRE_START_TIME: Duration = Duration::from_secs(60);

impl Supervisor {
    /// What is to run after a life begins, if anything is. Whether it does.
    pub(crate) fn clean_up(&mut self, now: Time, id: ProgramId, then: (End, Verdict)) -> bool {
        let has_time = !self.is_after_last_call();
        let Some((program, spec)) = self.parts(id) else {
            return false;
        };
        let is_due = core::mem::take(&mut program.to_clean) && spec.post_stop;
        if !is_due || !has_time {
            if is_due {
                self.care(id, Care::HookSkipped);
            }
            return false;
        }
        let (signal, wait, aftermath) = (spec.stopsignal, spec.stopwaitsecs, program.last);
        let run = self.new_run();
        let life = Stopping {
            run,
            part: Part::PostStop,
            born: now,
            execed: true,
            signal,
            asked: None,
            leader: None,
            last_call: wait.map(|wait| now.plus(wait / 5 * 4)),
            kill: wait.map(|wait| (now.plus(wait), FIRST_KILL_PAUSE)),
            killed: false,
            hang_up: None,
            then: Some(then),
        };
        self.become_state(now, id, State::Stopping(life));
        self.order(Action::Spawn {
            program: id,
            run,
            work: Work::PostStop(aftermath),
        });
        true
    }

    /// What runs after a life has ended itself. What it leaves behind is told.
    pub(crate) fn post_stop_ended(&mut self, now: Time, id: ProgramId, run: RunId, end: End) {
        self.hook_ended(id, Hook::PostStop, end);
        let Some((program, spec)) = self.parts(id) else {
            return;
        };
        let State::Stopping(life) = &mut program.state else {
            return;
        };
        if spec.leftovers == Leftovers::Keep && life.asked.is_none() {
            self.order(Action::Disown { run });
            self.post_stop_over(now, id);
            return;
        }
        life.leader = life.then;
        life.last_call = None;
        let signal = life.signal;
        self.order(Action::Tell {
            run,
            scope: None,
            signal,
        });
    }

    /// Cleaned up.
    pub(crate) fn post_stop_over(&mut self, now: Time, id: ProgramId) {
        let Some((program, _)) = self.parts(id) else {
            return;
        };
        let State::Stopping(Stopping {
            then: Some((end, verdict)),
            ..
        }) = program.state
        else {
            return;
        };
        self.meet_fate(now, id, end, verdict);
    }

    pub(crate) fn hook_ended(&mut self, program: ProgramId, hook: Hook, end: End) {
        self.care(program, Care::HookEnded { hook, end });
    }
}
