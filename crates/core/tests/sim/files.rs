//! The checker on configurations that are read again (RELOAD-1 to RELOAD-3), on times that
//! come, and on programs that are asked to reload: what each of them must make of the
//! programs, by their names.

use lastout_core::{
    Care, Change, Changes, Concurrency, Condition, Notice, ProgramId, ProgramSpec, ReadyBy, Spec,
    Time, Why,
};

use crate::facts::{Checker, is_by_itself};
use crate::shadow::{Check, Life, Run, Shadow, Standing, Watch, ensure, users};

/// Most second lives of one scheduled program.
const MOST_TWINS: usize = 16;

impl Checker {
    /// Where the program of this name of the current configuration stands.
    pub(crate) fn place_of(&self, name: &str) -> Option<usize> {
        let mut pairs = self.shadows.iter().zip(&self.spec.programs);
        pairs.position(|(shadow, spec)| {
            matches!(shadow.standing, Standing::Listed | Standing::New) && spec.name == name
        })
    }

    /// Who had this name, was removed, and is not gone.
    pub(crate) fn removed_of(&self, name: &str) -> Vec<ProgramId> {
        let pairs = self.shadows.iter().zip(&self.spec.programs);
        let of_name = (0..)
            .map(ProgramId)
            .zip(pairs)
            .filter(|(_, (shadow, spec))| {
                shadow.standing == Standing::Removed && shadow.run().is_some() && spec.name == name
            });
        of_name.map(|(id, _)| id).collect()
    }

    /// The configuration was read again.
    pub(crate) fn loaded(&mut self, now: Time, new: &Spec, launches: &[Change]) -> Check {
        if self.stop.is_some() {
            return Ok(());
        }
        let places: Vec<usize> = self.places.iter().map(|place| place.0 as usize).collect();
        self.look_at_places(new, &places)?;
        let changes = self.changes(new, launches);
        self.loads_are_done(Some(&changes));
        self.due.notices.push(Notice::Reloaded { changes });
        self.leave_unless_in(&places);
        let old = self.put_in_place(new, &places);
        // Who is up may be so by another measure now.
        self.look_at_requests(now);
        for ((place, launch), old) in places.iter().zip(launches).zip(old) {
            match old {
                Some(old) => self.becomes(now, *place, &old, *launch),
                None => self.appears(*place),
            }
        }
        Ok(())
    }

    /// Who has a name keeps its place; who has a new one gets one that nobody has.
    fn look_at_places(&self, new: &Spec, places: &[usize]) -> Check {
        let mut next = self.shadows.len();
        for (index, (place, spec)) in places.iter().zip(&new.programs).enumerate() {
            let name = &spec.name;
            let mut pairs = self.shadows.iter().zip(&self.spec.programs);
            let known = pairs.position(|(shadow, old)| {
                let is_twin = matches!(shadow.standing, Standing::Twin(_));
                !shadow.is_free() && !is_twin && old.name == *name
            });
            let is_right = match known {
                Some(known) => known == *place,
                None => *place == next || self.shadows.get(*place).is_some_and(Shadow::is_free),
            };
            ensure!(is_right, "{name} gets the place {place} (RELOAD-3)");
            let is_alone = !places[..index].contains(place);
            ensure!(is_alone, "{name} shares the place {place}");
            next += usize::from(*place == next);
        }
        Ok(())
    }

    /// What people must be told that the difference is.
    fn changes(&self, new: &Spec, launches: &[Change]) -> Changes {
        let mut changes = Changes::default();
        let mut by_the_way = Vec::new();
        for (spec, launch) in new.programs.iter().zip(launches) {
            let name = spec.name.clone();
            let Some(place) = self.place_of(&name) else {
                changes.added.push(name);
                continue;
            };
            let old = &self.spec.programs[place];
            let same = ProgramSpec {
                needs: spec.needs.clone(),
                ..old.clone()
            } == *spec;
            let same = same && needs(&self.spec, old) == needs(new, spec);
            if *launch == Change::Restart || old.has_terminal != spec.has_terminal {
                match self.gets_a_new_process(place, spec) {
                    true => changes.restarted.push(name),
                    false => by_the_way.push(name),
                }
            } else if *launch == Change::Live || !same {
                changes.changed.push(name);
            }
        }
        for (shadow, old) in self.shadows.iter().zip(&self.spec.programs) {
            let is_listed = matches!(shadow.standing, Standing::Listed | Standing::New);
            if is_listed && !new.programs.iter().any(|spec| spec.name == old.name) {
                changes.removed.push(old.name.clone());
            }
        }
        changes.changed.extend(by_the_way);
        changes
    }

