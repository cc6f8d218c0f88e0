//! What clients are told: answers, now or when they are there, and what happens.

use std::os::fd::OwnedFd;

use lastout_core::{RequestId, Time};

use super::super::object::Json;
use super::{ClientId, Server, Trouble, Waits};
use crate::linux::control::Transfer;
use crate::linux::poll::Poll;

impl Server {
    /// Answers a client.
    pub fn answer(&mut self, now: Time, poll: &Poll, id: ClientId, reply: &Json) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.waits_for = Waits::Not;
            client.conversation.answer(reply);
        }
        self.settle(now, poll, id);
    }

    /// A client gets the answer to this when it is there.
    pub fn waits(&mut self, now: Time, poll: &Poll, id: ClientId, request: RequestId) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.waits_for = Waits::Answer(request);
        }
        self.settle(now, poll, id);
    }

    /// Answers this request, if somebody still waits for it.
    pub fn answer_request(&mut self, now: Time, poll: &Poll, request: RequestId, reply: &Json) {
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
        line: &dyn Fn() -> Json,
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
        (reply, programs): (&Json, Vec<String>),
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
    pub fn happened(&mut self, now: Time, poll: &Poll, program: Option<&str>, line: &Json) {
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
    pub fn hand_over(&mut self, poll: &Poll, id: ClientId, reply: &Json) -> Option<OwnedFd> {
        let mut client = self.clients.remove(&id)?;
        poll.remove(client.peer.descriptor());
        client.conversation.begin_stream(reply);
        let output = client.conversation.output();
        let has_all = client.peer.write(output) == Transfer::Some(output.len());
        has_all.then(|| client.peer.into_descriptor())
    }
}
