//! Files of time zone data (TZif, RFC 9636), versions 1 to 4.
//!
//! Every number is checked before it is used; what a file cannot be trusted in makes it
//! unreadable as a whole.

use super::rule::Rule;
use super::zone::{Change, Clock};

/// A week. No clock is further from UTC than 26 hours.
const FARTHEST: i64 = 7 * 86_400;

const NO_ZONE: &str = "not a file of time zone data (TZif)";
const DAMAGED: &str = "damaged, or cut short";
const LEAPING: &str = "counts leap seconds, which the wall clock does not";

/// The clock that a file describes, or why there is none.
pub(super) fn parse(bytes: &[u8]) -> Result<Clock, &'static str> {
    let mut rest = Bytes(bytes);
    let (version, mut header) = header(&mut rest)?;
    let mut size = 4;
    if version != 0 {
        // The same again with times of 64 bits, which is what counts.
        rest.take(header.len(size)).ok_or(DAMAGED)?;
        (_, header) = self::header(&mut rest).map_err(|_| DAMAGED)?;
        size = 8;
    }
    if header.leap_seconds > 0 {
        return Err(LEAPING);
    }
    block(&mut rest, &header, size, version != 0).ok_or(DAMAGED)
}

/// How many there are of what.
struct Header {
    indicators: usize,
    leap_seconds: usize,
    times: usize,
    types: usize,
    letters: usize,
}

impl Header {
    /// The bytes of the block that follows, with times of that size.
    fn len(&self, size: usize) -> usize {
        self.times * (size + 1)
            + self.types * 6
            + self.letters
            + self.leap_seconds * (size + 4)
            + self.indicators
    }
}

fn header(rest: &mut Bytes<'_>) -> Result<(u8, Header), &'static str> {
    if rest.take(4) != Some(b"TZif") {
        return Err(NO_ZONE);
    }
    let version = rest.take(1).and_then(|version| version.first());
    rest.take(15);
    let mut count = || -> Result<usize, &'static str> {
        // No file has as many of anything as two bytes can count.
        let count = rest.number(4).ok_or(DAMAGED)?;
        let count = u16::try_from(count).map_err(|_| DAMAGED)?;
        Ok(usize::from(count))
    };
    let header = Header {
        indicators: count()? + count()?,
        leap_seconds: count()?,
        times: count()?,
        types: count()?,
        letters: count()?,
    };
    Ok((*version.ok_or(DAMAGED)?, header))
}

fn block(rest: &mut Bytes<'_>, header: &Header, size: usize, has_rule: bool) -> Option<Clock> {
    let mut times = Bytes(rest.take(header.times * size)?);
    let indices = rest.take(header.times)?;
    let mut types = Bytes(rest.take(header.types * 6)?);
    rest.take(header.letters + header.indicators)?;

    let mut offsets = Vec::with_capacity(header.types);
    for _ in 0..header.types {
        let offset = types.number(4)?;
        types.take(2)?;
        offsets.push(Some(offset).filter(|offset| offset.abs() <= FARTHEST)?);
    }
    let mut changes: Vec<Change> = Vec::with_capacity(header.times);
    for index in indices {
        let at = times.number(size)?;
        if changes.last().is_some_and(|last| last.at >= at) {
            return None;
        }
        let offset = *offsets.get(usize::from(*index))?;
        changes.push(Change { at, offset });
    }
    let rule = match has_rule {
        true => rule(rest)?,
        false => None,
    };
    Some(Clock {
        first: *offsets.first()?,
        changes,
        rule,
    })
}

/// The rule for the time after the last change, between two newlines. There need be
/// none, but where the line is missing or is no rule, the file is damaged.
fn rule(rest: &mut Bytes<'_>) -> Option<Option<Rule>> {
    let line = rest.0.strip_prefix(b"\n")?;
    let end = line.iter().position(|b| *b == b'\n')?;
    match line.get(..end)? {
        [] => Some(None),
        line => Rule::parse(line).map(Some),
    }
}

