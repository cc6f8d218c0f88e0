//! The board: a page shared with the C programs (benches/floor/board.h), where
//! they arrive and leave their times. It is a file that they map by its path,
//! since a supervisor hands on no descriptor.

use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The layout of `struct board` in benches/floor/board.h.
#[repr(C)]
struct Page {
    arrived: AtomicU32,
    wanted: AtomicU32,
    go: AtomicU32,
    unreaped: AtomicU32,
    last: AtomicU64,
    died: AtomicU64,
}

/// One run's board; its file is removed with it.
pub(crate) struct Board {
    page: *const Page,
    path: PathBuf,
}

impl Board {
    pub(crate) fn new(directory: &Path, name: &str) -> Result<Self> {
        let path = directory.join(name);
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)?;
        file.set_len(size_of::<Page>() as u64)?;
        // SAFETY: a new shared mapping of a file that is large enough; it is
        // unmapped only by drop.
        let page = unsafe {
            libc::mmap(
                ptr::null_mut(),
                size_of::<Page>(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        if page == libc::MAP_FAILED {
            return Err(Error::last_os_error());
        }
        let page = page.cast::<Page>().cast_const();
        Ok(Self { page, path })
    }

    fn page(&self) -> &Page {
        // SAFETY: the mapping lives as long as `self`, all its fields are
        // atomics, and every bit pattern is a valid one.
        unsafe { &*self.page }
    }

    /// The path, as programs take it.
    pub(crate) fn path(&self) -> String {
        self.path.display().to_string()
    }

    /// How many have arrived so far.
    pub(crate) fn arrived(&self) -> u32 {
        self.page().arrived.load(Ordering::SeqCst)
    }

    /// Says how many further arrivals `wait` waits for; to be called before what
    /// makes them arrive.
    pub(crate) fn expect(&self, more: u32) {
        let arrived = self.page().arrived.load(Ordering::SeqCst);
        self.page().wanted.store(arrived + more, Ordering::SeqCst);
    }

    /// Waits until all that were expected have arrived.
    pub(crate) fn wait(&self, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        let wanted = self.page().wanted.load(Ordering::SeqCst);
        loop {
            let arrived = self.page().arrived.load(Ordering::SeqCst);
            if arrived >= wanted {
                return Ok(());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let text = format!("{arrived} of {wanted} arrived within {limit:?}");
                return Err(Error::new(ErrorKind::TimedOut, text));
            }
            let left = libc::timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: i64::from(left.subsec_nanos()),
            };
            // SAFETY: the word lies in the mapping and `left` outlives the call.
            unsafe {
                libc::syscall(
                    libc::SYS_futex,
                    &raw const self.page().arrived,
                    libc::FUTEX_WAIT,
                    arrived,
                    &raw const left,
                )
            };
        }
    }

    /// Lets the program do the next thing.
    pub(crate) fn go(&self) {
        self.page().go.fetch_add(1, Ordering::SeqCst);
        // SAFETY: the word lies in the mapping.
        unsafe {
            libc::syscall(
                libc::SYS_futex,
                &raw const self.page().go,
                libc::FUTEX_WAKE,
                i32::MAX,
            )
        };
    }

    /// The time, or the nanoseconds, that the last to arrive left.
    pub(crate) fn last(&self) -> u64 {
        self.page().last.load(Ordering::SeqCst)
    }

    /// The most orphans that were seen unreaped.
    pub(crate) fn unreaped(&self) -> u32 {
        self.page().unreaped.load(Ordering::SeqCst)
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours and nothing points into it any more.
        unsafe { libc::munmap(self.page.cast_mut().cast(), size_of::<Page>()) };
        // A file that stays behind lies in the run's temporary directory.
        let _ = std::fs::remove_file(&self.path);
    }
}
