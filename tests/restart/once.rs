//! RUN-1: never two of one instance at once, not even a child of the one before.
//!
//! Whoever is of an instance holds a lock that the kernel knows of, until his end.

use lastout_harness::configuration::Configuration;
use lastout_harness::namespace::Run;

use crate::assert_never;

/// A program that holds the lock, with its children, and complains if somebody else has it.
fn locked(then: &str, keys: &str) -> Configuration {
    Configuration::new(&format!(
        r#"
        [signals]
        USR1 = "reload:web"
        [program.web]
        command = ["sh", "-c", """
            exec 9> FOLDER/lock
            flock -n 9 || echo two at once
            {then}"""]
        startsecs = 0
        backoff = 0.01
        backoff_max = 0.01
        {keys}
        "#
    ))
}

fn assert_one_at_a_time(run: &Run) {
    run.lines().wait_for_times("web: started", 6);
    assert_never(run, "two at once");
}

#[test]
fn run_1_a_crash_with_a_child_left_behind() {
    let child = "setsid PROBE last-words --name child --after 40ms & sleep 0.05; exit 3";
    let file = locked(child, "startretries = 'infinite'");
    let run = file.run_until(&[]);
    assert_one_at_a_time(&run);
}

#[test]
fn run_1_a_restart_that_was_asked_for() {
    let file = locked("exec PROBE last-words --name web --after 40ms", "");
    let run = file.run_until(&[]);
    for times in 1..6 {
        run.lines().wait_for_times("web: ready", times);
        // The second while the first is under way.
        run.signal(libc::SIGUSR1);
        run.signal(libc::SIGUSR1);
        run.lines().wait_for_times("web: started", times + 1);
    }
    assert_one_at_a_time(&run);
}

#[test]
fn run_1_a_restart_of_one_that_is_not_well() {
    let keys = "healthcheck = { exec = 'false', interval = 0.03, retries = 1 }";
    let file = locked("exec PROBE last-words --after 40ms", keys);
    let run = file.run_until(&[]);
    assert_one_at_a_time(&run);
}

#[test]
fn run_1_a_restart_of_one_that_is_not_ready() {
    let keys = "ready = { notify = true, start_timeout = 0.05 }\nstartretries = 'infinite'";
    let file = locked("exec PROBE last-words --after 40ms", keys);
    let run = file.run_until(&[]);
    assert_one_at_a_time(&run);
}

#[test]
fn run_1_one_that_changes_with_each_reload() {
    let text = |number: u32| {
        format!(
            r#"
            [program.web]
            command = ["sh", "-c", """
                exec 9> FOLDER/lock
                flock -n 9 || echo two at once
                exec PROBE last-words --name number-{number} --after 40ms"""]
            startsecs = 0
            "#
        )
    };
    let file = Configuration::new(&text(0));
    let run = file.run_until(&["number-0: ready"]);
    for number in 1..6 {
        file.rewrite(&text(number));
        run.signal(libc::SIGHUP);
        run.wait_for_line(&format!("number-{number}: ready"));
    }
    assert_one_at_a_time(&run);
}
