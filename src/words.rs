//! What the core tells, in words for people. One place, so that the log, the report
//! and later the control socket say the same thing the same way.

use std::ffi::CString;
use std::path::Path;
use std::time::Duration;

use lastout_core::{
    Care, Cause, Changes, End, ExitStatus, FatalReason, HealthAction, Hook, KillReason, ProgramId,
    Question, SpawnFailure, Spec, Stage, Why,
};

use log::Level;

use crate::limits::{Capabilities, Resource};
use crate::plan::{Launch, Probe, Ready};

mod asked;

pub use asked::{outcome, outcome_word, status, why};

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
        End::NeverRan(failure) => could_not(failure),
    }
}

/// That somebody could not be started, and why where that is the command's own fault. The
/// line that was logged then has the names.
fn could_not(failure: SpawnFailure) -> String {
    match failure.stage {
        Stage::Exec if failure.as_code() == 127 => String::from("its command was not found"),
        Stage::Exec => {
            let why = error_text(failure.errno);
            ["its command could not be run, ", &why].concat()
        }
        Stage::Interpreter => String::from("the interpreter of its command is not there"),
        Stage::Lookup => String::from("its user or group is not there"),
        Stage::Directory => String::from("its directory could not be entered"),
        Stage::Pipe
        | Stage::Fork
        | Stage::Session
        | Stage::Stdio
        | Stage::Groups
        | Stage::User
        | Stage::Limit(_)
        | Stage::Nice
        | Stage::OomScore
        | Stage::Capability(_)
        | Stage::Capabilities
        | Stage::NoNewPrivileges
        | Stage::Readiness => String::from("could not be started"),
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
        Cause::Requested(_) => String::from("somebody asked for it"),
        Cause::Ended(program, End::NeverRan(_)) => {
            format!("{} could not be started", name(spec, program))
        }
        Cause::Ended(program, how) => format!("{}: {}", name(spec, program), end(how)),
        Cause::NothingLeft => String::from("nothing is left to run"),
        Cause::NotReady(program) => format!("{} was not ready", name(spec, program)),
        Cause::Unhealthy(program) => format!("{} is unhealthy", name(spec, program)),
        Cause::StartupTimeout(time) => {
            format!("not all programs were up within {}", short(time))
        }
    }
}

/// Why a program was given up.
#[must_use]
pub fn fatal_reason(spec: &Spec, reason: FatalReason) -> String {
    match reason {
        FatalReason::FailedStarts { failures, last } => [
            "failed to start ",
            &in_a_row(failures),
            at_last(failures),
            &end(last),
        ]
        .concat(),
        FatalReason::NotReady { failures } => {
            format!("was not ready in time {}", in_a_row(failures))
        }
        FatalReason::PreStart { failures, last } => [
            "its pre_start failed ",
            &in_a_row(failures),
            at_last(failures),
            &end(last),
        ]
        .concat(),
        FatalReason::Needs(needed) => {
            format!("needs {}, which has failed", name(spec, needed))
        }
    }
}

/// How often something happened.
fn in_a_row(times: u32) -> String {
    match times {
        1 => String::from("once"),
        times => format!("{times} times in a row"),
    }
}

/// What stands between that and how it went, the last time where there were several.
const fn at_last(times: u32) -> &'static str {
    if times == 1 { ": " } else { ", at last: " }
}

/// Why a program was asked to end, to stand behind what it was told; nothing where the
/// container ends.
#[must_use]
pub fn why_told(why: Why) -> &'static str {
    match why {
        Why::Shutdown => "",
        Why::Removed => " (not in the configuration any more)",
        Why::Changed => " (it has changed)",
        Why::Restarted => " (restart)",
        Why::Stopped => " (stop)",
        Why::Replaced => " (its next time has come)",
        Why::NotReady => " (not ready)",
        Why::Unhealthy => " (unhealthy)",
        Why::Watchdog => " (watchdog)",
        Why::HookTime => " (pre_start takes too long)",
    }
}

