//! `[control]`: whether there is a control socket, where it is, and who may ask.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use super::check::{Accounts, check_name};
use super::expand::Variables;
use super::keys;
use super::problem::{Problem, Problems};
use super::read::reason;
use super::text::{Files, quoted};
use super::tree::{self, Table, Value};
use super::value::{Field, wrong_name};
use crate::control::settings::Settings;

/// What the address of a socket has room for, less the NUL before or behind it (unix(7)).
const LONGEST_SOCKET: usize = 107;

/// They are looked up one by one.
const MOST_READERS: usize = 1000;

/// Reads `[control]`. `None`: there is to be no socket.
pub(super) fn read(
    table: &Table,
    (variables, files): (&Variables<'_>, &Files),
    accounts: &dyn Accounts,
    problems: &mut Problems,
) -> Option<Settings> {
    const SECTION: &str = "[control]";
    keys::refuse_unknown(table, SECTION, &keys::CONTROL, problems);
    let field = |name| tree::get(table, name).map(|entry| Field::new(SECTION, entry));
    let mut settings = Settings::default();
    let mut is_enabled = true;
    if let Some(field) = field("enabled") {
        problems.take_into(&mut is_enabled, field.boolean());
    }
    if let Some(field) = field("socket") {
        let name = field.expanded("a path or \"@name\"", variables, files);
        let socket = name.and_then(|name| socket(field, name));
        settings.socket = problems.take(socket);
    }
    if let Some(field) = field("readers") {
        let read = readers(field, accounts, problems);
        problems.take_into(&mut settings.readers, read);
    }
    is_enabled.then_some(settings)
}

/// The name of a socket that could be made.
fn socket(field: Field<'_>, name: Vec<u8>) -> Result<OsString, Problem> {
    let shown = String::from_utf8_lossy(&name).into_owned();
    let wrong = |why: &str| field.wrong(format_args!("{} {why}", quoted(&shown)));
    if name.len() > LONGEST_SOCKET {
        let problem = field.wrong("the name is too long");
        return Err(problem.note(format_args!(
            "a socket's has {LONGEST_SOCKET} bytes at most"
        )));
    }
    if name == b"@" {
        return Err(wrong("is no name"));
    }
    if name.starts_with(b"@") {
        return Ok(OsString::from_vec(name));
    }
    let path = Path::new(OsStr::from_bytes(&name));
    if !path.is_absolute() {
        let problem = wrong("is neither an absolute path nor an abstract name");
        return Err(problem.note("as \"/run/app/control.sock\" or \"@app\""));
    }
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => {}
        Ok(_) => return Err(wrong("is there, and no socket")),
        Err(_) => {
            let folder = path.parent().unwrap_or(path);
            let found = fs::metadata(folder);
            let why = match found {
                Ok(found) if found.is_dir() => None,
                Ok(_) => Some("Not a directory".to_owned()),
                Err(e) => Some(reason(&e)),
            };
            if let Some(why) = why {
                let folder = folder.to_string_lossy();
                let folder = quoted(&folder);
                return Err(field.wrong(format_args!("its directory {folder}: {why}")));
            }
        }
    }
    Ok(OsString::from_vec(name))
}

/// Users, by name or number.
fn readers(
    field: Field<'_>,
    accounts: &dyn Accounts,
    problems: &mut Problems,
) -> Result<Vec<String>, Problem> {
    let hint = "as [\"www-data\", \"1000\"]";
    let Value::Array(items) = &field.node.value else {
        return Err(field.expected("an array of users").note(hint));
    };
    if items.len() > MOST_READERS {
        let problem = field.wrong("too many users");
        return Err(problem.note(format_args!("{MOST_READERS} at most")));
    }
    let users = accounts.users();
    let mut readers = Vec::new();
    for item in items {
        let field = field.part(item);
        let name = field.string("a user").map_err(|problem| problem.note(hint));
        let reader = name.and_then(|name| match wrong_name(name) {
            Some(why) => Err(field.wrong(format_args!("the user {why}"))),
            None => {
                check_name("user", name, users.as_deref(), item.place)?;
                Ok(name.to_owned())
            }
        });
        readers.extend(problems.take(reader));
    }
    Ok(readers)
}
