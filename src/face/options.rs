//! Options as getopt(3) and getopt_long(3) of the GNU C library read them, with its
//! texts: people's entrypoints have been written against these.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// A long option: its name, the letter that it stands for, and whether it has an argument.
pub(super) type Long = (&'static str, u8, bool);

/// A command line that is read.
pub(super) struct Options<'a> {
    program: &'a OsStr,
    words: &'a [OsString],
    /// Letters; one with an argument is followed by a colon.
    short: &'static str,
    long: &'static [Long],
    /// Goes on behind the first word that is no option.
    permutes: bool,
    /// What is left of a cluster, as `-vvs`.
    cluster: &'a [u8],
    operands: Vec<OsString>,
}

/// An option and its argument; or what is wrong.
pub(super) type Read = Result<(u8, OsString), String>;

impl<'a> Options<'a> {
    pub(super) fn new(
        args: &'a [OsString],
        short: &'static str,
        long: &'static [Long],
    ) -> Options<'a> {
        let (program, words) = match args {
            [program, words @ ..] => (program.as_os_str(), words),
            [] => (OsStr::new(""), args),
        };
        let stops = short.starts_with('+') || std::env::var_os("POSIXLY_CORRECT").is_some();
        Options {
            program,
            words,
            short: short.trim_start_matches('+'),
            long,
            permutes: !stops,
            cluster: &[],
            operands: Vec::new(),
        }
    }

    /// The program's own name as it was typed, for texts.
    pub(super) fn program(&self) -> String {
        self.program.to_string_lossy().into_owned()
    }

    /// What is no option; to be asked for when there is no option any more.
    pub(super) fn operands(self) -> Vec<OsString> {
        let mut all = self.operands;
        all.extend_from_slice(self.words);
        all
    }

    /// The next option.
    pub(super) fn next(&mut self) -> Option<Read> {
        while self.cluster.is_empty() {
            let (word, rest) = self.words.split_first()?;
            match word.as_bytes() {
                b"--" => {
                    self.words = rest;
                    return None;
                }
                [b'-', b'-', name @ ..] if !self.long.is_empty() => {
                    self.words = rest;
                    return Some(self.long_option(name));
                }
                [b'-', cluster @ ..] if !cluster.is_empty() => {
                    self.words = rest;
                    self.cluster = cluster;
                }
                _ if self.permutes => {
                    self.words = rest;
                    self.operands.push(word.clone());
                }
                _ => return None,
            }
        }
        let (letter, rest) = self.cluster.split_first()?;
        self.cluster = rest;
        Some(self.short_option(*letter))
    }

    fn short_option(&mut self, letter: u8) -> Read {
        let known = self.short.bytes().position(|known| known == letter);
        let Some(place) = known.filter(|_| letter != b':') else {
            let letter = String::from_utf8_lossy(std::slice::from_ref(&letter)).into_owned();
            return self.wrong(&format!("invalid option -- '{letter}'"));
        };
        if self.short.as_bytes().get(place + 1) != Some(&b':') {
            return Ok((letter, OsString::new()));
        }
        if !self.cluster.is_empty() {
            let value = OsStr::from_bytes(std::mem::take(&mut self.cluster));
            return Ok((letter, value.to_os_string()));
        }
        match self.value() {
            Some(value) => Ok((letter, value)),
            None => self.wrong(&format!(
                "option requires an argument -- '{}'",
                char::from(letter)
            )),
        }
    }

    fn value(&mut self) -> Option<OsString> {
        let (value, rest) = self.words.split_first()?;
        self.words = rest;
        Some(value.clone())
    }

    fn long_option(&mut self, typed: &[u8]) -> Read {
        let text = String::from_utf8_lossy(typed);
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(OsString::from(value))),
            None => (text.as_ref(), None),
        };
        let exact = self.long.iter().find(|(known, ..)| *known == name);
        let mut begun = self
            .long
            .iter()
            .filter(|(known, ..)| known.starts_with(name));
        let (known, letter, takes_value) = match (exact, begun.next(), begun.next()) {
            (Some(exact), ..) | (None, Some(exact), None) => *exact,
            (None, None, _) => return self.wrong(&format!("unrecognized option '--{text}'")),
            (None, Some(_), Some(_)) => {
                let all = self
                    .long
                    .iter()
                    .filter(|(known, ..)| known.starts_with(name));
                let all: String = all.map(|(known, ..)| format!(" '--{known}'")).collect();
                return self.wrong(&format!(
                    "option '--{text}' is ambiguous; possibilities:{all}"
                ));
            }
        };
        match (takes_value, value) {
            (false, None) => Ok((letter, OsString::new())),
            (false, Some(_)) => {
                self.wrong(&format!("option '--{known}' doesn't allow an argument"))
            }
            (true, Some(value)) => Ok((letter, value)),
            (true, None) => match self.value() {
                Some(value) => Ok((letter, value)),
                None => self.wrong(&format!("option '--{known}' requires an argument")),
            },
        }
    }

    fn wrong(&self, what: &str) -> Read {
        Err(format!("{}: {what}\n", self.program()))
    }
}

/// The number that a text begins with, as strtol(3) and scanf(3) read it, and the rest:
/// all of the text where there is no number.
pub(super) fn leading_number(text: &str) -> (i64, &str) {
    let bytes = text.as_bytes();
    let space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let mut at = bytes.iter().take_while(|byte| space(byte)).count();
    let is_negative = bytes.get(at) == Some(&b'-');
    at += usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
    let first = at;
    let mut number = 0_i64;
    while let Some(digit @ b'0'..=b'9') = bytes.get(at) {
        let digit = i64::from(digit - b'0');
        number = number.saturating_mul(10).saturating_add(digit);
        at += 1;
    }
    if at == first {
        return (0, text);
    }
    let number = if is_negative { -number } else { number };
    (number, text.get(at..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_the_c_library_does() {
        assert_eq!(leading_number("12x"), (12, "x"));
        assert_eq!(leading_number(" +7"), (7, ""));
        assert_eq!(leading_number("-1"), (-1, ""));
        assert_eq!(leading_number("x"), (0, "x"));
        assert_eq!(leading_number(""), (0, ""));
        assert_eq!(leading_number("99999999999999999999"), (i64::MAX, ""));
    }
}
