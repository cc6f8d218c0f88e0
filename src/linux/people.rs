//! The people in scope: runs with their leaders and trees, and strays. Carries out
//! what the core orders about them, and sees when they are gone.
//!
//! The core names a run; here is the only table that knows its pid. An entry lives as
//! long as anybody of its tree, and the pid is signalled only while it is not reaped
//! (or through a scan that looks at the process again), so that a signal to a number
//! that was given to somebody else is impossible.
//!
//! /proc is looked at only when a leader has ended, a tree is told or killed, or strays
//! are: never on a timer but during the stop. Where it is missing a tree is its
//! leader's group, and strays are everybody (STOP-1).

use std::collections::BTreeMap;
use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use lastout_core::{RunId, Scope, Signal, SpawnFailure, Stage};
use nix::unistd::Pid;

use super::cgroup::{Cgroup, Cgroups};
use super::everybody::{self, Init};
use super::mark::Marks;
use super::passwd::{self, Identity};
use super::proc::{Comm, ProcDir, StartTime};
use super::signals::Inherited;
use super::spawn::{self, Circumstances, Recipe};
use super::tell::{Outcome, Told, Whom};
use super::tree::{Census, Leader, Process, anyone_but};
use super::wait::{self, Peek, Zombie};
use crate::plan::{Launch, UserSpec};

/// Sightings that are kept between two looks at them.
const MOST_SIGHTINGS: usize = 4096;

/// Everybody.
#[derive(Debug)]
pub struct People {
    scope: everybody::Scope,
    proc: Option<ProcDir>,
    marks: Marks,
    cgroups: Option<Cgroups>,
    inherited: Inherited,
    runs: BTreeMap<RunId, Run>,
    leaders: BTreeMap<Pid, RunId>,
    told: Told,
    strays: Strays,
    killing: bool,
    /// The last scan of a dead leader's tree is not sure to have seen everybody.
    unsettled: bool,
    sightings: Vec<Sighting>,
}

/// A life and its tree.
#[derive(Debug)]
struct Run {
    pid: Pid,
    /// Open until the exec, or what came instead of it, was read.
    exec_status: Option<OwnedFd>,
    /// Why there was no exec. The child that says so is about to end.
    failure: Option<SpawnFailure>,
    /// Whether the leader is alive, or a zombie.
    unreaped: bool,
    cgroup: Option<Cgroup>,
    has_terminal: bool,
    /// Whether the leader was told, and with what.
    told: Option<Signal>,
    /// What the rest of the tree is to be told with, now that the leader is gone.
    rest: Option<Rest>,
}

/// The rest of a tree whose leader has ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Rest {
    /// It is to be told with this.
    ToTell(Signal),
    /// It was told with this; whoever is new is told, too.
    Told(Signal),
}

/// What is to be done about strays.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Strays {
    /// Nothing: there is no shutdown, or it has not come to them.
    Let,
    /// They are to be told with this.
    ToTell(Signal),
    /// They were told with this; whoever is new is told, too.
    Told(Signal),
}

/// Somebody who was told or killed beside the leaders.
#[derive(Clone, Copy, Debug)]
pub struct Sighting {
    /// Who.
    pub who: Person,
    /// Whose tree it belongs to; `None`: it is a stray.
    pub of: Option<RunId>,
    /// With what.
    pub signal: Signal,
}

/// A process to be named to people.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    pid: Pid,
    born: Option<StartTime>,
    comm: Option<Comm>,
}

impl PartialEq for Person {
    fn eq(&self, other: &Person) -> bool {
        self.pid == other.pid && self.born == other.born
    }
}

impl Person {
    fn of(process: &Process) -> Person {
        Person {
            pid: process.pid,
            born: Some(process.stat.starttime),
            comm: Some(process.stat.comm),
        }
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> i32 {
        self.pid.as_raw()
    }

    /// Its command's name, as the kernel has it.
    #[must_use]
    pub fn command(&self) -> Option<String> {
        self.comm.map(|comm| comm.as_str().to_owned())
    }

    /// Whether it may be the same one, of which one was only seen as a zombie.
    #[must_use]
    pub fn is_same_process(&self, other: &Person) -> bool {
        self.pid == other.pid
    }
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.comm {
            Some(comm) => write!(f, "{} (pid {})", comm.as_str(), self.pid),
            None => write!(f, "pid {}", self.pid),
        }
    }
}

