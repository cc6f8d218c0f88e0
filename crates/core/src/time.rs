//! A point in time, as the core knows it: how long after the supervisor's own
//! beginning. The core never reads a clock; every `now` is an argument, so that a
//! simulated day takes a microsecond. It runs like CLOCK_MONOTONIC: never back.

use core::time::Duration;

/// A point in time, counted from the beginning of this supervisor's life.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Time(Duration);

impl Time {
    /// The beginning.
    pub const ZERO: Time = Time(Duration::ZERO);

    /// The point `since_beginning` after the beginning.
    #[must_use]
    pub const fn from_beginning(since_beginning: Duration) -> Time {
        Time(since_beginning)
    }

    /// How long after the beginning this is.
    #[must_use]
    pub const fn since_beginning(self) -> Duration {
        self.0
    }

    /// How long after `earlier` this is; zero when it is not later.
    #[must_use]
    pub const fn since(self, earlier: Time) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// The point `pause` later; the end of time when there is no such point.
    #[must_use]
    pub const fn plus(self, pause: Duration) -> Time {
        Time(self.0.saturating_add(pause))
    }
}
