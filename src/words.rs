//! What the core tells, in words for people. One place, so that the log, the report
//! and later the control socket say the same thing the same way.

use std::time::Duration;

use lastout_core::{
    Cause, End, ExitStatus, FatalReason, KillReason, ProgramId, SpawnFailure, Spec, Stage,
};

use crate::plan::Launch;

/// A program's name.
#[must_use]
pub fn name(spec: &Spec, program: ProgramId) -> &str {
    spec.programs
        .get(program.0 as usize)
        .map_or("?", |program| program.name.as_str())
}

/// `0.21 s`, `12.3 s`, `3 min 5 s`.
#[must_use]
pub fn seconds(time: Duration) -> String {
    let millis = time.as_millis();
    match time.as_secs() {
        0..10 => {
            let hundredths = (millis + 5) / 10;
            format!("{}.{:02} s", hundredths / 100, hundredths % 100)
        }
        10..120 => {
            let tenths = (millis + 50) / 100;
            format!("{}.{} s", tenths / 10, tenths % 10)
        }
        whole => format!("{} min {} s", whole / 60, whole % 60),
    }
}

/// `exit 3`, `ended by SIGTERM`.
#[must_use]
pub fn end(end: End) -> String {
    match end {
        End::Status(ExitStatus::Code(code)) => format!("exit {code}"),
        End::Status(ExitStatus::Signal(signal)) => format!("ended by {signal}"),
        End::NeverRan(failure) => format!("could not be started ({})", failure.as_code()),
    }
}

/// Why somebody was killed, in a word.
#[must_use]
pub fn kill_cause(reason: KillReason) -> &'static str {
    match reason {
        KillReason::StopWait(_) => "stopwaitsecs",
        KillReason::StopTimeout(_) => "stop_timeout",
        KillReason::LeftoverTime(_) => "leftover time",
        KillReason::Interrupt => "second Ctrl-C",
    }
}

/// Why somebody is killed.
#[must_use]
pub fn kill_reason(reason: KillReason) -> String {
    match reason {
        KillReason::StopWait(time) => format!("stopwaitsecs of {} is over", short(time)),
        KillReason::StopTimeout(time) => format!("stop_timeout of {} is over", short(time)),
        KillReason::LeftoverTime(time) => {
            format!("the command is gone since {}", short(time))
        }
        KillReason::Interrupt => String::from("second Ctrl-C"),
    }
}

/// Why the container ends.
#[must_use]
pub fn cause(spec: &Spec, cause: Cause) -> String {
    match cause {
        Cause::Asked(signal) => format!("{signal} came"),
        Cause::Ended(program, End::NeverRan(_)) => {
            format!("{} could not be started", name(spec, program))
        }
        Cause::Ended(program, how) => format!("{}: {}", name(spec, program), end(how)),
        Cause::NothingLeft => String::from("nothing is left to run"),
    }
}

/// Why a program was given up.
#[must_use]
pub fn fatal_reason(spec: &Spec, reason: FatalReason) -> String {
    match reason {
        FatalReason::FailedStarts { failures, last } => {
            format!(
                "failed to start {failures} times in a row, at last: {}",
                end(last)
            )
        }
        FatalReason::Needs(needed) => {
            format!("needs {}, which is not to be had", name(spec, needed))
        }
    }
}

/// What went wrong when a program was to be started, with all names in it.
#[must_use]
pub fn spawn_failure(launch: &Launch, failure: SpawnFailure) -> String {
    let command = launch
        .argv
        .first()
        .map(|name| name.to_string_lossy())
        .unwrap_or_default();
    let directory = launch
        .directory
        .as_deref()
        .unwrap_or(std::path::Path::new(""))
        .display();
    let user = launch
        .user
        .as_ref()
        .map(|user| user.user.as_str())
        .unwrap_or_default();
    let reason = error_text(failure.errno);
    match failure.stage {
        Stage::Pipe => format!("cannot make a pipe to start {command}: {reason}"),
        Stage::Fork => format!("cannot fork to start {command}: {reason}"),
        Stage::Session => format!("cannot make a session for {command}: {reason}"),
        Stage::Directory => format!("cannot enter directory {directory}: {reason}"),
        Stage::Stdio => format!("cannot open standard input for {command}: {reason}"),
        Stage::Groups => format!("cannot take the groups of user {user}: {reason}"),
        Stage::User => format!("cannot become user {user}: {reason}"),
        Stage::Lookup => format!("user {user} is not to be found in /etc/passwd and /etc/group"),
        Stage::Exec if failure.as_code() == 127 && command.contains('/') => {
            format!("cannot run {command}: {reason}")
        }
        Stage::Exec if failure.as_code() == 127 => {
            format!("cannot run {command}: not found in PATH")
        }
        Stage::Exec if failure.errno == libc::ENOEXEC => {
            format!("cannot run {command}: {reason} (a script needs a first line as #!/bin/sh)")
        }
        Stage::Exec => format!("cannot run {command}: {reason}"),
        Stage::Interpreter => format!("cannot run {command}: {}", interpreter(launch)),
    }
}

/// The error's text as the C library has it, without Rust's "(os error 2)".
#[must_use]
pub fn error_text(errno: i32) -> String {
    let text = std::io::Error::from_raw_os_error(errno).to_string();
    text.rsplit_once(" (os error")
        .map_or(text.clone(), |(text, _)| text.to_owned())
}

/// Names what an executable that is there is run by, and which is not.
fn interpreter(launch: &Launch) -> String {
    let missing = crate::linux::interpreter::named_by(launch);
    match missing {
        Some(interpreter) => format!("its interpreter {interpreter} is not there"),
        None => String::from("its interpreter is not there"),
    }
}

/// A time from a configuration, as it would be written there.
fn short(time: Duration) -> String {
    let (whole, millis) = (time.as_secs(), time.subsec_millis());
    let fraction = format!("{millis:03}");
    match fraction.trim_end_matches('0') {
        "" => format!("{whole} s"),
        fraction => format!("{whole}.{fraction} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_exact_as_people_want_them() {
        assert_eq!(seconds(Duration::from_millis(213)), "0.21 s");
        assert_eq!(seconds(Duration::from_millis(12_345)), "12.3 s");
        assert_eq!(seconds(Duration::from_secs(185)), "3 min 5 s");
    }
}
