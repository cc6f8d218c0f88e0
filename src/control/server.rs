//! The clients: how many there may be at once, and for how long each may take.
//!
//! | bound | then |
//! |---|---|
//! | 64 connections, 16 of a user other than root | the one that has waited for its client for longest makes room; where all wait for lastout, the new one is refused |
//! | 10 s to finish a request | the connection ends |
//! | 64 KiB a request, 1 MiB of unread answers | the connection ends ([`super::conversation`]) |
//! | 16 KiB and 16 requests a client and turn, 64 new clients a turn | the rest comes in the next turn |
//!
//! Each is told of in the log once, and again only when it has not happened for a minute:
//! a thousand clients are not a thousand lines. An idle socket has no deadline.

use std::os::fd::OwnedFd;
use std::time::Duration;

use lastout_core::{RequestId, Time};
use serde_json::Value;

use super::conversation::Conversation;
use super::wire::{Access, Code, Refusal, Request};
use crate::linux::control::{Listener, Peer, Transfer, own_uid};
use crate::linux::poll::{Interest, Poll, Token};

mod list;

use list::Clients;

/// What a token has that is a client's.
pub const CLIENT: u64 = 1 << 61;

/// The token of the socket that listens.
pub const LISTENER: Token = Token(CLIENT - 1);

