//! What programs say of themselves: mostly what they should, at times what they should
//! not, when they should not, or nothing. What is said travels apart from all other
//! news, so that it comes before the exec is known or after the end is.

use std::time::Duration;

use lastout_core::{Event, Message, Time};

use super::{Happening, Job, Kernel};

/// What a process says.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Saying {
    Ready,
    Reloading,
    Stopping,
    Status,
    /// It needs that many milliseconds more.
    Extend(u16),
    /// It is well, and will say so again.
    Alive,
    NotWell,
    /// It will say that it is well that often, in milliseconds.
    Period(u16),
}

impl Kernel {
    /// What a process that has just been exec'ed will say.
    pub(super) fn plan_talk(&mut self, now: Time, index: usize) {
        let calm = now >= self.chaos.calm_from;
        let is_confused = !calm && self.random.chance(self.chaos.confused);
        if let Some(Job::Command {
            says_ready,
            watchdog,
            ..
        }) = self.processes[index].job
        {
            if says_ready && !is_confused {
                let when = now.plus(self.random.mostly_short(Duration::from_secs(3)));
                self.at(when, Happening::Say(index, Saying::Ready));
            }
            if watchdog.is_some() {
                self.at(now, Happening::Say(index, Saying::Alive));
            }
        }
        if is_confused {
            for _ in 0..1 + self.random.below(3) {
                let saying = self.any_saying();
                let when = now.plus(self.random.mostly_short(Duration::from_secs(5)));
                self.at(when, Happening::Say(index, saying));
            }
        }
    }

    fn any_saying(&mut self) -> Saying {
        let milliseconds = self.random.pick(&[0, 100, 2_000, 20_000]);
        self.random.pick(&[
            Saying::Ready,
            Saying::Reloading,
            Saying::Stopping,
            Saying::Status,
            Saying::Extend(milliseconds),
            Saying::Alive,
            Saying::NotWell,
            Saying::Period(milliseconds),
        ])
    }

    /// Who is asked to end may have something to say to that.
    pub(super) fn say_good_bye(&mut self, now: Time, index: usize) {
        if self.processes[index].job.is_some() && self.random.chance(self.chaos.confused) {
            let more = self.random.pick(&[50, 3_000, 30_000]);
            let saying = self.random.pick(&[Saying::Stopping, Saying::Extend(more)]);
            let when = now.plus(self.random.mostly_short(Duration::from_millis(200)));
            self.at(when, Happening::Say(index, saying));
        }
    }

    pub(super) fn say(&mut self, now: Time, index: usize, saying: Saying) {
        let process = &mut self.processes[index];
        if !process.alive || process.stopped || process.hangs_until.is_some() {
            return;
        }
        let Some(run) = process.run else { return };
        if let (Saying::Alive, Some(Job::Command { watchdog, .. })) = (saying, process.job) {
            if process.words_left == 0 {
                return;
            }
            process.words_left -= 1;
            let half = watchdog.unwrap_or(Duration::from_secs(1)) / 2;
            let again = now.plus(half + self.random.within(half * 8 / 10));
            self.at(again, Happening::Say(index, Saying::Alive));
        }
        let ms = |milliseconds| Duration::from_millis(u64::from(milliseconds));
        let message = match saying {
            Saying::Ready => Message::Ready,
            Saying::Reloading => Message::Reloading,
            Saying::Stopping => Message::Stopping,
            Saying::Status => Message::Status("well".into()),
            Saying::Extend(by) => Message::ExtendTimeout(ms(by)),
            Saying::Alive => Message::Alive,
            Saying::NotWell => Message::NotWell,
            Saying::Period(period) => Message::WatchdogPeriod(ms(period)),
        };
        let late = match self.random.chance(self.chaos.late_reports) {
            true => self.random.within(Duration::from_millis(20)),
            false => Duration::ZERO,
        };
        self.report(now.plus(late), Event::Said { run, message });
    }
}
