//! The rule by which a zone sets its clock year for year: a TZ string of POSIX, as the
//! last line of a file of time zone data has it, `CET-1CEST,M3.5.0,M10.5.0/3`.

use super::calendar::{civil, first_day, weekday};
use super::zone::Span;

/// A rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rule {
    /// Seconds east of UTC, but for daylight saving time.
    pub(super) standard: i64,
    saving: Option<Saving>,
}

/// Daylight saving time.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Saving {
    /// Seconds east of UTC.
    offset: i64,
    begins: Moment,
    ends: Moment,
}

/// A time of the year.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Moment {
    day: Day,
    /// Seconds after midnight, as the clock shows it until then. May lie in another day.
    time: i64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Day {
    /// `Jn`: 1 to 365, 29 February is not counted.
    OfCommonYear(i64),
    /// `n`: 0 to 365.
    Counted(i64),
    /// `Mm.w.d`: a day of the week in the week of a month, of which 5 is the last.
    Weekday { month: i64, week: i64, weekday: i64 },
}

impl Rule {
    /// Reads a rule, all of it.
    pub(super) fn parse(text: &[u8]) -> Option<Rule> {
        let mut rest = Text(text);
        rest.name()?;
        let standard = -rest.time(24)?;
        if rest.0.is_empty() {
            return Some(Rule {
                standard,
                saving: None,
            });
        }
        rest.name()?;
        let offset = match rest.0.first() {
            Some(b',') => standard + 3600,
            _ => -rest.time(24)?,
        };
        let saving = Saving {
            offset,
            begins: rest.moment()?,
            ends: rest.moment()?,
        };
        rest.0.is_empty().then_some(Rule {
            standard,
            saving: Some(saving),
        })
    }

    /// The span that a time is in, as far as it begins after `first`.
    pub(super) fn span(&self, at: i64, mut span: Span) -> Span {
        let Some(saving) = self.saving else {
            return span;
        };
        let first = span.start;
        let year = civil(at.div_euclid(86_400)).year;
        for year in year - 1..=year + 1 {
            let begins = saving.begins.in_year(year) - self.standard;
            let ends = saving.ends.in_year(year) - saving.offset;
            // Where it ends as it begins anew, it goes on, so that the end comes first.
            for (change, offset) in [(ends, self.standard), (begins, saving.offset)] {
                if change > at {
                    span.end = span.end.min(change);
                } else if change > first && change >= span.start {
                    span.start = change;
                    span.offset = offset;
                    span.offset_before = self.standard + saving.offset - offset;
                }
            }
        }
        span
    }
}

impl Moment {
    /// What the clock shows then, as if it showed UTC.
    fn in_year(self, year: i64) -> i64 {
        let january = year * 12;
        let first = first_day(january);
        let day = match self.day {
            Day::Counted(day) => first + day,
            Day::OfCommonYear(day) => {
                let has_leap_day = first_day(january + 2) - first > 59;
                first + day - 1 + i64::from(has_leap_day && day > 59)
            }
            Day::Weekday {
                month,
                week,
                weekday: wanted,
            } => {
                let (first, next) = (first_day(january + month - 1), first_day(january + month));
                let day = first + (wanted - weekday(first)).rem_euclid(7) + (week - 1) * 7;
                // The fifth may be the fourth.
                if day < next { day } else { day - 7 }
            }
        };
        day * 86_400 + self.time
    }
}

/// What is left of the text.
struct Text<'a>(&'a [u8]);

