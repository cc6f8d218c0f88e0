//! The mark: how a process is known for one of ours wherever it went.
//!
//! RLIMIT_LOCKS has had no effect since Linux 2.4.25 (getrlimit(2)), and still every
//! process has one. Its soft value is inherited across fork, exec, setsid, setuid and
//! a cleared environment, and /proc/PID/limits shows it to every user, also where
//! /proc/PID/environ is denied. So each child gets a soft value of its own, which
//! names this life of lastout and the run:
//!
//! ```text
//! bit 63 62      32 31     0
//!      0 life (31)  run (32)
//! ```
//!
//! The life is random and has its top bit set, so that a mark is at least 2^62: far from
//! every limit that somebody may have set, and never RLIM_INFINITY. A lastout that
//! runs under a lastout has another life, so neither takes the other's people for its
//! own. Lowering or raising a soft limit needs no privilege as long as the hard limit
//! is not touched, so it works for every uid; but where the hard limit is lower, or
//! the kernel keeps limits in 32 bits, there is no mark, and the other evidence of
//! [`crate::linux::tree`] has to do.

use std::time::{SystemTime, UNIX_EPOCH};

use lastout_core::RunId;

const RUN_BITS: u32 = 32;
/// Lives have this bit set.
const LIFE_TOP: u32 = 1 << 30;

/// The marks of this life of lastout.
#[derive(Clone, Copy, Debug)]
pub struct Marks {
    life: u32,
    hard: u64,
}

impl Marks {
    /// Takes a random life, and looks whether marks can be set at all.
    #[must_use]
    pub fn new() -> Marks {
        let marks = Marks {
            life: LIFE_TOP | (random() & (LIFE_TOP - 1)),
            hard: hard_limit(),
        };
        if marks.of(RunId(0)).is_none() {
            log::debug!(
                "the limit of file locks is {}: processes that leave their session and their \
                 parents cannot be told by it",
                marks.hard
            );
        }
        marks
    }

    /// What names this life of lastout, for whatever else needs a name.
    #[must_use]
    pub fn life(&self) -> u32 {
        self.life
    }

    /// The soft limit that marks a run; `None` where the hard limit forbids it.
    #[must_use]
    pub fn of(&self, run: RunId) -> Option<u64> {
        let run = u32::try_from(run.0).ok()?;
        let mark = u64::from(self.life) << RUN_BITS | u64::from(run);
        (mark < self.hard && cfg!(target_pointer_width = "64")).then_some(mark)
    }

    /// The run that a soft limit marks; `None` for a limit that is no mark of ours.
    #[must_use]
    pub fn run_of(&self, soft: u64) -> Option<RunId> {
        let ours = soft >> RUN_BITS == u64::from(self.life);
        ours.then_some(RunId(soft & u64::from(u32::MAX)))
    }
}

impl Default for Marks {
    fn default() -> Marks {
        Marks::new()
    }
}

/// Marks the calling process. For the child between fork and exec: it does nothing
/// but two system calls, and leaves the hard limit as it is. (In the caller's place: each
/// stretch of code that a child comes to is a page fault of its own.)
///
/// # Errors
/// The errno of prlimit(2): EINVAL when the mark is above the hard limit, EPERM or
/// ENOSYS when a profile forbids it. The child goes on without a mark.
#[inline(always)]
pub fn set_in_child(mark: u64) -> Result<(), i32> {
    let mut limit = prlimit(None)?;
    limit.rlim_cur = mark;
    prlimit(Some(&limit)).map(|_| ())
}

fn hard_limit() -> u64 {
    prlimit(None).map_or(0, |limit| limit.rlim_max)
}

