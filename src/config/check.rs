//! What only the machine can tell: directories, users, and whether a command is there.
//! And what only all programs together can tell.

use std::ffi::{CStr, CString, OsStr};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::environment::{DEFAULT_PATH, value_in};
use super::problem::{Problem, Problems};
use super::program::{Definition, Program};
use super::read::reason;
use super::text::{Place, quoted};
use super::value::is_numeric;
use crate::plan::{Launch, Probe, Ready, Stdin};

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
/// Of the instances of one program the first that is wrong is told.
pub(super) fn check(
    definitions: &[Definition<'_>],
    accounts: &dyn Accounts,
    command: Option<&str>,
    problems: &mut Problems,
) {
    let instances = || definitions.iter().flat_map(|d| &d.instances);
    let needs_names = instances().any(|program| program.launch.user.is_some());
    let users = needs_names.then(|| accounts.users()).flatten();
    let groups = needs_names.then(|| accounts.groups()).flatten();
    for definition in definitions {
        let keys = &definition.keys;
        if let Some(field) = keys
            .field("directory")
            .filter(|_| !definition.is_made_ready())
        {
            let directories = definition.instances.iter();
            let mut directories = directories.filter_map(|p| p.launch.directory.as_deref());
            let wrong = directories.try_for_each(|d| check_directory(d, field.node.place));
            problems.take(wrong);
        }
        if let Some(field) = keys.field("user") {
            let place = field.node.place;
            let mut set = definition
                .instances
                .iter()
                .filter_map(|p| p.launch.user.as_ref());
            let wrong = set.try_for_each(|user| {
                check_name("user", &user.user, users.as_deref(), place)?;
                let group = user.group.as_deref().unwrap_or("0");
                check_name("group", group, groups.as_deref(), place)
            });
            problems.take(wrong);
        }
    }
    check_terminal(definitions, command, problems);
}

fn check_directory(directory: &Path, place: Place) -> Result<(), Problem> {
    let wrong = |why: &str| {
        let name = directory.to_string_lossy();
        let name = quoted(&name);
        Err(Problem::at(
            place,
            format_args!("cannot enter directory {name}: {why}"),
        ))
    };
    match fs::metadata(directory) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => wrong("Not a directory"),
        Err(e) => wrong(&reason(&e)),
    }
}

/// A name that is not known is an error, where it can be told who is.
pub(super) fn check_name(
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
    let problem = Problem::at(place, format_args!("there is no {what} {}", quoted(name)));
    Err(problem.nearest(name, known.iter().map(String::as_str)))
}

fn check_terminal(definitions: &[Definition<'_>], command: Option<&str>, problems: &mut Problems) {
    let inherits = |program: &Program| program.launch.stdin == Stdin::Inherit;
    let mut inherits = definitions.iter().filter_map(|definition| {
        let has_it = definition.instances.iter().any(inherits);
        let place = definition.keys.field("stdin")?.node.place;
        has_it.then_some((quoted(definition.name), place))
    });
    if let Some(command) = command {
        for (name, place) in inherits {
            let problem = Problem::at(place, format_args!("{name} cannot have lastout's stdin"));
            problems.error(problem.note(format_args!(
                "the command on the command line ({}) has it",
                quoted(command)
            )));
        }
        return;
    }
    let Some((first, first_place)) = inherits.next() else {
        return;
    };
    for (name, place) in inherits {
        let problem = Problem::at(
            place,
            format_args!("{name} cannot have lastout's stdin, too"),
        );
        problems.error(problem.see(format_args!("{first} has it already:"), first_place));
    }
}

/// Warns of commands that are not there. They may be by the time of the start.
pub(super) fn check_commands(definition: &Definition<'_>, problems: &mut Problems) {
    let Some(Program { launch, .. }) = definition.instances.first() else {
        return;
    };
    for (key, argv) in [
        ("command", Some(&launch.argv)),
        ("pre_start", launch.pre_start.as_ref()),
        ("post_stop", launch.post_stop.as_ref()),
        ("ready", launch.ready.as_ref().and_then(asks)),
        ("healthcheck", launch.health.as_ref().and_then(runs)),
    ] {
        let (Some(field), Some(command)) =
            (definition.keys.field(key), argv.and_then(|a| a.first()))
        else {
            continue;
        };
        if let Some(why) = missing(command, launch) {
            let name = quoted(definition.name);
            problems.warning(Problem::at(field.node.place, format_args!("{name}: {why}")));
        }
    }
}

fn asks(ready: &Ready) -> Option<&Vec<CString>> {
    match ready {
        Ready::Probe(probe) => runs(probe),
        Ready::Notify | Ready::Descriptor(_) | Ready::Line(_) => None,
    }
}

fn runs(probe: &Probe) -> Option<&Vec<CString>> {
    match probe {
        Probe::Exec(argv) => Some(argv),
        Probe::Tcp(_) | Probe::Http { .. } => None,
    }
}

/// Why a command would not be found, as far as can be told from here: which of the
/// permissions count depends on the user that it will run as.
fn missing(command: &CStr, launch: &Launch) -> Option<String> {
    let name = Path::new(OsStr::from_bytes(command.to_bytes()));
    let shown = name.to_string_lossy();
    let shown = quoted(&shown);
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
