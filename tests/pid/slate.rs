//! PID-8: what a child starts with. A configured program with a clean slate, the command
//! of the command line with what lastout itself was started with.

use lastout_harness::configuration::Configuration;
use lastout_harness::lines::Stream;
use lastout_harness::namespace::{Run, Setup};
use lastout_harness::{binaries, must};

/// What a careless parent leaves: of each kind of signal one is ignored and one blocked.
const CARELESS: [&str; 16] = [
    "--ignore",
    "HUP",
    "--ignore",
    "PIPE",
    "--ignore",
    "CHLD",
    "--ignore",
    "RTMIN+7",
    "--block",
    "USR1",
    "--block",
    "TERM",
    "--block",
    "RTMIN",
    "--open",
    "7:/dev/null",
];

/// What `probe state` said, from its end to which it is waited for.
fn state_of(run: &Run) -> Vec<String> {
    run.wait_for_line("state: end");
    run.lines().of(Stream::Stdout)
}

/// The value of the line that begins with this key.
fn value<'a>(state: &'a [String], key: &str) -> &'a str {
    let found = state
        .iter()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
    match found {
        Some(value) => value,
        None => panic!("no {key} in {state:#?}"),
    }
}

/// The numbers of the open descriptors.
fn descriptors(state: &[String]) -> Vec<&str> {
    let lines = state
        .iter()
        .filter_map(|line| line.strip_prefix("descriptor "));
    lines.filter_map(|line| line.split(' ').next()).collect()
}

/// A configuration of one program that tells its state.
fn configured(keys: &str) -> Configuration {
    Configuration::new(&format!(
        r#"
        [program.state]
        command = ["PROBE", "state", "--stay"]
        {keys}
        "#
    ))
}

/// The state of a configured program, under a lastout that was launched so.
fn configured_state(keys: &str, launch: &[&str]) -> Vec<String> {
    let configuration = configured(keys);
    let run = configuration.setup(&[]).launch(launch).start();
    state_of(&run)
}

#[test]
fn pid_8_a_configured_program_has_an_empty_mask_and_default_dispositions() {
    let state = configured_state("", &CARELESS);
    assert_eq!(value(&state, "blocked"), "none");
    assert_eq!(value(&state, "ignored"), "none");
    assert_eq!(value(&state, "caught"), "none");
}

#[test]
fn pid_8_a_configured_program_of_a_subreaper_has_them_too() {
    let configuration = configured("");
    let setup = configuration.setup(&[]).as_subreaper();
    let state = state_of(&setup.launch(&CARELESS).start());
    assert_eq!(value(&state, "blocked"), "none");
    assert_eq!(value(&state, "ignored"), "none");
}

#[test]
fn pid_8_every_life_of_a_configured_program_has_them() {
    let configuration = Configuration::new(
        r#"
        [program.state]
        command = ["PROBE", "state"]
        startsecs = 0
        autorestart = "always"
        backoff = "10ms"
        backoff_max = "10ms"
        "#,
    );
    for setup in [
        configuration.setup(&[]),
        configuration.setup(&[]).as_subreaper(),
    ] {
        let run = setup.launch(&CARELESS).start();
        // The first before there is a handler, and before dispositions are known.
        run.lines().wait_for_times("state: end", 4);
        let said = run.lines().of(Stream::Stdout);
        for sets in ["blocked ", "ignored ", "caught "] {
            let lives: Vec<_> = said.iter().filter(|line| line.starts_with(sets)).collect();
            assert!(lives.len() >= 4, "{said:#?}");
            assert!(
                lives.iter().all(|line| line.ends_with(" none")),
                "{lives:?}"
            );
        }
    }
}

#[test]
fn pid_8_a_configured_program_has_three_descriptors_and_an_empty_stdin() {
    let state = configured_state("", &["--open", "3:/", "--open", "900:/etc/passwd"]);
    assert_eq!(descriptors(&state), ["0", "1", "2"]);
    assert_eq!(value(&state, "descriptor 0"), "character 1:3");
}

#[test]
fn pid_8_lastout_itself_keeps_no_descriptor_that_nobody_is_to_have() {
    // Who gave it waits for its end.
    let configuration = configured("");
    let run = configuration
        .setup(&[])
        .launch(&["--open", "20:/etc/passwd"])
        .start();
    state_of(&run);
    let folder = std::fs::read_dir(format!("/proc/{}/fd", run.pid())).expect("its descriptors");
    let targets = folder
        .flatten()
        .filter_map(|fd| std::fs::read_link(fd.path()).ok());
    let targets: Vec<_> = targets.collect();
    let passwd = std::path::Path::new("/etc/passwd");
    assert!(
        !targets.iter().any(|target| target == passwd),
        "{targets:?}"
    );
}

#[test]
fn pid_8_a_configured_program_has_a_session_and_a_group_of_its_own() {
    let state = configured_state("", &[]);
    assert_eq!(value(&state, "session"), value(&state, "pid"));
    assert_eq!(value(&state, "process-group"), value(&state, "pid"));
}

