//! The table of programs, and the work list.
//!
//! After every event two things are done until neither changes anything: deadlines
//! that have passed are acted upon, and [`Supervisor::settle`] works off the programs
//! whose surroundings changed. One that is wanted starts when all that it needs holds;
//! one that is not wanted any more is told when nobody who needs it is alive. There is
//! no recursion and there are no waves: what is independent happens at the same time
//! by itself.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use crate::order;
use crate::program::{Program, State};
use crate::restart::Jitter;
use crate::shutdown::Phase;
use crate::{
    Action, Cause, End, Event, FatalReason, Notice, ProgramId, ProgramSpec, RunId, Spec, Time,
};

/// Most rounds of settling after one event. A program has two deadlines that can pass
/// one after the other, the shutdown three.
const MOST_ROUNDS: u32 = 64;

/// Who decides. See the crate's description for the contract.
#[derive(Clone, Debug)]
pub struct Supervisor {
    pub(crate) spec: Spec,
    pub(crate) programs: Vec<Program>,
    pub(crate) phase: Phase,
    pub(crate) jitter: Jitter,
    /// How the first program ended that failed for good (END-1).
    pub(crate) first_failure: Option<End>,
    /// The place of each program in the order of starts.
    ranks: Vec<u32>,
    /// The programs by rank.
    by_rank: Vec<ProgramId>,
    /// Who needs each program.
    needed_by: Vec<Vec<ProgramId>>,
    /// Ranks of the programs whose surroundings changed.
    dirty: BTreeSet<u32>,
    /// A time not later than the next deadline of anybody, so that most events need
    /// not look at every program.
    pub(crate) alarm: Option<Time>,
    /// How many programs live or will live again by themselves.
    busy: usize,
    /// The program of each run that is not over; a run is a key that is never used again.
    runs: BTreeMap<RunId, ProgramId>,
    next_run: u64,
    actions: VecDeque<Action>,
}

impl Supervisor {
    /// A supervisor of what `spec` says. Nothing happens before the first event.
    #[must_use]
    pub fn new(spec: Spec) -> Supervisor {
        let programs: Vec<Program> = spec
            .programs
            .iter()
            .map(|program| Program::new(program.autostart))
            .collect();
        let ids = (0..).map(ProgramId).take(programs.len());
        let mut by_rank: Vec<ProgramId> = ids.collect();
        let priority = |id: &ProgramId| spec.programs.get(id.0 as usize).map(|p| p.priority);
        order::sort_by(&mut by_rank, |a, b| priority(a).cmp(&priority(b)));
        let mut ranks = alloc::vec![0; programs.len()];
        for (rank, id) in (0..).zip(&by_rank) {
            if let Some(slot) = ranks.get_mut(id.0 as usize) {
                *slot = rank;
            }
        }
        let mut needed_by = alloc::vec![Vec::new(); programs.len()];
        for (id, program) in (0..).map(ProgramId).zip(&spec.programs) {
            for need in &program.needs {
                if let Some(list) = needed_by.get_mut(need.program.0 as usize) {
                    list.push(id);
                }
            }
        }
        let mut dirty = BTreeSet::new();
        dirty.extend((0..).take(programs.len()));
        Supervisor {
            phase: Phase::Up,
            jitter: Jitter::new(spec.seed),
            first_failure: None,
            dirty,
            busy: programs
                .iter()
                .filter(|p| p.state.is_busy(p.wanted))
                .count(),
            runs: BTreeMap::new(),
            next_run: 1,
            alarm: None,
            actions: VecDeque::new(),
            ranks,
            by_rank,
            needed_by,
            programs,
            spec,
        }
    }

    /// Takes note of a fact, and decides what follows from it.
    pub fn handle(&mut self, now: Time, event: Event) {
        if matches!(self.phase, Phase::Over) {
            // The last order was given.
            return;
        }
        match event {
            Event::Execed { run } => self.execed(now, run),
            Event::SpawnFailed { run, failure } => self.spawn_failed(now, run, failure),
            Event::Exited {
                run,
                status,
                out_of_memory,
            } => {
                self.exited(now, run, status, out_of_memory);
            }
            Event::TreeGone { run } => self.tree_gone(now, run),
            Event::LeaderAlone { run } => self.leader_alone(run),
            Event::Signal {
                signal,
                from_terminal,
            } => self.signal(now, signal, from_terminal),
            Event::NobodyLeft => self.nobody_left(),
            Event::Tick => {}
        }
        // Every round acts on a deadline, and a deadline that was acted upon is later
        // than now or gone; so this ends. If it ever did not, PID 1 would rather come
        // back at once than never again.
        for _ in 0..MOST_ROUNDS {
            self.settle(now);
            if !self.pass_time(now) {
                return;
            }
        }
        debug_assert!(false, "there is always something due");
    }

