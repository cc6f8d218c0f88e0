//! [`Schedule::next_after`] against two others that know: the crate croner, and a plain
//! model of Vixie cron that goes from minute to minute. Time zones are chrono-tz's there.

use std::ops::RangeInclusive;

use chrono::{DateTime, Datelike, Offset, TimeZone, Timelike};
use chrono_tz::Tz;
use croner::Cron as Croner;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};

use super::{Cron, Schedule, Zone};

/// A field as it is written, and its numbers.
#[derive(Clone, Debug)]
struct Field {
    text: String,
    numbers: Vec<u32>,
}

impl Field {
    fn begins_with_star(&self) -> bool {
        self.text.starts_with('*')
    }
}

fn star(range: RangeInclusive<u32>) -> BoxedStrategy<Field> {
    Just(Field {
        text: "*".to_owned(),
        numbers: range.collect(),
    })
    .boxed()
}

fn star_step(range: RangeInclusive<u32>) -> BoxedStrategy<Field> {
    (2..=range.end() / 2)
        .prop_map(move |step| Field {
            text: format!("*/{step}"),
            numbers: range.clone().step_by(step as usize).collect(),
        })
        .boxed()
}

fn number(range: RangeInclusive<u32>) -> BoxedStrategy<Field> {
    range
        .prop_map(|number| Field {
            text: number.to_string(),
            numbers: vec![number],
        })
        .boxed()
}

/// A list of numbers and of ranges with and without a step.
fn list(range: RangeInclusive<u32>) -> BoxedStrategy<Field> {
    let all: Vec<u32> = range.clone().collect();
    let part = (subsequence(all, 2), 1..=4u32).prop_map(|(ends, step)| {
        let (low, high) = (ends[0], ends[1]);
        let text = match step {
            1 => format!("{low}-{high}"),
            2 | 3 => format!("{low}-{high}/{step}"),
            _ => return (low.to_string(), vec![low]),
        };
        (text, (low..=high).step_by(step as usize).collect())
    });
    prop::collection::vec(part, 2..4)
        .prop_map(|parts| {
            let (texts, numbers): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
            Field {
                text: texts.join(","),
                numbers: numbers.concat(),
            }
        })
        .boxed()
}

fn any_field(range: RangeInclusive<u32>) -> BoxedStrategy<Field> {
    prop_oneof![
        3 => star(range.clone()),
        1 => star_step(range.clone()),
        3 => number(range.clone()),
        2 => list(range),
    ]
    .boxed()
}

/// A field of days as croner reads it as we do: to croner `*/2` is a restriction.
fn day_field(range: RangeInclusive<u32>) -> BoxedStrategy<Field> {
    prop_oneof![
        3 => star(range.clone()),
        1 => number(range.clone()),
        1 => list(range),
    ]
    .boxed()
}

/// Minute and hour as croner reads them as we do: to croner a job is fixed only when it
/// runs once a day.
fn time_fields() -> impl Strategy<Value = (Field, Field)> {
    let (minutes, hours) = (0..=59, 0..=23);
    let wild = || prop_oneof![star(0..=23), star_step(0..=23)];
    prop_oneof![
        3 => (number(minutes.clone()), number(hours.clone())),
        1 => (number(minutes.clone()), number(1..=3)),
        1 => (any_field(minutes), wild()),
        1 => (star_step(0..=59), any_field(hours)),
    ]
}

fn any_fields() -> impl Strategy<Value = [Field; 5]> {
    (
        any_field(0..=59),
        prop_oneof![any_field(0..=23), number(1..=3), list(0..=4)],
        any_field(1..=31),
        any_field(1..=12),
        any_field(0..=6),
    )
        .prop_map(|(minute, hour, day, month, weekday)| [minute, hour, day, month, weekday])
}

fn text(fields: &[Field; 5]) -> String {
    fields.each_ref().map(|field| field.text.as_str()).join(" ")
}

fn next_of_croner(text: &str, zone: Tz, now: i64) -> Option<i64> {
    let croner: Croner = text.parse().unwrap();
    let now = zone.timestamp_opt(now, 0).unwrap();
    let next = croner.find_next_occurrence(&now, false).ok()?;
    Some(next.timestamp())
}

fn schedule(text: &str, zone: Tz) -> Schedule {
    Schedule {
        cron: Cron::parse(text).unwrap(),
        zone: Zone::load(zone.name()).unwrap(),
    }
}

