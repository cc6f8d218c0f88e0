//! The control socket's descriptors: one that listens, one a client. None of them ever
//! waits, and no child has them: they are closed on exec.
//!
//! What is at the socket's place and is not a dead socket of ours is never touched
//! (unix(7): bind(2) makes what is not there, and never goes through a link). Who has
//! connected is known by SO_PEERCRED, which nobody can make up.

use std::ffi::{CString, OsStr};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, Flock, FlockArg, OFlag, open};
use nix::poll::poll;
use nix::sys::stat::FchmodatFlags::FollowSymlink;
use nix::sys::stat::{FileStat, Mode, fchmodat, fstat, lstat, umask};
use nix::unistd::{Pid, geteuid, mkdir, unlink};

use super::descriptors;
use super::notify::address::{Address, connect, socket_of};
use crate::control::place::{OWN_DIRECTORY, Place};

/// How many clients may wait to be accepted: those that the loop takes in a few turns.
const BACKLOG: libc::c_int = 256;

/// How often a directory is tried that another lastout makes its socket in, which takes
/// some microseconds, and the pause in milliseconds: a start does not wait for longer.
const LOCK_TRIES: u32 = 20;
const LOCK_PAUSE: u8 = 1;

/// The socket that clients connect to.
#[derive(Debug)]
pub struct Listener {
    socket: OwnedFd,
    place: Place,
    /// The socket's own file, where it has one.
    file: Option<(u64, u64)>,
    /// The process that made it. A fork of ours that leaves does not take it away.
    maker: Pid,
}

/// Why there is no socket at a place.
#[derive(Debug)]
pub enum NoSocket {
    /// It is neither an absolute path nor `@` and a name.
    NoName,
    /// Another lastout answers there.
    Taken,
    /// Something else is there, which is not ours to remove.
    InTheWay,
    /// The directory is not one that only we, or root, can put something into.
    NotOurDirectory,
    /// The kernel says no.
    Error(Errno),
}

/// A client that has connected.
#[derive(Debug)]
pub struct Peer {
    socket: OwnedFd,
    /// Its user.
    pub uid: u32,
    /// Whether it is in another PID namespace.
    pub is_outside: bool,
}

/// What came of reading or writing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Transfer {
    /// So many bytes; never none.
    Some(usize),
    /// Not now.
    Later,
    /// Nothing will be sent any more.
    End,
    /// Nobody is there.
    Broken,
}

impl std::fmt::Display for NoSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            NoSocket::NoName => "expected an absolute path, or @ and a name",
            NoSocket::Taken => "another lastout answers there",
            NoSocket::InTheWay => "something is there that is no socket which lastout left behind",
            NoSocket::NotOurDirectory => "others may write to its directory",
            NoSocket::Error(error) => error.desc(),
        })
    }
}

