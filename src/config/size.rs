//! Sizes as people write them, read and written: `64KiB`, `50MB`, `1024`.

/// The units, in bytes.
const UNITS: [(&str, u64); 10] = [
    ("", 1),
    ("B", 1),
    ("KB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// Reads a size: a whole number and perhaps a unit. `None` where it is none, or is more
/// than 64 bits hold.
pub(super) fn parse_size(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit());
    let (digits, unit) = text.split_at(end.unwrap_or(text.len()));
    let (_, bytes) = UNITS.iter().find(|(name, _)| *name == unit)?;
    digits.parse::<u64>().ok()?.checked_mul(*bytes)
}

/// Writes a size in the unit in which it is the smallest whole number.
pub(super) fn format_size(bytes: u64) -> String {
    let mut shortest = (bytes, "");
    for (name, unit) in UNITS {
        if bytes.is_multiple_of(unit) && bytes / unit < shortest.0 {
            shortest = (bytes / unit, name);
        }
    }
    let (number, unit) = shortest;
    format!("{number}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("0", Some(0)),
            ("1024", Some(1024)),
            ("7B", Some(7)),
            ("50MB", Some(50_000_000)),
            ("64KiB", Some(65_536)),
            ("1TiB", Some(1 << 40)),
            ("", None),
            ("KiB", None),
            ("-1", None),
            ("1.5GB", None),
            ("1 KB", None),
            ("1k", None),
            ("18446744073709551616", None),
            ("99999999TiB", None),
        ] {
            assert_eq!(parse_size(text), bytes, "{text}");
        }
    }

    #[test]
    fn sizes_are_written_in_the_unit_that_suits_them() {
        for (bytes, text) in [
            (0, "0"),
            (1, "1"),
            (50_000_000, "50MB"),
            (65_536, "64KiB"),
            (1500, "1500"),
            (1 << 40, "1TiB"),
        ] {
            assert_eq!(format_size(bytes), text);
        }
    }

    proptest! {
        #[test]
        fn whole_units_are_read_back(n in 0u64..1_000_000, unit in 0usize..10) {
            let (name, bytes) = UNITS[unit];
            prop_assert_eq!(parse_size(&format!("{n}{name}")), Some(n * bytes));
        }

        #[test]
        fn what_is_written_is_read_back(n in 0u64..1_000_000, unit in 0usize..10, odd: u64) {
            let (_, bytes) = UNITS[unit];
            for size in [n * bytes, odd] {
                prop_assert_eq!(parse_size(&format_size(size)), Some(size));
            }
        }

        #[test]
        fn no_text_is_too_odd(text in "\\PC*|[0-9KMGTiB]*") {
            let _ = parse_size(&text);
        }
    }
}
