//! Faces: by the name that it is called by, lastout takes the command line, the
//! environment, the messages and the exit statuses of another init, so that an image
//! changes its init by changing one file (docs/faces.md).
//!
//! A face is a table of differences over the one engine ([`crate::turn`]): what it reads
//! becomes a plan of one program, and what it says is a function of what the loop sees.
//! It forwards nothing, reaps nothing and waits for nothing itself; and who is left
//! behind is told and waited for under each of them (STOP-1).

mod catatonit;
mod dumb_init;
mod options;
mod tini;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use lastout_core::{
    ExitStatus, FailureCodes, Meaning, Notice, Signal, SignalTable, SpawnFailure, Spec,
};

use crate::linux::people::Person;
use crate::linux::terminal::LetGo;
use crate::plan::{Manner, Plan};
use crate::say::Stream;
use crate::single::{self, Command};

/// The inits that lastout can be taken for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Init {
    /// tini, as Docker calls it too.
    Tini,
    /// dumb-init.
    DumbInit,
    /// catatonit, as Podman calls it too.
    Catatonit,
}

/// Which face a name asks for: only its last part counts.
#[must_use]
pub fn of(name: &OsStr) -> Option<Init> {
    match name.as_bytes().rsplit(|byte| *byte == b'/').next()? {
        b"tini" | b"tini-static" | b"docker-init" => Some(Init::Tini),
        b"dumb-init" => Some(Init::DumbInit),
        b"catatonit" | b"podman-init" => Some(Init::Catatonit),
        _ => None,
    }
}

/// What a face's command line asks for.
#[derive(Debug)]
pub enum Order {
    /// Say this and leave with this status.
    Say(Stream, String, u8),
    /// Be the init of a command.
    Live(Box<Wish>),
}

/// A command, and what is otherwise than with lastout's own command line.
#[derive(Debug)]
pub struct Wish {
    /// The command; none where it pauses.
    pub command: Command,
    /// `tini -p`.
    pub parent_death: Option<Signal>,
    face: Face,
    manner: Manner,
    /// What the init keeps to itself.
    dropped: Vec<Signal>,
    pauses: bool,
}

/// What the shell and the narrator must know of a face while it lives.
#[derive(Clone, Debug)]
pub struct Face {
    init: Init,
    /// How much it says, as its init counts.
    level: u32,
    /// `tini -w`.
    tells_of_orphans: bool,
    /// dumb-init's table: what becomes of a signal that is not passed on as it came.
    rewrites: Vec<(Signal, Option<Signal>)>,
    /// The command as it was typed.
    command: String,
    is_subreaper: bool,
    leaves_directory: bool,
    /// What became of the terminal, where the command has a session of its own.
    session: Option<LetGo>,
    child: i32,
    failure: Option<SpawnFailure>,
    status: ExitStatus,
}

/// What the loop sees, for a face to say something about.
#[derive(Clone, Copy, Debug)]
pub enum Seen<'a> {
    /// The command was forked, with this pid.
    Born(i32),
    /// A signal has come; it is or was passed on.
    Came(Signal),
    /// SIGCHLD has come.
    ChildNews,
    /// Somebody was reaped.
    Reaped(i32, ExitStatus),
    /// Nobody else is there to be reaped; `childless`: or nobody at all.
    AllReaped {
        /// Whether there is no child at all.
        childless: bool,
    },
    /// The command could not be run.
    NotRun(SpawnFailure),
    /// Somebody who was left behind did not leave in time.
    Killed(&'a Person),
    /// This is the end.
    Leaving,
}

/// Reads the command line and the environment of a face.
#[must_use]
pub fn read(init: Init, args: &[OsString]) -> Order {
    let order = match init {
        Init::Tini => tini::read(args),
        Init::DumbInit => dumb_init::read(args),
        Init::Catatonit => catatonit::read(args),
    };
    match order {
        Ok(wish) => Order::Live(Box::new(wish)),
        Err((stream, text, code)) => Order::Say(stream, text, code),
    }
}

/// What is to be said instead of living, and the status.
type Refusal = (Stream, String, u8);

impl Wish {
    fn new(init: Init) -> Wish {
        Wish {
            face: Face {
                init,
                level: 0,
                tells_of_orphans: false,
                rewrites: Vec::new(),
                command: String::new(),
                is_subreaper: true,
                leaves_directory: false,
                session: None,
                child: 0,
                failure: None,
                status: ExitStatus::Code(0),
            },
            command: Command::default(),
            parent_death: None,
            manner: Manner {
                shell_for_text: true,
                ..Manner::default()
            },
            dropped: Vec::new(),
            pauses: false,
        }
    }

    /// Whether orphans are to come to it where it is not PID 1.
    #[must_use]
    pub fn is_subreaper(&self) -> bool {
        self.face.is_subreaper
    }