impl Listener {
    /// Begins to listen. `for_others`: whether other users may connect; who they are is
    /// asked then. Without a name given by somebody the directory must be safe, and
    /// lastout's own is made where it is not there.
    ///
    /// # Errors
    /// Why there is no socket.
    pub fn open(place: &Place, is_named: bool, for_others: bool) -> Result<Listener, NoSocket> {
        if !is_name(place) {
            return Err(NoSocket::NoName);
        }
        let address = Address::of(place.name()).ok_or(NoSocket::Error(Errno::ENAMETOOLONG))?;
        let path = CString::new(place.name()).map_err(|_| NoSocket::Error(Errno::EINVAL))?;
        let is_abstract = place.is_abstract();
        if !is_named && !is_abstract {
            make_own_directory(place);
            is_safe_directory(place)?;
        }
        let alone = match is_abstract {
            true => Ok(None),
            false => be_alone_in(directory_of(place)).map(Some),
        };
        if alone.as_ref().is_err_and(|error| *error == Errno::EAGAIN) {
            return Err(NoSocket::Taken);
        }
        let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK;
        let socket = socket_of(kind).map_err(NoSocket::Error)?;
        let mode = if for_others { 0o111 } else { 0o177 };
        let mut bound = bind(&socket, &address, mode);
        if bound == Err(Errno::EADDRINUSE) && !is_abstract && is_left_behind(&path, &address)? {
            // Where that cannot be made sure nothing is removed.
            alone.as_ref().map_err(|error| NoSocket::Error(*error))?;
            let _ = unlink(path.as_c_str());
            bound = bind(&socket, &address, mode);
        }
        bound.map_err(|error| match error == Errno::EADDRINUSE {
            true => NoSocket::Taken,
            false => NoSocket::Error(error),
        })?;
        // SAFETY: no memory is passed.
        Errno::result(unsafe { libc::listen(socket.as_raw_fd(), BACKLOG) })
            .map_err(NoSocket::Error)?;
        let file = match is_abstract {
            true => None,
            false => lstat(path.as_c_str()).ok().map(|stat| name_of(&stat)),
        };
        Ok(Listener {
            socket,
            place: place.clone(),
            file,
            maker: nix::unistd::getpid(),
        })
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// To be waited for.
    #[must_use]
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// The next client; `None`: there is none now.
    ///
    /// # Errors
    /// Those of accept(2) that say that there is one, and that it cannot be had.
    pub fn accept(&self) -> io::Result<Option<Peer>> {
        let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        let nowhere = std::ptr::null_mut();
        // SAFETY: null says that nobody asks for the address.
        let fd = unsafe { libc::accept4(self.socket.as_raw_fd(), nowhere, nowhere.cast(), flags) };
        if fd < 0 {
            let error = Errno::last();
            let is_nobody = matches!(error, Errno::EAGAIN | Errno::ECONNABORTED | Errno::EINTR);
            return if is_nobody {
                Ok(None)
            } else {
                Err(error.into())
            };
        }
        // SAFETY: it is new, and nobody else's.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };
        let credentials = credentials(socket.as_fd())?;
        Ok(Some(Peer {
            uid: credentials.uid,
            is_outside: credentials.pid == 0,
            socket,
        }))
    }

    /// Whether other users may connect from now on.
    pub fn let_others(&self, may: bool) {
        let mode = Mode::from_bits_truncate(if may { 0o666 } else { 0o600 });
        if let Some(Err(error)) = self.file.map(|file| self.set_mode(file, mode)) {
            log::warn!(
                "cannot change who may use the control socket: {}",
                error.desc()
            );
        }
    }

    /// Of the file itself: what else may be at its place by now keeps its mode.
    fn set_mode(&self, file: (u64, u64), mode: Mode) -> Result<(), Errno> {
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let found = open(self.place.name(), flags, Mode::empty())?;
        if name_of(&fstat(&found)?) != file {
            return Err(Errno::ESTALE);
        }
        let path = format!("/proc/self/fd/{}", found.as_raw_fd());
        fchmodat(AT_FDCWD, path.as_str(), mode, FollowSymlink)
    }

    /// Takes the socket's file away, if it is still this one's.
    pub fn unlink(&self) {
        if let Some(path) = self.own_file() {
            let _ = unlink(path.as_c_str());
        }
    }

    /// The socket's file, if it has one that is still there.
    fn own_file(&self) -> Option<CString> {
        let path = CString::new(self.place.name()).ok()?;
        let file = self.file.filter(|_| self.maker == nix::unistd::getpid())?;
        let found = lstat(path.as_c_str()).ok()?;
        (name_of(&found) == file).then_some(path)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.unlink();
    }
}

impl Peer {
    /// To be waited for.
    #[must_use]
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Whether it has one of the last descriptors that lastout may have.
    #[must_use]
    pub fn is_of_the_last(&self) -> bool {
        descriptors::is_of_the_last(self.descriptor())
    }

    /// Takes the lowest number that is free, after somebody else has left one.
    pub fn move_down(&mut self) {
        if let Ok(lower) = self.socket.as_fd().try_clone_to_owned() {
            self.socket = lower;
        }
    }

    /// For somebody else to talk to.
    #[must_use]
    pub fn into_descriptor(self) -> OwnedFd {
        self.socket
    }

    /// Ends it now: a fork of ours that has not exec'ed yet may have it as well.
    pub fn hang_up(&self) {
        // SAFETY: no memory is passed.
        unsafe { libc::shutdown(self.socket.as_raw_fd(), libc::SHUT_RDWR) };
    }

    /// Reads what is there.
    pub fn read(&self, buffer: &mut [u8]) -> Transfer {
        let fd = self.socket.as_raw_fd();
        // SAFETY: the buffer is ours and as long as it says.
        let got = unsafe { libc::recv(fd, buffer.as_mut_ptr().cast(), buffer.len(), 0) };
        if got == 0 {
            Transfer::End
        } else {
            transfer(got)
        }
    }

    /// Writes as much as there is room for.
    pub fn write(&self, bytes: &[u8]) -> Transfer {
        let fd = self.socket.as_raw_fd();
        let flags = libc::MSG_NOSIGNAL;
        // SAFETY: the bytes live for the call.
        let put = unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), flags) };
        transfer(put)
    }
}

fn transfer(count: isize) -> Transfer {
    match usize::try_from(count) {
        Ok(count) => Transfer::Some(count),
        Err(_) if matches!(Errno::last(), Errno::EAGAIN | Errno::EINTR) => Transfer::Later,
        Err(_) => Transfer::Broken,
    }
}

/// lastout's own user.
#[must_use]
pub fn own_uid() -> u32 {
    geteuid().as_raw()
}

/// The user at the other end: of a server the one that it began to listen as.
#[must_use]
pub fn uid_behind(socket: BorrowedFd<'_>) -> Option<u32> {
    credentials(socket).ok().map(|found| found.uid)
}

/// Who is at the other end, as it was when it connected (unix(7), SO_PEERCRED).
fn credentials(socket: BorrowedFd<'_>) -> Result<libc::ucred, Errno> {
    let mut credentials = libc::ucred {
        pid: 0,
        uid: u32::MAX,
        gid: u32::MAX,
    };
    let mut length = size_of_val(&credentials) as libc::socklen_t;
    // SAFETY: both are ours, and the length is that of the struct.
    Errno::result(unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut credentials).cast(),
            &raw mut length,
        )
    })?;
    Ok(credentials)
}

