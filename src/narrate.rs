//! What happens, as log lines. A supervisor tells of every start and end; the init of
//! a single command is silent while all goes well, as people expect of one, and tells
//! the same with `-v`.

use lastout_core::{ExitStatus, Kind, Notice, ProgramId, Signal, Spec, Supervisor};
use log::{Level, log};

use crate::face::{Face, Seen};
use crate::linux::people::{People, Sighting};
use crate::plan::{Launch, Slate};
use crate::words;

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

    /// Tells of what the core has decided or learned.
    #[expect(
        clippy::too_many_lines,
        reason = "a flat table, an arm a notice; in pieces it would be harder to read"
    )]
    pub fn tell(&mut self, spec: &Spec, launches: &[Launch], people: &People, notice: &Notice) {
        if let Some(face) = &mut self.face {
            return face.hear(notice);
        }
        let (level, text) = match notice {
            Notice::Started { program, run } => {
                let who = people
                    .leader(*run)
                    .map_or_else(String::new, |who| format!(", {who}"));
                (
                    self.routine,
                    self.of(spec, *program, &format!("started{who}")),
                )
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
                (level, self.of(spec, *program, text))
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
                (
                    Level::Error,
                    self.of(spec, *program, &format!("{text}{more}")),
                )
            }
            Notice::Ended { .. } => self.ended(spec, notice),
            Notice::WillRestart {
                program,
                pause,
                failures,
            } => (
                self.routine,
                self.of(spec, *program, &restart(*pause, *failures)),
            ),
            Notice::GaveUp { program, reason } => {
                let text = format!("FATAL: {}", words::fatal_reason(spec, *reason));
                (Level::Error, self.of(spec, *program, &text))
            }
            Notice::Told {
                program,
                signal,
                why,
                ..
            } => {
                let text = format!("told {signal}{}", words::why_told(*why));
                (self.routine, self.of(spec, *program, &text))
            }
            Notice::Killing {
                program, reason, ..
            } => {
                let text = format!("is killed, {}", words::kill_reason(*reason));
                (Level::Warn, self.of(spec, *program, &text))
            }
            Notice::TreeGone { program, .. } => (
                Level::Debug,
                self.of(spec, *program, "nobody of its tree is left"),
            ),
            Notice::ShutdownBegun { cause } => {
                let text = format!("{}, the shutdown begins", words::cause(spec, *cause));
                (self.routine, text)
            }
            Notice::LastCall => {
                let text = "last call: 4/5 of stop_timeout is over, who waited is told now";
                (Level::Warn, text.to_owned())
            }
            Notice::KillingEverybody { reason } => {
                let text = format!(
                    "everybody who is left is killed, {}",
                    words::kill_reason(*reason)
                );
                (Level::Warn, text)
            }
            Notice::NextInterruptKills => {
                let text = "waiting for everybody to leave; Ctrl-C again kills whoever is left";
                (Level::Warn, text.to_owned())
            }
            Notice::Ignored { signal } => {
                (Level::Info, format!("{signal} came and means nothing here"))
            }
            Notice::NotForwarded { signal, program } => {
                let text = format!("{signal} is not passed on: it is not running");
                (Level::Debug, self.of(spec, *program, &text))
            }
            Notice::ReopenLogs => (
                Level::Info,
                "there are no log files to open again".to_owned(),
            ),
            Notice::Reloaded { changes } => (Level::Info, words::changes(changes)),
            Notice::Reloads { program, signal } => {
                let text = format!("told to reload with {signal}");
                (Level::Info, self.of(spec, *program, &text))
            }
            Notice::AllUp => (self.routine, "all programs are up".to_owned()),
            Notice::Overslept { late } => {
                let late = words::seconds(*late);
                let text = format!("held up for {late}; who is waited for gets that much longer");
                (self.routine, text)
            }
            Notice::Care { program, news } => {
                let launch = launches.get(program.0 as usize);
                let (level, text) = words::care(news, launch);
                (level, self.of(spec, *program, &text))
            }
            Notice::State {
                program,
                state,
                detail,
            } => (
                Level::Info,
                self.of(spec, *program, &format!("{state} {detail}")),
            ),
        };
        log!(level, "{}", text.trim_end());
    }

    fn ended(&self, spec: &Spec, notice: &Notice) -> (Level, String) {
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
            return (Level::Debug, String::new());
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
        (level, self.of(spec, *program, &text))
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
