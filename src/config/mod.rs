//! supervisor.toml: from its text to a checked [`Plan`].
//!
//! ```text
//! find      which file
//! read      regular, UTF-8, at most 1 MiB          text   line, column, carets
//! tree      TOML with a place for everything       problem  what is wrong, all of it
//! include   which other files                      sections  all files put together
//! program, supervisor   keys into meanings         value, duration, words, expand
//! check     what the machine says to it            explain  the plan in words
//! ```
//!
//! All errors are found before any is told, each with its place, its line and a hint;
//! with one error there is no plan. A key that this version does not know is an error:
//! nothing is accepted and ignored. The same code serves the start, the reload and
//! `lastout check`. It never asks for the environment of the process (it is passed
//! in), never blocks on a FIFO, and never writes anything.

use std::path::{Path, PathBuf};
use std::time::Duration;

use log::LevelFilter;

use lastout_core::{
    Condition, LEFTOVER_TIME, Need, ProgramId, ProgramSpec, STOP_TIMEOUT, SignalTable, Spec,
};

use crate::limits::Limits;
use crate::plan::{Launch, Manner, Plan, Slate, Stdin};

mod check;
mod duration;
mod environment;
mod expand;
mod explain;
mod find;
mod include;
mod keys;
mod problem;
mod program;
mod read;
mod sections;
mod supervisor;
mod text;
mod tree;
mod value;
mod words;

#[cfg(test)]
mod tests;

pub use crate::say::LogFormat;
pub use check::{Accounts, UnknownAccounts};
pub use duration::{format_duration, parse_duration};
pub use environment::Environment;
pub use explain::explain;
pub use find::{NotFound, Source, find};
pub use problem::Report;

use expand::Variables;
use problem::{Problem, Problems};
use program::{Context, Program};
use sections::Sections;
use supervisor::Supervisor;
use text::Files;

/// What a configuration is checked against, beside its own text.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// lastout's own environment.
    pub environment: &'a Environment,
    /// Who is known on this machine.
    pub accounts: &'a dyn Accounts,
    /// Whether lastout's stdin is a terminal that a program can be given.
    pub has_terminal: bool,
}

/// What the command line says about a configuration.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `--stop-timeout`; wins over `$LASTOUT_STOP_TIMEOUT`, which wins over the file.
    pub stop_timeout: Option<Duration>,
    /// The command. It becomes the last program, starts when all that start by
    /// themselves are up, and its end ends the container.
    pub command: Option<(ProgramSpec, Launch)>,
    /// [`Spec::strict`].
    pub strict: bool,
    /// [`Spec::expected_codes`].
    pub expected_codes: Vec<u8>,
    /// [`Spec::seed`].
    pub seed: u64,
}

/// A configuration without an error.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The main file.
    pub path: PathBuf,
    /// What is to be supervised, and the warnings.
    pub plan: Plan,
    /// From `$LASTOUT_LOG`, else from the file.
    pub log_level: LevelFilter,
    /// Of lastout's own log.
    pub log_format: LogFormat,
}

/// Reads and checks a configuration.
///
/// # Errors
///
/// All that is wrong with it, and nothing was done.
pub fn load(
    path: &Path,
    surroundings: Surroundings<'_>,
    options: Options,
) -> Result<Loaded, Report> {
    let mut files = Files::default();
    let mut problems = Problems::default();
    let loaded = check_all(path, surroundings, options, (&mut files, &mut problems));
    if problems.is_empty() {
        let mut loaded = loaded;
        loaded.plan.warnings = problems.warnings(&files);
        Ok(loaded)
    } else {
        Err(problems.report(&files))
    }
}

