//! catatonit 0.1.7, as Debian has it.
//!
//! | what | catatonit |
//! |---|---|
//! | options behind the command's name | are its own, unless there is a `--` before |
//! | signals | go to the command; `-g`: to its group. TSTP, TTIN and TTOU it keeps to itself |
//! | `-P` | no command: reaps, and ends with 0 at INT and TERM |
//! | mask and ignored signals of the command | catatonit's own |
//! | its directory | `/` when the command runs (since 0.2.1) |
//! | a command that cannot be run | 1 |
//! | says | errors, or all with `CATATONIT_DEBUG`, on stderr |

use std::ffi::OsStr;

use lastout_core::{ExitStatus, FailureCodes, Signal};

use super::{Face, Refusal, Seen, Table, Wish};
use crate::plan::Signals;
use crate::say::{self, Stream};
use crate::words;

/// What it keeps to itself: it could be stopped by a terminal that its command has.
const KEPT: [Signal; 3] = [Signal::TSTP, Signal::TTIN, Signal::TTOU];

/// The word "tini" is for engines, which know no other init.
const VERSION: &str = "tini version 0.1.7_catatonit\n";

const USAGE: &str = "usage: catatonit [-ghLPV] [--] <progname> [<arguments>...]\n";

const HELP: &str = "
options:
  -g              Forward signals to pid1's process group.
  -h              Print this help page.
  -L              Print license information.
  -P              Run in pause mode (no program is run and quit on SIGINT).
  -V, --version   Print version information.

The source code can be found at <https://github.com/openSUSE/catatonit/>.
For bug reporting instructions, please see: <https://bugs.opensuse.org/>.
";

pub(super) static TABLE: Table = Table {
    short: "ghLPV",
    long: &[("version", b'V', false)],
    option,
    after_wrong: |_| String::from(USAGE),
    no_command: |_| line("ERROR", own_id(), "missing program name") + USAGE,
    finish,
    begin: |_| {},
    say,
    failure_codes: FailureCodes::Always(1),
};

/// Before any option is read: a variable for which catatonit leaves.
pub(super) fn reserved() -> Result<(), Refusal> {
    match super::variable("CATATONIT_LOG") {
        Some(_) => {
            let text = line(
                "ERROR",
                own_id(),
                "CATATONIT_LOG is reserved for future use",
            );
            Err(super::refusal(text, 1))
        }
        None => Ok(()),
    }
}

fn option(wish: &mut Wish, letter: u8, _: &OsStr) -> Result<(), Refusal> {
    match letter {
        b'g' => wish.command.group = true,
        b'P' => wish.pauses = true,
        b'h' => return Err(super::refusal(format!("{USAGE}{HELP}"), 0)),
        b'L' => return Err(super::licence("catatonit")),
        _ => return Err(super::answer(String::from(VERSION))),
    }
    Ok(())
}

fn finish(wish: &mut Wish) {
    if super::variable("CATATONIT_DEBUG").is_some() {
        wish.face.level = 1;
    }
    wish.dropped = &KEPT;
    wish.manner.signals = Signals::Inherited;
}

fn say(face: &Face, seen: Seen<'_>) {
    let (level, text) = match seen {
        Seen::Born(pid) => ("DEBUG", format!("pid1 ({pid}) spawned: {}", face.command)),
        Seen::Came(signal) if KEPT.contains(&signal) => {
            let text = "ignoring kernel attempting to stop us: tty has TOSTOP set";
            ("DEBUG", String::from(text))
        }
        Seen::Reaped(pid, _) if pid == face.child => return,
        Seen::Reaped(pid, ExitStatus::Code(code)) => {
            let text = format!("child process {pid} exited with code {code}");
            ("DEBUG", text)
        }
        Seen::Reaped(pid, ExitStatus::Signal(signal)) => {
            let number = signal.number();
            let text = format!("child process {pid} exited due to signal {number}");
            ("DEBUG", text)
        }
        Seen::AllReaped { childless: true } => {
            let text = "got ECHILD: no children left to monitor";
            ("DEBUG", String::from(text))
        }
        Seen::NotRun(failure) => {
            let why = words::error_text(failure.errno);
            let text = format!("failed to exec pid1: {why}");
            return say::as_is(Stream::Stderr, &line("ERROR", face.child, &text));
        }
        Seen::Killed(who) => ("WARN", format!("killed {who}, which pid1 left behind")),
        Seen::Came(_) | Seen::ChildNews | Seen::AllReaped { .. } | Seen::Leaving => return,
    };
    if face.level > 0 {
        say::as_is(Stream::Stderr, &line(level, own_id(), &text));
    }
}

fn own_id() -> i32 {
    std::process::id().cast_signed()
}

fn line(level: &str, pid: i32, text: &str) -> String {
    format!("{level} (catatonit:{pid}): {text}\n")
}
