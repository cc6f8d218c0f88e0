//! In which order programs start and stop that depend on each other.

use lastout_harness::configuration::Configuration;

use crate::{assert_in_order, assert_never};

/// The file has them in the opposite order, which must not matter.
const CHAIN: &str = r#"
    [program.web]
    command = "PROBE last-words --name web --after 100ms"
    depends_on = ["app"]
    startsecs = 0
    [program.app]
    command = "PROBE notify --name app pause:100ms READY=1"
    depends_on = ["migrate"]
    ready = "notify"
    [program.migrate]
    command = "PROBE exit 0 --after 100ms"
    type = "oneshot"
    startsecs = 0
    depends_on = ["db"]
    [program.db]
    command = "PROBE last-words --name db"
    startsecs = 0
"#;

#[test]
fn dep_1_a_chain_starts_link_by_link() {
    let file = Configuration::new(CHAIN);
    let run = file.run_until(&["all programs are up"]);
    assert_in_order(
        &run,
        &[
            "db: started",
            "migrate: started",
            "migrate: done, exit 0",
            "app: started",
            "app: ready",
            "web: started",
            "all programs are up",
        ],
    );
}

#[test]
fn stop_4_a_chain_stops_link_by_link_and_what_is_done_does_not_break_it() {
    let file = Configuration::new(CHAIN);
    let mut run = file.run_until(&["all programs are up"]);
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert_in_order(
        &run,
        &[
            "the shutdown begins",
            "web: told SIGTERM",
            "web: left after",
            "app: told SIGTERM",
            "app: left after",
            "db: told SIGTERM",
            "db: left after",
        ],
    );
    assert_never(&run, "migrate: told");
}

const DIAMOND: &str = r#"
    [program.top]
    command = "PROBE last-words --name top --after 100ms"
    depends_on = ["left", "right"]
    startsecs = 0
    [program.left]
    command = "PROBE last-words --name left --after 300ms"
    depends_on = { base = "ready" }
    startsecs = 0
    [program.right]
    command = "PROBE last-words --name right --after 300ms"
    depends_on = { base = "ready" }
    startsecs = 0
    [program.base]
    command = "PROBE last-words --name base"
    startsecs = 0.1
"#;

#[test]
fn dep_1_of_a_diamond_both_sides_start_after_the_base_and_before_the_top() {
    let file = Configuration::new(DIAMOND);
    let run = file.run_until(&["all programs are up"]);
    for side in ["left", "right"] {
        let started = format!("{side}: started");
        assert_in_order(&run, &["base: running", &started, "top: started"]);
    }
}

#[test]
fn stop_4_of_a_diamond_both_sides_stop_at_once_after_the_top_and_before_the_base() {
    let file = Configuration::new(DIAMOND);
    let mut run = file.run_until(&["all programs are up"]);
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    for (side, other) in [("left", "right"), ("right", "left")] {
        let told = format!("{side}: told SIGTERM");
        let left = format!("{side}: left after");
        let order = ["top: left after", &told, &left, "base: told SIGTERM"];
        assert_in_order(&run, &order);
        assert_in_order(&run, &[&told, &format!("{other}: left after")]);
    }
}

#[test]
fn stop_4_what_is_asked_to_stop_while_it_is_starting_stops_in_order_too() {
    let text = CHAIN.replace("pause:100ms READY=1", "say:here until:USR1");
    let file = Configuration::new(&text);
    let mut run = file.run_until(&["app: here", "app: started"]);
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert_in_order(&run, &["app: told", "app: left", "db: told", "db: left"]);
    assert_never(&run, "web: started");
}

#[test]
fn of_those_that_are_free_to_start_the_lower_priority_is_first() {
    let file = Configuration::new(
        r#"
        [defaults]
        command = "PROBE last-words"
        startsecs = 0
        [program.third]
        priority = 30
        [program.first]
        priority = 10
        [program.second]
        priority = 20
        "#,
    );
    let run = file.run_until(&["all programs are up"]);
    // Of whose exec is known first is chance, but pids are given out in order.
    let pid = |name| run.leader_of(name).inner_pid;
    assert!(pid("first") < pid("second") && pid("second") < pid("third"));
}
