//! A round of the sources: what they have is read, looked at, and passed on.

use std::io::ErrorKind;
use std::mem::take;
use std::os::fd::AsFd;

use super::frame::{self, Parts};
use super::history::Chunk;
use super::message::News;
use super::relay::Relay;
use super::sink::Batch;
use super::source::Source;
use crate::linux::orders;

/// How much is read from a source at once: four reads in one take a quarter less time than
/// reads of 64 KiB where lines go to a file, and are as fair (docs/speed.md).
const READ: usize = 256 * 1024;

/// How much may have to be looked at at once: what was kept of a line, and a read.
pub(super) const INPUT: usize = frame::MOST + READ;

/// Formatted lines are written when there are so many bytes: more than most pipes take.
const BATCH: usize = 96 * 1024;

/// When so much was read, others are asked whether they have something: PID 1, and the
/// readers of sinks that were full.
const MOST_A_TURN: u64 = 2 * READ as u64;

/// What is known of a source that was served.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Served {
    /// There may be more.
    HasMore,
    /// Not all of what was read found room.
    IsHeldUp,
    /// Nothing is there.
    IsEmpty,
    /// Nobody writes any more, and all is passed on.
    IsGone,
}

impl Relay {
    /// A source has something.
    pub(super) fn enqueue(&mut self, at: usize) {
        if let Some(source) = self.sources.get_mut(at).and_then(Option::as_mut)
            && !source.is_queued
        {
            source.is_queued = true;
            self.queue.push_back(at);
        }
    }

    /// Whether what a source has can be taken now.
    pub(super) fn can_serve(&self, at: usize) -> bool {
        let Some(source) = self.sources.get(at).and_then(Option::as_ref) else {
            return false;
        };
        let sink = self.sinks.get(source.sink).and_then(Option::as_ref);
        // At the end, what was not there when it began is not read.
        let is_done = self.is_ending && source.is_settled() && !source.is_at_end;
        sink.is_some_and(|sink| !sink.is_full()) && !is_done && !self.is_behind(source)
    }

    /// Whether an older life of the same program is to be read first, so that its lines keep
    /// their order.
    fn is_behind(&self, source: &Source) -> bool {
        source.is_behind
            && self.sources.iter().flatten().any(|other| {
                other.id.0 < source.id.0
                    && other.history == source.history
                    && other.channel == source.channel
                    && !other.is_settled()
            })
    }

    /// Rounds, as long as there is something to be taken and it is not too much for a turn.
    pub(super) fn rounds(&mut self) {
        let before = self.around.gauge.taken();
        loop {
            self.round();
            let is_enough = self.around.gauge.taken() - before >= MOST_A_TURN;
            if is_enough || !self.queue.iter().any(|at| self.can_serve(*at)) {
                return;
            }
        }
    }

    /// One read for each source that has something and whose sink has room.
    fn round(&mut self) {
        let mut served = take(&mut self.served);
        let mut held_up = None;
        for _ in 0..self.queue.len() {
            let Some(at) = self.queue.pop_front() else {
                break;
            };
            if !self.can_serve(at) {
                // Whoever could not be served keeps its place in front of who was.
                self.queue.push_back(at);
                continue;
            }
            match self.serve(at) {
                Served::HasMore => served.push(at),
                Served::IsHeldUp => held_up = Some(at),
                Served::IsEmpty => {
                    if let Some(source) = self.sources.get_mut(at).and_then(Option::as_mut) {
                        source.is_queued = false;
                    }
                }
                Served::IsGone => self.let_go(at),
            }
        }
        self.queue.extend(served.drain(..));
        self.served = served;
        // A sink has never more than one source that waits with what was read already.
        if let Some(at) = held_up {
            self.queue.push_front(at);
        }
    }

    fn serve(&mut self, at: usize) -> Served {
        let Some(mut source) = self.sources.get_mut(at).and_then(Option::take) else {
            return Served::IsEmpty;
        };
        let mut input = take(&mut self.input);
        let served = self.read_and_pass(&mut source, &mut input);
        self.input = input;
        if let Some(place) = self.sources.get_mut(at) {
            *place = Some(source);
        }
        served
    }

