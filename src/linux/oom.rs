//! Whether the kernel killed somebody for want of memory (STOP-8).
//!
//! wait(2) tells only of a SIGKILL. The control group counts such kills, in a file that
//! is readable also where the hierarchy is mounted read-only; one that nobody ordered
//! and that comes with a higher count was, most likely, one of them.

use std::sync::atomic::{AtomicU64, Ordering};

use lastout_core::{ExitStatus, Signal};

/// Version 2 and version 1 of the control groups.
const COUNTERS: [&str; 2] = [
    "/sys/fs/cgroup/memory.events",
    "/sys/fs/cgroup/memory/memory.oom_control",
];

/// The count at the last look.
static SEEN: AtomicU64 = AtomicU64::new(0);

/// Remembers how many there were before lastout.
pub fn begin() {
    SEEN.store(count().unwrap_or(0), Ordering::Relaxed);
}

/// Whether this death was one for want of memory, as far as can be told.
#[must_use]
pub fn may_have_killed(status: ExitStatus) -> bool {
    if status != ExitStatus::Signal(Signal::KILL) {
        return false;
    }
    let Some(count) = count() else { return false };
    count > SEEN.swap(count, Ordering::Relaxed)
}

fn count() -> Option<u64> {
    COUNTERS
        .iter()
        .find_map(|file| parse(&std::fs::read_to_string(file).ok()?))
}

fn parse(text: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("oom_kill "))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_are_read() {
        assert_eq!(
            parse("low 0\noom 3\noom_kill 2\noom_group_kill 0\n"),
            Some(2)
        );
        assert_eq!(
            parse("oom_kill_disable 0\nunder_oom 0\noom_kill 5\n"),
            Some(5)
        );
        assert_eq!(parse("low 0\n"), None);
    }

    #[test]
    fn only_a_sigkill_can_be_one() {
        assert!(!may_have_killed(ExitStatus::Code(137)));
        assert!(!may_have_killed(ExitStatus::Signal(Signal::TERM)));
    }
}
