//! Files of time zone data (TZif, RFC 9636), versions 1 to 4.
//!
//! Every number is checked before it is used; what a file cannot be trusted in makes it
//! unreadable as a whole.

use super::rule::Rule;
use super::zone::{Change, Clock};

/// A week. No clock is further from UTC than 26 hours.
const FARTHEST: i64 = 7 * 86_400;

/// The clock that a file describes; `None` if it is no such file, or damaged. Files that
/// count leap seconds are none: the wall clock does not count them.
pub(super) fn parse(bytes: &[u8]) -> Option<Clock> {
    let mut rest = Bytes(bytes);
    let (version, mut header) = Header::read(&mut rest)?;
    let mut size = 4;
    if version != 0 {
        // The same again with times of 64 bits, which is what counts.
        rest.take(header.times * 5 + header.types * 6 + header.others)?;
        (_, header) = Header::read(&mut rest)?;
        size = 8;
    }
    let times = rest.take(header.times * size)?.chunks_exact(size);
    let indices = rest.take(header.times)?;
    let types = rest.take(header.types * 6)?;
    rest.take(header.others)?;
    let offset = |index: u8| {
        let offset = types.chunks_exact(6).nth(usize::from(index))?;
        let offset = number(offset.get(..4)?);
        (offset.abs() <= FARTHEST).then_some(offset)
    };
    let mut clock = Clock {
        first: offset(0)?,
        changes: Vec::new(),
        rule: None,
    };
    for (time, index) in times.zip(indices) {
        let (at, offset) = (number(time), offset(*index)?);
        if clock.changes.last().is_some_and(|last| last.at >= at) {
            return None;
        }
        clock.changes.push(Change { at, offset });
    }
    if version != 0 {
        // Between two newlines, and there may be none.
        let (first, line) = rest.0.split_first()?;
        let end = line.iter().position(|b| *b == b'\n')?;
        let line = line.get(..end).filter(|_| *first == b'\n')?;
        if !line.is_empty() {
            clock.rule = Some(Rule::parse(line)?);
        }
    }
    Some(clock)
}

/// How many there are of what.
struct Header {
    times: usize,
    types: usize,
    /// Bytes of what is of no concern.
    others: usize,
}

impl Header {
    /// Reads one, after the version of its file.
    fn read(rest: &mut Bytes<'_>) -> Option<(u8, Header)> {
        let start = rest.take(20)?;
        let version = *start.strip_prefix(b"TZif")?.first()?;
        let mut counts = [0; 6];
        for count in &mut counts {
            // No file has as many of anything as two bytes can count.
            *count = usize::from(u16::try_from(number(rest.take(4)?)).ok()?);
        }
        let [in_utc, in_standard, leap_seconds, times, types, letters] = counts;
        let header = Header {
            times,
            types,
            others: letters + in_utc + in_standard,
        };
        (leap_seconds == 0).then_some((version, header))
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
}

/// A number, the highest byte first.
fn number(bytes: &[u8]) -> i64 {
    let sign = match bytes.first() {
        Some(128..) => -1,
        _ => 0,
    };
    bytes.iter().fold(sign, |n, b| n << 8 | i64::from(*b))
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
            assert_eq!(parse(&good[..len]), None, "{len}");
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
            assert_eq!(parse(&bytes), None);
        }
        assert_eq!(parse(b"# zone.tab\n"), None);
        let mut leaping = block_of(0, 4, &[], &[0]);
        assert!(parse(&leaping).is_some());
        leaping[31] = 27;
        leaping.extend([0; 27 * 8]);
        assert_eq!(parse(&leaping), None);
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
            if let Some(clock) = parse(&file) {
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
