//! The timetable: which program is due when.
//!
//! It knows no clock: it is told the time, in seconds of the wall clock, whenever the
//! alarm rings ([`crate::linux::alarm`]) and whenever somebody has set the clock.
//!
//! - A time that is noticed a minute late or later is *missed*: after `docker pause`, a
//!   suspended machine, a clock put forward. It is told of, and not made up.
//! - A clock put back by less than a minute, as by a correction, repeats nothing; by
//!   more, what comes again runs again.
//! - A program whose schedule a reload leaves alone keeps its place.

use lastout_core::ProgramId;

use super::Schedule;

/// That late is too late.
const TOO_LATE: i64 = 60;

/// As many missed times of a program are counted, and no more: the clock may go from 1970
/// to today in one step, and nobody is to wait for the count.
const MOST_COUNTED: u32 = 1000;

/// After all times.
const NEVER: i64 = i64::MAX;

/// Who has a schedule.
pub type Entries<'a> = &'a mut dyn Iterator<Item = (ProgramId, Schedule)>;

/// Who runs when.
#[derive(Debug, Default)]
pub struct Timetable {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    program: ProgramId,
    schedule: Schedule,
    /// The next time, or [`NEVER`].
    next: i64,
    /// The last time that was told of, or the beginning of all times.
    last: i64,
}

/// The time of a program has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Due {
    /// Whose.
    pub program: ProgramId,
    /// Which time it is; of several missed ones the last that was counted.
    pub at: i64,
    /// 0: it is to run. Else so many times have been missed, and it is not to run for
    /// them; 1000 are that many or more.
    pub missed: u32,
}

impl Timetable {
    /// The timetable of all that have a schedule.
    #[must_use]
    pub fn new(entries: Entries<'_>, now: i64) -> Timetable {
        let mut timetable = Timetable::default();
        timetable.replace(entries, now);
        timetable
    }

    /// When somebody is due next; a time that has passed counts. To be asked for again
    /// after every change.
    #[must_use]
    pub fn next(&self) -> Option<i64> {
        let next = self.entries.iter().map(|entry| entry.next).min();
        next.filter(|next| *next != NEVER)
    }

    /// When a program is due next, if a time is to come.
    #[must_use]
    pub fn next_of(&self, program: ProgramId) -> Option<i64> {
        let mut entries = self.entries.iter();
        let entry = entries.find(|entry| entry.program == program)?;
        (entry.next != NEVER).then_some(entry.next)
    }

    /// The same, as a clock of its time zone shows it.
    #[must_use]
    pub fn shown_next_of(&self, program: ProgramId) -> Option<String> {
        let mut entries = self.entries.iter();
        let entry = entries.find(|entry| entry.program == program)?;
        (entry.next != NEVER).then(|| entry.schedule.zone.show(entry.next))
    }

    /// Who is due, in the order of the programs: at most one that is missed and one that
    /// runs for each, in this order.
    pub fn take_due(&mut self, now: i64) -> Vec<Due> {
        let mut due = Vec::new();
        for entry in &mut self.entries {
            entry.take_due(now, &mut due);
        }
        due
    }

    /// Somebody has set the clock. Who is due now, [`Timetable::take_due`] tells.
    pub fn clock_was_set(&mut self, now: i64) {
        for entry in &mut self.entries {
            // What was told of is not told of again when the clock was put back by less
            // than a minute.
            let is_near = (now..now + TOO_LATE).contains(&entry.last);
            let anew = entry.after(if is_near { entry.last } else { now });
            // Put forward over a time, that is missed; put back, an earlier one is next.
            entry.next = entry.next.min(anew);
        }
    }

    /// Others have a schedule from now on, or the same.
    pub fn replace(&mut self, entries: Entries<'_>, now: i64) {
        let before = std::mem::take(&mut self.entries);
        for (program, schedule) in entries {
            let mut entry = Entry {
                program,
                schedule,
                next: NEVER,
                last: i64::MIN,
            };
            let is_same = |old: &&Entry| old.program == program && old.schedule == entry.schedule;
            (entry.next, entry.last) = match before.iter().find(is_same) {
                Some(old) => (old.next, old.last),
                None => (entry.after(now), i64::MIN),
            };
            self.entries.push(entry);
        }
    }
}

impl Entry {
    fn after(&self, time: i64) -> i64 {
        self.schedule.next_after(time).unwrap_or(NEVER)
    }

