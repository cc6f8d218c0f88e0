//! READY-1: sd_notify, from the real systemd-notify and from one who sends it all in any
//! order.

use std::time::Duration;

use lastout_harness::configuration::Configuration;
use lastout_harness::lines::Stream;
use lastout_harness::namespace::Run;
use lastout_harness::{let_pass, wait_until};

use crate::{assert_in_order, assert_never};

/// A program of a shell with what it does before it becomes one that waits for TERM.
fn shell(script: &str, keys: &str) -> Configuration {
    Configuration::new(&format!(
        r#"
        [program.web]
        command = ["sh", "-c", """{script}
        exec PROBE last-words --name web"""]
        ready = "notify"
        {keys}
        "#
    ))
}

/// A program of `probe notify` that does these steps; USR1 and USR2 are passed on to it.
fn steps(steps: &str, keys: &str) -> Configuration {
    Configuration::new(&format!(
        r#"
        [signals]
        USR1 = "forward:web"
        USR2 = "forward:web"
        HUP = "log-state"
        [program.web]
        command = "PROBE notify --name web {steps}"
        ready = "notify"
        {keys}
        "#
    ))
}

/// Asks how the program is until that is shown, since a signal may be faster than what
/// was said before it.
fn shown(run: &Run, is_it: impl Fn(&str) -> bool) -> String {
    let is_of_state = |line: &String| {
        let state = line.strip_prefix("lastout: web: ");
        state.is_some_and(|state| state.starts_with("RUNNING") || state.starts_with("STARTING"))
    };
    let told = || {
        let said = run.lines().of(Stream::Stderr).into_iter();
        said.filter(is_of_state).collect::<Vec<_>>()
    };
    let mut last = String::new();
    while !is_it(&last) {
        let before = told().len();
        run.signal(libc::SIGHUP);
        wait_until("it is told", || told().len() > before);
        last = told().pop().unwrap_or_default();
    }
    last
}

#[test]
fn ready_1_systemd_notify_makes_it_ready_and_is_not_kept_waiting() {
    // It waits until it was heard, with a descriptor that has to be closed (BARRIER=1), and
    // fails after five seconds.
    let file = shell("systemd-notify --ready && echo told", "");
    let mut run = file.run_until(&["told", "lastout: web: ready"]);
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
}

#[test]
fn ready_1_systemd_notify_need_not_wait() {
    let file = shell("systemd-notify --no-block --ready && echo told", "");
    let _run = file.run_until(&["told", "lastout: web: ready"]);
}

#[test]
fn ready_1_any_process_of_the_tree_may_say_it_as_any_user() {
    let script = "setsid sh -c 'systemd-notify --ready && echo told' & wait";
    let file = shell(script, "user = '65534:65534'");
    let _run = file.run_until(&["told", "lastout: web: ready"]);
}

#[test]
fn ready_1_a_status_is_shown_and_is_none_of_readiness() {
    let file = steps(
        "STATUS=warming_up say:here until:USR1 READY=1,STATUS=serving",
        "",
    );
    let run = file.run_until(&["web: here"]);
    let told = shown(&run, |line| line.ends_with("; \"warming_up\""));
    assert!(told.contains("is not ready yet, has "), "{told}");
    assert_never(&run, "lastout: web: ready");
    run.signal(libc::SIGUSR1);
    run.wait_for_line("lastout: web: ready");
    let told = shown(&run, |line| line.ends_with(": \"serving\""));
    assert!(told.contains("web: RUNNING for"), "{told}");
}

#[test]
fn ready_1_systemd_notify_sends_a_status_too() {
    let file = shell("systemd-notify --ready --status='warm enough'", "");
    let run = file.run_until(&["lastout: web: ready"]);
    run.signal(libc::SIGUSR2);
    run.wait_for_line(": \"warm enough\"");
}

