//! The static binary walks no stack for a backtrace.
//!
//! Nobody would see one: our own hook logs a panic with its place and nothing more, and
//! in a stripped binary the functions have no names. But the standard library's hook,
//! which ours replaces, prints backtraces, and for that it brings along readers of DWARF,
//! of compressed sections and of mangled names: 212 KB. They are all reached through
//! `_Unwind_Backtrace`. With one that says at once that there are no frames, the compiler
//! sees that nobody calls them. Unwinding itself does not use it.
//!
//! `cfg(no_backtraces)` is set where the linker is told to take the first of two
//! definitions (.cargo/config.toml).

use std::ffi::{c_int, c_void};

/// The walk is over: `_URC_END_OF_STACK` of the ABI.
const END_OF_STACK: c_int = 5;

/// Calls `each` for no frame.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Backtrace(_each: *const c_void, _state: *mut c_void) -> c_int {
    END_OF_STACK
}
