//! tini 0.19.0, as Debian has it.
//!
//! | what | tini |
//! |---|---|
//! | options behind the command's name | are its own, unless there is a `--` before |
//! | signals | go to the command; `-g`: to its group. TTIN and TTOU it keeps to itself |
//! | mask and ignored signals of the command | tini's own, as PID 1 too |
//! | where it is not PID 1 | a subreaper with `-s` only; a warning otherwise |
//! | a command that cannot be run | 127 for ENOENT, 126 for EACCES, 1 |
//! | says | 0 fatal, 1 warnings (the default) on stderr; 2, 3, 4 more, on stdout |

use std::ffi::OsStr;

use lastout_core::{ExitStatus, FailureCodes, Signal};

use super::options::leading_number;
use super::{Face, Refusal, Seen, Table, Wish};
use crate::linux::{everybody, signals};
use crate::plan::Signals;
use crate::say::{self, Stream};
use crate::words;

const VERSION: &str = "tini version 0.19.0";

const HELP: &str = r#"Command line options:

  --version: Show version and exit.
  -h: Show this help message and exit.
  -s: Register as a process subreaper (requires Linux >= 3.4).
  -p SIGNAL: Trigger SIGNAL when parent dies, e.g. "-p SIGKILL".
  -v: Generate more verbose output. Repeat up to 3 times.
  -w: Print a warning when processes are getting reaped.
  -g: Send signals to the child's process group.
  -e EXIT_CODE: Remap EXIT_CODE (from 0 to 255) to 0.
  -l: Show license and exit.

Environment variables:

  TINI_SUBREAPER: Register as a process subreaper (requires Linux >= 3.4).
  TINI_VERBOSITY: Set the verbosity level (default: 1).
  TINI_KILL_PROCESS_GROUP: Send signals to the child's process group.

"#;

const NOT_A_REAPER: &str = "Tini is not running as PID 1 and isn't registered as a child subreaper.
Zombie processes will not be re-parented to Tini, so zombie reaping won't work.
To fix the problem, use the -s option or set the environment variable TINI_SUBREAPER \
to register Tini as a child subreaper, or run Tini as PID 1.";

/// The standard signals that `-p` does not know.
const UNKNOWN_TO_P: [&str; 3] = ["SIGSTKFLT", "SIGIO", "SIGPWR"];

/// What it keeps to itself.
const KEPT: [Signal; 2] = [Signal::TTIN, Signal::TTOU];

pub(super) static TABLE: Table = Table {
    short: "p:hvwgle:s",
    long: &[],
    option,
    after_wrong: usage,
    no_command: usage,
    finish,
    begin,
    say,
    failure_codes: FailureCodes::ByError,
};

/// Its version, where nothing else is asked for.
pub(super) fn version() -> Refusal {
    super::answer(format!("{VERSION}\n"))
}

fn option(wish: &mut Wish, letter: u8, value: &OsStr) -> Result<(), Refusal> {
    match letter {
        b'h' => return Err(super::answer(usage(&wish.program))),
        b'l' => return Err(super::licence("tini")),
        b's' => wish.face.is_subreaper = true,
        b'v' => wish.face.level += 1,
        b'w' => wish.face.tells_of_orphans = true,
        b'g' => wish.command.group = true,
        b'p' => {
            let signal = named(value).ok_or_else(|| not_valid('p', value))?;
            wish.parent_death = Some(signal);
        }
        _ => {
            let code = status(value).ok_or_else(|| not_valid('e', value))?;
            wish.command.expected_codes.push(code);
        }
    }
    Ok(())
}

fn finish(wish: &mut Wish) {
    wish.face.is_subreaper |= super::variable("TINI_SUBREAPER").is_some();
    wish.command.group |= super::variable("TINI_KILL_PROCESS_GROUP").is_some();
    // It begins at 1. As atoi(3): what is no number is 0.
    wish.face.level = match super::variable("TINI_VERBOSITY") {
        Some(level) => leading_number(&level).0 as u32,
        None => wish.face.level + 1,
    };
    wish.dropped = &KEPT;
    wish.manner.signals = Signals::Inherited;
}

