//! What becomes of processes: how they are born, what they do that nobody disturbs, how
//! they take what they are sent, how they die, and what is reported of it.

use std::time::Duration;

use lastout_core::{Event, ExitStatus, RunId, Signal, SpawnFailure, Stage, Time};

use super::{Happening, Job, KILL_TAKES, Kernel, MOST_PROCESSES, News, Process, Stages};

impl Kernel {
    /// What was due happens.
    pub(super) fn happen(&mut self, now: Time, what: Happening) {
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
            Happening::Say(index, saying) => self.say(now, index, saying),
            Happening::Stray => {
                let index = self.born(now, None, None);
                self.plan_life(now, index);
            }
            Happening::Load => {
                let is_bad = self.random.chance(self.chaos.bad_loads);
                if !is_bad && self.versions > 1 {
                    self.loads += 1;
                    self.inbox.push(News::Loaded(self.loads % self.versions));
                } else if self.is_asked {
                    self.inbox.push(News::Fact(Event::LoadFailed));
                }
            }
            Happening::Report(index) => self.inbox.push(self.reports[index].clone()),
        }
    }

    /// A process appears. Who appears late is told, or killed, as those before it were.
    pub(super) fn born(&mut self, now: Time, run: Option<RunId>, job: Option<Job>) -> usize {
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
            job,
            alive: true,
            told: false,
            killed: false,
            deaf: random.chance(chaos.deaf),
            stopped: random.chance(chaos.stopped),
            takes,
            hangs_until: None,
            execed: job.is_none(),
            forks_left,
            words_left: random.below(60) as u32,
        };
        let index = self.processes.len();
        self.processes.push(process);
        self.alive += 1;
        let tree = run.and_then(|run| self.trees.get_mut(&run));
        let is_late = match tree {
            Some(tree) => {
                tree.alive += 1;
                tree.members.push(index);
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
            let late = match self.random.chance(self.chaos.late_reports) {
                true => self.random.within(KILL_TAKES * 5),
                false => Duration::ZERO,
            };
            let known = now.plus(late);
            if let Some(tree) = self.trees.get_mut(&run) {
                tree.exec_reported = known;
            }
            self.report(known, Event::Execed { run });
            self.plan_life(now, index);
            self.plan_talk(now, index);
        }
    }

    /// What a process will do that nobody disturbs.
    fn plan_life(&mut self, now: Time, index: usize) {
        let chaos = self.chaos.clone();
        let calm = now >= chaos.calm_from;
        let life = match self.random.below(5) {
            _ if matches!(self.processes[index].job, Some(Job::Hook | Job::Probe)) => {
                return self.plan_errand(now, index, calm);
            }
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

    /// What is run beside a program: it takes a moment, and says yes or no by its end.
    fn plan_errand(&mut self, now: Time, index: usize, calm: bool) {
        let chaos = self.chaos.clone();
        let takes = match !calm && self.random.chance(chaos.dawdles) {
            true => match self.random.chance(30) {
                true => None,
                false => Some(self.random.within(Duration::from_secs(100))),
            },
            false => Some(self.random.within(Duration::from_millis(30))),
        };
        let how = match !calm && self.random.chance(chaos.unwell) {
            true => self.random.pick(&[1, 1, 256 + 11]),
            false => 0,
        };
        if let Some(takes) = takes {
            self.at(now.plus(takes), Happening::Die(index, how));
        }
        for _ in 0..self.processes[index].forks_left {
            let when = now.plus(self.random.within(Duration::from_millis(40)));
            self.at(when, Happening::Fork(index));
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
            let child = self.born(now, run, None);
            self.plan_life(now, child);
        }
    }

    /// It is asked to end, and goes on if it was stopped.
    pub(super) fn tell_process(&mut self, now: Time, index: usize, signal: Signal) {
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
        self.say_good_bye(now, index);
    }

    pub(super) fn kill_process(&mut self, now: Time, index: usize) {
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
        let is_leader = process.job.is_some();
        let out_of_memory = how == 256 + 9 && !process.killed;
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
                out_of_memory,
            };
            self.unreaped += 1;
            let late = self.random.within(KILL_TAKES);
            let tree = self.trees.get(&run);
            let not_before = tree.map_or(now, |tree| tree.exec_reported);
            self.report(now.plus(late).max(not_before), exited);
        }
        self.look_at_tree(now, run);
    }

    pub(super) fn failed(&mut self, now: Time, run: RunId, how: Stages) {
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
    pub(super) fn look_at_tree(&mut self, now: Time, run: RunId) {
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
