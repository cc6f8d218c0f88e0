//! The checker's half that listens: what each fact, before the core has seen it, means
//! for what the core must and must not do.

use std::collections::BTreeMap;
use std::time::Duration;

use lastout_core::{
    Aftermath, Care, Cause, End, Event, ExitStatus, Hook, Kind, Leftovers, Notice, ProgramId,
    ProgramSpec, ReadyBy, RunId, Signal, SpawnFailure, Spec, Time, Why,
};

use crate::probes::Asker;
use crate::shadow::{Check, Due, Fate, Part, Shadow, Standing, Watch, users};
use crate::verdict::How;

/// Watches one world.
#[derive(Debug)]
pub(crate) struct Checker {
    /// The configuration, with every program at its place, those that are gone included.
    pub(crate) spec: Spec,
    pub(crate) shadows: Vec<Shadow>,
    pub(crate) users: Vec<Vec<usize>>,
    /// The program of each run that there ever was.
    pub(crate) runs: BTreeMap<RunId, usize>,
    /// The newest run of all.
    pub(crate) last_run: Option<RunId>,
    /// Those that ask.
    pub(crate) askers: BTreeMap<RunId, Asker>,
    pub(crate) stop: Option<Stop>,
    /// The stop signal that has come, and that must begin the shutdown now.
    pub(crate) stop_signal: Option<Signal>,
    /// Who is so unwell that the container must end now.
    pub(crate) unhealthy: Option<usize>,
    pub(crate) due: Due,
    /// What was said in this step of how programs are cared for.
    pub(crate) heard: Vec<(usize, Care)>,
    /// Who is said to be told, and why: the order must follow.
    pub(crate) announced: Option<(RunId, Why)>,
    /// The run that is to be disowned now.
    pub(crate) disowns: Option<RunId>,
    /// The scheduled program that gets a second life now.
    pub(crate) twin_due: Option<usize>,
    /// Where the core will put the programs of the configuration that it is told of.
    pub(crate) places: Vec<ProgramId>,
    /// How the first program ended that failed for good.
    pub(crate) first_failure: Option<End>,
    /// When all must be up; none: there is no such time, or it does not count any more.
    pub(crate) startup_at: Option<Time>,
    /// Whether all were up once.
    pub(crate) all_up: bool,
    has_begun: bool,
    /// How many Ctrl-C came at a terminal since the shutdown began.
    pub(crate) interrupts: u32,
    /// Whether the last call was given in an earlier step.
    pub(crate) called: bool,
    pub(crate) nobody_left: bool,
    pub(crate) exit: Option<u8>,
    /// By how much the loop has woken late, since the shutdown began.
    pub(crate) late: Duration,
    /// Whether somebody has hung in the kernel since then.
    pub(crate) somebody_hung: bool,
    /// Whether this step is a tick.
    pub(crate) is_tick: bool,
    /// The priorities of who was started and told last in this step.
    pub(crate) last_spawned: Option<i32>,
    pub(crate) last_told: Option<i32>,
    /// When the core asked to be woken.
    pub(crate) deadline: Option<Time>,
}

/// A shutdown from outside.
#[derive(Debug)]
pub(crate) struct Stop {
    pub(crate) began: Time,
    pub(crate) cause: Cause,
    pub(crate) strays_told: bool,
    pub(crate) everybody_killed: Option<Time>,
    /// Whether anybody had to be killed (EXIT-3).
    pub(crate) killed: bool,
    /// Since when no leader is alive.
    pub(crate) leaderless: Option<Time>,
    /// When the second Ctrl-C came.
    pub(crate) second_interrupt: Option<Time>,
}

/// Whether a program is started without being asked for.
pub(crate) fn is_by_itself(spec: &ProgramSpec) -> bool {
    spec.autostart && spec.schedule.is_none()
}

impl Checker {
    pub(crate) fn new(spec: &Spec) -> Checker {
        let shadow = |program| Shadow::new(is_by_itself(program), Standing::Listed);
        Checker {
            spec: spec.clone(),
            shadows: spec.programs.iter().map(shadow).collect(),
            users: users(spec),
            runs: BTreeMap::new(),
            last_run: None,
            askers: BTreeMap::new(),
            stop: None,
            stop_signal: None,
            unhealthy: None,
            due: Due::default(),
            heard: Vec::new(),
            announced: None,
            disowns: None,
            twin_due: None,
            places: Vec::new(),
            first_failure: None,
            startup_at: None,
            all_up: false,
            has_begun: false,
            interrupts: 0,
            called: false,
            nobody_left: false,
            exit: None,
            late: Duration::ZERO,
            somebody_hung: false,
            is_tick: false,
            last_spawned: None,
            last_told: None,
            deadline: None,
        }
    }

