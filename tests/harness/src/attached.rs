//! Containers on a terminal: `docker run -it`, with the client on a terminal of its own.

use std::process::{Child, Command};
use std::time::Instant;

use crate::engine::{Container, Image};
use crate::lines::{Lines, Stream};
use crate::terminal::Terminal;
use crate::{DEADLINE, must, wait_until};

/// The host's own shells and tools, for images that have nothing but static binaries.
const HOST_TOOLS: [&str; 8] = [
    "--volume",
    "/usr:/usr:ro",
    "--volume",
    "/bin:/bin:ro",
    "--volume",
    "/lib:/lib:ro",
    "--volume",
    "/lib64:/lib64:ro",
];

/// A container that somebody sits in front of; removed when dropped.
pub struct Attached {
    /// The container.
    pub container: Container,
    /// The terminal that the client is on.
    pub terminal: Terminal,
    /// What the terminal shows.
    pub lines: Lines,
    client: Child,
}

impl Image {
    /// `docker run -it`, with these options, the host's tools and this command.
    ///
    /// # Panics
    ///
    /// When the client cannot be started.
    #[must_use]
    pub fn run_on_a_terminal(&self, options: &[&str], command: &[&str]) -> Attached {
        let container = Container::to_be();
        let mut client = Command::new("docker");
        client.args(["run", "--interactive", "--tty", "--name", container.name()]);
        client.args(HOST_TOOLS).args(options);
        client.arg(self.tag()).args(command);
        let terminal = Terminal::for_command(&mut client);
        let started = client.spawn();
        // It holds the terminal's other end, which is to be the client's alone.
        drop(client);
        let client = must(started, "docker run");
        let lines = Lines::default();
        lines.follow(Stream::Stdout, terminal.reader());
        Attached {
            container,
            terminal,
            lines,
            client,
        }
    }
}

impl Attached {
    /// Waits until the client has ended; its exit status, which is the container's.
    ///
    /// # Panics
    ///
    /// When it has not ended within [`DEADLINE`].
    pub fn wait(&mut self) -> i32 {
        let end = Instant::now() + DEADLINE;
        let mut status = None;
        wait_until("the client has ended", || {
            status = self.client.try_wait().ok().flatten();
            status.is_some() || Instant::now() > end
        });
        status.and_then(|status| status.code()).unwrap_or(-1)
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        let _ = self.client.kill();
        let _ = self.client.wait();
    }
}
