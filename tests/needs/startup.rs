//! `startup_timeout`: all that start by themselves must be up by then.

use std::time::Duration;

use lastout_harness::configuration::Configuration;
use lastout_harness::let_pass;

use crate::{assert_in_order, assert_never};

/// A web that waits for a db, of which it hangs on `db` whether it is ever ready.
fn start(db: &str, timeout: &str) -> Configuration {
    Configuration::new(&format!(
        r#"
        [supervisor]
        startup_timeout = {timeout}
        [program.db]
        command = "PROBE notify --name db {db}"
        ready = "notify"
        [program.web]
        command = "PROBE last-words --name web"
        depends_on = ["db"]
        startsecs = 0
        "#
    ))
}

#[test]
fn startup_timeout_ends_the_container_with_1_where_not_all_are_up_and_tells_everybody() {
    let file = start("say:waiting", "0.3");
    let mut run = file.run();
    let (code, ended) = run.wait_and_measure();
    assert_eq!(code, 1, "{}", run.lines().text());
    assert!(ended - run.started() >= Duration::from_millis(300));
    assert_in_order(
        &run,
        &[
            "not all programs were up within 0.3 s, the shutdown begins",
            "db: told SIGTERM",
            "db: left after",
        ],
    );
    assert_never(&run, "web: started");
}

#[test]
fn startup_timeout_means_nothing_any_more_once_all_were_up() {
    let file = start("READY=1", "3");
    let mut run = file.run_until(&["all programs are up"]);
    let_pass(Duration::from_millis(3200));
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    run.wait_for_line("SIGTERM came, the shutdown begins");
}

#[test]
fn startup_timeout_counts_a_oneshot_when_it_is_done() {
    let file = Configuration::new(
        r#"
        [supervisor]
        startup_timeout = 1
        [program.migrate]
        command = "PROBE exit 0 --after 10s"
        type = "oneshot"
        startsecs = 0
        "#,
    );
    let mut run = file.run();
    assert_eq!(run.wait(), 1, "{}", run.lines().text());
    assert_in_order(&run, &["migrate: started", "not all programs were up"]);
}