    /// Whether there is a process that is replaced, or one is started now.
    fn gets_a_new_process(&self, place: usize, new: &ProgramSpec) -> bool {
        let (shadow, old) = (&self.shadows[place], &self.spec.programs[place]);
        let by_itself = is_by_itself(new) && !shadow.stopped;
        let begins = by_itself && !is_by_itself(old);
        match &shadow.life {
            Life::Pause(_) => true,
            Life::Alive(run) if run.is_untold() => true,
            Life::Alive(_) | Life::Between(..) => by_itself || shadow.again,
            Life::Waiting => begins,
            Life::Done { .. } | Life::Fatal { .. } => begins || (by_itself && shadow.wanted),
        }
    }

    fn leave_unless_in(&mut self, places: &[usize]) {
        let mut left = Vec::new();
        for (place, shadow) in self.shadows.iter_mut().enumerate() {
            let is_in = match shadow.standing {
                Standing::Removed => continue,
                Standing::Listed | Standing::New => places.contains(&place),
                Standing::Twin(of) => places.contains(&of),
            };
            if !is_in {
                shadow.standing = Standing::Removed;
                shadow.wanted = false;
                shadow.again = false;
                left.push(place);
                if matches!(shadow.life, Life::Pause(_)) {
                    shadow.life = Life::Waiting;
                }
            }
        }
        for place in left {
            self.removed(place);
        }
    }

    /// The specs go to their places, and so do all that name a program by its place.
    /// Returns what stood at each place of a program of which there is something.
    fn put_in_place(&mut self, new: &Spec, places: &[usize]) -> Vec<Option<ProgramSpec>> {
        let place = |id: ProgramId| ProgramId(places[id.0 as usize] as u32);
        let mut programs = std::mem::take(&mut self.spec.programs);
        let mut signals = new.signals.clone();
        for signal in lastout_core::Signal::all() {
            signals.set(signal, placed(new.signals.meaning(signal), place));
        }
        self.spec = Spec {
            programs: Vec::new(),
            signals,
            main: new.main.map(place),
            ..new.clone()
        };
        let mut old = Vec::new();
        for (at, spec) in places.iter().zip(&new.programs) {
            let mut spec = spec.clone();
            for need in &mut spec.needs {
                need.program = place(need.program);
            }
            if *at == programs.len() {
                programs.push(spec);
                self.shadows.push(Shadow::new(false, Standing::New));
                old.push(None);
            } else if self.shadows[*at].is_free() {
                programs[*at] = spec;
                self.shadows[*at] = Shadow::new(false, Standing::New);
                old.push(None);
            } else {
                old.push(Some(std::mem::replace(&mut programs[*at], spec)));
            }
        }
        self.spec.programs = programs;
        self.users = users(&self.spec);
        for (shadow, spec) in self.shadows.iter_mut().zip(&self.spec.programs) {
            let is_up = shadow.run().is_some_and(|run| run.up && run.is_untold());
            shadow.was_up |= is_up && spec.kind == lastout_core::Kind::Service;
        }
        old
    }

    /// A program that was not there, or is over and forgotten.
    fn appears(&mut self, place: usize) {
        let by_itself = is_by_itself(&self.spec.programs[place]);
        if by_itself {
            self.shadows[place].renew();
        }
    }

