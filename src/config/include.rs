//! Which files an `include` means.
//!
//! A pattern is a path of which the last part may contain `*`, `?` and `[…]`, as a
//! shell's: none of them matches a leading dot. One level: what is included includes
//! nothing. A pattern without a match is a warning, a plain path that is not there an
//! error.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use lastout_core::order;

use super::expand::Variables;
use super::problem::Problems;
use super::read::reason;
use super::text::{Files, quoted};
use super::tree::{Entry, Value};
use super::value::Field;

/// More files than this are no configuration that somebody wrote.
pub(super) const MOST_FILES: usize = 1000;

/// The files that an `include` of the file at `base` means, pattern by pattern, each
/// pattern's sorted by name.
pub(super) fn included(
    entry: &Entry,
    base: &Path,
    variables: &Variables<'_>,
    (files, problems): (&Files, &mut Problems),
) -> Vec<(PathBuf, super::text::Place)> {
    let field = Field::new("the file", entry);
    let Value::Array(patterns) = &entry.node.value else {
        problems.error(
            field
                .expected("an array of patterns")
                .note("as [\"conf.d/*.toml\"]"),
        );
        return Vec::new();
    };
    let folder = base.parent().unwrap_or(Path::new(""));
    let mut found = Vec::new();
    for node in patterns {
        let field = field.part(node);
        let expanded = field.expanded("a pattern", variables, files);
        let Some(pattern) = problems.take(expanded) else {
            continue;
        };
        let pattern = folder.join(OsString::from_vec(pattern));
        match matching(&pattern) {
            Ok(paths) if paths.is_empty() => problems.warning(field.wrong(format_args!(
                "{} matches no file",
                quoted(&pattern.to_string_lossy())
            ))),
            Ok(paths) => found.extend(paths.into_iter().map(|path| (path, node.place))),
            Err(why) => problems.error(field.wrong(why)),
        }
    }
    if found.len() > MOST_FILES {
        let many = format!("{} files, and {MOST_FILES} are the most", found.len());
        problems.error(field.wrong(many));
        found.truncate(MOST_FILES);
    }
    found
}

/// The path itself, or what it matches.
fn matching(pattern: &Path) -> Result<Vec<PathBuf>, String> {
    let Some(last) = pattern.file_name() else {
        return Err(format!(
            "{} names no file",
            quoted(&pattern.to_string_lossy())
        ));
    };
    let folder = pattern.parent().unwrap_or(Path::new(""));
    if folder.as_os_str().as_bytes().iter().any(is_special) {
        return Err("only the last part of a path may contain *, ? or [".to_owned());
    }
    if !last.as_bytes().iter().any(is_special) {
        return Ok(vec![pattern.to_owned()]);
    }
    let folder_to_read = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    let entries = match fs::read_dir(folder_to_read) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(format!("cannot list {}: {}", folder.display(), reason(&e))),
    };
    let names = entries.filter_map(|entry| entry.ok().map(|e| e.file_name()));
    let mut names: Vec<OsString> = names.filter(|name| fits(last, name)).collect();
    order::sort(&mut names);
    Ok(names.iter().map(|name| folder.join(name)).collect())
}

fn is_special(byte: &u8) -> bool {
    matches!(byte, b'*' | b'?' | b'[')
}

/// Whether a name fits a pattern.
fn fits(pattern: &OsStr, name: &OsStr) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    if name.starts_with(b".") && !pattern.starts_with(b".") {
        return false;
    }
    glob(pattern, name)
}

/// Goes back to the last `*` only, which is enough, and never more than the product
/// of the two lengths.
fn glob<'a>(mut pattern: &'a [u8], mut name: &'a [u8]) -> bool {
    // What follows the last `*`, and what of the name it has not swallowed yet.
    let mut star: Option<(&'a [u8], &'a [u8])> = None;
    loop {
        if let Some((b'*', rest)) = pattern.split_first() {
            star = Some((rest, name));
            pattern = rest;
            continue;
        }
        if name.is_empty() && pattern.is_empty() {
            return true;
        }
        if let Some((pattern_left, name_left)) = one(pattern, name) {
            (pattern, name) = (pattern_left, name_left);
            continue;
        }
        match star {
            Some((after, [_, swallowed @ ..])) => {
                star = Some((after, swallowed));
                (pattern, name) = (after, swallowed);
            }
            Some((_, [])) | None => return false,
        }
    }
}

/// What is left of both when the first of one fits the first of the other.
fn one<'a>(pattern: &'a [u8], name: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (byte, name) = name.split_first()?;
    let (first, rest) = pattern.split_first()?;
    match first {
        b'?' => Some((rest, name)),
        b'[' => match class(rest, *byte) {
            Some((does_fit, rest)) => does_fit.then_some((rest, name)),
            // Without an end it is a bracket and nothing more.
            None => (*byte == b'[').then_some((rest, name)),
        },
        first => (first == byte).then_some((rest, name)),
    }
}

/// Whether a byte is in the class that begins after its `[`, and what follows it.
fn class(pattern: &[u8], byte: u8) -> Option<(bool, &[u8])> {
    let (is_negated, body) = match pattern {
        [b'!' | b'^', body @ ..] => (true, body),
        body => (false, body),
    };
    // A `]` at the beginning stands for itself.
    let end = body.iter().skip(1).position(|b| *b == b']')? + 1;
    let (mut members, rest) = (body.get(..end)?, body.get(end + 1..)?);
    let mut is_in = false;
    while let Some((low, after)) = members.split_first() {
        (is_in, members) = match after {
            [b'-', high, after @ ..] => (is_in || (low..=high).contains(&&byte), after),
            after => (is_in || *low == byte, after),
        };
    }
    Some((is_in != is_negated, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns_match_as_those_of_a_shell() {
        for (pattern, name, expected) in [
            ("*.toml", "a.toml", true),
            ("*.toml", ".a.toml", false),
            (".*", ".a", true),
            ("*.toml", "a.tom", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[0-9][!0-9]*", "1a.toml", true),
            ("[0-9][!0-9]*", "11.toml", false),
            ("[]x]", "]", true),
            ("[^a]", "b", true),
            ("[a", "[a", true),
            ("[a-]", "-", true),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(
                fits(OsStr::new(pattern), OsStr::new(name)),
                expected,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        assert!(!glob(&b"*a".repeat(2000), &b"a".repeat(1999)));
    }

    proptest! {
        #[test]
        fn no_pattern_is_too_odd(pattern in "[*?!a\\[\\]^-]{0,12}", name in "[ab\\]-]{0,8}") {
            let _ = glob(pattern.as_bytes(), name.as_bytes());
        }

        #[test]
        fn a_star_in_any_place_matches(name in "[a-z]{0,8}", at in 0usize..8) {
            let at = at.min(name.len());
            let pattern = format!("{}*{}", &name[..at], &name[at..]);
            prop_assert!(glob(pattern.as_bytes(), name.as_bytes()));
        }
    }
}
