//! The table of programs: what is known of them, and the one place where a program
//! changes its state.
//!
//! After every event two things are done until neither changes anything: deadlines
//! that have passed are acted upon, and the programs whose surroundings changed are
//! worked off (settle.rs).

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

use crate::due::Due;
use crate::graph::Graph;
use crate::program::{Program, Standing, State};
use crate::restart::Jitter;
use crate::shutdown::Phase;
use crate::startup::Startup;
use crate::waiting::{Asker, Waiting};
use crate::watch::Probe;
use crate::{Action, Care, End, Event, Notice, ProgramId, ProgramSpec, RunId, Spec, Time};

/// Most rounds of settling after one event. A program has a few deadlines that can pass
/// one after the other, the shutdown three; those that ask are looked at one by one.
const MOST_ROUNDS: u32 = 4096;

/// Who wakes that much later than he asked to be was held up, and so was everybody else
/// (HEALTH-2).
const LATE: Duration = Duration::from_secs(1);

/// Who decides. See the crate's description for the contract.
#[derive(Clone, Debug)]
pub struct Supervisor {
    pub(crate) spec: Spec,
    pub(crate) programs: Vec<Program>,
    pub(crate) phase: Phase,
    pub(crate) jitter: Jitter,
    /// How the first program ended that failed for good (END-1).
    pub(crate) first_failure: Option<End>,
    pub(crate) graph: Graph,
    /// Ranks of the programs whose surroundings changed.
    pub(crate) dirty: BTreeSet<u32>,
    /// A time not later than the next deadline of anybody, so that most events need
    /// not look at every program.
    pub(crate) alarm: Option<Time>,
    /// When something is due for each program, but for those that were touched.
    pub(crate) due: Due,
    /// Programs that may have changed since `due` was right.
    touched: Vec<ProgramId>,
    /// How many programs live or will live again by themselves.
    pub(crate) busy: usize,
    /// The program of each run that is not over; a run is a key that is never used again.
    runs: BTreeMap<RunId, ProgramId>,
    /// Those that ask, who are no part of a life.
    pub(crate) probes: BTreeMap<RunId, Probe>,
    pub(crate) startup: Startup,
    /// Those that wait for an answer, in the order in which they asked.
    pub(crate) requests: Vec<Waiting>,
    next_run: u64,
    actions: VecDeque<Action>,
}

impl Supervisor {
    /// A supervisor of what `spec` says. Nothing happens before the first event.
    #[must_use]
    pub fn new(spec: Spec) -> Supervisor {
        let programs = spec.programs.iter();
        let programs = programs.map(|program| Program::new(program.starts_by_itself()));
        let mut supervisor = Supervisor {
            phase: Phase::Up,
            jitter: Jitter::new(spec.seed),
            first_failure: None,
            graph: Graph::default(),
            dirty: BTreeSet::new(),
            busy: 0,
            runs: BTreeMap::new(),
            probes: BTreeMap::new(),
            startup: Startup::Ahead,
            requests: Vec::new(),
            next_run: 1,
            alarm: None,
            due: Due::default(),
            touched: Vec::new(),
            actions: VecDeque::new(),
            programs: programs.collect(),
            spec,
        };
        supervisor.arrange();
        supervisor
    }

    /// Takes note of a fact, and decides what follows from it.
    pub fn handle(&mut self, now: Time, event: Event) {
        if matches!(self.phase, Phase::Over) {
            // The last order was given.
            return;
        }
        self.begin_startup(now);
        self.oversleep(now);
        match event {
            Event::Execed { run } => self.execed(now, run),
            Event::SpawnFailed { run, failure } => {
                self.probe_never_ran(now, run, End::NeverRan(failure));
                self.spawn_failed(now, run, failure);
            }
            Event::Exited {
                run,
                status,
                out_of_memory,
            } => {
                self.probe_ended(now, run, status);
                self.exited(now, run, status, out_of_memory);
            }
            Event::TreeGone { run } => {
                self.probes.remove(&run);
                self.tree_gone(now, run);
            }
            Event::LeaderAlone { run } => self.leader_alone(run),
            Event::Said { run, message } => self.said(now, run, &message),
            Event::Due { program } => self.due(now, program),
            Event::Loaded { spec, launches } => self.loaded(now, *spec, &launches),
            Event::Signal {
                signal,
                from_terminal,
            } => self.signal(now, signal, from_terminal),
            Event::NobodyLeft => self.nobody_left(now),
            Event::LoadFailed => self.answer_loads(None),
            Event::Requested {
                id,
                request,
                deadline,
                wait,
                each,
            } => {
                let who = Asker {
                    id,
                    deadline,
                    waits: wait,
                    hears_each: wait && each,
                };
                self.requested(now, who, request);
            }
            Event::Withdrawn { id } => self.withdraw(id),
            Event::Tick => {}
        }
        // Every round acts on a deadline, and a deadline that was acted upon is later
        // than now or gone; so this ends. If it ever did not, PID 1 would rather come
        // back at once than never again.
        for _ in 0..MOST_ROUNDS {
            self.settle(now);
            if !self.pass_time(now) {
                self.all_may_be_up();
                self.answer_the_impatient(now);
                self.note_what_is_due();
                return;
            }
        }
        self.note_what_is_due();
        debug_assert!(false, "there is always something due");
    }