    /// The program of a run that is a part of a life, if that run is not over.
    pub(crate) fn program_of(&self, run: RunId) -> Option<usize> {
        let program = *self.runs.get(&run)?;
        let is_current = self.shadows[program].run().is_some_and(|r| r.id == run);
        is_current.then_some(program)
    }

    pub(crate) fn expect_care(&mut self, program: usize, news: Care) {
        let program = ProgramId(program as u32);
        self.due.notices.push(Notice::Care { program, news });
    }

    /// HEALTH-2: who was held up for a second or more gives everybody that much longer, and
    /// a second in which to do what the pause kept him from.
    fn oversleep(&mut self, now: Time) {
        let late = self.deadline.map_or(Duration::ZERO, |at| now.since(at));
        if late < Duration::from_secs(1) {
            return;
        }
        self.due.notices.push(Notice::Overslept { late });
        let by = late + Duration::from_secs(1);
        let later = |at: &mut Time| *at = at.plus(by);
        for shadow in &mut self.shadows {
            let watch = &mut shadow.watch;
            watch.ask_at.iter_mut().for_each(later);
            watch.grace.iter_mut().for_each(later);
            watch.watchdog.iter_mut().for_each(|(_, at)| later(at));
            if let Some(run) = shadow.run_mut().filter(|run| !run.up && run.is_untold()) {
                run.up_at.iter_mut().for_each(later);
                run.give_up.iter_mut().for_each(later);
            }
        }
        for asker in self.askers.values_mut().filter(|asker| asker.is_asking()) {
            later(&mut asker.until);
        }
        self.startup_at.iter_mut().for_each(later);
    }

    /// A fact that the core is about to be told.
    pub(crate) fn fact(&mut self, now: Time, event: &Event) -> Check {
        self.is_tick = *event == Event::Tick;
        self.last_spawned = None;
        self.last_told = None;
        self.heard.clear();
        if !std::mem::replace(&mut self.has_begun, true) {
            self.startup_at = self.spec.startup_timeout.map(|timeout| now.plus(timeout));
        }
        self.oversleep(now);
        match event {
            Event::Execed { run } => self.execed(now, *run),
            Event::SpawnFailed { run, failure } => self.spawn_failed(now, *run, *failure),
            Event::Exited {
                run,
                status,
                out_of_memory,
            } => self.exited(now, *run, *status, *out_of_memory),
            Event::TreeGone { run } => self.tree_gone(*run),
            Event::Signal {
                signal,
                from_terminal,
            } => self.signal(now, *signal, *from_terminal),
            Event::Said { run, message } => self.said(now, *run, message),
            Event::Due { program } => self.time_has_come(program.0 as usize),
            Event::Loaded { spec, launches } => return self.loaded(now, spec, launches),
            Event::NobodyLeft => self.nobody_left = true,
            Event::LeaderAlone { .. }
            | Event::LoadFailed
            | Event::Requested { .. }
            | Event::Withdrawn { .. }
            | Event::Tick => {}
        }
        Ok(())
    }

    /// The command runs, as its exec or its first word tells.
    pub(crate) fn execed(&mut self, now: Time, id: RunId) {
        let Some(program) = self.program_of(id) else {
            return;
        };
        let spec = &self.spec.programs[program];
        let shadow = &mut self.shadows[program];
        let Some(run) = shadow.run_mut() else { return };
        let is_news = run.part == Part::Command && run.execed.is_none() && run.leader.is_none();
        if !is_news {
            return;
        }
        run.execed = Some(now);
        if run.told.is_none() {
            run.up_at = Some(now.plus(spec.startsecs));
            run.ready = spec.readiness.is_none();
            if self.stop.is_none() {
                run.give_up = spec.readiness.map(|r| now.plus(r.start_timeout));
                let is_asked = spec
                    .readiness
                    .is_some_and(|r| matches!(r.by, ReadyBy::Probe(_)));
                shadow.watch.ask_at = is_asked.then_some(now);
            }
        }
        shadow.machine_failures = 0;
        shadow.to_clean = true;
        self.due.started = Some(id);
    }

