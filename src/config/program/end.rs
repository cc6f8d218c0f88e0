//! The keys that say how a program ends, and what makes it reload.

use lastout_core::{Leftovers, ProgramSpec, Scope, Signal};

use super::super::problem::Problems;
use super::{Reader, Setting};

impl Reader<'_> {
    pub(super) fn end(&self, spec: &mut ProgramSpec, problems: &mut Problems) {
        let mut set = Setting {
            reader: self,
            problems,
        };
        set.to(&mut spec.stopsignal, "stopsignal", |f| {
            match f.signal()? {
                Signal::STOP => Err(f.wrong("SIGSTOP ends no program")),
                signal => Ok(signal),
            }
        });
        set.to(&mut spec.stopwaitsecs, "stopwaitsecs", |f| {
            f.duration().map(Some)
        });
        set.to(&mut spec.stop_scope, "stop_scope", |f| {
            f.choice(&[
                ("leader", Scope::Leader),
                ("group", Scope::Group),
                ("tree", Scope::Tree),
            ])
        });
        set.to(&mut spec.leftovers, "leftovers", |f| {
            f.choice(&[("stop", Leftovers::Stop), ("keep", Leftovers::Keep)])
        });
        set.to(&mut spec.reload_signal, "reload_signal", |f| {
            match f.signal()? {
                signal if signal.can_be_caught() => Ok(Some(signal)),
                signal => Err(f.wrong(format_args!("{signal} makes no program reload"))),
            }
        });
        if let Some(field) = self.field("stopsignal")
            && spec.stopsignal == Signal::KILL
        {
            let message = "SIGKILL leaves the program no time to end well";
            problems.warning(field.wrong(message));
        }
    }
}