#[test]
fn pid_8_a_configured_program_has_the_umask_of_its_configuration() {
    let state = configured_state("umask = \"027\"", &["--umask", "077"]);
    assert_eq!(value(&state, "umask"), "0027");
}

#[test]
fn pid_8_a_configured_program_without_a_umask_has_lastouts() {
    let state = configured_state("", &["--umask", "077"]);
    assert_eq!(value(&state, "umask"), "0077");
}

#[test]
fn pid_8_a_configured_program_has_the_limits_that_lastout_was_given() {
    let state = configured_state("", &["--nofile", "321"]);
    assert_eq!(value(&state, "limit nofile"), "321 321");
    assert_eq!(value(&state, "limit core"), core_limit());
}

/// The test's own, as nobody between changes it.
fn core_limit() -> String {
    let limits = must(std::fs::read_to_string("/proc/self/limits"), "own limits");
    let line = limits.lines().find(|line| line.starts_with("Max core"));
    let words: Vec<&str> = line.unwrap_or_default().split_whitespace().collect();
    format!("{} {}", words[4], words[5])
}

#[test]
fn pid_8_a_configured_program_has_its_directory_and_environment() {
    let keys = "directory = \"/usr\"\nenvironment = { COLOUR = \"green\" }";
    let configuration = configured(keys);
    let run = configuration.setup(&[]).environment("KEPT", "yes").start();
    let state = state_of(&run);
    assert_eq!(value(&state, "directory"), "/usr");
    for variable in ["COLOUR=green", "KEPT=yes"] {
        let line = format!("environment {variable}");
        assert!(state.contains(&line), "{line}: {state:#?}");
    }
}

#[test]
fn pid_8_under_pid_1_a_command_has_a_clean_mask_and_clean_dispositions() {
    let run = Setup::of_probe(&["state", "--stay"])
        .launch(&CARELESS)
        .start();
    let state = state_of(&run);
    assert_eq!(value(&state, "blocked"), "none");
    assert_eq!(value(&state, "ignored"), "none");
    assert_eq!(value(&state, "caught"), "none");
}

#[test]
fn pid_8_under_a_subreaper_a_command_has_exactly_its_mask_and_what_it_ignored() {
    let setup = Setup::of_probe(&["state", "--stay"]).as_subreaper();
    let state = state_of(&setup.launch(&CARELESS).start());
    assert_eq!(value(&state, "blocked"), "SIGUSR1,SIGTERM,SIGRTMIN");
    assert_eq!(
        value(&state, "ignored"),
        "SIGHUP,SIGPIPE,SIGCHLD,SIGRTMIN+7"
    );
    assert_eq!(value(&state, "caught"), "none");
}

#[test]
fn pid_8_under_a_subreaper_nothing_is_ignored_that_was_not_before() {
    let setup = Setup::of_probe(&["state", "--stay"]).as_subreaper();
    let state = state_of(&setup.start());
    assert_eq!(value(&state, "blocked"), "none");
    assert_eq!(value(&state, "ignored"), "none");
}

#[test]
fn pid_8_nohup_works() {
    let probe = binaries::probe();
    let lastout = binaries::lastout().display().to_string();
    let setup = Setup::new(&[&lastout, "--", &probe, "state", "--stay"]);
    let run = setup.program("/usr/bin/nohup").as_subreaper().start();
    assert_eq!(value(&state_of(&run), "ignored"), "SIGHUP");
}

#[test]
fn pid_8_a_command_has_exactly_the_descriptors_of_lastout() {
    for (number, far) in [("3", "4"), ("7", "800")] {
        let (first, second) = (format!("{number}:/dev/null"), format!("{far}:/"));
        let launch = ["--open", &first, "--open", &second];
        for setup in [
            Setup::of_probe(&["state", "--stay"]),
            Setup::of_probe(&["state", "--stay"]).as_subreaper(),
        ] {
            let state = state_of(&setup.launch(&launch).start());
            assert_eq!(descriptors(&state), ["0", "1", "2", number, far]);
            assert_eq!(
                value(&state, &format!("descriptor {number}")),
                "character 1:3"
            );
        }
    }
}

#[test]
fn pid_8_a_command_has_exactly_the_arguments_and_the_directory() {
    let words = ["state", "one two", "", "-x", "--", "ünï", "--stay"];
    let probe = binaries::probe();
    let setup = Setup::new(&[&["--", &probe], &words[..]].concat());
    let mut run = setup.launch(&["--directory", "/usr/lib"]).start();
    // Behind its own dashes the probe does not look for its options: it ends.
    assert_eq!(run.wait(), 0);
    let state = run.lines().of(Stream::Stdout);
    let arguments: Vec<&String> = state
        .iter()
        .filter(|l| l.starts_with("argument "))
        .collect();
    let wanted = words[1..].iter().map(|word| format!("argument {word}"));
    assert_eq!(
        arguments,
        wanted.collect::<Vec<_>>().iter().collect::<Vec<_>>()
    );
    assert_eq!(value(&state, "directory"), "/usr/lib");
}

