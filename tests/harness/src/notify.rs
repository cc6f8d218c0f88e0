//! Whoever started lastout and wants to know when it is ready, as Podman does: a socket
//! for NOTIFY_SOCKET, and what was said on it.

use std::cell::RefCell;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;
use std::{env, fs, process};

use crate::{DEADLINE, must};

/// A socket at a path of its own; removed when dropped.
pub struct Receiver {
    socket: UnixDatagram,
    path: PathBuf,
    said: RefCell<Vec<String>>,
}

impl Receiver {
    /// A new one.
    ///
    /// # Panics
    ///
    /// When it cannot be made.
    #[must_use]
    pub fn bind() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("lastout-receiver-{}-{count}", process::id());
        let path = env::temp_dir().join(name);
        // A test that was killed may have left one, and its pid is given away again.
        let _ = fs::remove_file(&path);
        Receiver {
            socket: must(UnixDatagram::bind(&path), "make a socket"),
            path,
            said: RefCell::default(),
        }
    }

    /// What NOTIFY_SOCKET is to be.
    #[must_use]
    pub fn path(&self) -> String {
        self.path.display().to_string()
    }

    /// The first datagram that contains this, as soon as it is there.
    ///
    /// # Panics
    ///
    /// When it is not there within [`DEADLINE`].
    pub fn wait_for(&self, part: &str) -> String {
        let end = Instant::now() + DEADLINE;
        loop {
            let known = self.said.borrow();
            if let Some(text) = known.iter().find(|text| text.contains(part)) {
                return text.clone();
            }
            drop(known);
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{part:?} was not said: {:?}", self.said);
            must(
                self.socket.set_read_timeout(Some(left)),
                "set how long to wait",
            );
            let _ = self.hear();
        }
    }

    /// Everything that was said so far, in order.
    ///
    /// # Panics
    ///
    /// When the socket cannot be asked.
    #[must_use]
    pub fn said(&self) -> Vec<String> {
        must(self.socket.set_nonblocking(true), "not wait");
        while self.hear() {}
        must(self.socket.set_nonblocking(false), "wait again");
        self.said.borrow().clone()
    }

    /// Takes one datagram more, if there is one.
    fn hear(&self) -> bool {
        let mut buffer = [0; 8192];
        let Ok(got) = self.socket.recv(&mut buffer) else {
            return false;
        };
        let text = String::from_utf8_lossy(buffer.get(..got).unwrap_or_default());
        self.said.borrow_mut().push(text.into_owned());
        true
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}
