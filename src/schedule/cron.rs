//! Cron expressions: five fields, or a name like `@daily`.
//!
//! They mean what they mean to Vixie cron (crontab(5)): lists, ranges, steps, names of
//! months and days, 0 and 7 for Sunday; and where the days of the month and the days of
//! the week are both restricted, a day that is one of either will do. A field is not
//! restricted in this sense when it begins with `*`, `*/2` included.
//!
//! What is surely not meant is refused: `5/10`, and a step that is longer than its
//! field. `fri-sun` is understood.

use super::calendar::{first_day, month_of, weekday};

/// A field: what it is called, what it goes from and to, the names of its numbers in
/// three letters each from the lowest on, and what it takes, for messages.
struct Field {
    name: &'static str,
    low: u32,
    high: u32,
    names: &'static str,
    valid: &'static str,
}

const FIELDS: [Field; 5] = [
    Field {
        name: "minute",
        low: 0,
        high: 59,
        names: "",
        valid: "0 to 59",
    },
    Field {
        name: "hour",
        low: 0,
        high: 23,
        names: "",
        valid: "0 to 23",
    },
    Field {
        name: "day of the month",
        low: 1,
        high: 31,
        names: "",
        valid: "1 to 31",
    },
    Field {
        name: "month",
        low: 1,
        high: 12,
        names: "janfebmaraprmayjunjulaugsepoctnovdec",
        valid: "1 to 12, jan to dec",
    },
    Field {
        name: "day of the week",
        low: 0,
        high: 7,
        names: "sunmontuewedthufrisat",
        valid: "0 to 7, sun to sat",
    },
];

/// What has a name, and the fields that it stands for.
const NICKNAMES: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

/// What is right, for messages.
const FORMS: &str = "valid are five fields, without seconds and without a time zone (minute, \
     hour, day of the month, month, day of the week, as in \"30 2 * * 1-5\"), @hourly, @daily, \
     @weekly, @monthly and @yearly";

const REBOOT: &str = "\"@reboot\" is no time: what runs once at the start has type = \
     \"oneshot\" and no `schedule`";

/// Four hundred years, after which the calendar begins anew.
const MONTHS: i64 = 4800;

/// The minutes that a cron expression names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cron {
    /// Minutes, hours, days of the month, months and days of the week, a bit each.
    /// Sunday is 0.
    sets: [u64; 5],
    /// Whether a day will do that is in one of the two sets of days; else it has to be
    /// in both.
    either_day: bool,
    /// Whether the minute or the hour begins with `*`.
    follows_clock: bool,
}

impl Cron {
    /// Reads an expression.
    ///
    /// # Errors
    ///
    /// Says which field is wrong, and what would be right.
    pub fn parse(text: &str) -> Result<Cron, String> {
        let text = text.to_ascii_lowercase();
        let mut fields = text.trim_ascii();
        if fields.starts_with('@') {
            let mut known = NICKNAMES.iter().filter(|(name, _)| *name == fields);
            fields = match known.next() {
                Some((_, fields)) => fields,
                None if fields == "@reboot" => return Err(REBOOT.to_owned()),
                None => return Err(format!("unknown name {fields:?}: {FORMS}")),
            };
        }
        let count = fields.split_ascii_whitespace().count();
        if count != FIELDS.len() {
            return Err(format!("{count} fields: {FORMS}"));
        }
        let mut words = fields.split_ascii_whitespace();
        let mut cron = Cron {
            sets: [0; 5],
            either_day: true,
            follows_clock: false,
        };
        for (field, set) in FIELDS.iter().zip(&mut cron.sets) {
            let word = words.next().unwrap_or_default();
            *set = field.set(word)?;
            if word.starts_with('*') {
                cron.follows_clock |= field.high == 59 || field.high == 23;
                cron.either_day &= field.high != 31 && field.high != 7;
            }
        }
        Ok(cron)
    }

    /// Whether it follows the clock where that is put forward or back: it does not make
    /// up what was skipped, and runs again what comes twice.
    pub(super) fn follows_clock(&self) -> bool {
        self.follows_clock
    }

    /// The first minute that begins at `local` or later, where a clock that shows local
    /// time is read as if it showed UTC. `None` if there never is one.
    pub(super) fn next_from(&self, local: i64) -> Option<i64> {
        let minute = local.div_euclid(60) + i64::from(local.rem_euclid(60) > 0);
        let (mut day, minute) = (minute.div_euclid(1440), minute.rem_euclid(1440));
        let mut of_day = self.minute_from(minute);
        if of_day.is_none() || !self.has_month(month_of(day)) || !self.has_day(day) {
            of_day = self.minute_from(0);
            day = self.day_from(day + 1)?;
        }
        Some((day * 1440 + of_day?) * 60)
    }

