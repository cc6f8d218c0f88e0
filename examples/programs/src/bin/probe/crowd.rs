//! Processes that make processes: daemons, families, orphans, and a hydra.

use std::time::{Duration, Instant};

use lastout_example_programs::arguments::Arguments;
use lastout_example_programs::process::{self, Side};
use lastout_example_programs::signals::{self, Set};
use lastout_example_programs::{fail, say};

use crate::launch::become_user;
use crate::manners::Manners;

/// Leaves a daemon behind that no signal to its parent reaches and that nothing in
/// its environment gives away: forked twice, session of its own, other uid, exec'ed
/// with an empty environment.
pub(crate) fn daemon(mut arguments: Arguments) {
    let manners = Manners::from(&mut arguments, "daemon");
    let uid = arguments.count("--uid", 0) as u32;
    let keeps_environment = arguments.flag("--keep-environment");
    let stays = arguments.flag("--stay");
    let program = String::from(arguments.program());
    arguments.finish();

    // Inherited by the daemon: what comes before it is ready waits for it.
    signals::set_mask(Set::ALL);
    fork_twice(|| {
        if uid != 0 {
            become_user(uid);
        }
        let mut command = vec![program, String::from("last-words")];
        command.extend(manners.to_arguments());
        let error = process::exec(&command, (!keeps_environment).then_some(&[]));
        fail(1, &format!("probe daemon: cannot exec: error {error}"))
    });
    if stays {
        Manners {
            name: String::from("daemon's leader"),
            ..manners
        }
        .live();
    }
    say("daemon's leader: leaving");
}

/// Runs `life` in a grandchild with a session of its own, whose parent is gone.
fn fork_twice(life: impl FnOnce()) {
    match fork() {
        Side::Parent(pid) => {
            let _ = process::wait_for_child(pid);
        }
        Side::Child => {
            process::leave_session();
            if let Side::Child = fork() {
                life();
            }
            process::exit(0);
        }
    }
}

/// A leader with three members of its tree: one in its process group, one in a group
/// of its own, and one daemon in a session of its own. All have last words.
pub(crate) fn family(mut arguments: Arguments) {
    let leader = Manners::from(&mut arguments, "leader");
    let leaves = arguments.flag("--leader-leaves");
    arguments.finish();
    let member = |name: &str| Manners {
        name: String::from(name),
        ..leader.clone()
    };

    signals::set_mask(Set::ALL);
    if let Side::Child = fork() {
        member("member of the group").live();
    }
    if let Side::Child = fork() {
        // SAFETY: setpgid takes two numbers and touches no memory.
        unsafe {
            libc::setpgid(0, 0);
        }
        member("member with its own group").live();
    }
    fork_twice(|| member("daemon of the family").live());
    if leaves {
        say("leader: leaving");
        process::exit(leader.status);
    }
    leader.live()
}

/// Makes orphans that end at once: the init has to reap every one of them.
pub(crate) fn orphans(mut arguments: Arguments) {
    let at_once = arguments.count("--at-once", 100).max(1);
    let stays = arguments.flag("--stay");
    let count = arguments.first("how many");
    arguments.finish();
    let Ok(count) = count.parse::<u64>() else {
        fail(2, &format!("probe orphans: {count} is no number"));
    };

    let mut left = count;
    while left > 0 {
        wait_for_room();
        let burst = left.min(at_once);
        burst_of_orphans(burst);
        left -= burst;
    }
    say(&format!("orphans: all {count} have ended"));
    if stays {
        leave_when_told("orphans");
    }
}

/// A child makes them and ends; they end when it is gone, and this returns when the
/// last of them has ended: each holds the write end of a pipe that says so.
fn burst_of_orphans(count: u64) {
    let all_gone = pipe();
    match fork() {
        Side::Parent(pid) => {
            close(all_gone.1);
            let _ = process::wait_for_child(pid);
            wait_for_end(all_gone.0);
            close(all_gone.0);
        }
        Side::Child => {
            let parent_gone = pipe();
            for _ in 0..count {
                if let Side::Child = fork() {
                    close(parent_gone.1);
                    wait_for_end(parent_gone.0);
                    process::exit(0);
                }
            }
            process::exit(0);
        }
    }
}

