//! The core of lastout: everything that can be got wrong in a supervisor, decided in
//! a pure state machine. Order, deadlines, races and identity live here; pids,
//! descriptors, clocks and files do not.
//!
//! ```text
//! handle(now, Event)                 a fact; always legal, never panics, bounded work
//! poll_action() -> Option<Action>    drained after every handle
//! next_deadline() -> Option<Time>    in the future after draining, or None
//! ```
//!
//! `now` never goes back. `handle(now, Event::Tick)` is always legal. The first `handle`
//! starts what is to start.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod action;
mod arrival;
mod describe;
mod due;
mod event;
mod fate;
mod graph;
mod hooks;
mod in_vain;
mod life;
mod message;
pub mod order;
mod overview;
mod program;
mod reason;
mod reload;
mod request;
mod requested;
mod restart;
mod schedule;
mod settle;
mod shutdown;
mod signal;
mod spec;
mod startup;
mod status;
mod stop;
mod supervisor;
#[cfg(test)]
mod tests;
mod time;
mod waiting;
mod watch;

pub use action::{
    Action, Aftermath, Care, Cause, FatalReason, Hook, KillReason, Notice, Question, Why, Work,
};
pub use event::Event;
pub use message::Message;
pub use overview::{Health, ProgramState, Status, WhyStep};
pub use reason::Reason;
pub use reload::{Change, Changes};
pub use request::{By, MOST_REQUESTS, Outcome, Refusal, Reply, Request, RequestId, Until};
pub use signal::{NotASignal, Signal};
pub use spec::{
    Autorestart, Concurrency, Condition, EndPolicy, FailureCodes, Forward, HealthAction,
    Healthcheck, Kind, LEFTOVER_TIME, Leftovers, Meaning, Need, ProbeTimes, ProgramId, ProgramSpec,
    Readiness, ReadyBy, Retries, RunId, STOP_TIMEOUT, Scope, SignalTable, Spec,
};
pub use status::{End, ExitStatus, SpawnFailure, Stage};
pub use supervisor::Supervisor;
pub use time::Time;
