//! The relay: whole lines from the programs' pipes to where they are to go.
//!
//! It is a process of its own, forked from PID 1, and there only while a program's
//! output is to be prefixed, made JSON of, or written to a file. Whatever holds it up (a
//! reader that does not read, a disk that is full) holds up neither PID 1 nor the stop.
//! [`message`] is all that the two say to each other.

mod adopt;
mod clients;
mod file;
pub mod format;
pub mod frame;
mod history;
pub mod message;
pub mod object;
pub mod output;
mod own;
mod pass;
pub mod relay;
mod sink;
mod source;

#[cfg(test)]
mod tests;