impl Text<'_> {
    /// Takes a byte if it is the next.
    fn has(&mut self, byte: u8) -> bool {
        match self.0.split_first() {
            Some((first, rest)) if *first == byte => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    /// An abbreviation: letters, or anything in angle brackets.
    fn name(&mut self) -> Option<()> {
        let is_quoted = self.has(b'<');
        let is_end = |b: &u8| match is_quoted {
            true => *b == b'>',
            false => !b.is_ascii_alphabetic(),
        };
        let end = self.0.iter().position(is_end)?;
        self.0 = self.0.get(end + usize::from(is_quoted)..)?;
        (end > 0).then_some(())
    }

    fn number(&mut self, low: i64, high: i64) -> Option<i64> {
        let mut number = None;
        while let Some((digit @ b'0'..=b'9', rest)) = self.0.split_first() {
            let so_far = number.unwrap_or(0) * 10 + i64::from(digit - b'0');
            number = Some(so_far).filter(|number| *number <= high);
            number?;
            self.0 = rest;
        }
        number.filter(|number| *number >= low)
    }

    /// `[+-]hours[:minutes[:seconds]]`, in seconds.
    fn time(&mut self, most_hours: i64) -> Option<i64> {
        let is_negative = self.has(b'-');
        if !is_negative {
            self.has(b'+');
        }
        let mut time = self.number(0, most_hours)? * 3600;
        for unit in [60, 1] {
            if !self.has(b':') {
                break;
            }
            time += self.number(0, 59)? * unit;
        }
        Some(if is_negative { -time } else { time })
    }

    /// `,day[/time]`.
    fn moment(&mut self) -> Option<Moment> {
        if !self.has(b',') {
            return None;
        }
        let day = if self.has(b'J') {
            Day::OfCommonYear(self.number(1, 365)?)
        } else if self.has(b'M') {
            let month = self.number(1, 12)?;
            let week = self.has(b'.').then(|| self.number(1, 5))??;
            let weekday = self.has(b'.').then(|| self.number(0, 6))??;
            Day::Weekday {
                month,
                week,
                weekday,
            }
        } else {
            Day::Counted(self.number(0, 365)?)
        };
        let time = match self.has(b'/') {
            true => self.time(167)?,
            false => 2 * 3600,
        };
        Some(Moment { day, time })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    use crate::schedule::Zone;

    /// The two changes of a year, in their order.
    fn changes(rule: &str, year: i64) -> Vec<(String, i64)> {
        let rule = Rule::parse(rule.as_bytes()).unwrap();
        let mut span = rule.span(first_day(year * 12) * 86_400, Span::FOR_EVER);
        let mut changes = Vec::new();
        for _ in 0..2 {
            let before = span.offset;
            span = rule.span(span.end, Span::FOR_EVER);
            assert_eq!(span.offset_before, before);
            changes.push((Zone::UTC.show(span.start), span.offset));
        }
        changes
    }

    #[test]
    fn rules_are_read_as_posix_and_rfc_9636_write_them() {
        for (rule, begins, ends) in [
            (
                "CET-1CEST,M3.5.0,M10.5.0/3",
                ("2026-03-29 01:00 UTC", 7200),
                ("2026-10-25 01:00 UTC", 3600),
            ),
            (
                "EST5EDT,M3.2.0,M11.1.0",
                ("2026-03-08 07:00 UTC", -14_400),
                ("2026-11-01 06:00 UTC", -18_000),
            ),
            // The southern half: it ends first.
            (
                "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
                ("2026-04-04 15:00 UTC", 37_800),
                ("2026-10-03 15:30 UTC", 39_600),
            ),
            // Dublin saves in winter, an hour less.
            (
                "IST-1GMT0,M10.5.0,M3.5.0/1",
                ("2026-03-29 01:00 UTC", 3600),
                ("2026-10-25 01:00 UTC", 0),
            ),
            // Hours before and after the day.
            (
                "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
                ("2026-03-29 01:00 UTC", -3600),
                ("2026-10-25 01:00 UTC", -7200),
            ),
            (
                "EET-2EEST,M3.4.4/50,M10.4.4/50",
                ("2026-03-28 00:00 UTC", 10_800),
                ("2026-10-23 23:00 UTC", 7200),
            ),
            // Days of the year, without and with 29 February.
            (
                "A0B,J60/0,300/0:30:15",
                ("2028-03-01 00:00 UTC", 3600),
                ("2028-10-26 23:30 UTC", 0),
            ),
        ] {
            let year = begins.0[..4].parse().unwrap();
            let expected = [begins, ends].map(|(at, offset)| (at.to_owned(), offset));
            assert_eq!(changes(rule, year), expected, "{rule}");
        }
    }

    #[test]
    fn a_zone_may_save_all_the_year() {
        let rule = Rule::parse(b"EST5EDT,0/0,J365/25").unwrap();
        for day in -1000..1000 {
            let at = day * 86_400 + 5 * 3600;
            for at in [at - 1, at, at + 1] {
                assert_eq!(rule.span(at, Span::FOR_EVER).offset, -4 * 3600, "{at}");
            }
        }
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for text in [
            "",
            "CET",
            "-1",
            "CET-1CEST",
            "CET-1CEST,M3.5.0",
            "CET-1CEST,M3.5.0,M10.5.0/3 ",
            "CET-1CEST,M13.5.0,M10.5.0",
            "CET-1CEST,M3.6.0,M10.5.0",
            "CET-1CEST,M3.5.7,M10.5.0",
            "CET-1CEST,M3.5,M10.5.0",
            "CET-1CEST,J0,J365",
            "CET-1CEST,0,366",
            "<CET-1",
            "<>-1",
            "CET-25",
            "CET-1:60",
            "CET-1CEST,M3.5.0/168,M10.5.0",
            "CET-99999999999999999999",
        ] {
            assert_eq!(Rule::parse(text.as_bytes()), None, "{text}");
        }
        assert!(Rule::parse(b"UTC0").is_some_and(|rule| rule.saving.is_none()));
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in "\\PC*|[A-Z<>0-9,./:JM+-]*", at in -1i64<<40..1<<40) {
            if let Some(rule) = Rule::parse(text.as_bytes()) {
                let span = rule.span(at, Span::FOR_EVER);
                prop_assert!(span.start <= at && at < span.end);
            }
        }
    }
}
