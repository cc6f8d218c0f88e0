//! Lines out of bytes, whatever the reads were that brought them.
//!
//! A line ends with a newline and has at most [`MOST`] bytes; a longer one is passed on
//! in parts of that size at most (LOG-3). Where the parts end depends on the bytes alone,
//! not on how they were split into reads, and is never inside of a character of UTF-8.
//! What is not decided yet is kept by whoever reads, and is never more than [`MOST`] bytes.

use memchr::{memchr, memrchr};

/// How long a part may be: Docker splits at 16,384, and the prefix comes on top.
pub const MOST: usize = 16_000;

/// How a part ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ending {
    /// The line ends here.
    Newline,
    /// The line is longer than a part may be, and goes on in the next one.
    Cut,
    /// The stream ends here, without a newline.
    Nothing,
}

/// A line, or a part of a long one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Part<'a> {
    /// Without the newline.
    pub bytes: &'a [u8],
    /// With it.
    pub whole: &'a [u8],
    /// What comes after it.
    pub ending: Ending,
}

/// How many of these bytes, which begin where a part begins, can be passed on now; the
/// rest is to be looked at again with what comes next. At the end of the stream: all.
#[must_use]
pub fn decided(bytes: &[u8], is_end: bool) -> usize {
    if is_end {
        return bytes.len();
    }
    let mut decided = memrchr(b'\n', bytes).map_or(0, |newline| newline + 1);
    // Whether a part of full size is a line is said by the byte after it.
    while let Some(rest) = bytes.get(decided..).filter(|rest| rest.len() > MOST) {
        decided += cut(rest);
    }
    decided
}

/// The parts of bytes that are [`decided`].
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    rest: &'a [u8],
    is_end: bool,
}

impl<'a> Parts<'a> {
    /// Of these, after which the stream ends or goes on.
    #[must_use]
    pub fn new(decided: &'a [u8], is_end: bool) -> Parts<'a> {
        Parts {
            rest: decided,
            is_end,
        }
    }

    /// What was not given out yet.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    #[inline]
    fn next(&mut self) -> Option<Part<'a>> {
        let window = self.rest.get(..=MOST).unwrap_or(self.rest);
        let (length, ending) = match memchr(b'\n', window) {
            Some(newline) => (newline, Ending::Newline),
            None if window.is_empty() => return None,
            None if window.len() > MOST => (cut(window), Ending::Cut),
            None if self.is_end => (window.len(), Ending::Nothing),
            // It was cut where more than these bytes were to be seen.
            None => (window.len(), Ending::Cut),
        };
        let newline = usize::from(ending == Ending::Newline);
        let (whole, rest) = self.rest.split_at_checked(length + newline)?;
        self.rest = rest;
        let bytes = whole.get(..length)?;
        Some(Part {
            bytes,
            whole,
            ending,
        })
    }
}

/// Whether a part is not the last of its line, also where what was kept ends with it: the
/// end of a stream has this length by a rare chance.
#[must_use]
pub fn goes_on(part: &[u8], ending: Ending) -> bool {
    match ending {
        Ending::Newline => false,
        Ending::Cut => true,
        Ending::Nothing => part.len() + LONGEST_CHARACTER > MOST,
    }
}

/// Of how many bytes a character of UTF-8 is at most.
const LONGEST_CHARACTER: usize = 4;

