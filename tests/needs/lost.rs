//! DEP-2: a dependency that is not to be had.

use lastout_harness::configuration::Configuration;

use crate::{assert_in_order, assert_never};

const LOST: &str = r#"
    [program.db]
    command = ["sh", "-c", "until test -e FOLDER/go; do sleep 0.01; done; exit 3"]
    startsecs = 60
    startretries = 0
    on_failure = "ignore"
    [program.runs]
    command = "PROBE last-words --name runs"
    depends_on = { db = "started" }
    startsecs = 0
    [program.waits]
    command = "PROBE last-words --name waits"
    depends_on = { db = "ready" }
    on_failure = "ignore"
    [program.waits-for-it]
    command = "PROBE last-words --name waits-for-it"
    depends_on = ["waits"]
    on_failure = "ignore"
"#;

#[test]
fn dep_2_those_that_wait_for_what_is_fatal_are_fatal_and_those_that_run_go_on() {
    let file = Configuration::new(LOST);
    let mut run = file.run_until(&["runs: ready"]);
    file.write("go", "");
    run.wait_for_line("waits-for-it: FATAL");
    assert_in_order(
        &run,
        &[
            "db: FATAL: failed to start once",
            "waits: FATAL: needs db",
            "waits-for-it: FATAL: needs waits",
        ],
    );
    assert_never(&run, "waits: started");
    assert_never(&run, "runs: told");
    run.signal(libc::SIGUSR2);
    run.wait_for_line("waits: FATAL for ");
    run.wait_for_line("runs: RUNNING");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    run.wait_for_line("runs: got SIGTERM, leaving");
}

#[test]
fn dep_2_and_exit_2_who_is_fatal_for_anothers_sake_ends_the_container_with_its_status() {
    let text = LOST.replace(
        "depends_on = { db = \"ready\" }\n    on_failure = \"ignore\"",
        "depends_on = { db = \"ready\" }",
    );
    let file = Configuration::new(&text);
    let mut run = file.run_until(&["runs: ready"]);
    file.write("go", "");
    assert_eq!(run.wait(), 3, "{}", run.lines().text());
    assert_in_order(&run, &["waits: FATAL: needs db", "the shutdown begins"]);
}

#[test]
fn dep_2_a_oneshot_that_fails_for_good_takes_those_along_that_wait_for_its_completion() {
    let file = Configuration::new(
        r#"
        [program.migrate]
        command = "PROBE exit 4"
        type = "oneshot"
        startretries = 1
        backoff = 0.02
        on_failure = "ignore"
        [program.web]
        command = "PROBE last-words --name web"
        depends_on = ["migrate"]
        "#,
    );
    let mut run = file.run_until(&["web: FATAL: needs migrate"]);
    assert_eq!(run.wait(), 4, "{}", run.lines().text());
    assert_in_order(
        &run,
        &[
            "migrate: exit 4",
            "migrate: exit 4",
            "migrate: FATAL: failed to start 2 times in a row, at last: exit 4",
            "web: FATAL",
        ],
    );
}

#[test]
fn dep_2_a_service_that_ends_badly_for_good_after_it_was_up_loses_nobody_who_runs() {
    let file = Configuration::new(
        r#"
        [signals]
        USR1 = "forward:db"
        [program.db]
        command = "PROBE last-words --name db --signal USR1 --exit 5"
        startsecs = 0
        autorestart = "never"
        on_failure = "ignore"
        [program.runs]
        command = "PROBE last-words --name runs"
        depends_on = { db = "ready" }
        startsecs = 0
        "#,
    );
    let run = file.run_until(&["db: ready", "runs: ready"]);
    run.signal(libc::SIGUSR1);
    run.wait_for_line("db: exit 5");
    run.signal(libc::SIGUSR2);
    run.wait_for_line("db: EXITED for ");
    run.wait_for_line("runs: RUNNING");
    assert_never(&run, "runs: told");
}
