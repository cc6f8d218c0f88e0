//! A daemon that forked twice, called setsid, cleared its environment and changed its
//! uid still belongs to its program: told with it, killed with it (docs/design.md,
//! "Trees").

use lastout_harness::configuration::Configuration;
use lastout_harness::engine::{Container, Image};
use lastout_harness::namespace::Run;
use lastout_harness::wait_until;

const POLITE: &str = r#"
[program.leaves]
command = ["PROBE", "daemon", "--uid", "4711", "--name", "hidden", "--after", "100ms", "--stay"]
[program.stays]
command = ["PROBE", "last-words", "--name", "other"]
"#;

const DEAF: &str = r#"
[program.leaves]
command = ["PROBE", "daemon", "--uid", "4711", "--name", "hidden", "--ignore-term"]
stopwaitsecs = "3s"
autorestart = "never"
startsecs = 0
[program.stays]
command = ["PROBE", "last-words", "--name", "other"]
"#;

/// The leader ends by itself when the daemon is there; it is to be followed by it while
/// the other program goes on.
const ENDS: &str = r#"
[program.leaves]
command = ["PROBE", "daemon", "--uid", "4711", "--name", "hidden"]
autorestart = "never"
startsecs = 0
[program.stays]
command = ["PROBE", "last-words", "--name", "other"]
"#;

/// The file is there as long as the run.
fn in_namespace(text: &str) -> (Configuration, Run) {
    let configuration = Configuration::new(text);
    let run = configuration.run();
    (configuration, run)
}

fn in_container(text: &str) -> Container {
    let text = text.replace("PROBE", "/probe");
    let image = Image::with(
        &[("etc/lastout/supervisor.toml", &text)],
        "ENTRYPOINT [\"/lastout\"]",
    );
    image.run(&[], &[])
}

#[test]
fn pid_7_a_hidden_daemon_is_told_with_its_program() {
    let (_configuration, mut run) = in_namespace(POLITE);
    run.wait_for_line("hidden: ready");
    run.wait_for_line("daemon's leader: ready");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    let text = run.lines().text();
    assert!(text.contains("hidden: got SIGTERM, leaving"), "{text}");
    assert!(text.contains("leaves: told its probe"), "{text}");
}

#[test]
fn pid_7_a_hidden_daemon_is_told_when_its_leader_ends_by_itself() {
    let (_configuration, mut run) = in_namespace(ENDS);
    run.wait_for_line("hidden: got SIGTERM, leaving");
    assert!(!run.lines().has("other: got"), "{}", run.lines().text());
    run.wait_for_line("other: ready");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
}

#[test]
fn pid_7_a_hidden_daemon_is_killed_with_its_program() {
    let (_configuration, mut run) = in_namespace(DEAF);
    run.wait_for_line("hidden: got SIGTERM, staying");
    run.wait_for_line("leaves: killed its probe");
    run.wait_for_line("other: ready");
    wait_until("it is dead", || run.processes().len() == 2);
    assert!(!run.lines().has("other: got"), "{}", run.lines().text());
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
}

#[test]
fn pid_7_a_hidden_daemon_is_told_under_an_engines_default_capabilities() {
    let container = in_container(POLITE);
    container.wait_for_line("hidden: ready");
    container.wait_for_line("daemon's leader: ready");
    container.stop();
    assert_eq!(container.wait(), 0);
    let logs = container.logs();
    assert!(logs.contains("hidden: got SIGTERM, leaving"), "{logs}");
    assert!(logs.contains("leaves: told its probe"), "{logs}");
}

#[test]
fn pid_7_a_hidden_daemon_is_killed_under_an_engines_default_capabilities() {
    let container = in_container(DEAF);
    container.wait_for_line("hidden: got SIGTERM, staying");
    container.wait_for_line("leaves: killed its probe");
    container.wait_for_line("other: ready");
    container.stop();
    assert_eq!(container.wait(), 0);
}

#[test]
fn pid_7_a_hidden_daemon_of_a_leader_that_ends_is_told_in_a_container() {
    let container = in_container(ENDS);
    container.wait_for_line("hidden: got SIGTERM, leaving");
    container.wait_for_line("other: ready");
    container.stop();
    assert_eq!(container.wait(), 0);
}
