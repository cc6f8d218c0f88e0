//! What the tests of this module need: processes and PID namespaces of their own.
//!
//! A test harness has many threads, and children belong to the thread that made them.
//! So whatever looks at its own children runs in a forked process with one thread, and
//! what is about PID 1 in a forked PID namespace with its own /proc.

use std::os::fd::BorrowedFd;
use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use crate::linux::mark::set_in_child;

pub(crate) mod life;

/// How long a test waits for what must happen, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs the body in a forked process; fails where it panics, or takes too long.
pub(crate) fn in_process(body: impl FnOnce()) {
    let status = wait_for(fork(body));
    assert!(
        status == 0,
        "the forked test failed: wait status {status:#x}"
    );
}

/// Runs the body as PID 1 of a namespace with a /proc of its own. Everybody in it dies
/// with it. Works for every user where user namespaces do.
pub(crate) fn in_namespace(body: impl FnOnce()) {
    in_process(|| {
        let user = if nix::unistd::geteuid().is_root() {
            0
        } else {
            libc::CLONE_NEWUSER
        };
        // SAFETY: plain system call; this process has one thread and no other business.
        let answer = unsafe { libc::unshare(libc::CLONE_NEWPID | libc::CLONE_NEWNS | user) };
        assert_eq!(answer, 0, "unshare: {}", std::io::Error::last_os_error());
        let status = wait_for(fork(|| {
            mount(c"none", c"/", c"none", libc::MS_REC | libc::MS_PRIVATE);
            mount(c"proc", c"/proc", c"proc", 0);
            body();
        }));
        assert!(
            status == 0,
            "the test failed as PID 1: wait status {status:#x}"
        );
    });
}

/// Mounts, in the namespace of the test.
pub(crate) fn mount(
    source: &std::ffi::CStr,
    target: &std::ffi::CStr,
    kind: &std::ffi::CStr,
    flags: libc::c_ulong,
) {
    // SAFETY: the strings end in NUL and outlive the call; no data is passed.
    let answer = unsafe {
        libc::mount(
            source.as_ptr(),
            target.as_ptr(),
            kind.as_ptr(),
            flags,
            std::ptr::null(),
        )
    };
    let error = std::io::Error::last_os_error();
    assert_eq!(answer, 0, "mount {target:?}: {error}");
}

/// Starts a command of a test, which nobody waits for but [`reap`].
#[expect(
    clippy::disallowed_methods,
    reason = "a test may wait until the exec has happened"
)]
pub(crate) fn start(command: &mut Command) -> Pid {
    Pid::from_raw(command.spawn().unwrap().id() as i32)
}

/// Starts `sh -c script`.
pub(crate) fn shell(script: &str) -> Pid {
    start(Command::new("sh").arg("-c").arg(script))
}

/// Starts `sh -c script` as lastout starts a leader: in its own session, marked or not.
pub(crate) fn leader(script: &str, mark: Option<u64>) -> Pid {
    let mut command = Command::new("sh");
    command.arg("-c").arg(script);
    // SAFETY: nothing but system calls between fork and exec.
    unsafe {
        command.pre_exec(move || {
            nix::unistd::setsid()?;
            mark.map_or(Ok(()), set_in_child)
                .map_err(std::io::Error::from_raw_os_error)
        });
    }
    start(&mut command)
}

/// Forks a child that does nothing, and gets exactly this pid. In a namespace of the
/// test's own only.
pub(crate) fn fork_with_pid(pid: Pid) {
    until("the number is given away again", || {
        let before = (pid.as_raw() - 1).to_string();
        std::fs::write("/proc/sys/kernel/ns_last_pid", before).unwrap();
        // SAFETY: the child makes no call but these until it is killed.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: plain system calls.
            unsafe {
                libc::setsid();
                loop {
                    libc::pause();
                }
            }
        }
        if child == pid.as_raw() {
            return Some(());
        }
        nix::sys::signal::kill(Pid::from_raw(child), nix::sys::signal::SIGKILL).unwrap();
        reap();
        None
    });
}

/// Asks again and again until there is an answer.
#[expect(
    clippy::disallowed_methods,
    reason = "a pause between two looks, not a guess"
)]
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = look() {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Takes every child that has ended.
pub(crate) fn reap() {
    // SAFETY: a null status is allowed; the call does not block.
    while unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) } > 0 {}
}

/// Whether this is a forked process.
static IS_FORKED: AtomicBool = AtomicBool::new(false);

/// The harness captures per thread what is printed; a forked process writes past it. Set
/// before the first fork, since a thread that panics holds the lock of the hook, and a
/// process that was forked meanwhile would wait for it for ever.
fn hook_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let of_harness = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !IS_FORKED.load(Ordering::Relaxed) {
                return of_harness(info);
            }
            let text = format!("{info}\n");
            // SAFETY: the descriptor outlives the process.
            let stderr = unsafe { BorrowedFd::borrow_raw(2) };
            let _ = nix::unistd::write(stderr, text.as_bytes());
        }));
    });
}

fn fork(body: impl FnOnce()) -> libc::pid_t {
    hook_panics();
    // SAFETY: the C library's fork makes its allocator usable in the child, and the
    // child has the locks of no other thread to wait for that this module uses.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0);
    if pid > 0 {
        return pid;
    }
    IS_FORKED.store(true, Ordering::Relaxed);
    let _ = nix::sys::prctl::set_child_subreaper(true);
    let well = catch_unwind(AssertUnwindSafe(body)).is_ok();
    leave_nobody();
    // SAFETY: ends the process without the harness' exit handlers.
    unsafe { libc::_exit(i32::from(!well)) }
}

/// Kills everybody whom the test started, however it went.
fn leave_nobody() {
    let me = std::process::id();
    loop {
        let list = std::fs::read_to_string(format!("/proc/{me}/task/{me}/children"));
        for pid in list.unwrap_or_default().split_ascii_whitespace() {
            let pid = Pid::from_raw(pid.parse().unwrap_or(i32::MAX));
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::SIGKILL);
        }
        // SAFETY: a null status is allowed. Those who were killed end soon.
        if unsafe { libc::waitpid(-1, std::ptr::null_mut(), 0) } < 0 {
            return;
        }
    }
}

fn wait_for(pid: libc::pid_t) -> i32 {
    let mut status = 0;
    // SAFETY: `status` may be written. The fork's own patience has an end.
    let answer = unsafe { libc::waitpid(pid, &raw mut status, 0) };
    assert_eq!(answer, pid);
    status
}
