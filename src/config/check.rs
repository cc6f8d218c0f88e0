//! What only the machine can tell: directories, users, and whether a command is there.
//! And what only all programs together can tell.

use std::ffi::{CStr, OsStr};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use super::duration::format_duration;
use super::environment::{DEFAULT_PATH, value_in};
use super::problem::{Problem, Problems};
use super::program::Program;
use super::read::reason;
use super::text::{Place, quoted};
use super::value::is_numeric;
use crate::plan::{Launch, Stdin};

/// Who is known on this machine. What cannot be told (no such file) is no error: a name
/// is looked up again when its program starts.
pub trait Accounts {
    /// The names of all users; `None`: that cannot be told.
    fn users(&self) -> Option<Vec<String>>;
    /// The names of all groups; `None`: that cannot be told.
    fn groups(&self) -> Option<Vec<String>>;
}

/// No user and no group can be told.
#[derive(Clone, Copy, Debug)]
pub struct UnknownAccounts;

impl Accounts for UnknownAccounts {
    fn users(&self) -> Option<Vec<String>> {
        None
    }

    fn groups(&self) -> Option<Vec<String>> {
        None
    }
}

/// Checks the directories and users of all programs, and that one terminal is enough.
pub(super) fn check(
    programs: &[Program],
    accounts: &dyn Accounts,
    command: Option<&str>,
    problems: &mut Problems,
) {
    let needs_names = programs.iter().any(|program| program.user.is_some());
    let users = needs_names.then(|| accounts.users()).flatten();
    let groups = needs_names.then(|| accounts.groups()).flatten();
    for program in programs {
        if let Some((directory, place)) = &program.directory {
            problems.take(check_directory(directory, *place));
        }
        if let Some((user, place)) = &program.user {
            problems.take(check_name("user", &user.user, users.as_deref(), *place));
            let group = user.group.as_deref().unwrap_or("0");
            problems.take(check_name("group", group, groups.as_deref(), *place));
        }
    }
    check_terminal(programs, command, problems);
}

fn check_directory(directory: &Path, place: Place) -> Result<(), Problem> {
    let wrong = |why: &str| {
        let name = quoted(&directory.to_string_lossy());
        Err(Problem::at(
            place,
            format!("cannot enter directory {name}: {why}"),
        ))
    };
    match fs::metadata(directory) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => wrong("Not a directory"),
        Err(e) => wrong(&reason(&e)),
    }
}

fn check_name(
    what: &str,
    name: &str,
    known: Option<&[String]>,
    place: Place,
) -> Result<(), Problem> {
    let Some(known) = known else {
        return Ok(());
    };
    if is_numeric(name) || known.iter().any(|k| k == name) {
        return Ok(());
    }
    let problem = Problem::at(place, format!("there is no {what} {}", quoted(name)));
    Err(problem.nearest(name, known.iter().map(String::as_str)))
}

fn check_terminal(programs: &[Program], command: Option<&str>, problems: &mut Problems) {
    let mut inherits = programs
        .iter()
        .filter(|program| program.stdin.0 == Stdin::Inherit);
    if let Some(command) = command {
        for program in inherits {
            let name = quoted(&program.spec.name);
            let message = format!("{name} cannot have lastout's stdin");
            let problem = Problem::at(program.stdin.1, message);
            problems.error(problem.note(format!(
                "the command on the command line ({}) has it",
                quoted(command)
            )));
        }
        return;
    }
    let Some(first) = inherits.next() else {
        return;
    };
    for program in inherits {
        let name = quoted(&program.spec.name);
        let message = format!("{name} cannot have lastout's stdin, too");
        let has_it = format!("{} has it already:", quoted(&first.spec.name));
        let problem = Problem::at(program.stdin.1, message);
        problems.error(problem.see(has_it, first.stdin.1));
    }
}

/// Warns of a command that is not there. It may be by the time of the start.
pub(super) fn check_command(program: &Program, launch: &Launch, problems: &mut Problems) {
    let (Some((_, place)), Some(command)) = (&program.argv, launch.argv.first()) else {
        return;
    };
    let name = quoted(&program.spec.name);
    if let Some(why) = missing(command, launch) {
        problems.warning(Problem::at(*place, format!("{name}: {why}")));
    }
}

/// Why a command would not be found, as far as can be told from here: which of the
/// permissions count depends on the user that it will run as.
fn missing(command: &CStr, launch: &Launch) -> Option<String> {
    let name = Path::new(OsStr::from_bytes(command.to_bytes()));
    let shown = quoted(&name.to_string_lossy());
    let base = launch.directory.as_deref().unwrap_or(Path::new(""));
    if command.to_bytes().contains(&b'/') {
        return match fs::metadata(base.join(name)) {
            Ok(metadata) if !metadata.is_file() => Some(format!("{shown} is not a file")),
            Ok(metadata) if metadata.permissions().mode() & 0o111 == 0 => {
                Some(format!("{shown} is not executable"))
            }
            Ok(_) => None,
            Err(e) => Some(format!("the command {shown}: {}", reason(&e))),
        };
    }
    let path = value_in(&launch.environment, "PATH").unwrap_or(DEFAULT_PATH.into());
    let folders = path.as_bytes().split(|b| *b == b':').map(OsStr::from_bytes);
    let mut candidates = folders.map(|folder| base.join(folder).join(name));
    let is_there = candidates.any(|candidate| {
        let metadata = fs::metadata(candidate);
        metadata.is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
    });
    (!is_there).then(|| {
        let path = path.to_string_lossy();
        format!("the command {shown} is not in its PATH ({})", quoted(&path))
    })
}

/// Warns of times that the shutdown does not grant.
pub(super) fn check_times(programs: &[Program], stop_timeout: Duration, problems: &mut Problems) {
    for program in programs {
        let Some((time, place)) = program.stopwaitsecs else {
            continue;
        };
        if time > stop_timeout {
            problems.warning(Problem::at(
                place,
                format!(
                    "{}: `stopwaitsecs` ({}) is longer than the whole shutdown may take ({})",
                    quoted(&program.spec.name),
                    format_duration(time),
                    format_duration(stop_timeout)
                ),
            ));
        }
    }
}
