//! Configurations without an error, and what becomes of them.

use super::*;
use crate::plan::{Slate, UserSpec};
use lastout_core::{
    Autorestart, EndPolicy, Forward, Leftovers, Meaning, Retries, Scope, Signal, SignalTable,
};
use std::ffi::CString;

/// What the command line adds when there is a command on it.
pub(super) fn with_command() -> Options {
    let argv = vec![c"cargo".to_owned(), c"test".to_owned()];
    let launch = Launch::as_started(argv, Vec::new());
    Options {
        command: Some((ProgramSpec::command("main"), launch)),
        ..Options::default()
    }
}

fn loaded(text: &str) -> Loaded {
    Folder::new(text)
        .load()
        .unwrap_or_else(|told| panic!("{told}"))
}

fn only(text: &str) -> (ProgramSpec, Launch) {
    let plan = loaded(&format!("[program.web]\n{text}")).plan;
    assert_eq!(plan.spec.programs.len(), 1);
    (plan.spec.programs[0].clone(), plan.launches[0].clone())
}

fn words(launch: &Launch) -> Vec<&str> {
    launch
        .argv
        .iter()
        .map(|word| word.to_str().unwrap())
        .collect()
}

#[test]
fn a_command_is_enough() {
    let (spec, launch) = only("command = 'true'");
    assert_eq!(spec, ProgramSpec::new("web"));
    let environment = ["A=1 2", "LASTOUT_PROGRAM=web", "PATH=/bin"];
    let environment = environment.map(|v| CString::new(v).unwrap()).to_vec();
    let expected = Launch::clean(vec![c"true".to_owned()], environment);
    assert_eq!(launch, expected);
}

#[test]
fn every_key_has_its_effect() {
    let (spec, launch) = only(
        "command = ['a', '${A}', '']\ndirectory = '${B:-/}'\nenvironment = { X = '${A}', A = '3' }\n\
         user = 'www-data:${G:-adm}'\numask = '027'\nstdin = 'inherit'\nautostart = false\n\
         priority = -5\nstartsecs = 0\nstartretries = 'infinite'\nautorestart = true\n\
         exitcodes = [2, 0, 2]\nbackoff = '100ms'\nbackoff_max = 0.1\non_success = 'shutdown'\n\
         on_failure = 'ignore'\nstopsignal = 'SIGQUIT'\nstopwaitsecs = '1m'\n\
         stop_scope = 'tree'\nleftovers = 'keep'\n",
    );
    let expected = ProgramSpec {
        autostart: false,
        priority: -5,
        startsecs: Duration::ZERO,
        startretries: Retries::Infinite,
        autorestart: Autorestart::Always,
        exitcodes: vec![0, 2],
        backoff: Duration::from_millis(100),
        backoff_max: Duration::from_millis(100),
        on_success: EndPolicy::Shutdown,
        on_failure: EndPolicy::Ignore,
        stopsignal: Signal::QUIT,
        stopwaitsecs: Some(Duration::from_secs(60)),
        stop_scope: Scope::Tree,
        leftovers: Leftovers::Keep,
        has_terminal: true,
        ..ProgramSpec::new("web")
    };
    assert_eq!(spec, expected);
    assert_eq!(words(&launch), ["a", "1 2", ""]);
    assert_eq!(launch.directory, Some(PathBuf::from("/")));
    let user = UserSpec {
        user: "www-data".to_owned(),
        group: Some("adm".to_owned()),
    };
    assert_eq!(launch.user, Some(user));
    assert_eq!((launch.umask, launch.stdin), (Some(0o027), Stdin::Inherit));
    assert!(launch.environment.contains(&c"X=1 2".to_owned()));
    assert!(launch.environment.contains(&c"A=3".to_owned()));
}

#[test]
fn a_value_with_blanks_stays_one_word() {
    let (_, launch) = only("command = '''x ${A} \"<${A}>\" '' a\\ b ${N:-c d} $$HOME $1'''");
    let expected = ["x", "1 2", "<1 2>", "", "a b", "c d", "$HOME", "$1"];
    assert_eq!(words(&launch), expected);
}

#[test]
fn a_programs_own_keys_win_over_the_defaults() {
    let text = "[program.a]\npriority = 1\nenvironment = { X = 'own' }\n[program.b]\n\
                [defaults]\ncommand = ['echo', '${LASTOUT_PROGRAM}']\npriority = 2\n\
                environment = { X = 'default', Y = '${LASTOUT_PROGRAM}' }\n";
    let plan = loaded(text).plan;
    let priorities: Vec<i32> = plan.spec.programs.iter().map(|p| p.priority).collect();
    assert_eq!(priorities, [1, 2]);
    assert_eq!(words(&plan.launches[0]), ["echo", "a"]);
    assert_eq!(words(&plan.launches[1]), ["echo", "b"]);
    let has = |launch: usize, variable: &str| {
        let variable = CString::new(variable).unwrap();
        plan.launches[launch].environment.contains(&variable)
    };
    assert!(has(0, "X=own") && has(0, "Y=a"));
    assert!(has(1, "X=default") && has(1, "Y=b"));
}

#[test]
fn signals_are_changed_one_by_one() {
    let plan = loaded(
        "[signals]\nWINCH = 'forward:b'\nSIGUSR1 = 'shutdown'\n12 = 'ignore'\nRTMIN = 'log-state'\n\
         TERM = 'reload'\nINT = 'reopen-logs'\n\
         [program.a]\ncommand = 'a'\n[program.b]\ncommand = 'b'\n",
    )
    .plan;
    let forward = Forward {
        program: ProgramId(1),
        signal: Some(Signal::WINCH),
        stops: false,
    };
    let mut expected = SignalTable::supervising();
    expected.set(Signal::WINCH, Meaning::Forward(forward));
    expected.set(Signal::USR1, Meaning::Shutdown);
    expected.set(Signal::USR2, Meaning::IgnoreSilently);
    expected.set(Signal::new(34).unwrap(), Meaning::LogState);
    expected.set(Signal::TERM, Meaning::Reload);
    expected.set(Signal::INT, Meaning::ReopenLogs);
    assert_eq!(plan.spec.signals, expected);
}

