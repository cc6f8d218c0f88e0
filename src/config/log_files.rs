//! The files that output goes to, as far as only the machine and all programs together can
//! tell: whether there is such a directory, whether it is a file at all, and who else
//! writes to it (LOG-5).

use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use lastout_core::order;
use nix::unistd::{AccessFlags, access};

use super::problem::{Problem, Problems};
use super::program::{Definition, Program};
use super::read::reason;
use super::size::format_size;
use super::text::quoted;
use super::value::Field;
use crate::plan::{Destination, LineFormat, LogFile, Output, Relayed};

/// A file that is renamed more often than a program writes a few hundred lines keeps
/// nothing that is worth it.
const SMALL: u64 = 64 << 10;

/// That an instance of a program writes to a file.
struct Use<'a> {
    /// Which file that is, under whatever name.
    identity: Vec<u8>,
    definition: &'a Definition<'a>,
    instance: usize,
    /// The part `file` of the key.
    field: Field<'a>,
    file: &'a LogFile,
    format: LineFormat,
}

/// Checks the files of all programs, and doubts some. Of the instances of one program the
/// first that is wrong is told.
pub(super) fn check(definitions: &[Definition<'_>], problems: &mut Problems) {
    let mut uses = Vec::new();
    for definition in definitions {
        for key in ["stdout", "stderr"] {
            let field = definition.keys.field(key);
            let Some(field) = field.and_then(|field| field.get("file")) else {
                continue;
            };
            for (instance, program) in definition.instances.iter().enumerate() {
                let Some((file, format)) = written(program, key) else {
                    continue;
                };
                let Some(identity) = problems.take(look(definition, field, file)) else {
                    break;
                };
                uses.push(Use {
                    identity,
                    definition,
                    instance,
                    field,
                    file,
                    format,
                });
            }
            doubt(definition, field, uses.last(), problems);
        }
    }
    order::sort_by(&mut uses, |a, b| a.identity.cmp(&b.identity));
    let mut first = None;
    for this in &uses {
        match first.filter(|first: &&Use<'_>| first.identity == this.identity) {
            Some(first) => check_shared(first, this, problems),
            None => {
                first = Some(this);
                check_name(this, &uses, problems);
            }
        }
    }
}

/// The file that one stream of a program goes to.
fn written<'a>(program: &'a Program, key: &str) -> Option<(&'a LogFile, LineFormat)> {
    let output = match key {
        "stdout" => &program.launch.stdout,
        _ => &program.launch.stderr,
    };
    match output {
        Output::Relayed(Relayed {
            format,
            to: Destination::File(file),
        }) => Some((file, *format)),
        Output::Relayed(_) | Output::Inherit | Output::Null | Output::Stdout => None,
    }
}

/// Looks at what is there already, and gives back which file it is or will be: the folder
/// and the name, or the path where there is no folder yet.
fn look(definition: &Definition<'_>, field: Field<'_>, file: &LogFile) -> Result<Vec<u8>, Problem> {
    let path = file.path.as_path();
    let name = path.to_string_lossy();
    let wrong = |what: &str| field.wrong(format_args!("{} is {what}", quoted(&name)));
    if let Ok(found) = fs::symlink_metadata(path) {
        let kind = found.file_type();
        let what = match () {
            () if kind.is_file() => "",
            () if kind.is_symlink() => "a link, and links are not followed",
            () if kind.is_dir() => "a directory",
            () if kind.is_fifo() => "a FIFO, not a regular file",
            () if kind.is_socket() => "a socket, not a regular file",
            () => "a device, not a regular file",
        };
        match what {
            "" => {}
            what => return Err(wrong(what)),
        }
    }
    let folder = folder_of(path);
    let missing = |why: &str| {
        let folder = folder.to_string_lossy();
        let problem = field.wrong(format_args!("its directory {}: {why}", quoted(&folder)));
        problem.note("lastout makes none; `pre_start` may")
    };
    match fs::metadata(folder) {
        Ok(found) if found.is_dir() => {
            let mut identity = format!("{}:{}/", found.dev(), found.ino()).into_bytes();
            identity.extend(path.file_name().unwrap_or_default().as_bytes());
            Ok(identity)
        }
        Ok(_) => Err(missing("Not a directory")),
        // Whoever comes before it may make the directory.
        Err(e) if e.kind() == ErrorKind::NotFound && definition.is_made_ready() => {
            Ok(path.as_os_str().as_bytes().to_vec())
        }
        Err(e) => Err(missing(&reason(&e))),
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    }
}

