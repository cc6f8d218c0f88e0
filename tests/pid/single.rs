//! PID-1: one engine for a command and for a configuration. PID-7: it does not leave
//! while anybody can be stopped gracefully.

use lastout_harness::configuration::Configuration;
use lastout_harness::namespace::{Setup, run_probe};

#[test]
fn pid_1_a_command_is_never_restarted_and_its_end_ends_the_container() {
    let probe = lastout_harness::binaries::probe();
    let mut run = Setup::new(&["-v", "--", &probe, "exit", "7"]).start();
    assert_eq!(run.wait(), 7);
    assert_eq!(run.lines().count("started, pid"), 1);
}

#[test]
fn pid_1_a_command_is_named_after_itself() {
    let mut run = Setup::new(&["--", "/nowhere/a-program"]).start();
    assert_eq!(run.wait(), 127);
    assert!(run.lines().has("a-program"), "{}", run.lines().text());
}

#[test]
fn pid_1_what_a_command_leaves_behind_is_stopped_as_in_a_configuration() {
    let daemon = ["daemon", "--name", "the daemon", "--after", "200ms"];
    let mut single = run_probe(&daemon);
    assert_eq!(single.wait(), 0);
    let configuration = Configuration::new(
        r#"
        [program.leaves]
        command = ["PROBE", "daemon", "--name", "the daemon", "--after", "200ms"]
        autorestart = "never"
        startsecs = 0
        on_success = "shutdown"
        "#,
    );
    let mut configured = configuration.run();
    assert_eq!(configured.wait(), 0);
    for run in [single, configured] {
        assert!(
            run.lines().has("the daemon: got SIGTERM, leaving"),
            "{}",
            run.lines().text()
        );
    }
}

#[test]
fn pid_7_it_does_not_leave_while_a_process_can_be_stopped_gracefully() {
    let mut run = run_probe(&["daemon", "--name", "slow", "--after", "1s", "--exit", "0"]);
    let (status, ended) = run.wait_and_measure();
    assert_eq!(status, 0);
    // From before the daemon was told, to its second after that: what is seen of it in
    // between may be seen late.
    let stayed = ended.saturating_duration_since(run.started());
    assert!(stayed.as_secs() >= 1, "left after {stayed:?}");
    assert!(run.lines().has("slow: got SIGTERM, leaving"));
    assert!(!run.lines().has("killed"), "{}", run.lines().text());
}