    /// The loop was held up: `docker pause`, a suspended host. Whoever is waited for was
    /// held up as well, and gets that much longer; and a moment more, in which to do what
    /// the pause kept it from.
    fn oversleep(&mut self, now: Time) {
        if self.alarm.is_none_or(|at| now.since(at) < LATE) {
            return;
        }
        let Some(late) = self.next_deadline().map(|asked| now.since(asked)) else {
            return;
        };
        if late < LATE {
            return;
        }
        let by = late.saturating_add(LATE);
        for program in &mut self.programs {
            program.postpone(by);
        }
        for probe in self.probes.values_mut() {
            probe.postpone(by);
        }
        self.startup.postpone(by);
        self.notice(Notice::Overslept { late });
        self.rearm();
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
        let programs = self.programs.iter().filter_map(Program::deadline);
        debug_assert!(
            self.due.first() == programs.min(),
            "a program was changed, and not by way of `parts`"
        );
        let probes = self.probes.values().map(Probe::deadline);
        let all = probes
            .chain(self.due.first())
            .chain(self.startup.deadline())
            .chain(self.patience_of_requests());
        all.chain(self.phase.deadline()).min()
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

    /// The program of a run that is not over, whatever it does for it.
    #[must_use]
    pub fn program_of(&self, run: RunId) -> Option<ProgramId> {
        let asks = || self.probes.get(&run).map(|probe| probe.program);
        self.life_of(run).or_else(asks)
    }

    /// The program of which this run is a part of its life.
    pub(crate) fn life_of(&self, run: RunId) -> Option<ProgramId> {
        self.runs.get(&run).copied()
    }

    pub(crate) fn new_run(&mut self) -> RunId {
        self.next_run += 1;
        RunId(self.next_run - 1)
    }

    pub(crate) fn order(&mut self, action: Action) {
        self.actions.push_back(action);
    }

    pub(crate) fn notice(&mut self, notice: Notice) {
        self.actions.push_back(Action::Notice(notice));
    }

    pub(crate) fn care(&mut self, program: ProgramId, news: Care) {
        self.notice(Notice::Care { program, news });
    }

    /// A program and its spec; none for an id that was never given out. Whoever changes a
    /// program has it from here.
    pub(crate) fn parts(&mut self, id: ProgramId) -> Option<(&mut Program, &ProgramSpec)> {
        if self.touched.last() != Some(&id) {
            self.touched.push(id);
        }
        let index = id.0 as usize;
        Some((
            self.programs.get_mut(index)?,
            self.spec.programs.get(index)?,
        ))
    }

    /// A program and its spec, to look at.
    pub(crate) fn pair(&self, id: ProgramId) -> Option<(&Program, &ProgramSpec)> {
        let index = id.0 as usize;
        Some((self.programs.get(index)?, self.spec.programs.get(index)?))
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = ProgramId> + use<> {
        (0..).map(ProgramId).take(self.programs.len())
    }

    pub(crate) fn program(&self, id: ProgramId) -> Option<&Program> {
        self.programs.get(id.0 as usize)
    }

    /// One program more.
    pub(crate) fn add(&mut self, program: Program, spec: ProgramSpec) -> ProgramId {
        self.programs.push(program);
        self.spec.programs.push(spec);
        ProgramId((self.programs.len() - 1) as u32)
    }

    /// Programs have come, or have other needs and priorities: everybody is looked at anew.
    pub(crate) fn arrange(&mut self) {
        self.graph = Graph::of(&self.spec);
        self.dirty.extend((0..).take(self.programs.len()));
        let pairs = self.programs.iter().zip(&self.spec.programs);
        self.busy = pairs
            .filter(|(program, spec)| program.is_busy(spec))
            .count();
        self.count_startup();
        self.rearm();
    }

    /// The one place where a program changes its state.
    pub(crate) fn become_state(&mut self, now: Time, id: ProgramId, next: State) {
        let Some((program, spec)) = self.parts(id) else {
            return;
        };
        debug_assert!(
            program.state.may_become(&next),
            "{:?} -> {next:?}",
            program.state
        );
        let was_busy = program.is_busy(spec);
        let was_watched = program.state.is_untold();
        let old_run = program.state.run();
        let new_run = next.run();
        program.state = next;
        program.since = now;
        let has_left = new_run.is_none() && program.leaving.take().is_some();
        let is_over = matches!(program.state, State::Exited { .. } | State::Fatal { .. });
        if is_over && spec.schedule.is_some() {
            // Until its next time.
            program.wanted = false;
        }
        let is_busy = program.is_busy(spec);
        let is_watched = program.state.is_untold();
        let is_free = program.standing == Standing::Removed && new_run.is_none();
        let deadline = program.deadline();
        self.count_busy(was_busy, is_busy);
        if old_run != new_run {
            if let Some(run) = old_run {
                self.runs.remove(&run);
            }
            if let Some(run) = new_run {
                self.runs.insert(run, id);
            }
        }
        if let Some(at) = deadline {
            self.wake_at(at);
        }
        if was_watched && !is_watched {
            self.stop_watching(now, id);
        }
        self.mark_dirty(id);
        if is_over {
            self.note_up(id);
        }
        if has_left {
            self.has_left(id);
        }
        self.decide(now, id);
        if is_free {
            self.mark_new_dirty();
        }
        if is_free || self.is_stopping() {
            self.let_go(id);
        }
    }

    pub(crate) fn count_busy(&mut self, was: bool, is: bool) {
        self.busy = self.busy + usize::from(is) - usize::from(was);
    }

    /// Something is due at `at`.
    pub(crate) fn wake_at(&mut self, at: Time) {
        self.alarm = Some(self.alarm.map_or(at, |alarm| alarm.min(at)));
    }

    /// Looks at everybody for what is due next.
    pub(crate) fn rearm(&mut self) {
        self.touched.clear();
        self.due = Due::of(self.programs.iter().map(Program::deadline));
        self.alarm = self.next_deadline();
    }

    /// Looks at those that may have changed for what is due for them.
    pub(crate) fn note_what_is_due(&mut self) {
        for id in self.touched.drain(..) {
            let place = id.0 as usize;
            let at = self.programs.get(place).and_then(Program::deadline);
            self.due.set(place, at);
        }
    }

    /// Nobody wants the program any more.
    pub(crate) fn unwant(&mut self, id: ProgramId) {
        let Some((program, spec)) = self.parts(id) else {
            return;
        };
        let was_busy = program.is_busy(spec);
        program.wanted = false;
        program.again = false;
        let is_busy = program.is_busy(spec);
        self.count_busy(was_busy, is_busy);
        self.mark_dirty(id);
    }

    /// The program is wanted, and nothing of what was counts any more.
    pub(crate) fn want(&mut self, id: ProgramId) {
        let Some((program, spec)) = self.parts(id) else {
            return;
        };
        let was_busy = program.is_busy(spec);
        program.renew();
        let is_busy = program.is_busy(spec);
        self.count_busy(was_busy, is_busy);
        self.mark_dirty(id);
    }

    /// A program and everybody whose decisions hang on it are looked at again.
    pub(crate) fn mark_dirty(&mut self, id: ProgramId) {
        let needs = self.spec.programs.get(id.0 as usize);
        let needs = needs.into_iter().flat_map(|spec| &spec.needs);
        let touched = self.graph.users(id).iter().copied();
        let touched = touched.chain(needs.map(|need| need.program)).chain([id]);
        for id in touched {
            self.dirty.extend(self.graph.rank(id));
        }
    }

    /// One program is looked at again.
    pub(crate) fn look_again(&mut self, id: ProgramId) {
        self.dirty.extend(self.graph.rank(id));
    }

    /// Those that wait for what the last reload removed are looked at again.
    fn mark_new_dirty(&mut self) {
        for id in self.ids() {
            if self
                .program(id)
                .is_some_and(|program| program.standing == Standing::New)
            {
                self.dirty.extend(self.graph.rank(id));
            }
        }
    }
}