    /// The next order, if there is one.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When to come back with a `Tick` at the latest; later than the last `now`.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Time> {
        if matches!(self.phase, Phase::Over) {
            return None;
        }
        let programs = self.programs.iter().zip(&self.spec.programs);
        let next = programs
            .filter_map(|(program, spec)| program.state.deadline(spec.startsecs))
            .min();
        match (next, self.phase.deadline()) {
            (Some(program), Some(shutdown)) => Some(program.min(shutdown)),
            (program, shutdown) => program.or(shutdown),
        }
    }

    /// What is supervised.
    #[must_use]
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Whether the shutdown has begun.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        match self.phase {
            Phase::Up => false,
            Phase::Stopping(_) | Phase::Over => true,
        }
    }

    /// The program of a run that is not over.
    #[must_use]
    pub fn program_of(&self, run: RunId) -> Option<ProgramId> {
        self.runs.get(&run).copied()
    }

    pub(crate) fn order(&mut self, action: Action) {
        self.actions.push_back(action);
    }

    pub(crate) fn notice(&mut self, notice: Notice) {
        self.actions.push_back(Action::Notice(notice));
    }

    /// A program and its spec; none for an id that was never given out.
    pub(crate) fn parts(&mut self, id: ProgramId) -> Option<(&mut Program, &ProgramSpec)> {
        let index = id.0 as usize;
        Some((
            self.programs.get_mut(index)?,
            self.spec.programs.get(index)?,
        ))
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = ProgramId> + use<> {
        (0..).map(ProgramId).take(self.programs.len())
    }

    pub(crate) fn program(&self, id: ProgramId) -> Option<&Program> {
        self.programs.get(id.0 as usize)
    }

    /// The one place where a program changes its state.
    pub(crate) fn become_state(&mut self, id: ProgramId, next: State) {
        let Some(program) = self.programs.get_mut(id.0 as usize) else {
            return;
        };
        debug_assert!(
            program.state.may_become(&next),
            "{:?} -> {next:?}",
            program.state
        );
        let was_busy = program.state.is_busy(program.wanted);
        let old_run = program.state.run();
        let new_run = next.run();
        program.state = next;
        let is_busy = program.state.is_busy(program.wanted);
        self.busy = self.busy + usize::from(is_busy) - usize::from(was_busy);
        if old_run != new_run {
            if let Some(run) = old_run {
                self.runs.remove(&run);
            }
            if let Some(run) = new_run {
                self.runs.insert(run, id);
            }
        }
        let startsecs = self
            .spec
            .programs
            .get(id.0 as usize)
            .map(|spec| spec.startsecs);
        let program = self.programs.get(id.0 as usize);
        let deadline = program.and_then(|p| p.state.deadline(startsecs.unwrap_or_default()));
        if let Some(at) = deadline {
            self.wake_at(at);
        }
        self.mark_dirty(id);
        if self.is_stopping() {
            self.let_go(id);
        }
    }

    /// Something is due at `at`.
    pub(crate) fn wake_at(&mut self, at: Time) {
        self.alarm = Some(self.alarm.map_or(at, |alarm| alarm.min(at)));
    }

    /// Looks at everybody for what is due next.
    pub(crate) fn rearm(&mut self) {
        self.alarm = self.next_deadline();
    }

    /// Nobody wants the program any more.
    pub(crate) fn unwant(&mut self, id: ProgramId) {
        let Some(program) = self.programs.get_mut(id.0 as usize) else {
            return;
        };
        let was_busy = program.state.is_busy(program.wanted);
        program.wanted = false;
        let is_busy = program.state.is_busy(program.wanted);
        self.busy = self.busy + usize::from(is_busy) - usize::from(was_busy);
        self.mark_dirty(id);
    }

    /// A program and everybody whose decisions hang on it are looked at again.
    pub(crate) fn mark_dirty(&mut self, id: ProgramId) {
        let index = id.0 as usize;
        let needed_by = self.needed_by.get(index).into_iter().flatten();
        let needs = self
            .spec
            .programs
            .get(index)
            .into_iter()
            .flat_map(|spec| &spec.needs);
        let touched = needed_by
            .copied()
            .chain(needs.map(|need| need.program))
            .chain([id]);
        for id in touched {
            if let Some(rank) = self.ranks.get(id.0 as usize) {
                self.dirty.insert(*rank);
            }
        }
    }

    /// Works off the programs whose surroundings changed, then looks at the whole.
    fn settle(&mut self, now: Time) {
        loop {
            // Who starts last is told first.
            let rank = match self.phase {
                Phase::Up => self.dirty.pop_first(),
                Phase::Stopping(_) | Phase::Over => self.dirty.pop_last(),
            };
            let Some(rank) = rank else { break };
            let Some(id) = self.by_rank.get(rank as usize).copied() else {
                continue;
            };
            match self.phase {
                Phase::Up => self.settle_up(now, id),
                Phase::Stopping(_) => self.settle_stopping(now, id),
                Phase::Over => {}
            }
        }
        match self.phase {
            Phase::Up if self.busy == 0 && !self.spec.pauses => {
                self.begin_shutdown(now, Cause::NothingLeft);
                self.settle(now);
            }
            Phase::Stopping(_) => self.tell_strays_when_alone(now),
            Phase::Up | Phase::Over => {}
        }
    }

    /// While all is well: starts a program that is wanted, when its needs hold.
    pub(crate) fn settle_up(&mut self, now: Time, id: ProgramId) {
        let Some(program) = self.program(id) else {
            return;
        };
        let is_due = match program.state {
            State::Stopped => program.wanted,
            State::Backoff { until } => until <= now,
            State::Starting { .. }
            | State::Running { .. }
            | State::Stopping(_)
            | State::Exited { .. }
            | State::Fatal { .. } => false,
        };
        if !is_due {
            return;
        }
        match self.needs(id) {
            Needs::Hold => self.start(now, id),
            Needs::MayHold => {
                // A pause that is over is no deadline any more; it waits for its needs.
                if self
                    .program(id)
                    .is_some_and(|p| matches!(p.state, State::Backoff { .. }))
                {
                    self.become_state(id, State::Stopped);
                }
            }
            Needs::NeverHold(needed) => {
                let end = self.program(needed).and_then(|program| program.last_end);
                self.give_up(now, id, FatalReason::Needs(needed), end);
            }
        }
    }

    /// During the shutdown: tells a program that nobody needs any more.
    fn settle_stopping(&mut self, now: Time, id: ProgramId) {
        if !self.is_needed(id) {
            self.tell(now, id);
        }
    }

    /// Whether a program must wait for another one's end before its own (STOP-4).
    fn is_needed(&self, id: ProgramId) -> bool {
        let users = self.needed_by.get(id.0 as usize).into_iter().flatten();
        users
            .filter_map(|user| self.program(*user))
            .any(|user| !user.let_go)
    }

    /// During the shutdown: a program without a life holds back those that it needs no
    /// more, once those that need it hold it back no more. One that is done (a migration,
    /// say) still stands between the two: they depend on each other by way of it (STOP-4).
    pub(crate) fn let_go(&mut self, id: ProgramId) {
        let mut work = alloc::vec![id];
        while let Some(id) = work.pop() {
            let is_needed = self.is_needed(id);
            let Some((program, spec)) = self.parts(id) else {
                continue;
            };
            if is_needed || program.let_go || program.state.run().is_some() {
                continue;
            }
            program.let_go = true;
            work.extend(spec.needs.iter().map(|need| need.program));
            self.mark_dirty(id);
        }
    }

    /// The programs in the order in which they are told: who starts last, first.
    pub(crate) fn last_to_first(&self) -> Vec<ProgramId> {
        self.by_rank.iter().rev().copied().collect()
    }

    /// Whether all that a program needs is there.
    fn needs(&self, id: ProgramId) -> Needs {
        let mut all = Needs::Hold;
        for need in self
            .spec
            .programs
            .get(id.0 as usize)
            .into_iter()
            .flat_map(|spec| &spec.needs)
        {
            let Some(program) = self.program(need.program) else {
                continue;
            };
            match program.state {
                _ if program.state.meets(need.condition) => {}
                State::Exited { .. } | State::Fatal { .. } => {
                    return Needs::NeverHold(need.program);
                }
                State::Stopped
                | State::Starting { .. }
                | State::Running { .. }
                | State::Stopping(_)
                | State::Backoff { .. } => all = Needs::MayHold,
            }
        }
        all
    }

    fn start(&mut self, now: Time, program: ProgramId) {
        let run = RunId(self.next_run);
        self.next_run += 1;
        self.become_state(
            program,
            State::Starting {
                run,
                born: now,
                execed: None,
            },
        );
        self.order(Action::Spawn { program, run });
    }
}

/// Whether all that a program needs is there.
enum Needs {
    Hold,
    MayHold,
    NeverHold(ProgramId),
}
