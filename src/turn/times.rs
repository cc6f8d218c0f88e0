//! The times of scheduled programs: one alarm of the wall clock for all, set to the next
//! of them. Nothing wakes up in between (PID-5), and without a schedule there is no alarm.

use lastout_core::{Event, ProgramId, Time};

use super::{ALARM, Lastout};
use crate::linux::alarm::{Alarm, Went, wall_clock};
use crate::linux::poll::Interest;
use crate::plan::Launch;
use crate::schedule::Schedule;
use crate::schedule::timetable::{Due, Timetable};
use crate::words;

/// Who runs when, and what rings then.
#[derive(Debug)]
pub(super) struct Calendar {
    timetable: Timetable,
    alarm: Alarm,
}

impl Lastout {
    /// When a program's schedule starts it next, as a clock of its time zone shows it.
    pub(super) fn next_time_of(&self, id: ProgramId) -> Option<String> {
        let calendar = self.calendar.as_ref()?;
        let keeps_times = self.core.keeps_times(id);
        keeps_times.then(|| calendar.timetable.shown_next_of(id))?
    }

    /// These programs have schedules now, and no others. When each runs next is told, of
    /// those for whom that is news.
    pub(super) fn keep_times(&mut self, schedules: Vec<(ProgramId, Schedule)>) {
        if schedules.is_empty() && self.calendar.is_none() {
            return;
        }
        if self.calendar.is_none() {
            let alarm = Alarm::new().and_then(|alarm| {
                self.poll
                    .add(alarm.descriptor(), ALARM, Interest::Readable)?;
                Ok(alarm)
            });
            let timetable = Timetable::default();
            match alarm {
                Ok(alarm) => self.calendar = Some(Box::new(Calendar { timetable, alarm })),
                Err(error) => {
                    log::error!("no schedule is kept, there is no alarm for it: {error}");
                    return;
                }
            }
        }
        if let Some(calendar) = &mut self.calendar {
            let now = wall_clock();
            let before = calendar.next_of_all(&schedules);
            let new = &mut schedules.iter().cloned();
            calendar.timetable.replace(new, now);
            calendar.set_alarm();
            let after = calendar.next_of_all(&schedules);
            let spec = self.core.spec();
            for ((before, after), (id, schedule)) in before.iter().zip(after).zip(&schedules) {
                let program = spec.programs.get(id.0 as usize);
                if let Some(at) = after
                    && *before != after
                    && program.is_some_and(|program| program.autostart)
                {
                    let name = words::name(spec, *id);
                    log::info!("{name}: runs next at {}", schedule.zone.show(at));
                }
            }
        }
    }

    /// The alarm has something to say: whose time has come, and whose was missed.
    pub(super) fn look_at_times(&mut self, now: Time) {
        let Some(calendar) = &mut self.calendar else {
            return;
        };
        let clock = wall_clock();
        match calendar.alarm.take() {
            Went::Off => return,
            Went::Rang => {}
            Went::ClockWasSet => calendar.timetable.clock_was_set(clock),
        }
        let due = calendar.timetable.take_due(clock);
        calendar.set_alarm();
        for Due {
            program,
            at,
            missed,
        } in due
        {
            if missed == 0 {
                self.tell_core(now, Event::Due { program });
                continue;
            }
            let launch = self.launches.get(program.0 as usize);
            let zone = launch.and_then(|launch| launch.schedule.as_ref());
            let last = zone.map_or_else(String::new, |schedule| schedule.zone.show(at));
            let name = words::name(self.core.spec(), program);
            let times = if missed == 1 {
                "time was"
            } else {
                "times were"
            };
            log::warn!("{name}: {missed} {times} missed, at last {last}");
        }
    }
}

/// The programs that have a schedule.
pub(super) fn schedules(launches: &[Launch]) -> Vec<(ProgramId, Schedule)> {
    let all = (0..).map(ProgramId).zip(launches);
    all.filter_map(|(id, launch)| Some((id, launch.schedule.clone()?)))
        .collect()
}

impl Calendar {
    fn next_of_all(&self, schedules: &[(ProgramId, Schedule)]) -> Vec<Option<i64>> {
        let next = schedules
            .iter()
            .map(|(program, _)| self.timetable.next_of(*program));
        next.collect()
    }

    fn set_alarm(&mut self) {
        if let Err(error) = self.alarm.set(self.timetable.next()) {
            log::error!("no schedule is kept, the alarm cannot be set: {error}");
        }
    }
}
