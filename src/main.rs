//! The program `lastout`.

fn main() {}
