//! Forking and leaving.

use std::ffi::CString;

/// Which side of a fork one is on.
pub enum Side {
    /// The parent, with the pid of the child.
    Parent(i32),
    /// The child.
    Child,
}

/// How the C library takes the name of a limit: musl signed, glibc unsigned.
#[cfg(target_env = "musl")]
pub type Resource = libc::c_int;
/// How the C library takes the name of a limit: musl signed, glibc unsigned.
#[cfg(not(target_env = "musl"))]
pub type Resource = libc::__rlimit_resource_t;

/// Forks. These programs have one thread, so the child may do everything.
/// `Err` with the error number.
pub fn fork() -> Result<Side, i32> {
    // SAFETY: there is only one thread, so no lock can be held by a thread that is not
    // there in the child.
    match unsafe { libc::fork() } {
        -1 => Err(std::io::Error::last_os_error().raw_os_error().unwrap_or(0)),
        0 => Ok(Side::Child),
        pid => Ok(Side::Parent(pid)),
    }
}

/// Starts a session of its own: away from the terminal, the session and the process
/// group of who started it.
pub fn leave_session() {
    // SAFETY: setsid takes nothing and touches no memory.
    unsafe {
        libc::setsid();
    }
}

/// Waits for a child; the status as `waitpid(2)` gives it, or `None` when there is no such.
#[must_use]
pub fn wait_for_child(pid: i32) -> Option<i32> {
    let mut status = 0;
    loop {
        // SAFETY: the status is a live integer.
        let reaped = unsafe { libc::waitpid(pid, &raw mut status, 0) };
        if reaped > 0 {
            return Some(status);
        }
        if std::io::Error::last_os_error().raw_os_error() != Some(libc::EINTR) {
            return None;
        }
    }
}

/// The pid of this process, as its own PID namespace counts.
#[must_use]
pub fn id() -> i32 {
    // SAFETY: getpid takes nothing and touches no memory.
    unsafe { libc::getpid() }
}

/// Leaves at once, without unwinding and without flushing what a parent had buffered.
pub fn exit(status: i32) -> ! {
    // SAFETY: _exit does not return and touches no memory.
    unsafe { libc::_exit(status) }
}

/// Becomes another program; returns only when it cannot, with the error number.
/// `environment` of `None`: this one's.
#[must_use]
pub fn exec(command: &[String], environment: Option<&[String]>) -> i32 {
    let Some(arguments) = c_strings(command) else {
        return libc::EINVAL;
    };
    let Some(variables) = c_strings(environment.unwrap_or_default()) else {
        return libc::EINVAL;
    };
    let argv = pointers(&arguments);
    let envp = pointers(&variables);
    // SAFETY: both arrays end with a null pointer, and what they point to lives on; argv
    // has at least its null, and an empty one is refused by the kernel or mended by it.
    unsafe {
        if environment.is_some() {
            libc::execve(argv[0], argv.as_ptr(), envp.as_ptr());
        } else {
            libc::execvp(argv[0], argv.as_ptr());
        }
    }
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

fn c_strings(texts: &[String]) -> Option<Vec<CString>> {
    texts
        .iter()
        .map(|text| CString::new(text.as_str()).ok())
        .collect()
}

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings
        .iter()
        .map(|string| string.as_ptr())
        .chain([std::ptr::null()])
        .collect()
}
