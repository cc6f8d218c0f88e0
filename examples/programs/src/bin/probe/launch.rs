//! Starting a command in an odd state, by becoming it or as its parent.

use std::ffi::CString;
use std::os::unix::fs::PermissionsExt;

use lastout_example_programs::arguments::Arguments;
use lastout_example_programs::process::{self, Resource, Side};
use lastout_example_programs::signals::{self, Set};
use lastout_example_programs::{fail, say};

use crate::manners::Manners;

/// Does to itself what a careless runtime does, and becomes the command: an init that
/// is launched so finds closed descriptors, ignored signals, low limits, another user.
/// Everything that was not asked for is clean, whatever the runner of the test left.
pub(crate) fn launch(mut arguments: Arguments) {
    let command = arguments.command();
    clean();
    mounts(&mut arguments);
    if arguments.flag("--own-network") {
        leave_the_network();
    }
    while let Some(text) = arguments.value("--open") {
        open(&text);
    }
    while let Some(text) = arguments.value("--ignore") {
        signals::ignore(signal(&text), true);
    }
    while let Some(text) = arguments.value("--block") {
        signals::block(Set::of(signal(&text)));
    }
    limit(&mut arguments, "--nofile", libc::RLIMIT_NOFILE);
    limit(&mut arguments, "--nproc", libc::RLIMIT_NPROC);
    if let Some(mask) = arguments.value("--umask") {
        let mask = u32::from_str_radix(&mask, 8).unwrap_or(0o22);
        // SAFETY: umask takes a number and cannot fail.
        unsafe {
            libc::umask(mask);
        }
    }
    if let Some(directory) = arguments.value("--root") {
        take_root(&directory);
    }
    if let Some(directory) = arguments.value("--directory")
        && let Err(error) = std::env::set_current_dir(&directory)
    {
        fail(
            1,
            &format!("probe launch: cannot enter {directory}: {error}"),
        );
    }
    if let Some(uid) = arguments.value("--uid") {
        become_user(number(&uid));
    }
    if arguments.flag("--zombie") {
        leave_a_zombie();
    }
    let empty = arguments.flag("--clear-environment");
    // The last, so that everything before it can still complain.
    while let Some(descriptor) = arguments.value("--close") {
        // SAFETY: closes a descriptor by number, as asked for; nothing here holds it.
        unsafe {
            libc::close(number(&descriptor) as i32);
        }
    }
    arguments.finish();
    let error = process::exec(&command, empty.then_some(&[]));
    fail(
        127,
        &format!("probe launch: cannot exec {}: error {error}", command[0]),
    )
}

/// Runs the command as a child and ends as it ended (128 + signal), reaping whoever else
/// is handed over. As PID 1 of a namespace it plays the host for a command that is not
/// PID 1. `--bystander`: a process that the command has no business with, and that has
/// to be there still when the command has ended.
pub(crate) fn parent(mut arguments: Arguments) {
    let command = arguments.command();
    let with_bystander = arguments.flag("--bystander");
    arguments.finish();

    let bystander = with_bystander.then(|| match fork() {
        Side::Parent(pid) => pid,
        Side::Child => Manners {
            name: String::from("bystander"),
            signal: libc::SIGTERM,
            after: std::time::Duration::ZERO,
            ignores: false,
            status: 0,
        }
        .live(),
    });
    let child = match fork() {
        Side::Parent(pid) => pid,
        Side::Child => {
            let error = process::exec(&command, None);
            fail(
                127,
                &format!("probe parent: cannot exec {}: error {error}", command[0]),
            )
        }
    };
    // What is meant for the child must not end the parent.
    signals::set_mask(Set::ALL);
    say(&format!("parent: the child is {child}"));
    let status = reap_until(child);
    if let Some(pid) = bystander {
        let alive = signals::send(pid, 0).is_ok() && !has_ended(pid);
        say(if alive {
            "parent: the bystander is alive"
        } else {
            "parent: the bystander is gone"
        });
        let _ = signals::send(pid, libc::SIGKILL);
        let _ = process::wait_for_child(pid);
    }
    say(if somebody_is_left() {
        "parent: somebody is left"
    } else {
        "parent: nobody is left"
    });
    process::exit(if libc::WIFSIGNALED(status) {
        128 + libc::WTERMSIG(status)
    } else {
        libc::WEXITSTATUS(status)
    })
}

