//! A configuration that was read again (RELOAD-1 to RELOAD-3): what differs from the
//! one before, and what becomes of the programs.
//!
//! Programs are known by their names, and keep their places: who is in both keeps its
//! [`ProgramId`], its state and, unless the difference needs a new process, its pid. Who
//! is new takes a place that is free. Who is gone from the configuration keeps its place
//! until it is gone from the machine: it is told as in a shutdown, when nobody who needs
//! it is alive, and what is new starts when all of these are gone, since it may want
//! their port.
//!
//! Which difference needs a new process is told in one place for each of the two halves
//! of a program: [`ProgramSpec::change_to`] here, and the launch in the shell. Both take
//! the program apart field by field, so that a new field does not compile until somebody
//! has decided.

use alloc::string::String;
use alloc::vec::Vec;

use crate::program::{Program, Standing, State, Step, earlier};
use crate::{Condition, FatalReason, Notice, ProgramId, ProgramSpec, Spec, Supervisor, Time, Why};

/// What a difference asks for.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Change {
    /// Nothing.
    Same,
    /// The new value holds from now on.
    Live,
    /// A new process.
    Restart,
}

/// What differs between two configurations, by the names of the programs.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Changes {
    /// Programs that were not there.
    pub added: Vec<String>,
    /// Programs that are not there any more.
    pub removed: Vec<String>,
    /// Programs that need a new process, and have one or are to have one.
    pub restarted: Vec<String>,
    /// Programs that take new values as they are.
    pub changed: Vec<String>,
}

impl Changes {
    /// What differs between two configurations. `launches` says of each program of the
    /// new one what it takes to launch the old one of that name in its way.
    #[must_use]
    pub fn between(old: &Spec, new: &Spec, launches: &[Change]) -> Changes {
        Changes::of(old, |_| true, new, launches)
    }

    /// The same, where not all that the old one has at its places counts.
    fn of(
        old: &Spec,
        counts: impl Fn(ProgramId) -> bool,
        new: &Spec,
        launches: &[Change],
    ) -> Changes {
        let known: Vec<&ProgramSpec> = (0..)
            .map(ProgramId)
            .zip(&old.programs)
            .filter_map(|(id, program)| counts(id).then_some(program))
            .collect();
        let mut changes = Changes::default();
        for (index, program) in new.programs.iter().enumerate() {
            let name = program.name.clone();
            let Some(known) = known.iter().find(|known| known.name == name) else {
                changes.added.push(name);
                continue;
            };
            let needs_differ = needs(old, known) != needs(new, program);
            let launch = launches.get(index).copied().unwrap_or(Change::Same);
            match known.change_to(program).max(launch) {
                Change::Restart => changes.restarted.push(name),
                Change::Live => changes.changed.push(name),
                Change::Same if needs_differ => changes.changed.push(name),
                Change::Same => {}
            }
        }
        let is_gone = |known: &&&ProgramSpec| !new.programs.iter().any(|p| p.name == known.name);
        let gone = known.iter().filter(is_gone);
        changes.removed = gone.map(|known| known.name.clone()).collect();
        changes
    }

    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Changes::default()
    }
}

/// What a program needs. Places mean something in one configuration only, so that two
/// are compared by the names that stand there.
fn needs<'a>(spec: &'a Spec, program: &ProgramSpec) -> Vec<(Option<&'a str>, Condition)> {
    let name = |id: ProgramId| spec.programs.get(id.0 as usize).map(|p| p.name.as_str());
    let needs = program.needs.iter();
    needs
        .map(|need| (name(need.program), need.condition))
        .collect()
}

