//! The core by example: one test a rule of the contract or a row of the state table,
//! where the simulation shows that the rules hold together.

mod exit;
mod health;
mod hooks;
mod needs;
mod overview;
mod ready;
mod reload;
mod requests;
mod requests_start;
mod requests_stop;
mod schedule;
mod signals;
mod starts;
mod states;
mod stop;
mod table;
mod waiting;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use crate::program::State;
use crate::{
    Action, Care, Change, Condition, Event, ExitStatus, Message, Need, Notice, ProgramId,
    ProgramSpec, RunId, Signal, SpawnFailure, Spec, Stage, Supervisor, Time, Why, Work,
};

/// A supervisor whose facts are told by hand. Runs are numbered from 1 in the order of
/// the starts.
struct Bench {
    core: Supervisor,
    now: Time,
    /// What was ordered by the last fact.
    last: Vec<Action>,
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn program(name: &str) -> ProgramSpec {
    ProgramSpec::new(name)
}

/// A program that needs these.
fn needing(name: &str, needed: &[u32]) -> ProgramSpec {
    let need = |id: &u32| Need {
        program: ProgramId(*id),
        condition: Condition::Ready,
    };
    ProgramSpec {
        startsecs: Duration::ZERO,
        needs: needed.iter().map(need).collect(),
        ..program(name)
    }
}

fn fork_failed() -> SpawnFailure {
    SpawnFailure {
        stage: Stage::Fork,
        errno: 11,
    }
}

fn not_found() -> SpawnFailure {
    SpawnFailure {
        stage: Stage::Exec,
        errno: 2,
    }
}

impl Bench {
    /// At the beginning, with everything ordered that is to start by itself.
    fn new(programs: Vec<ProgramSpec>) -> Bench {
        Bench::of(Spec::new(programs))
    }

    fn of(spec: Spec) -> Bench {
        let mut bench = Bench {
            core: Supervisor::new(spec),
            now: Time::ZERO,
            last: Vec::new(),
        };
        bench.fact(Event::Tick);
        bench
    }

    /// The same with all of the first `runs` exec'ed.
    fn running(programs: Vec<ProgramSpec>, runs: u64) -> Bench {
        let mut bench = Bench::new(programs);
        (1..=runs).for_each(|run| bench.execed(run));
        bench
    }

    fn fact(&mut self, event: Event) {
        self.core.handle(self.now, event);
        self.last = core::iter::from_fn(|| self.core.poll_action()).collect();
    }

    fn execed(&mut self, run: u64) {
        self.fact(Event::Execed { run: RunId(run) });
    }

    fn ended(&mut self, run: u64, status: ExitStatus) {
        self.fact(Event::Exited {
            run: RunId(run),
            status,
            out_of_memory: false,
        });
    }

    fn exited(&mut self, run: u64, code: u8) {
        self.ended(run, ExitStatus::Code(code));
    }

    fn gone(&mut self, run: u64) {
        self.fact(Event::TreeGone { run: RunId(run) });
    }

    /// The leader exits, and nobody is left of its tree.
    fn ends(&mut self, run: u64, code: u8) {
        self.exited(run, code);
        self.gone(run);
    }

    fn said(&mut self, run: u64, message: Message) {
        let run = RunId(run);
        self.fact(Event::Said { run, message });
    }

    fn due(&mut self, program: u32) {
        let program = ProgramId(program);
        self.fact(Event::Due { program });
    }

    /// The configuration is read again, and each program is launched as before.
    fn loaded(&mut self, programs: Vec<ProgramSpec>) {
        let launches = programs.iter().map(|_| Change::Same).collect();
        self.loaded_with(programs, launches);
    }

    fn loaded_with(&mut self, programs: Vec<ProgramSpec>, launches: Vec<Change>) {
        let spec = Box::new(Spec::new(programs));
        self.fact(Event::Loaded { spec, launches });
    }

    fn failed(&mut self, run: u64, failure: SpawnFailure) {
        let run = RunId(run);
        self.fact(Event::SpawnFailed { run, failure });
    }

    fn signal(&mut self, signal: Signal) {
        let from_terminal = false;
        self.fact(Event::Signal {
            signal,
            from_terminal,
        });
    }

