//! READY-4: not ready in time is a failed start.

use std::time::Duration;

use lastout_harness::configuration::Configuration;

use crate::{assert_in_order, assert_never};

#[test]
fn ready_4_who_is_not_ready_in_time_is_stopped_and_tried_again_and_then_fatal() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = "PROBE last-words --name web --exit 9"
        ready = { notify = true, start_timeout = 2 }
        startretries = 1
        backoff = 0.1
        "#,
    );
    let mut run = file.setup(&["-v"]).start();
    let (code, ended) = run.wait_and_measure();
    // It is lastout that gives up: the status with which it left when it was told is none.
    assert_eq!(code, 1, "{}", run.lines().text());
    let took = ended - run.started();
    assert!(took >= Duration::from_millis(2000 + 90 + 2000), "{took:?}");
    assert_in_order(
        &run,
        &[
            "web: started",
            "web: not ready after 2 s",
            "web: told SIGTERM (not ready)",
            "web: left after",
            "web: starts again in 0.",
            "web: started",
            "web: not ready after 2 s",
            "web: told SIGTERM (not ready)",
            "web: left after",
            "web: FATAL: was not ready in time 2 times in a row",
            "the shutdown begins",
        ],
    );
    assert_never(&run, "lastout: web: ready");
    assert_eq!(run.lines().count("web: got SIGTERM, leaving"), 2);
}

#[test]
fn ready_4_the_time_of_a_start_begins_anew_with_each() {
    // Four starts that take longer than that together, and the fourth is ready.
    let file = Configuration::new(
        r#"
        [program.web]
        command = ["sh", "-c", """
            echo x >> FOLDER/starts
            sleep 1
            test $(wc -l < FOLDER/starts) -lt 4 && exit 1
            systemd-notify --ready
            exec PROBE last-words --name web"""]
        ready = { notify = true, start_timeout = 3 }
        backoff = 0.01
        "#,
    );
    let run = file.run_until(&["lastout: web: ready"]);
    assert_eq!(run.lines().count("web: exit 1"), 3);
    assert_never(&run, "not ready after");
}

#[test]
fn ready_4_an_end_before_it_is_ready_is_a_failed_start_too() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = "PROBE exit 7 --after 50ms"
        ready = "notify"
        startretries = 0
        "#,
    );
    let mut run = file.run_until(&["web: FATAL: failed to start once: exit 7"]);
    assert_eq!(run.wait(), 7);
}
