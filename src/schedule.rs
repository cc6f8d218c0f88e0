//! Schedules: at which times a program runs, as cron has them (`schedule`, `timezone`).
//!
//! A [`Schedule`] is a [`Cron`] expression on the clock of a [`Zone`]. Times are seconds
//! of the wall clock (Unix time); a time has come when the minute begins. When the clock
//! of the zone is put forward or back, it is as with Vixie cron (crontab(5) of Debian):
//!
//! | the expression | in an hour that is skipped | in an hour that comes twice |
//! |---|---|---|
//! | minute or hour begins with `*` | does not run: it follows the clock | runs in both |
//! | neither does | runs once, right after the gap | runs in the first |
//!
//! [`timetable::Timetable`] is what the loop asks: who is due, and when to ask again.
//!
//! Nothing here reads a clock, and nothing but [`Zone::load`] reads a file.

pub mod timetable;

mod calendar;
mod cron;
mod rule;
mod tzif;
mod zone;

#[cfg(test)]
mod oracle;

pub use calendar::{Civil, civil};
pub use cron::Cron;
pub use zone::{Zone, ZoneError};

use zone::Span;

/// The first and the last time that is looked at: the years 1 to 9999. What is outside
/// of them is no time at which anything runs, and sums of times in them stay in bounds.
const TIMES: std::ops::Range<i64> = -62_135_596_800..253_402_300_800;

/// More changes of its clock than a zone can have in the 400 years after which the
/// calendar begins anew: what does not come up to then never does.
const MOST_SPANS: usize = 4096;

/// When a program runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// At which minutes.
    pub cron: Cron,
    /// Of whose clock.
    pub zone: Zone,
}

impl Schedule {
    /// The first time after `now`; `None` where no such time comes, as on 31 February.
    #[must_use]
    pub fn next_after(&self, now: i64) -> Option<i64> {
        let mut from = now.checked_add(1).filter(|from| TIMES.contains(from))?;
        let mut span = self.zone.span(from);
        for _ in 0..MOST_SPANS {
            match self.next_within(&span, from)? {
                Found::Here(at) => return Some(at).filter(|at| TIMES.contains(at)),
                Found::Later { .. } if span.end >= TIMES.end => return None,
                Found::Later { skipped_from } => {
                    let next = self.zone.span(span.end);
                    let is_skipped = skipped_from < span.end.saturating_add(next.offset);
                    if is_skipped && !self.cron.follows_clock() {
                        return Some(span.end);
                    }
                    from = span.end;
                    span = next;
                }
            }
        }
        None
    }

    /// The first time from `from` on, as far as the clock goes on evenly.
    fn next_within(&self, span: &Span, from: i64) -> Option<Found> {
        let mut start = from + span.offset;
        if !self.cron.follows_clock() {
            // What the clock shows again has been.
            start = start.max(span.start.saturating_add(span.offset_before));
        }
        let local = self.cron.next_from(start)?;
        if local < span.end.saturating_add(span.offset) {
            Some(Found::Here(local - span.offset))
        } else {
            Some(Found::Later {
                skipped_from: local,
            })
        }
    }
}

/// Where the next time is.
enum Found {
    /// In this span.
    Here(i64),
    /// After it, if the clock ever shows it: what it would show.
    Later { skipped_from: i64 },
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Instant;

    fn schedule(cron: &str, zone: &str) -> Schedule {
        Schedule {
            cron: Cron::parse(cron).unwrap(),
            zone: Zone::load(zone).unwrap(),
        }
    }

    fn utc(text: &str) -> i64 {
        let time = text.parse::<chrono::DateTime<chrono::Utc>>();
        time.unwrap().timestamp()
    }

    /// The times after `from`, as a clock of UTC shows them.
    fn times(schedule: &Schedule, from: &str, count: usize) -> Vec<String> {
        let mut now = utc(from);
        let mut times = Vec::new();
        for _ in 0..count {
            now = schedule.next_after(now).unwrap();
            times.push(Zone::UTC.show(now).replace(" UTC", ""));
        }
        times
    }

    #[test]
    fn a_time_is_the_beginning_of_a_minute_and_after_now() {
        let schedule = schedule("*/30 * * * *", "UTC");
        let noon = utc("2026-05-01T12:00:00Z");
        assert_eq!(schedule.next_after(noon - 1), Some(noon));
        assert_eq!(schedule.next_after(noon), Some(noon + 1800));
        assert_eq!(schedule.next_after(noon + 1), Some(noon + 1800));
    }

