//! What a request sets going, a line each. Whatever it is, RUN-1 and RUN-2 stay.
//!
//! ```text
//!          no life, not wanted   waits, BACKOFF        lives, untold          on its way out
//! start    wanted, and what it   tried now             is as it was; a stop   lives again when it
//!          needs with it                               that waits is off      is gone
//! stop     stays so              not wanted any more   told, after those of   not wanted any more
//!                                                      the same request that
//!                                                      need it
//! restart  as a start            as a start            told as by a stop,     as a start
//!                                                      and lives again
//! ```
//!
//! Later words count more: a start overtakes a stop that is not decided, a stop overtakes
//! a start and a restart. A stop holds until somebody asks for a start: no restart, no
//! schedule, no reload and nobody's need brings the program back, and a container all of
//! whose programs were stopped so stays (END-1), since who stopped them is still there.
//! Only the named are stopped or restarted: those that need them go on (DEP-1). A stop of
//! the command of the command line is the end of the container, as its end always is.
//! In the shutdown nothing is started or stopped on request any more.
//! What each request is answered in each state of a program is in tests/table.rs.

use alloc::vec::Vec;

use crate::program::{Part, Program, Standing, State, Step};
use crate::restart::Verdict;
use crate::waiting::{Asker, Goal, Target};
use crate::{
    Action, By, Cause, Notice, Outcome, ProgramId, Refusal, Reply, Request, RunId, Scope, Signal,
    Supervisor, Time, Why,
};

impl Supervisor {
    /// Somebody asks for something.
    pub(crate) fn requested(&mut self, now: Time, who: Asker, request: Request) {
        let id = who.id;
        if let Some(refusal) = self.refusal(&request, who.waits) {
            let reply = Reply::Refused(refusal);
            self.order(Action::Reply { id, reply });
            return;
        }
        let targets = match request {
            Request::Start { programs } => self.start_asked_for(now, &once(programs)),
            Request::Stop { programs } => self.stop_asked_for(now, &once(programs)),
            Request::Restart { programs } => self.restart_asked_for(now, &once(programs)),
            Request::Signal {
                programs,
                signal,
                scope,
            } => {
                let programs = once(programs).into_iter();
                let send = |id| self.send_signal(now, id, signal, scope);
                programs.map(send).collect()
            }
            Request::ReloadPrograms { programs } => self.reload_asked_for(now, &once(programs)),
            Request::Wait { programs, until } => {
                let target = |id| self.target(id, Goal::Until(until), None);
                once(programs).into_iter().map(target).collect()
            }
            Request::Reload => {
                self.order(Action::Load);
                self.await_load(now, id);
                return;
            }
            Request::Shutdown { code } => {
                let reply = Reply::ShutdownBegun;
                self.order(Action::Reply { id, reply });
                self.begin_shutdown(now, Cause::Requested(code));
                return;
            }
        };
        self.await_programs(now, who, targets);
    }

    /// Why nothing is done about a request.
    fn refusal(&self, request: &Request, wait: bool) -> Option<Refusal> {
        let stopping = self.is_stopping();
        let is_bounded = match request {
            Request::Start { .. }
            | Request::Stop { .. }
            | Request::Restart { .. }
            | Request::ReloadPrograms { .. }
            | Request::Reload => {
                if stopping {
                    return Some(Refusal::Stopping);
                }
                wait || *request == Request::Reload
            }
            // The first cause decides, and its exit status with it.
            Request::Shutdown { code } => {
                return (stopping && code.is_some()).then_some(Refusal::Stopping);
            }
            Request::Wait { .. } => wait,
            Request::Signal { .. } => false,
        };
        (is_bounded && !self.has_room_for_a_request()).then_some(Refusal::TooMany)
    }

    /// One program of a request; whether there is one of that id is seen here.
    fn target(&self, program: ProgramId, goal: Goal, outcome: Option<Outcome>) -> Target {
        let absent = match self.program(program) {
            Some(found) if found.is_forgotten() => Some(Outcome::Removed),
            Some(_) => None,
            None => Some(Outcome::Unknown),
        };
        Target {
            program,
            goal,
            outcome: absent.or(outcome),
        }
    }

    /// Whether it may be started on request: it is in the configuration.
    fn is_listed(&self, id: ProgramId) -> bool {
        self.program(id)
            .is_some_and(|program| matches!(program.standing, Standing::Listed | Standing::New))
    }

