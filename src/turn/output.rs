//! What programs write, where the relay passes it on: lastout's side of it.
//!
//! lastout keeps the reading end of each pipe until the relay says that it is at its end.
//! So a relay may die at any time: another one is sent all of them again, and goes on with
//! what is in the pipes. What the dead one had read and not written is gone; how much that
//! is at most, the counters tell that it shared with lastout.
//!
//! There is a relay while somebody writes to it, or a program is configured to. What it is
//! to be told waits here until it can be sent, each pipe once, so that there is a bound.

use std::os::fd::OwnedFd;

use lastout_core::{Event, Message, ProgramId, RunId, Time, Work};

use super::Lastout;
use crate::linux::relay::Received;
use crate::linux::spawn::Outputs;
use crate::linux::wait::Zombie;
use crate::logs::message::{Adopt, Channel, MOST_BYTES, News, Order, Query, SourceId};
use crate::plan::{Launch, Output, Ready};
use crate::words;

pub(super) mod drain;
mod pipes;

pub(super) use pipes::Pipes;
use pipes::{After, Finish};

/// How much of its news is heard in one turn; the rest is still there in the next.
const NEWS_A_TURN: usize = 64;

/// And how many times that much of one that is dead, which is more than a socket holds.
const ROUNDS_OF_THE_DEAD: usize = 64;

/// How many clients wait for the relay at a time.
const MOST_CLIENTS: usize = 16;

/// There is no relay that a client could be sent to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NotServed {
    /// Nothing is kept of what programs write.
    NothingKept,
    /// Too many wait already.
    TooMany,
}

impl Lastout {
    /// A process was started whose output is to be passed on.
    pub(super) fn keep_outputs(&mut self, run: RunId, program: ProgramId, work: Work, of: Outputs) {
        let Some(launch) = self.launches.get(program.0 as usize) else {
            return;
        };
        let pid = self.people.leader(run).map_or(0, |leader| leader.id());
        let name = words::name(self.core.spec(), program);
        let ready = match (work, &launch.ready) {
            (Work::Command, Some(Ready::Line(text))) => Some(text.as_slice()),
            (Work::Command | Work::PreStart | Work::PostStop(_) | Work::Probe(_), _) => None,
        };
        for (channel, pipe) in [(Channel::Stdout, of.stdout), (Channel::Stderr, of.stderr)] {
            let output = match channel {
                Channel::Stdout => &launch.stdout,
                Channel::Stderr => &launch.stderr,
            };
            if let (Some(pipe), Output::Relayed(relayed)) = (pipe, output)
                && let Some(pipes) = Pipes::of(&mut self.output)
            {
                let adopt = Adopt {
                    source: SourceId(pipes.next),
                    program: name.to_owned(),
                    pid: u32::try_from(pid).unwrap_or(0),
                    channel,
                    relayed: relayed.clone(),
                    ready: ready.map(<[u8]>::to_vec),
                };
                pipes.keep(run, pipe, adopt);
            }
        }
    }

    /// Sees to it that there is a relay if one is needed, and none if not, and tells it
    /// what it is to be told.
    pub(super) fn care_for_relay(&mut self, now: Time) {
        let Some(pipes) = &mut self.output else {
            return;
        };
        let is_wanted = !self.people.wants_no_relay();
        let is_needed = match &self.leaving {
            Some(leaving) => !leaving.has_given_up && pipes.bytes_left() > 0,
            None if !pipes.sources.is_empty() || !pipes.clients.is_empty() => is_wanted,
            None => is_wanted && pipes.relay.is_some() && self.launches.iter().any(is_relayed),
        };
        match &mut pipes.relay {
            Some(working) if self.leaving.is_some() || !is_needed => working.is_to_finish(),
            Some(_) => {}
            None if is_needed && pipes.not_before.is_none_or(|at| at <= now) => {
                pipes.fork(now, &self.poll);
                let relay = pipes.relay.as_mut();
                self.people.let_be(relay.map(|working| &working.relay));
            }
            None => {}
        }
        pipes.send_orders(now, &self.poll);
        pipes.due = match &pipes.relay {
            Some(working) => working.send_again,
            None => pipes.not_before.filter(|_| is_needed),
        };
    }