/// Forks until it cannot or has enough, says how far it came, and lets them go. `--upon`:
/// not before that signal has come.
pub(crate) fn forks(mut arguments: Arguments) {
    let stays = arguments.flag("--stay");
    let upon = arguments.signal("--upon", 0);
    let count = arguments.first("how many");
    arguments.finish();
    let Ok(count) = count.parse::<u64>() else {
        fail(2, &format!("probe forks: {count} is no number"));
    };
    if upon != 0 {
        signals::block(Set::of(upon));
        say("forks: waits");
        signals::wait_for(upon);
    }
    let hold = pipe();
    let mut made = 0;
    let mut error = 0;
    while made < count && error == 0 {
        match process::fork() {
            Ok(Side::Parent(_)) => made += 1,
            Ok(Side::Child) => {
                close(hold.1);
                wait_for_end(hold.0);
                process::exit(0);
            }
            Err(number) => error = number,
        }
    }
    say(&format!("forks: {made} of {count}, error {error}"));
    if stays {
        leave_when_told("forks");
    }
}

/// A process that forks and ends, again and again, deaf to TERM: whoever reads its pid
/// is too late. `--sessions`: each in a session of its own. It ends by itself after
/// `--for`, so that a test that fails leaves nothing behind.
pub(crate) fn hydra(mut arguments: Arguments) {
    let heads = arguments.count("--heads", 1);
    let pause = arguments.duration("--every", Duration::from_millis(1));
    let life = arguments.duration("--for", Duration::from_secs(60));
    let sessions = arguments.flag("--sessions");
    arguments.finish();

    signals::set_mask(Set::ALL);
    let end = Instant::now() + life;
    for _ in 1..heads {
        if let Side::Child = fork() {
            break;
        }
    }
    say("hydra: ready");
    while Instant::now() < end {
        wait_for_room();
        if let Ok(Side::Parent(_)) = process::fork() {
            process::exit(0);
        }
        if sessions {
            process::leave_session();
        }
        // Nothing can come out of the empty set: a pause that no signal cuts short.
        let _ = signals::wait(Set::NONE, Some(pause));
    }
    say("hydra: ended by itself");
}

/// How many threads a machine may have, the dead included, when some more are made. There
/// are 32,768 pids on many of them, and others need theirs.
const ROOM: u16 = 8192;

/// Waits until there are not too many on the machine: an init that does not get the
/// processor cannot reap them. Not for ever, since they may be somebody else's.
fn wait_for_room() {
    for _ in 0..10_000 {
        if threads() < ROOM {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// How many threads there are on the machine, the dead included.
fn threads() -> u16 {
    let mut facts = std::mem::MaybeUninit::<libc::sysinfo>::zeroed();
    // SAFETY: sysinfo writes what there is room for; all zeroes are such facts as well.
    unsafe {
        libc::sysinfo(facts.as_mut_ptr());
        facts.assume_init().procs
    }
}

fn leave_when_told(name: &str) -> ! {
    signals::block(Set::of(libc::SIGTERM));
    say(&format!("{name}: ready"));
    signals::wait_for(libc::SIGTERM);
    say(&format!("{name}: got SIGTERM, leaving"));
    process::exit(0)
}

fn fork() -> Side {
    process::fork().unwrap_or_else(|error| fail(1, &format!("probe: cannot fork: error {error}")))
}

fn pipe() -> (i32, i32) {
    let mut ends = [0; 2];
    // SAFETY: the array is live and has room for two descriptors.
    if unsafe { libc::pipe(ends.as_mut_ptr()) } != 0 {
        fail(1, "probe: cannot make a pipe");
    }
    (ends[0], ends[1])
}

fn close(descriptor: i32) {
    // SAFETY: the caller made this descriptor and does not use it any more.
    unsafe {
        libc::close(descriptor);
    }
}

/// Returns when nobody holds the write end of this pipe any more.
fn wait_for_end(descriptor: i32) {
    let mut byte = 0_u8;
    // SAFETY: the byte is live and the length is one; an interruption is retried.
    while unsafe { libc::read(descriptor, (&raw mut byte).cast(), 1) } != 0 {}
}