/// Reaps until this child has ended; its status.
fn reap_until(child: i32) -> i32 {
    let mut status = 0;
    loop {
        // SAFETY: the status is a live integer.
        let reaped = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL) };
        if reaped == child {
            return status;
        }
        if reaped < 0 {
            fail(1, "probe parent: lost its child");
        }
    }
}

/// Whether a child of ours is a zombie.
fn has_ended(pid: i32) -> bool {
    // SAFETY: the info is a live local that the kernel fills in.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        libc::waitid(libc::P_PID, pid as u32, &raw mut info, flags) != 0 || info.si_pid() != 0
    }
}

/// Whether any child is still alive, after those that have ended are reaped. A
/// subreaper's orphans become children of its own parent when it ends.
fn somebody_is_left() -> bool {
    loop {
        // SAFETY: nothing is written when the status is null.
        match unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG | libc::__WALL) } {
            0 => return true,
            -1 => return false,
            _ => {}
        }
    }
}

/// Has nothing but what is below that folder: no /proc, /dev, /tmp, /etc.
fn take_root(directory: &str) {
    let taken = std::os::unix::fs::chroot(directory).and_then(|()| std::env::set_current_dir("/"));
    if let Err(error) = taken {
        fail(
            1,
            &format!("probe launch: cannot enter {directory}: {error}"),
        );
    }
}

/// A child that has ended and that nobody has waited for, as an entry point that is a
/// shell script may leave behind.
fn leave_a_zombie() {
    match fork() {
        Side::Child => process::exit(0),
        Side::Parent(pid) => {
            // SAFETY: the info is a live local that the kernel fills in.
            unsafe {
                let mut info: libc::siginfo_t = std::mem::zeroed();
                let flags = libc::WEXITED | libc::WNOWAIT;
                libc::waitid(libc::P_PID, pid as u32, &raw mut info, flags);
            }
        }
    }
}

/// Becomes that user and group, with no other groups.
pub(crate) fn become_user(uid: u32) {
    // SAFETY: these take numbers, and a list of length zero that is not read.
    let failed = unsafe {
        libc::setgroups(0, std::ptr::null()) != 0
            || libc::setgid(uid) != 0
            || libc::setuid(uid) != 0
    };
    if failed {
        let error = std::io::Error::last_os_error();
        fail(1, &format!("probe: cannot become user {uid}: {error}"));
    }
}

/// `--mount-proc`: /proc of this PID namespace. `--own-run`: an empty /run, as containers
/// have. `--hide DIRECTORY`: an empty one over it, for an image that has no /proc, /dev or
/// /tmp. `--bind FILE:PLACE`: another file in the
/// place of one. All in mounts of its own.
fn mounts(arguments: &mut Arguments) {
    let with_proc = arguments.flag("--mount-proc");
    let with_run = arguments.flag("--own-run");
    let mut hidden = Vec::new();
    while let Some(directory) = arguments.value("--hide") {
        hidden.push(directory);
    }
    let mut bound = Vec::new();
    while let Some(pair) = arguments.value("--bind") {
        bound.push(pair);
    }
    if !with_proc && !with_run && hidden.is_empty() && bound.is_empty() {
        return;
    }
    // SAFETY: unshare takes a number; this process has one thread.
    let alone = unsafe { libc::unshare(libc::CLONE_NEWNS) } == 0;
    if !alone || !mount("none", "/", "", libc::MS_REC | libc::MS_PRIVATE) {
        fail(1, "probe launch: cannot have mounts of its own");
    }
    if with_proc && !mount("proc", "/proc", "proc", 0) {
        fail(1, "probe launch: cannot mount /proc");
    }
    if with_run && !(mount("none", "/run", "tmpfs", 0) && for_root_to_write("/run")) {
        fail(1, "probe launch: cannot have a /run of its own");
    }
    for directory in hidden {
        if !mount("none", &directory, "tmpfs", 0) {
            fail(1, &format!("probe launch: cannot hide {directory}"));
        }
    }
    for pair in bound {
        let is_bound = pair
            .split_once(':')
            .is_some_and(|(file, place)| mount(file, place, "", libc::MS_BIND));
        if !is_bound {
            fail(1, &format!("probe launch: cannot bind {pair}"));
        }
    }
}

