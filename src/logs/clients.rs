//! Who asks for a program's lines (`lastout logs`): first those that are kept, then, who
//! follows, those that come. Nobody is waited for: a follower for whom 1 MiB waits is let
//! go, and there are at most 64.

use std::io::ErrorKind;
use std::os::fd::{AsFd, OwnedFd};

use log::Level;

use super::format::{Writer, objects};
use super::frame::Parts;
use super::history::{Chunk, History};
use super::message::{Channel, News, Query};
use super::output::Output;
use crate::linux::orders;
use crate::linux::poll::{Interest, Poll, Token};

/// How many there may be at once.
const MOST_CLIENTS: usize = 64;

/// How much may wait for a follower.
const MOST_WAITING: usize = 1024 * 1024;

/// How much of what is kept is made ready for a client at once.
const AT_ONCE: usize = 32 * 1024;

/// All clients.
#[derive(Debug, Default)]
pub(super) struct Clients {
    all: Vec<Client>,
    last: u64,
}

#[derive(Debug)]
struct Client {
    number: u64,
    socket: OwnedFd,
    query: Query,
    stage: Stage,
    out: Output,
    sent: usize,
    /// What it is waited for.
    interest: Interest,
}

/// What a client gets next.
#[derive(Debug)]
enum Stage {
    /// What is kept.
    Kept(Cursor),
    /// What comes.
    Live,
    /// Nothing more.
    Done,
}

#[derive(Debug)]
struct Cursor {
    /// The next chunk is this or a later one.
    number: u64,
    /// How many bytes of it are left, if it was begun.
    left: Option<usize>,
    /// What comes with this number or later was written after the question.
    until: u64,
    /// How many lines are not wanted yet.
    skip: u64,
}

impl Query {
    fn wants(&self, program: &str, channel: Channel) -> bool {
        let is_named = self.programs.is_empty() || self.programs.iter().any(|one| one == program);
        is_named && self.channel.is_none_or(|wanted| wanted == channel)
    }

    /// The first lines of this number or a later one that it wants.
    fn next<'a>(&self, kept: &'a [History], number: u64) -> Option<(&'a History, &'a Chunk)> {
        let mut first: Option<(&History, &Chunk)> = None;
        for history in kept {
            let mut from = number;
            while let Some(chunk) = history.from(from) {
                if first.is_some_and(|(_, first)| first.number < chunk.number) {
                    break;
                }
                if self.wants(&history.program, chunk.channel) {
                    first = Some((history, chunk));
                    break;
                }
                from = chunk.number + 1;
            }
        }
        first
    }
}

impl Clients {
    /// A client has asked. `token` is what [`Poll`] is to report a client as, whose number is
    /// to be added; `next` is the number of what will be written next.
    pub(super) fn welcome(&mut self, socket: OwnedFd, query: Query, kept: &[History], next: u64) {
        if self.all.len() >= MOST_CLIENTS {
            let refusal: &[u8] =
                b"{\"error\":{\"code\":\"too-many-connections\",\"message\":\"64 clients are \
                served lines already\",\"hint\":\"end one of them\"}}\n";
            // Whoever does not read it sees that the connection ends.
            let _ = orders::send(socket.as_fd(), refusal);
            return;
        }
        let skip = query.lines.map_or(0, |wanted| {
            let (mut lines, mut number, mut bytes) = (0, 0, Vec::new());
            while let Some((history, chunk)) = query.next(kept, number) {
                number = chunk.number + 1;
                bytes.clear();
                history.copy(chunk.number, &mut bytes);
                lines += Parts::new(&bytes, true).count() as u64;
            }
            lines.saturating_sub(u64::from(wanted))
        });
        self.last += 1;
        self.all.push(Client {
            number: self.last,
            socket,
            query,
            stage: Stage::Kept(Cursor {
                number: 0,
                left: None,
                until: next,
                skip,
            }),
            out: Output::new(),
            sent: 0,
            // Not waited for yet: see `turn`.
            interest: Interest::Arrivals,
        });
    }

    /// A program has written lines.
    pub(super) fn tell(&mut self, writer: &Writer<'_>, lines: &[u8]) {
        for client in &mut self.all {
            let is_live = matches!(client.stage, Stage::Live);
            if !is_live || !client.query.wants(writer.program, writer.channel) {
                continue;
            }
            let most = client.sent + MOST_WAITING + 1;
            let parts = &mut Parts::new(lines, true);
            objects(&mut client.out, parts, writer, None, most);
        }
    }

