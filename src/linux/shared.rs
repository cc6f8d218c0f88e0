//! A page that PID 1 shares with the relay: counters, so that PID 1 can say how much a
//! relay that was killed took along, and whether it left a line half done, so that the
//! next one ends it.

use std::io;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How many bytes the relay has taken out of the pipes, and how many of them it has given
/// on or told the loss of. Made before the fork; each copy is of the same numbers.
#[derive(Clone, Copy, Debug)]
pub struct Gauge(&'static Counters);

#[derive(Debug)]
struct Counters {
    /// How many bytes the read that is under way may take.
    reading: AtomicU64,
    taken: AtomicU64,
    given: AtomicU64,
    /// Whether stdout, and stderr, end in the middle of a line.
    in_line: [AtomicBool; 2],
}

impl Gauge {
    /// All are 0. The page is there for as long as lastout is: one gauge serves all
    /// relays, one after the other.
    ///
    /// # Errors
    /// Those of mmap(2): ENOMEM.
    pub fn new() -> io::Result<Gauge> {
        // SAFETY: a new mapping, where the kernel has room for it.
        let page = unsafe {
            libc::mmap(
                ptr::null_mut(),
                size_of::<Counters>(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if page == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the page is zeroed, which is all counters at 0; it is aligned, large
        // enough, and never unmapped. Others change it as atomics only.
        Ok(Gauge(unsafe { &*page.cast::<Counters>() }))
    }

    /// A new relay begins to count. What it finds half done it has to know.
    pub fn reset(self) {
        self.0.reading.store(0, Ordering::Relaxed);
        self.0.taken.store(0, Ordering::Relaxed);
        self.0.given.store(0, Ordering::Relaxed);
    }

    /// So many bytes may be read now: whoever is killed in the middle of a read(2) never
    /// gets to say how many they were.
    pub fn expect(self, most: usize) {
        self.0.reading.store(most as u64, Ordering::Relaxed);
    }

    /// So many bytes were read from pipes.
    pub fn take(self, bytes: usize) {
        self.0.taken.fetch_add(bytes as u64, Ordering::Relaxed);
        self.0.reading.store(0, Ordering::Relaxed);
    }

    /// So many of them were written, or their loss was told.
    pub fn give(self, bytes: usize) {
        self.0.given.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Whether lastout's stdout (1) or stderr (2) ends in the middle of a line.
    #[must_use]
    pub fn is_in_line(self, number: i32) -> bool {
        let [stdout, stderr] = &self.0.in_line;
        let line = if number == 1 { stdout } else { stderr };
        line.load(Ordering::Relaxed)
    }

    /// It does, or not.
    pub fn set_in_line(self, number: i32, is_in_line: bool) {
        let [stdout, stderr] = &self.0.in_line;
        let line = if number == 1 { stdout } else { stderr };
        line.store(is_in_line, Ordering::Relaxed);
    }

    /// How many bytes were read so far.
    #[must_use]
    pub fn taken(self) -> u64 {
        self.0.taken.load(Ordering::Relaxed)
    }

    /// How many bytes at most were taken and not given: what went with a relay that is gone.
    #[must_use]
    pub fn kept(self) -> u64 {
        let taken = self.0.taken.load(Ordering::Relaxed) + self.0.reading.load(Ordering::Relaxed);
        taken.saturating_sub(self.0.given.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_forked_child_counts_is_seen() {
        let gauge = Gauge::new().unwrap();
        // SAFETY: the child touches the counters only, and leaves.
        let child = unsafe { libc::fork() };
        if child == 0 {
            gauge.take(100);
            gauge.give(30);
            // SAFETY: the child ends here.
            unsafe { libc::_exit(0) };
        }
        // SAFETY: the child is ours.
        assert_eq!(unsafe { libc::waitpid(child, ptr::null_mut(), 0) }, child);
        assert_eq!(gauge.kept(), 70);
        gauge.expect(1000);
        assert_eq!(gauge.kept(), 1070);
        gauge.take(0);
        assert_eq!(gauge.kept(), 70);
        gauge.reset();
        assert_eq!(gauge.kept(), 0);
    }
}
