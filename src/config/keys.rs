//! The keys of this version, and the words that other supervisors use for them.
//!
//! What is not listed here is unknown: nothing is accepted and ignored. docs/config.md
//! and supervisor.toml.example are tested against these lists.

use super::problem::{Problem, Problems};
use super::text::quoted;
use super::tree::{Entry, Value};

/// What may stand at the top of the main file.
pub(super) const TOP: [&str; 6] = [
    "include",
    "supervisor",
    "control",
    "signals",
    "defaults",
    "program",
];

/// The keys of `[supervisor]`.
pub(super) const SUPERVISOR: [&str; 4] =
    ["stop_timeout", "startup_timeout", "log_level", "log_format"];

/// The keys of `[control]`.
pub(super) const CONTROL: [&str; 3] = ["socket", "enabled", "readers"];

/// The keys of `[program.NAME]` and `[defaults]`.
pub(super) const PROGRAM: [&str; 41] = [
    "command",
    "directory",
    "environment",
    "env_file",
    "secrets",
    "user",
    "umask",
    "numprocs",
    "stdin",
    "stdout",
    "stderr",
    "type",
    "autostart",
    "depends_on",
    "priority",
    "startsecs",
    "ready",
    "startretries",
    "autorestart",
    "exitcodes",
    "backoff",
    "backoff_max",
    "on_success",
    "on_failure",
    "schedule",
    "timezone",
    "concurrency",
    "healthcheck",
    "watchdog",
    "stopsignal",
    "stopwaitsecs",
    "stop_scope",
    "leftovers",
    "pre_start",
    "post_stop",
    "reload_signal",
    "rlimits",
    "nice",
    "oom_score_adj",
    "capabilities",
    "no_new_privileges",
];

/// What others call a key, and what it is called here.
const ELSEWHERE: [(&str, &str); 29] = [
    ("cmd", "command"),
    ("entrypoint", "command"),
    ("exec", "command"),
    ("exec_start", "command"),
    ("cwd", "directory"),
    ("workdir", "directory"),
    ("working_dir", "directory"),
    ("working_directory", "directory"),
    ("env", "environment"),
    ("environment_file", "env_file"),
    ("replicas", "numprocs"),
    ("after", "depends_on"),
    ("requires", "depends_on"),
    ("restart", "autorestart"),
    ("retries", "startretries"),
    ("start_seconds", "startsecs"),
    ("cron", "schedule"),
    ("stopasgroup", "stop_scope = \"group\""),
    ("killasgroup", "stop_scope"),
    ("kill_signal", "stopsignal"),
    ("stop_grace_period", "stopwaitsecs"),
    ("timeout_stop", "stopwaitsecs"),
    ("on_exit", "on_success"),
    ("ulimits", "rlimits"),
    ("redirect_stderr", "stderr = \"stdout\""),
    ("stdout_logfile", "stdout = { file = … }"),
    ("stderr_logfile", "stderr = { file = … }"),
    (
        "stdout_logfile_maxbytes",
        "stdout = { file = …, max_size = … }",
    ),
    (
        "stdout_logfile_backups",
        "stdout = { file = …, backups = … }",
    ),
];

/// Nobody reads more hints than this in one table, and looking for them takes time.
const MOST_HINTS: usize = 100;

/// Refuses every key of a table that is none of `keys`.
pub(super) fn refuse_unknown(
    table: &[Entry],
    section: &str,
    keys: &[&str],
    problems: &mut Problems,
) {
    let unknown = table
        .iter()
        .filter(|entry| !keys.contains(&entry.name.as_str()));
    for (count, entry) in unknown.enumerate() {
        let problem = Problem::at(
            entry.place,
            format_args!("unknown key {} in {section}", quoted(&entry.name)),
        );
        problems.error(match count < MOST_HINTS {
            true => hinted(problem, entry, section, keys),
            false => problem,
        });
    }
}

fn hinted(problem: Problem, entry: &Entry, section: &str, keys: &[&str]) -> Problem {
    let name = entry.name.as_str();
    let is_of_program = section.starts_with("[program.") || section == "[defaults]";
    if let Some((_, here)) = ELSEWHERE
        .iter()
        .find(|(there, _)| is_of_program && *there == name)
    {
        return problem.note(format_args!("did you mean `{here}`?"));
    }
    if is_of_program && let Value::Table(table) = &entry.node.value {
        let has_command = table.iter().any(|entry| entry.name == "command");
        if has_command {
            return problem.note("a name with a dot needs quotes: [program.\"a.b\"]");
        }
    }
    let belongs_to = [
        ("[supervisor]", SUPERVISOR.as_slice()),
        ("[control]", CONTROL.as_slice()),
        ("[program.NAME] or [defaults]", PROGRAM.as_slice()),
    ];
    let belongs_to = belongs_to.iter().find(|(_, keys)| keys.contains(&name));
    if let Some((table, _)) = belongs_to {
        return problem.note(format_args!("it belongs in {table}"));
    }
    let with_hint = problem.clone().nearest(name, keys.iter().copied());
    if with_hint != problem {
        return with_hint;
    }
    problem.note(format_args!("valid: {}", keys.join(", ")))
}