impl People {
    /// Takes responsibility for everybody who is or comes in scope: orphans among our
    /// descendants too, where we are a subreaper.
    #[must_use]
    pub fn adopt(inherited: Inherited) -> People {
        let scope = everybody::Scope::of_this_process();
        People {
            scope,
            proc: None,
            marks: Marks::new(),
            cgroups: None,
            inherited,
            runs: BTreeMap::new(),
            leaders: BTreeMap::new(),
            told: Told::new(),
            strays: Strays::Let,
            killing: false,
            unsettled: false,
            sightings: Vec::new(),
        }
    }

    /// Prepares to tell programs apart, before the first of them is started.
    pub fn expect_programs(&mut self) {
        self.open_proc();
        self.cgroups = Cgroups::find(&self.marks);
    }

    /// Opens /proc, to look at people later.
    pub fn open_proc(&mut self) {
        if self.proc.is_none() {
            self.proc = ProcDir::open();
            if self.proc.is_none() {
                log::debug!("no /proc of our own namespace: a tree is its leader's group");
            }
        }
    }

    /// Whether everybody in a PID namespace is in scope.
    #[must_use]
    pub fn is_init(&self) -> bool {
        self.scope.init().is_some()
    }

    /// Starts a life.
    ///
    /// # Errors
    /// What went wrong before there was a child.
    pub fn spawn(
        &mut self,
        run: RunId,
        launch: &Launch,
        terminal: bool,
    ) -> Result<(), SpawnFailure> {
        let identity = match &launch.user {
            None => None,
            Some(user) => self.identity(user)?,
        };
        let around = Circumstances {
            identity,
            mark: self.marks.of(run),
            foreground: terminal,
            inherited: &self.inherited,
        };
        let mut recipe = Recipe::prepare(launch, &around)?;
        let (born, cgroup) = loop {
            let cgroup = self
                .cgroups
                .as_ref()
                .and_then(|cgroups| cgroups.create(run));
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
            has_terminal: terminal,
            told: None,
            rest: None,
        };
        self.runs.insert(run, entry);
        Ok(())
    }

