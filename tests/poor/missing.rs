//! PID-3 in a namespace: nothing there but lastout and a program, and nobody's uid.

use std::path::Path;

use lastout_harness::configuration::Configuration;
use lastout_harness::namespace::Setup;
use lastout_harness::{binaries, must};

use crate::{TWO, assert_two_left, two, wait_for_two};

/// A folder with `/lastout`, `/probe` and `/supervisor.toml` and nothing else: no /proc,
/// /dev, /tmp, /etc. Removed with the configuration.
fn empty_root(text: &str) -> Configuration {
    let configuration = Configuration::new("");
    let folder = configuration.folder();
    let folder = Path::new(&folder);
    for name in ["lastout", "probe"] {
        binaries::install(&binaries::in_images(name), &folder.join(name), 0o755);
    }
    let text = text.replace("PROBE", "/probe");
    must(
        std::fs::write(folder.join("supervisor.toml"), text),
        "write",
    );
    configuration
}

/// In that root, with these arguments and as that user.
fn in_root(root: &Configuration, arguments: &[&str], uid: u32) -> Setup {
    let setup = Setup::new(arguments).program("/lastout");
    let setup = setup.launch(&["--root", &root.folder()]);
    if uid == 0 { setup } else { setup.uid(uid) }
}

#[test]
fn pid_3_in_an_empty_root_a_command_runs_and_its_status_is_given() {
    let root = empty_root("");
    for uid in [0, 4711] {
        let mut run = in_root(&root, &["--", "/probe", "exit", "7"], uid).start();
        assert_eq!(run.wait(), 7);
        assert!(run.lines().all().is_empty(), "{}", run.lines().text());
    }
}

#[test]
fn pid_3_in_an_empty_root_everybody_of_a_command_is_told() {
    let root = empty_root("");
    let words = ["--", "/probe", "daemon", "--stay"];
    for uid in [0, 4711] {
        let mut run = in_root(&root, &words, uid).start();
        run.wait_for_line("daemon: ready");
        run.wait_for_line("daemon's leader: ready");
        assert_eq!(run.stop(libc::SIGTERM).0, 0);
        assert!(run.lines().has("daemon: got SIGTERM, leaving"));
    }
}

#[test]
fn pid_3_in_an_empty_root_a_configuration_runs_and_is_stopped() {
    let root = empty_root(TWO);
    for uid in [0, 4711] {
        let mut run = in_root(&root, &["-c", "/supervisor.toml"], uid).start();
        wait_for_two(run.lines());
        assert_eq!(run.stop(libc::SIGTERM).0, 0, "{}", run.lines().text());
        assert_two_left(run.lines());
    }
}

#[test]
fn pid_3_in_an_empty_root_a_configured_programs_stdin_is_empty() {
    // A pipe that nobody writes to is in the place of /dev/null.
    let root = empty_root("[program.it]\ncommand = [\"/probe\", \"state\", \"--stay\"]\n");
    let run = in_root(&root, &["-c", "/supervisor.toml"], 0).start();
    run.wait_for_line("descriptor 0 pipe");
    run.wait_for_line("state: end");
    assert_eq!(run.lines().count("descriptor "), 3);
}

#[test]
fn pid_9_in_an_empty_root_closed_descriptors_are_tolerated() {
    let root = empty_root("");
    let closed: [&[&str]; 4] = [
        &["--close", "0"],
        &["--close", "1"],
        &["--close", "2"],
        &["--close", "0", "--close", "1", "--close", "2"],
    ];
    for options in closed {
        let setup = in_root(&root, &["--", "/probe", "exit", "7"], 0);
        assert_eq!(setup.launch(options).start().wait(), 7, "{options:?}");
    }
}

#[test]
fn pid_3_in_an_empty_root_a_missing_command_is_told() {
    let root = empty_root("");
    let mut run = in_root(&root, &["--", "/nothing"], 4711).start();
    assert_eq!(run.wait(), 127);
    assert!(run.lines().has("/nothing"), "{}", run.lines().text());
}

#[test]
fn pid_3_without_proc_it_is_said_once() {
    let configuration = two();
    let mut run = configuration.setup(&["-v"]).without_proc().start();
    wait_for_two(run.lines());
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert_two_left(run.lines());
    let said = run.lines().count("going without /proc");
    assert_eq!(said, 1, "{}", run.lines().text());
}

#[test]
fn pid_3_as_any_uid_everybody_is_told_as_pid_1_and_as_a_subreaper() {
    let configuration = two();
    for setup in [
        configuration.setup(&[]).uid(4711),
        configuration.setup(&[]).uid(4711).as_subreaper(),
        configuration
            .setup(&[])
            .uid(4711)
            .as_subreaper()
            .without_proc(),
    ] {
        let daemon_is_found = !format!("{setup:?}").contains("has_proc: false");
        let mut run = setup.start();
        wait_for_two(run.lines());
        assert_eq!(run.stop(libc::SIGTERM).0, 0, "{}", run.lines().text());
        // As a subreaper without /proc only groups are known.
        if daemon_is_found {
            assert_two_left(run.lines());
        }
        assert!(run.lines().has("second: got SIGTERM, leaving"));
    }
}

#[test]
fn pid_3_with_a_low_hard_limit_of_locks_everybody_is_told() {
    // There is no room for the mark; the session and the parents are left.
    let script = "ulimit -x 5 && exec \"$0\" -v -c \"$1\"";
    let configuration = two();
    let lastout = binaries::lastout().display().to_string();
    let mut run = Setup::new(&["-c", script, &lastout, &configuration.path()])
        .program("/bin/bash")
        .start();
    wait_for_two(run.lines());
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert_two_left(run.lines());
    let said = run.lines().count("the limit of file locks is");
    assert_eq!(said, 1, "{}", run.lines().text());
}

#[test]
fn pid_3_in_an_empty_root_programs_say_how_they_are_and_are_asked() {
    let root = empty_root(
        r#"
        [program.speaks]
        command = "PROBE notify --name speaks READY=1 beat:50ms:WATCHDOG=1"
        ready = "notify"
        watchdog = 30
        pre_start = "PROBE exit 0"
        post_stop = "PROBE state"
        [program.asked]
        command = "PROBE serve --listen 127.0.0.1:8080"
        ready = { http = "http://127.0.0.1:8080/", interval = 0.05 }
        healthcheck = { exec = "PROBE exit 1", interval = 0.05, retries = 2, action = "none" }
        depends_on = ["speaks"]
        "#,
    );
    for uid in [0, 4711] {
        let setup = in_root(&root, &["-v", "-c", "/supervisor.toml"], uid);
        let mut run = setup.own_network().start();
        for line in [
            "lastout: speaks: ready",
            "lastout: asked: ready",
            "asked: unhealthy",
        ] {
            run.wait_for_line(line);
        }
        assert_eq!(run.stop(libc::SIGTERM).0, 0, "{}", run.lines().text());
        run.wait_for_line("environment LASTOUT_REASON=shutdown");
        assert!(!run.lines().has("killed"), "{}", run.lines().text());
    }
}
