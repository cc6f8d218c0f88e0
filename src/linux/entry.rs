//! The way into the process and out of it.
//!
//! `main` is the C library's, without Rust's own start before it: that asks for the
//! stack's limits, makes a second stack and handlers for its overflow, and ignores
//! SIGPIPE, all before the first line of ours, while a signal that comes to PID 1 is
//! lost until it is blocked (SIG-4). The way out skips what a process that ends need
//! not do: nothing is torn down that the kernel takes back at one stroke.

use std::ffi::{CStr, OsStr, OsString, c_char, c_int};
use std::os::unix::ffi::OsStrExt;

use super::signals::Inherited;

/// Makes a function of the arguments and of what was inherited the program's `main`; it
/// gives the exit status.
#[macro_export]
macro_rules! entry {
    ($run:path) => {
        /// What the C library calls.
        ///
        /// # Safety
        /// Nobody else calls it.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn main(
            count: ::std::ffi::c_int,
            arguments: *const *const ::std::ffi::c_char,
        ) -> ::std::ffi::c_int {
            // SAFETY: these are what the C library calls `main` with.
            unsafe { $crate::linux::entry::enter(count, arguments, $run) }
        }
    };
}

/// Blocks all signals, reads the arguments, runs, and leaves.
///
/// # Safety
/// `arguments` are `count` null-terminated strings.
pub unsafe fn enter(
    count: c_int,
    arguments: *const *const c_char,
    run: fn(Vec<OsString>, Inherited) -> u8,
) -> c_int {
    let inherited = Inherited::take();
    let mut all = Vec::new();
    for index in 0..usize::try_from(count).unwrap_or(0) {
        // SAFETY: the caller says that there are so many, each a string.
        let argument = unsafe { CStr::from_ptr(*arguments.add(index)) };
        all.push(OsStr::from_bytes(argument.to_bytes()).to_os_string());
    }
    let code = run(all, inherited);
    // SAFETY: nothing is buffered that anybody waits for.
    unsafe { libc::_exit(c_int::from(code)) }
}
