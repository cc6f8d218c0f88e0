//! Durations as people write them: `10`, `0.5`, `500ms`, `1m30s`, `1h`, `2d`.
//!
//! Exact to the nanosecond, without floating point; what is printed is read back as
//! the same duration.

use std::time::Duration;

/// A hundred years. What is longer is a mistake, and sums of durations stay far from
/// the end of the clock.
const LONGEST: Duration = Duration::from_secs(36_500 * 24 * 60 * 60);

const NANOS: u128 = 1_000_000_000;

/// The units, from the longest to the shortest, in nanoseconds.
const UNITS: [(&str, u128); 5] = [
    ("d", 86_400 * NANOS),
    ("h", 3_600 * NANOS),
    ("m", 60 * NANOS),
    ("s", NANOS),
    ("ms", NANOS / 1000),
];

/// What a duration looks like, for messages.
pub(super) const FORMS: &str =
    "a number of seconds (10, 0.5) or a string (\"500ms\", \"1m30s\", \"1h\", \"2d\")";

/// Reads a duration: a number of seconds, or numbers with the units d, h, m, s and ms,
/// from the longest to the shortest. At most 100 years.
///
/// # Errors
///
/// Says what is wrong with the text.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let trimmed = text.trim();
    if let Some((number, "")) = split_number(trimmed) {
        return bounded(scaled(number, NANOS)?);
    }
    if trimmed.starts_with('-') {
        return Err("a duration cannot be negative".to_owned());
    }
    let wrong = || "not a duration".to_owned();
    let mut rest = trimmed;
    let mut units = UNITS.iter();
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let (number, after) = split_number(rest).ok_or_else(wrong)?;
        let letters = after.find(|c: char| !c.is_ascii_alphabetic());
        let (unit, after) = after.split_at(letters.unwrap_or(after.len()));
        let (_, nanos) = units.find(|(name, _)| *name == unit).ok_or_else(|| {
            match UNITS.iter().any(|(name, _)| *name == unit) {
                true => format!("the unit {unit:?} comes too late"),
                false if unit.is_empty() => "a unit is missing".to_owned(),
                false => format!("unknown unit {unit:?}"),
            }
        })?;
        total = total.saturating_add(scaled(number, *nanos)?);
        rest = after;
    }
    if trimmed.is_empty() {
        return Err(wrong());
    }
    bounded(total)
}

/// The duration of a number of seconds, as TOML writes floats. Read digit by digit, so
/// that 0.1 is exactly a tenth.
pub(super) fn from_seconds(text: &str) -> Result<Duration, String> {
    let text = text.strip_prefix('+').unwrap_or(text);
    if text.starts_with('-') {
        return Err("a duration cannot be negative".to_owned());
    }
    if text == "inf" {
        return Err(too_long());
    }
    let Some((number, exponent)) = text.split_once(['e', 'E']) else {
        return parse_duration(text);
    };
    let exponent: i32 = exponent.parse().map_err(|_| "not a duration".to_owned())?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole
        .chars()
        .chain(fraction.chars())
        .all(|digit| digit == '0')
    {
        return Ok(Duration::ZERO);
    }
    // More than these is longer than any duration, or less than a nanosecond.
    let shift = exponent.clamp(-40, 40);
    let zeros = "0".repeat(shift.unsigned_abs() as usize);
    let digits = if shift < 0 {
        format!("{zeros}{whole}{fraction}")
    } else {
        format!("{whole}{fraction}{zeros}")
    };
    // Where the point was, and by how much it has moved.
    let point = match shift {
        ..0 => whole.len(),
        _ => whole.len() + zeros.len(),
    };
    let (whole, fraction) = digits.split_at_checked(point).unwrap_or((&digits, ""));
    parse_duration(&format!("{whole}.{fraction}"))
}

/// A duration in the form that [`parse_duration`] reads, the shortest one.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let nanos = duration.subsec_nanos();
    if seconds == 0 && nanos > 0 && nanos.is_multiple_of(1_000_000) {
        return format!("{}ms", nanos / 1_000_000);
    }
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "m"),
    ];
    let parts = parts.iter().filter(|(n, _)| *n > 0);
    let mut text: String = parts.map(|(n, unit)| format!("{n}{unit}")).collect();
    if nanos > 0 {
        let fraction = format!("{nanos:09}");
        let fraction = fraction.trim_end_matches('0');
        text.push_str(&format!("{}.{fraction}s", seconds % 60));
    } else if !seconds.is_multiple_of(60) || text.is_empty() {
        text.push_str(&format!("{}s", seconds % 60));
    }
    text
}