/// How a program is cared for, and how loudly that is told. Its launch names what could
/// not be started.
#[must_use]
pub fn care(news: &Care, launch: Option<&Launch>) -> (Level, String) {
    let named = |hook: &Hook| match hook {
        Hook::PreStart => "pre_start",
        Hook::PostStop => "post_stop",
    };
    match news {
        Care::HookEnded { hook, end: how } => {
            let well = *how == End::Status(ExitStatus::Code(0));
            let level = if well { Level::Debug } else { Level::Warn };
            let argv = launch.and_then(|launch| match hook {
                Hook::PreStart => launch.pre_start.as_deref(),
                Hook::PostStop => launch.post_stop.as_deref(),
            });
            let how = end_of(launch, argv, *how);
            (level, format!("{}: {how}", named(hook)))
        }
        Care::HookOverdue { hook, limit } => {
            let text = format!("{} takes longer than {}", named(hook), short(*limit));
            (Level::Warn, text)
        }
        Care::HookSkipped => {
            let text = "post_stop is left out, the shutdown has no time for it";
            (Level::Warn, text.to_owned())
        }
        Care::NotReady { limit } => (Level::Warn, format!("not ready after {}", short(*limit))),
        Care::ProbeFailed {
            question,
            end: how,
            count,
        } => {
            let is_unasked = matches!(how, Some(End::NeverRan(failure)) if failure.is_temporary());
            let how = match how {
                Some(how) => end_of(launch, asked(launch, *question), *how),
                None => String::from("no answer in time"),
            };
            match is_unasked {
                true => (Level::Warn, format!("cannot be asked how it is: {how}")),
                false => probe_failed(*question, &how, *count),
            }
        }
        Care::Unhealthy { action, .. } => {
            let what = match action {
                HealthAction::Restart => ", it is restarted",
                HealthAction::Shutdown => ", the container ends",
                HealthAction::Nothing => "",
            };
            (Level::Error, format!("unhealthy{what}"))
        }
        Care::Healthy => (Level::Info, String::from("well again")),
        Care::WatchdogMissed {
            period: Some(period),
        } => {
            let text = format!("has not said for {} that it is well", short(*period));
            (Level::Error, text)
        }
        Care::WatchdogMissed { period: None } => {
            (Level::Error, String::from("says that it is not well"))
        }
        Care::Skipped => {
            let text = "its time has come and it is still running; this time is left out";
            (Level::Warn, text.to_owned())
        }
    }
}

/// How something ended that was run for a program, or why it could not be.
fn end_of(launch: Option<&Launch>, argv: Option<&[CString]>, how: End) -> String {
    match (how, launch, argv) {
        (End::NeverRan(failure), Some(launch), Some(argv)) => start_failure(launch, argv, failure),
        (how, _, _) => end(how),
    }
}

/// The command that asks a program, where it is one.
fn asked(launch: Option<&Launch>, question: Question) -> Option<&[CString]> {
    let probe = match question {
        Question::Health => launch?.health.as_ref(),
        Question::Ready => match launch?.ready.as_ref()? {
            Ready::Probe(probe) => Some(probe),
            Ready::Notify | Ready::Descriptor(_) | Ready::Line(_) => None,
        },
    };
    match probe? {
        Probe::Exec(argv) => Some(argv),
        Probe::Tcp(_) | Probe::Http { .. } => None,
    }
}

fn probe_failed(question: Question, how: &str, count: Option<(u32, u32)>) -> (Level, String) {
    match (question, count) {
        (Question::Ready, _) => (Level::Debug, format!("not ready yet: {how}")),
        (Question::Health, Some((failures, most))) => {
            // What it is by now was said loudly.
            match failures <= most {
                true => (
                    Level::Warn,
                    format!("not well ({failures} of {most}): {how}"),
                ),
                false => {
                    let text = format!("still not well, {failures} times in a row: {how}");
                    (Level::Debug, text)
                }
            }
        }
        (Question::Health, None) => {
            let text = format!("not well, which does not count yet: {how}");
            (Level::Debug, text)
        }
    }
}

/// What becomes of a configuration that was read again.
#[must_use]
pub fn changes(changes: &Changes) -> String {
    let parts = [
        (&changes.removed, "is removed", "are removed"),
        (&changes.restarted, "restarts", "restart"),
        (&changes.added, "is new", "are new"),
        (&changes.changed, "takes new values", "take new values"),
    ];
    let parts = parts.iter().filter(|(names, _, _)| !names.is_empty());
    let parts: Vec<String> = parts
        .map(|(names, one, many)| {
            let verb = if names.len() == 1 { one } else { many };
            format!("{} {verb}", listed(names))
        })
        .collect();
    match parts.is_empty() {
        true => String::from("reloaded, no program differs"),
        false => format!("reloaded: {}", parts.join("; ")),
    }
}

