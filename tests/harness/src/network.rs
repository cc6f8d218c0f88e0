//! The network of a run that has one of its own ([`crate::setup::Setup::own_network`]).

use std::fs::File;
use std::io;
use std::net::TcpStream;
use std::os::fd::AsRawFd;

use crate::namespace::Run;
use crate::{DEADLINE, must};

/// A network namespace. It lives as long as this value, also when nobody is left in it.
pub struct Network {
    namespace: File,
}

impl Network {
    /// That of a run, once it has said something: before that it may still be ours.
    ///
    /// # Panics
    ///
    /// When it has ended already.
    #[must_use]
    pub fn of(run: &Run) -> Network {
        let path = format!("/proc/{}/ns/net", run.pid());
        let namespace = must(File::open(&path), &path);
        Network { namespace }
    }

    /// A connection to a port of its loopback interface.
    ///
    /// # Errors
    ///
    /// Those of connect(2), as that nobody listens there.
    ///
    /// # Panics
    ///
    /// When the namespace cannot be entered.
    pub fn connect(&self, port: u16) -> io::Result<TcpStream> {
        // A thread of its own changes its network; a socket belongs to that in which it
        // was made, whoever uses it.
        std::thread::scope(|scope| {
            let connecting = scope.spawn(|| {
                // SAFETY: a live descriptor of a namespace, and its kind. It concerns
                // only this thread.
                let entered =
                    unsafe { libc::setns(self.namespace.as_raw_fd(), libc::CLONE_NEWNET) } == 0;
                assert!(entered, "setns: {}", io::Error::last_os_error());
                let stream = TcpStream::connect(("127.0.0.1", port))?;
                stream.set_read_timeout(Some(DEADLINE))?;
                Ok(stream)
            });
            match connecting.join() {
                Ok(stream) => stream,
                Err(_) => panic!("cannot enter the network"),
            }
        })
    }
}