#[test]
fn ready_1_it_is_running_only_when_it_is_ready_and_has_been_up_for_startsecs() {
    let file = steps("READY=1", "startsecs = 0.4");
    let run = file.run_until(&["lastout: web: ready"]);
    let took = run.wait_for_line("lastout: web: ready").at - run.started();
    assert!(took >= Duration::from_millis(400), "{took:?}");
}

#[test]
fn ready_1_to_say_it_twice_or_too_late_does_no_harm() {
    let file = steps(
        "READY=1 READY=1 until:USR1 READY=1 until:TERM READY=1 exit:0",
        "",
    );
    let mut run = file.run_until(&["lastout: web: ready"]);
    run.signal(libc::SIGUSR1);
    run.wait_for_line("web: got USR1");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert_eq!(run.lines().count("lastout: web: ready"), 1);
    assert_in_order(&run, &["web: told SIGTERM", "web: left after"]);
}

#[test]
fn ready_1_the_last_words_of_one_who_leaves_at_once_are_heard() {
    // It is ready, and so it ends well after it was up; unheard it would have failed.
    let file = steps(
        "READY=1 exit:3",
        "autorestart = 'never'\non_failure = 'ignore'",
    );
    let mut run = file.run_until(&["web: exit 3"]);
    assert_eq!(run.wait(), 3);
    assert_in_order(&run, &["web: started", "web: ready", "web: exit 3"]);
}

#[test]
fn ready_1_what_nobody_knows_or_understands_is_none_of_it() {
    let file = steps(
        "=1 READY=0 READY=11 X_READY=1 ready=1 FDSTORE=1 say:enough until:USR1 READY=1",
        "",
    );
    let run = file.run_until(&["web: enough"]);
    let_pass(Duration::from_millis(50));
    assert_never(&run, "lastout: web: ready");
    run.signal(libc::SIGUSR1);
    run.wait_for_line("lastout: web: ready");
}

#[test]
fn ready_1_who_reloads_says_so() {
    let file = steps(
        "READY=1 until:USR1 RELOADING=1 say:reloads until:USR2 READY=1 say:again",
        "",
    );
    let run = file.run_until(&["lastout: web: ready"]);
    run.signal(libc::SIGUSR1);
    run.wait_for_line("web: reloads");
    let _ = shown(&run, |line| line.ends_with(": reloads"));
    run.signal(libc::SIGUSR2);
    run.wait_for_line("web: again");
    let _ = shown(&run, |line| {
        line.contains("RUNNING") && !line.ends_with(": reloads")
    });
}

#[test]
fn ready_1_extend_timeout_gives_a_start_more_time() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = "PROBE notify EXTEND_TIMEOUT_USEC=60000000 pause:2500ms READY=1"
        ready = { notify = true, start_timeout = 2 }
        "#,
    );
    let run = file.run_until(&["lastout: web: ready"]);
    assert_never(&run, "not ready after");
}

#[test]
fn ready_1_extend_timeout_gives_a_stop_more_time() {
    let stop = "until:TERM EXTEND_TIMEOUT_USEC=7000000 pause:2500ms say:done exit:0";
    let file = steps(&format!("READY=1 {stop}"), "stopwaitsecs = 2");
    let mut run = file.run_until(&["lastout: web: ready"]);
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    run.wait_for_line("web: done");
    assert_never(&run, "killed");
}

#[test]
fn ready_1_extend_timeout_does_not_outlast_the_shutdown() {
    let stop = "until:TERM EXTEND_TIMEOUT_USEC=60000000 until:USR1";
    let keys = "stopwaitsecs = 2\n[supervisor]\nstop_timeout = 3";
    let file = steps(&format!("READY=1 {stop}"), keys);
    let mut run = file.run_until(&["lastout: web: ready"]);
    let (code, took) = run.stop(libc::SIGTERM);
    assert_eq!(code, 0);
    assert!(took >= Duration::from_secs(3), "{took:?}");
    run.wait_for_line("stop_timeout of 3 s is over");
}