    fn exited(&mut self, now: Time, id: RunId, status: ExitStatus, out_of_memory: bool) {
        if self.asker_exited(now, id, status) {
            return;
        }
        let Some(program) = self.program_of(id) else {
            return;
        };
        let end = End::Status(status);
        let keeps = self.spec.programs[program].leftovers == Leftovers::Keep;
        let shadow = &mut self.shadows[program];
        let Some(run) = shadow.run().cloned() else {
            return;
        };
        if keeps && run.told.is_none() {
            self.disowns = Some(id);
        }
        if run.part == Part::PostStop {
            if let Some(run) = shadow.run_mut() {
                run.leader = run.then;
            }
            let hook = Hook::PostStop;
            self.expect_care(program, Care::HookEnded { hook, end });
            return;
        }
        let why = run.told.map(|(_, why)| why);
        shadow.last = Aftermath {
            end: Some(end),
            asked: why,
            out_of_memory,
        };
        shadow.lived = now.since(run.born);
        shadow.watch = Watch::default();
        if run.part == Part::PreStart {
            shadow.to_clean = true;
            let hook = Hook::PreStart;
            self.expect_care(program, Care::HookEnded { hook, end });
        } else {
            self.due.ended = Some(id);
        }
        let fate = match (run.part, why) {
            (_, Some(why)) => self.fate_of_told(program, why, end),
            (Part::PreStart, None) if status == ExitStatus::Code(0) => Fate::Proceed,
            (Part::PreStart, None) => self.judged(program, How::PreStart, end),
            (Part::Command | Part::PostStop, None) if run.up || run.is_up(now) => {
                // A oneshot has gone well only when it is done (RUN-5).
                if self.spec.programs[program].kind == Kind::Service {
                    self.shadows[program].failures = 0;
                }
                self.judged(program, How::Late, end)
            }
            (Part::Command | Part::PostStop, None) => self.judged(program, How::Early, end),
        };
        if let Some(run) = self.shadows[program].run_mut() {
            run.leader = Some((end, fate));
        }
    }

    fn tree_gone(&mut self, id: RunId) {
        self.askers.remove(&id);
        let Some(program) = self.program_of(id) else {
            return;
        };
        let Some(run) = self.shadows[program].run() else {
            return;
        };
        let part = run.part;
        if let Some((end, fate)) = run.leader {
            self.due.gone = Some(id);
            self.run_is_over(program, part, end, fate);
        }
    }

    /// Nobody is left of a part of a life, or nobody who counts.
    pub(crate) fn run_is_over(&mut self, program: usize, part: Part, end: End, fate: Fate) {
        match part {
            Part::PostStop => self.meet_fate(program, end, fate),
            Part::PreStart | Part::Command => self.finish(program, end, fate),
        }
    }

    fn spawn_failed(&mut self, now: Time, id: RunId, failure: SpawnFailure) {
        let end = End::NeverRan(failure);
        if self.asker_never_ran(now, id, end) {
            return;
        }
        let Some(program) = self.program_of(id) else {
            return;
        };
        let stopping = self.stop.is_some();
        let shadow = &mut self.shadows[program];
        let Some(run) = shadow.run().cloned() else {
            return;
        };
        if let (Part::PostStop, Some((last, fate))) = (run.part, run.then) {
            let hook = Hook::PostStop;
            self.expect_care(program, Care::HookEnded { hook, end });
            self.meet_fate(program, last, fate);
            return;
        }
        let why = run.told.map(|(_, why)| why);
        shadow.last = Aftermath {
            end: Some(end),
            asked: why,
            out_of_memory: false,
        };
        shadow.lived = Duration::ZERO;
        let is_temporary = failure.is_temporary();
        let is_first = shadow.machine_failures == 0 && why.is_none() && !stopping;
        if !is_temporary || is_first {
            let id = ProgramId(program as u32);
            self.due.notices.push(match run.part {
                Part::PreStart => Notice::Care {
                    program: id,
                    news: Care::HookEnded {
                        hook: Hook::PreStart,
                        end,
                    },
                },
                Part::Command | Part::PostStop => Notice::NotStarted {
                    program: id,
                    failure,
                },
            });
        }
        let fate = match (why, run.part) {
            (Some(why), _) => self.fate_of_told(program, why, end),
            (None, _) if is_temporary && stopping => Fate::Badly,
            (None, _) if is_temporary => self.machine_failed(now, program),
            (None, Part::PreStart) => self.judged(program, How::PreStart, end),
            (None, Part::Command | Part::PostStop) => self.judged(program, How::Early, end),
        };
        self.finish(program, end, fate);
    }

    /// Whether somebody lives who needs the program, by way of others too.
    pub(crate) fn is_needed(&self, program: usize) -> Option<usize> {
        let users = &self.users[program];
        users
            .iter()
            .copied()
            .find(|user| self.shadows[*user].run().is_some())
    }

    /// Whether the last call is due, or was given.
    pub(crate) fn is_last_call(&self, now: Time) -> bool {
        let timeout = self.spec.stop_timeout;
        let interrupted = self.interrupts >= 2;
        self.stop.as_ref().is_some_and(|stop| {
            interrupted || timeout.is_some_and(|timeout| now >= stop.began.plus(timeout / 5 * 4))
        })
    }

    /// Whether a leader of a program is alive, or will be.
    pub(crate) fn has_work(&self) -> bool {
        let mut pairs = self.shadows.iter().zip(&self.spec.programs);
        pairs.any(|(shadow, spec)| shadow.has_work(spec))
    }

    /// Remembers since when no leader has been alive.
    pub(crate) fn look_for_leaders(&mut self, now: Time) {
        let leader_lives = self.has_work();
        if let Some(stop) = &mut self.stop
            && !leader_lives
        {
            stop.leaderless.get_or_insert(now);
        }
    }
}