#[test]
fn stop_5_the_shutdown_has_9_seconds_or_the_longest_that_is_set() {
    let with = |text: &str, variables: &[(&str, &str)], asked_for: Option<u64>| {
        let options = Options {
            stop_timeout: asked_for.map(Duration::from_secs),
            ..Options::default()
        };
        let folder = Folder::new(&format!("[program.a]\ncommand = 'a'\n{text}"));
        let plan = folder.load_with(variables, options).unwrap().plan;
        plan.spec.stop_timeout.unwrap().as_secs()
    };
    let variable = [("LASTOUT_STOP_TIMEOUT", "20")];
    assert_eq!(with("", &[], None), 9);
    assert_eq!(with("stopwaitsecs = 2", &[], None), 9);
    assert_eq!(with("stopwaitsecs = 60", &[], None), 60);
    assert_eq!(with("[defaults]\nstopwaitsecs = 60", &[], None), 60);
    let file = "stopwaitsecs = 60\n[supervisor]\nstop_timeout = 30";
    assert_eq!(with(file, &[], None), 30);
    assert_eq!(with(file, &variable, None), 20);
    assert_eq!(with(file, &variable, Some(10)), 10);
    assert_eq!(with("", &[("LASTOUT_STOP_TIMEOUT", "")], None), 9);
}

#[test]
fn the_log_is_as_the_file_says_and_the_variable_wins() {
    let folder = Folder::new(
        "[supervisor]\nlog_level = 'warn'\nlog_format = 'json'\n[program.a]\ncommand = 'a'",
    );
    let loaded = folder.load().unwrap();
    assert_eq!(loaded.log_level, LevelFilter::Warn);
    assert_eq!(loaded.log_format, LogFormat::Json);
    let debug = folder.load_with(&[("LASTOUT_LOG", "debug")], Options::default());
    assert_eq!(debug.unwrap().log_level, LevelFilter::Debug);
}

#[test]
fn the_command_comes_last_and_needs_all_that_start_by_themselves() {
    let folder = Folder::new(
        "[program.a]\ncommand = 'a'\n[program.b]\ncommand = 'b'\nautostart = false\n\
         [program.c]\ncommand = 'c'\n[signals]\nUSR2 = 'forward:main'\n",
    );
    let mut options = with_command();
    options.strict = true;
    options.expected_codes = vec![3];
    options.seed = 7;
    let plan = folder.load_with(&[], options).unwrap().plan;
    let need = |program| Need {
        program: ProgramId(program),
        condition: Condition::Ready,
    };
    let expected = ProgramSpec {
        needs: vec![need(0), need(2)],
        ..ProgramSpec::command("main")
    };
    assert_eq!(plan.spec.programs[3], expected);
    assert_eq!(plan.spec.main, Some(ProgramId(3)));
    assert_eq!(words(&plan.launches[3]), ["cargo", "test"]);
    assert_eq!(plan.launches[3].slate, Slate::AsStarted);
    let spec = &plan.spec;
    assert_eq!((spec.strict, spec.seed), (true, 7));
    assert_eq!(spec.expected_codes, [3]);
    assert_eq!(spec.signals.meaning(Signal::TERM), Meaning::Shutdown);
    let forward = Forward {
        program: ProgramId(3),
        signal: Some(Signal::USR2),
        stops: false,
    };
    assert_eq!(
        spec.signals.meaning(Signal::USR2),
        Meaning::Forward(forward)
    );
}

#[test]
fn what_is_surely_not_meant_is_a_warning() {
    let plan = loaded(
        "[supervisor]\nstop_timeout = 5\n[signals]\nTERM = 'ignore'\nINT = 'ignore'\n\
         QUIT = 'ignore'\n37 = 'ignore'\nPWR = 'ignore'\n\
         [program.a]\ncommand = 'sh -c a && b'\nstopsignal = 9\nstopwaitsecs = 6\n\
         [program.b]\ncommand = 'no-such-command'\nbackoff = 0\n\
         [program.c]\ncommand = '/nowhere/c'\n[program.d]\ncommand = './passwd'\n\
         directory = '/etc'\n[program.e]\ncommand = '/etc'\n\
         [program.f]\ncommand = ['sh', '&&']\n",
    )
    .plan;
    assert_eq!(
        plan.warnings,
        [
            "supervisor.toml:4:1: no signal begins the shutdown any more",
            "supervisor.toml:10:11: `command` in [program.a]: no shell reads this: `&&` is an \
             argument like any other",
            "supervisor.toml:11:14: `stopsignal` in [program.a]: SIGKILL leaves the program no \
             time to end well",
            "supervisor.toml:12:16: `a`: `stopwaitsecs` (6s) is longer than the whole shutdown \
             may take (5s)",
            "supervisor.toml:14:11: `b`: the command `no-such-command` is not in its PATH (`/bin`)",
            "supervisor.toml:15:11: `backoff` in [program.b]: restarts follow each other without \
             a pause",
            "supervisor.toml:17:11: `c`: the command `/nowhere/c`: No such file or directory",
            "supervisor.toml:19:11: `d`: `./passwd` is not executable",
            "supervisor.toml:22:11: `e`: `/etc` is not a file",
        ]
    );
}