/// Warns of what a program alone says of its file.
fn doubt(
    definition: &Definition<'_>,
    field: Field<'_>,
    last: Option<&Use<'_>>,
    problems: &mut Problems,
) {
    let Some(Use { file, .. }) = last.filter(|last| std::ptr::eq(last.field.node, field.node))
    else {
        return;
    };
    let name = file.path.to_string_lossy();
    let mut warn = |why: &str| {
        let name = quoted(&name);
        problems.warning(field.wrong(format_args!("{name} {why}")));
    };
    if (1..SMALL).contains(&file.max_size) {
        let size = format_size(file.max_size);
        warn(&format!("is rotated all the time: every {size}"));
    }
    if file.path.as_os_str().as_bytes().starts_with(b"/dev/") {
        warn("is kept in memory");
    }
    let exists = access(&file.path, AccessFlags::F_OK).is_ok();
    let target = match exists {
        true => &file.path,
        false => folder_of(&file.path),
    };
    match access(target, AccessFlags::W_OK) {
        Err(errno) if exists || !definition.is_made_ready() => {
            warn(&format!("cannot be written to: {}", errno.desc()));
        }
        Ok(()) | Err(_) => {}
    }
}

/// Two write to one file: they have to agree on what becomes of it.
fn check_shared(first: &Use<'_>, this: &Use<'_>, problems: &mut Problems) {
    let (one, other) = (first.file, this.file);
    let name = other.path.to_string_lossy();
    let name = quoted(&name);
    let differs = match () {
        () if one.max_size != other.max_size => "max_size",
        () if one.backups != other.backups => "backups",
        () if one.mode != other.mode => "mode",
        () => "",
    };
    if !differs.is_empty() {
        let message = format_args!("{name} is written to elsewhere with another `{differs}`");
        let problem = this.field.wrong(message);
        problems.error(problem.see("there it is at", first.field.node.place));
        return;
    }
    let is_same = std::ptr::eq(first.definition, this.definition);
    let is_raw = (first.format, this.format) == (LineFormat::Raw, LineFormat::Raw);
    if !is_raw || is_same && first.instance == this.instance {
        return;
    }
    let first = quoted(first.definition.name);
    let who = match is_same {
        true => format!("all instances of {first} write"),
        false => format!("{first} writes, too"),
    };
    problems.warning(this.field.wrong(format_args!(
        "to {name} {who}: with `format = \"prefix\"` each line says whose it is"
    )));
}

/// Whether a file has the name that an older part of another one gets: `app.log.1`.
fn check_name(this: &Use<'_>, uses: &[Use<'_>], problems: &mut Problems) {
    let Some(dot) = this.identity.iter().rposition(|b| *b == b'.') else {
        return;
    };
    let (base, number) = this.identity.split_at(dot);
    let number = number.get(1..).unwrap_or_default();
    let number = str::from_utf8(number)
        .ok()
        .filter(|n| !n.starts_with(['0', '+']));
    let Some(number) = number.and_then(|number| number.parse::<u32>().ok()) else {
        return;
    };
    let at = uses.partition_point(|other| other.identity.as_slice() < base);
    if let Some(other) = uses.get(at).filter(|other| other.identity == base)
        && other.file.max_size > 0
        && number <= other.file.backups
    {
        let name = this.file.path.to_string_lossy();
        let of = other.file.path.to_string_lossy();
        let (name, of) = (quoted(&name), quoted(&of));
        let message = format_args!("{name} is what {of} is called when it is rotated");
        problems.warning(this.field.wrong(message));
    }
}
