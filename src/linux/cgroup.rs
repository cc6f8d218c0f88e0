//! A control group for each run, where we may make one.
//!
//! Under cgroup v2 nothing leaves its group but by writing to files that only root (or
//! a delegate) may write, and `cgroup.kill` ends all of it at once. But engines mount
//! /sys/fs/cgroup read-only, so this is evidence beside the other evidence of
//! [`crate::linux::tree`], never what anything depends on: whatever the kernel refuses
//! (EROFS, EACCES, EPERM, ENOENT, ENOSYS, EBUSY …) is answered with `None`, and said
//! at debug level once. No controller is enabled, so that PID 1 may stay where it is:
//! the rule against processes in inner groups is about controllers (cgroups(7)).

use std::cell::Cell;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::rc::Rc;

use lastout_core::RunId;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::{Mode, mkdirat};
use nix::sys::statfs::{CGROUP2_SUPER_MAGIC, fstatfs};
use nix::unistd::{Pid, UnlinkatFlags, getpid, read, unlinkat, write};

use crate::linux::mark::Marks;
use crate::linux::proc::{MOST_PIDS, parse_children};

/// Where cgroup v2 is mounted: alone, or beside v1.
const MOUNTS: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
/// /proc/self/cgroup has a line a hierarchy, and there are a dozen.
const LONGEST: usize = 16 << 10;
/// More than [`MOST_PIDS`] numbers of seven digits need.
const LARGEST: usize = MOST_PIDS * 8;

/// Our own group, in which groups can be made.
#[derive(Debug)]
pub struct Cgroups {
    directory: Rc<OwnedFd>,
    life: u32,
    said: Cell<bool>,
}

/// The group of one run. Removed when it is dropped, if it is empty by then.
#[derive(Debug)]
pub struct Cgroup {
    parent: Rc<OwnedFd>,
    name: String,
}

impl Cgroups {
    /// Finds our group, and makes and removes one in it to see whether that is allowed.
    #[must_use]
    pub fn find(marks: &Marks) -> Option<Cgroups> {
        match ours() {
            Ok(directory) => Cgroups::over(directory, marks),
            Err(error) => {
                log::debug!("going without control groups: {}", error.desc());
                None
            }
        }
    }

    fn over(directory: OwnedFd, marks: &Marks) -> Option<Cgroups> {
        let cgroups = Cgroups {
            directory: Rc::new(directory),
            life: marks.life(),
            said: Cell::new(false),
        };
        // Runs have 32 bits where it matters; this number is nobody's.
        cgroups.create(RunId(u64::MAX)).map(|_| cgroups)
    }

    /// Makes the group of a run; `None` when the kernel will not have it.
    #[must_use]
    pub fn create(&self, run: RunId) -> Option<Cgroup> {
        let name = format!("lastout-{:08x}-{}", self.life, run.0);
        match mkdirat(
            &*self.directory,
            name.as_str(),
            Mode::from_bits_truncate(0o755),
        ) {
            Ok(()) => Some(Cgroup {
                parent: Rc::clone(&self.directory),
                name,
            }),
            Err(error) => {
                if !self.said.replace(true) {
                    log::debug!("going without control groups: {}", error.desc());
                }
                None
            }
        }
    }
}

impl Cgroup {
    /// What a child joins with: see [`join`]. Opened by us, since the child may be
    /// another user by then.
    #[must_use]
    pub fn door(&self) -> Option<OwnedFd> {
        self.open("cgroup.procs", OFlag::O_WRONLY).ok()
    }

    /// Who is in the group; zombies are not. `None` when it cannot be read.
    #[must_use]
    pub fn members(&self) -> Option<Vec<Pid>> {
        let file = self.open("cgroup.procs", OFlag::O_RDONLY).ok()?;
        let text = read_bounded(file.as_fd(), LARGEST).ok()?;
        Some(parse_children(&text))
    }

    /// Kills everybody in the group and in groups below, forks in progress included.
    /// False where the kernel cannot (Linux before 5.14).
    #[must_use = "another way is needed where there is no cgroup.kill"]
    pub fn kill(&self) -> bool {
        self.open("cgroup.kill", OFlag::O_WRONLY)
            .and_then(|file| write(file, b"1"))
            .is_ok()
    }

