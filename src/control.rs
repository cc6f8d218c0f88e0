//! The control socket: bytes in, requests out; replies in, bytes out. Who may ask what,
//! how many at once, and for how long ([`wire`] says what, docs/protocol.md shows it).
//!
//! Nothing here decides what becomes of a program: a request is a fact of the core as a
//! signal is one. The stop needs nothing of this, and waits for nothing of it.

pub mod answers;
pub mod conversation;
pub mod events;
pub mod names;
pub mod object;
pub mod place;
pub mod server;
pub mod settings;
pub mod wire;
