//! What a program says of itself with sd_notify(3), step by step, in any order.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use lastout_example_programs::arguments::{self, Arguments};
use lastout_example_programs::process::{self, Side};
use lastout_example_programs::signals::{self, Set};
use lastout_example_programs::{fail, say};

/// Does one step after the other, then waits for TERM.
///
/// ```text
/// NAME=VALUE,NAME=VALUE   sends it, a line each; MAINPID=self has its own pid
/// pause:50ms              lets time pass
/// until:USR1              waits for that signal
/// beat:20ms:NAME=VALUE    sends it that often, until USR2
/// say:WORD                says it
/// daemon                  goes on as a daemon, in a session of its own
/// release                 as a daemon: the first process leaves with 0
/// exit:CODE               leaves
/// ```
///
/// What it waits for is blocked from the beginning, and nothing else is: ABRT ends it. A
/// TERM ends it wherever it waits.
pub(crate) fn notify(mut arguments: Arguments) {
    let name = arguments
        .value("--name")
        .unwrap_or_else(|| String::from("notify"));
    let mut steps = Vec::new();
    while let Some(step) = arguments.another() {
        steps.push(step);
    }
    for number in [libc::SIGTERM, libc::SIGUSR1, libc::SIGUSR2, libc::SIGHUP] {
        signals::block(Set::of(number));
    }
    let mut speaker = Speaker {
        name,
        first: None,
        socket: Socket::of_environment(),
    };
    for step in &steps {
        speaker.do_step(step);
    }
    say(&format!("{}: all said", speaker.name));
    signals::wait_for(libc::SIGTERM);
    say(&format!("{}: got SIGTERM, leaving", speaker.name));
}

struct Speaker {
    name: String,
    /// As a daemon: what the first process waits for the end of.
    first: Option<std::io::PipeWriter>,
    socket: Option<Socket>,
}

impl Speaker {
    fn do_step(&mut self, step: &str) {
        let (verb, rest) = step.split_once(':').unwrap_or((step, ""));
        match verb {
            _ if verb.contains('=') => self.send(step),
            "pause" => std::thread::sleep(duration(rest)),
            "until" => {
                self.wait(signal(rest), None);
                say(&format!("{}: got {rest}", self.name));
            }
            "beat" => self.beat(rest),
            "say" => say(&format!("{}: {rest}", self.name)),
            "daemon" => self.become_daemon(),
            "release" => self.first = None,
            "exit" => process::exit(rest.parse().unwrap_or(1)),
            _ => fail(2, &format!("probe notify: does not know {step}")),
        }
    }

    fn beat(&self, rest: &str) {
        let (pause, text) = rest.split_once(':').unwrap_or((rest, "WATCHDOG=1"));
        let pause = duration(pause);
        loop {
            self.send(text);
            if self.wait(libc::SIGUSR2, Some(pause)) {
                say(&format!("{}: got USR2", self.name));
                return;
            }
        }
    }

    /// Waits for this signal; whether it came. A TERM that is not waited for ends it.
    fn wait(&self, number: i32, limit: Option<Duration>) -> bool {
        let both = Set(Set::of(number).0 | Set::of(libc::SIGTERM).0);
        let arrived = signals::wait(both, limit);
        if arrived.is_some_and(|arrived| arrived.number != number) {
            say(&format!("{}: got SIGTERM, leaving", self.name));
            process::exit(0);
        }
        arrived.is_some()
    }

    fn send(&self, text: &str) {
        let text = text.replace("MAINPID=self", &format!("MAINPID={}", process::id()));
        match &self.socket {
            Some(socket) => socket.send(&text.replace(',', "\n")),
            None => fail(3, "probe notify: there is no NOTIFY_SOCKET"),
        }
    }

    /// The first process stays until it is released, and leaves with 0.
    fn become_daemon(&mut self) {
        let Ok((mut reader, writer)) = std::io::pipe() else {
            fail(1, "probe notify: cannot make a pipe");
        };
        if let Side::Parent(child) = fork() {
            drop(writer);
            let _ = process::wait_for_child(child);
            let _ = std::io::Read::read(&mut reader, &mut [0]);
            process::exit(0);
        }
        process::leave_session();
        if let Side::Parent(_) = fork() {
            process::exit(0);
        }
        self.first = Some(writer);
    }
}

/// Where NOTIFY_SOCKET says.
struct Socket {
    socket: UnixDatagram,
    address: SocketAddr,
}

impl Socket {
    fn of_environment() -> Option<Socket> {
        let name = std::env::var("NOTIFY_SOCKET").ok()?;
        let address = match name.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name),
            None => SocketAddr::from_pathname(&name),
        };
        Some(Socket {
            socket: UnixDatagram::unbound().ok()?,
            address: address.ok()?,
        })
    }

    fn send(&self, text: &str) {
        let sent = self.socket.send_to_addr(text.as_bytes(), &self.address);
        if let Err(error) = sent {
            fail(3, &format!("probe notify: cannot send {text}: {error}"));
        }
    }
}

fn duration(text: &str) -> Duration {
    arguments::duration(text)
        .unwrap_or_else(|| fail(2, &format!("probe notify: {text} is no duration")))
}

fn signal(text: &str) -> i32 {
    signals::number(text).unwrap_or_else(|| fail(2, &format!("probe notify: {text} is no signal")))
}

fn fork() -> Side {
    process::fork().unwrap_or_else(|error| fail(1, &format!("probe: cannot fork: error {error}")))
}
