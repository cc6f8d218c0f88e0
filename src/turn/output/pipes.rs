//! The pipes whose reading ends are kept, and the relay that reads them.

use std::collections::{BTreeMap, VecDeque};
use std::mem::take;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use lastout_core::{End, ExitStatus, RunId, Time};
use log::Level;

use super::super::RELAY;
use crate::control::wire::{Code, Refusal};
use crate::linux::orders;
use crate::linux::poll::{Interest, Poll};
use crate::linux::relay::{Relay, Sent};
use crate::linux::shared::Gauge;
use crate::linux::terminal;
use crate::logs::message::{Adopt, MOST_BYTES, Order};
use crate::words;

/// A relay that lived that long begins a new row of failures.
const LONG_LIFE: Duration = Duration::from_secs(5);

/// The pause before another relay is forked, after the second short life or failed fork
/// in a row, and at most (PID-10).
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How soon an order is sent again that the kernel would not take.
const NOT_NOW: Duration = Duration::from_millis(100);

/// All that is kept of what programs write.
#[derive(Debug)]
pub(in crate::turn) struct Pipes {
    pub(super) gauge: Gauge,
    /// By number.
    pub(super) sources: BTreeMap<u64, Source>,
    pub(super) next: u64,
    pub(super) relay: Option<Working>,
    /// Who asks for lines, with the order that says for which, until the relay has them.
    pub(super) clients: VecDeque<(Vec<u8>, OwnedFd)>,
    /// When the last one was forked.
    pub(super) forked: Time,
    /// How often it died early, or could not be forked, in a row.
    pub(super) failures: u32,
    /// Whether it was told that one cannot be forked.
    pub(super) waits_for_fork: bool,
    /// Before that no other one is forked.
    pub(super) not_before: Option<Time>,
    /// When to see to it next.
    pub(super) due: Option<Time>,
}

/// A pipe whose reading end is kept.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) run: RunId,
    pub(super) program: String,
    pub(super) pipe: OwnedFd,
    /// The order to read it.
    pub(super) order: Box<[u8]>,
    /// Whether a line of it is to make the program ready, and has not come.
    pub(super) awaits_ready: bool,
}

/// A relay that is there, and what it was not told yet.
#[derive(Debug)]
pub(super) struct Working {
    pub(super) relay: Relay,
    pub(super) unsent: VecDeque<u64>,
    pub(super) reopen: bool,
    /// How many of the clients were sent to it.
    pub(super) clients_sent: usize,
    pub(super) finish: Finish,
    pub(super) has_finished: bool,
    pub(super) send_again: Option<Time>,
    /// What its socket is watched for; `None`: it is gone, and about to be reaped.
    pub(super) watched: Option<Interest>,
}

/// What comes after a relay that has ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum After {
    /// Another one.
    Another,
    /// None for now: it was killed with everybody, or is not needed any more.
    Nobody,
    /// The end: lastout has killed it, and has told what is lost.
    Goodbye,
}

/// Whether it is to leave.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Finish {
    /// No.
    No,
    /// It is to be told so, after all else.
    Untold,
    /// It was told.
    Told,
}

impl Pipes {
    /// Those that there are, made when there are none yet.
    pub(super) fn of(pipes: &mut Option<Box<Pipes>>) -> Option<&mut Pipes> {
        if pipes.is_none() {
            let gauge = match Gauge::new() {
                Ok(gauge) => gauge,
                Err(error) => {
                    log::error!("nobody passes on what programs write, there is no room: {error}");
                    return None;
                }
            };
            *pipes = Some(Box::new(Pipes {
                gauge,
                sources: BTreeMap::new(),
                next: 0,
                relay: None,
                clients: VecDeque::new(),
                forked: Time::ZERO,
                failures: 0,
                waits_for_fork: false,
                not_before: None,
                due: None,
            }));
        }
        pipes.as_deref_mut()
    }

