//! The clients: how many there may be at once, and for how long each may take.
//!
//! | bound | then |
//! |---|---|
//! | 64 connections, 16 of a user other than root and 48 of all of those | the one that has waited for its client for longest makes room, once it had 200 ms to say something; where all wait for lastout, the new one is refused |
//! | 16 descriptors are left, or a quarter of all where they are few | the same: a program that is to be started needs some |
//! | 10 s to finish a request | the connection ends |
//! | 64 KiB a request, 1 MiB of unread answers | the connection ends ([`super::conversation`]) |
//! | 16 KiB a client and turn, 64 new clients a turn, 2 ms for all answers of a turn and one more | the rest comes in the next turn |
//!
//! Each is told of in the log once, and again only when it has not happened for a minute:
//! a thousand clients are not a thousand lines. An idle socket has no deadline.

use std::time::Duration;

use lastout_core::{RequestId, Time};

use super::conversation::Conversation;
use super::wire::{Access, Code, Refusal, Request};
use crate::linux::control::{Listener, Peer, Transfer};
use crate::linux::poll::{Interest, Poll, Token};

mod answering;
mod door;
mod list;

use door::{MOST_CLIENTS, MOST_OF_A_USER};
use list::Clients;

/// What a token has that is a client's.
pub const CLIENT: u64 = 1 << 61;

/// The token of the socket that listens.
pub const LISTENER: Token = Token(CLIENT - 1);

/// For how long a turn answers, one at a time, if there is so much to answer: a signal
/// must not wait for a thousand of them.
pub const TIME_FOR_ANSWERS: Duration = Duration::from_millis(2);
const TIME_FOR_A_REQUEST: Duration = Duration::from_secs(10);
/// How much of a client a turn reads.
const READ_A_TURN: usize = 16 << 10;
/// For how long the same is not told again.
const SILENCE: Duration = Duration::from_secs(60);

/// The name of a client; never used again.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct ClientId(u64);

/// The socket and who has connected to it.
#[derive(Debug)]
pub struct Server {
    listener: Listener,
    /// Other users, who may ask.
    readers: Vec<u32>,
    clients: Clients,
    next: u64,
    /// Whose request was looked at last.
    last: ClientId,
    has_knocked: bool,
    /// When to accept again, after nobody more could be let in.
    resumes: Option<Time>,
    /// Requests whose clients have gone.
    withdrawn: Vec<RequestId>,
    told: [Option<Time>; 4],
}

#[derive(Debug)]
struct Client {
    peer: Peer,
    conversation: Conversation,
    /// What is waited for.
    interest: Interest,
    came: Time,
    /// Since when it is waited for.
    since: Time,
    /// Since when a request is unfinished.
    half_done: Option<Time>,
    waits_for: Waits,
}

/// What a client gets next without asking for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Waits {
    /// Nothing.
    Not,
    /// The answer to this.
    Answer(RequestId),
    /// What happens to these; none: to all.
    Events(Vec<String>),
}

/// What is to be done for clients.
#[derive(Debug)]
pub enum Next {
    /// This is to be answered to this one.
    Request(ClientId, Request),
    /// Nothing: it was no request, and was answered, or the end of them.
    Settled,
}

/// What is told of in the log.
#[derive(Clone, Copy)]
enum Trouble {
    Full,
    Slow,
    Unread,
    Descriptors,
}

