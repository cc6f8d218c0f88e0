//! A question and what is answered to it, line by line.

use std::ffi::OsString;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::Value;

use super::answer::text;
use super::connect::connect;
use super::out::Out;
use super::{Failure, NOBODY, REFUSED};
use crate::control::wire::{LONGEST_REPLY, Verb, parse};

/// How long a lastout may take that answers at once: it is stopped, or very busy.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// A connection.
#[derive(Debug)]
pub(super) struct Conversation {
    stream: UnixStream,
    patience: Duration,
    input: Vec<u8>,
    /// Where in it the next line begins.
    at: usize,
    /// How much of it is known to have no newline.
    searched: usize,
}

impl Conversation {
    /// With who answers. `place`: what the command line says; `patience`: how long what is
    /// answered at once may take, and to be let in.
    pub(super) fn begin(
        place: Option<&OsString>,
        patience: Duration,
    ) -> Result<Conversation, Failure> {
        Ok(Conversation::over(connect(place, patience)?, patience))
    }

    fn over(stream: UnixStream, patience: Duration) -> Conversation {
        Conversation {
            stream,
            patience,
            input: Vec::new(),
            at: 0,
            searched: 0,
        }
    }

    /// Asks the only question. Who follows goes on listening, and says so by not hanging up.
    pub(super) fn ask(&mut self, verb: Verb, line: &str, follows: bool) {
        let waits = match verb {
            Verb::Start
            | Verb::Stop
            | Verb::Restart
            | Verb::ReloadPrograms
            | Verb::Reload
            | Verb::Wait => true,
            Verb::Hello
            | Verb::Status
            | Verb::Signal
            | Verb::Logs
            | Verb::Events
            | Verb::Tree
            | Verb::Why
            | Verb::Health
            | Verb::Report
            | Verb::Shutdown => false,
        };
        let _ = self
            .stream
            .set_read_timeout((!waits).then_some(self.patience));
        // A refusal may be there already, and then nobody reads: it is the answer.
        let _ = self.stream.write_all(line.as_bytes());
        if !follows {
            let _ = self.stream.shutdown(std::net::Shutdown::Write);
        }
    }

    /// From now on lines come when they come.
    pub(super) fn follow(&mut self) {
        let _ = self.stream.set_read_timeout(None);
    }

    /// The answer, if it is no refusal.
    pub(super) fn answer(&mut self) -> Result<Value, Failure> {
        let Some((_, answer)) = self.next()? else {
            return Err(ended());
        };
        match refusal(&answer) {
            Some(refused) => Err(refused),
            None => Ok(answer),
        }
    }

    /// The next line, and what it says; `None`: there is no more.
    pub(super) fn next(&mut self) -> Result<Option<(String, Value)>, Failure> {
        loop {
            let rest = self.input.get(self.searched..).unwrap_or_default();
            if let Some(found) = rest.iter().position(|byte| *byte == b'\n') {
                let end = self.searched + found;
                let line = self.input.get(self.at..end).unwrap_or_default();
                let value = parse(line).map_err(wrong)?;
                let line = String::from_utf8_lossy(line).into_owned();
                self.at = end + 1;
                self.searched = self.at;
                return Ok(Some((line, value)));
            }
            self.input.drain(..self.at);
            self.at = 0;
            self.searched = self.input.len();
            // One reply, and what came behind it.
            if self.input.len() > 2 * LONGEST_REPLY {
                return Err(wrong("a line is too long"));
            }
            let mut buffer = [0; 16 << 10];
            match self.stream.read(&mut buffer) {
                Ok(0) if self.input.is_empty() => return Ok(None),
                Ok(0) => return Err(cut_off()),
                Ok(count) => self.input.extend(buffer.iter().take(count)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let text = "lastout: it is there, and does not answer within 10 s; \
                                is it stopped?";
                    return Err(Failure::Said(text.to_owned(), NOBODY));
                }
                // It has left without reading what was asked.
                Err(_) if self.input.is_empty() => return Ok(None),
                Err(_) => return Err(cut_off()),
            }
        }
    }

    /// Whether a whole line is here already.
    pub(super) fn has_line(&self) -> bool {
        let rest = self.input.get(self.searched..).unwrap_or_default();
        rest.contains(&b'\n')
    }
}