    /// The first minute of a day that is `minute` or later.
    fn minute_from(&self, minute: i64) -> Option<i64> {
        let [minutes, hours, ..] = self.sets;
        let (hour, minute) = (minute / 60, minute % 60);
        if hours >> hour & 1 == 1
            && let Some(minute) = lowest_from(minutes, minute)
        {
            return Some(hour * 60 + minute);
        }
        Some(lowest_from(hours, hour + 1)? * 60 + lowest_from(minutes, 0)?)
    }

    /// The first day that is `day` or later.
    fn day_from(&self, day: i64) -> Option<i64> {
        let first = month_of(day);
        for month in (first..=first + MONTHS).filter(|month| self.has_month(*month)) {
            let mut days = first_day(month).max(day)..first_day(month + 1);
            if let Some(day) = days.find(|day| self.has_day(*day)) {
                return Some(day);
            }
        }
        None
    }

    fn has_month(&self, month: i64) -> bool {
        let [.., months, _] = self.sets;
        months >> (month.rem_euclid(12) + 1) & 1 == 1
    }

    fn has_day(&self, day: i64) -> bool {
        let [_, _, days, _, weekdays] = self.sets;
        let day_of_month = day - first_day(month_of(day)) + 1;
        let is_day = days >> day_of_month & 1 == 1;
        let is_weekday = weekdays >> weekday(day) & 1 == 1;
        match self.either_day {
            true => is_day || is_weekday,
            false => is_day && is_weekday,
        }
    }
}

/// The lowest number of a set that is `from` or more.
fn lowest_from(set: u64, from: i64) -> Option<i64> {
    let rest = set >> from;
    (rest != 0).then(|| from + i64::from(rest.trailing_zeros()))
}

impl Field {
    /// The numbers of a list.
    fn set(&self, word: &str) -> Result<u64, String> {
        let mut set = 0;
        for part in word.split(',') {
            set |= self.part(part).ok_or_else(|| {
                format!(
                    "{part:?} is no {}: valid are {}, ranges as 2-5, and steps through a range \
                     or all, as 2-5/2 or */2",
                    self.name, self.valid
                )
            })?;
        }
        // 7 is Sunday, too; the other fields end before 7 or go on after it.
        let sunday_too = 1 << 7;
        if self.high == 7 && set & sunday_too != 0 {
            set = set & !sunday_too | 1;
        }
        Ok(set)
    }

    /// The numbers of a part of a list: `n`, or `*` or `n-m` with or without a step.
    fn part(&self, part: &str) -> Option<u64> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, digits(step)?),
            None => (part, 1),
        };
        let (low, mut high) = if range == "*" {
            (self.low, self.high)
        } else if let Some((low, high)) = range.split_once('-') {
            (self.number(low)?, self.number(high)?)
        } else {
            let number = self.number(part)?;
            (number, number)
        };
        if self.high == 7 && high == 0 && low > 0 {
            // A week may end on a Sunday.
            high = 7;
        }
        // Up to as many as the numbers are: `*/60` is a way to say 0.
        let most = self.high - self.low + u32::from(self.high != 7);
        if low > high || step == 0 || step > most {
            return None;
        }
        let mut set = 0;
        let mut number = low;
        while number <= high {
            set |= 1 << number;
            number += step;
        }
        Some(set)
    }

    fn number(&self, text: &str) -> Option<u32> {
        let mut names = (self.low..).zip(self.names.as_bytes().chunks(3));
        let named = names.find(|(_, name)| *name == text.as_bytes());
        let number = match named {
            Some((number, _)) => number,
            None => digits(text)?,
        };
        (self.low..=self.high).contains(&number).then_some(number)
    }
}

