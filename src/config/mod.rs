//! supervisor.toml: from its text to a checked [`Plan`].
//!
//! ```text
//! find      which file
//! read      regular, UTF-8, at most 1 MiB          text   line, column, carets
//! tree      TOML with a place for everything       problem  what is wrong, all of it
//! include   which other files                      sections  all files put together
//! program, supervisor, control  keys into meanings value, duration, size, address,
//!                                                  words, expand, env_file
//! names, depends        which programs are meant   doubt    what is surely not meant
//! check, log_files   what the machine says to it   explain  the plan in words
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
    Condition, Kind, LEFTOVER_TIME, Need, ProgramId, ProgramSpec, STOP_TIMEOUT, Spec,
};

use crate::plan::{Launch, Plan, Stdin};

mod address;
mod check;
mod control;
mod depends;
mod doubt;
mod duration;
mod env_file;
mod environment;
mod expand;
mod explain;
mod find;
mod include;
mod keys;
mod log_files;
mod names;
mod problem;
mod program;
mod read;
mod sections;
mod size;
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
pub use explain::{explain, explain_reload};
pub use find::{NotFound, Source, find};
pub use problem::Report;
pub(crate) use problem::nearest;

use depends::Graph;
use expand::Variables;
use names::Names;
use problem::{Problem, Problems};
use program::{Context, Definition, Program};
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
        owner: None,
    };
    let sections = sections::read(path, &variables, files, problems);
    let command = options.command.as_ref().map(|(spec, _)| spec.name.clone());
    let command = command.as_deref();
    let context = Context {
        files,
        variables,
        defaults: &sections.defaults,
        reserved: command,
    };
    let mut definitions = program::read_all(&sections.programs, context, problems);
    if sections.programs.is_empty() && command.is_none() && problems.is_empty() {
        let name = text::printable(&path.to_string_lossy());
        let problem = Problem::nowhere(format_args!("{name}: there is no program in it"));
        let problem = problem.note("[program.NAME] with a `command` is one");
        problems.error(problem.of_absence());
    }
    let names = Names::new(&definitions, command);
    let graph = depends::resolve(&mut definitions, &names, problems);
    check::check(&definitions, surroundings.accounts, command, problems);
    log_files::check(&definitions, problems);
    for definition in &definitions {
        check::check_commands(definition, problems);
        doubt::check(definition, problems);
    }
    let supervisor = supervisor::read(&sections.supervisor, surroundings.environment, problems);
    doubt::check_startup(&definitions, &supervisor, problems);
    let read_with = (&variables, &*files);
    let accounts = surroundings.accounts;
    let control = control::read(&sections.control, read_with, accounts, problems);
    let signals = supervisor::signals(&sections.signals, &names, problems);
    let stop_timeout = stop_timeout(&supervisor, &options, (&definitions, &graph), problems);
    let mut plan = plan(definitions, surroundings, options);
    plan.control = control;
    plan.spec.signals = signals;
    plan.spec.stop_timeout = Some(stop_timeout);
    plan.spec.startup_timeout = supervisor.startup_timeout.map(|(time, _)| time);
    Loaded {
        path: path.to_owned(),
        log_level: supervisor.log_level,
        log_format: supervisor.log_format,
        plan,
    }
}

/// The bound on the whole shutdown (STOP-5).
fn stop_timeout(
    supervisor: &Supervisor,
    options: &Options,
    (definitions, graph): (&[Definition<'_>], &Graph),
    problems: &mut Problems,
) -> Duration {
    let of_file = supervisor.stop_timeout.map(|(duration, _)| duration);
    let asked_for = options.stop_timeout;
    let asked_for = asked_for.or(supervisor.stop_timeout_variable).or(of_file);
    if let Some(asked_for) = asked_for {
        doubt::check_times(definitions, graph, asked_for, problems);
        return asked_for;
    }
    // A program is told only when those that need it are gone, so that the times of a
    // chain add up. The command has no bound of its own.
    let (longest, _) = doubt::longest_chain(definitions, graph);
    longest.max(STOP_TIMEOUT)
}

fn plan(
    definitions: Vec<Definition<'_>>,
    surroundings: Surroundings<'_>,
    options: Options,
) -> Plan {
    let mut specs = Vec::with_capacity(definitions.len() + 1);
    let mut launches = Vec::with_capacity(definitions.len() + 1);
    let instances = definitions.into_iter().flat_map(|d| d.instances);
    for Program { mut spec, launch } in instances {
        spec.has_terminal = surroundings.has_terminal && launch.stdin == Stdin::Inherit;
        specs.push(spec);
        launches.push(launch);
    }
    let mut main = None;
    if let Some((mut spec, launch)) = options.command {
        let ids = (0u32..).map(ProgramId).zip(&specs);
        let started = ids.filter(|(_, spec)| spec.autostart && spec.schedule.is_none());
        spec.needs.extend(started.map(|(program, spec)| Need {
            program,
            condition: match spec.kind {
                Kind::Service => Condition::Ready,
                Kind::Oneshot => Condition::Completed,
            },
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
        control: None,
    }
}
