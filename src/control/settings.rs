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
