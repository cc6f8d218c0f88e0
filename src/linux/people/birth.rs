//! How a life begins: fork, and what the child has to say of its exec.

use std::os::fd::{AsFd, BorrowedFd};

use lastout_core::{RunId, SpawnFailure, Stage};

use super::{People, Run};
use crate::linux::cgroup::Cgroup;
use crate::linux::passwd::{self, Identity};
use crate::linux::spawn::{self, Circumstances, Recipe};
use crate::linux::terminal;
use crate::plan::{Launch, Stdin, UserSpec};

impl People {
    /// Starts a life.
    ///
    /// # Errors
    /// What went wrong before there was a child.
    pub fn spawn(
        &mut self,
        run: RunId,
        launch: &Launch,
        in_front: bool,
    ) -> Result<(), SpawnFailure> {
        let identity = match &launch.user {
            None => None,
            Some(user) => self.identity(user)?,
        };
        // A control group only where there is no mark: the kernel takes up to 20 ms to make
        // or remove one, and lastout would wait (PID-6).
        let mark = self.marks.of(run);
        let around = Circumstances {
            identity,
            mark,
            foreground: in_front,
            inherited: &self.inherited,
        };
        let mut recipe = Recipe::prepare(launch, &around)?;
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
        let entry = Run {
            pid: born.pid,
            exec_status: Some(born.exec_status),
            failure: None,
            unreaped: true,
            cgroup,
            has_terminal: in_front,
            is_on_terminal: launch.stdin == Stdin::Inherit && terminal::is_of_our_session(),
            told: None,
            rest: None,
            is_killed: false,
        };
        self.runs.insert(run, entry);
        Ok(())
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

    /// Whom a program runs as, if not as lastout. Who is not root cannot become anybody
    /// else; the program runs as lastout then, since platforms give containers
    /// arbitrary uids and the same file must serve.
    pub(super) fn identity(&self, user: &UserSpec) -> Result<Option<Identity>, SpawnFailure> {
        let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
        let identity = match passwd::resolve(user) {
            Ok(identity) => identity,
            Err(error) if uid.is_root() => {
                log::warn!("{error}");
                return Err(SpawnFailure {
                    stage: Stage::Lookup,
                    errno: libc::ENOENT,
                });
            }
            Err(_) => return Ok(None),
        };
        if uid.is_root() {
            return Ok(Some(identity));
        }
        if identity.uid != uid.as_raw() || identity.gid != gid.as_raw() {
            log::debug!("not root, so user {} stays {uid}:{gid}", user.user);
        }
        Ok(None)
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
}
