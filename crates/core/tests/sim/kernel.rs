//! The simulated kernel, and as much of the shell as is one with it: processes, the
//! trees that they belong to, who dies when, and the facts that are reported of it.
//!
//! It does what Linux does on a bad day: a leader dies at any time, ignores what it is
//! sent, is slow to act, is stopped, or hangs in the kernel where not even SIGKILL ends
//! it; children outlive their parents and have children; a fork fails for a while, an
//! exec for ever. What is run beside a program fails or takes for ever, and a program
//! says what it likes when it likes. A process is never revived, and no number is used
//! again.

mod fates;
mod talk;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use lastout_core::{Event, RunId, Signal, Time};

use crate::random::Random;
use crate::world::{Chaos, World};
use talk::Saying;

/// Most processes of a world; a bound on the forks of those that fork again.
const MOST_PROCESSES: usize = 400;

/// How long SIGKILL takes at most, and the news of a death.
const KILL_TAKES: Duration = Duration::from_micros(100);

/// What a process is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Job {
    /// It is a program's command.
    Command {
        has_terminal: bool,
        /// Whether it is to say that it is ready.
        says_ready: bool,
        /// How often it is to say that it is well.
        watchdog: Option<Duration>,
    },
    /// It is run before or after a command.
    Hook,
    /// It asks a program.
    Probe,
}

/// A process that lives or has lived; its index is its number.
#[derive(Debug)]
pub(crate) struct Process {
    /// The run it belongs to; none: a stray.
    pub(crate) run: Option<RunId>,
    /// What it is for, if it leads a run.
    job: Option<Job>,
    pub(crate) alive: bool,
    /// Whether it was asked to end, itself or as one of those that a telling is for.
    pub(crate) told: bool,
    /// Whether SIGKILL is on its way to it.
    killed: bool,
    deaf: bool,
    stopped: bool,
    takes: Duration,
    /// It hangs in the kernel until then.
    hangs_until: Option<Time>,
    execed: bool,
    forks_left: u32,
    /// How often it will say that it is well before it forgets.
    words_left: u32,
}

/// The tree of one run, as the shell keeps it.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    leader: usize,
    /// Everybody who ever was of it.
    members: Vec<usize>,
    pub(crate) alive: u32,
    has_terminal: bool,
    leader_told: bool,
    /// Whether all that was left was told, so that newborn members are told as well.
    rest_told: bool,
    killed: bool,
    /// When its exec is reported: nothing that happens after it is reported earlier.
    exec_reported: Time,
    /// Whether the core knows that the leader is gone.
    end_is_known: bool,
    gone_reported: bool,
    alone_reported: bool,
}

/// What happens at some time. Ordered only so that a heap can hold it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Happening {
    Exec(usize),
    ExecFails(usize, Stages),
    Fork(usize),
    /// It ends with this code, or 256 + a signal.
    Die(usize, u16),
    Killed(usize),
    Thaw(usize),
    Say(usize, Saying),
    Stray,
    /// Somebody wants the configuration to be read.
    Load,
    /// These news reach the shell.
    Report(usize),
}

/// How a start fails.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Stages {
    Fork,
    NotFound,
    NotExecutable,
    Busy,
    NoMemory,
}

/// What reaches the shell.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum News {
    Fact(Event),
    /// The time of the program of this name has come.
    Due(String),
    /// The configuration was read, and it is the one of this number.
    Loaded(usize),
}

/// Processes, and the happenings that wait for their time.
#[derive(Debug)]
pub(crate) struct Kernel {
    random: Random,
    chaos: Chaos,
    pub(crate) processes: Vec<Process>,
    pub(crate) trees: BTreeMap<RunId, Tree>,
    queue: BinaryHeap<Reverse<(Time, u64, Happening)>>,
    sequence: u64,
    reports: Vec<News>,
    /// Leaders' ends that have happened and were not delivered yet.
    unreaped: usize,
    /// News that the shell has not passed on yet.
    pub(crate) inbox: Vec<News>,
    /// How many configurations there are, and how many were read.
    versions: usize,
    loads: usize,
    alive: usize,
    strays_told: bool,
    killing_everybody: bool,
}