impl Server {
    /// Serves who connects here.
    ///
    /// # Errors
    /// Those of epoll_ctl(2).
    pub fn new(listener: Listener, readers: Vec<u32>, poll: &Poll) -> std::io::Result<Server> {
        poll.add(listener.descriptor(), LISTENER, Interest::Readable)?;
        Ok(Server {
            listener,
            readers,
            clients: Clients::default(),
            next: 0,
            last: ClientId(0),
            has_knocked: false,
            resumes: None,
            withdrawn: Vec::new(),
            told: [None; 4],
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn listener(&self) -> &Listener {
        &self.listener
    }

    /// Who may ask from now on.
    pub fn set_readers(&mut self, readers: Vec<u32>) {
        if readers.is_empty() != self.readers.is_empty() {
            self.listener.let_others(!readers.is_empty());
        }
        self.readers = readers;
    }

    /// Whether there is more to do without anything that poll would tell.
    #[must_use]
    pub fn has_more(&self) -> bool {
        let mut clients = self.clients.values();
        clients.any(|client| client.conversation.has_more())
    }

    /// When [`Server::expire`] has something to do, if nothing else happens.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        let half_done = self.clients.values().filter_map(|client| client.half_done);
        let ends = half_done.map(|since| since.plus(TIME_FOR_A_REQUEST));
        ends.chain(self.resumes).min()
    }

    /// Ends what has taken too long.
    pub fn expire(&mut self, now: Time, poll: &Poll) {
        self.resume(now, poll);
        let is_late = |client: &Client| {
            let half_done = client.half_done;
            half_done.is_some_and(|since| since.plus(TIME_FOR_A_REQUEST) <= now)
        };
        let late = self.clients.iter().filter(|(_, client)| is_late(client));
        let late: Vec<ClientId> = late.map(|(id, _)| *id).collect();
        for id in late {
            self.tell(now, Trouble::Slow);
            if let Some(client) = self.clients.get_mut(&id) {
                let message = "a request has 10 s from its first byte to its newline";
                client
                    .conversation
                    .end_with(&Refusal::new(Code::TooSlow, message));
            }
            self.settle(now, poll, id);
        }
    }

    /// What a client may do, in a word.
    #[must_use]
    pub fn may(&self, id: ClientId) -> &'static str {
        let client = self.clients.get(&id);
        match client.map_or(Access::Ask, |client| client.conversation.may()) {
            Access::Ask => "ask",
            Access::Act => "act",
        }
    }

    /// The client of a token.
    #[must_use]
    pub fn client_of(token: Token) -> ClientId {
        ClientId(token.0 & !CLIENT)
    }

    /// Reads what a client has sent, or writes what it has room for: whatever is waited for.
    pub fn serve(&mut self, now: Time, poll: &Poll, id: ClientId) {
        let Some(client) = self.clients.get_mut(&id) else {
            return;
        };
        match client.interest {
            Interest::Readable | Interest::Arrivals => {
                let mut buffer = [0; READ_A_TURN];
                match client.peer.read(&mut buffer) {
                    Transfer::Some(count) => {
                        client
                            .conversation
                            .hear(buffer.get(..count).unwrap_or_default());
                    }
                    Transfer::Later => {}
                    Transfer::End => client.conversation.hear_end(),
                    Transfer::Broken => self.close(poll, id),
                }
            }
            // Written below.
            Interest::Writable | Interest::Either | Interest::Room => {}
            // It has gone, and may have left something to do.
            Interest::Closed if client.conversation.has_more() => {}
            Interest::Closed => self.close(poll, id),
        }
        if let Some(client) = self.clients.get_mut(&id) {
            client.since = now;
        }
        self.settle(now, poll, id);
    }

    /// What is to be done next, if anything is: for the client after the last one, so that
    /// all have their turns.
    pub fn next(&mut self, now: Time, poll: &Poll) -> Option<Next> {
        let id = self.clients.next_with_more(self.last)?;
        self.last = id;
        let client = self.clients.get_mut(&id)?;
        match client.conversation.next_request() {
            Some(request) => {
                client.half_done = None;
                Some(Next::Request(id, request))
            }
            None => {
                self.settle(now, poll, id);
                Some(Next::Settled)
            }
        }
    }

    /// Requests whose clients have gone since the last call.
    pub fn take_withdrawn(&mut self) -> Vec<RequestId> {
        std::mem::take(&mut self.withdrawn)
    }

    /// Writes what there is room for, and waits for what is to come next.
    fn settle(&mut self, now: Time, poll: &Poll, id: ClientId) {
        let Some(client) = self.clients.get_mut(&id) else {
            return;
        };
        while !client.conversation.output().is_empty() {
            match client.peer.write(client.conversation.output()) {
                Transfer::Some(count) => client.conversation.wrote(count),
                Transfer::Later => break,
                Transfer::End | Transfer::Broken => return self.close(poll, id),
            }
        }
        if client.conversation.is_over() {
            return self.close(poll, id);
        }
        client.half_done = match client.conversation.is_half_done() {
            true => client.half_done.or(Some(now)),
            false => None,
        };
        let interest = if !client.conversation.output().is_empty() {
            Interest::Writable
        } else if client.conversation.is_listening() {
            Interest::Readable
        } else {
            Interest::Closed
        };
        if interest != client.interest {
            client.interest = interest;
            let _ = poll.change(client.peer.descriptor(), Token(CLIENT | id.0), interest);
        }
    }

    fn close(&mut self, poll: &Poll, id: ClientId) {
        if let Some(client) = self.clients.remove(&id) {
            poll.remove(client.peer.descriptor());
            client.peer.hang_up();
            if let Waits::Answer(request) = client.waits_for {
                self.withdrawn.push(request);
            }
        }
    }

    /// Says it once, and once more when it has not happened for a while.
    fn tell(&mut self, now: Time, trouble: Trouble) {
        let told = self.told.get_mut(trouble as usize);
        let last = told.and_then(|told| told.replace(now));
        if last.is_some_and(|last| now.since(last) < SILENCE) {
            return;
        }
        match trouble {
            Trouble::Full => log::warn!(
                "the control socket has more clients than it serves at once ({MOST_CLIENTS}, \
                 {MOST_OF_A_USER} of a user); those that ask for nothing make room"
            ),
            Trouble::Slow => log::warn!(
                "clients of the control socket are cut off that do not finish a request in 10 s"
            ),
            Trouble::Unread => log::warn!(
                "clients of the control socket are cut off that leave 1 MiB of events unread"
            ),
            Trouble::Descriptors => log::warn!(
                "the control socket cannot take a client, for want of descriptors or memory; \
                 it is tried again"
            ),
        }
    }
}

impl Client {
    /// Whether it is waited for, and not it for something.
    fn is_idle(&self) -> bool {
        !self.conversation.is_waiting()
    }
}
