//! HEALTH-1 and the watchdog: how a program is known to be well, and what is
//! done when it is not.
//!
//! It is well as long as FOLDER/well is there.

use lastout_harness::configuration::Configuration;
use lastout_harness::lines::Stream;
use lastout_harness::namespace::Run;

mod actions;
mod questions;
mod watchdog;

/// A program that is well, asked each 30 ms, with these keys in its `healthcheck`.
fn healthy(keys: &str) -> (Configuration, Run) {
    let file = Configuration::new(&format!(
        r#"
        [program.web]
        command = "PROBE last-words --name web"
        startsecs = 0
        backoff = 0.05
        healthcheck = {{ exec = "test -e FOLDER/well", interval = 0.03, {keys} }}
        "#
    ));
    file.write("well", "");
    let run = file.run_until(&["web: ready"]);
    (file, run)
}

/// That lastout said all of them, in this order.
fn assert_in_order(run: &Run, expected: &[&str]) {
    run.lines().assert_in_order(Stream::Stderr, expected);
}

/// That nobody said this.
fn assert_never(run: &Run, text: &str) {
    assert!(
        !run.lines().has(text),
        "{text:?} in:\n{}",
        run.lines().text()
    );
}
