//! One program of a plan in words.

use std::ffi::{CStr, CString};
use std::time::Duration;

use lastout_core::{
    Autorestart, Concurrency, Condition, EndPolicy, HealthAction, Kind, Leftovers, Need,
    ProgramSpec, ReadyBy, Retries, Scope,
};

use super::super::Loaded;
use super::super::size::format_size;
use super::super::text::{printable, quoted};
use super::{Page, Time};
use crate::limits::Limits;
use crate::plan::{Address, Destination, Launch, LineFormat, Output, Probe, Ready, Relayed, Stdin};
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
        self.line();
        self.heading(program, instances, is_main);
        self.command("command", Some(&launch.argv));
        self.surroundings(launch, is_main);
        self.limits(&launch.limits);
        if is_main {
            self.stop(program);
            return;
        }
        self.needs(&program.needs, programs);
        if let Some(schedule) = &launch.schedule {
            self.times(schedule, program.schedule, now);
        }
        self.command("pre_start", launch.pre_start.as_ref());
        self.start(program);
        self.watch(program, launch);
        self.restart(program);
        self.stop(program);
        self.command("post_stop", launch.post_stop.as_ref());
        if let Some(signal) = program.reload_signal {
            self.add(signal);
            self.row("reload");
        }
    }

    fn heading(&mut self, program: &ProgramSpec, instances: usize, is_main: bool) {
        self.add(&program.name);
        if let Some((base, _)) = base(&program.name) {
            self.add(format_args!(" to {base}:{}", instances - 1));
        }
        let what = match (program.schedule, program.kind) {
            _ if is_main => " (the command, when all are up; its end is the end)",
            (Some(_), _) => " (when its time has come)",
            (None, Kind::Oneshot) => " (a oneshot)",
            (None, Kind::Service) => "",
        };
        self.add(what);
        if !program.autostart {
            self.add(" (not by itself)");
        }
        self.line();
    }

    /// Where and as whom it runs.
    fn surroundings(&mut self, launch: &Launch, is_main: bool) {
        if let Some(directory) = &launch.directory {
            self.add(printable(&directory.to_string_lossy()));
            self.row("directory");
        }
        if let Some(user) = &launch.user {
            self.add(printable(&user.user));
            if let Some(group) = &user.group {
                self.add(format_args!(":{}", printable(group)));
            }
            self.row("user");
        }
        if let Some(umask) = launch.umask {
            self.add(format_args!("{umask:03o}"));
            self.row("umask");
        }
        if launch.stdin == Stdin::Inherit && !is_main {
            self.add("lastout's");
            self.row("stdin");
        }
        for (name, output) in [("stdout", &launch.stdout), ("stderr", &launch.stderr)] {
            match output {
                Output::Inherit => {}
                Output::Null => self.add("/dev/null"),
                Output::Stdout => self.add("as stdout"),
                Output::Relayed(relayed) => self.relayed(relayed),
            }
            self.row(name);
        }
    }

    /// Where lines go, and what they look like there.
    fn relayed(&mut self, relayed: &Relayed) {
        match &relayed.to {
            Destination::Own => self.add("lastout's"),
            Destination::File(file) => self.add(printable(&file.path.to_string_lossy())),
        }
        self.add(match relayed.format {
            LineFormat::Raw => ", lines as they come",
            LineFormat::Prefix => ", its name before each line",
            LineFormat::Json => ", lines as JSON",
        });
        let Destination::File(file) = &relayed.to else {
            return;
        };
        self.add(format_args!("; made with mode {:04o}; ", file.mode));
        let size = format_size(file.max_size);
        match (file.max_size, file.backups) {
            (0, _) => self.add("never rotated"),
            (_, 0) => self.add(format_args!("begun anew at {size}")),
            (_, kept) => self.add(format_args!("rotated at {size}, {kept} kept")),
        }
    }

    /// What it may use.
    fn limits(&mut self, limits: &Limits) {
        for limit in &limits.resources {
            self.add_item(limit.resource.name());
            self.add_limit(" ", limit.soft);
            if limit.soft != limit.hard {
                self.add_limit(" to ", limit.hard);
            }
        }
        if let Some(nice) = limits.nice {
            self.add_item(format_args!("nice {nice}"));
        }
        if let Some(adj) = limits.oom_score_adj {
            self.add_item(format_args!("oom_score_adj {adj}"));
        }
        if let Some(capabilities) = limits.capabilities {
            self.add_item("no capability");
            for (number, name) in capabilities.iter().enumerate() {
                let but = if number == 0 { " but" } else { "" };
                self.add(format_args!("{but} {name}"));
            }
        }
        if limits.no_new_privileges {
            self.add_item("no new privileges");
        }
        self.row("limits");
    }

    fn add_limit(&mut self, before: &str, value: u64) {
        match value {
            u64::MAX => self.add(format_args!("{before}unlimited")),
            value => self.add(format_args!("{before}{value}")),
        }
    }

    fn needs(&mut self, needs: &[Need], programs: &[ProgramSpec]) {
        let mut rest = needs;
        while let Some((need, after)) = rest.split_first() {
            let number = need.program.0 as usize;
            self.add_item(programs.get(number).map_or("", |p| p.name.as_str()));
            // All instances of a program are needed one after the other.
            let name = programs.get(number).and_then(|p| base(&p.name));
            let name = name.filter(|(_, instance)| *instance == "0");
            let most = name.map_or(0, |_| instances(programs, number) - 1);
            let ids = (need.program.0 + 1..).zip(after).take(most);
            let more = ids.take_while(|(id, need)| need.program.0 == *id).count();
            if let Some((name, _)) = name.filter(|_| more > 0) {
                self.add(format_args!(" to {name}:{more}"));
            }
            self.add(match need.condition {
                Condition::Started => " started",
                Condition::Ready => " ready",
                Condition::Completed => " completed",
            });
            rest = after.get(more..).unwrap_or_default();
        }
        self.row("after");
    }

    fn times(&mut self, schedule: &Schedule, concurrency: Option<Concurrency>, now: i64) {
        match schedule.next_after(now) {
            None => self.add("never"),
            Some(at) => {
                let day = civil(at.div_euclid(86_400));
                let (year, month, day) = (day.year, day.month, day.day);
                self.add(format_args!("next on {year}-{month:02}-{day:02} at "));
                let minute = at.rem_euclid(86_400) / 60;
                let (hour, minute) = (minute / 60, minute % 60);
                self.add(format_args!("{hour:02}:{minute:02} UTC"));
            }
        }
        self.add(format_args!(", by the clock of {}; ", schedule.zone));
        self.add(match concurrency {
            Some(Concurrency::Forbid) | None => "not while it still runs",
            Some(Concurrency::Allow) => "also while it still runs",
            Some(Concurrency::Replace) => "what still runs then is stopped",
        });
        self.row("schedule");
    }

    fn start(&mut self, program: &ProgramSpec) {
        let is_oneshot = program.kind == Kind::Oneshot;
        self.add(format_args!("priority {}; up ", program.priority));
        match (program.readiness, program.startsecs) {
            _ if is_oneshot => self.add("when it is done"),
            (Some(_), Duration::ZERO) => self.add("when it is ready"),
            (Some(_), time) => self.add(format_args!("after {} and when it is ready", Time(time))),
            (None, Duration::ZERO) => self.add("at once"),
            (None, time) => self.add(format_args!("after {}", Time(time))),
        }
        match program.startretries {
            Retries::AtMost(0) => self.add("; no retries"),
            Retries::AtMost(1) => self.add("; 1 retry"),
            Retries::AtMost(n) => self.add(format_args!("; {n} retries")),
            Retries::Infinite => self.add("; retried without end"),
        }
        // A service that is not retried may be restarted all the same.
        if !(is_oneshot && program.startretries == Retries::AtMost(0)) {
            let (low, high) = (Time(program.backoff), Time(program.backoff_max));
            self.add(format_args!(", pauses of {low} to {high}"));
        }
        self.row("start");
    }

    /// How it is known whether it is ready, and whether it is well.
    fn watch(&mut self, program: &ProgramSpec, launch: &Launch) {
        if let (Some(readiness), Some(ready)) = (program.readiness, &launch.ready) {
            self.add("when ");
            match ready {
                Ready::Notify => self.add("it says so (sd_notify)"),
                Ready::Descriptor(n) => self.add(format_args!("it says so on descriptor {n}")),
                Ready::Line(text) => {
                    let text = String::from_utf8_lossy(text);
                    self.add(format_args!("it writes a line with {}", quoted(&text)));
                }
                Ready::Probe(probe) => self.probe(probe),
            }
            if let ReadyBy::Probe(times) = readiness.by {
                self.add(format_args!(", asked every {}", Time(times.interval)));
            }
            self.add(format_args!("; within {}", Time(readiness.start_timeout)));
            self.row("ready");
        }
        if let (Some(health), Some(probe)) = (program.healthcheck, &launch.health) {
            self.probe(probe);
            self.add(format_args!(
                ", asked every {}; ",
                Time(health.times.interval)
            ));
            self.add(match health.action {
                HealthAction::Restart => "a restart",
                HealthAction::Shutdown => "the end of the container",
                HealthAction::Nothing => "the log says so",
            });
            match health.retries {
                1 => self.add(" after a failure"),
                many => self.add(format_args!(" after {many} failures")),
            }
            self.row("health");
        }
        if let Some(time) = program.watchdog {
            self.add(format_args!(
                "must say that it is well every {}",
                Time(time)
            ));
            self.row("watchdog");
        }
    }

    fn probe(&mut self, probe: &Probe) {
        match probe {
            Probe::Tcp(address) => {
                self.address(address);
                self.add(" accepts");
            }
            Probe::Http { address, target } => {
                self.add("http://");
                self.address(address);
                self.add(format_args!("{target} answers"));
            }
            Probe::Exec(argv) => {
                self.words(argv);
                self.add(" exits with 0");
            }
        }
    }

    fn address(&mut self, address: &Address) {
        let brackets = match address.host.contains(':') {
            true => ["[", "]"],
            false => ["", ""],
        };
        let [open, close] = brackets;
        let (host, port) = (&address.host, address.port);
        self.add(format_args!("{open}{host}{close}:{port}"));
    }

    fn restart(&mut self, program: &ProgramSpec) {
        match program.autorestart {
            Autorestart::Always => self.add("always"),
            Autorestart::Never => self.add("never"),
            Autorestart::Unexpected if program.exitcodes.is_empty() => self.add("after every end"),
            Autorestart::Unexpected => {
                for (number, code) in program.exitcodes.iter().enumerate() {
                    let start = match number {
                        0 => "unless it exits with",
                        _ => " or",
                    };
                    self.add(format_args!("{start} {code}"));
                }
            }
        }
        self.row("restart");
        let policy = |policy| match policy {
            EndPolicy::Ignore => "the container goes on",
            EndPolicy::Shutdown => "the container ends",
        };
        let (good, bad) = (policy(program.on_success), policy(program.on_failure));
        match good == bad {
            true => self.add(format_args!("for good: {good}")),
            false => self.add(format_args!("well: {good}; badly: {bad}")),
        }
        self.row("its end");
    }

    fn stop(&mut self, program: &ProgramSpec) {
        let scope = match program.stop_scope {
            Scope::Leader => "it",
            Scope::Group => "its process group",
            Scope::Tree => "all of its processes",
        };
        self.add(format_args!("{} to {scope}, killed ", program.stopsignal));
        match program.stopwaitsecs {
            Some(time) => self.add(format_args!("after {}", Time(time))),
            None => self.add("only at the end of the shutdown"),
        }
        match program.leftovers {
            Leftovers::Stop => {}
            Leftovers::Keep => self.add("; what it leaves behind is kept"),
        }
        self.row("stop");
    }

    fn command(&mut self, name: &str, argv: Option<&Vec<CString>>) {
        if let Some(argv) = argv {
            self.words(argv);
            self.row(name);
        }
    }

    /// A command as it could be typed into a shell.
    fn words(&mut self, argv: &[CString]) {
        for (number, word) in argv.iter().enumerate() {
            if number > 0 {
                self.add(' ');
            }
            self.add(shell_word(word));
        }
    }
}

/// The name of a program without its instance, and the instance.
fn base(name: &str) -> Option<(&str, &str)> {
    name.split_once(':')
}

/// How many programs from that one on are instances of the same.
fn instances(programs: &[ProgramSpec], first: usize) -> usize {
    let names = programs.iter().skip(first);
    let mut names = names.map(|program| base(&program.name).map(|(base, _)| base));
    let name = names.next();
    1 + names.take_while(|other| name == Some(*other)).count()
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