impl Kernel {
    pub(crate) fn new(world: &World) -> Kernel {
        let mut kernel = Kernel {
            random: Random::new(!world.seed),
            chaos: world.chaos.clone(),
            processes: Vec::new(),
            trees: BTreeMap::new(),
            queue: BinaryHeap::new(),
            sequence: 0,
            reports: Vec::new(),
            unreaped: 0,
            inbox: Vec::new(),
            versions: world.versions.len(),
            loads: 0,
            alive: 0,
            strays_told: false,
            killing_everybody: false,
        };
        for (at, signal, from_terminal) in &world.signals {
            let event = Event::Signal {
                signal: *signal,
                from_terminal: *from_terminal,
            };
            kernel.report(*at, event);
        }
        for (at, name) in &world.dues {
            kernel.bring(*at, News::Due(name.clone()));
        }
        for at in &world.strays {
            kernel.at(*at, Happening::Stray);
        }
        for at in &world.loads {
            kernel.at(*at, Happening::Load);
        }
        kernel
    }

    /// Lets the shell sleep until there is a fact for it, or until its deadline; says
    /// when that is. What happens meanwhile is none of its business.
    pub(crate) fn sleep(&mut self, deadline: Option<Time>) -> Option<Time> {
        while let Some(Reverse((at, _, _))) = self.queue.peek().copied() {
            if deadline.is_some_and(|deadline| at > deadline) {
                break;
            }
            self.advance(at);
            if !self.inbox.is_empty() || self.nobody_is_left() {
                return Some(at);
            }
        }
        deadline
    }

    /// Everybody is late by that much, as after `docker pause`.
    pub(crate) fn delay_all(&mut self, by: Duration) {
        let queue = std::mem::take(&mut self.queue);
        let later = |Reverse((at, sequence, what)): Reverse<(Time, u64, Happening)>| {
            Reverse((at.plus(by), sequence, what))
        };
        self.queue = queue.into_iter().map(later).collect();
        for tree in self.trees.values_mut() {
            tree.exec_reported = tree.exec_reported.plus(by);
        }
    }

    /// Lets happen what happens until `now`; the facts are in the inbox then.
    pub(crate) fn advance(&mut self, now: Time) {
        while let Some(Reverse((at, _, what))) = self.queue.peek().copied() {
            if at > now {
                break;
            }
            self.queue.pop();
            self.happen(at, what);
        }
    }

    /// Whether the shell must say that nobody is left.
    pub(crate) fn nobody_is_left(&self) -> bool {
        (self.strays_told || self.killing_everybody) && self.alive == 0 && self.unreaped == 0
    }

    /// Whether somebody lives whom SIGKILL would end, and who was not sent it.
    pub(crate) fn somebody_unkilled(&self, now: Time) -> bool {
        self.processes
            .iter()
            .any(|p| p.alive && !p.killed && p.hangs_until.is_none_or(|until| until <= now))
    }

    /// Whether somebody hangs in the kernel at this time.
    pub(crate) fn somebody_hangs(&self, now: Time) -> bool {
        self.chaos.hangs_in_kernel > 0
            && self
                .processes
                .iter()
                .any(|p| p.alive && p.hangs_until.is_some_and(|until| until > now))
    }

    /// The shell passes this fact on now.
    pub(crate) fn delivered(&mut self, now: Time, event: &Event) {
        match event {
            Event::Exited { run, .. } | Event::SpawnFailed { run, .. } => {
                self.unreaped -= 1;
                if let Some(tree) = self.trees.get_mut(run) {
                    tree.end_is_known = true;
                }
                self.look_at_tree(now, *run);
            }
            Event::Execed { .. }
            | Event::TreeGone { .. }
            | Event::LeaderAlone { .. }
            | Event::Said { .. }
            | Event::Due { .. }
            | Event::Loaded { .. }
            | Event::LoadFailed
            | Event::Requested { .. }
            | Event::Withdrawn { .. }
            | Event::Signal { .. }
            | Event::NobodyLeft
            | Event::Tick => {}
        }
    }

    pub(crate) fn spawn(&mut self, now: Time, run: RunId, job: Job) {
        let leader = self.processes.len();
        let tree = Tree {
            leader,
            has_terminal: matches!(job, Job::Command { has_terminal, .. } if has_terminal),
            ..Tree::default()
        };
        self.trees.insert(run, tree);
        let calm = now >= self.chaos.calm_from;
        if !calm && (self.chaos.no_forks.0..self.chaos.no_forks.1).contains(&now) {
            // The number is used up all the same, so that the leader is nobody else.
            self.processes.push(Process::nobody(run));
            self.failed(now, run, Stages::Fork);
            return;
        }
        self.born(now, Some(run), Some(job));
        let takes = match self.random.chance(self.chaos.slow_exec) {
            true => self.random.within(Duration::from_secs(3)),
            false => Duration::from_micros(200) + self.random.within(Duration::from_millis(2)),
        };
        let happening = if !calm && self.random.chance(self.chaos.exec_fails) {
            Happening::ExecFails(
                leader,
                self.random.pick(&[Stages::NotFound, Stages::NotExecutable]),
            )
        } else if !calm && self.random.chance(self.chaos.exec_fails_for_now) {
            Happening::ExecFails(leader, self.random.pick(&[Stages::Busy, Stages::NoMemory]))
        } else {
            Happening::Exec(leader)
        };
        self.at(now.plus(takes), happening);
    }

