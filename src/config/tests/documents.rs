//! What docs/config.md and supervisor.toml.example say is what the code does.

use super::size::format_size;
use super::*;
use crate::plan::LogFile;
use lastout_core::{
    Autorestart, EndPolicy, Healthcheck, Kind, Leftovers, ProbeTimes, Readiness, ReadyBy, Retries,
    Scope,
};

const MANUAL: &str = include_str!("../../../docs/config.md");
const EXAMPLE: &str = include_str!("../../../supervisor.toml.example");

fn all_keys() -> impl Iterator<Item = &'static str> {
    let keys = keys::PROGRAM.into_iter().chain(keys::SUPERVISOR);
    keys.chain(keys::CONTROL).chain(["include"])
}

/// What stands under the heading of a key.
fn section(key: &str) -> &'static str {
    let heading = format!("\n### `{key}`\n");
    let mut parts = MANUAL.split(heading.as_str()).skip(1);
    let section = parts
        .next()
        .unwrap_or_else(|| panic!("no heading of {key}"));
    assert!(parts.next().is_none(), "two headings of {key}");
    section.split("\n#").next().unwrap()
}

/// What stands after `Default:` or `Example:`, without its backquotes.
fn stated(key: &str, what: &str) -> &'static str {
    let section = section(key);
    let line = section.lines().find(|line| line.starts_with("Type: "));
    let parts = line
        .unwrap_or_else(|| panic!("no type of {key}"))
        .split(" · ");
    let mut found = parts.filter_map(|part| part.strip_prefix(what));
    let found = found.next().unwrap_or_else(|| panic!("no {what} of {key}"));
    found.trim_matches('`')
}

/// The default of a key as the manual writes it.
fn default_of(key: &str) -> String {
    let spec = ProgramSpec::new("x");
    let policy = |policy| match policy {
        EndPolicy::Ignore => "ignore".to_owned(),
        EndPolicy::Shutdown => "shutdown".to_owned(),
    };
    match key {
        "enabled" => "true".to_owned(),
        "readers" => "[]".to_owned(),
        "include" | "startup_timeout" | "socket" => "none".to_owned(),
        "command" => "none, required".to_owned(),
        "directory" | "user" | "umask" => "lastout's".to_owned(),
        "environment" | "secrets" => "{}".to_owned(),
        "env_file" => "[]".to_owned(),
        "numprocs" => "1".to_owned(),
        "stdout" | "stderr" => "inherit".to_owned(),
        "type" => match spec.kind {
            Kind::Service => "service".to_owned(),
            Kind::Oneshot => "oneshot".to_owned(),
        },
        "depends_on" => format!("{:?}", spec.needs),
        "ready" | "healthcheck" | "watchdog" | "pre_start" | "post_stop" | "reload_signal" => {
            let none = (spec.readiness, spec.healthcheck, spec.watchdog);
            assert_eq!(none, (None, None, None));
            assert_eq!(spec.reload_signal, None);
            "none".to_owned()
        }
        "rlimits" | "nice" | "oom_score_adj" | "capabilities" => "inherited".to_owned(),
        "no_new_privileges" => "false".to_owned(),
        "schedule" => {
            assert_eq!(spec.schedule, None);
            "none".to_owned()
        }
        "timezone" => crate::schedule::Zone::default().to_string(),
        "concurrency" => "forbid".to_owned(),
        "stdin" => "null".to_owned(),
        "autostart" => spec.autostart.to_string(),
        "priority" => spec.priority.to_string(),
        "startsecs" => format_duration(spec.startsecs),
        "startretries" => match spec.startretries {
            Retries::AtMost(n) => n.to_string(),
            Retries::Infinite => "infinite".to_owned(),
        },
        "autorestart" => match spec.autorestart {
            Autorestart::Always => "always".to_owned(),
            Autorestart::Unexpected => "unexpected".to_owned(),
            Autorestart::Never => "never".to_owned(),
        },
        "exitcodes" => format!("{:?}", spec.exitcodes),
        "backoff" => format_duration(spec.backoff),
        "backoff_max" => format_duration(spec.backoff_max),
        "on_success" => policy(spec.on_success),
        "on_failure" => policy(spec.on_failure),
        "stopsignal" => spec.stopsignal.to_string().replace("SIG", ""),
        "stopwaitsecs" => format_duration(spec.stopwaitsecs.unwrap()),
        "stop_scope" => match spec.stop_scope {
            Scope::Leader => "leader".to_owned(),
            Scope::Group => "group".to_owned(),
            Scope::Tree => "tree".to_owned(),
        },
        "leftovers" => match spec.leftovers {
            Leftovers::Stop => "stop".to_owned(),
            Leftovers::Keep => "keep".to_owned(),
        },
        "stop_timeout" => format_duration(STOP_TIMEOUT),
        "log_level" => "info".to_owned(),
        "log_format" => "text".to_owned(),
        key => panic!("{key} has no default here"),
    }
}

#[test]
fn the_manual_has_every_key_with_its_default() {
    for key in all_keys() {
        assert_eq!(stated(key, "Default: "), default_of(key), "{key}");
    }
}

