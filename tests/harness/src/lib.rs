//! How the tests start lastout on a real kernel and on a real engine.
//!
//! - [`namespace`]: as PID 1 of a PID namespace, or as a subreaper, in any odd state
//! - [`terminal`]: the same with a terminal
//! - [`engine`]: in a container
//! - [`attached`]: in a container, on a terminal
//! - [`configuration`]: a supervisor.toml of a test
//! - [`recipe`]: as a recipe of examples/ has it, with Debian's own servers
//! - [`network`]: a network of a run's own
//! - [`lines`]: what somebody says, awaited and never slept for
//! - [`notify`]: who wants to know when lastout is ready
//! - [`binaries`]: the programs that are started
//!
//! Everything here panics with what it saw when a deadline passes: that is how a test
//! fails. Everything that is started is killed when its value is dropped. A tool that is
//! missing is a failure and never a silent skip.

pub mod attached;
pub mod binaries;
pub mod configuration;
pub mod engine;
pub mod lines;
pub mod namespace;
pub mod network;
pub mod notify;
pub mod recipe;
mod setup;
pub mod sight;
pub mod terminal;

use std::fmt::Display;
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up on it. Generous, since a loaded
/// machine is no bug; whoever measures time does it with [`Instant`].
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Looks every two milliseconds until it holds: for what no line and no end tells of.
///
/// # Panics
///
/// When it does not hold within [`DEADLINE`].
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < end, "never came true: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Lets time pass, in which something is to be seen not to happen. Never to wait for
/// what is to happen: that is what [`wait_until`] and [`lines`] are for.
pub fn let_pass(time: Duration) {
    std::thread::sleep(time);
}

/// The value, or a test that fails with what was tried and why it did not work.
///
/// # Panics
///
/// When there is no value.
pub fn must<T, E: Display>(result: Result<T, E>, what: &str) -> T {
    result.unwrap_or_else(|error| panic!("{what}: {error}"))
}