impl ProgramSpec {
    /// What it takes to make this program that one. Needs are left out: they are places
    /// in a configuration, and mean nothing in another one.
    #[must_use]
    pub fn change_to(&self, new: &ProgramSpec) -> Change {
        let ProgramSpec {
            // Who has another name is another program.
            name: _,
            kind,
            autostart,
            priority,
            startsecs,
            readiness,
            startretries,
            autorestart,
            exitcodes,
            backoff,
            backoff_max,
            on_success,
            on_failure,
            stopsignal,
            stopwaitsecs,
            stop_scope,
            leftovers,
            forward_scope,
            needs: _,
            schedule,
            healthcheck,
            watchdog,
            pre_start,
            post_stop,
            reload_signal,
            has_terminal,
        } = self;
        let is_live = *kind == new.kind
            && *autostart == new.autostart
            && *priority == new.priority
            && *startsecs == new.startsecs
            && *readiness == new.readiness
            && *startretries == new.startretries
            && *autorestart == new.autorestart
            && *exitcodes == new.exitcodes
            && *backoff == new.backoff
            && *backoff_max == new.backoff_max
            && *on_success == new.on_success
            && *on_failure == new.on_failure
            && *stopsignal == new.stopsignal
            && *stopwaitsecs == new.stopwaitsecs
            && *stop_scope == new.stop_scope
            && *leftovers == new.leftovers
            && *forward_scope == new.forward_scope
            && *schedule == new.schedule
            && *healthcheck == new.healthcheck
            && *watchdog == new.watchdog
            && *pre_start == new.pre_start
            && *post_stop == new.post_stop
            && *reload_signal == new.reload_signal;
        match (*has_terminal == new.has_terminal, is_live) {
            (false, _) => Change::Restart,
            (true, false) => Change::Live,
            (true, true) => Change::Same,
        }
    }
}

impl Supervisor {
    /// Where each program of another configuration stands, or would: at the place of the
    /// one of its name, else at one that is free.
    #[must_use]
    pub fn places(&self, spec: &Spec) -> Vec<ProgramId> {
        let mut free = self.ids().filter(|id| self.is_free(*id));
        let mut next = self.programs.len() as u32;
        let known = |name: &str| {
            let mut ids = self.ids().filter(|id| !self.is_free(*id));
            ids.find(|id| {
                let standing = self.program(*id).map(|program| program.standing);
                let twin = matches!(standing, Some(Standing::Twin(_)));
                let spec = self.spec.programs.get(id.0 as usize);
                !twin && spec.is_some_and(|spec| spec.name == name)
            })
        };
        let place = |program: &ProgramSpec| {
            known(&program.name)
                .or_else(|| free.next())
                .unwrap_or_else(|| {
                    next += 1;
                    ProgramId(next - 1)
                })
        };
        spec.programs.iter().map(place).collect()
    }

    /// The program that a process of this one is launched as: for all but the second
    /// lives of scheduled programs it is itself.
    #[must_use]
    pub fn launched_as(&self, id: ProgramId) -> ProgramId {
        match self.program(id).map(|program| program.standing) {
            Some(Standing::Twin(of)) => of,
            Some(Standing::Listed | Standing::New | Standing::Removed) | None => id,
        }
    }

    /// Whether nobody has this place any more.
    fn is_free(&self, id: ProgramId) -> bool {
        self.program(id).is_some_and(|program| {
            program.standing == Standing::Removed && program.state.run().is_none()
        })
    }

    /// What differs between what is supervised and another configuration, for whoever
    /// wants to know before it is loaded.
    #[must_use]
    pub fn changes_to(&self, spec: &Spec, launches: &[Change]) -> Changes {
        let is_listed = |id: ProgramId| {
            self.program(id)
                .is_some_and(|p| matches!(p.standing, Standing::Listed | Standing::New))
        };
        let mut changes = Changes::of(&self.spec, is_listed, spec, launches);
        let places = self.places(spec);
        let mut news = spec.programs.iter().zip(&places);
        // Both are in the order of the new configuration.
        let is_restarted = |name: &String| {
            let found = news.find(|(new, _)| new.name == *name);
            found.is_some_and(|(new, place)| self.is_restarted(*place, new))
        };
        let needing = core::mem::take(&mut changes.restarted).into_iter();
        let (restarted, changed): (Vec<String>, Vec<String>) = needing.partition(is_restarted);
        changes.restarted = restarted;
        // Nobody has an old process: the new values hold from the next one on.
        changes.changed.extend(changed);
        changes
    }