    pub(super) fn keep(&mut self, run: RunId, pipe: OwnedFd, adopt: Adopt) {
        let program = adopt.program.clone();
        let awaits_ready = adopt.ready.is_some();
        let number = self.next;
        self.next += 1;
        let mut order = Vec::new();
        Order::Adopt(adopt).encode(&mut order);
        if order.len() > MOST_BYTES {
            log::error!("{program}: its names are too long to pass on what it writes");
            return;
        }
        if let Some(working) = &mut self.relay {
            working.unsent.push_back(number);
            // Whoever was to leave reads this first, and is told again when it is time.
            working.finish = Finish::No;
        }
        let source = Source {
            run,
            program,
            pipe,
            order: order.into_boxed_slice(),
            awaits_ready,
        };
        self.sources.insert(number, source);
    }

    /// What nobody has read of all pipes.
    pub(super) fn bytes_left(&self) -> u64 {
        let sources = self.sources.values();
        sources.map(Source::bytes_left).sum()
    }

    /// The relay has the first of the clients that it was sent.
    pub(super) fn client_is_served(&mut self) {
        self.clients.pop_front();
        if let Some(working) = &mut self.relay {
            working.clients_sent = working.clients_sent.saturating_sub(1);
        }
    }

    /// Nobody will serve those who still wait.
    pub(super) fn refuse_clients(&mut self) {
        let refusal = Refusal::new(
            Code::Unavailable,
            "nobody passes on any more what programs write, the container ends",
        );
        let mut line = refusal.to_reply().bytes().to_vec();
        line.push(b'\n');
        for (_, client) in self.clients.drain(..) {
            // Who has not read the little before it sees that the connection ends.
            let _ = orders::send(client.as_fd(), &line);
        }
    }

    pub(super) fn has_news(&self) -> bool {
        let working = self.relay.as_ref();
        working.is_some_and(|working| working.watched.is_some())
    }

    pub(super) fn fork(&mut self, now: Time, poll: &Poll) {
        self.forked = now;
        let colour = terminal::welcomes_colour();
        let relay = Relay::fork(crate::logs::relay::live, self.gauge, colour);
        let watched = relay.and_then(|relay| {
            poll.add(relay.descriptor(), RELAY, Interest::Readable)?;
            Ok(relay)
        });
        match watched {
            Ok(relay) => {
                log::debug!("the relay of what programs write is pid {}", relay.id());
                if take(&mut self.waits_for_fork) {
                    log::info!("what programs write is passed on again");
                }
                self.relay = Some(Working {
                    relay,
                    unsent: self.sources.keys().copied().collect(),
                    reopen: false,
                    clients_sent: 0,
                    finish: Finish::No,
                    has_finished: false,
                    send_again: None,
                    watched: Some(Interest::Readable),
                });
            }
            Err(error) => {
                if !self.waits_for_fork {
                    log::warn!(
                        "what programs write has to wait, the relay that passes it on cannot be \
                         started: {error}; it is tried again"
                    );
                    self.waits_for_fork = true;
                }
                self.failures = self.failures.max(1);
                self.has_failed(now);
            }
        }
    }

    /// One that has lived long is replaced at once; those that do not, with growing pauses.
    fn has_failed(&mut self, now: Time) {
        if now.since(self.forked) >= LONG_LIFE {
            self.failures = 0;
        }
        let pause = match self.failures {
            0 => Duration::ZERO,
            1..=7 => FIRST_PAUSE * (1 << (self.failures - 1)),
            8.. => LONGEST_PAUSE,
        };
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(now.plus(pause));
    }

