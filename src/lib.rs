//! lastout: the init and process supervisor for containers that is last out.
//!
//! This crate is the shell around `lastout-core`: it acts, the core decides. The loop
//! is [`turn`]; what it may touch of Linux is in [`linux`].

pub mod cli;
pub mod config;
pub mod control;
pub mod face;
pub mod limits;
pub mod linux;
pub mod load;
pub mod logs;
pub mod narrate;
pub mod plan;
pub mod report;
pub mod say;
pub mod schedule;
pub mod single;
pub mod turn;
pub mod words;

mod start;

pub use start::run;