    /// Whether a program of which a new process is needed has an old one, or gets one now:
    /// as [`Supervisor::follow`] has it.
    fn is_restarted(&self, id: ProgramId, new: &ProgramSpec) -> bool {
        let (Some(program), Some(old)) = (self.program(id), self.spec.programs.get(id.0 as usize))
        else {
            return false;
        };
        let starts = new.starts_by_itself() && !program.stopped;
        let begins = starts && !old.starts_by_itself();
        match program.state {
            State::Starting { .. } | State::Running { .. } | State::Backoff { .. } => true,
            State::Stopping(_) => starts || program.again,
            State::Stopped => begins,
            State::Exited { .. } | State::Fatal { .. } => begins || (starts && program.wanted),
        }
    }

    /// The configuration was read again.
    pub(crate) fn loaded(&mut self, now: Time, spec: Spec, launches: &[Change]) {
        if self.is_stopping() {
            return;
        }
        let changes = self.changes_to(&spec, launches);
        let places = self.places(&spec);
        let mut spec = renumbered(spec, &places);
        let programs = core::mem::take(&mut spec.programs);
        for id in self.ids() {
            self.leave_unless_in(now, id, &places);
        }
        self.answer_loads(Some(&changes));
        let mut deeds = Vec::with_capacity(places.len());
        for ((place, program), launch) in places.iter().zip(programs).zip(launches) {
            deeds.push((*place, self.take_in(now, *place, program, *launch)));
        }
        spec.programs = core::mem::take(&mut self.spec.programs);
        self.spec = spec;
        self.arrange();
        for id in self.ids() {
            // Who is up by now may be so by another measure, and who was between two that
            // are to end may be so no more.
            self.note_up(id);
            self.let_go(id);
        }
        self.notice(Notice::Reloaded { changes });
        self.decide_all(now);
        for (id, deed) in deeds {
            self.follow(now, id, deed);
        }
    }

    /// A program that is not in the configuration any more is not wanted. When nobody who
    /// needs it is alive it is told, like any that must stop.
    fn leave_unless_in(&mut self, now: Time, id: ProgramId, places: &[ProgramId]) {
        let Some(program) = self.program(id) else {
            return;
        };
        let is_in = match program.standing {
            Standing::Removed => return,
            Standing::Listed | Standing::New => places.contains(&id),
            Standing::Twin(of) => places.contains(&of),
        };
        if is_in {
            return;
        }
        if matches!(program.state, State::Backoff { .. }) {
            self.become_state(now, id, State::Stopped);
        }
        if let Some((program, _)) = self.parts(id) {
            program.standing = Standing::Removed;
            program.wanted = false;
            program.again = false;
        }
        self.answer_of_removed(id);
    }

    /// Puts a program at its place.
    fn take_in(&mut self, now: Time, place: ProgramId, new: ProgramSpec, launch: Change) -> Deed {
        let is_free = self.is_free(place);
        let Some((program, spec)) = self.parts(place) else {
            let program = Program {
                standing: Standing::New,
                since: now,
                ..Program::new(false)
            };
            self.add(program, new);
            return Deed::Appear;
        };
        if is_free {
            *program = Program {
                standing: Standing::New,
                since: now,
                ..Program::new(false)
            };
            if let Some(spec) = self.spec.programs.get_mut(place.0 as usize) {
                *spec = new;
            }
            return Deed::Appear;
        }
        let comes_back = program.standing == Standing::Removed;
        let is_untold = program.state.is_untold();
        let by_itself = new.starts_by_itself();
        let deed = Deed::Adapt {
            restart: spec.change_to(&new).max(launch) == Change::Restart
                || (comes_back && !is_untold),
            start: spec.startsecs != new.startsecs || spec.readiness != new.readiness,
            watch: spec.readiness != new.readiness
                || spec.healthcheck != new.healthcheck
                || spec.watchdog != new.watchdog,
            by_itself: (spec.starts_by_itself() != by_itself).then_some(by_itself),
        };
        if comes_back {
            program.standing = Standing::Listed;
            // Who was not told yet has never been away.
            program.wanted = is_untold && !program.stopped;
        }
        if let Some(spec) = self.spec.programs.get_mut(place.0 as usize) {
            *spec = new;
        }
        deed
    }

