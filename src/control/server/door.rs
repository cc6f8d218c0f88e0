//! Who is let in, and who has to leave for that.

use std::time::Duration;

use lastout_core::Time;

use super::super::conversation::Conversation;
use super::super::wire::{Access, Code, Refusal};
use super::{CLIENT, Client, ClientId, LISTENER, Server, Trouble, Waits};
use crate::linux::control::{Peer, own_uid};
use crate::linux::poll::{Interest, Poll, Token};

pub(super) const MOST_CLIENTS: usize = 64;
pub(super) const MOST_OF_A_USER: usize = 16;
/// Of all users but root, so that there is always room for root.
const MOST_OF_OTHERS: usize = 48;
/// How many clients a turn accepts.
const ACCEPTED_A_TURN: usize = 64;
/// For how long nobody who has just come has to leave for another one: the time that it
/// takes to ask something, even where the machine is busy.
const GRACE: Duration = Duration::from_millis(200);
/// The pause after a client could not be accepted, for want of descriptors.
const PAUSE: Duration = Duration::from_secs(1);

impl Server {
    /// Somebody wants to come in.
    pub fn knock(&mut self) {
        self.has_knocked = true;
    }

    /// Lets new clients in, if there are any.
    pub fn accept(&mut self, now: Time, poll: &Poll) {
        if !std::mem::take(&mut self.has_knocked) {
            return;
        }
        for _ in 0..ACCEPTED_A_TURN {
            if let Some(at) = self.next_room(now) {
                return self.pause(poll, at);
            }
            match self.listener.accept() {
                Ok(Some(peer)) => self.welcome(now, poll, peer),
                Ok(None) => return,
                Err(error) => {
                    self.tell(now, Trouble::Descriptors);
                    log::debug!("accept: {error}");
                    if !self.make_room(poll, &|_| true) {
                        return self.pause(poll, now.plus(PAUSE));
                    }
                }
            }
        }
    }

    /// Does not listen until then: the socket would be ready for ever.
    fn pause(&mut self, poll: &Poll, until: Time) {
        poll.remove(self.listener.descriptor());
        self.resumes = Some(until);
    }

    /// Listens again, if it is time to.
    pub(super) fn resume(&mut self, now: Time, poll: &Poll) {
        if self.resumes.is_some_and(|at| at <= now) {
            let added = poll.add(self.listener.descriptor(), LISTENER, Interest::Readable);
            // The kernel has no room for it now: ENOMEM, ENOSPC.
            self.resumes = added.err().map(|_| now.plus(PAUSE));
        }
    }

    /// When somebody can leave for one more, where nobody can now.
    fn next_room(&self, now: Time) -> Option<Time> {
        if self.clients.len() < MOST_CLIENTS {
            return None;
        }
        let idle = self.clients.values().filter(|client| client.is_idle());
        let at = idle.map(|client| client.came.plus(GRACE)).min()?;
        (at > now).then_some(at)
    }

    fn welcome(&mut self, now: Time, poll: &Poll, mut peer: Peer) {
        let refusal = match self.access_of(&peer) {
            Some(may) if self.has_room(now, poll, &mut peer) => {
                return self.admit(now, poll, peer, may);
            }
            Some(_) => {
                self.tell(now, Trouble::Full);
                let message = "too many connections are open, and all of them wait";
                Refusal::new(Code::TooMany, message)
            }
            None => {
                let message = format!("user {} may not talk to lastout", peer.uid);
                Refusal::new(Code::Forbidden, message).hint(
                    "root, lastout's own user and [control] readers may, in the same container",
                )
            }
        };
        // A line has room in a socket that is new; and then it ends.
        let _ = peer.write(Conversation::refusing(&refusal).output());
    }

    /// Most have asked something by the time that they are let in.
    fn admit(&mut self, now: Time, poll: &Poll, peer: Peer, may: Access) {
        let id = ClientId(self.next);
        let token = Token(CLIENT | id.0);
        if poll
            .add(peer.descriptor(), token, Interest::Readable)
            .is_err()
        {
            return;
        }
        self.next += 1;
        let client = Client {
            peer,
            conversation: Conversation::new(may),
            interest: Interest::Readable,
            came: now,
            since: now,
            half_done: None,
            waits_for: Waits::Not,
        };
        self.clients.insert(id, client);
        self.serve(now, poll, id);
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

    /// Whether there is room for one more, after somebody has made it.
    fn has_room(&mut self, now: Time, poll: &Poll, peer: &mut Peer) -> bool {
        let uid = peer.uid;
        let of_user = |client: &&Client| client.peer.uid == uid;
        let of_others = |client: &&Client| client.peer.uid != 0;
        let clients = || self.clients.values();
        let has_made = if uid != 0 && clients().filter(of_user).count() >= MOST_OF_A_USER {
            self.make_room(poll, &|client| client.peer.uid == uid)
        } else if uid != 0 && clients().filter(of_others).count() >= MOST_OF_OTHERS {
            self.make_room(poll, &|client| client.peer.uid != 0)
        } else if self.clients.len() >= MOST_CLIENTS {
            self.make_room(poll, &|client| client.came.plus(GRACE) <= now)
        } else if peer.is_of_the_last() {
            self.make_room(poll, &|_| true)
        } else {
            return true;
        };
        if has_made {
            peer.move_down();
            self.tell(now, Trouble::Full);
        }
        has_made
    }

    /// Lets the one of these go that has waited for its client for longest. Whether there
    /// was one.
    fn make_room(&mut self, poll: &Poll, of: &dyn Fn(&Client) -> bool) -> bool {
        let clients = self.clients.iter();
        let idle = clients.filter(|(_, client)| client.is_idle() && of(client));
        let Some((oldest, _)) = idle.min_by_key(|(_, client)| client.since) else {
            return false;
        };
        let oldest = *oldest;
        self.close(poll, oldest);
        true
    }
}