    /// Removes the group. While somebody is in it, it is handed back, to be tried again
    /// when he is gone.
    ///
    /// # Errors
    /// The group itself, where it is not empty.
    pub fn remove(mut self) -> Result<(), Cgroup> {
        if self.try_remove() == Err(Errno::EBUSY) {
            return Err(self);
        }
        self.name.clear();
        Ok(())
    }

    fn try_remove(&mut self) -> Result<(), Errno> {
        unlinkat(&*self.parent, self.name.as_str(), UnlinkatFlags::RemoveDir)
    }

    fn open(&self, file: &str, flags: OFlag) -> Result<OwnedFd, Errno> {
        let mut path = [0; 80];
        let mut place = path.as_mut_slice();
        write!(place, "{}/{file}\0", self.name).map_err(|_| Errno::ENAMETOOLONG)?;
        let path = std::ffi::CStr::from_bytes_until_nul(&path).map_err(|_| Errno::EINVAL)?;
        openat(&*self.parent, path, flags | OFlag::O_CLOEXEC, Mode::empty())
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        if !self.name.is_empty() {
            let _ = self.try_remove();
        }
    }
}

/// Moves the calling process into the group whose door this is. For the child between
/// fork and exec: one system call.
///
/// # Errors
/// The errno of write(2). The child goes on where it is.
pub fn join(door: RawFd) -> Result<(), i32> {
    let text = b"0";
    // SAFETY: one byte is read from a live array. A wrong descriptor is EBADF.
    let answer = unsafe { libc::write(door, text.as_ptr().cast(), text.len()) };
    if answer < 0 {
        return Err(Errno::last_raw());
    }
    Ok(())
}

/// The directory of the group that we are in. Which one it is the kernel says relative
/// to a root that need not be the root of the mount (no cgroup namespace), so a
/// directory counts only if we are listed in it.
fn ours() -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    let file = open("/proc/self/cgroup", flags, Mode::empty())?;
    let text = read_bounded(file.as_fd(), LONGEST)?;
    let path = parse_own(&text).ok_or(Errno::ENOENT)?;
    let mut error = Errno::ENOENT;
    for mount in MOUNTS {
        for path in [path, b""] {
            match ours_at(mount, path) {
                Ok(directory) => return Ok(directory),
                // EXDEV is our own "exists and is not it", and says the least.
                Err(Errno::EXDEV) => {}
                Err(other) => error = other,
            }
        }
    }
    Err(error)
}

fn ours_at(mount: &str, path: &[u8]) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let full = [mount.as_bytes(), b"/", path].concat();
    let directory = open(full.as_slice(), flags, Mode::empty())?;
    if fstatfs(&directory)?.filesystem_type() != CGROUP2_SUPER_MAGIC {
        return Err(Errno::EXDEV);
    }
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    let procs = openat(&directory, "cgroup.procs", flags, Mode::empty())?;
    let members = parse_children(&read_bounded(procs.as_fd(), LARGEST)?);
    if members.contains(&getpid()) {
        Ok(directory)
    } else {
        Err(Errno::EXDEV)
    }
}

/// The path of the v2 group in what /proc/self/cgroup holds: the line `0::/path`,
/// without its first slash. A path that leaves the namespace (`/..`) is none.
fn parse_own(text: &[u8]) -> Option<&[u8]> {
    let path = text
        .split(|&b| b == b'\n')
        .find_map(|line| line.strip_prefix(b"0::/"))?;
    let climbs = path.split(|&b| b == b'/').any(|part| part == b"..");
    let deleted = path.ends_with(b" (deleted)");
    (!climbs && !deleted).then_some(path)
}

