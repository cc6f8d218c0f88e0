//! PID-9: descriptors 0 to 2, SIGCHLD and stdin in any state at the start.

use std::path::PathBuf;

use lastout_harness::binaries;
use lastout_harness::configuration::Configuration;
use lastout_harness::namespace::{Run, Setup};
use lastout_harness::wait_until;

/// Each of the three, and all of them.
const CLOSED: [&[&str]; 4] = [
    &["--close", "0"],
    &["--close", "1"],
    &["--close", "2"],
    &["--close", "0", "--close", "1", "--close", "2"],
];

/// The numbers behind `--close`.
fn numbers<'a>(options: &[&'a str]) -> Vec<&'a str> {
    options.iter().skip(1).step_by(2).copied().collect()
}

/// Where a descriptor of a process leads to.
fn target(pid: i32, descriptor: &str) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/{pid}/fd/{descriptor}")).ok()
}

/// Waits until the program of that name has been exec'ed, and gives its pid.
fn pid_of_the_probe(run: &Run) -> i32 {
    let mut found = None;
    wait_until("the probe runs", || {
        let everybody = run.processes();
        found = everybody
            .iter()
            .find(|process| process.name == "probe" && process.inner_pid != 1)
            .map(|p| p.pid);
        found.is_some()
    });
    found.unwrap_or(0)
}

#[test]
fn pid_9_closed_descriptors_are_dev_null_for_lastout_and_its_command() {
    for closed in CLOSED {
        let run = Setup::of_probe(&["last-words"]).launch(closed).start();
        let probe = pid_of_the_probe(&run);
        for number in numbers(closed) {
            for pid in [run.pid(), probe] {
                let leads_to = target(pid, number);
                assert_eq!(
                    leads_to,
                    Some(PathBuf::from("/dev/null")),
                    "{number} of {closed:?}"
                );
            }
        }
    }
}

#[test]
fn pid_9_closed_descriptors_are_dev_null_for_configured_programs() {
    for closed in CLOSED {
        let configuration = Configuration::new(
            "[program.it]\ncommand = [\"PROBE\", \"last-words\"]\nstdin = \"inherit\"\n",
        );
        let run = configuration.setup(&[]).launch(closed).start();
        let probe = pid_of_the_probe(&run);
        for number in numbers(closed) {
            let leads_to = target(probe, number);
            assert_eq!(
                leads_to,
                Some(PathBuf::from("/dev/null")),
                "{number} of {closed:?}"
            );
        }
    }
}

#[test]
fn pid_9_with_closed_descriptors_the_exit_status_is_the_commands() {
    for closed in CLOSED {
        let mut run = Setup::of_probe(&["exit", "7"]).launch(closed).start();
        assert_eq!(run.wait(), 7, "{closed:?}");
    }
}

#[test]
fn pid_9_with_sigchld_ignored_the_end_of_a_command_is_seen() {
    for setup in [
        Setup::of_probe(&["exit", "7"]),
        Setup::of_probe(&["exit", "7"]).as_subreaper(),
    ] {
        let mut run = setup.launch(&["--ignore", "CHLD"]).start();
        assert_eq!(run.wait(), 7);
    }
}

#[test]
fn pid_9_with_sigchld_blocked_the_end_of_a_command_is_seen() {
    let mut run = Setup::of_probe(&["exit", "7"])
        .launch(&["--block", "CHLD"])
        .start();
    assert_eq!(run.wait(), 7);
}

#[test]
fn pid_9_with_sigchld_ignored_a_configured_program_is_restarted() {
    let configuration = Configuration::new(
        "[program.it]\ncommand = [\"PROBE\", \"exit\", \"0\"]\nautorestart = \"always\"\nstartsecs = 0\n",
    );
    let mut run = configuration
        .setup(&[])
        .launch(&["--ignore", "CHLD"])
        .start();
    run.lines().wait_for_times("it: started", 3);
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
}

#[test]
fn pid_9_a_terminal_of_another_session_is_no_error() {
    let probe = binaries::probe();
    let lastout = binaries::lastout().display().to_string();
    for words in [["last-words", "--exit", "7"], ["last-words", "--exit", "8"]] {
        let arguments = [&[lastout.as_str(), "--", &probe], &words[..]].concat();
        // Not the leader of its group, setsid(1) need not fork.
        let setup = Setup::new(&arguments).program("/usr/bin/setsid");
        let mut run = setup.as_subreaper().on_a_terminal().start();
        run.wait_for_line("last-words: ready");
        assert_eq!(run.stop(libc::SIGTERM).0.to_string(), words[2]);
        assert!(!run.lines().has("warning"), "{}", run.lines().text());
    }
}

#[test]
fn pid_9_a_terminal_of_another_session_is_no_error_for_a_configuration() {
    let configuration = Configuration::new(
        "[program.it]\ncommand = [\"PROBE\", \"last-words\"]\nstdin = \"inherit\"\n",
    );
    let lastout = binaries::lastout().display().to_string();
    let setup = Setup::new(&[&lastout, "-c", &configuration.path()]);
    let setup = setup.program("/usr/bin/setsid").as_subreaper();
    let mut run = setup.on_a_terminal().start();
    run.wait_for_line("last-words: ready");
    assert_eq!(run.stop(libc::SIGTERM).0, 0, "{}", run.lines().text());
}

#[test]
fn pid_9_a_stdin_that_is_a_file_or_a_pipe_is_no_error() {
    for stdin in ["< /etc/passwd", "< /", "<&-"] {
        let script = format!("exec \"$0\" -- \"$1\" exit 7 {stdin}");
        let lastout = binaries::lastout().display().to_string();
        let mut run = Setup::new(&["-c", &script, &lastout, &binaries::probe()])
            .program("/bin/sh")
            .start();
        assert_eq!(run.wait(), 7, "{stdin}");
        assert!(run.lines().all().is_empty(), "{}", run.lines().text());
    }
}
