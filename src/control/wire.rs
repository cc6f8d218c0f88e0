//! What goes over the control socket, the same for who asks and who answers: JSON Lines.
//! One request a line, one reply a line; a stream sends more. docs/protocol.md shows
//! every verb, field and error.
//!
//! The verbs are a closed list, what is not known is an error, and none takes a command
//! line or a path: whoever may talk to lastout can make it do nothing that its
//! configuration does not say.

mod fields;
mod json;
mod refusal;
mod request;
mod verb;

pub use json::parse;
pub use refusal::{Code, Refusal};
pub use request::{Patience, Request, Stream};
pub use verb::{Access, Field, Verb};

/// The version of this protocol. It grows when something is taken away or means something
/// else; what is new is answered with `unknown-verb` or `unknown-field` by who is older.
pub const PROTOCOL: u32 = 1;

/// The longest request, its newline included.
pub const LONGEST_REQUEST: usize = 64 << 10;

/// The longest reply, and the most that a client may leave unread of a stream.
pub const LONGEST_REPLY: usize = 1 << 20;

#[cfg(test)]
mod tests;
