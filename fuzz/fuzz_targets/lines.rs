//! What holds for the lines of any bytes: checks/lines.rs says it, to the tests as well.

#![no_main]

#[path = "../checks/lines.rs"]
mod lines;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| lines::check(bytes));