/// A plan that means something only if no problem was noted.
fn check_all(
    path: &Path,
    surroundings: Surroundings<'_>,
    options: Options,
    (files, problems): (&mut Files, &mut Problems),
) -> Loaded {
    let variables = Variables {
        environment: surroundings.environment,
        program: None,
    };
    let sections = sections::read(path, &variables, files, problems);
    let command = options.command.as_ref().map(|(spec, _)| spec.name.as_str());
    let context = Context {
        files,
        variables,
        defaults: &sections.defaults,
        reserved: command,
    };
    let programs = read_programs(&sections, context, problems);
    if sections.programs.is_empty() && command.is_none() && problems.is_empty() {
        let name = text::printable(&path.to_string_lossy());
        let problem = Problem::nowhere(format!("{name}: there is no program in it"));
        let problem = problem.note("[program.NAME] with a `command` is one");
        problems.error(problem.of_absence());
    }
    check::check(&programs, surroundings.accounts, command, problems);
    let supervisor = supervisor::read(&sections.supervisor, surroundings.environment, problems);
    let names = sections.programs.iter().map(|entry| entry.name.as_str());
    let names: Vec<&str> = names.chain(command).collect();
    let signals = supervisor::signals(&sections.signals, &names, problems);
    let stop_timeout = stop_timeout(&supervisor, &options, &programs, problems);
    Loaded {
        path: path.to_owned(),
        log_level: supervisor.log_level,
        log_format: supervisor.log_format,
        plan: plan(programs, surroundings, options, problems).with(signals, stop_timeout),
    }
}

fn read_programs(
    sections: &Sections,
    context: Context<'_>,
    problems: &mut Problems,
) -> Vec<Program> {
    program::check_defaults(context, problems);
    let entries = sections.programs.iter();
    entries
        .filter_map(|entry| program::read(entry, context, problems))
        .collect()
}

/// The bound on the whole shutdown (STOP-5).
fn stop_timeout(
    supervisor: &Supervisor,
    options: &Options,
    programs: &[Program],
    problems: &mut Problems,
) -> Duration {
    let of_file = supervisor.stop_timeout.map(|(duration, _)| duration);
    let asked_for = options.stop_timeout;
    let asked_for = asked_for.or(supervisor.stop_timeout_variable).or(of_file);
    if let Some(asked_for) = asked_for {
        check::check_times(programs, asked_for, problems);
        return asked_for;
    }
    // No program waits for another one to be gone, and the command has no bound of its
    // own, so that the longest chain is the longest of them.
    let set = programs.iter().filter_map(|program| program.stopwaitsecs);
    let longest = set.map(|(duration, _)| duration).max();
    longest.unwrap_or_default().max(STOP_TIMEOUT)
}

fn plan(
    programs: Vec<Program>,
    surroundings: Surroundings<'_>,
    options: Options,
    problems: &mut Problems,
) -> Plan {
    let mut specs = Vec::with_capacity(programs.len() + 1);
    let mut launches = Vec::with_capacity(programs.len() + 1);
    for mut program in programs {
        program.spec.has_terminal = surroundings.has_terminal && program.stdin.0 == Stdin::Inherit;
        let launch = launch(&program, surroundings.environment);
        check::check_command(&program, &launch, problems);
        specs.push(program.spec);
        launches.push(launch);
    }
    let mut main = None;
    if let Some((mut spec, launch)) = options.command {
        let ids = (0u32..).map(ProgramId).zip(&specs);
        let started = ids.filter(|(_, spec)| spec.autostart);
        spec.needs.extend(started.map(|(program, _)| Need {
            program,
            condition: Condition::Ready,
        }));
        main = u32::try_from(specs.len()).ok().map(ProgramId);
        specs.push(spec);
        launches.push(launch);
    }
    let spec = Spec {
        leftover_time: options.stop_timeout.unwrap_or(LEFTOVER_TIME),
        main,
        expected_codes: options.expected_codes,
        strict: options.strict,
        seed: options.seed,
        ..Spec::new(specs)
    };
    Plan {
        spec,
        launches,
        warnings: Vec::new(),
        face: None,
    }
}

impl Plan {
    fn with(mut self, signals: SignalTable, stop_timeout: Duration) -> Plan {
        self.spec.signals = signals;
        self.spec.stop_timeout = Some(stop_timeout);
        self
    }
}

/// How a program of a configuration is launched: with a clean slate (PID-8).
fn launch(program: &Program, environment: &Environment) -> Launch {
    let argv = program.argv.as_ref().map(|(argv, _)| argv.clone());
    let user = program.user.as_ref().map(|(user, _)| user.clone());
    Launch {
        argv: argv.unwrap_or_default(),
        environment: environment.of_program(
            &program.spec.name,
            &program.environment,
            program.user.is_some(),
        ),
        directory: program.directory.as_ref().map(|(path, _)| path.clone()),
        user,
        umask: program.umask,
        stdin: program.stdin.0,
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