/// Connects to who listens at a place, and waits at most so long until there is room for
/// one more who wants in, and then for what is written: EAGAIN (socket(7), SO_SNDTIMEO).
///
/// # Errors
/// Those of connect(2); EINVAL, ENAMETOOLONG: it can be nobody's place.
pub fn connect_to(place: &Place, patience: Duration) -> Result<UnixStream, Errno> {
    let address = Address::of(place.name()).ok_or(match is_name(place) {
        true => Errno::ENAMETOOLONG,
        false => Errno::EINVAL,
    })?;
    let stream = UnixStream::from(socket_of(libc::SOCK_STREAM)?);
    // Only a time of nothing is refused.
    let _ = stream.set_write_timeout(Some(patience));
    loop {
        // SAFETY: the address is as long as it says, and lives for the call.
        let connected = Errno::result(unsafe {
            libc::connect(stream.as_raw_fd(), address.as_ptr(), address.length())
        });
        match connected {
            Ok(_) => return Ok(stream),
            // Ctrl-Z and `fg` in between: what has a time is not taken up again (signal(7)).
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether it is an absolute path, or `@` and a name.
fn is_name(place: &Place) -> bool {
    matches!(place.name(), [b'/' | b'@', _, ..])
}

/// With this umask, which is that of nothing else: programs inherit lastout's.
fn bind(socket: &OwnedFd, address: &Address, mask: libc::mode_t) -> Result<(), Errno> {
    let before = umask(Mode::from_bits_truncate(mask));
    // SAFETY: the address is as long as it says, and lives for the call.
    let bound = Errno::result(unsafe {
        libc::bind(socket.as_raw_fd(), address.as_ptr(), address.length())
    });
    umask(before);
    bound.map(drop)
}

/// The same for a directory that programs of every user have to pass through on their
/// way to NOTIFY_SOCKET; nobody but us can write to it, nor see what is in it.
fn make_own_directory(place: &Place) {
    if place.name().starts_with(OWN_DIRECTORY.as_bytes()) {
        let before = umask(Mode::from_bits_truncate(0o066));
        let _ = mkdir(OWN_DIRECTORY, Mode::from_bits_truncate(0o711));
        umask(before);
    }
}

fn directory_of(place: &Place) -> &Path {
    let path = Path::new(OsStr::from_bytes(place.name()));
    path.parent().unwrap_or(Path::new("/"))
}

/// Keeps every other lastout from making a socket here for as long as this is held: two
/// that find the same dead socket must not both replace it, nor take one for dead that is
/// bound and does not listen yet. EAGAIN: another one is at it for longer than it takes
/// to make one of another name here (flock(2); it sees through mounts, which an abstract
/// name does not).
fn be_alone_in(directory: &Path) -> Result<Flock<OwnedFd>, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut directory = open(directory, flags, Mode::empty())?;
    for _ in 0..LOCK_TRIES {
        match Flock::lock(directory, FlockArg::LockExclusiveNonblock) {
            Ok(alone) => return Ok(alone),
            Err((mine, Errno::EAGAIN)) => directory = mine,
            Err((_, error)) => return Err(error),
        }
        let _ = poll(&mut [], LOCK_PAUSE);
    }
    Err(Errno::EAGAIN)
}

/// Whether nobody but us and root can put something else in place of the socket.
fn is_safe_directory(place: &Place) -> Result<(), NoSocket> {
    let found = lstat(directory_of(place)).map_err(NoSocket::Error)?;
    let is_directory = found.st_mode & libc::S_IFMT == libc::S_IFDIR;
    let is_ours = found.st_uid == 0 || found.st_uid == own_uid();
    match is_directory && is_ours && found.st_mode & 0o022 == 0 {
        true => Ok(()),
        false => Err(NoSocket::NotOurDirectory),
    }
}

/// Whether this is a socket of ours at which nobody listens any more.
fn is_left_behind(path: &CString, address: &Address) -> Result<bool, NoSocket> {
    let found = match lstat(path.as_c_str()) {
        Ok(found) => found,
        Err(Errno::ENOENT) => return Ok(true),
        Err(error) => return Err(NoSocket::Error(error)),
    };
    let is_socket = found.st_mode & libc::S_IFMT == libc::S_IFSOCK;
    if !is_socket || found.st_uid != own_uid() {
        return Err(NoSocket::InTheWay);
    }
    match connect(libc::SOCK_STREAM, address) {
        Err(Errno::ECONNREFUSED | Errno::ENOENT) => Ok(true),
        Err(Errno::EPROTOTYPE) => Err(NoSocket::InTheWay),
        // No descriptor is to be had: nobody was asked.
        Err(error @ (Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM)) => Err(NoSocket::Error(error)),
        // With too many who wait already it says EAGAIN: somebody is there.
        Ok(_) | Err(_) => Err(NoSocket::Taken),
    }
}

fn name_of(stat: &FileStat) -> (u64, u64) {
    (stat.st_dev, stat.st_ino)
}

#[cfg(test)]
mod tests;