    /// Where RLIMIT_NOFILE leaves no room for the pipe of a start, what lastout knows
    /// its people by has to make room: the start is what it is for. Whether it did.
    fn can_do_with_fewer_descriptors(&mut self, failure: SpawnFailure) -> bool {
        let lacks = failure.stage == Stage::Pipe && failure.errno == libc::EMFILE;
        // Other starts will give theirs back in a moment.
        if !lacks || self.runs.values().any(|run| run.exec_status.is_some()) {
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
    fn identity(&self, user: &UserSpec) -> Result<Option<Identity>, SpawnFailure> {
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

    /// The pid of a run's leader, for people to read.
    #[must_use]
    pub fn leader(&self, run: RunId) -> Option<Person> {
        let pid = self.runs.get(&run)?.pid;
        Some(Person {
            pid,
            born: None,
            comm: None,
        })
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

    /// Passes a signal on.
    pub fn forward(&self, run: RunId, scope: Scope, signal: Signal) {
        let Some(run) = self.runs.get(&run).filter(|run| run.unreaped) else {
            return;
        };
        match scope {
            Scope::Leader => send(run.pid, signal),
            Scope::Group | Scope::Tree => send_to_group(run.pid, signal),
        }
    }

    /// Asks a run's leader to end, or its group, or everybody of its tree. Who is
    /// stopped goes on, so that it can act.
    pub fn tell(&mut self, id: RunId, scope: Scope, signal: Signal) {
        let Some(run) = self.runs.get_mut(&id).filter(|run| run.unreaped) else {
            return;
        };
        run.told = Some(signal);
        let pid = run.pid;
        match scope {
            Scope::Leader => send(pid, signal),
            Scope::Group => {
                // At one blow, so that nobody forks away; then noted, so that none of
                // them is told again when the leader is gone.
                send_to_group(pid, signal);
                self.note_group(pid, signal);
            }
            Scope::Tree if self.tell_by_census(Whom::Run(id), signal) => {}
            Scope::Tree => send_to_group(pid, signal),
        }
        send_to_group(pid, Signal::CONT);
    }

    /// Asks those of a tree to end who were not told with its leader, which is alive.
    pub fn tell_followers(&mut self, id: RunId, signal: Signal) {
        let Some(pid) = self.runs.get(&id).map(|run| run.pid) else {
            return;
        };
        if !self.tell_by_census(Whom::Followers(id), signal) {
            // Without /proc the leader is told twice rather than the others never.
            let _ = send_to_group_left_by(pid, signal);
        }
    }

    /// The leader has ended, and the rest of the tree is to be told. It is when
    /// [`People::tell_rests`] is called, for all at once.
    pub fn tell_rest(&mut self, run: RunId, signal: Signal) {
        if let Some(run) = self.runs.get_mut(&run) {
            run.rest = Some(Rest::ToTell(signal));
        }
    }

    /// Tells what leaders that have just ended left behind. To be called before they
    /// are reaped, while their numbers are still theirs.
    pub fn tell_rests(&mut self) {
        let waiting: Vec<(RunId, Pid, Signal)> = self
            .runs
            .iter()
            .filter_map(|(id, run)| match run.rest {
                Some(Rest::ToTell(signal)) => Some((*id, run.pid, signal)),
                Some(Rest::Told(_)) | None => None,
            })
            .collect();
        if waiting.is_empty() {
            return;
        }
        let anyone = self.is_anyone_but_leaders();
        for (id, pid, signal) in waiting {
            if let Some(run) = self.runs.get_mut(&id) {
                run.rest = Some(Rest::Told(signal));
            }
            if anyone && !self.tell_by_census(Whom::Followers(id), signal) {
                let _ = send_to_group_left_by(pid, signal);
                let _ = send_to_group_left_by(pid, Signal::CONT);
            }
        }
    }

    /// Hangs up on a leader.
    pub fn hang_up(&self, run: RunId) {
        if let Some(run) = self.runs.get(&run).filter(|run| run.unreaped) {
            send(run.pid, Signal::HUP);
            send(run.pid, Signal::CONT);
        }
    }

    /// Kills a tree.
    pub fn kill(&mut self, id: RunId) {
        let Some(run) = self.runs.get(&id) else {
            return;
        };
        let (pid, unreaped) = (run.pid, run.unreaped);
        // Who is to be named is looked up while it is there.
        self.sight(Whom::Followers(id), Signal::KILL);
        if unreaped {
            send_to_group(pid, Signal::KILL);
        }
        let leaders = self.leader_list();
        let killed = self
            .census()
            .and_then(|census| census.kill(&leaders, Whom::Run(id)));
        if killed.is_none() {
            let _ = send_to_group_left_by(pid, Signal::KILL);
        }
    }

    /// Whoever is left of this tree belongs to no run from now on.
    pub fn disown(&mut self, run: RunId) {
        self.remove(run);
    }

    /// Everybody is to be asked to end who belongs to no run. They are when
    /// [`People::tell_waiting_strays`] is called, after the dead were reaped, so that
    /// usually nobody is left to be looked for.
    pub fn tell_strays(&mut self, signal: Signal) {
        self.strays = Strays::ToTell(signal);
    }

    /// Asks those to end who belong to no run.
    pub fn tell_waiting_strays(&mut self) {
        let Strays::ToTell(signal) = self.strays else {
            return;
        };
        self.strays = Strays::Told(signal);
        if self.nobody_left() {
            return;
        }
        if self.tell_by_census(Whom::Strays, signal) {
            self.hang_up_on_stray_shells();
        } else if let Some(init) = self.scope.init() {
            let _ = init.tell_all(signal);
            let _ = init.tell_all(Signal::CONT);
        }
    }

    /// Kills everybody.
    pub fn kill_everybody(&mut self) {
        self.killing = true;
        self.sight(Whom::Everybody, Signal::KILL);
        self.kill_all();
    }

    fn kill_all(&self) {
        if let Some(init) = self.scope.init() {
            let _ = init.tell_all(Signal::KILL);
            return;
        }
        let leaders = self.leader_list();
        let census = self
            .census()
            .and_then(|census| census.kill(&leaders, Whom::Everybody));
        if census.is_none() {
            for run in self.runs.values() {
                let _ = send_to_group_left_by(run.pid, Signal::KILL);
            }
        }
    }

    /// During the stop: tells or kills whoever has come since.
    pub fn look_again(&mut self) {
        if self.killing {
            self.kill_all();
        } else if let Strays::Told(signal) = self.strays {
            let _ = self.tell_by_census(Whom::Strays, signal);
        }
    }

    /// Whether somebody may come or go whom no SIGCHLD tells of, so that it is worth to
    /// look again in a moment: strays that are told, or a shell that is.
    #[must_use]
    pub fn is_worth_another_look(&self) -> bool {
        let shell = |run: &Run| run.has_terminal && run.told.is_some() && run.unreaped;
        let strays = self.strays != Strays::Let;
        self.killing || strays || self.unsettled || self.runs.values().any(shell)
    }

    /// Whether nobody in scope is left. True only when our children are reaped.
    #[must_use]
    pub fn nobody_left(&self) -> bool {
        wait::peek() == Peek::NoChildren && !self.scope.init().is_some_and(Init::anybody_left)
    }

    /// The run that this process leads.
    #[must_use]
    pub fn run_of(&self, zombie: &Zombie) -> Option<RunId> {
        self.leaders.get(&zombie.pid).copied()
    }

    /// All leaders that have ended, this one first, `most` of them. They are not reaped.
    #[must_use]
    pub fn ended_leaders(&self, first: Zombie, most: usize) -> Vec<(RunId, Zombie)> {
        let mut ended: Vec<(RunId, Zombie)> = self
            .run_of(&first)
            .map(|run| (run, first))
            .into_iter()
            .collect();
        for (pid, run) in &self.leaders {
            if ended.len() >= most {
                break;
            }
            if *pid != first.pid
                && let Peek::Ended(zombie) = wait::peek_at(*pid)
            {
                ended.push((*run, zombie));
            }
        }
        ended
    }

    /// Reaps a leader.
    pub fn reap_leader(&mut self, run: RunId, zombie: Zombie) {
        self.leaders.remove(&zombie.pid);
        zombie.reap();
        if let Some(run) = self.runs.get_mut(&run) {
            run.unreaped = false;
        }
    }

    /// The run never came to be: its child failed before the exec, and is reaped.
    pub fn remove(&mut self, run: RunId) {
        if let Some(run) = self.runs.remove(&run) {
            if run.unreaped {
                self.leaders.remove(&run.pid);
            }
            if let Some(cgroup) = run.cgroup {
                let _ = cgroup.remove();
            }
        }
    }

    /// Reaps somebody who leads no run.
    pub fn reap_other(&mut self, zombie: Zombie) -> Person {
        let person = Person {
            pid: zombie.pid,
            born: None,
            comm: None,
        };
        zombie.reap();
        person
    }

    /// The runs of which nobody is left, and takes them off the table. Whoever of the
    /// others is new is told. `childless`: we are known to have no children at all, so
    /// that nobody is left of any ([`anyone_but`] tells why).
    pub fn gone_trees(&mut self, childless: bool) -> Vec<RunId> {
        let dead = |run: &Run| !run.unreaped && run.rest.is_some();
        let waiting: Vec<RunId> = self
            .runs
            .iter()
            .filter(|(_, run)| dead(run))
            .map(|(id, _)| *id)
            .collect();
        self.unsettled = false;
        if waiting.is_empty() {
            return waiting;
        }
        let gone: Vec<RunId> = if !childless && self.is_anyone_but_leaders() {
            waiting
                .into_iter()
                .filter(|run| !self.has_anybody(*run))
                .collect()
        } else {
            waiting
        };
        for run in &gone {
            self.remove(*run);
        }
        gone
    }

    /// Whether anybody is left of a tree whose leader is gone; tells those who are new.
    fn has_anybody(&mut self, id: RunId) -> bool {
        let Some(run) = self.runs.get(&id) else {
            return false;
        };
        let pid = run.pid;
        let Some(Rest::Told(signal) | Rest::ToTell(signal)) = run.rest else {
            return false;
        };
        match self.outcome_of_telling(Whom::Followers(id), signal) {
            Some(outcome) => {
                self.unsettled |= !outcome.settled;
                outcome.left > 0 || !outcome.settled
            }
            // Without /proc: whether the group has anybody.
            None => nix::sys::signal::killpg(pid, None) != Err(nix::errno::Errno::ESRCH),
        }
    }

    /// The runs with a terminal that were told, and of which only the leader is left,
    /// who would not be cut short by a hangup (STOP-9).
    #[must_use]
    pub fn lonely_leaders(&self) -> Vec<RunId> {
        let shells = self
            .runs
            .iter()
            .filter(|(_, run)| run.has_terminal && run.told.is_some() && run.unreaped);
        let shells: Vec<(RunId, Pid, Signal)> = shells
            .filter_map(|(id, run)| Some((*id, run.pid, run.told?)))
            .collect();
        if shells.is_empty() {
            return Vec::new();
        }
        let Some(census) = self.census() else {
            return Vec::new();
        };
        let Some(snapshot) = census.take(&self.leader_list(), None) else {
            return Vec::new();
        };
        let lonely = shells.into_iter().filter(|(id, pid, told)| {
            let alone = snapshot.members(*id).all(|member| member.pid == *pid);
            alone
                && census.proc.signals(*pid).is_some_and(|signals| {
                    signals.ignored.has(*told) || signals.caught.has(Signal::HUP)
                })
        });
        lonely.map(|(id, _, _)| id).collect()
    }

    /// Whether the program of this run was stopped by its terminal, as by Ctrl-Z.
    #[must_use]
    pub fn was_stopped_by_terminal(&self, run: RunId) -> bool {
        let leader = self
            .runs
            .get(&run)
            .filter(|run| run.has_terminal && run.unreaped);
        leader.is_some_and(|leader| wait::was_stopped_by_terminal(leader.pid))
    }

    /// The runs that were given the terminal.
    #[must_use]
    pub fn runs_with_terminal(&self) -> Vec<RunId> {
        let with = self
            .runs
            .iter()
            .filter(|(_, run)| run.has_terminal && run.unreaped);
        with.map(|(id, _)| *id).collect()
    }

    /// Puts a program in front on the terminal again, and lets it go on.
    pub fn bring_to_front(&self, run: RunId) {
        if let Some(run) = self.runs.get(&run).filter(|run| run.unreaped) {
            if super::terminal::is_ours_to_give() {
                super::terminal::give_to(run.pid);
            }
            send_to_group(run.pid, Signal::CONT);
        }
    }

    /// What was told and killed since the last call.
    pub fn take_sightings(&mut self) -> Vec<Sighting> {
        std::mem::take(&mut self.sightings)
    }

    /// Whether there may be anybody in scope who leads no run, alive or not yet reaped.
    fn is_anyone_but_leaders(&self) -> bool {
        let known = |pid| self.leaders.contains_key(&pid);
        self.proc
            .as_ref()
            .and_then(|proc| anyone_but(proc, known))
            .unwrap_or(true)
    }

    fn census(&self) -> Option<Census<'_>> {
        let proc = self.proc.as_ref()?;
        Some(Census {
            proc,
            marks: &self.marks,
            scope: &self.scope,
        })
    }

    fn leader_list(&self) -> Vec<Leader<'_>> {
        let leaders = self.runs.iter().map(|(run, entry)| Leader {
            run: *run,
            pid: entry.pid,
            unreaped: entry.unreaped,
            cgroup: entry.cgroup.as_ref(),
        });
        leaders.collect()
    }

    /// Tells whom a scan finds. False where there is nothing to scan.
    fn tell_by_census(&mut self, whom: Whom, signal: Signal) -> bool {
        self.outcome_of_telling(whom, signal).is_some()
    }

    /// Tells whom a scan finds, and how many of them are alive.
    fn outcome_of_telling(&mut self, whom: Whom, signal: Signal) -> Option<Outcome> {
        let mut told = std::mem::take(&mut self.told);
        let leaders = self.leader_list();
        let signals = [signal, Signal::CONT];
        let outcome = self
            .census()
            .and_then(|census| census.tell(&leaders, whom, &signals, &mut told));
        drop(leaders);
        self.told = told;
        self.sight_news(signal);
        outcome
    }

    /// Notes for the report who was told just now.
    fn sight_news(&mut self, signal: Signal) {
        for process in self.told.take_news() {
            let leads = self.leaders.contains_key(&process.pid);
            if !leads && self.sightings.len() < MOST_SIGHTINGS {
                let (who, of) = (Person::of(&process), process.run);
                self.sightings.push(Sighting { who, of, signal });
            }
        }
    }

    /// Notes whom a signal that no scan guides will reach.
    fn sight(&mut self, whom: Whom, signal: Signal) {
        let leaders = self.leader_list();
        let snapshot = self.census().and_then(|census| census.take(&leaders, None));
        let Some(snapshot) = snapshot else { return };
        let seen = snapshot.everybody().filter(|process| {
            !self.leaders.contains_key(&process.pid) && whom.includes(process, &leaders)
        });
        let seen: Vec<Sighting> = seen
            .take(MOST_SIGHTINGS)
            .map(|process| Sighting {
                who: Person::of(process),
                of: process.run,
                signal,
            })
            .collect();
        drop(leaders);
        self.sightings.extend(seen);
    }

    /// Notes the members of a group as told.
    fn note_group(&mut self, leader: Pid, signal: Signal) {
        let leaders = self.leader_list();
        let snapshot = self.census().and_then(|census| census.take(&leaders, None));
        drop(leaders);
        let group = snapshot.iter().flat_map(|snapshot| snapshot.everybody());
        for process in group.filter(|process| process.stat.pgid == leader) {
            self.told.insert(process);
        }
        self.sight_news(signal);
    }

    /// A shell that somebody left open in the container ignores SIGTERM; it is hung up
    /// on as when its window is closed (STOP-9).
    fn hang_up_on_stray_shells(&self) {
        let Some(census) = self.census() else { return };
        let Some(snapshot) = census.take(&self.leader_list(), None) else {
            return;
        };
        for stray in snapshot.strays() {
            if stray.stat.sid == stray.pid && stray.stat.tty.is_some() {
                let _ = super::tell::send(census.proc, stray, &[Signal::HUP]);
            }
        }
    }
}

/// Sends a signal to a child that is not reaped, whatever the signal's number.
fn send(pid: Pid, signal: Signal) {
    // SAFETY: kill takes no pointers, and the pid is that of a child we have not reaped.
    unsafe { libc::kill(pid.as_raw(), signal.number()) };
}

/// Sends a signal to the group of a leader that is not reaped; to the leader alone, as
/// long as it has not made its group.
fn send_to_group(leader: Pid, signal: Signal) {
    if !send_to_group_left_by(leader, signal) {
        send(leader, signal);
    }
}

/// Sends a signal to the group whose leader may be reaped. Whether there is one.
fn send_to_group_left_by(leader: Pid, signal: Signal) -> bool {
    // SAFETY: as above; the number of a group is not given away while it has members.
    unsafe { libc::kill(-leader.as_raw(), signal.number()) == 0 }
}
