//! The program `lastout`: which mode, which exit status. What it is made of is in the
//! library; here is only the way in and out.

#![cfg_attr(not(test), no_main)]

#[cfg(not(test))]
#[path = "linux/entry.rs"]
mod entry;
