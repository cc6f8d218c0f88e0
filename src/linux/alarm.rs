//! The alarm of the wall clock: it rings at a time of day, and when somebody sets the
//! clock (timerfd_create(2)).
//!
//! Until then it costs nothing: nothing wakes up to look at the clock (PID-5). A time that
//! has passed rings at once. Deadlines are not its business; they go by
//! [`super::clock`], which nobody sets.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::{SystemTime, UNIX_EPOCH};

/// The alarm. It has a descriptor that is readable when there is something to take.
#[derive(Debug)]
pub struct Alarm {
    timer: OwnedFd,
    /// TFD_TIMER_ABSTIME, and TFD_TIMER_CANCEL_ON_SET as long as the kernel knows it.
    flags: i32,
    /// The clock was set while the alarm was, and nobody has been told yet.
    clock_was_set: bool,
}

const NEVER: libc::timespec = libc::timespec {
    tv_sec: 0,
    tv_nsec: 0,
};

/// What there is to take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Went {
    /// Nothing.
    Off,
    /// The time has come.
    Rang,
    /// The clock was set. Whether the time has come is for [`wall_clock`] to say, and the
    /// alarm is to be set again.
    ClockWasSet,
}

impl Alarm {
    /// An alarm that is not set.
    ///
    /// # Errors
    /// Those of timerfd_create(2): ENOSYS or EPERM where a profile does not have it.
    pub fn new() -> io::Result<Alarm> {
        let flags = libc::TFD_CLOEXEC | libc::TFD_NONBLOCK;
        // SAFETY: timerfd_create takes no pointers.
        let fd = unsafe { libc::timerfd_create(libc::CLOCK_REALTIME, flags) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Alarm {
            // SAFETY: the descriptor is new, and nobody else owns it.
            timer: unsafe { OwnedFd::from_raw_fd(fd) },
            flags: libc::TFD_TIMER_ABSTIME | libc::TFD_TIMER_CANCEL_ON_SET,
            clock_was_set: false,
        })
    }

    /// What to wait for: it is readable when there is something to take.
    #[must_use]
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.timer.as_fd()
    }

    /// Sets it to a time of the wall clock in seconds, or not at all. A kernel that does
    /// not tell when the clock is set (gVisor) still rings when the clock shows the time.
    ///
    /// # Errors
    /// Those of timerfd_settime(2); no kernel is known that has a timer and refuses.
    pub fn set(&mut self, at: Option<i64>) -> io::Result<()> {
        let flags = if at.is_some() { self.flags } else { 0 };
        let Err(error) = self.set_time(at, flags) else {
            return Ok(());
        };
        match error.raw_os_error() {
            // It is set, but whoever was to be told of the clock has not been. Ringing at
            // once it is for `take` to tell.
            Some(libc::ECANCELED) => {
                self.clock_was_set = true;
                self.set_time(Some(0), libc::TFD_TIMER_ABSTIME)
            }
            Some(libc::EINVAL) if self.flags != libc::TFD_TIMER_ABSTIME => {
                self.flags = libc::TFD_TIMER_ABSTIME;
                self.set(at)
            }
            _ => Err(error),
        }
    }

    /// Takes what has happened since it was asked last.
    pub fn take(&mut self) -> Went {
        let mut count = 0_u64;
        // SAFETY: `count` has room for the eight bytes that are asked for.
        let done = unsafe {
            libc::read(
                self.timer.as_raw_fd(),
                (&raw mut count).cast(),
                size_of::<u64>(),
            )
        };
        let is_cancelled = || io::Error::last_os_error().raw_os_error() == Some(libc::ECANCELED);
        if std::mem::take(&mut self.clock_was_set) || done < 0 && is_cancelled() {
            Went::ClockWasSet
        } else if done > 0 {
            Went::Rang
        } else {
            Went::Off
        }
    }

    fn set_time(&self, at: Option<i64>, flags: i32) -> io::Result<()> {
        let mut time = libc::itimerspec {
            it_interval: NEVER,
            it_value: NEVER,
        };
        if let Some(at) = at {
            // Zero is never, so that what has long passed is the first nanosecond.
            time.it_value.tv_sec = at.max(0);
            time.it_value.tv_nsec = i64::from(at <= 0);
        }
        // SAFETY: `time` is valid for the call, which copies it; the old time is not asked for.
        let done = unsafe {
            libc::timerfd_settime(
                self.timer.as_raw_fd(),
                flags,
                &raw const time,
                std::ptr::null_mut(),
            )
        };
        if done < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(())
        }
    }
}