    /// It was reaped.
    pub(super) fn relay_is_gone(
        &mut self,
        now: Time,
        working: &Working,
        status: ExitStatus,
        after: After,
    ) {
        if working.has_finished && status == ExitStatus::Code(0) {
            // As it was asked. Whoever writes meanwhile need not wait for another one.
            self.not_before = None;
            return;
        }
        self.has_failed(now);
        let kept = self.gauge.kept();
        let level = match after {
            After::Another => Level::Warn,
            After::Nobody if kept > 0 => Level::Warn,
            After::Nobody | After::Goodbye => Level::Debug,
        };
        let taken = match kept {
            0 => String::new(),
            bytes => format!("; it took at most {bytes} bytes of output along"),
        };
        let next = match (after, self.not_before) {
            (After::Nobody | After::Goodbye, _) => "",
            (After::Another, Some(at)) if at > now => "; another one goes on in a moment",
            (After::Another, _) => "; another one goes on",
        };
        let end = words::end(End::Status(status));
        log::log!(level, "the relay of what programs write {end}{taken}{next}");
        if after == After::Another && kept > 0 {
            self.warn_those_who_wait();
        }
    }

    /// The relay tells of a line that makes a program ready as soon as it has read it. One
    /// that is killed in between takes the line along, and nobody will know of it.
    fn warn_those_who_wait(&self) {
        for source in self.sources.values().filter(|source| source.awaits_ready) {
            let program = &source.program;
            log::warn!(
                "{program}: if the line that makes it ready was among it, it does not become ready"
            );
        }
    }

    /// Sends what waits to be sent, as far as it goes.
    pub(super) fn send_orders(&mut self, now: Time, poll: &Poll) {
        let Some(working) = &mut self.relay else {
            return;
        };
        if working.watched.is_none() || working.send_again.is_some_and(|at| at > now) {
            return;
        }
        working.send_again = None;
        let interest = match working.send_all(&self.sources, &self.clients) {
            Sent::Yes => Interest::Readable,
            Sent::NoRoom => Interest::Either,
            Sent::NotNow => {
                working.send_again = Some(now.plus(NOT_NOW));
                Interest::Readable
            }
            // Its end of the socket is readable, and SIGCHLD on its way.
            Sent::Gone => Interest::Readable,
        };
        working.watch_for(interest, poll);
    }
}

impl Source {
    pub(super) fn bytes_left(&self) -> u64 {
        orders::waiting_in(self.pipe.as_fd()) as u64
    }
}

impl Working {
    /// It leaves, after all else that it is to be told.
    pub(super) fn is_to_finish(&mut self) {
        if self.finish == Finish::No {
            self.finish = Finish::Untold;
        }
    }

    fn send_all(
        &mut self,
        sources: &BTreeMap<u64, Source>,
        clients: &VecDeque<(Vec<u8>, OwnedFd)>,
    ) -> Sent {
        while let Some(number) = self.unsent.front() {
            if let Some(source) = sources.get(number) {
                let sent = self.relay.send(&source.order, Some(source.pipe.as_fd()));
                if sent != Sent::Yes {
                    return sent;
                }
            }
            self.unsent.pop_front();
        }
        if self.reopen {
            let sent = self.send(&Order::Reopen);
            if sent != Sent::Yes {
                return sent;
            }
            self.reopen = false;
        }
        while let Some((order, client)) = clients.get(self.clients_sent) {
            let sent = self.relay.send(order, Some(client.as_fd()));
            if sent != Sent::Yes {
                return sent;
            }
            self.clients_sent += 1;
        }
        if self.finish == Finish::Untold {
            let sent = self.send(&Order::Finish);
            if sent != Sent::Yes {
                return sent;
            }
            self.finish = Finish::Told;
        }
        Sent::Yes
    }

    fn send(&self, order: &Order) -> Sent {
        let mut bytes = Vec::new();
        order.encode(&mut bytes);
        self.relay.send(&bytes, None)
    }

    fn watch_for(&mut self, interest: Interest, poll: &Poll) {
        if self.watched == Some(interest) {
            return;
        }
        poll.remove(self.relay.descriptor());
        match poll.add(self.relay.descriptor(), RELAY, interest) {
            Ok(()) => self.watched = Some(interest),
            // Without an ear for it, it is of no use. What it has is in the next one's hands.
            Err(_) => {
                self.watched = None;
                self.relay.kill();
            }
        }
    }

    pub(super) fn stop_watching(&mut self, poll: &Poll) {
        poll.remove(self.relay.descriptor());
        self.watched = None;
    }
}
