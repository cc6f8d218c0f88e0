//! Lines that somebody says, collected from several streams by a thread each, and
//! awaited with a deadline.

use std::fmt::Write;
use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::DEADLINE;

/// Where a line was said.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stream {
    /// Descriptor 1, or a terminal.
    Stdout,
    /// Descriptor 2.
    Stderr,
}

/// A line as it was said, without its newline. What is not UTF-8 is replaced.
#[derive(Clone, Debug)]
pub struct Line {
    /// Where.
    pub stream: Stream,
    /// What.
    pub text: String,
    /// When it was read.
    pub at: Instant,
}

/// All lines so far. Clones share them.
#[derive(Clone, Default)]
pub struct Lines {
    shared: Arc<(Mutex<Heard>, Condvar)>,
}

#[derive(Default)]
struct Heard {
    lines: Vec<Line>,
    open_streams: usize,
}

impl Lines {
    /// Collects from this stream until its end, in a thread.
    pub fn follow(&self, stream: Stream, source: impl Read + Send + 'static) {
        self.heard().open_streams += 1;
        let this = self.clone();
        std::thread::spawn(move || {
            let mut source = BufReader::new(source);
            let mut bytes = Vec::new();
            // An error is an end too: a terminal's last reader gets EIO.
            while matches!(source.read_until(b'\n', &mut bytes), Ok(1..)) {
                let text = String::from_utf8_lossy(&bytes);
                this.hear(stream, text.trim_end_matches(['\n', '\r']));
                bytes.clear();
            }
            this.heard().open_streams -= 1;
            this.shared.1.notify_all();
        });
    }

    /// The first line that contains this, from now or before, as soon as it is there.
    ///
    /// # Panics
    ///
    /// When it does not come within [`DEADLINE`] or all streams end without it.
    pub fn wait_for(&self, part: &str) -> Line {
        self.wait_for_times(part, 1)
    }

    /// As [`Lines::wait_for`], for the line that contains this for the `times`-th time.
    ///
    /// # Panics
    ///
    /// When it does not come within [`DEADLINE`] or all streams end without it.
    pub fn wait_for_times(&self, part: &str, times: usize) -> Line {
        self.wait_for_within(DEADLINE, part, times)
    }

    /// As [`Lines::wait_for_times`], for what may rightly take longer than others.
    ///
    /// # Panics
    ///
    /// When it does not come within that time or all streams end without it.
    pub fn wait_for_within(&self, limit: Duration, part: &str, times: usize) -> Line {
        let found = |heard: &Heard| {
            let mut matching = heard.lines.iter().filter(|line| line.text.contains(part));
            matching.nth(times - 1).cloned()
        };
        match self.wait(limit, found) {
            Some(line) => line,
            None => panic!(
                "nobody said {part:?} {times} time(s); said was:\n{}",
                self.text()
            ),
        }
    }

    /// Waits until every stream has ended, that is until nobody holds it any more.
    ///
    /// # Panics
    ///
    /// When one is still open after [`DEADLINE`].
    pub fn wait_for_end(&self) {
        let ended = self.wait(DEADLINE, |heard| (heard.open_streams == 0).then_some(()));
        assert!(
            ended.is_some(),
            "somebody still holds it; said was:\n{}",
            self.text()
        );
    }

    /// Whether a line that contains this has come so far.
    #[must_use]
    pub fn has(&self, part: &str) -> bool {
        self.count(part) > 0
    }

    /// How many lines contain this so far.
    #[must_use]
    pub fn count(&self, part: &str) -> usize {
        let heard = self.heard();
        heard
            .lines
            .iter()
            .filter(|line| line.text.contains(part))
            .count()
    }

    /// Every line so far.
    #[must_use]
    pub fn all(&self) -> Vec<Line> {
        self.heard().lines.clone()
    }

    /// The texts of one stream so far.
    #[must_use]
    pub fn of(&self, stream: Stream) -> Vec<String> {
        let heard = self.heard();
        let lines = heard.lines.iter().filter(|line| line.stream == stream);
        lines.map(|line| line.text.clone()).collect()
    }

    /// That all of these were said on that stream, in this order, or are as long as it is
    /// open. What is said on different streams has none: who has heard one of them may be
    /// ahead of the other.
    ///
    /// # Panics
    ///
    /// When one is missing, or comes before another.
    pub fn assert_in_order(&self, stream: Stream, expected: &[&str]) {
        let are_in_order = |heard: &Heard| {
            let mut said = heard.lines.iter().filter(|line| line.stream == stream);
            let mut parts = expected.iter();
            parts
                .all(|part| said.any(|line| line.text.contains(part)))
                .then_some(())
        };
        assert!(
            self.wait(DEADLINE, are_in_order).is_some(),
            "one of {expected:#?} is missing, or before another in:\n{}",
            self.text()
        );
    }

    /// Everything so far, for a message: `out | text` and `err | text`.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for line in &self.heard().lines {
            let stream = match line.stream {
                Stream::Stdout => "out",
                Stream::Stderr => "err",
            };
            let _ = writeln!(text, "{stream} | {}", line.text);
        }
        text
    }

    fn hear(&self, stream: Stream, text: &str) {
        self.heard().lines.push(Line {
            stream,
            text: String::from(text),
            at: Instant::now(),
        });
        self.shared.1.notify_all();
    }

    /// Waits until `find` finds something, everybody is silent for good, or time is over.
    fn wait<T>(&self, limit: Duration, find: impl Fn(&Heard) -> Option<T>) -> Option<T> {
        let end = Instant::now() + limit;
        let mut heard = self.heard();
        loop {
            if let Some(found) = find(&heard) {
                return Some(found);
            }
            let left = end.saturating_duration_since(Instant::now());
            if heard.open_streams == 0 || left.is_zero() {
                return None;
            }
            let woken = self.shared.1.wait_timeout(heard, left);
            heard = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A thread that panicked elsewhere is no reason to lose what was heard.
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