    /// Somebody wants the configuration to be read.
    pub(crate) fn load(&mut self, now: Time) {
        let takes = self.random.mostly_short(Duration::from_millis(500));
        self.at(now.plus(takes), Happening::Load);
    }

    /// A signal is passed on to the leader, which may die of it.
    pub(crate) fn forward(&mut self, now: Time, run: RunId) {
        let Some(leader) = self.trees.get(&run).map(|tree| tree.leader) else {
            return;
        };
        if self.random.chance(self.chaos.dies_of_forwarded) {
            let takes = self.random.mostly_short(Duration::from_millis(300));
            self.at(now.plus(takes), Happening::Die(leader, 256 + 12));
        }
    }

    /// The tree, or one part of it, is asked to end.
    pub(crate) fn tell(&mut self, now: Time, run: RunId, leader_only: bool, signal: Signal) {
        let Some(tree) = self.trees.get_mut(&run) else {
            return;
        };
        tree.leader_told = true;
        let leader = tree.leader;
        if leader_only {
            self.tell_process(now, leader, signal);
        } else {
            tree.rest_told |= tree.end_is_known;
            for index in self.members(run) {
                self.tell_process(now, index, signal);
            }
        }
        self.look_at_tree(now, run);
    }

    /// All of the tree but the leader are asked to end.
    pub(crate) fn tell_followers(&mut self, now: Time, run: RunId, signal: Signal) {
        let leader = self.trees.get(&run).map(|tree| tree.leader);
        for index in self.members(run) {
            if Some(index) != leader {
                self.tell_process(now, index, signal);
            }
        }
        self.look_at_tree(now, run);
    }

    pub(crate) fn hang_up(&mut self, now: Time, run: RunId) {
        if let Some(tree) = self.trees.get(&run)
            && self.random.chance(60)
        {
            self.at(now, Happening::Die(tree.leader, 256 + 1));
        }
    }

    pub(crate) fn kill(&mut self, now: Time, run: RunId) {
        if let Some(tree) = self.trees.get_mut(&run) {
            tree.killed = true;
        }
        for index in self.members(run) {
            self.kill_process(now, index);
        }
        self.look_at_tree(now, run);
    }

    pub(crate) fn disown(&mut self, now: Time, run: RunId) {
        for index in self.members(run) {
            self.processes[index].run = None;
            if self.strays_told {
                self.tell_process(now, index, Signal::TERM);
            }
        }
        self.trees.remove(&run);
    }

    pub(crate) fn tell_strays(&mut self, now: Time) {
        self.strays_told = true;
        for index in 0..self.processes.len() {
            if self.processes[index].run.is_none() && self.processes[index].alive {
                self.tell_process(now, index, Signal::TERM);
            }
        }
    }

    pub(crate) fn kill_everybody(&mut self, now: Time) {
        self.killing_everybody = true;
        for index in 0..self.processes.len() {
            self.kill_process(now, index);
        }
    }

    fn members(&self, run: RunId) -> Vec<usize> {
        let tree = self.trees.get(&run);
        let all = tree.into_iter().flat_map(|tree| &tree.members);
        all.copied()
            .filter(|index| self.processes[*index].alive)
            .collect()
    }

    fn at(&mut self, at: Time, happening: Happening) {
        self.sequence += 1;
        self.queue.push(Reverse((at, self.sequence, happening)));
    }

    fn report(&mut self, at: Time, event: Event) {
        self.bring(at, News::Fact(event));
    }

    fn bring(&mut self, at: Time, news: News) {
        self.reports.push(news);
        self.at(at, Happening::Report(self.reports.len() - 1));
    }
}

impl Process {
    /// Stands where the leader would be that could not be forked.
    fn nobody(run: RunId) -> Process {
        Process {
            run: Some(run),
            job: None,
            alive: false,
            told: false,
            killed: false,
            deaf: false,
            stopped: false,
            takes: Duration::ZERO,
            hangs_until: None,
            execed: false,
            forks_left: 0,
            words_left: 0,
        }
    }
}
