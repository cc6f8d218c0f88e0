//! The checker on what people ask for: what each request must make of the programs, by
//! the table on top of the core's requested.rs, written down a second time.

use lastout_core::{
    By, Cause, Event, Kind, Notice, Outcome, ProgramId, Refusal, Reply, Request, RequestId, Signal,
    Time, Why,
};

use crate::answers::{Asked, Goal, Patience, Target, any_status};
use crate::facts::Checker;
use crate::shadow::{Check, Fate, Life, Part, Standing, ensure};

impl Checker {
    /// Somebody asks for something.
    pub(crate) fn requested(&mut self, now: Time, event: &Event) -> Check {
        let Event::Requested {
            id,
            request,
            deadline,
            wait,
            each,
        } = event
        else {
            return Ok(());
        };
        let stopping = self.stop.is_some();
        if stopping && is_refused(request) {
            return self.answer_now(*id, Reply::Refused(Refusal::Stopping));
        }
        let targets = match request {
            Request::Start { programs } => {
                let mut targets = self.each(programs, Checker::start);
                self.start_needed(&mut targets);
                targets
            }
            Request::Stop { programs } => self.each(programs, Checker::stop_it),
            Request::Restart { programs } => {
                let mut targets = self.each(programs, Checker::restart);
                self.start_needed(&mut targets);
                targets
            }
            Request::Signal {
                programs, signal, ..
            } => self.each(programs, |checker, program| checker.send(program, *signal)),
            Request::ReloadPrograms { programs } => self.reload_all(programs),
            Request::Wait { programs, until } => {
                self.each(programs, |_, _| (Goal::Until(*until), None))
            }
            Request::Reload => {
                self.due.load = true;
                self.loads.push(*id);
                return Ok(());
            }
            Request::Shutdown { code } => {
                if !stopping {
                    self.asked_for_end = Some(Cause::Requested(*code));
                }
                return self.answer_now(*id, Reply::ShutdownBegun);
            }
        };
        let patience = Patience {
            deadline: *deadline,
            wait: *wait,
            each: *wait && *each,
        };
        self.open(Asked::new(*id, now, patience, targets));
        self.look_at_requests(now);
        if stopping {
            self.no_life_will_come(*id);
        }
        Ok(())
    }

    fn answer_now(&mut self, id: RequestId, reply: Reply) -> Check {
        self.replies_due.push((id, reply));
        Ok(())
    }

    /// What comes of a request for each of these, once; those that are not there are
    /// nobody's business.
    fn each(
        &mut self,
        programs: &[ProgramId],
        mut deed: impl FnMut(&mut Checker, usize) -> (Goal, Option<Outcome>),
    ) -> Vec<Target> {
        let mut all: Vec<usize> = programs.iter().map(|id| id.0 as usize).collect();
        all.sort_unstable();
        all.dedup();
        let mut targets = Vec::new();
        for program in all {
            let (goal, outcome) = match self.shadows.get(program) {
                None => (Goal::Done, Some(Outcome::Unknown)),
                Some(shadow) => {
                    let is_free = shadow.is_free();
                    let (goal, outcome) = deed(self, program);
                    (goal, is_free.then_some(Outcome::Removed).or(outcome))
                }
            };
            targets.push(Target {
                program,
                goal,
                outcome,
                is_old: false,
            });
        }
        targets
    }

    fn is_listed(&self, program: usize) -> bool {
        matches!(
            self.shadows[program].standing,
            Standing::Listed | Standing::New
        )
    }

    fn absent(&self, program: usize) -> (Goal, Option<Outcome>) {
        let outcome = match self.shadows[program].standing {
            Standing::Removed => Outcome::Removed,
            Standing::Twin(_) => Outcome::OnlyAtTimes,
            Standing::Listed | Standing::New => Outcome::Unknown,
        };
        (Goal::Done, Some(outcome))
    }

    fn start(&mut self, program: usize) -> (Goal, Option<Outcome>) {
        if !self.is_listed(program) {
            return self.absent(program);
        }
        let shadow = &self.shadows[program];
        let is_service = self.spec.programs[program].kind == Kind::Service;
        let is_running = shadow.run().is_some_and(|run| run.up && run.is_untold());
        let stays = shadow.leaving != Some(Why::Restarted);
        self.start_it(program);
        let is_up = is_service && is_running && stays;
        (Goal::Up, is_up.then_some(Outcome::AlreadyRunning))
    }

