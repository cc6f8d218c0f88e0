//! dumb-init 1.2.5.
//!
//! | what | dumb-init |
//! |---|---|
//! | options | up to the command's name |
//! | the command | in a session of its own, and signals go to its whole group; `-c`: to it alone |
//! | TSTP, TTIN, TTOU | STOP for a session of its own; dumb-init stops itself with it |
//! | `-r FROM:TO` | numbers from 1 to 31; to 0: dropped |
//! | mask and ignored signals of the command | none |
//! | its directory | `/` when the command runs |
//! | a command that cannot be run | 2 |
//! | says | nothing, or with `-v` everything, on stderr |

use std::ffi::OsStr;

use lastout_core::{ExitStatus, FailureCodes, Signal};

use super::options::leading_number;
use super::{Face, Refusal, Seen, Table, Wish};
use crate::linux::terminal::{self, LetGo};
use crate::plan::Signals;
use crate::say::{self, Stream};
use crate::words;

/// What stops a job: TSTP, TTIN, TTOU.
pub(super) const JOB_CONTROL: [Signal; 3] = [Signal::TSTP, Signal::TTIN, Signal::TTOU];

/// The highest number that `-r` takes.
const MOST: i64 = 31;

const VERSION: &str = "dumb-init v1.2.5\n";

const HELP: &str = "
dumb-init is a simple process supervisor that forwards signals to children.
It is designed to run as PID1 in minimal container environments.

Optional arguments:
   -c, --single-child   Run in single-child mode.
                        In this mode, signals are only proxied to the
                        direct child and not any of its descendants.
   -r, --rewrite s:r    Rewrite received signal s to new signal r before proxying.
                        To ignore (not proxy) a signal, rewrite it to 0.
                        This option can be specified multiple times.
   -v, --verbose        Print debugging information to stderr.
   -h, --help           Print this help message and exit.
   -V, --version        Print the current version and exit.

Full help is available online at https://github.com/Yelp/dumb-init
";

const WRONG_REWRITE: &str =
    "Usage: -r option takes <signum>:<signum>, where <signum> is between 1 and 31.
This option can be specified multiple times.
Use --help for full usage.
";

pub(super) static TABLE: Table = Table {
    short: "+hvVcr:",
    long: &[
        ("help", b'h', false),
        ("single-child", b'c', false),
        ("rewrite", b'r', true),
        ("verbose", b'v', false),
        ("version", b'V', false),
    ],
    option,
    after_wrong: |_| String::new(),
    no_command: |program| {
        format!("Usage: {program} [option] program [args]\nTry {program} --help for full usage.\n")
    },
    finish,
    begin,
    say,
    failure_codes: FailureCodes::Always(2),
};

fn option(wish: &mut Wish, letter: u8, value: &OsStr) -> Result<(), Refusal> {
    match letter {
        b'h' => {
            let program = &wish.program;
            let text = format!("{VERSION}Usage: {program} [option] command [[arg] ...]\n{HELP}");
            return Err(super::refusal(text, 0));
        }
        b'V' => return Err(super::refusal(String::from(VERSION), 0)),
        b'v' => wish.face.level = 1,
        b'c' => wish.manner.own_session = false,
        _ => {
            let rule = rewrite(&value.to_string_lossy());
            let wrong = || super::refusal(String::from(WRONG_REWRITE), 1);
            wish.face.rewrites.push(rule.ok_or_else(wrong)?);
        }
    }
    Ok(())
}

fn finish(wish: &mut Wish) {
    if wish.command.argv.is_empty() {
        return;
    }
    if super::variable("DUMB_INIT_DEBUG").as_deref() == Some("1") {
        wish.face.level = 1;
        debug(&wish.face, "Running in debug mode.");
    }
    if super::variable("DUMB_INIT_SETSID").as_deref() == Some("0") {
        wish.manner.own_session = false;
        debug(&wish.face, "Not running in setsid mode.");
    }
    if wish.manner.own_session {
        // The kernel ignores these three where a group has no shell above it.
        for signal in JOB_CONTROL {
            if !wish.face.rewrites.iter().any(|(from, _)| *from == signal) {
                wish.face.rewrites.push((signal, Some(Signal::STOP)));
            }
        }
    }
    wish.command.group = wish.manner.own_session;
    wish.manner.signals = Signals::Clean;
}

