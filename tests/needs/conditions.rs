//! The three conditions, and that a restart of one does not touch the other.

use lastout_harness::configuration::Configuration;
use lastout_harness::namespace::Run;
use lastout_harness::{let_pass, wait_until};

use std::time::Duration;

use crate::{assert_in_order, assert_never};

/// A db that becomes ready when it is sent USR1, and a web that needs it so.
fn db_and_web(depends_on: &str) -> Configuration {
    Configuration::new(&format!(
        r#"
        [signals]
        USR1 = "forward:db"
        [program.db]
        command = "PROBE notify --name db say:waiting until:USR1 READY=1"
        ready = "notify"
        [program.web]
        command = "PROBE last-words --name web"
        depends_on = {depends_on}
        startsecs = 0
        "#
    ))
}

#[test]
fn dep_1_started_holds_at_the_exec_whether_it_is_ready_or_not() {
    let file = db_and_web(r#"{ db = "started" }"#);
    let run = file.run_until(&["db: waiting", "web: ready"]);
    assert_never(&run, "db: ready");
}

#[test]
fn dep_1_ready_holds_when_it_is_running_and_not_before() {
    for depends_on in [r#"{ db = "ready" }"#, r#"["db"]"#] {
        let file = db_and_web(depends_on);
        let run = file.run_until(&["db: waiting"]);
        let_pass(Duration::from_millis(100));
        assert_never(&run, "web: started");
        run.signal(libc::SIGUSR1);
        run.wait_for_line("web: started");
        assert_in_order(&run, &["db: ready", "web: started"]);
    }
}

#[test]
fn dep_1_who_waits_says_for_what() {
    let file = db_and_web(r#"["db"]"#);
    let run = file.run_until(&["db: waiting"]);
    run.signal(libc::SIGUSR2);
    run.wait_for_line("web: STARTING for ");
    run.wait_for_line(": waits for db to be ready");
}

#[test]
fn dep_1_ready_of_one_without_ready_is_after_its_startsecs() {
    let file = Configuration::new(
        r#"
        [program.db]
        command = "PROBE last-words --name db"
        startsecs = 0.3
        [program.web]
        command = "PROBE last-words --name web"
        depends_on = { db = "ready" }
        "#,
    );
    let run = file.run_until(&["web: started"]);
    assert_in_order(&run, &["db: running", "web: started"]);
    let took = run.wait_for_line("web: started").at - run.started();
    assert!(took >= Duration::from_millis(300), "{took:?}");
}

#[test]
fn dep_1_completed_waits_for_the_try_that_ends_well_and_run_5_a_oneshot_is_tried_again() {
    let file = Configuration::new(
        r#"
        [program.migrate]
        command = ["sh", "-c", "test -e FOLDER/second || { touch FOLDER/second; exit 1; }"]
        type = "oneshot"
        backoff = 0.05
        [program.web]
        command = "PROBE last-words --name web"
        depends_on = ["migrate"]
        "#,
    );
    let run = file.run_until(&["web: started"]);
    assert_in_order(
        &run,
        &[
            "migrate: exit 1",
            "migrate: starts again in",
            "migrate: done, exit 0",
            "web: started",
        ],
    );
}

/// A web that depends on a db that was just killed, as a crash would.
fn after_the_db_was_killed() -> (Configuration, Run, i32) {
    let file = Configuration::new(
        r#"
        [program.db]
        command = "PROBE last-words --name db"
        startsecs = 0
        backoff = 0.1
        [program.web]
        command = "PROBE last-words --name web"
        depends_on = { db = "ready" }
        startsecs = 0
        "#,
    );
    let run = file.run_until(&["web: ready"]);
    let web = run.leader_of("web").pid;
    // SAFETY: takes two numbers; the process is of a namespace of ours.
    unsafe { libc::kill(run.leader_of("db").pid, libc::SIGKILL) };
    (file, run, web)
}

#[test]
fn dep_1_who_runs_is_not_stopped_when_what_it_depends_on_restarts() {
    let (_file, mut run, web) = after_the_db_was_killed();
    run.lines().wait_for_times("db: started", 2);
    run.lines().wait_for_times("db: ready", 2);
    assert_eq!(run.leader_of("web").pid, web);
    assert_never(&run, "web: told");
    assert_never(&run, "web: got");
    // And the order of the end is what it was.
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert_in_order(&run, &["web: told", "web: left", "db: told"]);
}

#[test]
fn dep_1_who_restarts_waits_until_what_it_depends_on_is_there_again() {
    let (_file, run, web) = after_the_db_was_killed();
    run.wait_for_line("db: ended by SIGKILL");
    // SAFETY: as above.
    unsafe { libc::kill(web, libc::SIGKILL) };
    wait_until("both are there again", || {
        run.lines().count("db: started") == 2 && run.lines().count("web: started") == 2
    });
    assert_in_order(
        &run,
        &["db: started", "db: started", "db: running", "web: started"],
    );
}
