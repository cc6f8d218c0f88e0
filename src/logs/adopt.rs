//! PID 1's orders.

use std::io::ErrorKind;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

use log::Level;

use super::file::RotatedFile;
use super::format::{Split, prefix_of};
use super::history::History;
use super::message::{Adopt, Channel, MOST_BYTES, News, Order};
use super::relay::{FROM_SOURCE, Relay, TO_SINK};
use super::sink::Sink;
use super::source::{Awaited, Form, Source};
use crate::linux::poll::{Interest, Token};
use crate::linux::{orders, outlet};
use crate::plan::{Destination, LineFormat};

/// How many orders a turn takes.
const ORDERS: usize = 64;

/// For how long a relay without a PID 1 goes on.
const AFTER_PID_1: Duration = Duration::from_secs(1);

/// Of how many programs the last lines are kept, gone ones included.
const MOST_HISTORIES: usize = 1024;

impl Relay {
    /// Does what PID 1 says.
    pub(super) fn obey(&mut self) {
        // No longer than a message is: an order that is cut is none.
        let mut bytes = vec![0; MOST_BYTES];
        for _ in 0..ORDERS {
            let received = match orders::receive(self.orders.as_fd(), &mut bytes) {
                Ok(received) => received,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => return self.lose_pid_1(),
            };
            if received.length == 0 {
                return self.lose_pid_1();
            }
            let order = bytes.get(..received.length).and_then(Order::decode);
            match (order, received.descriptor) {
                (Some(Order::Adopt(adopt)), Some(pipe)) => self.adopt(adopt, pipe),
                (Some(Order::Serve(query)), Some(client)) => {
                    self.clients
                        .welcome(client, query, &self.histories, self.next);
                    self.around.news.push(News::Served);
                }
                (Some(Order::Reopen), _) => {
                    for sink in self.sinks.iter_mut().flatten() {
                        sink.reopen();
                    }
                }
                (Some(Order::Finish), _) => self.finish(None),
                (Some(Order::Adopt(_) | Order::Serve(_)), None) | (None, _) => {
                    self.say(
                        Level::Error,
                        "relay: an order could not be understood".into(),
                    );
                }
            }
        }
    }

    fn lose_pid_1(&mut self) {
        self.poll.remove(self.orders.as_fd());
        self.finish(Some(self.around.now + AFTER_PID_1));
    }

    fn say(&mut self, level: Level, text: String) {
        self.around.news.push(News::Say { level, text });
    }

    fn adopt(&mut self, adopt: Adopt, pipe: OwnedFd) {
        // There is somebody to be read again. PID 1 says anew when it is to leave.
        self.is_ending = false;
        let at = self.sources.iter().position(Option::is_none);
        let at = at.unwrap_or(self.sources.len());
        orders::never_wait(pipe.as_fd());
        let token = Token(FROM_SOURCE + at as u64);
        if let Err(error) = self.poll.add(pipe.as_fd(), token, Interest::Arrivals) {
            let program = &adopt.program;
            let text = format!("{program}: cannot wait for its output: {error}; it is not read");
            return self.say(Level::Error, text);
        }
        let history = self.history_of(&adopt.program);
        let kept = self.histories.get(history);
        let program = kept.map_or_else(|| adopt.program.into(), |kept| Rc::clone(&kept.program));
        let mut is_behind = false;
        for other in self.sources.iter_mut().flatten() {
            if other.history == history && other.channel == adopt.channel {
                other.owes = other.owes.max(orders::waiting_in(other.pipe.as_fd()));
                is_behind = true;
            }
        }
        let sink = self.sink_for(&adopt.relayed.to, adopt.channel);
        let form = match adopt.relayed.format {
            LineFormat::Raw => Form::Raw,
            LineFormat::Prefix => {
                let sink = self.sinks.get(sink).and_then(Option::as_ref);
                let in_colour = self.colour && sink.is_some_and(Sink::is_terminal);
                Form::Prefix(prefix_of(&program, in_colour).into_bytes())
            }
            LineFormat::Json => Form::Json(Split::default()),
        };
        let source = Source {
            id: adopt.source,
            pipe,
            program,
            pid: adopt.pid,
            channel: adopt.channel,
            sink,
            history,
            form,
            ready: adopt.ready.map(Awaited::new),
            kept: Vec::new(),
            decided: 0,
            is_at_end: false,
            owes: 0,
            is_behind,
            is_queued: false,
        };
        match self.sources.get_mut(at) {
            Some(place) => *place = Some(source),
            None => self.sources.push(Some(source)),
        }
        // Whether there is something shows.
        self.enqueue(at);
    }

    /// Where the lines of a program are kept.
    fn history_of(&mut self, program: &str) -> usize {
        let known = |kept: &History| &*kept.program == program;
        if let Some(at) = self.histories.iter().position(known) {
            return at;
        }
        let new = History::new(program.into());
        if self.histories.len() >= MOST_HISTORIES {
            let sources = &self.sources;
            let is_free = |at: &usize| !sources.iter().flatten().any(|one| one.history == *at);
            let free = (0..self.histories.len()).find(is_free);
            if let Some((at, place)) = free.and_then(|at| Some((at, self.histories.get_mut(at)?))) {
                *place = new;
                return at;
            }
        }
        self.histories.push(new);
        self.histories.len() - 1
    }

    /// Opens lastout's own stdout or stderr, and waits for room there from now on.
    pub(super) fn open_own(&mut self, at: usize, open: impl FnOnce() -> Sink) {
        let Some(place) = self.sinks.get_mut(at).filter(|place| place.is_none()) else {
            return;
        };
        if let Some(outlet) = place.insert(open()).descriptor() {
            // What cannot be waited for, a regular file or /dev/null, has always room.
            let token = Token(TO_SINK + at as u64);
            let _ = self.poll.add(outlet, token, Interest::Room);
        }
    }

    /// Where lines go that are to go there; several sources share what has one path.
    fn sink_for(&mut self, to: &Destination, channel: Channel) -> usize {
        let log = match to {
            Destination::Own => {
                // What is one for its reader is one here, so that no two lines are mixed.
                let are_one = outlet::are_one();
                let (at, number) = match channel {
                    Channel::Stderr if !are_one => (1, 2),
                    Channel::Stdout | Channel::Stderr => (0, 1),
                };
                self.open_own(at, || Sink::own(number, are_one || number == 2));
                return at;
            }
            Destination::File(log) => log,
        };
        for (at, sink) in self.sinks.iter_mut().enumerate() {
            let file = sink.as_mut().and_then(Sink::as_file_mut);
            if let Some(file) = file.filter(|file| file.log.path == log.path) {
                // Whoever comes last knows the newest configuration.
                file.ask(log);
                return at;
            }
        }
        let sink = Some(Sink::file(RotatedFile::new(log.clone())));
        let free = self.sinks.iter().skip(2).position(Option::is_none);
        match free.and_then(|at| Some((at + 2, self.sinks.get_mut(at + 2)?))) {
            Some((at, place)) => {
                *place = sink;
                at
            }
            None => {
                self.sinks.push(sink);
                self.sinks.len() - 1
            }
        }
    }
}
