//! Environments: the one that lastout was started with, and those that it gives on.
//!
//! Passed in, never asked for: what is checked depends on nothing but its arguments.

use std::collections::BTreeMap;
use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// What lastout was told by whoever started it, and what is no business of a program
/// that it starts (ENV-1).
const NOT_INHERITED: [&str; 7] = [
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "LASTOUT_INSTANCE",
    "LISTEN_PID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
];

/// What tells a program whom it runs as.
const OF_THE_USER: [&str; 3] = ["HOME", "USER", "LOGNAME"];

/// Where a program is looked for when it has no PATH.
pub(super) const DEFAULT_PATH: &str =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A name and a value.
pub(super) type Variable = (String, Vec<u8>);

/// The numbers of things by their names. One type, so that the binary has the map once.
pub(super) type Index<'a> = BTreeMap<&'a [u8], usize>;

/// Names and values, in their order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Environment(Vec<(OsString, OsString)>);

impl Environment {
    /// An environment of these variables.
    #[must_use]
    pub fn new(variables: Vec<(OsString, OsString)>) -> Environment {
        Environment(variables)
    }

    /// What the variable of that name is set to.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_os_str())
    }

    /// What the variable of that name is set to, where it is not empty.
    pub(super) fn get_set(&self, name: &str) -> Option<&OsStr> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// The environment of a program: lastout's own, but for what is lastout's alone,
    /// and what is set for the program; what is set later wins.
    /// A program with a user of its own does not get what describes lastout's: those
    /// are added when it starts and its user is looked up.
    pub(super) fn of_program(&self, own: &[Variable], has_user: bool) -> Vec<CString> {
        let of_user: &[&str] = if has_user { &OF_THE_USER } else { &[] };
        let left_out = || NOT_INHERITED.iter().chain(of_user);
        let inherited = self.0.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes()));
        let inherited = inherited.filter(|(n, _)| !left_out().any(|k| k.as_bytes() == *n));
        let own = own.iter().map(|(n, v)| (n.as_bytes(), v.as_slice()));
        let mut values: Vec<&[u8]> = Vec::new();
        let mut numbers: Index<'_> = BTreeMap::new();
        for (name, value) in inherited.chain(own) {
            numbers.insert(name, values.len());
            values.push(value);
        }
        // A NUL is in no environment that a kernel handed over, and in no checked key.
        let variable = |(name, number): (&&[u8], &usize)| {
            let value = values.get(*number)?;
            CString::new([name, b"=" as &[u8], value].concat()).ok()
        };
        numbers.iter().filter_map(variable).collect()
    }
}

/// What a variable is set to in a program's environment.
pub(super) fn value_in(environment: &[CString], name: &str) -> Option<OsString> {
    let mut values = environment.iter().filter_map(|variable| {
        let rest = variable.as_bytes().strip_prefix(name.as_bytes())?;
        rest.strip_prefix(b"=")
    });
    values.next_back().map(|v| OsString::from_vec(v.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_inherits_all_but_what_is_lastouts_own() {
        let outer = Environment::new(vec![
            ("PATH".into(), "/bin".into()),
            ("NOTIFY_SOCKET".into(), "/run/notify".into()),
            ("LISTEN_PID".into(), "1".into()),
            ("LISTEN_FDS".into(), "2".into()),
            ("LISTEN_FDNAMES".into(), "a:b".into()),
            ("WATCHDOG_USEC".into(), "1".into()),
            ("WATCHDOG_PID".into(), "1".into()),
            ("LASTOUT_INSTANCE".into(), "5".into()),
            ("LASTOUT_PROGRAM".into(), "outer".into()),
            ("A".into(), "1".into()),
        ]);
        let own = [
            ("LASTOUT_PROGRAM".to_owned(), b"web".to_vec()),
            ("A".to_owned(), b"0".to_vec()),
            ("A".to_owned(), b"2".to_vec()),
            ("LISTEN_FDS".to_owned(), b"3".to_vec()),
        ];
        let inner = outer.of_program(&own, false);
        let expected = ["A=2", "LASTOUT_PROGRAM=web", "LISTEN_FDS=3", "PATH=/bin"];
        let inner: Vec<&str> = inner.iter().map(|v| v.to_str().unwrap()).collect();
        assert_eq!(inner, expected);
    }
}
