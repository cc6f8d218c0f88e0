//! The chapter PID of the contract: one engine, its scope, its children. What it does
//! where something is missing is in tests/poor, that it sleeps in tests/idle.rs.

mod daemons;
mod reaping;
mod scope;
mod single;
mod slate;
mod start;