/// Reads a file of the kernel to its end or to the bound.
fn read_bounded(file: BorrowedFd<'_>, bound: usize) -> Result<Vec<u8>, Errno> {
    debug_assert!(file.as_raw_fd() >= 0);
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    while text.len() < bound {
        match read(file, &mut buffer)? {
            0 => break,
            n => text.extend_from_slice(buffer.get(..n).unwrap_or_default()),
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linux::testing::{in_namespace, in_process, mount, shell, until};
    use proptest::prelude::*;

    #[test]
    fn our_group_is_the_line_of_the_second_version() {
        for (text, path) in [
            ("0::/\n", Some("")),
            ("0::/docker/0a1b\n", Some("docker/0a1b")),
            ("9:pids:/x\n0::/user.slice/a b\n", Some("user.slice/a b")),
            ("1:cpu:/x\n", None),
            ("0::/../other\n", None),
            ("0::/gone (deleted)\n", None),
            ("", None),
        ] {
            let found = parse_own(text.as_bytes());
            assert_eq!(found, path.map(str::as_bytes), "{text}");
        }
    }

    #[test]
    fn pid_3_what_is_no_cgroup_file_system_is_gone_without() {
        in_namespace(|| {
            mount(c"none", c"/sys/fs/cgroup", c"tmpfs", 0);
            assert!(Cgroups::find(&Marks::new()).is_none());
        });
    }

    #[test]
    fn pid_3_a_read_only_cgroup_file_system_is_gone_without() {
        with_second_version(|| {
            assert!(Cgroups::find(&Marks::new()).is_some());
            let flags = libc::MS_REMOUNT | libc::MS_BIND | libc::MS_RDONLY;
            mount(c"none", c"/sys/fs/cgroup", c"none", flags);
            assert!(Cgroups::find(&Marks::new()).is_none());
        });
    }

    #[test]
    fn pid_3_a_directory_that_allows_no_groups_is_gone_without() {
        let proc = open("/proc", OFlag::O_DIRECTORY, Mode::empty()).unwrap();
        assert!(Cgroups::over(proc, &Marks::new()).is_none());
    }

    #[test]
    fn a_tree_is_held_listed_killed_and_removed() {
        with_second_version(|| {
            let cgroups = Cgroups::find(&Marks::new()).unwrap();
            let group = cgroups.create(RunId(1)).unwrap();
            assert!(cgroups.create(RunId(1)).is_none(), "the name is taken");
            let door = group.door().unwrap();
            // SAFETY: the child makes three system calls and execs.
            let child = unsafe { libc::fork() };
            if child == 0 {
                let joined = join(door.as_raw_fd()).is_ok();
                assert!(joined);
                // Leaves parent, session and environment behind, but not the group.
                shell("env -i setsid sleep 60 & env -i setsid sleep 60; :");
                // SAFETY: ends the fork without the exit handlers of the harness.
                unsafe { libc::_exit(0) };
            }
            until("three are in the group", || {
                let members = group.members()?;
                let settled = members.len() == 3 && !members.contains(&Pid::from_raw(child));
                settled.then_some(())
            });
            let group = group.remove().unwrap_err();
            assert!(group.kill());
            until("the group is empty", || {
                group.members()?.is_empty().then_some(())
            });
            let mut last = Some(group);
            until("the group can be removed", || {
                last = last.take()?.remove().err();
                last.is_none().then_some(())
            });
            assert!(cgroups.create(RunId(1)).is_some(), "removed when dropped");
            assert!(cgroups.create(RunId(1)).is_some());
        });
    }

    /// Mounts the second version where it belongs, for the body only. That takes root;
    /// other users have nothing to test here but that they go without.
    fn with_second_version(body: impl FnOnce()) {
        if !nix::unistd::geteuid().is_root() {
            assert!(Cgroups::find(&Marks::new()).is_none());
            return;
        }
        in_process(|| {
            // SAFETY: plain system call in a process with one thread.
            let answer = unsafe { libc::unshare(libc::CLONE_NEWNS) };
            assert_eq!(answer, 0);
            mount(c"none", c"/", c"none", libc::MS_REC | libc::MS_PRIVATE);
            mount(c"none", c"/sys/fs/cgroup", c"cgroup2", 0);
            body();
        });
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = parse_own(&bytes);
        }
    }
}
