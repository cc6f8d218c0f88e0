//! One program of a plan in words.

use std::ffi::{CStr, CString};
use std::time::Duration;

use lastout_core::{
    Autorestart, Concurrency, Condition, EndPolicy, HealthAction, Kind, Leftovers, Need,
    ProgramSpec, ReadyBy, Retries, Scope,
};

use super::super::text::printable;
use super::super::{Loaded, format_duration};
use super::Page;
use crate::limits::Limits;
use crate::plan::{Address, Launch, Output, Probe, Ready, Stdin};
use crate::schedule::{Schedule, civil};

impl Page {
    /// What there is to say of a program; of several instances once for all.
    pub(super) fn program(&mut self, loaded: &Loaded, number: usize, now: i64) {
        let plan = &loaded.plan;
        let programs = &plan.spec.programs;
        let (Some(program), Some(launch)) = (programs.get(number), plan.launches.get(number))
        else {
            return;
        };
        let instances = match base(&program.name) {
            Some((_, "0")) => instances(programs, number),
            Some(_) => return,
            None => 1,
        };
        let is_main = plan.spec.main.is_some_and(|main| main.0 as usize == number);
        self.line("");
        self.line(&heading(program, instances, is_main));
        self.row("command", &command(&launch.argv));
        self.surroundings(launch, is_main);
        if is_main {
            self.row("stop", &stop(program));
            return;
        }
        if !program.needs.is_empty() {
            self.row("after", &needs(&program.needs, programs));
        }
        if let Some(schedule) = &launch.schedule {
            self.row("schedule", &times(schedule, program.schedule, now));
        }
        if let Some(argv) = &launch.pre_start {
            self.row("pre_start", &command(argv));
        }
        self.row("start", &start(program));
        self.watch(program, launch);
        self.row("restart", &restart(program));
        self.row("its end", &end(program));
        self.row("stop", &stop(program));
        if let Some(argv) = &launch.post_stop {
            self.row("post_stop", &command(argv));
        }
        if let Some(signal) = program.reload_signal {
            self.row("reload", &signal.to_string());
        }
    }

    /// Where and as whom it runs, and what it may use.
    fn surroundings(&mut self, launch: &Launch, is_main: bool) {
        if let Some(directory) = &launch.directory {
            self.row("directory", &printable(&directory.to_string_lossy()));
        }
        if let Some(user) = &launch.user {
            let group = user.group.iter().map(|group| format!(":{group}"));
            let group: String = group.collect();
            self.row("user", &printable(&format!("{}{group}", user.user)));
        }
        if let Some(umask) = launch.umask {
            self.row("umask", &format!("{umask:03o}"));
        }
        if launch.stdin == Stdin::Inherit && !is_main {
            self.row("stdin", "lastout's");
        }
        for (name, output) in [("stdout", launch.stdout), ("stderr", launch.stderr)] {
            match output {
                Output::Inherit => {}
                Output::Null => self.row(name, "/dev/null"),
            }
        }
        let limits = limits(&launch.limits);
        if !limits.is_empty() {
            self.row("limits", &limits);
        }
    }

    /// How it is known whether it is ready, and whether it is well.
    fn watch(&mut self, program: &ProgramSpec, launch: &Launch) {
        if let (Some(readiness), Some(ready)) = (program.readiness, &launch.ready) {
            let says = match ready {
                Ready::Notify => "when it says so (sd_notify)".to_owned(),
                Ready::Descriptor(number) => format!("when it says so on descriptor {number}"),
                Ready::Probe(probe) => format!("when {}", probed(probe)),
            };
            let every = match readiness.by {
                ReadyBy::Message => String::new(),
                ReadyBy::Probe(times) => {
                    format!(", asked every {}", format_duration(times.interval))
                }
            };
            let within = format_duration(readiness.start_timeout);
            self.row("ready", &format!("{says}{every}; within {within}"));
        }
        if let (Some(health), Some(probe)) = (program.healthcheck, &launch.health) {
            let action = match health.action {
                HealthAction::Restart => "a restart",
                HealthAction::Shutdown => "the end of the container",
                HealthAction::Nothing => "the log says so",
            };
            let (probe, every) = (probed(probe), format_duration(health.times.interval));
            let retries = health.retries;
            let text = format!("{probe}, asked every {every}; {action} after {retries} failures");
            self.row("health", &text);
        }
        if let Some(time) = program.watchdog {
            let time = format_duration(time);
            self.row(
                "watchdog",
                &format!("must say that it is well every {time}"),
            );
        }
    }
}

