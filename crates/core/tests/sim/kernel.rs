//! The simulated kernel, and as much of the shell as is one with it: processes, the
//! trees that they belong to, who dies when, and the facts that are reported of it.
//!
//! It does what Linux does on a bad day: a leader dies at any time, ignores what it is
//! sent, is slow to act, is stopped, or hangs in the kernel where not even SIGKILL ends
//! it; children outlive their parents and have children; a fork fails for a while, an
//! exec for ever. A process is never revived, and no number is used again.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use lastout_core::{Event, ExitStatus, RunId, Signal, SpawnFailure, Stage, Time};

use crate::random::Random;
use crate::world::{Chaos, World};

/// Most processes of a world; a bound on the forks of those that fork again.
const MOST_PROCESSES: usize = 400;

/// How long SIGKILL takes at most.
const KILL_TAKES: Duration = Duration::from_micros(100);

/// A process that lives or has lived; its index is its number.
#[derive(Debug)]
pub(crate) struct Process {
    /// The life it belongs to; none: a stray.
    pub(crate) run: Option<RunId>,
    pub(crate) is_leader: bool,
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
}

/// The tree of one life, as the shell keeps it.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    leader: usize,
    pub(crate) alive: u32,
    has_terminal: bool,
    leader_told: bool,
    /// Whether all that was left was told, so that newborn members are told as well.
    rest_told: bool,
    killed: bool,
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
    Stray,
    /// This fact reaches the shell.
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

