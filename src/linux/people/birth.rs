//! How a life begins: fork, and what the child has to say of its exec.

use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStringExt;

use lastout_core::{RunId, SpawnFailure, Stage};

use super::{People, Run};
use crate::linux::cgroup::Cgroup;
use crate::linux::passwd::{self, Identity};
use crate::linux::spawn::{self, Circumstances, Outputs, ReadyNews, Recipe, Start, Whom};
use crate::linux::{descriptors, terminal};
use crate::plan::UserSpec;

impl People {
    /// Starts a life: of a program, of a hook of it, of a question to it. Gives what it
    /// writes, where the relay passes that on.
    ///
    /// # Errors
    /// What went wrong before there was a child.
    pub fn spawn(&mut self, start: Start<'_>) -> Result<Outputs, SpawnFailure> {
        let Start { run, launch, .. } = start;
        if launch.is_relayed() {
            descriptors::raise_limit();
        }
        let whom = match &launch.user {
            None => None,
            Some(user) => Some(self.whom(user)?),
        };
        // A control group only where there is no mark: the kernel takes up to 20 ms to make
        // or remove one, and lastout would wait (PID-6).
        let mark = self.marks.of(run);
        let around = Circumstances {
            whom,
            mark,
            inherited: &self.inherited,
        };
        let mut recipe = Recipe::prepare(start, around)?;
        let (in_front, on_stdin) = (recipe.is_in_front(), recipe.reads_stdin());
        let (born, cgroup) = loop {
            let cgroup = match mark {
                Some(_) => None,
                None => self
                    .cgroups
                    .as_ref()
                    .and_then(|cgroups| cgroups.create(run)),
            };
            let door = cgroup.as_ref().and_then(Cgroup::door);
            match recipe.fork(door.as_ref().map(AsFd::as_fd)) {
                Ok(born) => break (born, cgroup),
                Err(failure) if self.can_do_with_fewer_descriptors(failure) => {}
                Err(failure) => return Err(failure),
            }
        };
        self.leaders.insert(born.pid, run);
        self.gave_terminal |= in_front;
        let entry = Run {
            pid: born.pid,
            exec_status: Some(born.exec_status),
            readiness: born.readiness,
            failure: None,
            unreaped: true,
            cgroup,
            has_terminal: in_front,
            is_on_terminal: on_stdin && terminal::is_of_our_session(),
            told: None,
            rest: None,
            is_killed: false,
        };
        self.runs.insert(run, entry);
        Ok(born.outputs)
    }

    /// Whether a start failed for want of descriptors that other starts will give back
    /// in a moment, so that it only has to wait for them.
    #[must_use]
    pub fn may_start_later(&self, failure: SpawnFailure) -> bool {
        let lacks = failure.stage == Stage::Pipe && failure.errno == libc::EMFILE;
        lacks && self.runs.values().any(|run| run.exec_status.is_some())
    }

    /// Where RLIMIT_NOFILE leaves no room for the pipe of a start, what lastout knows
    /// its people by has to make room: the start is what it is for. Whether it did.
    pub(super) fn can_do_with_fewer_descriptors(&mut self, failure: SpawnFailure) -> bool {
        let lacks = failure.stage == Stage::Pipe && failure.errno == libc::EMFILE;
        if !lacks || self.may_start_later(failure) {
            return false;
        }
        if self.cgroups.take().is_some() {
            log::debug!("going without control groups: too few descriptors");
            return true;
        }
        let has_proc = self.proc.take().is_some();
        if has_proc {
            log::debug!(
                "going without /proc: too few descriptors; a program's tree is its process group"
            );
        }
        has_proc
    }

    /// Whom a program runs as. Who is not root cannot become anybody else; the program
    /// runs as lastout then, and tells so in its environment, since platforms give
    /// containers arbitrary uids and the same file must serve.
    pub(super) fn whom(&mut self, user: &UserSpec) -> Result<Whom, SpawnFailure> {
        let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
        let found = passwd::resolve(user);
        if uid.is_root() {
            let becomes = true;
            return match found {
                Ok(identity) => Ok(Whom { identity, becomes }),
                Err(error) => {
                    log::warn!("{error}");
                    Err(SpawnFailure {
                        stage: Stage::Lookup,
                        errno: libc::ENOENT,
                    })
                }
            };
        }
        let becomes = false;
        let is_us = |who: &Identity| who.uid == uid.as_raw() && who.gid == gid.as_raw();
        if let Ok(identity) = found
            && is_us(&identity)
        {
            return Ok(Whom { identity, becomes });
        }
        if !std::mem::replace(&mut self.has_said_who_we_are, true) {
            log::warn!(
                "not root, so user {} is not to be had: whatever has a user runs as {uid}:{gid}",
                user.user
            );
        }
        let variable = |name| std::env::var_os(name).map(OsStringExt::into_vec);
        let identity = Identity {
            home: variable("HOME"),
            name: variable("USER").or_else(|| variable("LOGNAME")),
            ..Identity::default()
        };
        Ok(Whom { identity, becomes })
    }

    /// The pipe over which a run tells how its exec went.
    #[must_use]
    pub fn exec_status(&self, run: RunId) -> Option<BorrowedFd<'_>> {
        self.runs.get(&run)?.exec_status.as_ref().map(AsFd::as_fd)
    }

    /// How a run's exec went, if that can be told by now.
    #[must_use]
    pub fn read_exec_status(&self, run: RunId) -> Option<Result<(), SpawnFailure>> {
        if let Some(failure) = self.runs.get(&run)?.failure {
            return Some(Err(failure));
        }
        spawn::read_exec_status(self.exec_status(run)?)
    }

    /// The runs of which it is not known yet how their exec went.
    #[must_use]
    pub fn runs_before_exec(&self) -> Vec<RunId> {
        let before = self
            .runs
            .iter()
            .filter(|(_, run)| run.exec_status.is_some());
        before.map(|(id, _)| *id).collect()
    }

    /// Keeps why a run had no exec until its child is dead: as long as that is alive it
    /// is the run's, and no stray that somebody would tell.
    pub fn keep_failure(&mut self, run: RunId, failure: SpawnFailure) {
        if let Some(run) = self.runs.get_mut(&run) {
            run.failure = Some(failure);
        }
    }

    /// The pipe was read to its end. The caller took it from the poll set before.
    pub fn close_exec_status(&mut self, run: RunId) {
        if let Some(run) = self.runs.get_mut(&run) {
            run.exec_status = None;
        }
    }

    /// The pipe over which a run says that it is ready, where it was given one.
    #[must_use]
    pub fn ready_descriptor(&self, run: RunId) -> Option<BorrowedFd<'_>> {
        self.runs.get(&run)?.readiness.as_ref().map(AsFd::as_fd)
    }

    /// What a run has to say over it. `None`: nothing yet.
    #[must_use]
    pub fn read_ready(&self, run: RunId) -> Option<ReadyNews> {
        spawn::read_readiness(self.ready_descriptor(run)?)
    }

    /// There is no more to be read. The caller took it from the poll set before.
    pub fn close_ready(&mut self, run: RunId) {
        if let Some(run) = self.runs.get_mut(&run) {
            run.readiness = None;
        }
    }
}