/// A number without a sign.
fn digits(text: &str) -> Option<u32> {
    let is_number = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(text: &str) -> [Vec<u32>; 5] {
        let cron = Cron::parse(text).unwrap();
        cron.sets
            .map(|set| (0..64).filter(|n| set >> n & 1 == 1).collect())
    }

    fn all(low: u32, high: u32) -> Vec<u32> {
        (low..=high).collect()
    }

    #[test]
    fn fields_are_lists_of_numbers_ranges_and_steps() {
        assert_eq!(
            sets("0,30 8-18/5 1-3,10,*/15 * *"),
            [
                vec![0, 30],
                vec![8, 13, 18],
                vec![1, 2, 3, 10, 16, 31],
                all(1, 12),
                all(0, 6)
            ]
        );
        assert_eq!(
            sets("  */20\t*/24 */31 */12 */7 "),
            [vec![0, 20, 40], vec![0], vec![1], vec![1], vec![0]]
        );
    }

    #[test]
    fn months_and_days_have_names_in_any_case() {
        let [.., months, weekdays] = sets("0 0 * JAN,mar-May,12 Mon-fri,SAT");
        assert_eq!(months, [1, 3, 4, 5, 12]);
        assert_eq!(weekdays, all(1, 6));
    }

    #[test]
    fn sunday_is_0_and_7_and_the_end_of_a_week() {
        for (text, days) in [
            ("0", vec![0]),
            ("7", vec![0]),
            ("sun", vec![0]),
            ("5-7", vec![0, 5, 6]),
            ("fri-sun", vec![0, 5, 6]),
            ("sun-tue", vec![0, 1, 2]),
            ("0-7", all(0, 6)),
            ("*/2", vec![0, 2, 4, 6]),
            ("1-7/3", vec![0, 1, 4]),
        ] {
            let [.., weekdays] = sets(&format!("0 0 * * {text}"));
            assert_eq!(weekdays, days, "{text}");
        }
    }

    #[test]
    fn names_stand_for_fields() {
        for (name, fields) in [
            ("@hourly", "0 * * * *"),
            ("@Daily", "0 0 * * *"),
            (" @midnight ", "0 0 * * *"),
            ("@WEEKLY", "0 0 * * 0"),
            ("@monthly", "0 0 1 * *"),
            ("@yearly", "0 0 1 1 *"),
            ("@annually", "0 0 1 1 *"),
        ] {
            assert_eq!(Cron::parse(name), Cron::parse(fields), "{name}");
        }
    }

    #[test]
    fn what_is_no_expression_says_which_field_and_what_is_valid() {
        let forms = "ranges as 2-5, and steps through a range or all, as 2-5/2 or */2";
        for (text, why) in [
            ("60 * * * *", "\"60\" is no minute: valid are 0 to 59"),
            ("* 24 * * *", "\"24\" is no hour: valid are 0 to 23"),
            (
                "* * 1,0 * *",
                "\"0\" is no day of the month: valid are 1 to 31",
            ),
            (
                "* * * 13 *",
                "\"13\" is no month: valid are 1 to 12, jan to dec",
            ),
            (
                "* * * * 8",
                "\"8\" is no day of the week: valid are 0 to 7, sun to sat",
            ),
            (
                "* * * * monday",
                "\"monday\" is no day of the week: valid are 0 to 7, sun to sat",
            ),
            ("1, * * * *", "\"\" is no minute: valid are 0 to 59"),
            ("+1 * * * *", "\"+1\" is no minute: valid are 0 to 59"),
            ("? * * * *", "\"?\" is no minute: valid are 0 to 59"),
            (
                "99999999999 * * * *",
                "\"99999999999\" is no minute: valid are 0 to 59",
            ),
            ("* 5-1 * * *", "\"5-1\" is no hour: valid are 0 to 23"),
            ("5/10 * * * *", "\"5/10\" is no minute: valid are 0 to 59"),
            ("*/0 * * * *", "\"*/0\" is no minute: valid are 0 to 59"),
            ("*/ * * * *", "\"*/\" is no minute: valid are 0 to 59"),
            ("*/61 * * * *", "\"*/61\" is no minute: valid are 0 to 59"),
            (
                "* * * * */8",
                "\"*/8\" is no day of the week: valid are 0 to 7, sun to sat",
            ),
            (
                "\u{1b}[31m * * * *",
                "\"\\u{1b}[31m\" is no minute: valid are 0 to 59",
            ),
        ] {
            let expected = Err(format!("{why}, {forms}"));
            assert_eq!(Cron::parse(text), expected, "{text}");
        }
        for (text, why) in [
            ("", "0 fields"),
            ("* * * *", "4 fields"),
            ("0 0 0 * * *", "6 fields"),
            ("TZ=UTC 0 0 * * *", "6 fields"),
            ("@sometimes", "unknown name \"@sometimes\""),
            ("@every 5m", "unknown name \"@every 5m\""),
        ] {
            let expected = Err(format!("{why}: {FORMS}"));
            assert_eq!(Cron::parse(text), expected, "{text}");
        }
        assert_eq!(Cron::parse("@Reboot"), Err(REBOOT.to_owned()));
    }
}
