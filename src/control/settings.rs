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
/// That takes a restart of lastout: where somebody asks does not move while it lives.
#[must_use]
pub fn is_moved(old: Option<&Settings>, new: Option<&Settings>) -> bool {
    let place = |settings: Option<&Settings>| settings.map(|s| s.socket.clone());
    place(old) != place(new)
}

/// What is told of that.
pub const STAYS: &str = "stays as it is until lastout itself is restarted";
