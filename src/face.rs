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

use self::options::{Long, Options};
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
    /// How the init was called.
    program: String,
    manner: Manner,
    /// What the init keeps to itself.
    dropped: &'static [Signal],
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
    has_session: bool,
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

/// An init: what is its own in the command line, and its voice.
struct Table {
    short: &'static str,
    long: &'static [Long],
    /// An option and its argument.
    option: fn(&mut Wish, u8, &OsStr) -> Result<(), Refusal>,
    /// What it says behind the text of getopt about an option that it does not know.
    after_wrong: fn(&str) -> String,
    /// What it says where there is no command.
    no_command: fn(&str) -> String,
    /// Its variables, and what follows from all that was read.
    finish: fn(&mut Wish),
    /// What it does and says before the command is started.
    begin: fn(&mut Face),
    say: fn(&Face, Seen<'_>),
    failure_codes: FailureCodes,
}

impl Init {
    fn table(self) -> &'static Table {
        match self {
            Init::Tini => &tini::TABLE,
            Init::DumbInit => &dumb_init::TABLE,
            Init::Catatonit => &catatonit::TABLE,
        }
    }
}

/// Reads the command line and the environment of a face.
#[must_use]
pub fn read(init: Init, args: &[OsString]) -> Order {
    let mut wish = Box::new(Wish::new(init));
    match read_into(&mut wish, args) {
        Ok(()) => Order::Live(wish),
        Err(Refusal(stream, text, code)) => Order::Say(stream, text, code),
    }
}

fn read_into(wish: &mut Wish, args: &[OsString]) -> Result<(), Refusal> {
    let table = wish.face.init.table();
    let mut options = Options::new(args, table.short, table.long);
    wish.program = options.program();
    match wish.face.init {
        Init::Tini if matches!(args, [_, only] if only == "--version") => {
            return Err(tini::version());
        }
        Init::Catatonit => catatonit::reserved()?,
        Init::Tini | Init::DumbInit => {}
    }
    while let Some(read) = options.next() {
        match read {
            Ok((letter, value)) => (table.option)(wish, letter, &value)?,
            Err(text) => return Err(refusal(text + &(table.after_wrong)(&wish.program), 1)),
        }
    }
    wish.command.argv = options.operands();
    (table.finish)(wish);
    match wish.command.argv.first() {
        Some(name) => wish.face.command = name.to_string_lossy().into_owned(),
        None if wish.pauses => {}
        None => return Err(refusal((table.no_command)(&wish.program), 1)),
    }
    Ok(())
}

/// What is to be said instead of living, and the status.
struct Refusal(Stream, String, u8);

/// A refusal on stderr.
fn refusal(text: String, code: u8) -> Refusal {
    Refusal(Stream::Stderr, text, code)
}

/// An answer on stdout.
fn answer(text: String) -> Refusal {
    Refusal(Stream::Stdout, text, 0)
}

/// A variable of the environment.
fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

impl Wish {
    fn new(init: Init) -> Wish {
        Wish {
            face: Face {
                init,
                level: 0,
                tells_of_orphans: false,
                rewrites: Vec::new(),
                command: String::new(),
                is_subreaper: init != Init::Tini,
                leaves_directory: init != Init::Tini,
                has_session: init == Init::DumbInit,
                session: None,
                child: 0,
                failure: None,
                status: ExitStatus::Code(0),
            },
            command: Command::default(),
            parent_death: None,
            program: String::new(),
            manner: Manner {
                own_session: init == Init::DumbInit,
                shell_for_text: true,
                ..Manner::default()
            },
            dropped: &[],
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
        self.face.has_session = self.manner.own_session;
        self.command.rewrites = self.face.rewrites.clone();
        (self.face.init.table().begin)(&mut self.face);
        let mut plan = if self.pauses {
            let _ = std::env::set_current_dir("/");
            let mut plan = empty_plan();
            plan.spec.stop_timeout = self.command.stop_timeout;
            plan
        } else {
            single::plan(&self.command, 0)
        };
        for signal in self.dropped {
            plan.spec.signals.set(*signal, Meaning::IgnoreSilently);
        }
        // dumb-init's last signal to its group goes through its table like any other.
        let stop = self.face.rewritten(Signal::TERM);
        for program in &mut plan.spec.programs {
            program.stopsignal = stop.unwrap_or(Signal::TERM);
        }
        for launch in &mut plan.launches {
            launch.manner = self.manner;
        }
        plan.spec.failure_codes = self.face.init.table().failure_codes;
        plan.face = Some(self.face);
        plan
    }
}

/// lastout's own licence: nothing of the init that it stands for is in it.
fn licence(stood_for: &str) -> Refusal {
    answer(format!(
        "This is lastout, in the place of {stood_for}. Licence: MIT\n"
    ))
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
        control: None,
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
                    *status = ExitStatus::Code(self.init.table().failure_codes.code_of(end));
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
        (self.init.table().say)(self, seen);
    }

    /// What of the core's notices the loop itself does not see.
    pub fn hear(&mut self, notice: &Notice) {
        if let Notice::NotStarted { failure, .. } = notice
            && !failure.is_temporary()
        {
            self.saw(Seen::NotRun(*failure));
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
