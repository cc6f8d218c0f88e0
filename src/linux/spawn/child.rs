//! The child between fork and exec, one step after the other; each is at its place for
//! the reason given. Only system calls; nothing is allocated, since a lock that the
//! parent held would be held for ever. A child that asks a question in place of an exec
//! may: lastout has one thread.

use std::convert::Infallible;
use std::os::fd::RawFd;

use lastout_core::{Signal, SpawnFailure, Stage};

use super::{Channels, OwnGroup, Recipe, Task, Whom, check, output, readiness, report, stdio};
use crate::limits::Capabilities;
use crate::linux::signals::{Disposition, Mask, set_disposition};
use crate::linux::{cgroup, descriptors, mark, privileges};
use crate::plan::{Slate, Stdin};

/// Whoever has it never goes back to where it came from: a panic in a child would
/// unwind into the loop of a second lastout.
#[derive(Debug)]
pub(in crate::linux) struct NoWayBack;

impl Drop for NoWayBack {
    fn drop(&mut self) {
        // SAFETY: the process is left without running anything that the parent's
        // runtime registered.
        unsafe { libc::_exit(127) }
    }
}

impl Recipe<'_> {
    /// The child's way to its program.
    pub(super) fn become_child(&mut self, mut channels: Channels) -> ! {
        let _no_way_back = NoWayBack;
        let error = match self.steps(&mut channels) {
            Ok(never) => match never {},
            Err(error) => error,
        };
        report::write(channels.report, error);
        // SAFETY: as above.
        unsafe { libc::_exit(127) }
    }

    /// Gives back what failed.
    fn steps(&mut self, channels: &mut Channels) -> Result<Infallible, SpawnFailure> {
        self.take_place(channels.cgroup)?;
        if self.stdin == Stdin::Null {
            stdio::null(0)?;
        }
        let [stdout, stderr] = channels.outputs;
        output::place(1, self.stdout, stdout)?;
        output::place(2, self.stderr, stderr)?;
        if let Task::Ask(question) = self.task {
            self.take_identity()?;
            // What comes from the network is read with no more rights than that takes.
            let _ = privileges::set_capabilities(Capabilities::default());
            // The exec status among them: the question begins.
            stdio::keep_only_stdin();
            self.open_to_signals();
            question.ask_and_leave();
        }
        self.arrange_descriptors(channels)?;
        if let Some(umask) = self.umask {
            // SAFETY: umask cannot fail.
            unsafe { libc::umask(umask) };
        }
        descriptors::restore_limit();
        self.privileges.limit()?;
        self.privileges.narrow()?;
        self.take_identity()?;
        self.privileges.take()?;
        // As the user, who must be able to enter it.
        if let Some(directory) = &self.directory {
            // SAFETY: a null-terminated path.
            check(Stage::Directory, unsafe { libc::chdir(directory.as_ptr()) })?;
        }
        self.privileges.renounce()?;
        self.open_to_signals();
        match &mut self.task {
            Task::Exec(image) => {
                image.write_listen_pid();
                Err(image.exec())
            }
            Task::Ask(question) => question.ask_and_leave(),
        }
    }

    /// Its place among all processes: session, terminal, tree.
    fn take_place(&self, cgroup: Option<RawFd>) -> Result<(), SpawnFailure> {
        // First, so that signals to the group find the child, and Ctrl-C does not.
        match self.own_group() {
            // SAFETY: setsid takes nothing. A fresh child is no group leader, so it succeeds.
            OwnGroup::Session => check(Stage::Session, unsafe { libc::setsid() })?,
            // SAFETY: setpgid takes no pointers. The parent does the same; either may fail for it.
            OwnGroup::Group => unsafe {
                libc::setpgid(0, 0);
            },
        }
        if self.own_session {
            // It fails where there is no terminal, or another session has it.
            // SAFETY: TIOCSCTTY takes a number.
            unsafe { libc::ioctl(0, libc::TIOCSCTTY, 0) };
        }
        if self.foreground {
            // The group exists now. Signals are blocked, so that no SIGTTOU stops us.
            // SAFETY: tcsetpgrp takes no pointers.
            unsafe { libc::tcsetpgrp(0, libc::getpid()) };
        }
        // The tree's marks, before anything that could fork and before the ids are gone.
        if let Some(mark) = self.mark {
            let _ = mark::set_in_child(mark);
        }
        if let Some(procs) = cgroup {
            let _ = cgroup::join(procs);
        }
        Ok(())
    }

    /// Which descriptors the program has. Before the limits, which are the program's.
    fn arrange_descriptors(&self, channels: &mut Channels) -> Result<(), SpawnFailure> {
        if self.slate == Slate::Clean {
            stdio::close_on_exec_from(3);
        }
        match (channels.readiness, self.readiness) {
            (Some(pipe), Some(number)) => readiness::place(pipe, number, &mut channels.report),
            (Some(_) | None, _) => Ok(()),
        }
    }

    /// Groups first and the user last, since each step takes away the right to the one before.
    fn take_identity(&self) -> Result<(), SpawnFailure> {
        let Some(Whom {
            identity,
            becomes: true,
        }) = &self.whom
        else {
            return Ok(());
        };
        let (uid, gid) = (identity.uid, identity.gid);
        // Raw calls: the C library's would involve its threads, which there are none of.
        // SAFETY: the pointer and the length are of one vector; the others take none.
        unsafe {
            let groups = identity.groups.as_ptr();
            let count = identity.groups.len();
            check(
                Stage::Groups,
                libc::syscall(libc::SYS_setgroups, count, groups) as i32,
            )?;
            check(
                Stage::User,
                libc::syscall(libc::SYS_setresgid, gid, gid, gid) as i32,
            )?;
            check(
                Stage::User,
                libc::syscall(libc::SYS_setresuid, uid, uid, uid) as i32,
            )
        }
    }

    /// Last: from here on what was pending takes effect as it would in the program.
    fn open_to_signals(&self) {
        let others = self.changed.and(self.ignored);
        // Usually there are none, and the code to set them is a page fault.
        if others != Mask::EMPTY {
            self.set_dispositions(others);
        }
        self.blocked.set();
    }

    #[inline(never)]
    fn set_dispositions(&self, of: Mask) {
        for signal in Signal::all().filter(|signal| signal.can_be_caught() && of.has(*signal)) {
            let disposition = match self.ignored.has(signal) {
                true => Disposition::Ignore,
                false => Disposition::Default,
            };
            set_disposition(signal, disposition);
        }
    }
}