/// A number of the form `12`, `12.5` or `.5` and what follows it.
fn split_number(text: &str) -> Option<((&str, &str), &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, rest) = text.split_at(end.unwrap_or(text.len()));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let is_number = !(fraction.contains('.') || whole.is_empty() && fraction.is_empty());
    is_number.then_some(((whole, fraction), rest))
}

/// That many of a unit, in nanoseconds.
fn scaled((whole, fraction): (&str, &str), unit: u128) -> Result<u128, String> {
    let whole = match whole {
        "" => 0,
        digits => digits.parse::<u64>().map_err(|_| too_long())?,
    };
    // Nobody means less than a billionth of a unit.
    let digits = fraction.get(..9).unwrap_or(fraction);
    let fraction = format!("{digits:0<9}").parse::<u128>().unwrap_or(0);
    Ok(u128::from(whole) * unit + fraction * unit / NANOS)
}

fn bounded(nanos: u128) -> Result<Duration, String> {
    if nanos > LONGEST.as_nanos() {
        return Err(too_long());
    }
    // In bounds, since a hundred years are less than 2⁶⁴ nanoseconds.
    u64::try_from(nanos)
        .map(Duration::from_nanos)
        .map_err(|_| too_long())
}

fn too_long() -> String {
    "longer than 100 years".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, millis) in [
            ("10", 10_000),
            ("0", 0),
            ("0.5", 500),
            (".5", 500),
            ("5.", 5_000),
            ("500ms", 500),
            ("1m30s", 90_000),
            ("1h", 3_600_000),
            ("2d", 172_800_000),
            ("1.5h", 5_400_000),
            ("1d2h3m4s5ms", 93_784_005),
            (" 7s ", 7_000),
        ] {
            let expected = Ok(Duration::from_millis(millis));
            assert_eq!(parse_duration(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_says_why() {
        for (text, why) in [
            ("", "not a duration"),
            ("s", "not a duration"),
            (".", "not a duration"),
            ("1.2.3", "not a duration"),
            ("soon", "not a duration"),
            ("-1", "a duration cannot be negative"),
            ("1m30", "a unit is missing"),
            ("10 s", "a unit is missing"),
            ("3w", "unknown unit \"w\""),
            ("1s2m", "the unit \"m\" comes too late"),
            ("1s1s", "the unit \"s\" comes too late"),
            ("36501d", "longer than 100 years"),
            ("99999999999999999999999", "longer than 100 years"),
        ] {
            assert_eq!(parse_duration(text), Err(why.to_owned()), "{text}");
        }
    }

    #[test]
    fn durations_are_printed_short() {
        for text in [
            "0s", "500ms", "10s", "1m30s", "1h", "1.5s", "2d1m", "1h0.25s",
        ] {
            let duration = parse_duration(text).unwrap();
            assert_eq!(format_duration(duration), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(nanos in 0..=(LONGEST.as_nanos() as u64)) {
            let duration = Duration::from_nanos(nanos);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }

        #[test]
        fn whole_units_are_read_back(n in 0u64..1000, unit in 0usize..5) {
            let (name, nanos) = UNITS[unit];
            let duration = Duration::from_nanos(n * nanos as u64);
            prop_assert_eq!(parse_duration(&format!("{n}{name}")), Ok(duration));
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }

        #[test]
        fn no_text_is_too_odd(text in "\\PC*|[0-9.dhms-]*") {
            if let Ok(duration) = parse_duration(&text) {
                prop_assert!(duration <= LONGEST);
            }
        }

        #[test]
        fn no_number_is_too_odd(seconds: f64) {
            for text in [format!("{seconds}"), format!("{seconds:e}")] {
                if let Ok(duration) = from_seconds(&text) {
                    prop_assert!(duration <= LONGEST);
                    prop_assert!((duration.as_secs_f64() - seconds).abs() <= seconds * 1e-9 + 1e-9);
                }
            }
        }
    }
}
