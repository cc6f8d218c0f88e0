//! A checked plan: what the core is to decide over, and what the shell is to launch.
//!
//! Built in one of two ways, and the engine does not know which: from a
//! configuration ([`crate::config`]) or from a command on the command line (PID-1).
//! Nothing in it can be wrong any more but what only the moment of the start can
//! tell, as whether the command is there.

use std::ffi::CString;
use std::path::PathBuf;

use lastout_core::{Change, Changes, ProgramSpec, Spec};

use crate::control::settings as control;
use crate::face::Face;
use crate::limits::Limits;
use crate::schedule::Schedule;

/// Everything that one life of lastout needs to know.
#[derive(Clone, Debug)]
pub struct Plan {
    /// For the core. `launches` has the same order as `spec.programs`.
    pub spec: Spec,
    /// For the shell: how each program is launched.
    pub launches: Vec<Launch>,
    /// What is legal but surely not meant; one line each.
    pub warnings: Vec<String>,
    /// The init that lastout was called as, if it was.
    pub face: Option<Face>,
    /// The control socket; `None`: there is none.
    pub control: Option<control::Settings>,
}

/// How a program is launched.
#[derive(Clone, Debug, PartialEq)]
pub struct Launch {
    /// What is exec'ed: `argv[0]` and its arguments. Never empty.
    pub argv: Vec<CString>,
    /// The whole environment, `NAME=value` each, but for what only the start knows.
    pub environment: Vec<CString>,
    /// The directory to enter; `None`: lastout's own.
    pub directory: Option<PathBuf>,
    /// Whom it runs as; `None`: as lastout.
    pub user: Option<UserSpec>,
    /// The file mode creation mask; `None`: lastout's own.
    pub umask: Option<u32>,
    /// Descriptor 0.
    pub stdin: Stdin,
    /// Descriptor 1.
    pub stdout: Output,
    /// Descriptor 2.
    pub stderr: Output,
    /// What it may use.
    pub limits: Limits,
    /// How it is known to be ready.
    pub ready: Option<Ready>,
    /// How it is asked whether it is well.
    pub health: Option<Probe>,
    /// Whether it is given NOTIFY_SOCKET.
    pub notify: bool,
    /// What is run before each of its lives, as it would be run itself.
    pub pre_start: Option<Vec<CString>>,
    /// What is run after each of its lives, as it would be run itself.
    pub post_stop: Option<Vec<CString>>,
    /// At which times it runs, instead of all the time.
    pub schedule: Option<Schedule>,
    /// What else it starts with.
    pub slate: Slate,
    /// What is otherwise under the face of another init.
    pub manner: Manner,
}

impl Launch {
    /// With a clean slate, and every default of supervisor.toml (PID-8).
    #[must_use]
    pub fn clean(argv: Vec<CString>, environment: Vec<CString>) -> Launch {
        Launch {
            argv,
            environment,
            directory: None,
            user: None,
            umask: None,
            stdin: Stdin::Null,
            stdout: Output::Inherit,
            stderr: Output::Inherit,
            limits: Limits::default(),
            ready: None,
            health: None,
            notify: false,
            pre_start: None,
            post_stop: None,
            schedule: None,
            slate: Slate::Clean,
            manner: Manner::default(),
        }
    }

    /// As the command of the command line: with what lastout itself was started with.
    #[must_use]
    pub fn as_started(argv: Vec<CString>, environment: Vec<CString>) -> Launch {
        Launch {
            stdin: Stdin::Inherit,
            slate: Slate::AsStarted,
            ..Launch::clean(argv, environment)
        }
    }

    /// Whether the relay passes on any of what it writes.
    #[must_use]
    pub fn is_relayed(&self) -> bool {
        let outputs = [&self.stdout, &self.stderr];
        outputs
            .iter()
            .any(|output| matches!(output, Output::Relayed(_)))
    }

    /// Whether the relay writes any of it to a file.
    #[must_use]
    pub fn writes_files(&self) -> bool {
        let outputs = [&self.stdout, &self.stderr];
        outputs.iter().any(|output| match output {
            Output::Relayed(Relayed { to, .. }) => matches!(to, Destination::File(_)),
            Output::Inherit | Output::Null | Output::Stdout => false,
        })
    }

    /// What it takes to make a program that is launched so one that is launched that way:
    /// the half of RELOAD-2 that the core does not know
    /// ([`lastout_core::ProgramSpec::change_to`] is the other).
    #[must_use]
    pub fn change_to(&self, new: &Launch) -> Change {
        let Launch {
            argv,
            environment,
            directory,
            user,
            umask,
            stdin,
            stdout,
            stderr,
            limits,
            ready,
            health,
            notify,
            pre_start,
            post_stop,
            schedule,
            slate,
            manner,
        } = self;
        let is_same_process = *argv == new.argv
            && *environment == new.environment
            && *directory == new.directory
            && *user == new.user
            && *umask == new.umask
            && *stdin == new.stdin
            && *stdout == new.stdout
            && *stderr == new.stderr
            && *limits == new.limits
            && Ready::is_told_alike(ready.as_ref(), new.ready.as_ref())
            && *notify == new.notify
            && *slate == new.slate
            && *manner == new.manner;
        let is_same_beside_it = *ready == new.ready
            && *health == new.health
            && *pre_start == new.pre_start
            && *post_stop == new.post_stop
            && *schedule == new.schedule;
        match (is_same_process, is_same_beside_it) {
            (false, _) => Change::Restart,
            (true, false) => Change::Live,
            (true, true) => Change::Same,
        }
    }
}

