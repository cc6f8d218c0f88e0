//! Linux: every system call and every `unsafe` of lastout. Nothing here decides; it
//! carries out and reports. No raw pid, descriptor number or errno leaves this module.

pub mod cgroup;
pub mod everybody;
pub mod mark;
pub mod passwd;
pub mod proc;

#[cfg(test)]
mod testing;