    /// What comes of a difference.
    fn follow(&mut self, now: Time, id: ProgramId, deed: Deed) {
        let Some((program, spec)) = self.parts(id) else {
            return;
        };
        // Who was stopped stays so, whatever the file says.
        let starts = spec.starts_by_itself() && !program.stopped;
        let Deed::Adapt {
            restart,
            start,
            watch,
            by_itself,
        } = deed
        else {
            if starts {
                self.want(id);
            }
            return;
        };
        let begins = by_itself == Some(true) && !program.stopped;
        let is_wanted = program.wanted;
        let is_anew = match program.state {
            State::Starting { .. } | State::Running { .. } if restart => {
                return self.tell(now, id, Why::Changed);
            }
            State::Stopping(_) if restart => {
                if starts {
                    program.again = true;
                    program.wanted = true;
                }
                return;
            }
            State::Starting { .. } | State::Running { .. } | State::Stopping(_) => {
                if start {
                    self.time_start_anew(id);
                }
                if watch {
                    self.watch_anew(now, id);
                }
                return;
            }
            State::Stopped => begins,
            State::Backoff { .. } => restart,
            State::Exited { .. } => begins || (restart && starts && is_wanted),
            State::Fatal { reason } => {
                let needs = |needed| spec.needs.iter().any(|need| need.program == needed);
                let needs_no_more = matches!(reason, FatalReason::Needs(it) if !needs(it));
                let is_mended = (restart && starts) || (needs_no_more && spec.schedule.is_none());
                begins || (is_mended && is_wanted)
            }
        };
        if is_anew {
            self.revive(now, id);
        } else if by_itself == Some(false) && program.state == State::Stopped {
            // It has not begun, and need not.
            self.unwant(id);
            self.decide(now, id);
        }
    }

    /// A start that is not over has the time that the new values give it, from its
    /// beginning.
    fn time_start_anew(&mut self, id: ProgramId) {
        let Some((program, spec)) = self.parts(id) else {
            return;
        };
        let State::Starting {
            born,
            step: Step::Execed { up_at, give_up, .. },
            ..
        } = &mut program.state
        else {
            return;
        };
        let up = up_at.is_some().then(|| born.plus(spec.startsecs));
        // Who is ready is waited for no more.
        let readiness = spec.readiness.filter(|_| give_up.is_some());
        let late = readiness.map(|readiness| born.plus(readiness.start_timeout));
        (*up_at, *give_up) = (up, late);
        if let Some(at) = earlier(up, late) {
            self.wake_at(at);
        }
    }
}

/// What a difference means for one program.
#[derive(Clone, Copy, Debug)]
enum Deed {
    /// It was not there.
    Appear,
    /// It takes new values.
    Adapt {
        /// It needs a new process for that.
        restart: bool,
        /// Whether it has another time to be up or to be ready.
        start: bool,
        /// Whether it is asked other things, or in another way.
        watch: bool,
        /// Whether it starts by itself, where that is new.
        by_itself: Option<bool>,
    },
}

/// The same configuration with its programs at these places.
fn renumbered(mut spec: Spec, places: &[ProgramId]) -> Spec {
    let place = |id: ProgramId| places.get(id.0 as usize).copied().unwrap_or(id);
    for need in spec
        .programs
        .iter_mut()
        .flat_map(|program| &mut program.needs)
    {
        need.program = place(need.program);
    }
    spec.signals.renumber(place);
    spec.main = spec.main.map(place);
    spec
}