const MOST_CLIENTS: usize = 64;
const MOST_OF_A_USER: usize = 16;
const TIME_FOR_A_REQUEST: Duration = Duration::from_secs(10);
/// How many clients a turn accepts.
const ACCEPTED_A_TURN: usize = 64;
/// How many requests of a client a turn answers.
const REQUESTS_A_TURN: usize = 16;
/// How much of a client a turn reads.
const READ_A_TURN: usize = 16 << 10;
/// The pause after a client could not be accepted, for want of descriptors.
const PAUSE: Duration = Duration::from_secs(1);
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
    /// When to accept again, after it failed.
    resumes: Option<Time>,
    /// Whether somebody has sent more than a turn takes.
    has_more: bool,
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
    /// Since when it is waited for.
    since: Time,
    /// Since when a request is unfinished.
    half_done: Option<Time>,
    waits_for: Waits,
    /// How many more requests this turn answers.
    budget: usize,
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
            resumes: None,
            has_more: false,
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
        self.has_more
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
        if self.resumes.is_some_and(|at| at <= now) {
            self.resumes = None;
            let _ = poll.add(self.listener.descriptor(), LISTENER, Interest::Readable);
        }
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

    /// Lets new clients in.
    pub fn accept(&mut self, now: Time, poll: &Poll) {
        for _ in 0..ACCEPTED_A_TURN {
            match self.listener.accept() {
                Ok(Some(peer)) => self.welcome(now, poll, peer),
                Ok(None) => return,
                Err(error) => {
                    self.tell(now, Trouble::Descriptors);
                    log::debug!("accept: {error}");
                    // It would be ready for ever.
                    poll.remove(self.listener.descriptor());
                    self.resumes = Some(now.plus(PAUSE));
                    return;
                }
            }
        }
    }

    fn welcome(&mut self, now: Time, poll: &Poll, peer: Peer) {
        let conversation = match self.access_of(&peer) {
            Some(may) if self.has_room(now, poll, peer.uid) => Conversation::new(may),
            Some(_) => {
                self.tell(now, Trouble::Full);
                let message = "too many connections are open, and all of them wait";
                Conversation::refusing(&Refusal::new(Code::TooMany, message))
            }
            None => {
                let message = format!("user {} may not talk to lastout", peer.uid);
                Conversation::refusing(&Refusal::new(Code::Forbidden, message).hint(
                    "root, lastout's own user and [control] readers may, in the same container",
                ))
            }
        };
        let id = ClientId(self.next);
        let client = Client {
            peer,
            conversation,
            interest: Interest::Readable,
            since: now,
            half_done: None,
            waits_for: Waits::Not,
            budget: REQUESTS_A_TURN,
        };
        if client.conversation.output().is_empty() {
            let token = Token(CLIENT | id.0);
            let fd = client.peer.descriptor();
            if poll.add(fd, token, Interest::Readable).is_ok() {
                self.next += 1;
                self.clients.insert(id, client);
            }
        } else {
            // A line has room in a socket that is new; and then it ends.
            let _ = client.peer.write(client.conversation.output());
        }
    }

    /// What this client may do. Who comes by an abstract name, which has no permissions
    /// and is seen by everybody who shares the network, must be in the same container.
    fn access_of(&self, peer: &Peer) -> Option<Access> {
        if peer.is_outside && self.listener.place().is_abstract() {
            return None;
        }
        if peer.uid == 0 || peer.uid == own_uid() {
            return Some(Access::Act);
        }
        self.readers.contains(&peer.uid).then_some(Access::Ask)
    }

    /// Whether there is room for one more of this user, after somebody has made it.
    fn has_room(&mut self, now: Time, poll: &Poll, uid: u32) -> bool {
        let of_user = |client: &&Client| client.peer.uid == uid;
        let is_users_fault =
            uid != 0 && self.clients.values().filter(of_user).count() >= MOST_OF_A_USER;
        if !is_users_fault && self.clients.len() < MOST_CLIENTS {
            return true;
        }
        let idle = self.clients.iter().filter(|(_, client)| {
            !client.conversation.is_waiting() && (!is_users_fault || client.peer.uid == uid)
        });
        let Some(oldest) = idle.min_by_key(|(_, client)| client.since) else {
            return false;
        };
        let oldest = oldest.0;
        self.tell(now, Trouble::Full);
        self.close(poll, oldest);
        true
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
            // It has gone.
            Interest::Closed => self.close(poll, id),
        }
        if let Some(client) = self.clients.get_mut(&id) {
            client.since = now;
        }
        self.settle(now, poll, id);
    }

    /// Clients that have sent more than a turn takes, each with a new budget.
    pub fn unfinished(&mut self) -> Vec<ClientId> {
        self.has_more = false;
        let mut unfinished = Vec::new();
        for (id, client) in self.clients.iter_mut() {
            client.budget = REQUESTS_A_TURN;
            if client.conversation.has_more() {
                unfinished.push(*id);
            }
        }
        unfinished
    }

    /// The next request of a client that is to be answered in this turn.
    pub fn next_request(&mut self, now: Time, poll: &Poll, id: ClientId) -> Option<Request> {
        loop {
            let client = self.clients.get_mut(&id)?;
            if client.budget == 0 {
                self.has_more |= client.conversation.has_more();
                return None;
            }
            client.budget -= 1;
            let request = client.conversation.next_request();
            if request.is_none() {
                // What is no request was answered.
                let has_answered = !client.conversation.output().is_empty();
                self.settle(now, poll, id);
                if has_answered {
                    continue;
                }
                return None;
            }
            client.half_done = None;
            return request;
        }
    }

    /// Answers a client.
    pub fn answer(&mut self, now: Time, poll: &Poll, id: ClientId, reply: &Value) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.waits_for = Waits::Not;
            client.conversation.answer(reply);
        }
        self.settle(now, poll, id);
        // What it has sent meanwhile no descriptor tells of.
        let client = self.clients.get(&id);
        self.has_more |= client.is_some_and(|client| client.conversation.has_more());
    }

    /// A client gets the answer to this when it is there.
    pub fn waits(&mut self, now: Time, poll: &Poll, id: ClientId, request: RequestId) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.waits_for = Waits::Answer(request);
        }
        self.settle(now, poll, id);
    }

    /// Answers this request, if somebody still waits for it.
    pub fn answer_request(&mut self, now: Time, poll: &Poll, request: RequestId, reply: &Value) {
        let waits = Waits::Answer(request);
        let mut clients = self.clients.iter();
        let client = clients.find(|(_, client)| client.waits_for == waits);
        if let Some((id, _)) = client {
            self.answer(now, poll, *id, reply);
        }
    }

    /// Tells who waits for the answer to this request one line of what it will be.
    pub fn tell_of_request(
        &mut self,
        now: Time,
        poll: &Poll,
        request: RequestId,
        line: &dyn Fn() -> Value,
    ) {
        let waits = Waits::Answer(request);
        let mut clients = self.clients.iter_mut();
        let client = clients.find(|(_, it)| it.waits_for == waits);
        if let Some((id, client)) = client {
            let id = *id;
            // No more than a reply, which has all of it again.
            let _ = client.conversation.add(&line());
            self.settle(now, poll, id);
        }
    }

    /// A client gets what happens from now on.
    pub fn follows(
        &mut self,
        now: Time,
        poll: &Poll,
        id: ClientId,
        (reply, programs): (&Value, Vec<String>),
    ) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.waits_for = Waits::Events(programs);
            client.conversation.begin_stream(reply);
        }
        self.settle(now, poll, id);
    }

    /// Whether anybody wants to hear what happens.
    #[must_use]
    pub fn has_followers(&self) -> bool {
        let mut clients = self.clients.values();
        clients.any(|client| matches!(client.waits_for, Waits::Events(_)))
    }

    /// Something has happened, to this program if to one.
    pub fn happened(&mut self, now: Time, poll: &Poll, program: Option<&str>, line: &Value) {
        let ids: Vec<ClientId> = self.clients.keys().copied().collect();
        for id in ids {
            let Some(client) = self.clients.get_mut(&id) else {
                continue;
            };
            let Waits::Events(programs) = &client.waits_for else {
                continue;
            };
            let is_meant =
                programs.is_empty() || program.is_some_and(|it| programs.iter().any(|p| p == it));
            if !is_meant {
                continue;
            }
            if client.conversation.add(line) {
                self.settle(now, poll, id);
            } else {
                self.tell(now, Trouble::Unread);
                self.close(poll, id);
            }
        }
    }

    /// Answers a client, and gives its connection away. `None`: it does not read.
    pub fn hand_over(&mut self, poll: &Poll, id: ClientId, reply: &Value) -> Option<OwnedFd> {
        let mut client = self.clients.remove(&id)?;
        poll.remove(client.peer.descriptor());
        client.conversation.begin_stream(reply);
        let output = client.conversation.output();
        let has_all = client.peer.write(output) == Transfer::Some(output.len());
        has_all.then(|| client.peer.into_descriptor())
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