/// What is left of a file.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number of that many bytes, the highest first.
    fn number(&mut self, size: usize) -> Option<i64> {
        let bytes = self.take(size)?;
        let sign = match bytes.first() {
            Some(128..) => -1,
            _ => 0,
        };
        Some(bytes.iter().fold(sign, |n, b| n << 8 | i64::from(*b)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block_of(version: u8, size: usize, changes: &[(i64, u8)], offsets: &[i32]) -> Vec<u8> {
        let mut bytes = [&b"TZif"[..], &[version], &[0; 15]].concat();
        for count in [0, 0, 0, changes.len(), offsets.len(), 4] {
            bytes.extend((count as u32).to_be_bytes());
        }
        for (at, _) in changes {
            bytes.extend(&at.to_be_bytes()[8 - size..]);
        }
        bytes.extend(changes.iter().map(|(_, index)| index));
        for offset in offsets {
            bytes.extend(offset.to_be_bytes());
            bytes.extend([0, 0]);
        }
        bytes.extend(b"LMT\0");
        bytes
    }

    fn file(changes: &[(i64, u8)], offsets: &[i32], rule: &str) -> Vec<u8> {
        let first = block_of(b'2', 4, &[], &[0]);
        let second = block_of(b'2', 8, changes, offsets);
        [&first[..], &second, b"\n", rule.as_bytes(), b"\n"].concat()
    }

    #[test]
    fn the_first_version_has_times_of_32_bits_and_no_rule() {
        let bytes = block_of(0, 4, &[(-5, 1), (7, 0)], &[0, 3600]);
        let clock = parse(&bytes).unwrap();
        let changes = [(-5, 3600), (7, 0)].map(|(at, offset)| Change { at, offset });
        assert_eq!((clock.first, &clock.changes[..]), (0, &changes[..]));
        assert_eq!(clock.rule, None);
    }

    #[test]
    fn later_versions_have_times_of_64_bits_and_a_rule() {
        let clock = parse(&file(&[(1 << 40, 1)], &[-60, 60], "X1")).unwrap();
        let at = 1 << 40;
        assert_eq!(clock.changes, [Change { at, offset: 60 }]);
        assert_eq!(clock.first, -60);
        assert_eq!(clock.rule.map(|rule| rule.standard), Some(-3600));
        assert_eq!(parse(&file(&[], &[0], "")).unwrap().rule, None);
    }

    #[test]
    fn what_cannot_be_trusted_is_refused() {
        let good = file(&[(1, 0), (2, 0)], &[0], "X1");
        for len in 0..good.len() {
            let short = parse(&good[..len]).unwrap_err();
            assert_eq!(short, if len < 4 { NO_ZONE } else { DAMAGED }, "{len}");
        }
        for bytes in [
            file(&[(2, 0), (1, 0)], &[0], ""),
            file(&[(2, 0), (2, 0)], &[0], ""),
            file(&[(2, 1)], &[0], ""),
            file(&[], &[], ""),
            file(&[], &[1_000_000], ""),
            file(&[], &[i32::MIN], ""),
            file(&[], &[0], "soon"),
        ] {
            assert_eq!(parse(&bytes), Err(DAMAGED));
        }
        assert_eq!(parse(b"# zone.tab\n"), Err(NO_ZONE));
        let mut leaping = block_of(0, 4, &[], &[0]);
        leaping[31] = 27;
        assert_eq!(parse(&leaping), Err(LEAPING));
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd(bytes: Vec<u8>, flips: Vec<(prop::sample::Index, u8)>, at: i64) {
            let _ = parse(&[b"TZif2", &bytes[..]].concat());
            let mut file = file(&[(i64::MIN, 1), (0, 0), (9, 1)], &[0, 60], "X1Y,M3.5.0,M10.5.0/3");
            for (index, byte) in flips {
                let index = index.index(file.len());
                file[index] = byte;
            }
            if let Ok(clock) = parse(&file) {
                let zone = crate::schedule::Zone::of_clock(clock);
                let cron = crate::schedule::Cron::parse("30 2 * * *").unwrap();
                let _ = zone.show(at);
                let schedule = crate::schedule::Schedule { cron, zone };
                for now in [at, at >> 24] {
                    prop_assert!(schedule.next_after(now).is_none_or(|next| next > now));
                }
            }
        }
    }
}