    /// The plan, when all that must be done before has been.
    #[must_use]
    pub fn into_plan(mut self) -> Plan {
        match self.face.init {
            Init::Tini => tini::begin(&self.face),
            Init::DumbInit if self.manner.own_session => dumb_init::begin(&mut self.face),
            Init::DumbInit | Init::Catatonit => {}
        }
        let mut plan = if self.pauses {
            let _ = std::env::set_current_dir("/");
            let mut plan = empty_plan();
            plan.spec.stop_timeout = self.command.stop_timeout;
            plan
        } else {
            single::plan(&self.command, 0)
        };
        for signal in self.dropped {
            plan.spec.signals.set(signal, Meaning::IgnoreSilently);
        }
        // dumb-init's last signal to its group goes through its table like any other.
        let stop = self.face.rewritten(Signal::TERM);
        for program in &mut plan.spec.programs {
            program.stopsignal = stop.unwrap_or(Signal::TERM);
        }
        for launch in &mut plan.launches {
            launch.manner = self.manner;
        }
        plan.spec.failure_codes = self.face.failure_codes();
        plan.face = Some(self.face);
        plan
    }
}

/// A command's name as it was typed, for texts.
fn typed(command: &[OsString]) -> String {
    let name = command.first().map(|name| name.to_string_lossy());
    name.unwrap_or_default().into_owned()
}

/// lastout's own licence: nothing of the init that it stands for is in it.
fn licence(stood_for: &str) -> String {
    format!("This is lastout, in the place of {stood_for}. Licence: MIT\n")
}

/// The plan of who only reaps and waits to be asked to end.
fn empty_plan() -> Plan {
    let mut signals = SignalTable::supervising();
    for signal in Signal::all() {
        let meaning = match signal {
            Signal::TERM | Signal::INT => Meaning::Shutdown,
            _ => Meaning::IgnoreSilently,
        };
        signals.set(signal, meaning);
    }
    Plan {
        spec: Spec {
            signals,
            pauses: true,
            ..Spec::new(Vec::new())
        },
        launches: Vec::new(),
        warnings: Vec::new(),
        face: None,
    }
}

impl Face {
    /// Whether it goes to `/` when its command runs, so as not to keep a mount busy.
    #[must_use]
    pub fn leaves_directory(&self) -> bool {
        self.leaves_directory
    }

    /// Whether it stops itself when this signal has come, as its command was stopped.
    #[must_use]
    pub fn stops_with(&self, signal: Signal) -> bool {
        self.init == Init::DumbInit && dumb_init::JOB_CONTROL.contains(&signal)
    }

    /// What becomes of a signal. `None`: it is dropped.
    fn rewritten(&self, signal: Signal) -> Option<Signal> {
        let rule = self.rewrites.iter().rev().find(|(from, _)| *from == signal);
        rule.map_or(Some(signal), |(_, to)| *to)
    }

    /// Notes what was seen, and says what its init says then.
    pub fn saw(&mut self, mut seen: Seen<'_>) {
        match &mut seen {
            Seen::Born(pid) => self.child = *pid,
            Seen::NotRun(failure) => self.failure = Some(*failure),
            Seen::Reaped(pid, status) if *pid == self.child => {
                if let Some(failure) = self.failure {
                    let end = lastout_core::End::NeverRan(failure);
                    *status = ExitStatus::Code(self.failure_codes().code_of(end));
                }
                self.status = *status;
            }
            Seen::Reaped(..)
            | Seen::Came(_)
            | Seen::ChildNews
            | Seen::AllReaped { .. }
            | Seen::Killed(_)
            | Seen::Leaving => {}
        }
        match self.init {
            Init::Tini => tini::say(self, seen),
            Init::DumbInit => dumb_init::say(self, seen),
            Init::Catatonit => catatonit::say(self, seen),
        }
    }

    /// What of the core's notices the loop itself does not see.
    pub fn hear(&mut self, notice: &Notice) {
        if let Notice::NotStarted { failure, .. } = notice
            && !failure.is_temporary()
        {
            self.saw(Seen::NotRun(*failure));
        }
    }

    /// The statuses of its init for a command that cannot be run.
    fn failure_codes(&self) -> FailureCodes {
        match self.init {
            Init::Tini => tini::FAILURE_CODES,
            Init::DumbInit => dumb_init::FAILURE_CODES,
            Init::Catatonit => catatonit::FAILURE_CODES,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_part_of_a_name_counts() {
        assert_eq!(of(OsStr::new("tini")), Some(Init::Tini));
        assert_eq!(of(OsStr::new("/sbin/docker-init")), Some(Init::Tini));
        assert_eq!(of(OsStr::new("./dumb-init")), Some(Init::DumbInit));
        assert_eq!(of(OsStr::new("/run/podman-init")), Some(Init::Catatonit));
        assert_eq!(of(OsStr::new("/tini/lastout")), None);
        assert_eq!(of(OsStr::new("tini-2")), None);
        assert_eq!(of(OsStr::new("")), None);
    }
}