    /// The client with this number can be written to, or has something to say: that it is
    /// gone.
    pub(super) fn hear(&mut self, number: u64, poll: &Poll) {
        let Some(at) = self.all.iter().position(|client| client.number == number) else {
            return;
        };
        let Some(client) = self.all.get_mut(at) else {
            return;
        };
        let is_gone = match client.interest {
            Interest::Readable => {
                let mut ignored = [0; 4096];
                match orders::receive(client.socket.as_fd(), &mut ignored) {
                    Ok(received) => received.length == 0,
                    Err(error) => error.kind() != ErrorKind::WouldBlock,
                }
            }
            Interest::Writable | Interest::Either => {
                client.watch(Interest::Arrivals, poll, Token(number));
                false
            }
            Interest::Arrivals | Interest::Room => false,
            Interest::Closed => true,
        };
        if is_gone {
            let client = self.all.swap_remove(at);
            poll.remove(client.socket.as_fd());
        }
    }

    /// Sends what there is to be sent. Returns whether there is more that can be sent at once.
    pub(super) fn turn(
        &mut self,
        kept: &[History],
        base: Token,
        poll: &Poll,
        news: &mut Vec<News>,
    ) -> bool {
        let mut has_more = false;
        self.all.retain_mut(|client| {
            let token = Token(base.0 + client.number);
            if client.interest == Interest::Writable && client.waiting() <= MOST_WAITING {
                return true;
            }
            if client.waiting() == 0 {
                client.fill(kept);
            }
            let goes_on = client.send();
            let waiting = client.waiting();
            if waiting > MOST_WAITING {
                news.push(News::Say {
                    level: Level::Info,
                    text: "logs: a client that follows and does not read is let go: 1 MiB waits \
                        for it"
                        .into(),
                });
            }
            let is_done = matches!(client.stage, Stage::Done) && waiting == 0;
            if !goes_on || is_done || waiting > MOST_WAITING {
                client.watch(Interest::Arrivals, poll, token);
                return false;
            }
            match client.stage {
                _ if waiting > 0 => client.watch(Interest::Writable, poll, token),
                Stage::Live => client.watch(Interest::Readable, poll, token),
                Stage::Kept(_) | Stage::Done => has_more = true,
            }
            true
        });
        has_more
    }
}

impl Client {
    fn waiting(&self) -> usize {
        self.out.len() - self.sent
    }

    /// Waits for this from now on; [`Interest::Arrivals`]: for nothing.
    fn watch(&mut self, interest: Interest, poll: &Poll, token: Token) {
        if self.interest == interest {
            return;
        }
        if self.interest != Interest::Arrivals {
            poll.remove(self.socket.as_fd());
        }
        self.interest = interest;
        if interest != Interest::Arrivals && poll.add(self.socket.as_fd(), token, interest).is_err()
        {
            // Not waited for, it is tried again in every turn.
            self.interest = Interest::Arrivals;
        }
    }

    /// Sends what finds room. `false`: the client is gone.
    fn send(&mut self) -> bool {
        let rest = self.out.bytes().get(self.sent..).unwrap_or_default();
        if rest.is_empty() {
            return true;
        }
        match orders::send(self.socket.as_fd(), rest) {
            Ok(sent) => self.sent += sent,
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
        if self.sent * 2 > self.out.len() {
            self.out.drop_front(self.sent);
            self.sent = 0;
            if self.out.is_empty() {
                self.out.clear(AT_ONCE);
            }
        }
        true
    }

    /// Makes the next of what is kept ready, or finds that there is no more.
    fn fill(&mut self, kept: &[History]) {
        let mut bytes = Vec::new();
        while let Stage::Kept(cursor) = &mut self.stage {
            if self.out.len() >= AT_ONCE {
                return;
            }
            let until = if self.query.follow {
                u64::MAX
            } else {
                cursor.until
            };
            let next = self.query.next(kept, cursor.number);
            let Some((history, chunk)) = next.filter(|(_, chunk)| chunk.number < until) else {
                self.stage = if self.query.follow {
                    Stage::Live
                } else {
                    Stage::Done
                };
                return;
            };
            bytes.clear();
            history.copy(chunk.number, &mut bytes);
            let left = cursor.left.filter(|_| chunk.number == cursor.number);
            let begin = bytes.len() - left.unwrap_or(bytes.len()).min(bytes.len());
            let mut lines = Parts::new(bytes.get(begin..).unwrap_or_default(), true);
            while cursor.skip > 0 && lines.next().is_some() {
                cursor.skip -= 1;
            }
            let writer = Writer {
                program: &history.program,
                pid: chunk.pid,
                channel: chunk.channel,
                micros: chunk.micros,
            };
            objects(&mut self.out, &mut lines, &writer, None, AT_ONCE);
            if lines.rest().is_empty() {
                cursor.number = chunk.number + 1;
                cursor.left = None;
            } else {
                cursor.number = chunk.number;
                cursor.left = Some(lines.rest().len());
            }
        }
    }
}
