//! Poor environments (PID-3, PID-6, PID-10, PID-11): somebody without a name, a root that
//! cannot be written to, nothing but lastout and a program in it, no capabilities, no
//! descriptors, no room for a fork, no reader of the log. What is said where everything is
//! there is in tests/pid.

mod containers;
mod descriptors;
mod forks;
mod full;
mod missing;
mod stderr;

use lastout_harness::configuration::Configuration;
use lastout_harness::lines::Lines;

/// Two programs: one with a daemon in a session of its own, one without.
const TWO: &str = r#"
[program.first]
command = ["PROBE", "daemon", "--stay", "--name", "daemon", "--after", "50ms"]
[program.second]
command = ["PROBE", "last-words", "--name", "second", "--after", "50ms"]
"#;

fn two() -> Configuration {
    Configuration::new(TWO)
}

/// Waits until everybody of [`TWO`] is there.
fn wait_for_two(lines: &Lines) {
    for who in ["daemon's leader", "daemon", "second"] {
        lines.wait_for(&format!("{who}: ready"));
    }
}

/// Everybody of [`TWO`] was told and left.
fn assert_two_left(lines: &Lines) {
    for who in ["daemon's leader", "daemon", "second"] {
        let words = format!("{who}: got SIGTERM, leaving");
        assert!(lines.has(&words), "{words}:\n{}", lines.text());
    }
    assert!(!lines.has("killed"), "{}", lines.text());
}
