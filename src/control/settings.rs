//! What a configuration or a command line says of the control socket.

use std::ffi::OsString;

/// `[control]`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Settings {
    /// Where it is; `None`: at the first place that can be had ([`super::place`]).
    pub socket: Option<OsString>,
    /// Users who may ask: names and numbers.
    pub readers: Vec<String>,
}

/// Whether a reload from the one to the other wants a socket elsewhere, or none any more.
/// That takes a restart of lastout: where somebody asks does not move while it lives. Where
/// there was none, one is made.
#[must_use]
pub fn is_moved(old: Option<&Settings>, new: Option<&Settings>) -> bool {
    old.is_some_and(|old| new.is_none_or(|new| old.socket != new.socket))
}

/// What is told of that.
pub const STAYS: &str = "stays as it is until lastout itself is restarted";