/// What Vixie cron does, minute by minute, up to `end`.
fn next_of_model(fields: &[Field; 5], zone: Tz, now: i64, end: i64) -> Option<i64> {
    let local = |at: i64| zone.timestamp_opt(at, 0).unwrap();
    let clock = |at: i64| at + i64::from(local(at).offset().fix().local_minus_utc());
    let shows = |clock: i64| {
        let time = DateTime::from_timestamp(clock, 0).unwrap();
        let [minutes, hours, days, months, weekdays] = fields;
        let is_day = days.numbers.contains(&time.day());
        let is_weekday = weekdays
            .numbers
            .contains(&time.weekday().num_days_from_sunday());
        let is_either = !days.begins_with_star() && !weekdays.begins_with_star();
        minutes.numbers.contains(&time.minute())
            && hours.numbers.contains(&time.hour())
            && months.numbers.contains(&time.month())
            && if is_either {
                is_day || is_weekday
            } else {
                is_day && is_weekday
            }
    };
    let follows_clock = fields[0].begins_with_star() || fields[1].begins_with_star();
    let first = (now / 60 + 1) * 60;
    // The latest that the clock has shown in the three hours before.
    let mut seen = (1..=180).map(|ago| clock(first - ago * 60)).max()?;
    (first..end).step_by(60).find(|at| {
        let clock = clock(*at);
        let left_out = seen + 60..=clock;
        seen = seen.max(clock);
        match follows_clock {
            true => shows(clock),
            // What it shows for the first time, beginning with what it has left out.
            false => left_out.step_by(60).any(shows),
        }
    })
}

const ZONES: [Tz; 3] = [
    Tz::Europe__Berlin,
    Tz::America__New_York,
    Tz::Australia__Lord_Howe,
];

/// A time up to two days before one at which the clock is set.
fn around_change(zone: &Zone, from: i64, before: i64) -> i64 {
    zone.span(from).end - before
}

/// 1990 to 2035.
const TIMES: std::ops::Range<i64> = 631_152_000..2_051_222_400;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn in_utc_the_next_time_is_that_of_croner(
        minute in any_field(0..=59),
        hour in any_field(0..=23),
        day in day_field(1..=31),
        month in any_field(1..=12),
        weekday in day_field(0..=6),
        now in TIMES,
    ) {
        let text = text(&[minute, hour, day, month, weekday]);
        let next = schedule(&text, Tz::UTC).next_after(now);
        prop_assert_eq!(next, next_of_croner(&text, Tz::UTC, now), "{}", text);
    }

    #[test]
    fn in_zones_the_next_time_is_that_of_croner(
        (minute, hour) in time_fields(),
        day in day_field(1..=31),
        month in any_field(1..=12),
        weekday in day_field(0..=6),
        zone in select(&ZONES[..]),
        now in TIMES,
        before in prop_oneof![Just(None), (-7200i64..90_000).prop_map(Some)],
    ) {
        let text = text(&[minute, hour, day, month, weekday]);
        let schedule = schedule(&text, zone);
        let now = match before {
            Some(before) => around_change(&schedule.zone, now, before),
            None => now,
        };
        let next = schedule.next_after(now);
        prop_assert_eq!(next, next_of_croner(&text, zone, now), "{} {}", text, now);
    }

    #[test]
    fn the_clock_shows_what_it_shows_to_chrono(
        name in select(&[
            "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Europe/Dublin",
            "America/Sao_Paulo", "Asia/Kolkata", "Pacific/Apia", "Africa/Casablanca", "Etc/GMT+5",
        ][..]),
        // 1970 to 2024, whose clocks nobody sets any more.
        at in 0..1_735_689_600i64,
        index: Index,
    ) {
        let (zone, tz) = (Zone::load(name).unwrap(), name.parse::<Tz>().unwrap());
        let span = zone.span(at);
        let times = [at, span.start.max(0), span.start.max(0) - 1, span.end.min(at) - 1];
        let at = times[index.index(times.len())];
        let local = tz.timestamp_opt(at, 0).unwrap();
        prop_assert_eq!(zone.span(at).offset, i64::from(local.offset().fix().local_minus_utc()));
        let shown = format!("{} {name}", local.format("%Y-%m-%d %H:%M"));
        prop_assert_eq!(zone.show(at), shown);
    }
}

proptest! {
    // From minute to minute is slow.
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn around_changes_of_the_clock_the_next_time_is_that_of_vixie_cron(
        fields in any_fields(),
        zone in select(&ZONES[..]),
        now in TIMES,
        before in -14_400i64..172_800,
    ) {
        let schedule = schedule(&text(&fields), zone);
        let now = around_change(&schedule.zone, now, before);
        let end = now + 3 * 86_400;
        let next = schedule.next_after(now).filter(|next| *next < end);
        prop_assert_eq!(next, next_of_model(&fields, zone, now, end), "{:?} {}", fields, now);
    }
}
