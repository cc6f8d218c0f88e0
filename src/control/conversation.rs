//! One connection without its descriptor: bytes in, requests out; replies in, bytes out.
//!
//! Whatever is sent and however it is cut, the same requests come out, and to what is no
//! request the same answer. One request is answered after the other, and none is looked at
//! while an answer waits to be written, so that who does not read is not served either.

use super::object::Json;
use super::wire::{Access, Code, LONGEST_REPLY, LONGEST_REQUEST, Refusal, Request};

/// What two sides have said to each other, and not heard yet.
#[derive(Debug)]
pub struct Conversation {
    may: Access,
    input: Vec<u8>,
    /// How much of it was understood.
    begin: usize,
    /// Up to where there is no newline, as far as is known.
    searched: usize,
    /// Whether the client has said all.
    input_is_over: bool,
    output: Vec<u8>,
    written: usize,
    phase: Phase,
}

/// How far a conversation is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// The next line is a request.
    Listening,
    /// A request is to be answered.
    Asked,
    /// Lines are sent until one side ends it.
    Streaming,
    /// What is not written yet is all that will be.
    Ending,
}

impl Conversation {
    /// With somebody who may do this.
    #[must_use]
    pub fn new(may: Access) -> Conversation {
        Conversation {
            may,
            input: Vec::new(),
            begin: 0,
            searched: 0,
            input_is_over: false,
            output: Vec::new(),
            written: 0,
            phase: Phase::Listening,
        }
    }

    /// With somebody who is told this, and nothing else.
    #[must_use]
    pub fn refusing(refusal: &Refusal) -> Conversation {
        let mut conversation = Conversation::new(Access::Ask);
        conversation.end_with(refusal);
        conversation
    }

    /// What the other side may do.
    #[must_use]
    pub fn may(&self) -> Access {
        self.may
    }