    /// What is to be said of one that cannot be started, since it is not in the
    /// configuration, or not by a name of its own.
    fn absent(&self, id: ProgramId) -> Target {
        let outcome = match self.program(id).map(|program| program.standing) {
            Some(Standing::Removed) => Outcome::Removed,
            Some(Standing::Twin(_)) => Outcome::OnlyAtTimes,
            Some(Standing::Listed | Standing::New) | None => Outcome::Unknown,
        };
        self.target(id, Goal::Done, Some(outcome))
    }

    fn start_asked_for(&mut self, now: Time, programs: &[ProgramId]) -> Vec<Target> {
        let mut targets = Vec::new();
        for id in programs.iter().copied() {
            if !self.is_listed(id) {
                targets.push(self.absent(id));
                continue;
            }
            let is_up = self.is_up_for_good(id);
            self.start_one(now, id);
            let outcome = is_up.then_some(Outcome::AlreadyRunning);
            targets.push(self.target(id, Goal::Up, outcome));
        }
        self.start_needed(now, &mut targets);
        targets
    }

    /// Whether a start has nothing to do: it is RUNNING, and to be no more than that.
    fn is_up_for_good(&self, id: ProgramId) -> bool {
        let is_service = self
            .spec
            .programs
            .get(id.0 as usize)
            .is_some_and(|spec| spec.kind == crate::Kind::Service);
        self.program(id).is_some_and(|program| {
            let is_leaving = program.leaving == Some(Why::Restarted);
            is_service && matches!(program.state, State::Running { .. }) && !is_leaving
        })
    }

    /// A program is to run, whatever was asked for before.
    fn start_one(&mut self, now: Time, id: ProgramId) {
        self.overtake(id, By::Start, |goal| matches!(goal, Goal::Gone { .. }));
        let Some((program, _)) = self.parts(id) else {
            return;
        };
        match program.state {
            State::Starting { .. } | State::Running { .. } => {
                if program.leaving == Some(Why::Stopped) {
                    program.leaving = None;
                }
                self.keep(id);
            }
            State::Stopping(_) => {
                program.again = true;
                self.keep(id);
            }
            State::Stopped | State::Backoff { .. } | State::Exited { .. } | State::Fatal { .. } => {
                self.revive(now, id);
            }
        }
    }

    /// A program with a life is wanted again.
    fn keep(&mut self, id: ProgramId) {
        if let Some((program, _)) = self.parts(id) {
            program.wanted = true;
            program.stopped = false;
        }
        self.count_startup();
        self.mark_dirty(id);
    }

    /// What the started need is started with them, as far as it is not there nor on its
    /// way: it was stopped, was never started, or was given up. One whose time comes is
    /// left to its time.
    fn start_needed(&mut self, now: Time, targets: &mut Vec<Target>) {
        let mut seen = alloc::vec![false; self.programs.len()];
        let mut work: Vec<ProgramId> = targets.iter().map(|target| target.program).collect();
        for target in targets.iter() {
            if let Some(seen) = seen.get_mut(target.program.0 as usize) {
                *seen = true;
            }
        }
        while let Some(id) = work.pop() {
            let missing = self.missing_needs(id);
            for needed in missing {
                if let Some(seen) = seen.get_mut(needed.0 as usize)
                    && !core::mem::replace(seen, true)
                {
                    work.push(needed);
                    if self.comes_only_if_asked(needed) && self.is_listed(needed) {
                        self.start_one(now, needed);
                        targets.push(self.target(needed, Goal::Up, None));
                    }
                }
            }
        }
    }

    /// What a program needs and is not there.
    pub(crate) fn missing_needs(&self, id: ProgramId) -> Vec<ProgramId> {
        let spec = self.spec.programs.get(id.0 as usize);
        let needs = spec.into_iter().flat_map(|spec| &spec.needs);
        let is_missing = |need: &&crate::Need| {
            self.program(need.program)
                .is_some_and(|program| !program.meets(need.condition))
        };
        needs.filter(is_missing).map(|need| need.program).collect()
    }

    /// Whether a program that is not there will not be by itself.
    fn comes_only_if_asked(&self, id: ProgramId) -> bool {
        let Some((program, spec)) = self.pair(id) else {
            return false;
        };
        let has_times = program.has_times(spec);
        match &program.state {
            State::Starting { .. } | State::Running { .. } => program.leaving == Some(Why::Stopped),
            State::Backoff { .. } => false,
            State::Stopping(life) => {
                let fate = life.then.or(life.leader).map(|(_, verdict)| verdict);
                let is_lost = matches!(fate, Some(Verdict::GiveUp(_) | Verdict::EndedBadly));
                !program.again && (program.stopped || (is_lost && !has_times))
            }
            State::Stopped => !program.wanted && !has_times,
            State::Exited { .. } | State::Fatal { .. } => !has_times,
        }
    }