/// What it says before the command is started.
fn begin(face: &mut Face) {
    if face.is_subreaper {
        tell(face, TRACE, "Registered as child subreaper");
    }
    if !everybody::orphans_come_to_us() {
        tell(face, WARN, NOT_A_REAPER);
    }
}

fn say(face: &Face, seen: Seen<'_>) {
    let (level, text) = match seen {
        Seen::Born(pid) => {
            let text = format!("Spawned child process '{}' with pid '{pid}'", face.command);
            (INFO, text)
        }
        Seen::Came(signal) if KEPT.contains(&signal) => return,
        Seen::Came(signal) => {
            let text = format!("Passing signal: '{}'", signals::description(signal));
            (DEBUG, text)
        }
        Seen::ChildNews => (DEBUG, String::from("Received SIGCHLD")),
        Seen::Reaped(pid, status) => return reaped(face, pid, status),
        Seen::AllReaped { childless: true } => (TRACE, String::from("No child to wait")),
        Seen::AllReaped { childless: false } => (TRACE, String::from("No child to reap")),
        Seen::NotRun(failure) => {
            let why = words::error_text(failure.errno);
            let text = format!("exec {} failed: {why}", face.command);
            return tell_as(face, FATAL, face.child.unsigned_abs(), &text);
        }
        Seen::Killed(who) => (WARN, format!("Killed {who}, left behind by the main child")),
        Seen::Leaving => (TRACE, String::from("Exiting: child has exited")),
    };
    tell(face, level, &text);
}

fn reaped(face: &Face, pid: i32, status: ExitStatus) {
    tell(face, DEBUG, &format!("Reaped child with pid: '{pid}'"));
    let text = match status {
        _ if pid != face.child => {
            if face.tells_of_orphans {
                tell(face, WARN, &format!("Reaped zombie process with pid={pid}"));
            }
            return;
        }
        ExitStatus::Code(code) => format!("Main child exited normally (with status '{code}')"),
        ExitStatus::Signal(signal) => {
            let signal = signals::description(signal);
            format!("Main child exited with signal (with signal '{signal}')")
        }
    };
    tell(face, INFO, &text);
}

/// From which level on something is said, and as what.
type Level = (u32, &'static str);
const FATAL: Level = (0, "FATAL");
const WARN: Level = (1, "WARN ");
const INFO: Level = (2, "INFO ");
const DEBUG: Level = (3, "DEBUG");
const TRACE: Level = (4, "TRACE");

fn tell(face: &Face, level: Level, text: &str) {
    tell_as(face, level, std::process::id(), text);
}

fn tell_as(face: &Face, (level, name): Level, pid: u32, text: &str) {
    if face.level >= level {
        let stream = match level {
            0 | 1 => Stream::Stderr,
            _ => Stream::Stdout,
        };
        say::as_is(stream, &format!("[{name} tini ({pid})] {text}\n"));
    }
}

fn usage(program: &str) -> String {
    let name = program.rsplit('/').next().unwrap_or(program);
    format!(
        "{name} ({VERSION})\nUsage: {name} [OPTIONS] PROGRAM -- [ARGS] | --version\n\n\
         Execute a program under the supervision of a valid init process ({name})\n\n{HELP}"
    )
}

fn not_valid(option: char, value: &OsStr) -> Refusal {
    let (pid, value) = (std::process::id(), value.to_string_lossy());
    let text = format!("[FATAL tini ({pid})] Not a valid option for -{option}: {value}\n");
    super::refusal(text, 1)
}

/// A standard signal by its full name.
fn named(value: &OsStr) -> Option<Signal> {
    let name = value.to_str().filter(|name| !UNKNOWN_TO_P.contains(name))?;
    let signal: Signal = name.parse().ok()?;
    (!signal.is_real_time() && signal.to_string() == name).then_some(signal)
}

fn status(value: &OsStr) -> Option<u8> {
    match leading_number(value.to_str()?) {
        (code, "") => u8::try_from(code).ok(),
        _ => None,
    }
}
