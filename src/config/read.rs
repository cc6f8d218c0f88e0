//! Files into text: regular ones of at most 1 MiB that are UTF-8, and nothing else;
//! secrets may be any bytes.
//!
//! Never blocks: a FIFO or a device is refused, not waited for.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use super::text::printable;

/// A configuration is written by hand; what is larger is something else.
const LARGEST: u64 = 1024 * 1024;

/// The text of a file and which file it is, whatever its name.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) text: String,
    pub(super) identity: Identity,
}

/// Device and inode.
pub(super) type Identity = (u64, u64);

/// Why a file cannot be read.
#[derive(Debug)]
pub(super) struct Unreadable {
    /// With the name of the file.
    pub(super) why: String,
    pub(super) is_missing: bool,
}

/// Reads a file, or says why not, with its name.
pub(super) fn read(path: &Path) -> Result<Contents, Unreadable> {
    let (bytes, identity) = read_bytes(path)?;
    let text = String::from_utf8(bytes).map_err(|e| {
        let name = printable(&path.to_string_lossy());
        let valid = e.utf8_error().valid_up_to();
        let before = e.as_bytes().get(..valid).unwrap_or_default();
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        Unreadable {
            why: format!("{name}:{line}: not UTF-8"),
            is_missing: false,
        }
    })?;
    Ok(Contents { text, identity })
}

/// As [`read`], but for what need not be text.
pub(super) fn read_bytes(path: &Path) -> Result<(Vec<u8>, Identity), Unreadable> {
    let refused = |why: &str| Unreadable {
        why: format!("{}: {why}", printable(&path.to_string_lossy())),
        is_missing: false,
    };
    let failed = |e: io::Error| Unreadable {
        is_missing: e.kind() == io::ErrorKind::NotFound,
        ..refused(&format!("cannot read: {}", reason(&e)))
    };
    let file = open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(refused("not a regular file, but a directory"));
    }
    if !metadata.is_file() {
        return Err(refused("not a regular file"));
    }
    let mut bytes = Vec::new();
    let limited = (&file).take(LARGEST + 1).read_to_end(&mut bytes);
    limited.map_err(failed)?;
    if bytes.len() as u64 > LARGEST {
        return Err(refused("larger than 1 MiB"));
    }
    Ok((bytes, (metadata.dev(), metadata.ino())))
}

fn open(path: &Path) -> io::Result<File> {
    // Without O_NONBLOCK the open of a FIFO waits for a writer (fifo(7)).
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// What the system says, without the number that std puts behind it.
pub(super) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text.get(..end).unwrap_or(&text).to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn only_regular_files_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let fifo = directory.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let refused = |path: &Path| read(path).unwrap_err().why;
        assert_eq!(
            refused(&fifo),
            format!("{}: not a regular file", fifo.display())
        );
        let name = directory.path().display();
        assert_eq!(
            refused(directory.path()),
            format!("{name}: not a regular file, but a directory")
        );
        assert_eq!(
            refused(Path::new("/dev/null")),
            "/dev/null: not a regular file"
        );
        let socket = directory.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert!(refused(&socket).contains("cannot read: "));
        assert_eq!(
            refused(Path::new("/nowhere/x")),
            "/nowhere/x: cannot read: No such file or directory"
        );
    }

    #[test]
    fn files_of_more_than_a_mebibyte_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("f");
        fs::write(&path, "#".repeat(1024 * 1024)).unwrap();
        assert_eq!(read(&path).unwrap().text.len(), 1024 * 1024);
        fs::write(&path, "#".repeat(1024 * 1024 + 1)).unwrap();
        assert_eq!(
            read(&path).unwrap_err().why,
            format!("{}: larger than 1 MiB", path.display())
        );
    }

    #[test]
    fn what_is_not_utf_8_is_refused_with_its_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("f");
        fs::write(&path, b"a = 1\nb = \"\xff\"\n").unwrap();
        assert_eq!(
            read(&path).unwrap_err().why,
            format!("{}:2: not UTF-8", path.display())
        );
    }
}