fn rewrite(value: &str) -> Option<(Signal, Option<Signal>)> {
    let (from, rest) = leading_number(value);
    let to = rest.strip_prefix(':')?;
    let (number, rest) = leading_number(to);
    let is_number = rest.len() < to.len();
    if !is_number || !(1..=MOST).contains(&from) || !(0..=MOST).contains(&number) {
        return None;
    }
    Some((Signal::new(from as i32)?, Signal::new(number as i32)))
}

/// Lets the terminal go, for the command's session to have it.
fn begin(face: &mut Face) {
    if !face.has_session {
        return;
    }
    let session = terminal::let_go();
    let text = match session {
        LetGo::Free => String::from(
            "Detached from controlling tty, ignoring the first SIGHUP and SIGCONT we receive.",
        ),
        LetGo::Elsewhere => {
            String::from("Detached from controlling tty, but was not session leader.")
        }
        LetGo::Not(errno) => format!("Unable to detach from controlling tty {}.", error(errno)),
    };
    face.session = Some(session);
    debug(face, &text);
}

fn born(face: &Face, pid: i32) {
    debug(face, &format!("Child spawned with PID {pid}."));
    let Some(session) = face.session else { return };
    let errno = match session {
        LetGo::Free => None,
        LetGo::Elsewhere => Some(libc::EPERM),
        LetGo::Not(errno) => Some(errno),
    };
    if let Some(errno) = errno {
        debug(
            face,
            &format!("Unable to attach to controlling tty {}.", error(errno)),
        );
    }
    debug(face, "setsid complete.");
}

fn error(errno: i32) -> String {
    format!("(errno={errno} {})", words::error_text(errno))
}

fn say(face: &Face, seen: Seen<'_>) {
    let text = match seen {
        Seen::Born(pid) => return born(face, pid),
        Seen::Came(signal) => return came(face, signal),
        Seen::ChildNews => format!("Received signal {}.", Signal::CHLD.number()),
        Seen::Reaped(pid, ExitStatus::Code(code)) => {
            format!("A child with PID {pid} exited with exit status {code}.")
        }
        Seen::Reaped(pid, ExitStatus::Signal(signal)) => {
            let number = signal.number();
            format!("A child with PID {pid} was terminated by signal {number}.")
        }
        Seen::NotRun(failure) => {
            let why = words::error_text(failure.errno);
            let text = format!("[dumb-init] {}: {why}\n", face.command);
            return say::as_is(Stream::Stderr, &text);
        }
        Seen::AllReaped { .. } => return,
        Seen::Killed(who) => format!("Killed {who}, which the child left behind."),
        Seen::Leaving => {
            let code = face.status.as_code();
            format!("Child exited with status {code}. Goodbye.")
        }
    };
    debug(face, &text);
    if matches!(seen, Seen::Reaped(pid, _) if pid == face.child) {
        forwarded(face, Signal::TERM);
    }
}

fn came(face: &Face, signal: Signal) {
    debug(face, &format!("Received signal {}.", signal.number()));
    forwarded(face, signal);
    if JOB_CONTROL.contains(&signal) {
        debug(face, "Suspending self due to TTY signal.");
    }
}

fn forwarded(face: &Face, signal: Signal) {
    let to = face.rewritten(signal);
    let number = to.map_or(0, Signal::number);
    if face.rewrites.iter().any(|(from, _)| *from == signal) {
        debug(
            face,
            &format!("Translating signal {} to {number}.", signal.number()),
        );
    }
    match to {
        Some(_) => debug(face, &format!("Forwarded signal {number} to children.")),
        None => debug(face, "Not forwarding signal 0 to children (ignored)."),
    }
}

fn debug(face: &Face, text: &str) {
    if face.level > 0 {
        say::as_is(Stream::Stderr, &format!("[dumb-init] {text}\n"));
    }
}