#[test]
fn pid_8_a_command_has_exactly_the_environment() {
    let run = Setup::of_probe(&["state", "--stay"])
        .environment("EMPTY", "")
        .environment("ODD", "a=b=c\td")
        .environment("LASTOUT_LOG", "error")
        .start();
    let state = state_of(&run);
    let variables = state
        .iter()
        .filter_map(|line| line.strip_prefix("environment "));
    let mut variables: Vec<&str> = variables.collect();
    variables.sort_unstable();
    let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    assert_eq!(
        variables,
        ["EMPTY=", "LASTOUT_LOG=error", "ODD=a=b=c\td", path]
    );
}

#[test]
fn pid_8_a_command_has_an_empty_environment_if_lastout_has() {
    let setup = Setup::of_probe(&["state", "--stay"]);
    let state = state_of(&setup.launch(&["--clear-environment"]).start());
    assert!(
        !state.iter().any(|line| line.starts_with("environment ")),
        "{state:#?}"
    );
}

#[test]
fn pid_8_a_command_has_the_umask_and_the_limits_of_lastout() {
    let setup = Setup::of_probe(&["state", "--stay"]);
    let state = state_of(
        &setup
            .launch(&["--umask", "0123", "--nofile", "300"])
            .start(),
    );
    assert_eq!(value(&state, "umask"), "0123");
    assert_eq!(value(&state, "limit nofile"), "300 300");
}

#[test]
fn pid_8_under_a_subreaper_a_command_stays_in_the_session() {
    let run = Setup::of_probe(&["state", "--stay"]).as_subreaper().start();
    let state = state_of(&run);
    assert_ne!(value(&state, "session"), value(&state, "pid"));
    assert_eq!(value(&state, "process-group"), value(&state, "pid"));
}

#[test]
fn pid_8_listen_pid_is_corrected_to_the_commands() {
    let setup = Setup::of_probe(&["state", "--stay"]).environment("LISTEN_FDS", "1");
    let setup = setup.environment("LISTEN_PID", "1");
    let state = state_of(&setup.launch(&["--open", "3:/dev/null"]).start());
    let wanted = format!("environment LISTEN_PID={}", value(&state, "pid"));
    assert!(state.contains(&wanted), "{state:#?}");
    assert!(state.contains(&String::from("environment LISTEN_FDS=1")));
    assert_eq!(descriptors(&state), ["0", "1", "2", "3"]);
}

#[test]
fn pid_8_a_listen_pid_that_is_somebody_elses_is_left_alone() {
    let setup = Setup::of_probe(&["state", "--stay"]).environment("LISTEN_PID", "4711");
    let state = state_of(&setup.start());
    assert!(
        state.contains(&String::from("environment LISTEN_PID=4711")),
        "{state:#?}"
    );
}

#[test]
fn pid_8_listen_pid_is_corrected_where_lastout_is_not_pid_1() {
    for options in ["", "--sandbox"] {
        let script = format!("LISTEN_PID=$$ exec \"$0\" {options} -- \"$1\" state --stay");
        let lastout = binaries::lastout().display().to_string();
        let run = Setup::new(&["-c", &script, &lastout, &binaries::probe()])
            .program("/bin/sh")
            .as_subreaper()
            .start();
        let state = state_of(&run);
        let wanted = format!("environment LISTEN_PID={}", value(&state, "pid"));
        assert!(state.contains(&wanted), "{options}: {state:#?}");
    }
}

#[test]
fn pid_8_beside_a_command_programs_still_have_a_clean_slate() {
    let configuration = Configuration::new(
        r#"
        [program.service]
        command = ["PROBE", "state", "--stay"]
        "#,
    );
    let probe = binaries::probe();
    let setup = configuration.setup(&["--", &probe, "last-words", "--name", "command"]);
    let run = setup.as_subreaper().launch(&CARELESS).start();
    let state = state_of(&run);
    assert_eq!(value(&state, "blocked"), "none");
    assert_eq!(value(&state, "ignored"), "none");
    assert_eq!(descriptors(&state), ["0", "1", "2"]);
}

#[test]
fn pid_8_the_command_beside_programs_has_what_lastout_was_started_with() {
    let configuration = Configuration::new(
        r#"
        [program.service]
        command = ["PROBE", "last-words"]
        startsecs = 0
        "#,
    );
    let probe = binaries::probe();
    let setup = configuration.setup(&["--", &probe, "state", "--stay"]);
    let run = setup.as_subreaper().launch(&CARELESS).start();
    let state = state_of(&run);
    assert_eq!(value(&state, "blocked"), "SIGUSR1,SIGTERM,SIGRTMIN");
    assert_eq!(
        value(&state, "ignored"),
        "SIGHUP,SIGPIPE,SIGCHLD,SIGRTMIN+7"
    );
    assert_eq!(descriptors(&state), ["0", "1", "2", "7"]);
}
