//! Where a socket is: a path, or `@` and an abstract name, as NOTIFY_SOCKET has them.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use nix::errno::Errno;

/// The address of a socket.
#[derive(Clone, Copy, Debug)]
pub(in crate::linux) struct Address {
    address: libc::sockaddr_un,
    length: libc::socklen_t,
}

impl Address {
    /// What has this name; `None` where it is neither an absolute path nor an abstract
    /// name, or is too long for a socket.
    pub(in crate::linux) fn of(name: &[u8]) -> Option<Address> {
        // SAFETY: all zeroes is an address.
        let mut address: libc::sockaddr_un = unsafe { std::mem::zeroed() };
        address.sun_family = libc::AF_UNIX as libc::sa_family_t;
        let is_abstract = name.first() == Some(&b'@');
        let is_either = name.len() > 1 && (is_abstract || name.first() == Some(&b'/'));
        // A null ends a path, and begins an abstract name.
        if !is_either || name.contains(&0) || name.len() >= address.sun_path.len() {
            return None;
        }
        for (to, from) in address.sun_path.iter_mut().zip(name) {
            *to = *from as libc::c_char;
        }
        if is_abstract && let Some(first) = address.sun_path.first_mut() {
            *first = 0;
        }
        // The null at the end of a path may be left out (unix(7)).
        let length = size_of::<libc::sa_family_t>() + name.len();
        let length = length as libc::socklen_t;
        Some(Address { address, length })
    }

    /// For the kernel to read, as long as this lives.
    pub(in crate::linux) fn as_ptr(&self) -> *const libc::sockaddr {
        (&raw const self.address).cast()
    }

    /// How much of it counts.
    pub(in crate::linux) fn length(&self) -> libc::socklen_t {
        self.length
    }
}

/// A new socket for datagrams, that never waits and is closed on exec.
pub(in crate::linux) fn socket() -> Result<OwnedFd, Errno> {
    socket_of(libc::SOCK_DGRAM | libc::SOCK_NONBLOCK)
}

/// A new socket of this kind, that is closed on exec.
pub(in crate::linux) fn socket_of(kind: libc::c_int) -> Result<OwnedFd, Errno> {
    let kind = kind | libc::SOCK_CLOEXEC;
    // SAFETY: no memory is passed.
    let fd = Errno::result(unsafe { libc::socket(libc::AF_UNIX, kind, 0) })?;
    // SAFETY: it is new, and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Connects a new socket of this kind to who is there, without waiting for him.
/// ECONNREFUSED: it is the socket of somebody who has ended.
pub(in crate::linux) fn connect(kind: libc::c_int, address: &Address) -> Result<OwnedFd, Errno> {
    let socket = socket_of(kind | libc::SOCK_NONBLOCK)?;
    // SAFETY: the address is as long as it says, and lives for the call.
    Errno::result(unsafe {
        libc::connect(socket.as_raw_fd(), address.as_ptr(), address.length())
    })?;
    Ok(socket)
}
