//! The watchdog: a program that must say that it is well.

use lastout_harness::configuration::Configuration;
use lastout_harness::namespace::Run;

use crate::{assert_in_order, assert_never};

/// A program that does these steps; USR1 and USR2 are passed on to it.
fn watched(steps: &str, watchdog: &str) -> (Configuration, Run) {
    let file = Configuration::new(&format!(
        r#"
        [signals]
        USR1 = "forward:web"
        USR2 = "forward:web"
        [program.web]
        command = "PROBE notify --name web {steps}"
        ready = "notify"
        backoff = 0.05
        watchdog = {watchdog}
        "#
    ));
    let run = file.run_until(&["lastout: web: ready"]);
    (file, run)
}

#[test]
fn watchdog_who_falls_silent_is_sent_abrt_and_started_again() {
    let (_file, mut run) = watched("READY=1 beat:10ms:WATCHDOG=1 say:silent", "2");
    // It was heard for longer than that, and nobody was impatient.
    lastout_harness::let_pass(std::time::Duration::from_millis(2500));
    assert_never(&run, "has not said");
    run.signal(libc::SIGUSR2);
    run.wait_for_line("web: silent");
    run.lines().wait_for_times("lastout: web: ready", 2);
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert_in_order(
        &run,
        &[
            "web: ready",
            "web: has not said for 2 s that it is well",
            "web: told SIGABRT (watchdog)",
            "web: left after",
            "web: starts again in",
            "web: started",
            "web: ready",
        ],
    );
    run.wait_for_line("ended by SIGABRT");
}

#[test]
fn watchdog_who_never_says_a_word_after_it_is_ready_is_restarted() {
    let (_file, run) = watched("READY=1", "0.1");
    run.wait_for_line("web: told SIGABRT (watchdog)");
    run.lines().wait_for_times("lastout: web: ready", 2);
}

#[test]
fn watchdog_trigger_is_acted_upon_at_once() {
    let (_file, run) = watched("READY=1 until:USR1 WATCHDOG=trigger", "600");
    run.signal(libc::SIGUSR1);
    run.wait_for_line("web: says that it is not well");
    run.lines().wait_for_times("lastout: web: ready", 2);
    assert_in_order(&run, &["says that it is not", "told SIGABRT (watchdog)"]);
}

#[test]
fn watchdog_it_may_ask_for_another_period_or_for_none() {
    let (_file, run) = watched("READY=1 until:USR1 WATCHDOG_USEC=100000", "600");
    run.signal(libc::SIGUSR1);
    run.wait_for_line("web: has not said for 0.1 s that it is well");
    let (_file, run) = watched("READY=1,WATCHDOG_USEC=0 say:here", "0.3");
    run.wait_for_line("web: here");
    lastout_harness::let_pass(std::time::Duration::from_millis(500));
    assert_never(&run, "has not said");
}

#[test]
fn watchdog_a_program_is_told_how_long_it_has_and_others_are_not() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = ["sh", "-c", "echo web has $WATCHDOG_USEC and $${NOTIFY_SOCKET:+a socket}; exec PROBE last-words"]
        watchdog = 1500
        [program.other]
        command = ["sh", "-c", "echo other has .$WATCHDOG_USEC.; exec PROBE last-words"]
        "#,
    );
    let run = file.run_until(&["web has ", "other has "]);
    assert_eq!(
        run.wait_for_line("web has ").text,
        "web has 1500000000 and a socket"
    );
    assert_eq!(run.wait_for_line("other has ").text, "other has ..");
}

#[test]
fn watchdog_who_is_on_its_way_out_has_no_more_to_prove() {
    let stop = "until:TERM STOPPING=1 pause:2500ms exit:0";
    let (_file, mut run) = watched(&format!("READY=1 WATCHDOG=1 {stop}"), "2");
    let (code, took) = run.stop(libc::SIGTERM);
    assert_eq!(code, 0);
    assert!(took >= std::time::Duration::from_millis(2500), "{took:?}");
    assert_never(&run, "SIGABRT");
    run.wait_for_line("web: left after");
}