/// The parts of a key that is a table, each with its default.
fn parts_of(key: &str) -> Vec<(&'static str, String)> {
    let time = |time| match time {
        Duration::ZERO => "0".to_owned(),
        time => format_duration(time)
            .replace('s', " s")
            .replace("1m", "60 s"),
    };
    let of_times = |times: ProbeTimes| {
        let [interval, timeout] = [times.interval, times.timeout].map(time);
        [("interval", interval), ("timeout", timeout)]
    };
    if key == "ready" {
        let readiness = Readiness::new(ReadyBy::Message);
        let mut parts = of_times(ProbeTimes::OF_READY).to_vec();
        parts.push(("start_timeout", time(readiness.start_timeout)));
        return parts;
    }
    if key == "stdout" {
        let file = LogFile::at(PathBuf::new());
        return vec![
            ("file", "required".to_owned()),
            ("max_size", format!("`\"{}\"`", format_size(file.max_size))),
            ("backups", file.backups.to_string()),
            ("mode", format!("`\"{:04o}\"`", file.mode)),
            ("format", "`\"raw\"`".to_owned()),
        ];
    }
    let health = Healthcheck::DEFAULT;
    let mut parts = of_times(health.times).to_vec();
    parts.push(("retries", health.retries.to_string()));
    parts.push(("start_period", time(health.start_period)));
    parts
}

#[test]
fn the_manual_has_the_parts_of_keys_with_their_defaults() {
    for key in ["ready", "healthcheck", "stdout"] {
        for (part, default) in parts_of(key) {
            let row = format!("| `{part}` | {default} |");
            assert!(section(key).contains(&row), "{row}");
        }
    }
    for resource in crate::limits::Resource::names() {
        assert!(section("rlimits").contains(&format!("`{resource}`")));
    }
}

#[test]
fn the_manual_has_no_other_key() {
    let headings = MANUAL.lines().filter_map(|line| line.strip_prefix("### `"));
    for heading in headings {
        let key = heading.trim_end_matches('`');
        assert!(all_keys().any(|k| k == key), "{key}");
    }
}

#[test]
fn the_examples_of_the_manual_are_right() {
    for key in all_keys() {
        let example = stated(key, "Example: ");
        assert!(example.starts_with(&format!("{key} = ")), "{example}");
        let program = "[program.web]\ncommand = 'true'\n";
        let text = match key {
            "include" => format!("{example}\n{program}"),
            "timezone" | "concurrency" => format!("{program}{example}\nschedule = '@daily'\n"),
            "command" => format!("[program.web]\n{example}\n"),
            key if keys::CONTROL.contains(&key) => format!("[control]\n{example}\n{program}"),
            key if keys::SUPERVISOR.contains(&key) => {
                format!("[supervisor]\n{example}\n{program}")
            }
            _ => format!("{program}{example}\n"),
        };
        Folder::new(&text)
            .load()
            .unwrap_or_else(|told| panic!("{told}"));
    }
}

#[test]
fn the_manual_has_every_meaning_of_a_signal() {
    for word in ["shutdown", "reload", "reopen-logs", "log-state", "ignore"] {
        assert!(MANUAL.contains(&format!("| `\"{word}\"` |")), "{word}");
    }
}

#[test]
fn the_example_has_every_key() {
    for key in all_keys() {
        let is_set = |line: &str| {
            let line = line.strip_prefix("# ").unwrap_or(line);
            line.starts_with(&format!("{key} = "))
        };
        assert!(EXAMPLE.lines().any(is_set), "{key}");
    }
}

#[test]
fn the_example_runs_as_it_is() {
    let path = std::env::var("PATH").unwrap_or_default();
    let folder = Folder::new(EXAMPLE);
    let loaded = folder.load_with(&[("PATH", &path)], Options::default());
    let plan = loaded.unwrap_or_else(|told| panic!("{told}")).plan;
    assert_eq!(plan.warnings, [] as [&str; 0]);
    let mut signals = plan.spec.programs.iter().map(|p| p.stopsignal.to_string());
    assert_eq!(signals.next().as_deref(), Some("SIGQUIT"));
    assert_eq!(signals.next().as_deref(), Some("SIGTERM"));
    assert_eq!(signals.next(), None);
}

#[test]
fn what_the_example_has_commented_out_is_right() {
    let of_schedule = ["schedule", "timezone", "concurrency"];
    let (with, without): (Vec<_>, Vec<_>) = all_keys().partition(|k| of_schedule.contains(k));
    for keys in [with, without] {
        let uncommented = |line: &'static str| {
            let rest = line.strip_prefix("# ")?;
            let (key, _) = rest.split_once(" = ")?;
            keys.contains(&key).then_some(rest)
        };
        let lines = EXAMPLE.lines();
        let lines = lines.map(|line| uncommented(line).unwrap_or(line));
        let text: String = lines.map(|line| format!("{line}\n")).collect();
        assert_ne!(text, EXAMPLE);
        // The one file of it that is not on every machine.
        let mut text = text.replace("/run/secrets/db", "/etc/hostname");
        if keys == of_schedule {
            text = text.replace("type = \"service\"", "type = \"oneshot\"");
        }
        let loaded = Folder::new(&text).load();
        loaded.unwrap_or_else(|told| panic!("{told}"));
    }
}
