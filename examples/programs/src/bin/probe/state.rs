//! What a process was started with, asked from the kernel and not from /proc, so that
//! the answer is the same where /proc is missing; and what is left of others.

use std::time::{Duration, Instant};

use lastout_example_programs::arguments::Arguments;
use lastout_example_programs::process::{self, Resource};
use lastout_example_programs::signals::{self, Set};
use lastout_example_programs::{fail, say};

/// Descriptors above this number are not looked for.
const LAST_DESCRIPTOR: i32 = 4096;

const LIMITS: [(&str, Resource); 8] = [
    ("core", libc::RLIMIT_CORE),
    ("cpu", libc::RLIMIT_CPU),
    ("fsize", libc::RLIMIT_FSIZE),
    ("nofile", libc::RLIMIT_NOFILE),
    ("nproc", libc::RLIMIT_NPROC),
    ("stack", libc::RLIMIT_STACK),
    ("memlock", libc::RLIMIT_MEMLOCK),
    ("locks", libc::RLIMIT_LOCKS),
];

/// Says everything, a line each: `KEY VALUE`.
pub(crate) fn state(mut arguments: Arguments) {
    let stays = arguments.flag("--stay");
    while let Some(word) = arguments.another() {
        say(&format!("argument {word}"));
    }
    masks();
    ids();
    terminal();
    descriptors();
    for (name, value) in std::env::vars_os() {
        say(&format!(
            "environment {}={}",
            name.to_string_lossy(),
            value.to_string_lossy()
        ));
    }
    match std::env::current_dir() {
        Ok(directory) => say(&format!("directory {}", directory.display())),
        Err(error) => say(&format!("directory unknown: {error}")),
    }
    limits();
    say("state: end");
    if stays {
        signals::block(Set::of(libc::SIGTERM));
        signals::wait_for(libc::SIGTERM);
    }
}

fn masks() {
    let (ignored, caught) = signals::dispositions();
    say(&format!("blocked {}", names(signals::mask())));
    say(&format!("ignored {}", names(ignored)));
    say(&format!("caught {}", names(caught)));
    // SAFETY: umask takes a number and cannot fail; the second call puts it back.
    let umask = unsafe {
        let mask = libc::umask(0o77);
        libc::umask(mask);
        mask
    };
    say(&format!("umask {umask:04o}"));
    let flag = |option| {
        let mut value: libc::c_int = 0;
        // SAFETY: both options that are asked for write one integer, which is live.
        unsafe {
            libc::prctl(option, &raw mut value, 0, 0, 0);
        }
        value
    };
    say(&format!(
        "parent-death-signal {}",
        flag(libc::PR_GET_PDEATHSIG)
    ));
    say(&format!("subreaper {}", flag(libc::PR_GET_CHILD_SUBREAPER)));
    // SAFETY: this option takes zeros and returns the flag.
    let privileges = unsafe { libc::prctl(libc::PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) };
    say(&format!("no-new-privileges {privileges}"));
}

/// `none`, or names with commas.
fn names(set: Set) -> String {
    let names: Vec<String> = (1..=64)
        .filter(|number| set.has(*number))
        .map(signals::name)
        .collect();
    if names.is_empty() {
        String::from("none")
    } else {
        names.join(",")
    }
}

fn ids() {
    let mut groups = [0; 64];
    // SAFETY: these take nothing or numbers; the list is live and as long as is said.
    let (parent, group, session, uids, gids, count) = unsafe {
        (
            libc::getppid(),
            libc::getpgrp(),
            libc::getsid(0),
            (libc::getuid(), libc::geteuid()),
            (libc::getgid(), libc::getegid()),
            libc::getgroups(64, groups.as_mut_ptr()),
        )
    };
    say(&format!("pid {}", process::id()));
    say(&format!("parent {parent}"));
    say(&format!("process-group {group}"));
    say(&format!("session {session}"));
    say(&format!("uid {} {}", uids.0, uids.1));
    say(&format!("gid {} {}", gids.0, gids.1));
    let list: Vec<String> = groups
        .iter()
        .take(usize::try_from(count).unwrap_or(0))
        .map(u32::to_string)
        .collect();
    say(&format!("groups {}", list.join(",")));
}

fn terminal() {
    // SAFETY: these take a number; the size is a live local that an ioctl fills in.
    let (foreground, rows, columns) = unsafe {
        let mut size: libc::winsize = std::mem::zeroed();
        libc::ioctl(0, libc::TIOCGWINSZ, &raw mut size);
        (libc::tcgetpgrp(0), size.ws_row, size.ws_col)
    };
    say(&format!("foreground-group {foreground}"));
    say(&format!("window {rows} {columns}"));
}

/// `descriptor 0 character 1:3` is /dev/null; the numbers are of the device for those,
/// of the inode for others.
fn descriptors() {
    for descriptor in 0..=LAST_DESCRIPTOR {
        // SAFETY: asks about a number; the status is a live local.
        let status = unsafe {
            let mut status: libc::stat = std::mem::zeroed();
            if libc::fstat(descriptor, &raw mut status) != 0 {
                continue;
            }
            status
        };
        let kind = match status.st_mode & libc::S_IFMT {
            libc::S_IFCHR => "character",
            libc::S_IFIFO => "pipe",
            libc::S_IFSOCK => "socket",
            libc::S_IFREG => "file",
            libc::S_IFDIR => "directory",
            _ => "other",
        };
        let number = if kind == "character" {
            format!(
                "{}:{}",
                libc::major(status.st_rdev),
                libc::minor(status.st_rdev)
            )
        } else {
            status.st_ino.to_string()
        };
        // SAFETY: fcntl with this command takes a number.
        let flags = unsafe { libc::fcntl(descriptor, libc::F_GETFL) };
        let nonblocking = if flags & libc::O_NONBLOCK == 0 {
            ""
        } else {
            " nonblocking"
        };
        say(&format!(
            "descriptor {descriptor} {kind} {number}{nonblocking}"
        ));
    }
}

fn limits() {
    for (name, resource) in LIMITS {
        // SAFETY: the limit is a live local.
        let limit = unsafe {
            let mut limit: libc::rlimit = std::mem::zeroed();
            libc::getrlimit(resource, &raw mut limit);
            limit
        };
        let text = |value: libc::rlim_t| match value {
            libc::RLIM_INFINITY => String::from("unlimited"),
            value => value.to_string(),
        };
        say(&format!(
            "limit {name} {} {}",
            text(limit.rlim_cur),
            text(limit.rlim_max)
        ));
    }
}

/// Counts the zombies of this PID namespace; needs /proc. `--until-none`: looks again
/// every 5 ms until there is none, 30 s at most.
pub(crate) fn zombies(mut arguments: Arguments) {
    let until_none = arguments.flag("--until-none");
    arguments.finish();
    let end = Instant::now() + Duration::from_secs(30);
    let mut count = count_zombies();
    while until_none && count > 0 && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(5));
        count = count_zombies();
    }
    say(&format!("zombies {count}"));
}

fn count_zombies() -> usize {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        fail(1, "probe zombies: there is no /proc");
    };
    entries
        .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("stat")).ok())
        // The state is the first field behind the name, which ends with the last ")".
        .filter(|line| {
            line.rsplit_once(") ")
                .is_some_and(|(_, rest)| rest.starts_with('Z'))
        })
        .count()
}
