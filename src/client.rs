//! The client of the control socket: `lastout VERB` from anywhere in the container.
//!
//! It asks one question on one connection, blocks until it is answered, and shows the
//! answer: a table or lines for people, the answer's own line with `--json`. It reads no
//! configuration, and knows of programs only what it is told.

pub mod complete;
pub mod verbs;

mod answer;
mod ask;
mod causes;
mod connect;
mod happened;
mod out;
mod outcomes;
mod people;
mod table;
mod typed;
mod written;

use answer::status_of;
use ask::Conversation;
use out::Out;
use serde_json::Value;

use crate::control::wire::Verb;
use crate::linux::signals::Inherited;

pub use out::complain;
pub use typed::{Typed, help, overview};

/// It was refused, or has failed.
const REFUSED: u8 = 1;
/// The command line is wrong.
const USAGE: u8 = 2;
/// Not all is well that should be.
const NOT_WELL: u8 = 3;
/// Nobody answers.
const NOBODY: u8 = 4;

/// Why there is no exit status of an answer.
#[derive(Debug)]
enum Failure {
    /// This is to be said, and this the status.
    Said(String, u8),
    /// Who reads our output does not any more.
    Unread,
}

/// What a question comes to.
type Outcome = Result<u8, Failure>;

/// Does what was typed, and gives the exit status.
#[must_use]
pub fn run(typed: &Typed, inherited: &Inherited) -> u8 {
    // A client dies of Ctrl-C and of a reader that goes away as any command does.
    inherited.blocked.set();
    let outcome = match typed.request() {
        Err(what) => {
            let name = typed.command.name;
            let text = ["lastout: ", &what, " (see `lastout ", name, " --help`)"].concat();
            Err(Failure::Said(text, USAGE))
        }
        Ok(Some((verb, line))) => ask(typed, verb, &line),
        Ok(None) => complete::script(typed),
    };
    match outcome {
        Ok(code) => code,
        Err(Failure::Said(text, code)) => {
            out::complain(&text);
            code
        }
        Err(Failure::Unread) => REFUSED,
    }
}

fn ask(typed: &Typed, verb: Verb, line: &str) -> Outcome {
    let mut conversation = Conversation::begin(typed.option("socket"), ask::PATIENCE)?;
    conversation.ask(verb, line, typed.has("follow"));
    if typed.has("json") {
        if typed.has("follow") {
            conversation.follow();
        }
        return as_it_is(&mut conversation);
    }
    let mut out = Out::new();
    match verb {
        Verb::Events => return happened::events(&mut conversation, &mut out),
        Verb::Logs => return written::logs(typed, &mut conversation),
        Verb::Start
        | Verb::Stop
        | Verb::Restart
        | Verb::Signal
        | Verb::ReloadPrograms
        | Verb::Wait => {
            let awaited = typed.option("for").and_then(|state| state.to_str());
            return outcomes::programs(&mut conversation, awaited, &mut out);
        }
        Verb::Hello
        | Verb::Status
        | Verb::Why
        | Verb::Health
        | Verb::Tree
        | Verb::Report
        | Verb::Reload
        | Verb::Shutdown => {}
    }
    let answer = conversation.answer()?;
    if verb == Verb::Reload {
        outcomes::reload(&answer, typed.has("dry-run"), &mut out);
    } else {
        show(verb, &answer, &mut out);
    }
    out.end(status_of(&answer))
}

/// An answer that is one line, for people.
fn show(verb: Verb, answer: &Value, out: &mut Out) {
    match verb {
        Verb::Status => causes::status(answer, out),
        Verb::Why => causes::why(answer, out),
        Verb::Health => causes::health(answer, out),
        Verb::Tree => people::tree(answer, out),
        Verb::Report => people::report(answer, out),
        Verb::Hello
        | Verb::Reload
        | Verb::Shutdown
        | Verb::Start
        | Verb::Stop
        | Verb::Restart
        | Verb::Signal
        | Verb::ReloadPrograms
        | Verb::Wait
        | Verb::Events
        | Verb::Logs => {
            out.put_field("", answer, "text");
            out.put("\n");
        }
    }
}

/// Every line as it comes.
fn as_it_is(conversation: &mut Conversation) -> Outcome {
    let mut code = None;
    while let Some((line, value)) = conversation.next()? {
        out::write(&[line, "\n".to_owned()].concat())?;
        // The first line is the answer, others only follow it; an error ends them.
        if code.is_none() || value.get("error").is_some() {
            code = Some(status_of(&value));
        }
    }
    code.map_or_else(|| Err(ask::ended()), Ok)
}
