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

use ask::Conversation;
use out::Out;

use crate::control::wire::Verb;
use crate::linux::signals::Inherited;

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
            let text = format!("lastout: {what} (see `lastout {name} --help`)");
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
    let mut conversation = Conversation::begin(typed.option("socket"))?;
    conversation.ask(verb, line);
    let mut out = Out::new();
    if typed.has("json") {
        return as_it_is(&mut conversation, &mut out);
    }
    let reply = &mut conversation;
    match verb {
        Verb::Status => causes::status(&reply.answer()?, &mut out),
        Verb::Why => causes::why(&reply.answer()?, &mut out),
        Verb::Health => causes::health(&reply.answer()?, &mut out),
        Verb::Tree => people::tree(&reply.answer()?, &mut out),
        Verb::Report => people::report(&reply.answer()?, &mut out),
        Verb::Events => happened::events(reply, &mut out),
        Verb::Logs => written::logs(typed, reply, &mut out),
        Verb::Reload => outcomes::reload(&reply.answer()?, typed.has("dry-run"), &mut out),
        Verb::Start
        | Verb::Stop
        | Verb::Restart
        | Verb::Signal
        | Verb::ReloadPrograms
        | Verb::Wait => outcomes::programs(reply, &mut out),
        Verb::Hello | Verb::Shutdown => outcomes::text_of(&reply.answer()?, &mut out),
    }
}

/// Every line as it comes.
fn as_it_is(conversation: &mut Conversation, out: &mut Out) -> Outcome {
    let mut code = NOBODY;
    while let Some((line, value)) = conversation.next()? {
        out.say(&line);
        out.flush()?;
        code = answer::status_of(&value).unwrap_or(if code == NOBODY { 0 } else { code });
    }
    Ok(code)
}
