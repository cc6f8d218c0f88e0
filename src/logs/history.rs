//! The last lines of each program, for `lastout logs`: at most 64 KiB a program, with what
//! it takes to know their time and where they came from. Room is taken as it is needed.

use std::collections::VecDeque;
use std::rc::Rc;

use super::message::Channel;

/// How much is kept of a program, what describes it included.
const MOST: usize = 64 * 1024;

/// Lines that were read at once. They are whole, but for parts of long ones and the end of
/// a stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Chunk {
    /// In which order they came, all programs taken together.
    pub(super) number: u64,
    /// When, in microseconds since 1970.
    pub(super) micros: u64,
    /// The leader's pid.
    pub(super) pid: u32,
    /// From which descriptor.
    pub(super) channel: Channel,
    length: usize,
}

impl Chunk {
    /// What describes lines that were just read.
    #[must_use]
    pub(super) fn new(number: u64, micros: u64, pid: u32, channel: Channel) -> Chunk {
        Chunk {
            number,
            micros,
            pid,
            channel,
            length: 0,
        }
    }
}

/// The last lines of a program.
#[derive(Debug)]
pub(super) struct History {
    /// Its name.
    pub(super) program: Rc<str>,
    chunks: VecDeque<Chunk>,
    bytes: VecDeque<u8>,
    /// Lines of this number or a later one are all here.
    whole_from: u64,
}

impl History {
    /// Nothing was written.
    #[must_use]
    pub(super) fn new(program: Rc<str>) -> History {
        History {
            program,
            chunks: VecDeque::new(),
            bytes: VecDeque::new(),
            whole_from: 0,
        }
    }

    /// The first number of which, and of all later ones, nothing was forgotten.
    #[must_use]
    pub(super) fn whole_from(&self) -> u64 {
        self.whole_from
    }

    /// Whether of the lines of this number and of later ones some were forgotten; of the
    /// first only so many bytes at its end are meant, if that is said.
    #[must_use]
    pub(super) fn lacks(&self, number: u64, left: Option<usize>) -> bool {
        let first = self.from(number).filter(|chunk| chunk.number == number);
        let here = first.map_or(0, |chunk| chunk.length);
        let is_here = left.is_some_and(|left| left <= here);
        self.whole_from > number + u64::from(is_here)
    }

    /// Keeps these lines, and forgets the oldest for which there is no room any more.
    pub(super) fn push(&mut self, chunk: Chunk, lines: &[u8]) {
        let most = MOST - size_of::<Chunk>();
        let lines = match lines.len().checked_sub(most) {
            None | Some(0) => lines,
            Some(excess) => {
                // What came before would not be what came right before.
                self.bytes.clear();
                self.chunks.clear();
                self.whole_from = chunk.number + 1;
                let (_, last) = lines.split_at(excess - 1);
                let newline = memchr::memchr(b'\n', last).map(|newline| newline + 1);
                // The end of a line that is longer than all that is kept is better than none.
                let begin = newline.filter(|begin| *begin < last.len()).unwrap_or(1);
                last.get(begin..).unwrap_or_default()
            }
        };
        if lines.is_empty() {
            return;
        }
        self.forget(lines.len() + size_of::<Chunk>());
        self.bytes.extend(lines);
        self.chunks.push_back(Chunk {
            length: lines.len(),
            ..chunk
        });
    }

    /// Makes room for so many bytes.
    fn forget(&mut self, wanted: usize) {
        loop {
            let used = self.bytes.len() + self.chunks.len() * size_of::<Chunk>();
            let excess = (used + wanted).saturating_sub(MOST);
            let Some(oldest) = self.chunks.front_mut().filter(|_| excess > 0) else {
                return;
            };
            let mut gone = oldest.length;
            if excess < gone {
                let after = self.bytes.range(excess - 1..gone);
                let newline = after.copied().position(|byte| byte == b'\n');
                gone = newline.map_or(gone, |newline| excess + newline);
            }
            self.bytes.drain(..gone);
            oldest.length -= gone;
            self.whole_from = oldest.number + 1;
            if oldest.length == 0 {
                self.chunks.pop_front();
            }
        }
    }

    /// The first lines of this number or a later one, if there are any.
    #[must_use]
    pub(super) fn from(&self, number: u64) -> Option<&Chunk> {
        self.chunks.get(self.place(number))
    }

    fn place(&self, number: u64) -> usize {
        self.chunks.partition_point(|chunk| chunk.number < number)
    }

    /// Appends the lines of this number, or what is left of them: the oldest go first.
    pub(super) fn copy(&self, number: u64, lines: &mut Vec<u8>) {
        let place = self.place(number);
        let Some(chunk) = self.chunks.get(place) else {
            return;
        };
        let begin: usize = self.chunks.range(..place).map(|chunk| chunk.length).sum();
        let (front, back) = self.bytes.as_slices();
        let (skip, length) = (front.len().min(begin), chunk.length);
        let from_front = front.get(skip..).unwrap_or_default();
        let from_front = from_front.get(..length).unwrap_or(from_front);
        lines.extend_from_slice(from_front);
        let from_back = back.get(begin - skip..).unwrap_or_default();
        let rest = length - from_front.len();
        lines.extend_from_slice(from_back.get(..rest).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chunk(number: u64) -> Chunk {
        Chunk {
            number,
            micros: number,
            pid: 1,
            channel: Channel::Stdout,
            length: 0,
        }
    }

    fn all(history: &History) -> Vec<u8> {
        let (mut lines, mut number) = (Vec::new(), 0);
        while let Some(chunk) = history.from(number) {
            history.copy(chunk.number, &mut lines);
            number = chunk.number + 1;
        }
        lines
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn the_last_lines_are_kept_whole_and_within_the_bound(
            reads in proptest::collection::vec((0..3000_usize, 1..90_usize), 1..60),
        ) {
            let mut history = History::new("web".into());
            let mut written = Vec::new();
            for (number, (lines, length)) in (0..).zip(reads) {
                let mut read = Vec::new();
                for line in 0..lines {
                    read.extend_from_slice(format!("{line:0length$}\n").as_bytes());
                }
                history.push(chunk(number), &read);
                written.extend_from_slice(&read);
                let used = history.bytes.len() + history.chunks.len() * size_of::<Chunk>();
                prop_assert!(used <= MOST, "{}", used);
                let kept = all(&history);
                prop_assert_eq!(kept.len(), history.bytes.len());
                prop_assert!(written.ends_with(&kept));
                let begin = written.len() - kept.len();
                prop_assert!(begin == 0 || written[begin - 1] == b'\n');
                let whole: Vec<u64> = history.chunks.iter().map(|chunk| chunk.number).collect();
                let is_whole = begin == 0 || history.whole_from > 0;
                prop_assert!(is_whole, "{begin} bytes are gone, and nobody says so");
                prop_assert!(whole.first().is_none_or(|first| history.whole_from <= first + 1));
                if written.len() > MOST {
                    // A line, and what describes the chunks, is all that is not used.
                    let described = (history.chunks.len() + 1) * size_of::<Chunk>();
                    prop_assert!(kept.len() + described + 100 >= MOST, "{}", kept.len());
                }
            }
        }
    }

    #[test]
    fn a_part_of_a_long_line_that_is_larger_than_all_is_kept_from_its_end() {
        let mut history = History::new("web".into());
        let mut read = vec![b'x'; 2 * MOST];
        read.push(b'\n');
        history.push(chunk(0), &read);
        assert!(all(&history).ends_with(b"xx\n"));
        read.extend_from_slice(b"end");
        history.push(chunk(1), &read);
        assert_eq!(all(&history), b"end");
    }
}
