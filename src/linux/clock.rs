//! The clock: CLOCK_MONOTONIC, read once a turn, so that everything that happens in
//! one turn happens at one time. Setting the wall clock moves no deadline.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lastout_core::Time;

/// Counts from its own beginning.
#[derive(Debug)]
pub struct Clock {
    beginning: Instant,
}

impl Clock {
    /// Starts to count.
    #[must_use]
    pub fn start() -> Clock {
        Clock {
            beginning: Instant::now(),
        }
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Time {
        Time::from_beginning(self.beginning.elapsed())
    }
}

/// The wall clock, for what people read: microseconds since 1970.
#[must_use]
pub fn wall_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        since.as_secs() * 1_000_000 + u64::from(since.subsec_micros())
    })
}

/// A pause as epoll takes it: milliseconds, rounded up so that the deadline has
/// passed when the sleeper wakes; -1 for no deadline.
#[must_use]
pub fn milliseconds(pause: Option<Duration>) -> i32 {
    match pause {
        None => -1,
        Some(pause) => {
            let up = pause.as_nanos().div_ceil(1_000_000);
            i32::try_from(up).unwrap_or(i32::MAX)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_rounded_up_and_bounded() {
        assert_eq!(milliseconds(None), -1);
        assert_eq!(milliseconds(Some(Duration::ZERO)), 0);
        assert_eq!(milliseconds(Some(Duration::from_nanos(1))), 1);
        assert_eq!(milliseconds(Some(Duration::from_micros(1001))), 2);
        assert_eq!(milliseconds(Some(Duration::MAX)), i32::MAX);
    }
}
