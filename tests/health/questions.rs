//! How answers are counted, and that who asks never stays.

use lastout_harness::configuration::Configuration;
use lastout_harness::namespace::Run;
use lastout_harness::wait_until;

use crate::{assert_in_order, assert_never};

/// A program of which each third answer is a yes; the others are a no.
#[test]
fn health_1_only_failures_in_a_row_count() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = "PROBE last-words --name web"
        startsecs = 0
        healthcheck = { interval = 0.02, retries = 3, exec = ["sh", "-c", """
            echo x >> FOLDER/asked
            test $(($(wc -l < FOLDER/asked) % 3)) = 0"""] }
        "#,
    );
    let run = file.run_until(&["web: ready"]);
    run.lines().wait_for_times("web: not well (2 of 3)", 3);
    assert_never(&run, "(3 of 3)");
    assert_never(&run, "unhealthy");
}

#[test]
fn health_1_in_the_start_period_a_no_does_not_count_until_the_first_yes() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = "PROBE last-words --name web"
        startsecs = 0
        healthcheck = { interval = 0.02, retries = 2, start_period = 600, exec = ["sh", "-c", """
            test -e FOLDER/well && touch FOLDER/answered"""] }
        "#,
    );
    let run = file.run_until(&["web: ready"]);
    run.lines()
        .wait_for_times("web: not well, which does not count yet: exit 1", 4);
    assert_never(&run, "unhealthy");
    file.write("well", "");
    wait_until("it has said yes", || file.read("answered").is_some());
    file.remove("well");
    run.wait_for_line("web: unhealthy");
    assert_in_order(&run, &["does not count yet", "(1 of 2)", "(2 of 2)"]);
}

#[test]
fn health_1_after_the_start_period_a_no_counts_without_a_yes() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = "PROBE last-words --name web"
        startsecs = 0
        healthcheck = { exec = "false", interval = 0.02, retries = 2, start_period = 1, action = "none" }
        "#,
    );
    let run = file.run_until(&["web: unhealthy"]);
    assert_in_order(&run, &["does not count yet", "(1 of 2)", "(2 of 2)"]);
}

/// How many of that name there are in the namespace.
fn count(run: &Run, name: &str) -> usize {
    let everybody = run.processes();
    everybody.iter().filter(|p| p.name == name).count()
}

#[test]
fn health_1_who_does_not_answer_in_time_has_said_no_and_is_gone_with_all_that_he_started() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = "PROBE last-words --name web"
        startsecs = 0
        healthcheck = { interval = 0.05, timeout = 0.1, retries = 2, action = "none", exec = ["sh", "-c", """
            test -e FOLDER/well && exit 0
            setsid sleep 1000 & sleep 1000"""] }
        "#,
    );
    let mut run = file.run_until(&["web: not well (1 of 2): no answer in time"]);
    run.wait_for_line("web: unhealthy");
    file.write("well", "");
    run.wait_for_line("web: well again");
    wait_until("nobody who asked is left", || count(&run, "sleep") == 0);
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert_never(&run, "killed");
    // Nor does the report know of them, who were gone before it began (STOP-7).
    assert_never(&run, "stray");
    assert_never(&run, "+ sleep");
}

#[test]
fn health_1_who_does_not_answer_and_does_not_leave_is_killed() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = "sleep 1000"
        startsecs = 0
        healthcheck = { interval = 0.05, timeout = 0.1, retries = 1, action = "none", exec = ["sh", "-c", """
            test -e FOLDER/well && exit 0
            exec PROBE last-words --ignore-term"""] }
        "#,
    );
    let run = file.run_until(&["web: unhealthy"]);
    file.write("well", "");
    run.wait_for_line("web: well again");
    wait_until("nobody who asked is left", || count(&run, "probe") == 0);
}

#[test]
fn health_1_what_a_question_leaves_behind_when_it_is_answered_is_gone_too() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = "PROBE last-words --name web"
        startsecs = 0
        healthcheck = { interval = 0.2, exec = ["sh", "-c", """
            setsid sleep 1000 &
            echo x >> FOLDER/asked"""] }
        "#,
    );
    let run = file.run_until(&["web: ready"]);
    wait_until("it was asked twice", || {
        file.read("asked").is_some_and(|text| text.len() >= 4)
    });
    wait_until("nobody is left of it", || count(&run, "sleep") == 0);
    assert_never(&run, "not well");
}

#[test]
fn health_1_http_is_asked_as_readiness_is() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = "PROBE serve --listen 127.0.0.1:8080 --status FOLDER/status"
        ready = { tcp = "127.0.0.1:8080", interval = 0.02 }
        healthcheck = { http = "http://127.0.0.1:8080/", interval = 0.03, retries = 2, action = "none" }
        "#,
    );
    let run = file.setup(&["-v"]).own_network().start();
    run.wait_for_line("lastout: web: ready");
    file.write("status", "503");
    run.wait_for_line("web: unhealthy");
    file.write("status", "200");
    run.wait_for_line("web: well again");
}
