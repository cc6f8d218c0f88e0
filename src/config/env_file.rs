//! The files that `env_file` names, as `docker run --env-file` reads them.
//!
//! `NAME=VALUE` lines, the value as it stands: no quotes, no escapes, no variables. A
//! `NAME` alone is taken from lastout's own environment, if it is set there. Blank lines
//! and those that begin with `#` are nothing. What is wrong is told without the line:
//! it may be a secret.

use std::os::unix::ffi::OsStrExt;

use super::environment::{Environment, Variable};

/// The variables of a text, or the number of the first line that is wrong, and why.
pub(super) fn parse(
    text: &str,
    environment: &Environment,
) -> Result<Vec<Variable>, (usize, &'static str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut variables = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = match line.split_once('=') {
            Some((name, value)) => (name, Some(value.as_bytes())),
            None => (line, environment.get(line).map(OsStrExt::as_bytes)),
        };
        if name.is_empty() {
            return Err((number, "there is no name before the `=`"));
        }
        if name.contains([' ', '\t']) {
            return Err((number, "there is a blank in the name"));
        }
        if line.contains('\0') {
            return Err((number, "a NUL byte cannot be passed on"));
        }
        variables.extend(value.map(|value| (name.to_owned(), value.to_vec())));
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Vec<String>, (usize, &'static str)> {
        let environment = Environment::new(vec![("SET".into(), "here".into())]);
        let shown =
            |(name, value): Variable| format!("{name}={}", String::from_utf8(value).unwrap());
        parse(text, &environment).map(|v| v.into_iter().map(shown).collect())
    }

    #[test]
    fn lines_are_read_as_docker_does() {
        let text = "\u{feff}A=1\n\n# comment\n  B=' x # y' \r\nC=\nD=a=b\nSET\nUNSET\n E==\nA=2";
        let expected = [
            "A=1",
            "B=' x # y' ",
            "C=",
            "D=a=b",
            "SET=here",
            "E==",
            "A=2",
        ];
        assert_eq!(read(text).unwrap(), expected);
        assert_eq!(read("").unwrap(), [] as [&str; 0]);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        assert_eq!(read("A=1\n=2"), Err((2, "there is no name before the `=`")));
        assert_eq!(read("A B=2"), Err((1, "there is a blank in the name")));
        assert_eq!(read("export A=2"), Err((1, "there is a blank in the name")));
        assert_eq!(read("A =2"), Err((1, "there is a blank in the name")));
        assert_eq!(read("#\nA=\0"), Err((2, "a NUL byte cannot be passed on")));
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text: String) {
            let _ = read(&text);
        }
    }
}