impl Plan {
    /// What a reload from this plan to that one would do.
    #[must_use]
    pub fn changes_to(&self, new: &Plan) -> Changes {
        let old: Vec<(&ProgramSpec, &Launch)> =
            self.spec.programs.iter().zip(&self.launches).collect();
        let launches = new.spec.programs.iter().zip(&new.launches);
        let launches: Vec<Change> = launches
            .map(|(program, launch)| {
                let known = old.iter().find(|(known, _)| known.name == program.name);
                known.map_or(Change::Same, |(_, known)| known.change_to(launch))
            })
            .collect();
        Changes::between(&self.spec, &new.spec, &launches)
    }
}

impl Ready {
    /// Whether a process that was started for the one is as good for the other: who is
    /// asked need not know of it. The text of a line is looked for from the first byte that
    /// a process writes, so that it belongs to the process, too.
    fn is_told_alike(one: Option<&Ready>, other: Option<&Ready>) -> bool {
        let of_process = |ready: Option<&Ready>| match ready {
            Some(Ready::Notify | Ready::Descriptor(_) | Ready::Line(_)) => true,
            Some(Ready::Probe(_)) | None => false,
        };
        match (of_process(one), of_process(other)) {
            (false, false) => true,
            (true, _) | (_, true) => one == other,
        }
    }
}

/// How a program is known to be ready (READY-*).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Ready {
    /// It says so with sd_notify.
    Notify,
    /// It writes a newline to this descriptor.
    Descriptor(i32),
    /// It writes a line to descriptor 1 or 2 that contains this. Never empty, without a
    /// newline.
    Line(Vec<u8>),
    /// It is asked.
    Probe(Probe),
}

/// A question to a program; the answer is the exit status of the process that asks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Probe {
    /// Does it accept a connection?
    Tcp(Address),
    /// Does it answer with a status from 200 to 399?
    Http {
        /// Where it listens.
        address: Address,
        /// What is asked for: the path and the query, beginning with `/`.
        target: String,
    },
    /// Does this command exit with 0?
    Exec(Vec<CString>),
}

/// Where a program listens.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Address {
    /// A name or a number, without the brackets of IPv6.
    pub host: String,
    /// 1 to 65535.
    pub port: u16,
}

/// A user as a configuration names one: `"name"`, `"uid"`, `"name:group"`, `"uid:gid"`.
/// Looked up in /etc/passwd and /etc/group when the program starts, since they may
/// change; numeric ids need no entry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UserSpec {
    /// Name or number.
    pub user: String,
    /// Name or number, where it was given.
    pub group: Option<String>,
}

/// Where descriptor 0 of a program comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stdin {
    /// /dev/null.
    Null,
    /// lastout's own, and its terminal if it has one.
    Inherit,
}

/// Where descriptor 1 or 2 of a program goes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Output {
    /// To lastout's own, without anybody between (LOG-1).
    Inherit,
    /// To /dev/null.
    Null,
    /// Of descriptor 2 only: to where descriptor 1 goes, over the same pipe.
    Stdout,
    /// Through the relay.
    Relayed(Relayed),
}

/// What the relay makes of what a program writes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Relayed {
    /// What a line looks like.
    pub format: LineFormat,
    /// Where it goes.
    pub to: Destination,
}

impl Relayed {
    /// Lines as they come, to lastout's own descriptor: as [`Output::Inherit`] for who reads
    /// them, but somebody looks at them on their way.
    pub const UNCHANGED: Relayed = Relayed {
        format: LineFormat::Raw,
        to: Destination::Own,
    };
}

/// What a line that a program wrote looks like where it goes (LOG-2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LineFormat {
    /// As it is.
    Raw,
    /// `name | line`.
    Prefix,
    /// An object of JSON.
    Json,
}

/// Where the lines of a program go.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Destination {
    /// Descriptor 1 to lastout's own stdout, descriptor 2 to its stderr.
    Own,
    /// To a file.
    File(LogFile),
}

/// A file that lines are written to (LOG-5).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogFile {
    /// Where it is, relative to lastout's own directory: never empty, and without `//`, a
    /// `/.` or a `/` at its end.
    pub path: PathBuf,
    /// How many bytes it has at most before it is rotated; 0: it is never rotated.
    pub max_size: u64,
    /// How many older ones are kept: `path.1` is the newest; 0: it begins anew.
    pub backups: u32,
    /// With which permissions it is made, of 0o777.
    pub mode: u32,
}

impl LogFile {
    /// With every default of supervisor.toml.
    #[must_use]
    pub fn at(path: PathBuf) -> LogFile {
        LogFile {
            path,
            max_size: 50_000_000,
            backups: 10,
            mode: 0o640,
        }
    }
}

/// What a program starts with, beside what its configuration says (PID-8).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Slate {
    /// A clean one: a session of its own (unless it has the terminal), default
    /// dispositions, empty mask, no descriptors above 2.
    Clean,
    /// The command of the command line: what lastout itself was started with,
    /// descriptors above 2 included; as PID 1 with clean dispositions and mask.
    AsStarted,
}

/// How a command starts under the face of another init ([`crate::face`]), and as
/// lastout's own otherwise.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Manner {
    /// A session of its own, and the terminal as its controlling one if it is free.
    pub own_session: bool,
    /// Which signals are blocked and ignored.
    pub signals: Signals,
    /// What is no program and has no `#!` either is run by /bin/sh, as execvp(3) of the
    /// GNU C library does.
    pub shell_for_text: bool,
}

/// The mask and the dispositions of a command at its start.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Signals {
    /// Clean as PID 1, and what lastout was started with elsewhere (PID-8).
    #[default]
    BySlate,
    /// What lastout was started with.
    Inherited,
    /// Nothing blocked, nothing ignored.
    Clean,
}