    fn ctrl_c(&mut self) {
        self.fact(Event::Signal {
            signal: Signal::INT,
            from_terminal: true,
        });
    }

    /// That much later.
    fn after(&mut self, pause: Duration) {
        self.now = self.now.plus(pause);
        self.fact(Event::Tick);
    }

    /// That much later, with every wake-up in between; what is ordered by all of them is
    /// the last.
    fn live(&mut self, pause: Duration) {
        let until = self.now.plus(pause);
        let mut all = Vec::new();
        while let Some(at) = self.core.next_deadline().filter(|at| *at < until) {
            self.now = at;
            self.fact(Event::Tick);
            all.append(&mut self.last);
        }
        self.now = until;
        self.fact(Event::Tick);
        all.append(&mut self.last);
        self.last = all;
    }

    fn state(&self, program: u32) -> &'static str {
        let program = self.core.program(ProgramId(program));
        program.map_or("none", |program| match program.state {
            State::Stopped => "STOPPED",
            State::Starting { .. } => "STARTING",
            State::Running { .. } => "RUNNING",
            State::Backoff { .. } => "BACKOFF",
            State::Stopping(_) => "STOPPING",
            State::Exited { .. } => "EXITED",
            State::Fatal { .. } => "FATAL",
        })
    }

    /// The programs that were started by the last fact.
    fn started(&self) -> Vec<u32> {
        let all = self.last.iter();
        all.filter_map(match_spawn).collect()
    }

    /// What was started by the last fact, and for which program.
    fn begun(&self) -> Vec<(u32, Work)> {
        let all = self.last.iter();
        all.filter_map(|action| {
            if let Action::Spawn { program, work, .. } = action {
                Some((program.0, *work))
            } else {
                None
            }
        })
        .collect()
    }

    /// Who was told by the last fact, as people read it, and why.
    fn told_why(&self) -> Vec<(u32, Why)> {
        let all = self.last.iter();
        all.filter_map(|action| {
            if let Action::Notice(Notice::Told { program, why, .. }) = action {
                Some((program.0, *why))
            } else {
                None
            }
        })
        .collect()
    }

    /// What was said by the last fact of how programs are cared for.
    fn cares(&self) -> Vec<Care> {
        let all = self.last.iter();
        all.filter_map(|action| {
            if let Action::Notice(Notice::Care { news, .. }) = action {
                Some(*news)
            } else {
                None
            }
        })
        .collect()
    }

    /// The runs whose leaders were told by the last fact.
    fn told(&self) -> Vec<u64> {
        let all = self.last.iter();
        all.filter_map(|action| match_tell(action, true)).collect()
    }

    /// The runs of which what was left was told by the last fact.
    fn rest_told(&self) -> Vec<u64> {
        let all = self.last.iter();
        all.filter_map(|action| match_tell(action, false)).collect()
    }

    fn killed(&self, run: u64) -> bool {
        self.ordered(&Action::Kill { run: RunId(run) })
    }

    fn strays_told(&self) -> bool {
        let signal = Signal::TERM;
        self.ordered(&Action::TellStrays { signal })
    }

    fn ordered(&self, action: &Action) -> bool {
        self.last.contains(action)
    }

    fn noticed(&self, what: impl Fn(&Notice) -> bool) -> bool {
        let mut all = self.last.iter();
        all.any(|action| matches!(action, Action::Notice(notice) if what(notice)))
    }

    /// The signals that were passed on by the last fact.
    fn forwarded(&self) -> Vec<Signal> {
        let all = self.last.iter();
        all.filter_map(|action| {
            if let Action::Forward { signal, .. } = action {
                Some(*signal)
            } else {
                None
            }
        })
        .collect()
    }

    /// The status that lastout left with.
    fn exit(&self) -> Option<u8> {
        if let Some(Action::Exit { code, .. }) = self.last.last() {
            Some(*code)
        } else {
            None
        }
    }
}

fn match_spawn(action: &Action) -> Option<u32> {
    if let Action::Spawn { program, .. } = action {
        Some(program.0)
    } else {
        None
    }
}

fn match_tell(action: &Action, leader: bool) -> Option<u64> {
    if let Action::Tell { run, scope, .. } = action {
        (scope.is_some() == leader).then_some(run.0)
    } else {
        None
    }
}