/// `--own-network`: a network of its own, in which every port is free, and in which there
/// is nothing but the loopback interface.
fn leave_the_network() {
    // SAFETY: unshare and socket take numbers. The request is a live local, in which all
    // zeros is a valid value, and the kernel reads its name and flags (netdevice(7)).
    let failed = unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        request.ifr_name[0] = b'l' as libc::c_char;
        request.ifr_name[1] = b'o' as libc::c_char;
        request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        libc::unshare(libc::CLONE_NEWNET) != 0 || {
            let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM, 0);
            let failed = libc::ioctl(socket, libc::SIOCSIFFLAGS as _, &raw const request) != 0;
            libc::close(socket);
            failed
        }
    };
    if failed {
        let error = std::io::Error::last_os_error();
        fail(
            1,
            &format!("probe launch: cannot have a network of its own: {error}"),
        );
    }
}

/// As directories of the system are, where a new file system is for everybody.
fn for_root_to_write(directory: &str) -> bool {
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o755)).is_ok()
}

fn mount(source: &str, target: &str, kind: &str, flags: libc::c_ulong) -> bool {
    let (Ok(source), Ok(target), Ok(kind)) = (
        CString::new(source),
        CString::new(target),
        CString::new(kind),
    ) else {
        return false;
    };
    // SAFETY: three live strings, and no data.
    unsafe {
        libc::mount(
            source.as_ptr(),
            target.as_ptr(),
            kind.as_ptr(),
            flags,
            std::ptr::null(),
        ) == 0
    }
}

/// Default dispositions, an empty mask, and no descriptors but 0 to 2.
fn clean() {
    for number in 1..=64 {
        signals::ignore(number, false);
    }
    signals::set_mask(Set::NONE);
    // SAFETY: close_range takes numbers; nothing here holds a descriptor above 2.
    unsafe {
        libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0);
    }
}

/// `--open 7:/dev/null`: that file, to be read, as that descriptor.
fn open(text: &str) {
    let (descriptor, path) = text.split_once(':').unwrap_or((text, "/dev/null"));
    let Ok(name) = CString::new(path) else {
        return;
    };
    let wanted = number(descriptor) as i32;
    // SAFETY: the name is a live string; the copy goes where the caller wants it.
    let failed = unsafe {
        let opened = libc::open(name.as_ptr(), libc::O_RDONLY);
        let failed = opened < 0 || libc::dup2(opened, wanted) < 0;
        if opened >= 0 && opened != wanted {
            libc::close(opened);
        }
        failed
    };
    if failed {
        let error = std::io::Error::last_os_error();
        fail(1, &format!("probe launch: cannot open {path}: {error}"));
    }
}

/// `--nofile N` and the like: both the soft and the hard limit.
fn limit(arguments: &mut Arguments, option: &str, resource: Resource) {
    let Some(text) = arguments.value(option) else {
        return;
    };
    let value = libc::rlim_t::from(number(&text));
    let limit = libc::rlimit {
        rlim_cur: value,
        rlim_max: value,
    };
    // SAFETY: the limit is live.
    if unsafe { libc::setrlimit(resource, &raw const limit) } != 0 {
        let error = std::io::Error::last_os_error();
        fail(1, &format!("probe launch: {option} {text}: {error}"));
    }
}

fn signal(text: &str) -> i32 {
    signals::number(text).unwrap_or_else(|| fail(2, &format!("probe launch: {text} is no signal")))
}

fn number(text: &str) -> u32 {
    text.parse()
        .unwrap_or_else(|_| fail(2, &format!("probe launch: {text} is no number")))
}

fn fork() -> Side {
    process::fork().unwrap_or_else(|error| fail(1, &format!("probe: cannot fork: error {error}")))
}