/// Where to cut more than [`MOST`] bytes without a newline among the first: before a
/// character that would be cut in two.
fn cut(bytes: &[u8]) -> usize {
    let is_inside = |at: usize| bytes.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
    if !is_inside(MOST) {
        return MOST;
    }
    for back in 1..=3 {
        if !is_inside(MOST - back) {
            let first = bytes.get(MOST - back).copied().unwrap_or(0);
            // So many ones in front as the character has bytes; none: it is one itself.
            let is_longer = first >= 0xc0 && first.leading_ones() as usize > back;
            return if is_longer { MOST - back } else { MOST };
        }
    }
    MOST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_3_a_part_that_goes_on_is_known_also_where_nothing_behind_it_is_seen() {
        for (line, goes) in [
            ("x".repeat(2 * MOST), true),
            ("ü€𝄞".repeat(MOST), true),
            ("x".repeat(MOST - 4), false),
        ] {
            let first = decided(
                &line.as_bytes()[..line.len().min(MOST + 1)],
                line.len() <= MOST,
            );
            let mut parts = Parts::new(&line.as_bytes()[..first], true);
            let part = parts.next().unwrap();
            assert!(parts.next().is_none());
            assert_eq!(goes_on(part.bytes, part.ending), goes);
        }
    }

    use proptest::collection::vec;
    use proptest::prelude::*;

    /// All parts of a stream that is read in pieces, as the relay does it.
    fn parts(stream: &[u8], pieces: &[usize]) -> Vec<(Vec<u8>, Ending)> {
        let mut all = Vec::new();
        let mut kept = Vec::new();
        let mut rest = stream;
        for piece in pieces.iter().copied().chain([usize::MAX]) {
            let (now, later) = rest.split_at(piece.min(rest.len()));
            rest = later;
            kept.extend_from_slice(now);
            let is_end = piece == usize::MAX;
            let whole = decided(&kept, is_end);
            let mut found = Parts::new(&kept[..whole], is_end);
            for part in found.by_ref() {
                all.push((part.bytes.to_vec(), part.ending));
            }
            assert!(found.rest().is_empty());
            kept.drain(..whole);
            assert!(kept.len() <= MOST);
        }
        assert!(kept.is_empty());
        all
    }

    fn whole(parts: &[(Vec<u8>, Ending)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (part, ending) in parts {
            assert!(part.len() <= MOST && !part.contains(&b'\n'));
            bytes.extend_from_slice(part);
            if *ending == Ending::Newline {
                bytes.push(b'\n');
            }
        }
        bytes
    }

    #[test]
    fn log_3_a_line_of_the_full_size_is_one_and_a_byte_more_makes_two_parts() {
        let mut line = vec![b'a'; MOST];
        line.extend_from_slice(b"\nb\n");
        let found = parts(&line, &[MOST, 1]);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].1, Ending::Newline);
        line.insert(0, b'a');
        let found = parts(&line, &[MOST, 1]);
        assert_eq!(found.len(), 3);
        assert_eq!((found[0].0.len(), found[0].1), (MOST, Ending::Cut));
        assert_eq!((found[1].0.len(), found[1].1), (1, Ending::Newline));
    }

    #[test]
    fn log_3_a_part_ends_before_a_character_and_not_inside_of_it() {
        for (character, ones) in [("ä", 2), ("€", 3), ("🦀", 4)] {
            for lead in 0..ones {
                let mut line = vec![b'a'; MOST - lead];
                line.extend_from_slice(character.repeat(9).as_bytes());
                for (part, _) in parts(&line, &[]) {
                    assert!(std::str::from_utf8(&part).is_ok(), "{character} {lead}");
                }
            }
        }
        // What is no character is cut anywhere.
        let found = parts(&[0x80; MOST + 9], &[]);
        assert_eq!(found[0].0.len(), MOST);
    }

    #[test]
    fn log_3_an_empty_line_a_nul_and_a_carriage_return_are_bytes_of_lines() {
        let found = parts(b"\n\na\0b\r\n\xff", &[1, 1, 3]);
        let expected: [(&[u8], Ending); 4] = [
            (b"", Ending::Newline),
            (b"", Ending::Newline),
            (b"a\0b\r", Ending::Newline),
            (b"\xff", Ending::Nothing),
        ];
        let found: Vec<(&[u8], Ending)> = found.iter().map(|(b, e)| (b.as_slice(), *e)).collect();
        assert_eq!(found, expected);
    }

    fn streams() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            4 => vec(any::<u8>(), 0..40),
            2 => vec(Just(b'\n'), 0..4),
            1 => (0..40_000_usize, any::<char>())
                .prop_map(|(count, one)| one.to_string().repeat(count).into_bytes()),
            1 => (MOST - 4..MOST + 4).prop_map(|count| vec![b'x'; count]),
        ];
        vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn log_3_any_bytes_in_any_split_are_the_same_lines_and_none_is_lost(
            stream in streams(),
            pieces in vec(prop_oneof![0..50_usize, 0..40_000_usize], 0..12),
        ) {
            let split = parts(&stream, &pieces);
            prop_assert_eq!(whole(&split), stream.clone());
            prop_assert_eq!(split, parts(&stream, &[]));
        }
    }
}
