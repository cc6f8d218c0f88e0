//! What a program may say of itself (READY-1), one assignment of sd_notify each.

use alloc::boxed::Box;
use core::time::Duration;

/// Something that a program has said of itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Message {
    /// `READY=1`: it is ready, or has reloaded.
    Ready,
    /// `RELOADING=1`.
    Reloading,
    /// `STOPPING=1`.
    Stopping,
    /// `STATUS=`: in words, for people. Printable, and bounded.
    Status(Box<str>),
    /// `EXTEND_TIMEOUT_USEC=`: it needs that much longer, from now on.
    ExtendTimeout(Duration),
    /// `WATCHDOG=1`: it is well.
    Alive,
    /// `WATCHDOG=trigger`: it is not.
    NotWell,
    /// `WATCHDOG_USEC=`: it will say so that often from now on.
    WatchdogPeriod(Duration),
}