    fn stop_asked_for(&mut self, now: Time, programs: &[ProgramId]) -> Vec<Target> {
        let mut targets = Vec::new();
        let mut ends = false;
        for id in programs.iter().copied() {
            let Some(program) = self.program(id) else {
                targets.push(self.target(id, Goal::Done, None));
                continue;
            };
            let had_life = program.state.run().is_some();
            let is_over = !had_life && !program.will_live();
            ends |= Some(id) == self.spec.main && !is_over;
            self.stop_one(now, id);
            let status = self.status(now, id).filter(|_| is_over);
            let outcome = status.map(Outcome::AlreadyStopped);
            targets.push(self.target(id, Goal::Gone { had_life }, outcome));
        }
        if ends {
            self.begin_shutdown(now, Cause::Requested(None));
        }
        // Who starts last is told first.
        for id in self.graph.last_to_first() {
            self.take_leave(now, id);
        }
        targets
    }

    /// A program is not to run until somebody asks for it.
    fn stop_one(&mut self, now: Time, id: ProgramId) {
        self.overtake(id, By::Stop, |goal| goal == Goal::Up);
        let will_live = self.program(id).is_some_and(Program::will_live);
        self.unwant(id);
        let Some((program, spec)) = self.parts(id) else {
            return;
        };
        let was_busy = program.is_busy(spec);
        let has_times = spec.has_times();
        let lives = program.state.run().is_some();
        // What has ended for good, or never began, is no reason for the container to stay.
        program.stopped |= lives || has_times || will_live;
        if lives {
            program.leaving = Some(Why::Stopped);
        } else {
            program.held.clear();
            program.since = if will_live { now } else { program.since };
        }
        let is_waiting = matches!(program.state, State::Backoff { .. });
        let is_busy = program.is_busy(spec);
        self.count_busy(was_busy, is_busy);
        if is_waiting {
            self.become_state(now, id, State::Stopped);
        }
        self.count_startup();
        self.decide(now, id);
    }

    fn restart_asked_for(&mut self, now: Time, programs: &[ProgramId]) -> Vec<Target> {
        let mut targets = Vec::new();
        for id in programs.iter().copied() {
            if self.is_listed(id) {
                self.restart_one(now, id);
                targets.push(self.target(id, Goal::Up, None));
            } else {
                targets.push(self.absent(id));
            }
        }
        self.start_needed(now, &mut targets);
        for id in self.graph.last_to_first() {
            self.take_leave(now, id);
        }
        targets
    }

    fn restart_one(&mut self, now: Time, id: ProgramId) {
        self.overtake(id, By::Restart, |goal| matches!(goal, Goal::Gone { .. }));
        let Some((program, _)) = self.parts(id) else {
            return;
        };
        if !program.state.is_untold() {
            return self.start_one(now, id);
        }
        program.again = true;
        program.leaving = Some(Why::Restarted);
        self.keep(id);
    }

    /// Programs reload: by their own signal, or by a restart.
    pub(crate) fn reload_asked_for(&mut self, now: Time, programs: &[ProgramId]) -> Vec<Target> {
        let mut targets = Vec::new();
        let mut restarts = Vec::new();
        for id in programs.iter().copied() {
            let Some((program, spec)) = self.pair(id) else {
                targets.push(self.absent(id));
                continue;
            };
            if program.standing == Standing::Removed {
                targets.push(self.absent(id));
                continue;
            }
            let is_untold = program.state.is_untold();
            match (
                program.execed_run().filter(|_| is_untold),
                spec.reload_signal,
            ) {
                (Some(run), Some(signal)) => {
                    let scope = spec.forward_scope;
                    self.notice(Notice::Reloads {
                        program: id,
                        signal,
                    });
                    self.order(Action::Forward { run, scope, signal });
                    let outcome = Outcome::Reloads { signal };
                    targets.push(self.target(id, Goal::Done, Some(outcome)));
                }
                _ if program.wanted => restarts.push(id),
                _ => {
                    // Whoever sees it in the status, still there and perhaps RUNNING under
                    // those that leave first, hears why it does not reload.
                    let is_to_end = program.stopped && program.state.run().is_some();
                    let outcome = match is_to_end {
                        true => Outcome::Overtaken(By::Stop),
                        false => self.not_running(now, id),
                    };
                    targets.push(self.target(id, Goal::Done, Some(outcome)));
                }
            }
        }
        let restarted = self.restart_asked_for(now, &restarts);
        // One that those need is started with them, whatever was to be said of it alone.
        targets.retain(|target| restarted.iter().all(|it| it.program != target.program));
        targets.extend(restarted);
        targets
    }

