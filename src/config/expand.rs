//! `${VAR}`, `${VAR:-default}` and `$$`, from lastout's own environment.
//!
//! Nothing else is touched: a `$` before anything but `{` and `$` stays as it is, so
//! that `$1` and `$HOME` reach the shell that they are meant for. A default is taken
//! as it stands, up to the first `}`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::Environment;
use super::text::quoted;

/// What a variable may stand for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Variables<'a> {
    pub(super) environment: &'a Environment,
    /// Whose key it is.
    pub(super) owner: Option<Owner<'a>>,
}

/// What the variables that tell a program from others stand for in its keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner<'a> {
    /// `${LASTOUT_PROGRAM}`.
    pub(super) program: &'a str,
    /// `${LASTOUT_INSTANCE}`.
    pub(super) instance: &'a str,
}

/// Why a text cannot be expanded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Unexpandable {
    /// The culprit as it stands in the text.
    pub(super) culprit: String,
    pub(super) message: String,
    pub(super) hint: String,
}

impl<'a> Variables<'a> {
    fn get(&self, name: &str) -> Option<&'a [u8]> {
        match (self.owner, name) {
            (Some(owner), "LASTOUT_PROGRAM") => Some(owner.program.as_bytes()),
            (Some(owner), "LASTOUT_INSTANCE") => Some(owner.instance.as_bytes()),
            (Some(_) | None, _) => self.environment.get(name).map(OsStr::as_bytes),
        }
    }

    /// A text with every variable replaced. Bytes, since values need not be UTF-8.
    pub(super) fn expand(&self, text: &str) -> Result<Vec<u8>, Unexpandable> {
        let mut expanded = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            expanded.extend(before.as_bytes());
            if let Some(after) = after.strip_prefix('$') {
                expanded.push(b'$');
                rest = after;
            } else if let Some(inner) = after.strip_prefix('{') {
                let Some((inner, after)) = inner.split_once('}') else {
                    return Err(unclosed(inner));
                };
                expanded.extend(self.value(inner)?);
                rest = after;
            } else {
                expanded.push(b'$');
                rest = after;
            }
        }
        expanded.extend(rest.as_bytes());
        Ok(expanded)
    }

    /// What the inside of `${…}` stands for.
    fn value<'t>(&self, inner: &'t str) -> Result<&'t [u8], Unexpandable>
    where
        'a: 't,
    {
        let (name, default) = match inner.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inner, None),
        };
        let whole = || format!("${{{inner}}}");
        if !is_name(name) {
            return Err(Unexpandable {
                culprit: whole(),
                message: format!("{} is not a variable", quoted(&whole())),
                hint: "the forms are ${NAME} and ${NAME:-default}; $$ stands for a $ of its own"
                    .to_owned(),
            });
        }
        match (self.get(name), default) {
            (Some([]), Some(default)) => Ok(default.as_bytes()),
            (Some(value), _) => Ok(value),
            (None, Some(default)) => Ok(default.as_bytes()),
            (None, None) => Err(Unexpandable {
                culprit: whole(),
                message: format!("the variable {} is not set", quoted(name)),
                hint: format!(
                    "${{{name}:-default}} gives a default; $${{{name}}} reaches the program as ${{{name}}}"
                ),
            }),
        }
    }
}

fn unclosed(inner: &str) -> Unexpandable {
    let name: String = inner.chars().take_while(|c| !c.is_whitespace()).collect();
    Unexpandable {
        culprit: format!("${{{name}"),
        message: "`${` without `}`".to_owned(),
        hint: "the forms are ${NAME} and ${NAME:-default}; $$ stands for a $ of its own".to_owned(),
    }
}

fn is_name(name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(is_letter) && name.chars().all(|c| is_letter(c) || c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    fn expand(text: &str) -> Result<String, String> {
        let environment = Environment::new(vec![
            ("A".into(), "1 2".into()),
            ("EMPTY".into(), "".into()),
            ("LASTOUT_PROGRAM".into(), "outer".into()),
        ]);
        let variables = Variables {
            environment: &environment,
            owner: Some(Owner {
                program: "web",
                instance: "3",
            }),
        };
        match variables.expand(text) {
            Ok(bytes) => Ok(String::from_utf8(bytes).unwrap()),
            Err(wrong) => Err(format!("{}: {}", wrong.culprit, wrong.message)),
        }
    }

    #[test]
    fn variables_defaults_and_dollars_are_replaced() {
        for (text, expected) in [
            ("", ""),
            ("a", "a"),
            ("${A}", "1 2"),
            ("<${A}${A}>", "<1 21 2>"),
            ("${B:-x y}", "x y"),
            ("${B:-}", ""),
            ("${A:-x}", "1 2"),
            ("${EMPTY}", ""),
            ("${EMPTY:-x}", "x"),
            ("$$", "$"),
            ("$${A}", "${A}"),
            ("$$$${A}", "$${A}"),
            ("$A $1 $( $", "$A $1 $( $"),
            ("${LASTOUT_PROGRAM}:${LASTOUT_INSTANCE}", "web:3"),
            ("{A}", "{A}"),
        ] {
            assert_eq!(expand(text), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_replaced_is_refused() {
        for (text, expected) in [
            ("x ${NO} y", "${NO}: the variable `NO` is not set"),
            ("${}", "${}: `${}` is not a variable"),
            ("${:-a}", "${:-a}: `${:-a}` is not a variable"),
            ("${A%b}", "${A%b}: `${A%b}` is not a variable"),
            ("${1}", "${1}: `${1}` is not a variable"),
            ("${A b", "${A: `${` without `}`"),
        ] {
            assert_eq!(expand(text), Err(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn values_need_not_be_utf_8() {
        let value = OsString::from_vec(vec![0xff, 0xfe]);
        let environment = Environment::new(vec![("RAW".into(), value)]);
        let variables = Variables {
            environment: &environment,
            owner: None,
        };
        assert_eq!(variables.expand("${RAW}"), Ok(vec![0xff, 0xfe]));
        assert!(variables.expand("${LASTOUT_PROGRAM}").is_err());
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in "\\PC*|[${}:A-]*") {
            let _ = expand(&text);
        }

        #[test]
        fn what_has_its_dollars_doubled_stays_itself(text: String) {
            prop_assert_eq!(expand(&text.replace('$', "$$")), Ok(text));
        }
    }
}
