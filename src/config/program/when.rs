//! The keys that say when a program runs.

use lastout_core::{EndPolicy, Kind, ProgramSpec};

use super::super::format_duration;
use super::super::problem::Problems;
use super::{Reader, Setting};

impl Reader<'_> {
    pub(super) fn when(&self, spec: &mut ProgramSpec, problems: &mut Problems) {
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