/// Processes, and the happenings that wait for their time.
#[derive(Debug)]
pub(crate) struct Kernel {
    random: Random,
    chaos: Chaos,
    pub(crate) processes: Vec<Process>,
    pub(crate) trees: BTreeMap<RunId, Tree>,
    queue: BinaryHeap<Reverse<(Time, u64, Happening)>>,
    sequence: u64,
    reports: Vec<Event>,
    /// Leaders' ends that have happened and were not delivered yet.
    unreaped: usize,
    /// Facts that the shell has not passed on yet.
    pub(crate) inbox: Vec<Event>,
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
        for at in &world.strays {
            kernel.at(*at, Happening::Stray);
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
        self.processes
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
            | Event::Signal { .. }
            | Event::NobodyLeft
            | Event::Tick => {}
        }
    }

    pub(crate) fn spawn(&mut self, now: Time, run: RunId, has_terminal: bool) {
        let leader = self.processes.len();
        let tree = Tree {
            leader,
            has_terminal,
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
        self.born(now, Some(run), true);
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
        let all = self.processes.iter().enumerate();
        all.filter(|(_, p)| p.alive && p.run == Some(run))
            .map(|(index, _)| index)
            .collect()
    }

    fn at(&mut self, at: Time, happening: Happening) {
        self.sequence += 1;
        self.queue.push(Reverse((at, self.sequence, happening)));
    }

    fn report(&mut self, at: Time, event: Event) {
        self.reports.push(event);
        self.at(at, Happening::Report(self.reports.len() - 1));
    }

    fn happen(&mut self, now: Time, what: Happening) {
        match what {
            Happening::Exec(index) => self.exec(now, index),
            Happening::ExecFails(index, how) => {
                let process = &mut self.processes[index];
                if process.alive
                    && let Some(run) = process.run
                {
                    process.alive = false;
                    self.alive -= 1;
                    if let Some(tree) = self.trees.get_mut(&run) {
                        tree.alive -= 1;
                    }
                    self.failed(now, run, how);
                }
            }
            Happening::Fork(index) => self.fork(now, index),
            Happening::Die(index, how) => self.die(now, index, how),
            Happening::Killed(index) => self.die(now, index, 256 + 9),
            Happening::Thaw(index) => self.processes[index].hangs_until = None,
            Happening::Stray => {
                let index = self.born(now, None, false);
                self.plan_life(now, index);
            }
            Happening::Report(index) => self.inbox.push(self.reports[index].clone()),
        }
    }

    /// A process appears. Who appears late is told, or killed, as those before it were.
    fn born(&mut self, now: Time, run: Option<RunId>, is_leader: bool) -> usize {
        let chaos = self.chaos.clone();
        let random = &mut self.random;
        let calm = now >= chaos.calm_from;
        let forks_left = match !calm && random.chance(chaos.children) {
            true => 1 + random.below(3) as u32,
            false => 0,
        };
        let takes = match random.chance(chaos.slow) {
            true => random.within(Duration::from_secs(15)),
            false => random.within(Duration::from_millis(30)),
        };
        let process = Process {
            run,
            is_leader,
            alive: true,
            told: false,
            killed: false,
            deaf: random.chance(chaos.deaf),
            stopped: random.chance(chaos.stopped),
            takes,
            hangs_until: None,
            execed: !is_leader,
            forks_left,
        };
        let index = self.processes.len();
        self.processes.push(process);
        self.alive += 1;
        let tree = run.and_then(|run| self.trees.get_mut(&run));
        let is_late = match tree {
            Some(tree) => {
                tree.alive += 1;
                tree.rest_told
            }
            None => self.strays_told,
        };
        if is_late {
            self.tell_process(now, index, Signal::TERM);
        }
        if self.killing_everybody {
            self.kill_process(now, index);
        }
        index
    }

    fn exec(&mut self, now: Time, index: usize) {
        let process = &mut self.processes[index];
        if let (true, Some(run)) = (process.alive, process.run) {
            process.execed = true;
            self.report(now, Event::Execed { run });
            self.plan_life(now, index);
        }
    }

    /// What a process will do that nobody disturbs.
    fn plan_life(&mut self, now: Time, index: usize) {
        let chaos = self.chaos.clone();
        let calm = now >= chaos.calm_from;
        let life = match self.random.below(5) {
            _ if self.random.chance(chaos.dies_young) => {
                Some(self.random.mostly_short(Duration::from_millis(800)))
            }
            _ if self.random.chance(chaos.lives_on) => None,
            0 => Some(self.random.within(Duration::from_millis(20))),
            1 => Some(self.random.within(Duration::from_millis(1_500))),
            2 => Some(self.random.within(Duration::from_secs(8))),
            _ => Some(self.random.within(Duration::from_secs(60))),
        };
        if let Some(life) = life.filter(|_| !calm) {
            let how = self.random.pick(&[0, 0, 1, 3, 256 + 11, 256 + 9]);
            self.at(now.plus(life), Happening::Die(index, how));
        }
        let reach = life.unwrap_or(Duration::from_secs(20)) + Duration::from_millis(50);
        for _ in 0..self.processes[index].forks_left {
            let when = now.plus(self.random.mostly_short(reach));
            self.at(when, Happening::Fork(index));
        }
        if !calm && self.random.chance(chaos.hangs_in_kernel) {
            let hangs = match self.random.chance(40) {
                true => Duration::from_secs(100_000),
                false => self.random.within(Duration::from_secs(8)),
            };
            self.processes[index].hangs_until = Some(now.plus(hangs));
            self.at(now.plus(hangs), Happening::Thaw(index));
        }
    }

    fn fork(&mut self, now: Time, index: usize) {
        let process = &mut self.processes[index];
        if !process.alive || process.stopped || process.forks_left == 0 {
            return;
        }
        process.forks_left -= 1;
        let run = process.run;
        if self.processes.len() < MOST_PROCESSES {
            let child = self.born(now, run, false);
            self.plan_life(now, child);
        }
    }

    /// It is asked to end, and goes on if it was stopped.
    fn tell_process(&mut self, now: Time, index: usize, signal: Signal) {
        let process = &mut self.processes[index];
        if !process.alive {
            return;
        }
        process.stopped = false;
        if process.told {
            return;
        }
        process.told = true;
        if process.deaf {
            return;
        }
        let by_signal = 256 + signal.number() as u16;
        let how = self.random.pick(&[0, 143, 3, by_signal, by_signal]);
        let how = if process.execed { how } else { by_signal };
        let at = now.plus(process.takes);
        self.at(at, Happening::Die(index, how));
    }

    fn kill_process(&mut self, now: Time, index: usize) {
        if self.processes[index].alive {
            self.processes[index].killed = true;
            let takes = self.random.within(KILL_TAKES);
            self.at(now.plus(takes), Happening::Killed(index));
        }
    }

    fn die(&mut self, now: Time, index: usize, how: u16) {
        let process = &mut self.processes[index];
        // Only SIGKILL ends who is stopped.
        if !process.alive || (process.stopped && how != 256 + 9) {
            return;
        }
        if let Some(until) = process.hangs_until.filter(|until| *until > now) {
            self.at(until, Happening::Die(index, how));
            return;
        }
        process.alive = false;
        self.alive -= 1;
        let Some(run) = process.run else { return };
        let is_leader = process.is_leader;
        if let Some(tree) = self.trees.get_mut(&run) {
            tree.alive -= 1;
        }
        if is_leader {
            let status = match how.checked_sub(256) {
                Some(number) => {
                    ExitStatus::Signal(Signal::new(i32::from(number)).unwrap_or(Signal::KILL))
                }
                None => ExitStatus::Code(how as u8),
            };
            let exited = Event::Exited {
                run,
                status,
                out_of_memory: false,
            };
            self.unreaped += 1;
            let late = self.random.within(KILL_TAKES);
            self.report(now.plus(late), exited);
        }
        self.look_at_tree(now, run);
    }

    fn failed(&mut self, now: Time, run: RunId, how: Stages) {
        let (stage, errno) = match how {
            Stages::Fork => (Stage::Fork, 11),
            Stages::NotFound => (Stage::Exec, 2),
            Stages::NotExecutable => (Stage::Exec, 13),
            Stages::Busy => (Stage::Exec, 26),
            Stages::NoMemory => (Stage::Session, 12),
        };
        let failure = SpawnFailure { stage, errno };
        self.unreaped += 1;
        let late = self.random.within(KILL_TAKES);
        self.report(now.plus(late), Event::SpawnFailed { run, failure });
    }

    /// Reports what there is to say of a tree now.
    fn look_at_tree(&mut self, now: Time, run: RunId) {
        let chance = self.chaos.late_reports;
        let Some(tree) = self.trees.get_mut(&run) else {
            return;
        };
        let leader_lives = self.processes[tree.leader].alive;
        if tree.alive == 0
            && tree.end_is_known
            && (tree.rest_told || tree.killed)
            && !tree.gone_reported
        {
            tree.gone_reported = true;
            let late = match self.random.chance(chance) {
                true => self.random.within(Duration::from_millis(80)),
                false => Duration::ZERO,
            };
            self.report(now.plus(late), Event::TreeGone { run });
        } else if tree.has_terminal
            && tree.leader_told
            && leader_lives
            && tree.alive == 1
            && !tree.alone_reported
        {
            tree.alone_reported = true;
            self.report(now, Event::LeaderAlone { run });
        }
    }
}

impl Process {
    /// Stands where the leader would be that could not be forked.
    fn nobody(run: RunId) -> Process {
        Process {
            run: Some(run),
            is_leader: true,
            alive: false,
            told: false,
            killed: false,
            deaf: false,
            stopped: false,
            takes: Duration::ZERO,
            hangs_until: None,
            execed: false,
            forks_left: 0,
        }
    }
}