    /// Whether it is to be read from: what was read is to be understood first.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        self.is_ready() && !self.input_is_over && self.unread().len() < LONGEST_REQUEST
    }

    /// Whether the next line is to be looked at.
    fn is_ready(&self) -> bool {
        self.phase == Phase::Listening && self.output().is_empty()
    }

    /// What was sent and not understood yet.
    fn unread(&self) -> &[u8] {
        self.input.get(self.begin..).unwrap_or_default()
    }

    /// These bytes were sent.
    pub fn hear(&mut self, bytes: &[u8]) {
        if self.phase != Phase::Ending {
            self.input.drain(..self.begin);
            self.searched -= self.begin;
            self.begin = 0;
            self.input.extend_from_slice(bytes);
        }
    }

    /// Nothing more will be sent.
    pub fn hear_end(&mut self) {
        self.input_is_over = true;
    }

    /// Whether a request was begun and not finished.
    #[must_use]
    pub fn is_half_done(&self) -> bool {
        self.is_ready() && !self.unread().is_empty() && !self.has_more()
    }

    /// Whether [`Conversation::next_request`] has something to look at.
    #[must_use]
    pub fn has_more(&self) -> bool {
        let has_line = || self.input.get(self.searched..).is_some_and(has_newline);
        let is_full = || self.unread().len() >= LONGEST_REQUEST;
        self.is_ready() && (self.input_is_over || is_full() || has_line())
    }

    /// The next request. Until it is answered there is no other one. What is no request is
    /// answered here.
    pub fn next_request(&mut self) -> Option<Request> {
        while self.is_ready() {
            let Some(line) = self.next_line() else {
                if self.input_is_over && self.unread().is_empty() {
                    self.phase = Phase::Ending;
                }
                return None;
            };
            let is_blank = |byte: &u8| byte.is_ascii_whitespace();
            if line.iter().all(is_blank) {
                continue;
            }
            match Request::read(&line).and_then(|request| self.allowed(request)) {
                Ok(request) => {
                    self.phase = Phase::Asked;
                    return Some(request);
                }
                Err(refusal) => self.put(&refusal.to_reply()),
            }
        }
        None
    }

    fn allowed(&self, request: Request) -> Result<Request, Refusal> {
        match (request.verb().access(), self.may) {
            (Access::Ask, _) | (Access::Act, Access::Act) => Ok(request),
            (Access::Act, Access::Ask) => {
                let message = format!("a reader may not {}", request.verb().name());
                Err(Refusal::new(Code::Forbidden, message)
                    .hint("root and lastout's own user may do everything"))
            }
        }
    }

    /// Takes the next line out. Ends the conversation where it is too long.
    fn next_line(&mut self) -> Option<Vec<u8>> {
        let rest = self.input.get(self.searched..).unwrap_or_default();
        let newline = rest.iter().position(|byte| *byte == b'\n');
        let end = match newline {
            Some(at) => self.searched + at + 1,
            None => self.input.len(),
        };
        let length = end - self.begin;
        let is_too_long = match newline {
            Some(_) => length > LONGEST_REQUEST,
            None => length >= LONGEST_REQUEST,
        };
        if is_too_long {
            let message = format!("a request has at most {LONGEST_REQUEST} bytes");
            self.end_with(&Refusal::new(Code::TooLong, message));
            return None;
        }
        self.searched = end;
        if newline.is_none() && !(self.input_is_over && length > 0) {
            return None;
        }
        let line = self.input.get(self.begin..end).map(<[u8]>::to_vec);
        self.begin = end;
        if self.unread().is_empty() {
            self.forget_input();
        }
        line
    }

    fn forget_input(&mut self) {
        self.input = Vec::new();
        self.begin = 0;
        self.searched = 0;
    }

    /// Answers the request.
    pub fn answer(&mut self, reply: &Json) {
        if self.phase == Phase::Asked {
            self.phase = Phase::Listening;
            self.put(reply);
        }
    }

    /// Answers the request, and more lines follow.
    pub fn begin_stream(&mut self, reply: &Json) {
        if self.phase == Phase::Asked {
            self.phase = Phase::Streaming;
            self.put(reply);
            // Whatever else was sent is not for us.
            self.forget_input();
        }
    }

    /// One line more of a stream, or of what comes before an answer. False: so much is
    /// unread that this ends it.
    pub fn add(&mut self, line: &Json) -> bool {
        if !matches!(self.phase, Phase::Streaming | Phase::Asked) {
            return true;
        }
        self.put(line);
        self.output().len() <= LONGEST_REPLY
    }

    /// Says why it ends.
    pub fn end_with(&mut self, refusal: &Refusal) {
        self.put(&refusal.to_reply());
        self.forget_input();
        self.phase = Phase::Ending;
    }

    fn put(&mut self, reply: &Json) {
        if reply.bytes().len() >= LONGEST_REPLY {
            let message = "the answer would be longer than 1 MiB";
            let refusal = Refusal::new(Code::TooMuch, message).hint("name fewer programs");
            return self.put(&refusal.to_reply());
        }
        if self.output().is_empty() {
            self.written = 0;
            self.output.clear();
        }
        self.output.extend_from_slice(reply.bytes());
        self.output.push(b'\n');
    }

    /// What is to be written.
    #[must_use]
    pub fn output(&self) -> &[u8] {
        self.output.get(self.written..).unwrap_or_default()
    }

    /// This much of it was.
    pub fn wrote(&mut self, count: usize) {
        self.written += count;
        if self.output().is_empty() {
            self.output = Vec::new();
            self.written = 0;
        } else if self.written >= LONGEST_REPLY / 4 {
            self.output.drain(..self.written);
            self.written = 0;
        }
    }

    /// Whether somebody waits for something to happen, rather than for the client.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        let waits = matches!(self.phase, Phase::Asked | Phase::Streaming);
        waits && self.output().is_empty()
    }

    /// Whether nothing more will be said.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Ending && self.output().is_empty()
    }
}

fn has_newline(bytes: &[u8]) -> bool {
    bytes.contains(&b'\n')
}

#[cfg(test)]
mod tests;