/// What is said if this is no answer but an error.
pub(super) fn refusal(answer: &Value) -> Option<Failure> {
    let error = answer.get("error")?;
    let mut said = Out::of(None, false);
    // The errors of a configuration have several lines, as `lastout check` prints them.
    let message = text(error, "message");
    said.put(if message.contains('\n') {
        ""
    } else {
        "lastout: "
    });
    for (number, line) in message.lines().enumerate() {
        said.put(if number > 0 { "\n" } else { "" });
        said.put_clean(line);
    }
    // What is asked here is known to whoever is of this version, whatever is near to it there.
    match text(error, "code") {
        "unknown-verb" | "unknown-field" => {
            said.put("; the lastout that answers is not of this version");
        }
        _ => {
            said.put_field("; ", error, "hint");
        }
    }
    Some(Failure::Said(said.take(), REFUSED))
}

fn wrong(what: &str) -> Failure {
    let text = ["lastout: what answers is no lastout: ", what].concat();
    Failure::Said(text, REFUSED)
}

/// Nothing was answered.
pub(super) fn ended() -> Failure {
    let text = "lastout: the connection ended before the answer came; has lastout ended?";
    Failure::Said(text.to_owned(), NOBODY)
}

/// A line has no end.
fn cut_off() -> Failure {
    let text = "lastout: the connection ended in the middle of a line; has lastout ended?";
    Failure::Said(text.to_owned(), NOBODY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::wire::Field;

    #[test]
    fn who_is_there_and_does_not_answer_at_once_is_nobody() {
        let (stream, _silent) = UnixStream::pair().unwrap();
        let mut conversation = Conversation::over(stream, Duration::from_millis(1));
        conversation.ask(Verb::Status, "{\"verb\":\"status\"}\n", false);
        let Err(Failure::Said(text, code)) = conversation.answer() else {
            panic!("it was answered");
        };
        assert_eq!(code, NOBODY);
        assert_eq!(
            text,
            "lastout: it is there, and does not answer within 10 s; is it stopped?"
        );
    }

    #[test]
    fn who_ends_in_the_middle_of_a_line_does_not_go_on() {
        let (stream, mut other) = UnixStream::pair().unwrap();
        let mut conversation = Conversation::over(stream, PATIENCE);
        other.write_all(b"{\"ok\":true}\n{\"mess").unwrap();
        drop(other);
        assert!(matches!(conversation.next(), Ok(Some(_))));
        let Err(Failure::Said(text, code)) = conversation.next() else {
            panic!("it was the end");
        };
        assert_eq!(code, NOBODY);
        assert!(text.contains("in the middle of a line"), "{text}");
    }

    #[test]
    fn who_does_not_know_what_is_asked_is_of_another_version() {
        for (error, expected) in [
            (
                "{\"error\":{\"code\":\"unknown-verb\",\"message\":\"no verb named why\"}}",
                "lastout: no verb named why; the lastout that answers is not of this version\n",
            ),
            (
                "{\"error\":{\"code\":\"unknown-field\",\"message\":\"stop has no field each\",\
                 \"hint\":\"x?\"}}",
                "lastout: stop has no field each; the lastout that answers is not of this version\n",
            ),
            (
                "{\"error\":{\"code\":\"stopping\",\"message\":\"it stops\",\"hint\":\"later\"}}",
                "lastout: it stops; later\n",
            ),
        ] {
            let Some(Failure::Said(text, REFUSED)) = refusal(&parse(error.as_bytes()).unwrap())
            else {
                panic!("{error}");
            };
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn only_what_is_answered_at_once_has_a_bound() {
        for verb in Verb::ALL {
            let (stream, _silent) = UnixStream::pair().unwrap();
            let mut conversation = Conversation::over(stream, PATIENCE);
            conversation.ask(verb, "", false);
            let bound = conversation.stream.read_timeout().unwrap();
            let waits = verb.fields().contains(&Field::Timeout) || verb == Verb::Reload;
            assert_eq!(bound, (!waits).then_some(PATIENCE), "{verb:?}");
        }
    }
}
