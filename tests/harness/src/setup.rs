//! How a run of lastout is to be started: what is odd about it.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::binaries;

/// What becomes of standard output or standard error.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Output {
    /// Its lines are collected.
    #[default]
    Heard,
    /// A pipe that nobody reads: it gets full.
    Unread,
    /// A pipe whose reader is gone.
    Broken,
    /// A socket; its lines are collected.
    Socket,
    /// A socket that nobody reads.
    UnreadSocket,
}

/// As Debian's root has it.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How lastout is to be started: in `/`, with nothing but PATH in the environment.
#[derive(Clone, Debug)]
pub struct Setup {
    program: Option<PathBuf>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    launch: Vec<String>,
    pub(crate) below_a_parent: Option<bool>,
    has_proc: bool,
    pub(crate) stdout: Output,
    pub(crate) stderr: Output,
    pub(crate) on_a_terminal: bool,
}

impl Setup {
    /// lastout with these arguments.
    #[must_use]
    pub fn new(arguments: &[&str]) -> Self {
        Setup {
            program: None,
            arguments: arguments.iter().map(|word| String::from(*word)).collect(),
            environment: Vec::new(),
            launch: Vec::new(),
            below_a_parent: None,
            has_proc: true,
            stdout: Output::Heard,
            stderr: Output::Heard,
            on_a_terminal: false,
        }
    }

    /// `lastout -- probe WORDS…`.
    #[must_use]
    pub fn of_probe(words: &[&str]) -> Self {
        let probe = binaries::probe();
        let arguments = [&["--", &probe], words].concat();
        Self::new(&arguments)
    }

    /// Another program in the place of lastout: a link to it, or an init to compare with.
    #[must_use]
    pub fn program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = Some(program.into());
        self
    }

    /// A variable more; there is only PATH otherwise.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment
            .push((String::from(name), String::from(value)));
        self
    }

    /// Options of `probe launch`, as `["--close", "0", "--ignore", "CHLD"]`.
    #[must_use]
    pub fn launch(mut self, options: &[&str]) -> Self {
        self.launch
            .extend(options.iter().map(|word| String::from(*word)));
        self
    }

    /// As that user and group, without others.
    #[must_use]
    pub fn uid(self, uid: u32) -> Self {
        self.launch(&["--uid", &uid.to_string()])
    }

    /// In a network of its own, where every port is free.
    #[must_use]
    pub fn own_network(self) -> Self {
        self.launch(&["--own-network"])
    }

    /// An empty folder in the place of /proc.
    #[must_use]
    pub fn without_proc(mut self) -> Self {
        self.has_proc = false;
        self
    }

    /// Below a parent that is PID 1, so that lastout is not: as on a host.
    #[must_use]
    pub fn as_subreaper(mut self) -> Self {
        self.below_a_parent = Some(false);
        self
    }

    /// As [`Setup::as_subreaper`], with a `bystander` that is none of lastout's business.
    /// At the end the parent says `the bystander is alive`, or that it is gone.
    #[must_use]
    pub fn as_subreaper_beside_a_bystander(mut self) -> Self {
        self.below_a_parent = Some(true);
        self
    }

    /// What becomes of descriptor 1.
    #[must_use]
    pub fn stdout(mut self, output: Output) -> Self {
        self.stdout = output;
        self
    }

    /// What becomes of descriptor 2.
    #[must_use]
    pub fn stderr(mut self, output: Output) -> Self {
        self.stderr = output;
        self
    }

    /// With a terminal as descriptors 0 to 2 and as the controlling one.
    #[must_use]
    pub fn on_a_terminal(mut self) -> Self {
        self.on_a_terminal = true;
        self
    }

    pub(crate) fn command(&self) -> Command {
        let probe = binaries::probe();
        // Nor sockets of each other, which they would ask whether somebody is there.
        let mut words = ["launch", "--mount-proc", "--own-run"]
            .map(String::from)
            .to_vec();
        if let Some(with_bystander) = self.below_a_parent {
            words.extend(["--", &probe, "parent"].map(String::from));
            if with_bystander {
                words.push(String::from("--bystander"));
            }
            words.extend(["--", &probe, "launch"].map(String::from));
        }
        if !self.has_proc {
            words.extend(["--hide", "/proc"].map(String::from));
        }
        words.extend(self.launch.iter().cloned());
        let program = self.program.clone().unwrap_or_else(binaries::lastout);
        words.extend([String::from("--"), program.display().to_string()]);
        words.extend(self.arguments.iter().cloned());

        let mut command = Command::new(probe);
        command.args(words).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        // A test must not depend on what its runner has in its environment.
        command.env_clear().env("PATH", PATH).current_dir("/");
        command.envs(self.environment.iter().cloned());
        command
    }
}
