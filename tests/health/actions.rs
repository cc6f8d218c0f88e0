//! What is done with a program that is not well.

use lastout_harness::let_pass;
use std::time::Duration;

use crate::{assert_in_order, assert_never, healthy};

#[test]
fn health_1_who_is_not_well_is_stopped_and_started_again_and_its_failures_begin_anew() {
    let (file, mut run) = healthy("retries = 3");
    file.remove("well");
    run.lines().wait_for_times("web: not well (1 of 3)", 2);
    file.write("well", "");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert_in_order(
        &run,
        &[
            "web: running",
            "web: not well (1 of 3): exit 1",
            "web: not well (2 of 3): exit 1",
            "web: not well (3 of 3): exit 1",
            "web: unhealthy, it is restarted",
            "web: told SIGTERM (unhealthy)",
            "web: left after",
            "web: starts again in",
            "web: started",
            "web: running",
            "web: not well (1 of 3)",
        ],
    );
}

#[test]
fn health_1_it_is_restarted_whatever_autorestart_says_and_without_being_a_failed_start() {
    let file = lastout_harness::configuration::Configuration::new(
        r#"
        [program.web]
        command = "PROBE last-words --name web"
        startsecs = 0
        startretries = 0
        autorestart = "never"
        backoff = 0.02
        healthcheck = { exec = "false", interval = 0.02, retries = 1 }
        "#,
    );
    let run = file.run_until(&["web: started"]);
    run.lines().wait_for_times("web: started", 4);
    assert_never(&run, "FATAL");
}

#[test]
fn health_1_and_exit_2_with_shutdown_the_container_ends_with_1() {
    let (file, mut run) = healthy("retries = 2, action = 'shutdown'");
    file.remove("well");
    assert_eq!(run.wait(), 1, "{}", run.lines().text());
    assert_in_order(
        &run,
        &[
            "web: not well (2 of 2)",
            "web: unhealthy, the container ends",
            "web is unhealthy, the shutdown begins",
            "web: told SIGTERM",
            "web: left after",
        ],
    );
}

#[test]
fn health_1_with_none_it_is_said_and_that_it_is_well_again_and_nothing_is_done() {
    let (file, run) = healthy("retries = 2, action = 'none'");
    let web = run.leader_of("web").pid;
    file.remove("well");
    run.wait_for_line("web: unhealthy");
    run.signal(libc::SIGUSR2);
    run.wait_for_line(": unhealthy, its last ");
    run.lines().wait_for_times("web: not well", 2);
    file.write("well", "");
    run.wait_for_line("web: well again");
    file.remove("well");
    run.lines()
        .wait_for_times("lastout: error: web: unhealthy", 2);
    // Each is said once, and so is each failure up to then.
    assert_eq!(run.lines().count("lastout: error: web: unhealthy"), 2);
    assert_eq!(run.lines().count("web: not well"), 4);
    assert_eq!(run.leader_of("web").pid, web);
    assert_never(&run, "web: told");
}

#[test]
fn health_1_it_is_not_asked_before_it_is_running_nor_while_it_is_stopped() {
    let file = lastout_harness::configuration::Configuration::new(
        r#"
        [signals]
        USR1 = "forward:web"
        [program.web]
        command = "PROBE notify --name web say:here until:USR1 READY=1 until:TERM say:told pause:300ms exit:0"
        ready = "notify"
        healthcheck = { exec = ["sh", "-c", "echo x >> FOLDER/asked"], interval = 0.02 }
        "#,
    );
    let mut run = file.run_until(&["web: here"]);
    let_pass(Duration::from_millis(100));
    assert_eq!(file.read("asked"), None);
    run.signal(libc::SIGUSR1);
    lastout_harness::wait_until("it is asked", || file.read("asked").is_some());
    run.signal(libc::SIGTERM);
    run.wait_for_line("web: told");
    let asked = file.read("asked");
    assert_eq!(run.wait(), 0);
    // One may have been asked in the very moment.
    let later = file.read("asked").unwrap_or_default().len();
    assert!(later <= asked.unwrap_or_default().len() + 2);
}
