//! A line as an object of JSON: the one place that writes them, for the programs' lines
//! and for lastout's own, so that one collector reads both (LOG-2).
//!
//! `{"time":…,"program":…,"pid":…,"stream":…,` then what only some have, then
//! `"message":…}`. Bytes that are not UTF-8 become U+FFFD.

use std::io::Write;

use crate::schedule::{Civil, civil};

/// Appends the beginning of an object, up to the stream.
pub fn begin(line: &mut Vec<u8>, micros: u64, program: &str, pid: u32, stream: &str) {
    line.extend_from_slice(b"{\"time\":\"");
    rfc_3339(line, micros);
    line.extend_from_slice(b"\",\"program\":\"");
    escape(line, program.as_bytes());
    // Writing to a vector does not fail.
    let _ = write!(line, "\",\"pid\":{pid},\"stream\":\"{stream}\"");
}

/// Appends a field whose value is a text; its name needs no escaping.
pub fn text(line: &mut Vec<u8>, name: &str, value: &[u8]) {
    open(line, name);
    escape(line, value);
    line.push(b'"');
}

/// Appends the beginning of such a field, up to the text.
pub fn open(line: &mut Vec<u8>, name: &str) {
    line.extend_from_slice(b",\"");
    line.extend_from_slice(name.as_bytes());
    line.extend_from_slice(b"\":\"");
}

/// Appends what is between the quotes.
pub fn escape(line: &mut Vec<u8>, value: &[u8]) {
    if std::str::from_utf8(value).is_ok() {
        return escape_text(line, value);
    }
    for chunk in value.utf8_chunks() {
        escape_text(line, chunk.valid().as_bytes());
        if !chunk.invalid().is_empty() {
            line.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

fn escape_text(line: &mut Vec<u8>, mut value: &[u8]) {
    loop {
        let plain = plain_length(value);
        let (front, rest) = value.split_at_checked(plain).unwrap_or((value, &[]));
        line.extend_from_slice(front);
        let Some((&byte, rest)) = rest.split_first() else {
            return;
        };
        value = rest;
        match byte {
            b'"' | b'\\' => line.extend_from_slice(&[b'\\', byte]),
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            b'\t' => line.extend_from_slice(b"\\t"),
            _ => {
                let digit = |value: u8| b"0123456789abcdef".get(usize::from(value)).copied();
                let (high, low) = (digit(byte >> 4), digit(byte & 15));
                line.extend_from_slice(b"\\u00");
                line.extend(high.into_iter().chain(low));
            }
        }
    }
}

/// How many bytes in front need no escaping; eight are looked at in one.
fn plain_length(value: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES * 128;
    let mut length = 0;
    for word in value.chunks_exact(8) {
        let word = u64::from_le_bytes(word.try_into().unwrap_or_default());
        // The high bit of a byte says that it is less than 0x20, a quote or a backslash;
        // of the bytes above one that is, it may say so wrongly, which does not matter
        // to the lowest.
        let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
        let controls = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        let found = controls | zeros(word ^ (ONES * 0x22)) | zeros(word ^ (ONES * 0x5c));
        if found != 0 {
            return length + found.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    let rest = value.get(length..).unwrap_or_default();
    let is_special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    rest.iter().position(is_special).unwrap_or(rest.len()) + length
}

/// Appends a time as RFC 3339 writes it: UTC, with microseconds since 1970.
pub fn rfc_3339(line: &mut Vec<u8>, micros: u64) {
    let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let Civil { year, month, day } = civil(days.cast_signed());
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let _ = write!(
        line,
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z",
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(micros: u64) -> String {
        let mut line = Vec::new();
        rfc_3339(&mut line, micros);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn log_2_times_are_written_as_rfc_3339_says() {
        assert_eq!(at(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(at(951_782_399_000_001), "2000-02-28T23:59:59.000001Z");
        assert_eq!(at(951_782_400_000_001), "2000-02-29T00:00:00.000001Z");
        assert_eq!(at(1_795_316_645_123_456), "2026-11-22T03:04:05.123456Z");
        assert_eq!(at(4_107_542_400_000_000), "2100-03-01T00:00:00.000000Z");
    }

    proptest! {
        #[test]
        fn log_2_an_object_is_one_line_that_says_what_was_written(
            bytes in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..40),
                "[ -~\"\\\\\\PC\r\n\t\u{0}-\u{1f}]{0,40}".prop_map(String::into_bytes),
            ],
            program in "\\PC{0,9}",
        ) {
            let mut line = Vec::new();
            begin(&mut line, 5, &program, 7, "stdout");
            text(&mut line, "message", &bytes);
            line.push(b'}');
            prop_assert!(!line.contains(&b'\n'));
            let object: serde_json::Value = serde_json::from_slice(&line).unwrap();
            prop_assert_eq!(object["message"].as_str(), Some(&*String::from_utf8_lossy(&bytes)));
            prop_assert_eq!(object["program"].as_str(), Some(&*program));
            prop_assert_eq!(object["pid"].as_u64(), Some(7));
        }
    }
}
