//! What happens, as log lines. A supervisor tells of every start and end; the init of
//! a single command is silent while all goes well, as people expect of one, and tells
//! the same with `-v`.

use std::borrow::Cow;

use lastout_core::{ExitStatus, Kind, Notice, ProgramId, Signal, Spec, Supervisor};
use log::{Level, log};

use crate::face::{Face, Seen};
use crate::linux::people::{Person, Sighting};
use crate::plan::{Launch, Slate};
use crate::words;

/// How loud it is told, of which program if of one, and what.
type Telling = (Level, Option<ProgramId>, Cow<'static, str>);

/// Who tells.
#[derive(Debug)]
pub struct Narrator {
    /// The level of what is as it should be.
    routine: Level,
    is_single: bool,
    /// The init that tells in its own words instead.
    face: Option<Face>,
}

impl Narrator {
    /// Who tells of these programs.
    #[must_use]
    pub fn new(launches: &[Launch], face: Option<Face>) -> Narrator {
        let is_single = matches!(launches, [only] if only.slate == Slate::AsStarted);
        Narrator {
            routine: if is_single { Level::Debug } else { Level::Info },
            is_single,
            face,
        }
    }

    /// The init that lastout was called as, if it was.
    #[must_use]
    pub fn face(&self) -> Option<&Face> {
        self.face.as_ref()
    }

    /// What a face has something to say about, and lastout itself not.
    pub fn saw(&mut self, seen: Seen<'_>) {
        if let Some(face) = &mut self.face {
            face.saw(seen);
        }
    }

    /// Tells of what the core has decided or learned, and gives what was said of which
    /// program. `leader`: who leads the run that it is about. A face says nothing of it
    /// that would be of use to others.
    pub fn tell(
        &mut self,
        spec: &Spec,
        launches: &[Launch],
        leader: Option<Person>,
        notice: &Notice,
    ) -> Option<(Option<ProgramId>, Cow<'static, str>)> {
        if let Some(face) = &mut self.face {
            face.hear(notice);
            return None;
        }
        let (level, about, text) = self.in_words(spec, launches, leader, notice);
        // Where there is only one its name need not be said.
        match about.filter(|_| !self.is_single) {
            Some(about) => log!(level, "{}: {}", words::name(spec, about), text.trim_end()),
            None => log!(level, "{}", text.trim_end()),
        }
        Some((about, text))
    }

    #[expect(
        clippy::too_many_lines,
        reason = "a flat table, an arm a notice; in pieces it would be harder to read"
    )]
    fn in_words(
        &self,
        spec: &Spec,
        launches: &[Launch],
        leader: Option<Person>,
        notice: &Notice,
    ) -> Telling {
        match notice {
            Notice::Started { program, .. } => {
                let text = leader.map_or("started".into(), |who| format!("started, {who}").into());
                (self.routine, Some(*program), text)
            }
            Notice::Up { program } => {
                let is_asked_for = spec
                    .programs
                    .get(program.0 as usize)
                    .is_some_and(|spec| spec.readiness.is_some());
                let (level, text) = match is_asked_for {
                    true => (self.routine, "ready"),
                    false => (Level::Debug, "running"),
                };
                (level, Some(*program), text.into())
            }
            Notice::NotStarted { program, failure } => {
                let launch = launches.get(program.0 as usize);
                let text = launch
                    .map(|launch| words::spawn_failure(launch, *failure))
                    .unwrap_or_default();
                let more = if failure.is_temporary() {
                    "; it is tried again"
                } else {
                    ""
                };
                (Level::Error, Some(*program), (text + more).into())
            }
            Notice::Ended { .. } => self.ended(spec, notice),
            Notice::WillRestart {
                program,
                pause,
                failures,
            } => {
                let text = restart(*pause, *failures);
                (self.routine, Some(*program), text.into())
            }
            Notice::GaveUp { program, reason } => {
                let text = format!("FATAL: {}", words::fatal_reason(spec, *reason));
                (Level::Error, Some(*program), text.into())
            }
            Notice::Told {
                program,
                signal,
                why,
                ..
            } => {
                let text = format!("told {signal}{}", words::why_told(*why));
                (self.routine, Some(*program), text.into())
            }
            Notice::Killing {
                program, reason, ..
            } => {
                let text = format!("is killed, {}", words::kill_reason(*reason));
                (Level::Warn, Some(*program), text.into())
            }
            Notice::TreeGone { program, .. } => {
                let text = "nobody of its tree is left";
                (Level::Debug, Some(*program), text.into())
            }
            Notice::ShutdownBegun { cause } => {
                let text = format!("{}, the shutdown begins", words::cause(spec, *cause));
                (self.routine, None, text.into())
            }
            Notice::LastCall => {
                let text = "last call: 4/5 of stop_timeout is over, who waited is told now";
                (Level::Warn, None, text.into())
            }
            Notice::KillingEverybody { reason } => {
                let text = format!(
                    "everybody who is left is killed, {}",
                    words::kill_reason(*reason)
                );
                (Level::Warn, None, text.into())
            }
            Notice::NextInterruptKills => {
                let text = "waiting for everybody to leave; Ctrl-C again kills whoever is left";
                (Level::Warn, None, text.into())
            }
            Notice::Ignored { signal } => {
                let text = format!("{signal} came and means nothing here");
                (Level::Info, None, text.into())
            }
            Notice::NotForwarded { signal, program } => {
                let text = format!("{signal} is not passed on: it is not running");
                (Level::Debug, Some(*program), text.into())
            }
            Notice::ReopenLogs => {
                let writes_files = launches.iter().any(Launch::writes_files);
                let text = match writes_files {
                    true => "opening log files again",
                    false => "there are no log files to open again",
                };
                (Level::Info, None, text.into())
            }
            Notice::Reloaded { changes } => (Level::Info, None, words::changes(changes).into()),
            Notice::Reloads { program, signal } => {
                let text = format!("told to reload with {signal}");
                (Level::Info, Some(*program), text.into())
            }
            Notice::AllUp => {
                let mut programs = spec.programs.iter();
                // Where each waits for its time or for a request nobody is up.
                let level = match programs.any(|p| p.autostart && p.schedule.is_none()) {
                    true => self.routine,
                    false => Level::Debug,
                };
                (level, None, "all programs are up".into())
            }
            Notice::Overslept { late } => {
                let late = words::seconds(*late);
                let text = format!("held up for {late}; who is waited for gets that much longer");
                (self.routine, None, text.into())
            }
            Notice::Care { program, news } => {
                let launch = launches.get(program.0 as usize);
                let (level, text) = words::care(news, launch);
                (level, Some(*program), text.into())
            }
            Notice::State {
                program,
                at,
                status,
            } => {
                let text = words::status(spec, *at, status);
                (Level::Info, Some(*program), text.into())
            }
        }
    }

    fn ended(&self, spec: &Spec, notice: &Notice) -> Telling {
        let Notice::Ended {
            program,
            status,
            out_of_memory,
            lived,
            asked,
            expected,
            ..
        } = notice
        else {
            return (Level::Debug, None, "".into());
        };
        let how = words::end(lastout_core::End::Status(*status));
        let why = if *out_of_memory {
            " (out of memory)"
        } else {
            ""
        };
        let text = match (asked, status) {
            (Some((after, _)), ExitStatus::Signal(Signal::KILL)) => {
                let after = words::seconds(*after);
                format!("{how}{why} {after} after it was told")
            }
            (Some((after, _)), _) => format!("left after {}, {how}", words::seconds(*after)),
            (None, _) => {
                let program = spec.programs.get(program.0 as usize);
                let is_oneshot = program.is_some_and(|program| program.kind == Kind::Oneshot);
                let done = if is_oneshot && *expected {
                    "done, "
                } else {
                    ""
                };
                format!("{done}{how}{why} after {}", words::seconds(*lived))
            }
        };
        let level = if *expected || self.is_single {
            self.routine
        } else {
            Level::Warn
        };
        (level, Some(*program), text.into())
    }

    /// Tells of somebody beside the leaders who was told or killed.
    pub fn sighted(&mut self, spec: &Spec, core: &Supervisor, sighting: &Sighting) {
        let Sighting { who, of, signal } = sighting;
        if let Some(face) = &mut self.face {
            if *signal == Signal::KILL {
                face.saw(Seen::Killed(who));
            }
            return;
        }
        let deed = match *signal {
            Signal::KILL => "killed",
            _ => "told",
        };
        let with = match *signal {
            Signal::KILL => String::new(),
            other => format!(" {other}"),
        };
        let text = match of.and_then(|run| core.program_of(run)) {
            Some(program) => self.of(spec, program, &format!("{deed} its {who}{with}")),
            None => format!("{deed} stray {who}{with}"),
        };
        log!(self.routine, "{text}");
    }

    /// A line about a program. Where there is only one its name need not be said.
    fn of(&self, spec: &Spec, program: ProgramId, text: &str) -> String {
        if self.is_single {
            text.to_owned()
        } else {
            format!("{}: {text}", words::name(spec, program))
        }
    }
}

fn restart(pause: std::time::Duration, failures: u32) -> String {
    let failed = match failures {
        0 => String::new(),
        1 => String::from(" (failed to start)"),
        more => format!(" (failed to start {more} times in a row)"),
    };
    match pause.is_zero() {
        true => format!("starts again at once{failed}"),
        false => format!("starts again in {}{failed}", words::seconds(pause)),
    }
}
