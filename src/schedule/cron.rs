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

/// A field: what it is called, what it goes from and to, and the first three letters of
/// its names, from the lowest number on.
struct Field {
    name: &'static str,
    low: u32,
    high: u32,
    names: &'static str,
}

const FIELDS: [Field; 5] = [
    Field {
        name: "minute",
        low: 0,
        high: 59,
        names: "",
    },
    Field {
        name: "hour",
        low: 0,
        high: 23,
        names: "",
    },
    Field {
        name: "day of the month",
        low: 1,
        high: 31,
        names: "",
    },
    Field {
        name: "month",
        low: 1,
        high: 12,
        names: "janfebmaraprmayjunjulaugsepoctnovdec",
    },
    Field {
        name: "day of the week",
        low: 0,
        high: 7,
        names: "sunmontuewedthufrisat",
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
const FORMS: &str = "valid are five fields (minute, hour, day of the month, month, day of the \
     week), as in \"30 2 * * 1-5\", @hourly, @daily, @weekly, @monthly and @yearly";

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
        let is_printable = |b: u8| b.is_ascii_graphic() || b == b' ' || b == b'\t';
        if !text.bytes().all(is_printable) {
            return Err(format!("not a cron expression: {FORMS}"));
        }
        let mut words: Vec<&str> = text.split_ascii_whitespace().collect();
        if let [name] = words[..]
            && name.starts_with('@')
        {
            words = fields_of(name)?.split(' ').collect();
        }
        if let Some(zone) = words.iter().find(|word| word.contains('=')) {
            return Err(format!(
                "`{zone}` does not belong here: a time zone is the value of `timezone`"
            ));
        }
        match words.len() {
            5 => {}
            6 => return Err(format!("6 fields, and there are no seconds: {FORMS}")),
            n => return Err(format!("{n} of five fields: {FORMS}")),
        }
        let mut sets = [0; 5];
        for ((set, field), word) in sets.iter_mut().zip(&FIELDS).zip(&words) {
            *set = field.set(word)?;
        }
        let begins_with_star =
            |index: usize| words.get(index).is_some_and(|word| word.starts_with('*'));
        Ok(Cron {
            sets,
            either_day: !begins_with_star(2) && !begins_with_star(4),
            follows_clock: begins_with_star(0) || begins_with_star(1),
        })
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

/// What a name like `@daily` stands for.
fn fields_of(name: &str) -> Result<&'static str, String> {
    let known = NICKNAMES.iter();
    let mut known = known.filter(|(known, _)| known.eq_ignore_ascii_case(name));
    match known.next() {
        Some((_, fields)) => Ok(fields),
        None if name.eq_ignore_ascii_case("@reboot") => Err(
            "`@reboot` is no time: what runs once at the start has type = \"oneshot\" and no \
             `schedule`"
                .to_owned(),
        ),
        None => Err(format!("unknown name `{name}`: {FORMS}")),
    }
}

impl Field {
    /// The numbers of a list.
    fn set(&self, word: &str) -> Result<u64, String> {
        let mut set = 0;
        for part in word.split(',') {
            set |= self.part(part)?;
        }
        // 7 is Sunday, too; the other fields end before 7 or go on after it.
        let sunday_too = 1 << 7;
        if self.high == 7 && set & sunday_too != 0 {
            set = set & !sunday_too | 1;
        }
        Ok(set)
    }

    /// The numbers of a part of a list: `*`, `n`, `n-m`, with or without a step.
    fn part(&self, part: &str) -> Result<u64, String> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, self.step(step, part)?),
            None => (part, 1),
        };
        let (low, high) = if range == "*" {
            (self.low, self.high)
        } else if let Some((low, high)) = range.split_once('-') {
            (self.number(low)?, self.number(high)?)
        } else if range.len() == part.len() {
            let number = self.number(range)?;
            (number, number)
        } else {
            let end = self.high;
            let hint = format!("a step needs a range, as in {range}-{end}/5 or */5");
            return Err(self.wrong(part, &hint));
        };
        let ends_on_sunday = self.high == 7 && high == 0 && low > 0;
        let high = if ends_on_sunday { 7 } else { high };
        if low > high {
            return Err(self.wrong(part, "a range goes from the lower to the higher"));
        }
        let numbers = (low..=high).step_by(step);
        Ok(numbers.fold(0, |set, number| set | 1 << number))
    }

    fn step(&self, text: &str, part: &str) -> Result<usize, String> {
        // Up to the numbers there are: `*/60` is a way to say 0.
        let most = self.high - self.low + u32::from(self.high != 7);
        let step = digits(text).filter(|step| (1..=most).contains(step));
        step.map(|step| step as usize)
            .ok_or_else(|| self.wrong(part, &format!("a step goes from 1 to {most}")))
    }

    fn number(&self, text: &str) -> Result<u32, String> {
        let names = (0..).zip(self.names.as_bytes().chunks(3));
        let mut named = names.filter(|(_, name)| name.eq_ignore_ascii_case(text.as_bytes()));
        let number = named.next().map(|(index, _)| self.low + index);
        let number = number.or_else(|| digits(text));
        let number = number.filter(|number| (self.low..=self.high).contains(number));
        number.ok_or_else(|| {
            let (low, high) = (self.low, self.high);
            let first = self.names.get(..3);
            let last = self.names.get(self.names.len().saturating_sub(3)..);
            self.wrong(
                text,
                &match first.zip(last) {
                    Some((first, last)) => {
                        format!("valid are {low} to {high} and {first} to {last}")
                    }
                    None => format!("valid are {low} to {high}"),
                },
            )
        })
    }

    fn wrong(&self, part: &str, hint: &str) -> String {
        format!("`{part}` is no {}: {hint}", self.name)
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
        for (text, why) in [
            ("60 * * * *", "`60` is no minute: valid are 0 to 59"),
            ("* 24 * * *", "`24` is no hour: valid are 0 to 23"),
            ("* * 0 * *", "`0` is no day of the month: valid are 1 to 31"),
            (
                "* * * 13 *",
                "`13` is no month: valid are 1 to 12 and jan to dec",
            ),
            (
                "* * * * 8",
                "`8` is no day of the week: valid are 0 to 7 and sun to sat",
            ),
            (
                "* * * * monday",
                "`monday` is no day of the week: valid are 0 to 7 and sun to sat",
            ),
            ("1, * * * *", "`` is no minute: valid are 0 to 59"),
            ("+1 * * * *", "`+1` is no minute: valid are 0 to 59"),
            ("? * * * *", "`?` is no minute: valid are 0 to 59"),
            (
                "99999999999 * * * *",
                "`99999999999` is no minute: valid are 0 to 59",
            ),
            ("* * L * *", "`L` is no day of the month: valid are 1 to 31"),
            (
                "* 5-1 * * *",
                "`5-1` is no hour: a range goes from the lower to the higher",
            ),
            (
                "5/10 * * * *",
                "`5/10` is no minute: a step needs a range, as in 5-59/5 or */5",
            ),
            (
                "*/0 * * * *",
                "`*/0` is no minute: a step goes from 1 to 60",
            ),
            (
                "*/90 * * * *",
                "`*/90` is no minute: a step goes from 1 to 60",
            ),
            (
                "* * * * */8",
                "`*/8` is no day of the week: a step goes from 1 to 7",
            ),
            (
                "TZ=UTC 0 0 * * *",
                "`TZ=UTC` does not belong here: a time zone is the value of `timezone`",
            ),
            (
                "@reboot",
                "`@reboot` is no time: what runs once at the start has type = \"oneshot\" and \
                 no `schedule`",
            ),
        ] {
            assert_eq!(Cron::parse(text), Err(why.to_owned()), "{text}");
        }
        for (text, why) in [
            ("", "0 of five fields"),
            ("* * * *", "4 of five fields"),
            ("0 0 0 * * *", "6 fields, and there are no seconds"),
            ("0 0 0 * * * 2026", "7 of five fields"),
            ("@every 5m", "2 of five fields"),
            ("@sometimes", "unknown name `@sometimes`"),
            ("\u{1b}[31m * * * *", "not a cron expression"),
        ] {
            let expected = Err(format!("{why}: {FORMS}"));
            assert_eq!(Cron::parse(text), expected, "{text}");
        }
    }
}
