//! What is legal but surely not meant.
//!
//! Each of these is a line in the log at every start: only what is worth one.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use lastout_core::{Autorestart, Kind, ReadyBy};

use super::depends::Graph;
use super::duration::format_duration;
use super::problem::{Problem, Problems};
use super::program::{Definition, Program};
use super::supervisor::Supervisor;
use super::text::quoted;
use crate::plan::{Output, Stdin};

/// Servers, the signal that lets them end what they are doing, and what the usual one
/// does to them. A name stands for those that begin with it, as `php-fpm8.2`.
const SERVERS: [(&str, &str, &str); 6] = [
    ("nginx", "QUIT", "drops its connections"),
    ("php-fpm", "QUIT", "drops its requests"),
    ("apache2", "WINCH", "drops its connections"),
    ("httpd", "WINCH", "drops its connections"),
    ("haproxy", "USR1", "drops its connections"),
    ("postgres", "INT", "waits for its clients to leave"),
];

/// Warns of what a program's keys say together.
pub(super) fn check(definition: &Definition<'_>, problems: &mut Problems) {
    let Some(Program { spec, launch }) = definition.instances.first() else {
        return;
    };
    let mut warn = |key: &str, message: &str| {
        if let Some(field) = definition.keys.field(key) {
            let name = quoted(definition.name);
            problems.warning(Problem::at(
                field.node.place,
                format_args!("{name}: {message}"),
            ));
        }
    };
    if spec.kind == Kind::Oneshot && spec.autorestart == Autorestart::Always {
        warn(
            "autorestart",
            "a oneshot that is always started again is never done",
        );
    }
    if spec.schedule.is_some() && !spec.autostart {
        warn(
            "autostart",
            "its times do not count: it runs when it is asked to",
        );
    }
    if let Some(readiness) = spec.readiness
        && let ReadyBy::Probe(times) = readiness.by
        && readiness.start_timeout < times.interval.max(times.timeout)
    {
        warn(
            "ready",
            "`start_timeout` is shorter than its `interval` or its `timeout`",
        );
    }
    if (&launch.stdout, &launch.stderr) == (&Output::Null, &Output::Stdout) {
        warn("stderr", "it goes where `stdout` goes, to /dev/null");
    }
    let is_relayed = matches!(launch.stdout, Output::Relayed(_));
    if is_relayed && launch.stdin == Stdin::Inherit {
        warn(
            "stdin",
            "its stdout is no terminal, since it goes through the relay",
        );
    }
    if definition.keys.field("stopsignal").is_none()
        && let Some(argv0) = launch.argv.first()
        && let Some(name) = Path::new(OsStr::from_bytes(argv0.to_bytes())).file_name()
        && let Some((server, signal, what)) = SERVERS
            .iter()
            .find(|(server, _, _)| is_version(name, server))
    {
        let hint =
            format!("at SIGTERM {server} {what}; `stopsignal = \"{signal}\"` lets it finish");
        warn("command", &hint);
    }
}

/// Whether it is that name, or that name with a version: `php-fpm8.2`.
fn is_version(name: &OsStr, of: &str) -> bool {
    let rest = name.as_bytes().strip_prefix(of.as_bytes());
    rest.is_some_and(|rest| rest.iter().all(|b| b.is_ascii_digit() || *b == b'.'))
}

/// Warns of a start that was given longer than the supervisor waits for all. That the
/// defaults are longer is no contradiction: to bound them is what the timeout is for.
pub(super) fn check_startup(
    definitions: &[Definition<'_>],
    supervisor: &Supervisor,
    problems: &mut Problems,
) {
    let Some((timeout, place)) = supervisor.startup_timeout else {
        return;
    };
    let is_longer = |definition: &&Definition<'_>| {
        let Some(Program { spec, .. }) = definition.instances.first() else {
            return false;
        };
        let startsecs = definition.keys.field("startsecs").map(|_| spec.startsecs);
        let start_timeout = set_start_timeout(definition).then_some(spec.readiness);
        let start_timeout = start_timeout.flatten().map(|r| r.start_timeout);
        spec.autostart && startsecs.max(start_timeout) > Some(timeout)
    };
    if let Some(definition) = definitions.iter().find(is_longer) {
        let name = quoted(definition.name);
        problems.warning(Problem::at(
            place,
            format_args!("`startup_timeout` is shorter than {name} alone may take"),
        ));
    }
}

/// Whether `ready` says how long it may take.
fn set_start_timeout(definition: &Definition<'_>) -> bool {
    let ready = definition.keys.field("ready");
    ready.is_some_and(|field| field.get("start_timeout").is_some())
}

/// Warns of times that the shutdown does not grant.
pub(super) fn check_times(
    definitions: &[Definition<'_>],
    graph: &Graph,
    stop_timeout: Duration,
    problems: &mut Problems,
) {
    let grants = format!(
        "longer than the whole shutdown may take ({})",
        format_duration(stop_timeout)
    );
    let mut is_told = false;
    for definition in definitions {
        let time = stopwaitsecs(definition);
        if let Some(field) = definition.keys.field("stopwaitsecs")
            && time > stop_timeout
        {
            is_told = true;
            let name = quoted(definition.name);
            let time = format_duration(time);
            problems.warning(Problem::at(
                field.node.place,
                format_args!("{name}: `stopwaitsecs` ({time}) is {grants}"),
            ));
        }
    }
    let (total, members) = longest_chain(definitions, graph);
    if is_told || total <= stop_timeout {
        return;
    }
    let members: Vec<&Definition<'_>> =
        members.iter().filter_map(|m| definitions.get(*m)).collect();
    let last = members
        .last()
        .and_then(|last| last.keys.field("depends_on"));
    let names: Vec<String> = members
        .iter()
        .rev()
        .map(|d| quoted(d.name).to_string())
        .collect();
    if let Some(field) = last {
        let total = format_duration(total);
        problems.warning(Problem::at(
            field.node.place,
            format_args!(
                "{} end one after the other: their `stopwaitsecs` ({total} together) are {grants}",
                names.join(", ")
            ),
        ));
    }
}

/// The longest time that programs which end one after the other have, as far as it is set.
pub(super) fn longest_chain(
    definitions: &[Definition<'_>],
    graph: &Graph,
) -> (Duration, Vec<usize>) {
    graph.longest_chain(|number| definitions.get(number).map_or(Duration::ZERO, stopwaitsecs))
}

/// What is set; zero where nothing is.
fn stopwaitsecs(definition: &Definition<'_>) -> Duration {
    let is_set = definition.keys.field("stopwaitsecs").is_some();
    let first = definition.instances.first().filter(|_| is_set);
    let time = first.and_then(|program| program.spec.stopwaitsecs);
    time.unwrap_or_default()
}