    /// A program of which there is something is what the new configuration says.
    fn becomes(&mut self, now: Time, place: usize, old: &ProgramSpec, launch: Change) {
        let spec = self.spec.programs[place].clone();
        let shadow = &mut self.shadows[place];
        let comes_back = shadow.standing == Standing::Removed;
        let is_untold = shadow.run().is_some_and(|run| run.is_untold());
        let mut restarts = launch == Change::Restart || old.has_terminal != spec.has_terminal;
        if comes_back {
            shadow.standing = Standing::Listed;
            // Who was not told yet never went away.
            shadow.wanted = is_untold && !shadow.stopped;
            restarts |= !is_untold;
        }
        let need_not = !is_by_itself(&spec) && is_by_itself(old);
        // Who was stopped on request stays so.
        let by_itself = is_by_itself(&spec) && !shadow.stopped;
        let begins = by_itself && !is_by_itself(old);
        let is_alive = shadow.run().is_some();
        let is_asked_anew = old.readiness != spec.readiness
            || old.healthcheck != spec.healthcheck
            || old.watchdog != spec.watchdog;
        if is_alive && restarts {
            if is_untold {
                shadow.must = Some(Why::Changed);
            } else if by_itself {
                shadow.again = true;
                shadow.wanted = true;
            }
            return;
        }
        let has_other_times = old.startsecs != spec.startsecs || old.readiness != spec.readiness;
        if has_other_times && !restarts {
            self.time_start_anew(place, &spec);
        }
        if is_asked_anew && !restarts {
            self.watch_anew(now, place, &spec);
        }
        let needs_no_more = |life: &Life| {
            let Life::Fatal {
                needs: Some(needed),
                ..
            } = life
            else {
                return false;
            };
            !spec.needs.iter().any(|n| n.program.0 as usize == *needed)
        };
        let shadow = &mut self.shadows[place];
        let anew = match &shadow.life {
            Life::Waiting => begins,
            Life::Pause(_) => restarts,
            Life::Done { .. } => begins || (restarts && by_itself && shadow.wanted),
            life @ Life::Fatal { .. } => {
                let changes = restarts && by_itself;
                let is_mended = changes || (needs_no_more(life) && spec.schedule.is_none());
                begins || (is_mended && shadow.wanted)
            }
            Life::Alive(_) | Life::Between(..) => false,
        };
        if anew {
            self.revive_all(vec![place]);
        } else if need_not && shadow.life == Life::Waiting {
            shadow.wanted = false;
        }
    }

    /// A start that is not over has other times to be up and to be ready.
    fn time_start_anew(&mut self, place: usize, spec: &ProgramSpec) {
        let run = self.shadows[place].run_mut();
        let is_starting = |run: &&mut Run| run.is_untold() && run.execed.is_some() && !run.up;
        if let Some(run) = run.filter(is_starting) {
            let born = run.born;
            run.up_at = run.up_at.map(|_| born.plus(spec.startsecs));
            let readiness = spec.readiness.filter(|_| run.give_up.is_some());
            run.give_up = readiness.map(|readiness| born.plus(readiness.start_timeout));
        }
    }

    /// What it is asked has changed, so that it is asked anew.
    fn watch_anew(&mut self, now: Time, place: usize, spec: &ProgramSpec) {
        let shadow = &mut self.shadows[place];
        let Some(run) = shadow.run_mut().filter(|run| run.is_untold()) else {
            return;
        };
        if run.up {
            shadow.watch = Watch::running(now, spec);
            return;
        }
        if run.execed.is_none() || run.ready {
            return;
        }
        let is_asked = spec
            .readiness
            .map(|r| matches!(r.by, ReadyBy::Probe(_)).then_some(now));
        if is_asked.is_none() {
            run.ready = true;
            run.give_up = None;
        }
        shadow.watch = Watch {
            ask_at: is_asked.flatten(),
            ..Watch::default()
        };
    }

