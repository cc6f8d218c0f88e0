//! The very first instructions: the C library calls `main` here, without the Rust
//! runtime before it.
//!
//! The runtime would ignore SIGPIPE, which a command that is to get exactly lastout's
//! dispositions would inherit (PID-8), and would abort where a descriptor below 3 is
//! closed and there is no /dev/null (PID-9). Part of the program and not of the
//! library: whoever links the library has a `main` of his own.

use std::ffi::{CStr, OsStr, OsString, c_char, c_int};
use std::os::unix::ffi::OsStrExt;

/// What the C library calls.
// SAFETY: nothing else in the program is called main.
#[unsafe(no_mangle)]
extern "C" fn main(count: c_int, words: *const *const c_char) -> c_int {
    // Nothing may unwind into C; the loop has caught its own panics before (PID-7).
    let run = || lastout::run(|| args(count, words));
    std::panic::catch_unwind(run).map_or(1, c_int::from)
}

fn args(count: c_int, words: *const *const c_char) -> Vec<OsString> {
    let count = usize::try_from(count).unwrap_or(0);
    (0..count)
        .map(|index| {
            // SAFETY: the C library passes `count` pointers to strings that live as long
            // as the process.
            let word = unsafe { CStr::from_ptr(*words.add(index)) };
            OsStr::from_bytes(word.to_bytes()).to_owned()
        })
        .collect()
}