/// What the wall clock shows, in seconds since 1970. A second is shown when it begins, so
/// that after the alarm has rung the time has come.
#[must_use]
pub fn wall_clock() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linux::clock::Clock;
    use crate::linux::poll::{Interest, Poll, Token};
    use crate::linux::signals::Mask;

    /// Waits until there is something to take; no longer than `milliseconds`.
    fn wait(alarm: &Alarm, milliseconds: i32) -> bool {
        let mut poll = Poll::new().unwrap();
        let descriptor = alarm.descriptor();
        poll.add(descriptor, Token(1), Interest::Readable).unwrap();
        !poll.wait(milliseconds, Mask::FULL).is_empty()
    }

    #[test]
    fn it_rings_when_the_clock_shows_the_time() {
        let mut alarm = Alarm::new().unwrap();
        assert_eq!(alarm.take(), Went::Off);
        let at = wall_clock() + 2;
        alarm.set(Some(at)).unwrap();
        let went = loop {
            assert!(wait(&alarm, 20_000));
            match alarm.take() {
                Went::Off => {}
                Went::Rang => break wall_clock(),
                Went::ClockWasSet => alarm.set(Some(at)).unwrap(),
            }
        };
        assert!(went >= at);
        assert_eq!(alarm.take(), Went::Off);
    }

    #[test]
    fn a_time_that_has_passed_rings_at_once() {
        let mut alarm = Alarm::new().unwrap();
        for at in [wall_clock() - 1, 1, 0, -1, i64::MIN] {
            alarm.set(Some(at)).unwrap();
            let clock = Clock::start();
            assert!(wait(&alarm, 20_000), "{at}");
            assert!(
                clock.now()
                    < lastout_core::Time::from_beginning(std::time::Duration::from_secs(10))
            );
            assert_eq!(alarm.take(), Went::Rang);
        }
    }

    #[test]
    fn pid_5_it_is_silent_until_then() {
        let mut alarm = Alarm::new().unwrap();
        for at in [Some(wall_clock() + 3600), Some(i64::MAX), None] {
            // Also when it has rung before and nobody took it.
            alarm.set(Some(0)).unwrap();
            assert!(wait(&alarm, 20_000));
            alarm.set(at).unwrap();
            assert!(!wait(&alarm, 0), "{at:?}");
            assert_eq!(alarm.take(), Went::Off);
        }
    }
    /// Moves the wall clock by a nanosecond, which to the kernel is setting it.
    fn set_clock() {
        // SAFETY: all of it is numbers, for which zero is as good as any.
        let mut time: libc::timex = unsafe { std::mem::zeroed() };
        time.modes = libc::ADJ_SETOFFSET | libc::ADJ_NANO;
        time.time.tv_usec = 1;
        // SAFETY: `time` is valid for the call.
        let done = unsafe { libc::adjtimex(&raw mut time) };
        assert!(done >= 0, "adjtimex: {}", io::Error::last_os_error());
    }

    #[test]
    #[ignore = "sets the clock of the machine, by a nanosecond; needs CAP_SYS_TIME"]
    fn it_tells_when_the_clock_is_set() {
        let mut alarm = Alarm::new().unwrap();
        set_clock();
        assert_eq!(alarm.take(), Went::Off);
        alarm.set(Some(wall_clock() + 3600)).unwrap();
        set_clock();
        assert!(wait(&alarm, 20_000));
        assert_eq!(alarm.take(), Went::ClockWasSet);
        assert_eq!(alarm.take(), Went::Off);
        // Also when it is set again before anybody asks.
        set_clock();
        alarm.set(Some(wall_clock() + 3600)).unwrap();
        assert!(wait(&alarm, 20_000));
        assert_eq!(alarm.take(), Went::ClockWasSet);
        alarm.set(Some(wall_clock() + 3600)).unwrap();
        assert!(!wait(&alarm, 0));
        // It does not matter to one that is not set.
        alarm.set(None).unwrap();
        set_clock();
        assert!(!wait(&alarm, 0));
    }
}
