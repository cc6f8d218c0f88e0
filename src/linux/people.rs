//! The people in scope: runs with their leaders and trees, and strays. Here is the table
//! of them; `birth`, `stop`, `death` and `front` carry out what the core orders about
//! them, and see when they are gone.
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
use std::os::fd::OwnedFd;

use lastout_core::{RunId, Signal, SpawnFailure};
use nix::unistd::Pid;

use super::cgroup::{Cgroup, Cgroups};
use super::everybody::{self, Init};
use super::mark::Marks;
use super::proc::ProcDir;
use super::relay::Relay;
use super::signals::Inherited;
use super::tell::Told;
use super::tree::{Census, Leader, anyone_but};
use super::wait::{self, Peek, Zombie};

mod birth;
mod death;
mod front;
mod person;
mod residents;
mod sender;
mod stop;

pub use person::{Person, Sighting};
pub use residents::Resident;

/// Everybody.
#[derive(Debug)]
pub struct People {
    scope: everybody::Scope,
    /// Where it is missing a tree is its leader's group.
    proc: Option<ProcDir>,
    has_looked_for_proc: bool,
    marks: Marks,
    cgroups: Option<Cgroups>,
    inherited: Inherited,
    runs: BTreeMap<RunId, Run>,
    leaders: BTreeMap<Pid, RunId>,
    /// The runs whose leader is reaped; few at a time.
    leaderless: Vec<RunId>,
    /// The runs whose rest is to be told, or may be: few as well.
    rests: Vec<RunId>,
    /// Whether some run has had the terminal.
    gave_terminal: bool,
    /// Who is to lead a run and does not yet; hardly ever anybody.
    successors: Vec<sender::Successor>,
    told: Told,
    strays: Strays,
    killing: Option<Killing>,
    /// The last scan of a dead leader's tree is not sure to have seen everybody.
    unsettled: bool,
    /// The runs whose trees are to be killed.
    to_kill: Vec<RunId>,
    sightings: Vec<Sighting>,
    /// lastout's own relay: it is nobody's, and nobody that anything is done to.
    relay: Option<Pid>,
    /// Whether it was said that lastout is not root, so that nobody else can be.
    has_said_who_we_are: bool,
}

/// A life and its tree.
#[derive(Debug)]
struct Run {
    pid: Pid,
    /// Open until the exec, or what came instead of it, was read.
    exec_status: Option<OwnedFd>,
    /// Open until it has said over it that it is ready.
    readiness: Option<OwnedFd>,
    /// Why there was no exec. The child that says so is about to end.
    failure: Option<SpawnFailure>,
    /// Whether the leader is alive, or a zombie.
    unreaped: bool,
    cgroup: Option<Cgroup>,
    has_terminal: bool,
    /// Whether it reads from the terminal of our session, in front or not.
    is_on_terminal: bool,
    /// Whether the leader was told, and with what.
    told: Option<Signal>,
    /// What the rest of the tree is to be told with, now that the leader is gone.
    rest: Option<Rest>,
    /// Whether its tree was killed, so that nobody of it is told any more.
    is_killed: bool,
}

/// The rest of a tree whose leader has ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Rest {
    /// It is to be told with this.
    ToTell(Signal),
    /// It was told with this; whoever is new is told, too.
    Told(Signal),
    /// There is nobody.
    Nobody,
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