    #[test]
    fn days_of_month_or_week_do_when_both_are_restricted() {
        let friday_or_13 = schedule("0 0 13 * 5", "UTC");
        let expected = ["2026-02-06 00:00", "2026-02-13 00:00", "2026-02-20 00:00"];
        assert_eq!(times(&friday_or_13, "2026-02-01T00:00:00Z", 3), expected);
        // A field that begins with a star is none, whatever follows.
        let odd_mondays = schedule("0 0 */2 * 1", "UTC");
        let expected = ["2026-02-09 00:00", "2026-02-23 00:00", "2026-03-09 00:00"];
        assert_eq!(times(&odd_mondays, "2026-02-01T00:00:00Z", 3), expected);
    }

    #[test]
    fn leap_days_come() {
        let leap_day = schedule("0 12 29 2 *", "UTC");
        let expected = ["2096-02-29 12:00", "2104-02-29 12:00"];
        assert_eq!(times(&leap_day, "2095-01-01T00:00:00Z", 2), expected);
        // The longest that anything takes: a leap day that is a Sunday, across 2100.
        let sunday = schedule("0 12 29 2 */7", "Europe/Berlin");
        let expected = ["2088-02-29 11:00", "2128-02-29 11:00"];
        assert_eq!(times(&sunday, "2080-01-01T00:00:00Z", 2), expected);
    }

    #[test]
    fn what_never_comes_is_known_at_once() {
        let began = Instant::now();
        for zone in ["UTC", "Europe/Berlin"] {
            for cron in ["0 0 31 2 *", "0 0 31 4,6,9,11 *", "* * 30-31 feb *"] {
                assert_eq!(schedule(cron, zone).next_after(0), None, "{cron}");
            }
        }
        // Far more than it takes; the point is that it does not go on for ever.
        assert!(began.elapsed().as_secs() < 5);
    }

    #[test]
    fn a_job_of_the_skipped_hour_runs_right_after_it() {
        let from = "2026-03-28T12:00:00Z";
        let fixed = schedule("15,45 2 * * *", "Europe/Berlin");
        let expected = ["2026-03-29 01:00", "2026-03-30 00:15", "2026-03-30 00:45"];
        assert_eq!(times(&fixed, from, 3), expected);
        // It is 03:00 then, and what runs at 03:00 anyway runs once.
        let at_three = schedule("0 2,3 * * *", "Europe/Berlin");
        let expected = ["2026-03-29 01:00", "2026-03-30 00:00"];
        assert_eq!(times(&at_three, from, 2), expected);
        let wild = schedule("*/30 2 * * *", "Europe/Berlin");
        assert_eq!(times(&wild, from, 1), ["2026-03-30 00:00"]);
        let hourly = schedule("30 * * * *", "Europe/Berlin");
        let expected = ["2026-03-29 00:30", "2026-03-29 01:30"];
        assert_eq!(times(&hourly, "2026-03-29T00:00:00Z", 2), expected);
    }

    #[test]
    fn a_job_of_the_hour_that_comes_twice_runs_once_unless_it_follows_the_clock() {
        let from = "2026-10-24T22:00:00Z";
        let fixed = schedule("30 2 * * *", "Europe/Berlin");
        let expected = ["2026-10-25 00:30", "2026-10-26 01:30"];
        assert_eq!(times(&fixed, from, 2), expected);
        // Also when it is asked between the two.
        assert_eq!(
            times(&fixed, "2026-10-25T01:10:00Z", 1),
            ["2026-10-26 01:30"]
        );
        let hourly = schedule("@hourly", "Europe/Berlin");
        let expected = [
            "2026-10-24 23:00",
            "2026-10-25 00:00",
            "2026-10-25 01:00",
            "2026-10-25 02:00",
        ];
        assert_eq!(times(&hourly, from, 4), expected);
    }

    #[test]
    fn a_clock_may_be_set_by_half_an_hour_or_by_a_day() {
        let half = schedule("10 2 * * *", "Australia/Lord_Howe");
        assert_eq!(
            times(&half, "2026-10-03T12:00:00Z", 1),
            ["2026-10-03 15:30"]
        );
        // Samoa had no 30 December 2011.
        let day = schedule("0 9 30 12 *", "Pacific/Apia");
        assert_eq!(times(&day, "2011-12-30T00:00:00Z", 1), ["2011-12-30 10:00"]);
    }

    proptest! {
        #[test]
        fn no_time_is_too_odd(
            cron in "(\\*|[0-5]?[0-9]) (\\*|[0-9]) (\\*|[1-9]) (\\*|[1-9]) (\\*|[0-6])",
            zone in prop::sample::select(&["UTC", "America/New_York"][..]),
            now: i64,
        ) {
            let schedule = schedule(&cron, zone);
            if let Some(next) = schedule.next_after(now) {
                prop_assert!(next > now);
            }
            let _ = schedule.zone.show(now);
        }
    }
}
