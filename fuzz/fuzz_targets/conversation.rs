//! What holds for the bytes of any client: checks/conversation.rs says it, to the tests as
//! well.

#![no_main]

#[path = "../checks/conversation.rs"]
mod conversation;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| conversation::check(bytes));
