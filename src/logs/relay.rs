//! The relay's life: a loop over the pipes of the programs, PID 1's orders, and the sinks.
//!
//! The order of a turn:
//!
//! 1. sleep until something is ready
//! 2. PID 1's orders, since a source is unknown until it is adopted
//! 3. sinks that have room again
//! 4. rounds of the sources that have something, one read each, until there is nothing or
//!    half a MiB is read; those come first that had to wait for their sink, and a source
//!    whose sink is full, or that is behind an older life of the same program, stays where
//!    it is in the queue
//! 5. clients that read what is kept, or follow
//! 6. what is to be told to PID 1
//!
//! It waits for nothing but the first of these. When PID 1's end of the socket is closed it
//! writes what it can within a second and leaves; when it is told to finish it reads what is
//! in the pipes at that moment, writes it, says so and leaves.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::clients::Clients;
use super::history::History;
use super::message::News;
use super::output::Output;
use super::pass::INPUT;
use super::sink::{Around, Sink};
use super::source::Source;
use crate::linux::clock::{milliseconds, wall_micros};
use crate::linux::orders;
use crate::linux::poll::{Interest, Poll, Token};
use crate::linux::shared::Gauge;
use crate::linux::signals::Mask;

/// What is waited for, in the upper half of a token; which one, in the lower.
const FROM_PID_1: u64 = 0;
pub(super) const FROM_SOURCE: u64 = 1 << 32;
pub(super) const TO_SINK: u64 = 2 << 32;
const WITH_CLIENT: u64 = 3 << 32;

/// The relay's whole life; `orders` is its end of the socket. `colour`: whether prefixes
/// are coloured where they go to a terminal.
pub fn live(orders: OwnedFd, gauge: Gauge, colour: bool) -> ! {
    // Nothing of PID 1's is to be unwound into: a relay that fails is replaced.
    let lived = catch_unwind(AssertUnwindSafe(|| {
        let mut relay = Relay::new(orders, gauge, colour)?;
        while relay.turn() {}
        std::io::Result::Ok(())
    }));
    orders::leave(i32::from(!matches!(lived, Ok(Ok(())))))
}

/// Everything that there is.
pub(super) struct Relay {
    pub(super) orders: OwnedFd,
    pub(super) poll: Poll,
    pub(super) colour: bool,
    pub(super) around: Around,
    pub(super) sources: Vec<Option<Source>>,
    /// lastout's stdout and stderr, then files.
    pub(super) sinks: Vec<Option<Sink>>,
    pub(super) histories: Vec<History>,
    pub(super) clients: Clients,
    /// Sources that have something, by their places.
    pub(super) queue: VecDeque<usize>,
    /// Room for those that were served in a round.
    pub(super) served: Vec<usize>,
    /// What is read into; what a source has kept goes in front.
    pub(super) input: Vec<u8>,
    pub(super) output: Output,
    /// The number of what will be written next.
    pub(super) next: u64,
    /// Whether what is in the pipes is the last that is read.
    pub(super) is_ending: bool,
    /// When it is over, whatever is left.
    pub(super) until: Option<Instant>,
    /// Whether a client can be told more at once.
    has_more: bool,
}

impl Relay {
    pub(super) fn new(orders: OwnedFd, gauge: Gauge, colour: bool) -> io::Result<Relay> {
        let poll = Poll::new()?;
        poll.add(orders.as_fd(), Token(FROM_PID_1), Interest::Readable)?;
        Ok(Relay {
            orders,
            poll,
            colour,
            around: Around {
                now: Instant::now(),
                micros: 0,
                gauge,
                news: Vec::new(),
            },
            sources: Vec::new(),
            sinks: Vec::from([None, None]),
            histories: Vec::new(),
            clients: Clients::default(),
            queue: VecDeque::new(),
            served: Vec::new(),
            input: vec![0; INPUT],
            output: Output::new(),
            next: 0,
            is_ending: false,
            until: None,
            has_more: false,
        })
    }

    /// `false`: that was the last one.
    pub(super) fn turn(&mut self) -> bool {
        let is_busy = self.has_more || self.queue.iter().any(|at| self.can_serve(*at));
        let pause = self
            .until
            .map(|until| until.saturating_duration_since(Instant::now()));
        let pause = if is_busy { Some(Duration::ZERO) } else { pause };
        let ready: Vec<Token> = self.poll.wait(milliseconds(pause), Mask::FULL).to_vec();
        self.around.now = Instant::now();
        self.around.micros = wall_micros();
        if ready.contains(&Token(FROM_PID_1)) {
            self.obey();
        }
        for Token(token) in ready {
            let at = token & u64::from(u32::MAX);
            match token - at {
                FROM_SOURCE => self.enqueue(at as usize),
                TO_SINK => self.flush(at as usize),
                WITH_CLIENT => self.clients.hear(at, &self.poll),
                // PID 1, which was heard before all others.
                _ => {}
            }
        }
        self.rounds();
        self.has_more = self.clients.turn(
            &self.histories,
            Token(WITH_CLIENT),
            &self.poll,
            &mut self.around.news,
        );
        let is_over = self.is_over();
        self.tell();
        !is_over
    }

    /// There is room again.
    fn flush(&mut self, at: usize) {
        if let Some(sink) = self.sinks.get_mut(at).and_then(Option::as_mut) {
            sink.flush(&mut self.around);
        }
    }

    /// All that is in the pipes now is to be read and written, as far as it can be done by
    /// then. What comes later is nobody's any more.
    pub(super) fn finish(&mut self, until: Option<Instant>) {
        self.until = until.or(self.until);
        if self.is_ending {
            return;
        }
        self.is_ending = true;
        for at in 0..self.sources.len() {
            if let Some(source) = self.sources.get_mut(at).and_then(Option::as_mut) {
                source.owes = orders::waiting_in(source.pipe.as_fd());
                self.enqueue(at);
            }
        }
    }

    /// Whether all is done that is to be done before the end.
    fn is_over(&mut self) -> bool {
        if self.until.is_some_and(|until| self.around.now >= until) {
            return true;
        }
        if !self.is_ending {
            return false;
        }
        // What is kept of a line without an end is a line now.
        for at in 0..self.sources.len() {
            let source = self.sources.get_mut(at).and_then(Option::as_mut);
            if let Some(source) = source.filter(|source| source.is_settled()) {
                source.is_at_end = true;
                self.enqueue(at);
            }
        }
        let mut sinks = self.sinks.iter().flatten();
        let is_over = self.sources.iter().all(Option::is_none) && !sinks.any(Sink::is_full);
        if is_over {
            for sink in self.sinks.iter_mut().flatten() {
                sink.tell_losses(&mut self.around);
            }
            self.around.news.push(News::Finished);
        }
        is_over
    }

    /// Says what is to be said.
    fn tell(&mut self) {
        for news in std::mem::take(&mut self.around.news) {
            self.tell_at_once(&news);
        }
    }

    /// Says this, before all that is still to be said.
    pub(super) fn tell_at_once(&self, news: &News) {
        let mut message = Vec::new();
        news.encode(&mut message);
        // Where PID 1 is gone, the orders say so.
        let _ = orders::tell(self.orders.as_fd(), &message);
    }
}
