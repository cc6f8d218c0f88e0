//! The keys that say when a program runs.

use lastout_core::{Concurrency, EndPolicy, Kind, ProgramSpec};

use super::super::format_duration;
use super::super::problem::Problems;
use super::{Reader, Setting};
use crate::plan::Launch;
use crate::schedule::{Cron, Schedule, Zone, ZoneError};

impl Reader<'_> {
    pub(super) fn when(
        &self,
        spec: &mut ProgramSpec,
        launch: &mut Launch,
        problems: &mut Problems,
    ) {
        let mut set = Setting {
            reader: self,
            problems,
        };
        set.to(&mut spec.kind, "type", |f| {
            f.choice(&[("service", Kind::Service), ("oneshot", Kind::Oneshot)])
        });
        set.to(&mut spec.autostart, "autostart", |f| f.boolean());
        set.to(&mut spec.priority, "priority", |f| {
            f.small_integer(i32::MIN.into(), i32::MAX.into())
        });
        set.duration(&mut spec.startsecs, "startsecs");
        set.to(&mut spec.startretries, "startretries", |f| f.retries());
        set.to(&mut spec.autorestart, "autorestart", |f| f.autorestart());
        set.to(&mut spec.exitcodes, "exitcodes", |f| f.exitcodes());
        set.duration(&mut spec.backoff, "backoff");
        set.duration(&mut spec.backoff_max, "backoff_max");
        let policies = [
            ("ignore", EndPolicy::Ignore),
            ("shutdown", EndPolicy::Shutdown),
        ];
        set.to(&mut spec.on_success, "on_success", |f| f.choice(&policies));
        set.to(&mut spec.on_failure, "on_failure", |f| f.choice(&policies));
        self.check_backoff(spec, problems);
        self.schedule(spec, launch, problems);
    }

    fn schedule(&self, spec: &mut ProgramSpec, launch: &mut Launch, problems: &mut Problems) {
        let mut zone = Zone::UTC;
        if let Some(field) = self.field("timezone") {
            let read = field.string("the name of a time zone").map(Zone::load);
            match problems.take(read) {
                Some(Ok(read)) => zone = read,
                Some(Err(why @ ZoneError::NoData)) => {
                    problems.warning(field.wrong(format_args!("{why}; it is UTC")));
                }
                Some(Err(why)) => problems.error(field.wrong(why)),
                None => {}
            }
        }
        let mut concurrency = Concurrency::Forbid;
        let mut set = Setting {
            reader: self,
            problems,
        };
        set.to(&mut concurrency, "concurrency", |f| {
            f.choice(&[
                ("forbid", Concurrency::Forbid),
                ("allow", Concurrency::Allow),
                ("replace", Concurrency::Replace),
            ])
        });
        let Some(field) = self.field("schedule") else {
            // In `[defaults]` they are for those that have one.
            for name in ["timezone", "concurrency"] {
                if let Some(field) = self.keys.own(name) {
                    problems.error(field.wrong("only with `schedule`"));
                }
            }
            return;
        };
        if let Some(of_type) = self.field("type").filter(|_| spec.kind == Kind::Service) {
            let problem = of_type.wrong("what has a `schedule` is a oneshot");
            problems.error(problem.see("it is at", field.node.place));
        }
        spec.kind = Kind::Oneshot;
        spec.schedule = Some(concurrency);
        if !self.is_set("on_failure") {
            spec.on_failure = EndPolicy::Ignore;
        }
        let cron = field.string("a cron expression");
        let cron = cron.and_then(|text| {
            Cron::parse(text).map_err(|why| match why.split_once(": ") {
                Some((what, hint)) => field.wrong(what).note(hint),
                None => field.wrong(why),
            })
        });
        launch.schedule = problems.take(cron).map(|cron| Schedule { cron, zone });
        if launch
            .schedule
            .as_ref()
            .is_some_and(|s| s.next_after(0).is_none())
        {
            problems.warning(field.wrong("no such time ever comes"));
        }
    }

    fn check_backoff(&self, spec: &ProgramSpec, problems: &mut Problems) {
        let field = self.field("backoff").or_else(|| self.field("backoff_max"));
        let Some(field) = field else {
            return;
        };
        let (low, high) = (spec.backoff, spec.backoff_max);
        if low > high {
            let show = format_duration;
            problems.error(
                field
                    .wrong(format_args!(
                        "`backoff` ({}) is longer than `backoff_max`",
                        show(low)
                    ))
                    .note(match self.field("backoff_max") {
                        Some(_) => format!("`backoff_max` is {}", show(high)),
                        None => format!("`backoff_max` is {} where it is not set", show(high)),
                    }),
            );
        }
        if low.is_zero() {
            problems.warning(field.wrong("restarts follow each other without a pause"));
        }
    }
}