/// `a, b and 7 more`.
#[must_use]
pub fn listed(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let shown = names.get(..SHOWN).unwrap_or(names).join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// What went wrong when a program was to be started, with all names in it.
#[must_use]
pub fn spawn_failure(launch: &Launch, failure: SpawnFailure) -> String {
    start_failure(launch, &launch.argv, failure)
}

/// What went wrong when this command was to be started as the program would be: a hook
/// of it, or a probe.
#[must_use]
pub fn start_failure(launch: &Launch, argv: &[CString], failure: SpawnFailure) -> String {
    let command = || {
        let name = argv.first().map(|name| name.to_string_lossy());
        name.unwrap_or_default().into_owned()
    };
    let user = || {
        launch
            .user
            .as_ref()
            .map_or_else(String::new, |user| user.user.clone())
    };
    let mut reason = error_text(failure.errno);
    let (deed, object) = match failure.stage {
        Stage::Pipe => ("make a pipe to start ", command()),
        Stage::Fork => ("fork to start ", command()),
        Stage::Session => ("make a session for ", command()),
        Stage::Directory => {
            let directory = launch.directory.as_deref().unwrap_or(Path::new(""));
            ("enter directory ", directory.to_string_lossy().into_owned())
        }
        Stage::Stdio => ("open standard input for ", command()),
        Stage::Groups => ("take the groups of user ", user()),
        Stage::User => ("become user ", user()),
        Stage::Limit(number) => ("set the limit of ", limit(launch, number)),
        Stage::Nice => ("set nice to ", decimal(launch.limits.nice)),
        Stage::OomScore => (
            "set oom_score_adj to ",
            decimal(launch.limits.oom_score_adj),
        ),
        Stage::Capability(number) => {
            reason = String::from("lastout itself does not have it");
            let name = Capabilities(1 << (number & 63)).iter().next();
            ("give the capability ", name.unwrap_or("?").to_owned())
        }
        Stage::Capabilities => {
            reason.push_str(" (it takes SETPCAP, or no_new_privileges = true)");
            ("set the capabilities", String::new())
        }
        Stage::NoNewPrivileges => ("set no_new_privileges", String::new()),
        Stage::Readiness => ("give the descriptor of ready to ", command()),
        Stage::Lookup => {
            reason = String::from("not found in /etc/passwd and /etc/group");
            ("look up user ", user())
        }
        Stage::Interpreter => {
            reason = interpreter(launch, argv);
            ("run ", command())
        }
        Stage::Exec => {
            let command = command();
            if failure.as_code() == 127 && !command.contains('/') {
                reason = String::from("not found in PATH");
            } else if failure.errno == libc::ENOEXEC {
                reason.push_str(" (a script needs a first line as #!/bin/sh)");
            }
            ("run ", command)
        }
    };
    ["cannot ", deed, &object, ": ", &reason].concat()
}

/// A resource, and what its limit was to be set to.
fn limit(launch: &Launch, number: u8) -> String {
    let resource = Resource::numbered(number);
    let mut text = [resource.of_what(), " (", resource.name(), ")"].concat();
    let mut wanted = launch.limits.resources.iter();
    if let Some(limit) = wanted.find(|limit| limit.resource == resource) {
        let (soft, hard) = (amount(limit.soft), amount(limit.hard));
        let parts = if soft == hard {
            [" to ", &soft, "", "", ""]
        } else {
            [" to [", &soft, ", ", &hard, "]"]
        };
        text.extend(parts);
    }
    text
}

/// A limit as it is written in a configuration.
fn amount(limit: u64) -> String {
    match limit {
        u64::MAX => String::from("unlimited"),
        number => number.to_string(),
    }
}

fn decimal(number: Option<impl Into<i32>>) -> String {
    number.map_or(0, Into::into).to_string()
}

/// The error's text as the C library has it, without Rust's "(os error 2)".
#[must_use]
pub fn error_text(errno: i32) -> String {
    let text = std::io::Error::from_raw_os_error(errno).to_string();
    text.rsplit_once(" (os error")
        .map_or(text.clone(), |(text, _)| text.to_owned())
}

/// Names what an executable that is there is run by, and which is not.
fn interpreter(launch: &Launch, argv: &[CString]) -> String {
    let missing = crate::linux::interpreter::named_by(launch, argv);
    match missing {
        Some(interpreter) => format!("its interpreter {interpreter} is not there"),
        None => String::from("its interpreter is not there"),
    }
}

/// A time from a configuration, as it would be written there.
pub fn short(time: Duration) -> String {
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
