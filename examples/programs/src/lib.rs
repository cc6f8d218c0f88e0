//! What the small programs of this folder share: reading their arguments, waiting
//! for a signal, forking, and saying a line.
//!
//! They show how a program behaves well, or badly, when it is asked to leave. None
//! of them sleeps to wait for something: a signal is blocked as the first thing and
//! then waited for with `rt_sigtimedwait(2)`, so that one that comes early is not
//! lost but waits until it is asked for.

pub mod arguments;
pub mod process;
pub mod signals;

/// Writes one line to standard output with one `write(2)`. Nobody reading is not an
/// error: last words are said to whom it may concern.
pub fn say(line: &str) {
    write_line(libc::STDOUT_FILENO, line);
}

/// Says on standard error what is wrong, and exits with `status`.
pub fn fail(status: i32, line: &str) -> ! {
    write_line(libc::STDERR_FILENO, line);
    process::exit(status)
}

fn write_line(descriptor: i32, line: &str) {
    let bytes = format!("{line}\n");
    // SAFETY: the pointer and the length are those of one live buffer.
    unsafe {
        libc::write(descriptor, bytes.as_ptr().cast(), bytes.len());
    }
}
