//! The configuration is read again (RELOAD-1 to RELOAD-3). What is wrong with it is told,
//! and then nothing has changed. If nothing is, each of its programs has a place that the
//! core gives it, and the core learns of each what it takes to launch it in the new way.

use lastout_core::{Change, Changes, Event, ProgramId, Time};

use super::{Lastout, give_terminal};
use crate::plan::{Launch, Plan};
use crate::schedule::Schedule;

impl Lastout {
    /// Reads the configuration again, as it was read at the start.
    pub(super) fn load(&mut self, now: Time) {
        let Some(origin) = self.origin.as_ref().filter(|_| !self.core.is_stopping()) else {
            // Who stops does so by what it was started with.
            return self.tell_core(now, Event::LoadFailed);
        };
        log::info!("reading {} again", origin.path.display());
        match origin.read() {
            Ok(loaded) => self.take_over(now, loaded.plan),
            Err(text) => {
                for line in text.lines().filter(|line| !line.is_empty()) {
                    log::error!("{}", line.strip_prefix("lastout: ").unwrap_or(line));
                }
                if self.control.is_some() {
                    self.load_errors = Some(text.trim_end().to_owned());
                }
                self.tell_core(now, Event::LoadFailed);
            }
        }
    }

    /// What a reload of this plan would do.
    pub(super) fn changes_to(&self, plan: &Plan) -> Changes {
        let places = self.core.places(&plan.spec);
        let launches = places.iter().zip(&plan.launches).map(|(place, launch)| {
            let old = self.launches.get(place.0 as usize);
            old.map_or(Change::Same, |old| old.change_to(launch))
        });
        let launches: Vec<Change> = launches.collect();
        self.core.changes_to(&plan.spec, &launches)
    }

    fn take_over(&mut self, now: Time, plan: Plan) {
        let Plan {
            mut spec,
            launches,
            warnings,
            control,
            ..
        } = plan;
        if let (Some(control), Some(settings)) = (&mut self.control, &control) {
            control.adapt(settings);
        }
        for warning in warnings {
            log::warn!("{warning}");
        }
        give_terminal(self.gives_terminal, &mut spec, &launches);
        let places = self.core.places(&spec);
        let schedules = launches.iter().map(|launch| launch.schedule.clone());
        let schedules = places.iter().copied().zip(schedules);
        let schedules = schedules.filter_map(|(place, schedule)| Some((place, schedule?)));
        let schedules: Vec<(ProgramId, Schedule)> = schedules.collect();
        let mut changes = Vec::with_capacity(launches.len());
        for (place, launch) in places.iter().zip(launches) {
            let old = self.launches.get(place.0 as usize);
            changes.push(old.map_or(Change::Same, |old| old.change_to(&launch)));
            self.put_launch(*place, launch);
        }
        self.open_notify();
        let spec = Box::new(spec);
        let launches = changes;
        self.tell_core(now, Event::Loaded { spec, launches });
        self.keep_times(schedules);
    }

    /// How a program is launched from now on. What no program has yet stands for itself
    /// until one does.
    fn put_launch(&mut self, place: ProgramId, launch: Launch) {
        let place = place.0 as usize;
        while self.launches.len() <= place {
            self.launches.push(launch.clone());
        }
        self.launches[place] = launch;
    }

    /// A second life of a scheduled program is launched as the first one is.
    pub(super) fn borrow_launch(&mut self, program: ProgramId) {
        let of = self.core.launched_as(program);
        if of != program
            && let Some(launch) = self.launches.get(of.0 as usize).cloned()
        {
            self.put_launch(program, launch);
        }
    }
}