    fn start_it(&mut self, program: usize) {
        self.overtake(program, By::Start, Goal::is_gone);
        let shadow = &mut self.shadows[program];
        let Some(run) = shadow.run() else {
            self.revive_all(vec![program]);
            return;
        };
        if run.is_untold() {
            shadow.leaving = shadow.leaving.filter(|why| *why != Why::Stopped);
        } else {
            shadow.again = true;
        }
        shadow.wanted = true;
        shadow.stopped = false;
    }

    /// Those that the started need, and that come only if somebody asks.
    fn start_needed(&mut self, targets: &mut Vec<Target>) {
        let mut work: Vec<usize> = targets.iter().map(|target| target.program).collect();
        work.retain(|program| *program < self.shadows.len());
        let mut seen = work.clone();
        while let Some(program) = work.pop() {
            let needs = self.spec.programs[program].needs.clone();
            for need in needs {
                let needed = need.program.0 as usize;
                // By the clock alone it may be up, and the core has not looked at it yet.
                let is_there = self.shadows[needed].meets_as_told(need.condition);
                if is_there || seen.contains(&needed) {
                    continue;
                }
                seen.push(needed);
                work.push(needed);
                if self.comes_only_if_asked(needed) && self.is_listed(needed) {
                    self.start_it(needed);
                    targets.push(Target {
                        program: needed,
                        goal: Goal::Up,
                        outcome: None,
                        is_old: false,
                    });
                }
            }
        }
    }

    fn comes_only_if_asked(&self, program: usize) -> bool {
        let shadow = &self.shadows[program];
        let spec = &self.spec.programs[program];
        let has_times = spec.schedule.is_some() && spec.autostart && !shadow.stopped;
        match &shadow.life {
            Life::Alive(run) if run.is_untold() => shadow.leaving == Some(Why::Stopped),
            Life::Alive(run) => {
                let fate = run.then.or(run.leader).map(|(_, fate)| fate);
                let is_lost = matches!(fate, Some(Fate::GivenUp | Fate::Badly));
                !shadow.again && (shadow.stopped || (is_lost && !has_times))
            }
            Life::Waiting => !shadow.wanted && !has_times,
            Life::Between(..) | Life::Pause(_) => false,
            Life::Done { .. } | Life::Fatal { .. } => !has_times,
        }
    }

    fn stop_it(&mut self, program: usize) -> (Goal, Option<Outcome>) {
        self.overtake(program, By::Stop, |goal| goal == Goal::Up);
        let spec = &self.spec.programs[program];
        let shadow = &mut self.shadows[program];
        let had_life = shadow.run().is_some();
        let will_live = match shadow.life {
            Life::Waiting => shadow.wanted,
            Life::Pause(_) => true,
            Life::Alive(_) | Life::Between(..) | Life::Done { .. } | Life::Fatal { .. } => false,
        };
        let has_times = spec.schedule.is_some() && spec.autostart;
        shadow.wanted = false;
        shadow.again = false;
        shadow.stopped |= had_life || will_live || has_times;
        if had_life {
            shadow.leaving = Some(Why::Stopped);
        } else {
            shadow.owed.clear();
        }
        if matches!(shadow.life, Life::Pause(_)) {
            shadow.life = Life::Waiting;
        }
        let is_over = !had_life && !will_live;
        if self.spec.main == Some(ProgramId(program as u32)) && !is_over {
            self.asked_for_end = Some(Cause::Requested(None));
        }
        let goal = Goal::Gone { had_life };
        (goal, is_over.then(|| Outcome::AlreadyStopped(any_status())))
    }

    fn restart(&mut self, program: usize) -> (Goal, Option<Outcome>) {
        if !self.is_listed(program) {
            return self.absent(program);
        }
        self.overtake(program, By::Restart, Goal::is_gone);
        let shadow = &mut self.shadows[program];
        if shadow.run().is_some_and(|run| run.is_untold()) {
            shadow.again = true;
            shadow.leaving = Some(Why::Restarted);
            shadow.wanted = true;
            shadow.stopped = false;
        } else {
            self.start_it(program);
        }
        (Goal::Up, None)
    }