/// How everybody is killed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Killing {
    /// Whom a look at everybody finds, which leaves the relay out; so many looks were
    /// taken.
    ByLook(u8),
    /// All at one blow, the relay among them.
    AtOnce,
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
            has_looked_for_proc: false,
            marks: Marks::new(),
            cgroups: None,
            inherited,
            runs: BTreeMap::new(),
            leaders: BTreeMap::new(),
            leaderless: Vec::new(),
            rests: Vec::new(),
            gave_terminal: false,
            successors: Vec::new(),
            told: Told::new(),
            strays: Strays::Let,
            killing: None,
            unsettled: false,
            to_kill: Vec::new(),
            sightings: Vec::new(),
            relay: None,
            has_said_who_we_are: false,
        }
    }

    /// Prepares to tell programs apart, before the first of them is started.
    pub fn expect_programs(&mut self) {
        self.open_proc();
        self.cgroups = Cgroups::find(&self.marks);
    }

    /// Opens /proc, to look at people later. Asked again, it does nothing.
    pub fn open_proc(&mut self) {
        if !std::mem::replace(&mut self.has_looked_for_proc, true) {
            self.proc = ProcDir::open();
        }
    }

    /// Whether everybody in a PID namespace is in scope.
    #[must_use]
    pub fn is_init(&self) -> bool {
        self.scope.init().is_some()
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

    /// The relay is there, or there is none any more.
    pub fn let_be(&mut self, relay: Option<&Relay>) {
        self.relay = relay.map(Relay::pid);
    }

    /// Whether nobody in scope is left. True only when our children are reaped.
    #[must_use]
    pub fn nobody_left(&self) -> bool {
        match self.relay {
            Some(relay) => self.leaders.is_empty() && !self.is_anybody_beside(relay),
            None => {
                let is_anybody_left = || self.scope.init().is_some_and(Init::anybody_left);
                wait::peek() == Peek::NoChildren && !is_anybody_left()
            }
        }
    }

    /// Whether anybody but the relay is there, which is our child and in our namespace, so
    /// that the kernel's own answers to that are of no use. Where there is no other answer,
    /// the relay has to leave first ([`People::wants_no_relay`]).
    fn is_anybody_beside(&self, relay: Pid) -> bool {
        let Some(proc) = &self.proc else { return true };
        if self.scope.init().is_some() {
            let is_other = |pid: &Pid| *pid != relay && *pid != proc.me();
            return proc.pids().is_none_or(|pids| pids.iter().any(is_other));
        }
        anyone_but(proc, |pid| pid == relay).unwrap_or_else(|| {
            let everybody = self.census().and_then(|census| census.take(&[], None));
            everybody.is_none_or(|snapshot| snapshot.has_children())
        })
    }

    /// Whether a relay would be in the way of who looks for others, or is killed with
    /// them.
    #[must_use]
    pub fn wants_no_relay(&self) -> bool {
        let is_over = self.strays != Strays::Let || self.killing.is_some();
        match (&self.proc, self.killing) {
            (_, Some(Killing::AtOnce)) => true,
            (None, _) => is_over && self.leaders.is_empty(),
            (Some(_), _) => false,
        }
    }

    /// Whether it was said that lastout is not root, so that nobody else can be.
    #[cfg(test)]
    pub(super) fn has_said_who_we_are(&self) -> bool {
        self.has_said_who_we_are
    }

    /// The run that this process leads.
    #[must_use]
    pub fn run_of(&self, zombie: &Zombie) -> Option<RunId> {
        self.leaders.get(&zombie.pid).copied()
    }

    /// What was told and killed since the last call.
    pub fn take_sightings(&mut self) -> Vec<Sighting> {
        std::mem::take(&mut self.sightings)
    }

    /// Whether there may be anybody in scope who leads no run, alive or not yet reaped.
    pub(super) fn is_anyone_but_leaders(&self) -> bool {
        // The list is in the order of their births, which is mostly that of their numbers:
        // so most are the next of the leaders, and need not be searched.
        let mut next = self.leaders.keys().peekable();
        let known = |pid| {
            if self.relay == Some(pid) {
                return true;
            }
            while next.next_if(|leader| **leader < pid).is_some() {}
            next.next_if(|leader| **leader == pid).is_some() || self.leaders.contains_key(&pid)
        };
        self.proc
            .as_ref()
            .and_then(|proc| anyone_but(proc, known))
            .unwrap_or(true)
    }

    pub(super) fn census(&self) -> Option<Census<'_>> {
        let proc = self.proc.as_ref()?;
        Some(Census {
            proc,
            marks: &self.marks,
            scope: &self.scope,
            relay: self.relay,
        })
    }

    pub(super) fn leader_list(&self) -> Vec<Leader<'_>> {
        let leaders = self.runs.iter().map(|(run, entry)| Leader {
            run: *run,
            pid: entry.pid,
            unreaped: entry.unreaped,
            cgroup: entry.cgroup.as_ref(),
        });
        leaders.collect()
    }
}