    fn send_signal(&mut self, now: Time, id: ProgramId, signal: Signal, scope: Scope) -> Target {
        let run = self.program(id).and_then(Program::execed_run);
        let outcome = match run {
            Some(run) => {
                self.order(Action::Forward { run, scope, signal });
                Outcome::Signalled { signal }
            }
            None => self.not_running(now, id),
        };
        self.target(id, Goal::Done, Some(outcome))
    }

    fn not_running(&self, now: Time, id: ProgramId) -> Outcome {
        let status = self.status(now, id);
        status.map_or(Outcome::Unknown, Outcome::NotRunning)
    }

    /// Somebody asked for the end of this program's life: it is told when nobody lives
    /// who is on the way out for the same reason and needs it. Whether it was its turn.
    pub(crate) fn take_leave(&mut self, now: Time, id: ProgramId) {
        let Some(why) = self.program(id).and_then(Program::waits_to_leave) else {
            return;
        };
        if !self.is_stopping() && self.awaits_before_leaving(id).is_none() {
            self.tell(now, id, why);
        }
    }

    /// Whose end a program awaits that is to end on request: of one that is, too, and
    /// that needs it, by way of those without a life, too (STOP-4).
    pub(crate) fn awaits_before_leaving(&self, id: ProgramId) -> Option<ProgramId> {
        let mut seen = alloc::vec![false; self.programs.len()];
        let mut work = alloc::vec![id];
        while let Some(id) = work.pop() {
            for user in self.graph.users(id) {
                let Some(program) = self.program(*user) else {
                    continue;
                };
                if program.leaving.is_some() {
                    return Some(*user);
                }
                let seen = seen.get_mut(user.0 as usize);
                let is_new = seen.is_some_and(|seen| !core::mem::replace(seen, true));
                if is_new && program.state.run().is_none() {
                    work.push(*user);
                }
            }
        }
        None
    }

    /// A life that somebody wanted to end is over: those that it needs, by way of those
    /// without a life, too, may have awaited that.
    pub(crate) fn has_left(&mut self, id: ProgramId) {
        let mut seen = alloc::vec![false; self.programs.len()];
        let mut work = alloc::vec![id];
        while let Some(id) = work.pop() {
            let spec = self.spec.programs.get(id.0 as usize);
            let needs = spec.into_iter().flat_map(|spec| &spec.needs);
            let needed: Vec<ProgramId> = needs.map(|need| need.program).collect();
            for needed in needed {
                let seen = seen.get_mut(needed.0 as usize);
                let is_new = seen.is_some_and(|seen| !core::mem::replace(seen, true));
                if is_new {
                    self.mark_dirty(needed);
                    if self
                        .program(needed)
                        .is_some_and(|p| p.state.run().is_none())
                    {
                        work.push(needed);
                    }
                }
            }
        }
    }
}

impl Program {
    /// Whether nobody has its place any more.
    fn is_forgotten(&self) -> bool {
        self.standing == Standing::Removed && self.state.run().is_none()
    }

    /// Whether it waits for its next life.
    fn will_live(&self) -> bool {
        match self.state {
            State::Stopped => self.wanted,
            State::Backoff { .. } => true,
            State::Starting { .. }
            | State::Running { .. }
            | State::Stopping(_)
            | State::Exited { .. }
            | State::Fatal { .. } => false,
        }
    }

    /// Why it is to be told, if it was not yet.
    pub(crate) fn waits_to_leave(&self) -> Option<Why> {
        self.leaving.filter(|_| self.state.is_untold())
    }

    /// Its life, if its command runs and may get signals.
    fn execed_run(&self) -> Option<RunId> {
        match &self.state {
            State::Starting { run, step, .. } => {
                matches!(step, Step::Execed { .. }).then_some(*run)
            }
            State::Running { run, .. } => Some(*run),
            State::Stopping(life) => {
                let has_leader = life.leader.is_none() && life.execed;
                (has_leader && life.part == Part::Command).then_some(life.run)
            }
            State::Stopped | State::Backoff { .. } | State::Exited { .. } | State::Fatal { .. } => {
                None
            }
        }
    }
}

/// Each of them once.
fn once(mut programs: Vec<ProgramId>) -> Vec<ProgramId> {
    crate::order::sort(&mut programs);
    programs.dedup();
    programs
}
