//! Files that lines are written to: only ever regular ones, never through a link, and
//! with the permissions that were asked for (LOG-5).

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use nix::fcntl::{OFlag, open};
use nix::sys::stat::{FileStat, Mode, fchmod, fstat, lstat};

/// Appends to a file.
#[derive(Debug)]
pub struct LogFd(OwnedFd);

impl LogFd {
    /// Opens the file of this name, or makes it with exactly these permissions. The
    /// directories have to be there.
    ///
    /// # Errors
    /// What it is instead of a regular file; those of open(2).
    pub fn open(path: &Path, mode: u32) -> io::Result<LogFd> {
        // O_NONBLOCK: a FIFO that nobody reads is an error and not a wait.
        let flags = OFlag::O_WRONLY
            | OFlag::O_APPEND
            | OFlag::O_CLOEXEC
            | OFlag::O_NOFOLLOW
            | OFlag::O_NONBLOCK
            | OFlag::O_NOCTTY;
        let there = open(path, flags, Mode::empty());
        let (file, is_new) = match there {
            Err(nix::Error::ENOENT) => {
                let flags = flags | OFlag::O_CREAT | OFlag::O_EXCL;
                (open(path, flags, Mode::S_IRUSR | Mode::S_IWUSR), true)
            }
            Ok(_) | Err(_) => (there, false),
        };
        let file = match file {
            Ok(file) => LogFd(file),
            Err(nix::Error::ELOOP) => return Err(refusal(libc::S_IFLNK)),
            Err(nix::Error::ENXIO) => {
                let kind = lstat(path).map_or(0, |stat| stat.st_mode & libc::S_IFMT);
                return Err(refusal(kind));
            }
            Err(error) => return Err(error.into()),
        };
        let kind = file.stat()?.st_mode & libc::S_IFMT;
        if kind != libc::S_IFREG {
            return Err(refusal(kind));
        }
        if is_new {
            // The umask has no say in it.
            fchmod(&file.0, Mode::from_bits_truncate(mode))?;
        }
        Ok(file)
    }

    fn stat(&self) -> io::Result<FileStat> {
        Ok(fstat(&self.0)?)
    }

    /// How many bytes it has.
    ///
    /// # Errors
    /// Those of fstat(2).
    pub fn size(&self) -> io::Result<u64> {
        Ok(u64::try_from(self.stat()?.st_size).unwrap_or(0))
    }

    /// Whether it is what has this name now.
    #[must_use]
    pub fn is_at(&self, path: &Path) -> bool {
        match (self.stat(), lstat(path)) {
            (Ok(own), Ok(there)) => (own.st_dev, own.st_ino) == (there.st_dev, there.st_ino),
            (Err(_), _) | (_, Err(_)) => false,
        }
    }

    /// Whether it ends inside of a line, as far as may be told: it is written to by this
    /// name, and has to be readable by it too.
    #[must_use]
    pub fn ends_in_a_line(&self, path: &Path) -> bool {
        let flags = OFlag::O_RDONLY
            | OFlag::O_CLOEXEC
            | OFlag::O_NOFOLLOW
            | OFlag::O_NONBLOCK
            | OFlag::O_NOCTTY;
        let Ok(reader) = open(path, flags, Mode::empty()).map(LogFd) else {
            return false;
        };
        let (Ok(own), Ok(there)) = (self.stat(), reader.stat()) else {
            return false;
        };
        let mut last = [b'\n'];
        // SAFETY: there is room for the one byte that is asked for.
        let count = unsafe {
            let at = own.st_size.saturating_sub(1);
            libc::pread(reader.0.as_raw_fd(), last.as_mut_ptr().cast(), 1, at)
        };
        (own.st_dev, own.st_ino) == (there.st_dev, there.st_ino) && count == 1 && last != *b"\n"
    }

    /// Appends as much of it as there is room for, and says how much that is.
    ///
    /// # Errors
    /// Those of write(2).
    pub fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        // SAFETY: pointer and length are of one slice.
        let written =
            unsafe { libc::write(self.0.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) };
        usize::try_from(written).map_err(|_| io::Error::last_os_error())
    }

    /// Makes it so short.
    ///
    /// # Errors
    /// Those of ftruncate(2).
    pub fn truncate(&self, size: u64) -> io::Result<()> {
        let size = libc::off_t::try_from(size).map_err(io::Error::other)?;
        // SAFETY: no pointers.
        if unsafe { libc::ftruncate(self.0.as_raw_fd(), size) } < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }
}

/// What is wrong with something of this kind.
fn refusal(kind: libc::mode_t) -> io::Error {
    let what = match kind {
        libc::S_IFLNK => "a symbolic link, which is not followed",
        libc::S_IFIFO => "a FIFO, not a regular file",
        libc::S_IFSOCK => "a socket, not a regular file",
        libc::S_IFCHR | libc::S_IFBLK => "a device, not a regular file",
        _ => "not a regular file",
    };
    io::Error::other(format!("it is {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn log_5_a_new_file_has_the_mode_and_an_old_one_keeps_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        let file = LogFd::open(&path, 0o666).unwrap();
        // The usual umask is 022.
        assert_eq!(mode(), 0o666);
        assert_eq!(file.write(b"a\n").unwrap(), 2);
        let again = LogFd::open(&path, 0o600).unwrap();
        assert_eq!(mode(), 0o666);
        again.write(b"b\n").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"a\nb\n");
        assert_eq!(file.size().unwrap(), 4);
        assert!(!file.ends_in_a_line(&path));
        file.write(b"c").unwrap();
        assert!(again.ends_in_a_line(&path));
        assert!(!again.ends_in_a_line(Path::new("/proc/version")));
        assert!(file.is_at(&path) && again.is_at(&path));
        std::fs::rename(&path, directory.path().join("moved")).unwrap();
        assert!(!file.is_at(&path));
    }

    #[test]
    fn log_5_nothing_but_a_regular_file_is_opened() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        symlink(at("target"), at("dangling")).unwrap();
        std::fs::write(at("secret"), "x").unwrap();
        symlink(at("secret"), at("link")).unwrap();
        nix::unistd::mkfifo(&at("fifo"), Mode::S_IRWXU).unwrap();
        std::fs::create_dir(at("directory")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        let reader = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(at("fifo"));
        for (name, expected) in [
            ("dangling", "symbolic link"),
            ("link", "symbolic link"),
            ("fifo", "FIFO"),
            ("socket", "socket"),
            ("directory", "directory"),
            ("no/such/directory", "No such file or directory"),
        ] {
            let error = LogFd::open(&at(name), 0o600).unwrap_err().to_string();
            assert!(error.contains(expected), "{name}: {error}");
        }
        drop(reader);
        let error = LogFd::open(&at("fifo"), 0o600).unwrap_err().to_string();
        assert!(error.contains("FIFO"), "{error}");
        let error = LogFd::open(Path::new("/dev/null"), 0o600).unwrap_err();
        assert!(error.to_string().contains("device"), "{error}");
        assert!(!at("target").exists());
        assert_eq!(std::fs::read(at("secret")).unwrap(), b"x");
    }
}