    fn send(&mut self, program: usize, signal: Signal) -> (Goal, Option<Outcome>) {
        let shadow = &mut self.shadows[program];
        let is_there = shadow.run().is_some_and(|run| {
            run.part == Part::Command && run.execed.is_some() && run.leader.is_none()
        });
        if !is_there {
            return (Goal::Done, Some(Outcome::NotRunning(any_status())));
        }
        shadow.owed.push(signal);
        (Goal::Done, Some(Outcome::Signalled { signal }))
    }

    pub(crate) fn reload_all(&mut self, programs: &[ProgramId]) -> Vec<Target> {
        let mut restarted = Vec::new();
        let mut targets = self.each(programs, |checker, program| {
            let target = checker.reload(program);
            if target.is_none() {
                restarted.push(ProgramId(program as u32));
            }
            target.unwrap_or((Goal::Done, None))
        });
        targets.retain(|target| target.outcome.is_some());
        let mut more = self.each(&restarted, Checker::restart);
        self.start_needed(&mut more);
        targets.retain(|target| more.iter().all(|it| it.program != target.program));
        targets.append(&mut more);
        targets
    }

    /// By its own signal; none: by a restart.
    fn reload(&mut self, program: usize) -> Option<(Goal, Option<Outcome>)> {
        if self.shadows[program].standing == Standing::Removed {
            return Some(self.absent(program));
        }
        let spec = &self.spec.programs[program];
        let shadow = &mut self.shadows[program];
        let is_running = shadow.run().is_some_and(|run| {
            run.is_untold() && run.part == Part::Command && run.execed.is_some()
        });
        if let Some(signal) = spec.reload_signal.filter(|_| is_running) {
            shadow.owed.push(signal);
            self.due.notices.push(Notice::Reloads {
                program: ProgramId(program as u32),
                signal,
            });
            return Some((Goal::Done, Some(Outcome::Reloads { signal })));
        }
        let outcome = match shadow.stopped && shadow.run().is_some() {
            true => Outcome::Overtaken(By::Stop),
            false => Outcome::NotRunning(any_status()),
        };
        (!shadow.wanted).then_some((Goal::Done, Some(outcome)))
    }

    /// Who of those that are to end on request, too, must be gone before this one is told:
    /// who needs it, by way of others without a life, too (STOP-4).
    pub(crate) fn leaves_after(&self, program: usize) -> Option<usize> {
        let mut work = vec![program];
        let mut seen = work.clone();
        while let Some(needed) = work.pop() {
            for (user, spec) in self.spec.programs.iter().enumerate() {
                let needs_it = spec.needs.iter().any(|n| n.program.0 as usize == needed);
                if !needs_it || seen.contains(&user) {
                    continue;
                }
                seen.push(user);
                let shadow = &self.shadows[user];
                match shadow.run() {
                    Some(_) if shadow.leaving.is_some() => return Some(user),
                    Some(_) => {}
                    None => work.push(user),
                }
            }
        }
        None
    }

    /// A program that somebody wants to end is told as soon as its turn has come.
    pub(crate) fn leave_done(&self, program: usize) -> Check {
        let shadow = &self.shadows[program];
        let waits = shadow.run().is_some_and(|run| run.is_untold());
        let is_removed = shadow.standing == Standing::Removed;
        if shadow.leaving.is_none() || !waits || self.stop.is_some() || is_removed {
            return Ok(());
        }
        ensure!(
            self.leaves_after(program).is_some(),
            "not told, and somebody asked for its end"
        );
        Ok(())
    }
}

/// What is refused in the shutdown.
fn is_refused(request: &Request) -> bool {
    match request {
        Request::Start { .. }
        | Request::Stop { .. }
        | Request::Restart { .. }
        | Request::ReloadPrograms { .. }
        | Request::Reload => true,
        Request::Shutdown { code } => code.is_some(),
        Request::Signal { .. } | Request::Wait { .. } => false,
    }
}