    /// Those that were given up for the sake of this one, and may hope again.
    fn given_up_for(&self, place: usize) -> Vec<usize> {
        let is_given_up = |program: &usize| {
            let shadow = &self.shadows[*program];
            let is_listed = matches!(shadow.standing, Standing::Listed | Standing::New);
            let spec = &self.spec.programs[*program];
            let is_for_it =
                matches!(shadow.life, Life::Fatal { needs: Some(needed), .. } if needed == place);
            let needs_it = spec
                .needs
                .iter()
                .any(|need| need.program.0 as usize == place);
            is_for_it && needs_it && is_listed && shadow.wanted && spec.schedule.is_none()
        };
        (0..self.shadows.len()).filter(is_given_up).collect()
    }

    /// Programs without a life are wanted, and those that hoped for them hope again.
    pub(crate) fn revive_all(&mut self, mut work: Vec<usize>) {
        while let Some(program) = work.pop() {
            if self.shadows[program].run().is_none() {
                self.shadows[program].renew();
                work.extend(self.given_up_for(program));
            }
        }
    }

    /// The time of a scheduled program has come.
    pub(crate) fn time_has_come(&mut self, program: usize) {
        let spec = &self.spec.programs[program];
        let shadow = &mut self.shadows[program];
        let Some(concurrency) = spec.schedule.filter(|_| spec.autostart) else {
            return;
        };
        if self.stop.is_some() || shadow.standing == Standing::Removed || shadow.stopped {
            return;
        }
        let is_alive = shadow.run().is_some();
        match concurrency {
            _ if shadow.is_idle() => self.revive_all(vec![program]),
            Concurrency::Forbid => self.expect_care(program, Care::Skipped),
            Concurrency::Allow => self.second_life(program),
            Concurrency::Replace if is_alive => {
                shadow.again = true;
                if shadow.run().is_some_and(|run| run.is_untold()) {
                    shadow.must = Some(Why::Replaced);
                }
            }
            Concurrency::Replace => self.revive_all(vec![program]),
        }
    }

    fn second_life(&mut self, of: usize) {
        let is_twin = |place: &usize| self.shadows[*place].standing == Standing::Twin(of);
        let twins: Vec<usize> = (0..self.shadows.len()).filter(is_twin).collect();
        let idle = twins
            .iter()
            .rfind(|place| self.shadows[**place].is_idle())
            .copied();
        match idle {
            Some(place) => {
                self.spec.programs[place] = twin(&self.spec.programs[of]);
                self.users = users(&self.spec);
                self.revive_all(vec![place]);
            }
            None if twins.len() < MOST_TWINS => self.twin_due = Some(of),
            None => self.expect_care(of, Care::Skipped),
        }
    }

    /// The core has given a place to a second life.
    pub(crate) fn twin_appears(&mut self, of: usize) -> Check {
        ensure!(
            self.twin_due.take() == Some(of),
            "a second life of {of} that nobody asked for"
        );
        self.shadows.push(Shadow::new(true, Standing::Twin(of)));
        self.spec.programs.push(twin(&self.spec.programs[of]));
        self.users = users(&self.spec);
        Ok(())
    }
}

/// A second life has a name that nobody can give to a program.
fn twin(spec: &ProgramSpec) -> ProgramSpec {
    ProgramSpec {
        name: format!("{}+", spec.name),
        schedule: None,
        autostart: false,
        ..spec.clone()
    }
}

/// What a program needs, by name.
fn needs<'a>(spec: &'a Spec, program: &ProgramSpec) -> Vec<(&'a str, Condition)> {
    let name = |id: ProgramId| spec.programs[id.0 as usize].name.as_str();
    let needs = program.needs.iter();
    needs
        .map(|need| (name(need.program), need.condition))
        .collect()
}

fn placed(
    meaning: lastout_core::Meaning,
    place: impl Fn(ProgramId) -> ProgramId,
) -> lastout_core::Meaning {
    use lastout_core::{Forward, Meaning};
    match meaning {
        Meaning::Forward(forward) => Meaning::Forward(Forward {
            program: place(forward.program),
            ..forward
        }),
        Meaning::ReloadProgram(program) => Meaning::ReloadProgram(place(program)),
        Meaning::Shutdown
        | Meaning::Reload
        | Meaning::ReopenLogs
        | Meaning::LogState
        | Meaning::Ignore
        | Meaning::IgnoreSilently => meaning,
    }
}
