//! Linux: every system call and every `unsafe` of lastout. Nothing here decides; it
//! carries out and reports. No raw pid, descriptor number or errno leaves this module.

pub mod alarm;
pub mod arena;
#[cfg(no_backtraces)]
mod backtrace;
pub mod cgroup;
pub mod clock;
pub mod control;
pub mod descriptors;
pub mod entry;
pub mod everybody;
pub mod interpreter;
pub mod logfile;
pub mod mark;
pub mod notify;
pub mod oom;
pub mod orders;
pub mod outlet;
pub mod parent;
pub mod passwd;
pub mod people;
pub mod pipe;
pub mod poll;
mod privileges;
mod probe;
pub mod proc;
pub mod relay;
pub mod sandbox;
pub mod shared;
pub mod signals;
pub mod spawn;
pub mod stderr;
pub mod tell;
pub mod terminal;
pub mod tree;
pub mod wait;

#[cfg(test)]
pub(crate) mod testing;