    /// When the relay is to be cared for at the latest.
    pub(super) fn relay_is_due(&self) -> Option<Time> {
        self.output.as_ref().and_then(|pipes| pipes.due)
    }

    /// The relay has something to say.
    pub(super) fn hear_relay(&mut self, now: Time) {
        for _ in 0..NEWS_A_TURN {
            let Some(working) = self.output.as_mut().and_then(|pipes| pipes.relay.as_mut()) else {
                return;
            };
            match working.relay.receive() {
                Received::Message(message) => match News::decode(&message) {
                    Some(news) => self.take_news(now, news),
                    None => log::debug!("the relay has said something that nobody understands"),
                },
                Received::Nothing => return,
                Received::Gone => return working.stop_watching(&self.poll),
            }
        }
    }

    fn take_news(&mut self, now: Time, news: News) {
        let Some(pipes) = &mut self.output else {
            return;
        };
        match news {
            News::Ready(SourceId(source)) => {
                if let Some(source) = pipes.sources.get_mut(&source) {
                    source.awaits_ready = false;
                    let run = source.run;
                    // Before its exec it could say nothing.
                    let _ = self.learn_exec_status(now, run, false);
                    let message = Message::Ready;
                    self.tell_core(now, Event::Said { run, message });
                }
            }
            News::Ended(SourceId(source)) => drop(pipes.sources.remove(&source)),
            News::Served => pipes.client_is_served(),
            News::Say { level, text } => log::log!(level, "{text}"),
            News::Finished => {
                if let Some(working) = &mut pipes.relay {
                    working.has_finished = true;
                }
            }
        }
    }

    /// Whether it is the relay that has ended.
    pub(super) fn is_relay(&self, zombie: &Zombie) -> bool {
        let relay = self.output.as_ref().and_then(|pipes| pipes.relay.as_ref());
        relay.is_some_and(|working| working.relay.is(zombie))
    }

    /// The relay has ended.
    pub(super) fn bury_relay(&mut self, now: Time, zombie: Zombie) {
        for _ in 0..ROUNDS_OF_THE_DEAD {
            if self.output.as_ref().is_some_and(|pipes| pipes.has_news()) {
                self.hear_relay(now);
            }
        }
        zombie.reap();
        self.people.let_be(None);
        let after = match &self.leaving {
            Some(leaving) if leaving.has_given_up => After::Goodbye,
            Some(_) => After::Nobody,
            None if self.people.wants_no_relay() => After::Nobody,
            None => After::Another,
        };
        if let Some(pipes) = &mut self.output
            && let Some(working) = pipes.relay.take()
        {
            pipes.relay_is_gone(now, &working, zombie.status, after);
            if after != After::Another {
                pipes.refuse_clients();
            }
            if working.has_finished {
                self.has_drained();
            }
        }
    }

    /// Log files are to be opened again.
    pub(super) fn reopen_logs(&mut self) {
        if let Some(working) = self.output.as_mut().and_then(|pipes| pipes.relay.as_mut()) {
            working.reopen = true;
        }
    }

    /// The order to tell a client what programs have written.
    ///
    /// # Errors
    /// There is nobody to give it to, or too many ask.
    pub(super) fn order_to_serve(&self, query: Query) -> Result<Vec<u8>, NotServed> {
        let pipes = self.output.as_ref().ok_or(NotServed::NothingKept)?;
        let working = pipes.relay.as_ref().ok_or(NotServed::NothingKept)?;
        if working.finish != Finish::No {
            return Err(NotServed::NothingKept);
        }
        let mut order = Vec::new();
        Order::Serve(query).encode(&mut order);
        match pipes.clients.len() < MOST_CLIENTS && order.len() <= MOST_BYTES {
            true => Ok(order),
            false => Err(NotServed::TooMany),
        }
    }

    /// Gives the relay such an order, and the client that it is about.
    pub(super) fn serve_output(&mut self, order: Vec<u8>, client: OwnedFd) {
        if let Some(pipes) = &mut self.output {
            pipes.clients.push_back((order, client));
        }
    }
}

fn is_relayed(launch: &Launch) -> bool {
    launch.is_relayed()
}
