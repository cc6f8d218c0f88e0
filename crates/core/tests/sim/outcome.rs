//! How a world went: a fingerprint of all that was ordered and when, and how much of
//! everything there was. Worlds in which something never happens prove nothing of it.

use lastout_core::{Action, By, Care, Cause, FatalReason, Notice, Reply, Time, Why, Work};

/// What is counted, and how often it must be there in a thousand worlds.
pub(crate) const FLOOR: [(&str, u64); 34] = [
    ("ends", 900),
    ("facts", 30_000),
    ("starts", 3_000),
    ("kills", 1_800),
    ("probes", 2_500),
    ("pre_starts", 550),
    ("post_stops", 280),
    ("reloads", 400),
    ("programs told since they are removed", 80),
    ("since they are changed", 80),
    ("since somebody asked for it", 20),
    ("since their next time has come", 45),
    ("since they are not ready", 30),
    ("since they are not well", 55),
    ("since their watchdog was not fed", 45),
    ("since their pre_start takes too long", 2),
    ("starts of all", 280),
    ("starts of all that take too long", 25),
    ("ends for a program's sake", 80),
    ("ends for a program's health", 10),
    ("programs given up for the sake of others", 35),
    ("programs given up since they were not ready", 7),
    ("programs given up for their pre_start", 18),
    ("post_stops left out", 35),
    ("times left out", 95),
    ("late wakes", 30),
    ("post_stops that take too long", 100),
    ("programs told since somebody stopped them", 120),
    ("programs that are up since somebody asked", 120),
    ("programs that are gone since somebody asked", 120),
    ("programs of which somebody asked for something else", 40),
    ("programs of which a deadline passed", 30),
    ("programs told of before the reply", 40),
    ("answers that a program was removed", 10),
];

/// How a world went.
#[derive(Debug, PartialEq)]
pub(crate) struct Outcome {
    fingerprint: u64,
    pub(crate) exit: Option<u8>,
    pub(crate) facts: u64,
    pub(crate) loads: u64,
    ordered: [u64; FLOOR.len()],
}

impl Default for Outcome {
    fn default() -> Outcome {
        Outcome {
            fingerprint: 0,
            exit: None,
            facts: 0,
            loads: 0,
            ordered: [0; FLOOR.len()],
        }
    }
}

impl Outcome {
    /// Takes note of an order.
    pub(crate) fn ordered(&mut self, now: Time, action: &Action) {
        let (kind, run) = number(action);
        let micros = now.since_beginning().as_micros() as u64;
        let mixed = self.fingerprint.rotate_left(5) ^ (kind << 20) ^ run ^ (micros << 24);
        self.fingerprint = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        if let Some(index) = kind_of(action) {
            self.ordered[index] += 1;
        }
        if let Action::Reply { reply, .. } = action {
            self.answered(reply);
        }
    }

    fn answered(&mut self, reply: &Reply) {
        let Reply::Programs(outcomes) = reply else {
            return;
        };
        for (_, outcome) in outcomes {
            use lastout_core::Outcome as Of;
            let index = match outcome {
                Of::Started { .. } | Of::Completed { .. } => 28,
                Of::Stopped { .. } => 29,
                Of::Overtaken(By::Start | By::Stop | By::Restart) => 30,
                Of::TimedOut(_) => 31,
                Of::Removed => 33,
                Of::AlreadyRunning
                | Of::AlreadyStopped(_)
                | Of::Signalled { .. }
                | Of::Reloads { .. }
                | Of::NotRunning(_)
                | Of::Holds { .. }
                | Of::Impossible(_)
                | Of::NoHealthcheck
                | Of::SetGoing(_)
                | Of::Ended { .. }
                | Of::GaveUp { .. }
                | Of::Overtaken(By::Shutdown)
                | Of::OnlyAtTimes
                | Of::Unknown => continue,
            };
            self.ordered[index] += 1;
        }
    }

    /// How much of everything there was, in the order of [`FLOOR`].
    pub(crate) fn counts(&self) -> [u64; FLOOR.len()] {
        let mut counts = self.ordered;
        counts[0] = u64::from(self.exit.is_some());
        counts[1] = self.facts;
        counts[7] = self.loads;
        counts
    }
}

/// A number for the order, and one for whom it is for.
fn number(action: &Action) -> (u64, u64) {
    match action {
        Action::Spawn { run, .. } => (0, run.0),
        Action::Forward { run, .. } => (1, run.0),
        Action::Tell { run, .. } => (2, run.0),
        Action::HangUp { run } => (3, run.0),
        Action::Kill { run } => (4, run.0),
        Action::Disown { run } => (5, run.0),
        Action::TellFollowers { run, .. } => (6, run.0),
        Action::TellStrays { .. } => (7, 0),
        Action::KillEverybody => (8, 0),
        Action::Load => (9, 0),
        Action::Notice(_) => (10, 0),
        Action::Exit { code, .. } => (11, u64::from(*code)),
        Action::Reply { id, .. } => (12, id.0),
        Action::Decided { id, .. } => (13, id.0),
    }
}

/// The place in [`FLOOR`] of what is counted.
fn kind_of(action: &Action) -> Option<usize> {
    if let Action::Spawn { work, .. } = action {
        return Some(match work {
            Work::Command => 2,
            Work::Probe(_) => 4,
            Work::PreStart => 5,
            Work::PostStop(_) => 6,
        });
    }
    if matches!(action, Action::Kill { .. } | Action::KillEverybody) {
        return Some(3);
    }
    if matches!(action, Action::Decided { .. }) {
        return Some(32);
    }
    let Action::Notice(notice) = action else {
        return None;
    };
    if let Notice::Told { why, .. } = notice {
        return match why {
            Why::Shutdown => None,
            Why::Stopped => Some(27),
            Why::Removed => Some(8),
            Why::Changed => Some(9),
            Why::Restarted => Some(10),
            Why::Replaced => Some(11),
            Why::NotReady => Some(12),
            Why::Unhealthy => Some(13),
            Why::Watchdog => Some(14),
            Why::HookTime => Some(15),
        };
    }
    if let Notice::ShutdownBegun { cause } = notice {
        return match cause {
            Cause::StartupTimeout(_) => Some(17),
            Cause::Ended(..) | Cause::NotReady(_) => Some(18),
            Cause::Unhealthy(_) => Some(19),
            Cause::Asked(_) | Cause::Requested(_) | Cause::NothingLeft => None,
        };
    }
    if let Notice::GaveUp { reason, .. } = notice {
        return match reason {
            FatalReason::Needs(_) => Some(20),
            FatalReason::NotReady { .. } => Some(21),
            FatalReason::PreStart { .. } => Some(22),
            FatalReason::FailedStarts { .. } => None,
        };
    }
    if let Notice::Care { news, .. } = notice {
        return match news {
            Care::HookSkipped => Some(23),
            Care::Skipped => Some(24),
            Care::HookOverdue { .. } => Some(26),
            Care::HookEnded { .. }
            | Care::NotReady { .. }
            | Care::ProbeFailed { .. }
            | Care::Unhealthy { .. }
            | Care::Healthy
            | Care::WatchdogMissed { .. } => None,
        };
    }
    if matches!(notice, Notice::AllUp) {
        return Some(16);
    }
    matches!(notice, Notice::Overslept { .. }).then_some(25)
}
