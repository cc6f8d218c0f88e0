//! The program `lastout`: which mode, which exit status. What it is made of is in the
//! library; here is only the way in.

#![no_main]

lastout::entry!(lastout::run);

#[global_allocator]
static ARENA: lastout::linux::arena::Arena = lastout::linux::arena::Arena::new();