/// Sets RLIMIT_LOCKS of the calling process, and returns what it was. The raw system
/// call, since it is the same 64 bits whatever the C library thinks of `rlim_t`.
#[inline(always)]
fn prlimit(new: Option<&libc::rlimit64>) -> Result<libc::rlimit64, i32> {
    let mut old = libc::rlimit64 {
        rlim_cur: 0,
        rlim_max: 0,
    };
    let new = new.map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: `new` is null or points to a live rlimit64, which the kernel only reads;
    // `old` is one that it may write. Pid 0 is the caller.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_prlimit64,
            0,
            libc::RLIMIT_LOCKS as libc::c_long,
            new,
            &raw mut old,
        )
    };
    if answer == 0 {
        Ok(old)
    } else {
        Err(nix::errno::Errno::last_raw())
    }
}

/// Random bits. Without getrandom(2), or before the kernel has any, the time and our
/// pid: the life need not be a secret, only another one than its neighbours'.
pub(super) fn random() -> u32 {
    let mut bytes = [0u8; 4];
    // SAFETY: the kernel writes at most the four bytes that it is told of.
    let got = unsafe {
        libc::syscall(
            libc::SYS_getrandom,
            bytes.as_mut_ptr(),
            bytes.len(),
            libc::GRND_NONBLOCK,
        )
    };
    if got == bytes.len() as libc::c_long {
        return u32::from_ne_bytes(bytes);
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanos = now.map_or(0, |since| since.subsec_nanos() ^ since.as_secs() as u32);
    nanos ^ std::process::id().rotate_left(15)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linux::testing::in_process;
    use proptest::prelude::*;

    const UNLIMITED: u64 = u64::MAX;

    #[test]
    fn two_lives_differ() {
        assert_ne!(Marks::new().life(), Marks::new().life());
    }

    #[test]
    fn a_low_hard_limit_means_no_marks() {
        let marks = Marks {
            life: LIFE_TOP,
            hard: 1_000_000,
        };
        assert_eq!(marks.of(RunId(1)), None);
    }

    #[test]
    fn a_run_beyond_32_bits_has_no_mark() {
        let marks = Marks {
            life: LIFE_TOP,
            hard: UNLIMITED,
        };
        assert_eq!(marks.of(RunId(1 << 32)), None);
    }

    #[test]
    fn common_limits_are_no_marks() {
        let marks = Marks::new();
        for soft in [0, 1, 1024, u64::from(u32::MAX), i64::MAX as u64, UNLIMITED] {
            assert_eq!(marks.run_of(soft), None, "{soft}");
        }
    }

    #[test]
    fn the_child_bears_the_mark_and_keeps_its_hard_limit() {
        in_process(|| {
            let marks = Marks::new();
            let mark = marks.of(RunId(7)).unwrap();
            let before = prlimit(None).unwrap();
            set_in_child(mark).unwrap();
            let after = prlimit(None).unwrap();
            assert_eq!(after.rlim_cur, mark);
            assert_eq!(after.rlim_max, before.rlim_max);
            // A child of the child is marked anew, as under a second lastout.
            set_in_child(marks.of(RunId(8)).unwrap()).unwrap();
        });
    }

    #[test]
    fn under_a_low_hard_limit_the_child_is_told_so_and_lives() {
        in_process(|| {
            let low = libc::rlimit64 {
                rlim_cur: 5,
                rlim_max: 5,
            };
            prlimit(Some(&low)).unwrap();
            assert_eq!(Marks::new().of(RunId(7)), None);
            assert_eq!(set_in_child(u64::from(LIFE_TOP) << 32), Err(libc::EINVAL));
        });
    }

    proptest! {
        #[test]
        fn every_mark_is_read_back(life: u32, run: u32) {
            let marks = Marks { life: LIFE_TOP | (life & (LIFE_TOP - 1)), hard: UNLIMITED };
            let mark = marks.of(RunId(u64::from(run))).unwrap();
            prop_assert_eq!(marks.run_of(mark), Some(RunId(u64::from(run))));
            prop_assert!((1 << 62..1 << 63).contains(&mark));
        }
    }
}