/// The name of a program without its instance, and the instance.
fn base(name: &str) -> Option<(&str, &str)> {
    name.split_once(':')
}

/// How many programs from that one on are instances of the same.
fn instances(programs: &[ProgramSpec], first: usize) -> usize {
    let mut names = programs
        .iter()
        .skip(first)
        .map(|p| base(&p.name).map(|b| b.0));
    let name = names.next();
    1 + names.take_while(|other| name == Some(*other)).count()
}

fn heading(program: &ProgramSpec, instances: usize, is_main: bool) -> String {
    let name = &program.name;
    if is_main {
        return format!("{name} (the command, when all are up; its end is the end)");
    }
    let mut notes = Vec::new();
    match (program.schedule, program.kind) {
        (Some(_), _) => notes.push("when its time has come"),
        (None, Kind::Oneshot) => notes.push("a oneshot"),
        (None, Kind::Service) => {}
    }
    if !program.autostart {
        notes.push("not by itself");
    }
    let notes = match notes.is_empty() {
        true => String::new(),
        false => format!(" ({})", notes.join(", ")),
    };
    match base(name) {
        Some((base, _)) => format!("{name} to {base}:{}{notes}", instances - 1),
        None => format!("{name}{notes}"),
    }
}

fn needs(needs: &[Need], programs: &[ProgramSpec]) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut rest = needs;
    while let Some((need, after)) = rest.split_first() {
        let number = need.program.0 as usize;
        let name = programs.get(number).map_or("", |p| p.name.as_str());
        let condition = match need.condition {
            Condition::Started => "started",
            Condition::Ready => "ready",
            Condition::Completed => "completed",
        };
        // All instances of a program are needed one after the other.
        let more = match base(name) {
            Some((_, "0")) => (instances(programs, number) - 1).min(after.len()),
            Some(_) | None => 0,
        };
        let ids = (need.program.0 + 1..).zip(after).take(more);
        let more = ids.take_while(|(id, need)| need.program.0 == *id).count();
        texts.push(match base(name) {
            Some((base, _)) if more > 0 => format!("{name} to {base}:{more} {condition}"),
            Some(_) | None => format!("{name} {condition}"),
        });
        rest = after.get(more..).unwrap_or_default();
    }
    texts.join(", ")
}

fn times(schedule: &Schedule, concurrency: Option<Concurrency>, now: i64) -> String {
    let next = match schedule.next_after(now) {
        None => "never".to_owned(),
        Some(at) => {
            let day = civil(at.div_euclid(86_400));
            let minute = at.rem_euclid(86_400) / 60;
            let (year, month, day) = (day.year, day.month, day.day);
            let (hour, minute) = (minute / 60, minute % 60);
            format!("next on {year}-{month:02}-{day:02} at {hour:02}:{minute:02} UTC")
        }
    };
    let still = match concurrency {
        Some(Concurrency::Forbid) | None => "not while it still runs",
        Some(Concurrency::Allow) => "also while it still runs",
        Some(Concurrency::Replace) => "what still runs then is stopped",
    };
    format!("{next}, by the clock of {}; {still}", schedule.zone)
}

