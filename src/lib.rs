//! lastout: the init and process supervisor for containers that is last out.
//!
//! This crate is the shell around `lastout-core`: it acts, the core decides.

pub mod config;
pub mod linux;
pub mod plan;