    fn read_and_pass(&mut self, source: &mut Source, input: &mut [u8]) -> Served {
        let mut length = source.kept.len();
        let Some((kept, room)) = input.split_at_mut_checked(length) else {
            return Served::IsEmpty;
        };
        kept.copy_from_slice(&source.kept);
        if source.decided == 0 && !source.is_at_end {
            let room = room.get_mut(..READ).unwrap_or_default();
            self.around.gauge.expect(room.len());
            let read = orders::read(source.pipe.as_fd(), room);
            self.around.gauge.take(*read.as_ref().unwrap_or(&0));
            match read {
                Ok(0) => source.is_at_end = true,
                Ok(count) => {
                    self.look_for_ready(source, room.get(..count).unwrap_or_default());
                    length += count;
                    source.owes = source.owes.saturating_sub(count);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    source.owes = 0;
                    return Served::IsEmpty;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => return Served::HasMore,
                Err(_) => source.is_at_end = true,
            }
        }
        let input = input.get(..length).unwrap_or_default();
        let decided = frame::decided(input, source.is_at_end);
        let (lines, _) = input.split_at(decided);
        let passed = self.pass(source, lines);
        source.decided = decided - passed;
        source.kept.clear();
        source
            .kept
            .extend_from_slice(input.get(passed..).unwrap_or_default());
        if source.kept.capacity() > 4096 && source.kept.len() < 512 {
            source.kept.shrink_to(512);
        }
        if source.decided > 0 {
            Served::IsHeldUp
        } else if source.is_at_end {
            Served::IsGone
        } else {
            Served::HasMore
        }
    }

    /// Passes lines on, and says how many of these bytes found room.
    fn pass(&mut self, source: &mut Source, lines: &[u8]) -> usize {
        let mut output = take(&mut self.output);
        let program = source.program.clone();
        let mut passed = 0;
        while let Some(rest) = lines.get(passed..).filter(|rest| !rest.is_empty()) {
            let sink = self.sinks.get_mut(source.sink).and_then(Option::as_mut);
            let Some(sink) = sink.filter(|sink| !sink.is_full()) else {
                break;
            };
            let writer = source.writer(&program, self.around.micros);
            let mut batch = Batch {
                program: &program,
                source: source.id,
                bytes: rest,
                raw: rest.len(),
            };
            output.clear(2 * BATCH);
            let mut parts = Parts::new(rest, source.is_at_end);
            if source.form.append(&mut output, &mut parts, &writer, BATCH) {
                batch.raw = rest.len() - parts.rest().len();
                batch.bytes = output.bytes();
            }
            sink.put(batch, &mut self.around);
            let (told, _) = rest.split_at(batch.raw);
            passed += told.len();
            self.note(source, told);
        }
        self.output = output;
        passed
    }

    /// What makes a program ready is told before it is passed on, so that neither a sink
    /// that is full nor the relay's death comes between (READY-3).
    fn look_for_ready(&self, source: &mut Source, came: &[u8]) {
        let awaited = source.ready.as_mut();
        if awaited.is_some_and(|text| text.has_come(came)) {
            source.ready = None;
            self.tell_at_once(&News::Ready(source.id));
        }
    }

    /// Looks at lines that are passed on.
    fn note(&mut self, source: &mut Source, lines: &[u8]) {
        let micros = self.around.micros;
        if let Some(history) = self.histories.get_mut(source.history) {
            let chunk = Chunk::new(self.next, micros, source.pid, source.channel);
            history.push(chunk, lines);
            self.next += 1;
        }
        self.clients
            .tell(&source.writer(&source.program, micros), lines);
    }

    /// A source is at its end.
    fn let_go(&mut self, at: usize) {
        let Some(source) = self.sources.get_mut(at).and_then(Option::take) else {
            return;
        };
        self.poll.remove(source.pipe.as_fd());
        self.around.news.push(News::Ended(source.id));
        let is_last = !self
            .sources
            .iter()
            .flatten()
            .any(|other| other.sink == source.sink);
        let Some(place) = self.sinks.get_mut(source.sink) else {
            return;
        };
        let Some(sink) = place else { return };
        sink.end_line(&source.program, source.id, &mut self.around);
        if is_last && sink.descriptor().is_none() {
            sink.tell_losses(&mut self.around);
            *place = None;
        }
    }
}
