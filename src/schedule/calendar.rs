//! The calendar: days are counted from 1 January 1970, months from January of the year 0,
//! both also backwards. A clock that shows local time is read as if it showed UTC.

/// Days from 1 March of the year 0 to 1 January 1970.
const DAYS_BEFORE_1970: i64 = 719_468;

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Civil {
    /// The year; 0 is the one before 1.
    pub year: i64,
    /// From 1 to 12.
    pub month: i64,
    /// From 1 to 31.
    pub day: i64,
}

/// The day that is so many days after 1 January 1970.
#[must_use]
pub fn civil(day: i64) -> Civil {
    let month = month_of(day);
    Civil {
        year: month.div_euclid(12),
        month: month.rem_euclid(12) + 1,
        day: day - first_day(month) + 1,
    }
}

/// The month that a day is in.
pub(super) fn month_of(day: i64) -> i64 {
    // 400 years are 4800 months and 146,097 days. February makes the guess one too few
    // or too many at most.
    let guess = (day + DAYS_BEFORE_1970)
        .saturating_mul(4800)
        .div_euclid(146_097)
        + 2;
    match day {
        day if day < first_day(guess) => guess - 1,
        day if day >= first_day(guess + 1) => guess + 1,
        _ => guess,
    }
}

/// The first day of a month.
pub(super) fn first_day(month: i64) -> i64 {
    // With years that begin in March the leap day is the last, and the lengths of the
    // months before it repeat every five: 31, 30, 31, 30, 31.
    let (year, from_march) = ((month - 2).div_euclid(12), (month - 2).rem_euclid(12));
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + (153 * from_march + 2) / 5 - DAYS_BEFORE_1970
}

/// From 0, a Sunday, to 6.
pub(super) fn weekday(day: i64) -> i64 {
    (day + 4).rem_euclid(7)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{Datelike, NaiveDate};
    use proptest::prelude::*;

    #[test]
    fn every_day_of_400_years_is_as_chrono_has_it() {
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
        let mut date = NaiveDate::from_ymd_opt(1799, 12, 25).unwrap();
        for _ in 0..146_200 {
            let day = (date - epoch).num_days();
            let expected = Civil {
                year: date.year().into(),
                month: date.month().into(),
                day: date.day().into(),
            };
            assert_eq!(civil(day), expected);
            assert_eq!(
                weekday(day),
                i64::from(date.weekday().num_days_from_sunday())
            );
            date = date.succ_opt().unwrap();
        }
    }

    proptest! {
        #[test]
        fn a_day_is_in_its_month(day in -800_000i64..3_000_000) {
            let month = month_of(day);
            prop_assert!(first_day(month) <= day && day < first_day(month + 1));
        }
    }
}