    /// Takes all times that are too late, and the one that is not.
    fn take_due(&mut self, now: i64, due: &mut Vec<Due>) {
        let mut missed = 0;
        while self.next <= now - TOO_LATE {
            missed += 1;
            self.last = self.next;
            self.next = self.after(match missed {
                MOST_COUNTED => now - TOO_LATE,
                _ => self.last,
            });
        }
        let program = self.program;
        if missed > 0 {
            due.push(Due {
                program,
                at: self.last,
                missed,
            });
        }
        if self.next <= now {
            self.last = self.next;
            // Two times within a minute are one.
            self.next = self.after(now);
            due.push(Due {
                program,
                at: self.last,
                missed: 0,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::{Cron, Zone};
    use proptest::prelude::*;

    const A: ProgramId = ProgramId(0);
    const B: ProgramId = ProgramId(1);
    /// 5 January 2026, 12:00.
    const NOON: i64 = 1_767_614_400;
    const HOUR: i64 = 3600;

    fn schedule(cron: &str) -> Schedule {
        Schedule {
            cron: Cron::parse(cron).unwrap(),
            zone: Zone::UTC,
        }
    }

    fn timetable(programs: &[(ProgramId, &str)], now: i64) -> Timetable {
        let entries = programs.iter();
        let entries = entries.map(|(id, cron)| (*id, schedule(cron)));
        Timetable::new(&mut { entries }, now)
    }

    fn runs(program: ProgramId, at: i64) -> Due {
        Due {
            program,
            at,
            missed: 0,
        }
    }

    fn missed(program: ProgramId, at: i64, missed: u32) -> Due {
        Due {
            program,
            at,
            missed,
        }
    }

    #[test]
    fn each_runs_when_its_time_has_come_and_once() {
        let programs = [(A, "0 * * * *"), (B, "0,30 * * * *")];
        let mut timetable = timetable(&programs, NOON);
        assert_eq!(timetable.next(), Some(NOON + HOUR / 2));
        assert_eq!(timetable.take_due(NOON + HOUR / 2 - 1), []);
        assert_eq!(
            timetable.take_due(NOON + HOUR / 2),
            [runs(B, NOON + HOUR / 2)]
        );
        assert_eq!(timetable.take_due(NOON + HOUR / 2), []);
        assert_eq!(timetable.next(), Some(NOON + HOUR));
        let both = [runs(A, NOON + HOUR), runs(B, NOON + HOUR)];
        assert_eq!(timetable.take_due(NOON + HOUR + 59), both);
    }

    #[test]
    fn nobody_is_due_where_nobody_has_a_schedule_or_no_time_comes() {
        assert_eq!(timetable(&[], NOON).next(), None);
        let mut never = timetable(&[(A, "0 0 31 2 *"), (B, "@daily")], NOON);
        assert_eq!(never.next(), Some(NOON + 12 * HOUR));
        assert_eq!(never.next_of(A), None);
        assert_eq!(never.next_of(B), Some(NOON + 12 * HOUR));
        never.clock_was_set(NOON + 24 * HOUR);
        assert_eq!(
            never.take_due(NOON + 24 * HOUR),
            [missed(B, NOON + 12 * HOUR, 1)]
        );
        assert_eq!(never.next_of(A), None);
    }

    #[test]
    fn a_time_that_is_noticed_a_minute_late_is_missed() {
        let mut timetable = timetable(&[(A, "0 * * * *")], NOON);
        let late = timetable.take_due(NOON + HOUR + 60);
        assert_eq!(late, [missed(A, NOON + HOUR, 1)]);
        assert_eq!(timetable.next(), Some(NOON + 2 * HOUR));
    }

    #[test]
    fn several_missed_times_are_one_and_the_one_of_now_runs() {
        let mut timetable = timetable(&[(A, "*/10 * * * *"), (B, "5 * * * *")], NOON);
        let now = NOON + HOUR + 30;
        let due = [
            missed(A, NOON + HOUR - 600, 5),
            runs(A, NOON + HOUR),
            missed(B, NOON + 300, 1),
        ];
        assert_eq!(timetable.take_due(now), due);
        assert_eq!(timetable.take_due(now), []);
    }

    #[test]
    fn a_clock_put_forward_makes_missed_ones() {
        let mut timetable = timetable(&[(A, "0 * * * *")], NOON);
        let now = NOON + 2 * HOUR + 1;
        timetable.clock_was_set(now);
        assert_eq!(timetable.next(), Some(NOON + HOUR));
        let due = [missed(A, NOON + HOUR, 1), runs(A, NOON + 2 * HOUR)];
        assert_eq!(timetable.take_due(now), due);
    }

    #[test]
    fn a_clock_that_comes_from_1970_makes_nobody_wait() {
        let mut timetable = timetable(&[(A, "* * * * *")], 0);
        timetable.clock_was_set(NOON + 1);
        let due = [missed(A, i64::from(MOST_COUNTED) * 60, 1000), runs(A, NOON)];
        assert_eq!(timetable.take_due(NOON + 1), due);
        assert_eq!(timetable.next(), Some(NOON + 60));
    }

    #[test]
    fn a_clock_put_back_by_seconds_repeats_nothing() {
        let mut timetable = timetable(&[(A, "* * * * *")], NOON - 1);
        assert_eq!(timetable.take_due(NOON), [runs(A, NOON)]);
        for now in [NOON - 1, NOON - 59, NOON - 30] {
            timetable.clock_was_set(now);
            assert_eq!(timetable.next(), Some(NOON + 60), "{now}");
            assert_eq!(timetable.take_due(NOON), []);
        }
    }

    #[test]
    fn a_clock_put_back_by_more_runs_again() {
        let mut timetable = timetable(&[(A, "0 * * * *")], NOON - 1);
        assert_eq!(timetable.take_due(NOON), [runs(A, NOON)]);
        let now = NOON - 2 * HOUR;
        timetable.clock_was_set(now);
        assert_eq!(timetable.next(), Some(NOON - HOUR));
        assert_eq!(timetable.take_due(NOON - HOUR), [runs(A, NOON - HOUR)]);
        assert_eq!(timetable.take_due(NOON), [runs(A, NOON)]);
    }

    #[test]
    fn a_reload_moves_only_whose_schedule_has_changed() {
        let mut timetable = timetable(&[(A, "0 * * * *"), (B, "0 * * * *")], NOON);
        let now = NOON + HOUR + 1;
        // Its time has come while the reload went on: it is not lost.
        let entries = [(A, schedule("0 * * * *")), (B, schedule("30 * * * *"))];
        timetable.replace(&mut entries.into_iter(), now);
        assert_eq!(timetable.take_due(now), [runs(A, NOON + HOUR)]);
        assert_eq!(timetable.next(), Some(NOON + HOUR + HOUR / 2));
        timetable.replace(&mut [(B, schedule("30 * * * *"))].into_iter(), now);
        assert!(timetable.next_of(A).is_none() && timetable.next_of(B).is_some());
        // Nor does it run again after a correction of the clock.
        let half_past = NOON + HOUR + HOUR / 2;
        assert_eq!(timetable.take_due(half_past), [runs(B, half_past)]);
        timetable.replace(&mut [(B, schedule("30 * * * *"))].into_iter(), half_past);
        timetable.clock_was_set(half_past - 1);
        assert_eq!(timetable.take_due(half_past), []);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Passes(i64),
        IsSet(i64),
        Reload,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..400i64).prop_map(Step::Passes),
            1 => (0..90_000i64).prop_map(Step::Passes),
            1 => (-100..100i64).prop_map(Step::IsSet),
            1 => (-90_000..90_000i64).prop_map(Step::IsSet),
            1 => Just(Step::Reload),
        ]
    }

    proptest! {
        /// Between two settings of the clock every time is told of exactly once: as one
        /// that runs when it is noticed within the minute, else as one that is missed.
        #[test]
        fn no_time_is_lost_or_told_of_twice(
            crons in prop::collection::vec(
                prop::sample::select(&["* * * * *", "*/7 * * * *", "0 * * * *", "@daily"][..]),
                1..4,
            ),
            steps in prop::collection::vec(step(), 1..40),
        ) {
            let entries = || (0..).map(ProgramId).zip(crons.iter().map(|cron| schedule(cron)));
            let mut now = NOON;
            let mut timetable = Timetable::new(&mut entries(), now);
            // Up to when each has been told of all, and the last time that was.
            let mut told = vec![(NOON, None); crons.len()];
            for step in steps {
                match step {
                    Step::Passes(seconds) => now += seconds,
                    Step::Reload => timetable.replace(&mut entries(), now),
                    Step::IsSet(seconds) => {
                        now += seconds;
                        timetable.clock_was_set(now);
                        for (from, last) in &mut told {
                            let is_near = |last: &i64| (now..now + TOO_LATE).contains(last);
                            *from = last.filter(is_near).unwrap_or(now).min(*from);
                        }
                    }
                }
                let due = timetable.take_due(now);
                for (index, (from, last)) in told.iter_mut().enumerate() {
                    let program = ProgramId(index as u32);
                    let schedule = schedule(crons[index]);
                    let mut expected = Vec::new();
                    let mut count = 0;
                    while let Some(at) = schedule.next_after(*from).filter(|at| *at <= now) {
                        (*from, *last) = (at, Some(at));
                        if now - at < TOO_LATE {
                            expected.push(runs(program, at));
                        } else {
                            count += 1;
                            expected = vec![missed(program, at, count.min(MOST_COUNTED))];
                        }
                    }
                    let mut found: Vec<Due> = due.iter().filter(|due| due.program == program).copied().collect();
                    if count > MOST_COUNTED {
                        // It stops to count, and so does not know the last.
                        found[0].at = expected[0].at;
                    }
                    prop_assert_eq!(found, expected);
                }
                prop_assert!(timetable.next().is_some_and(|next| next > now));
            }
        }
    }
}
