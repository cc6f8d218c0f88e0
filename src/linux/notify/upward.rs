//! Upward: whoever started lastout may want to know when it is ready (UP-1). That is
//! Podman, a systemd above, or another lastout.

use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

use nix::errno::Errno;

use super::address::{self, Address};

/// Somebody to say things to.
#[derive(Debug)]
pub struct Upward {
    /// Made at the start, so that the stop needs no new descriptor.
    socket: OwnedFd,
    address: Address,
}

impl Upward {
    /// Whoever NOTIFY_SOCKET names, a path or `@` and an abstract name; `None` where it is
    /// not set or names nothing of the kind.
    #[must_use]
    pub fn from_environment() -> Option<Upward> {
        let name = std::env::var_os("NOTIFY_SOCKET")?.into_vec();
        let upward = Upward::to(&name);
        if upward.is_none() {
            log::debug!("NOTIFY_SOCKET is neither a path nor @ and a name: nobody is told");
        }
        upward
    }

    pub(super) fn to(name: &[u8]) -> Option<Upward> {
        let address = Address::of(name)?;
        let socket = address::socket().ok()?;
        Some(Upward { socket, address })
    }

    /// Says this, assignments of sd_notify(3) with newlines between them. It never waits:
    /// if there is no room or nobody there, it is not said.
    pub fn say(&self, text: &str) {
        // SAFETY: text and address are as long as is said, and live for the call.
        let sent = Errno::result(unsafe {
            libc::sendto(
                self.socket.as_raw_fd(),
                text.as_ptr().cast(),
                text.len(),
                libc::MSG_NOSIGNAL,
                self.address.as_ptr(),
                self.address.length(),
            )
        });
        if let Err(error) = sent {
            log::debug!("cannot tell NOTIFY_SOCKET: {}", error.desc());
        }
    }
}