fn limits(limits: &Limits) -> String {
    let value = |value: u64| match value {
        u64::MAX => "unlimited".to_owned(),
        value => value.to_string(),
    };
    let mut texts: Vec<String> = Vec::new();
    for limit in &limits.resources {
        let (name, soft, hard) = (limit.resource.name(), value(limit.soft), value(limit.hard));
        texts.push(match soft == hard {
            true => format!("{name} {soft}"),
            false => format!("{name} {soft} to {hard}"),
        });
    }
    texts.extend(limits.nice.map(|nice| format!("nice {nice}")));
    texts.extend(
        limits
            .oom_score_adj
            .map(|adj| format!("oom_score_adj {adj}")),
    );
    if let Some(capabilities) = limits.capabilities {
        let names: Vec<&str> = capabilities.iter().collect();
        texts.push(match names.is_empty() {
            true => "no capability".to_owned(),
            false => format!("no capability but {}", names.join(" ")),
        });
    }
    if limits.no_new_privileges {
        texts.push("no new privileges".to_owned());
    }
    texts.join(", ")
}

fn probed(probe: &Probe) -> String {
    let at = |address: &Address| match address.host.contains(':') {
        true => format!("[{}]:{}", address.host, address.port),
        false => format!("{}:{}", address.host, address.port),
    };
    match probe {
        Probe::Tcp(address) => format!("{} accepts", at(address)),
        Probe::Http { address, target } => format!("http://{}{target} answers", at(address)),
        Probe::Exec(argv) => format!("{} exits with 0", command(argv)),
    }
}

fn start(program: &ProgramSpec) -> String {
    let up = match (program.readiness, program.startsecs) {
        (Some(_), Duration::ZERO) => "up when it is ready".to_owned(),
        (Some(_), time) => format!("up after {} and when it is ready", format_duration(time)),
        (None, Duration::ZERO) => "up at once".to_owned(),
        (None, time) => format!("up after {}", format_duration(time)),
    };
    let retries = match program.startretries {
        Retries::AtMost(1) => "1 retry".to_owned(),
        Retries::AtMost(n) => format!("{n} retries"),
        Retries::Infinite => "retried without end".to_owned(),
    };
    let pauses = [program.backoff, program.backoff_max].map(format_duration);
    let [backoff, backoff_max] = pauses;
    format!(
        "priority {}; {up}; {retries}, pauses of {backoff} to {backoff_max}",
        program.priority
    )
}

fn restart(program: &ProgramSpec) -> String {
    let codes: Vec<String> = program.exitcodes.iter().map(u8::to_string).collect();
    match program.autorestart {
        Autorestart::Always => "always".to_owned(),
        Autorestart::Never => "never".to_owned(),
        Autorestart::Unexpected if codes.is_empty() => "after every end".to_owned(),
        Autorestart::Unexpected => format!("unless it exits with {}", codes.join(" or ")),
    }
}

fn end(program: &ProgramSpec) -> String {
    let policy = |policy| match policy {
        EndPolicy::Ignore => "the container goes on",
        EndPolicy::Shutdown => "the container ends",
    };
    let (good, bad) = (policy(program.on_success), policy(program.on_failure));
    match good == bad {
        true => format!("for good: {good}"),
        false => format!("well: {good}; badly: {bad}"),
    }
}

fn stop(program: &ProgramSpec) -> String {
    let scope = match program.stop_scope {
        Scope::Leader => "it",
        Scope::Group => "its process group",
        Scope::Tree => "all of its processes",
    };
    let signal = program.stopsignal;
    let time = match program.stopwaitsecs {
        Some(time) => format!("killed after {}", format_duration(time)),
        None => "killed only at the end of the shutdown".to_owned(),
    };
    let leftovers = match program.leftovers {
        Leftovers::Stop => "",
        Leftovers::Keep => "; what it leaves behind is kept",
    };
    format!("{signal} to {scope}, {time}{leftovers}")
}

/// A command as it could be typed into a shell.
fn command(argv: &[CString]) -> String {
    let words: Vec<String> = argv.iter().map(|word| shell_word(word)).collect();
    words.join(" ")
}

fn shell_word(word: &CStr) -> String {
    let text = word.to_string_lossy();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "%+,-./:=@_".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.into_owned();
    }
    let quoted = text.replace('\'', "'\\''").replace('\n', "⏎ ");
    printable(&format!("'{quoted}'"))
}
