//! `"reload:NAME"` in `[signals]`, with and without a `reload_signal`.

use lastout_harness::configuration::Configuration;
use lastout_harness::lines::Stream;

use crate::{assert_in_order, assert_never};

fn web(keys: &str) -> Configuration {
    Configuration::new(&format!(
        r#"
        [signals]
        USR2 = "reload:web"
        [program.web]
        command = "PROBE last-words --name the-web"
        {keys}
        "#
    ))
}

#[test]
fn reload_signal_is_sent_instead_of_a_restart() {
    let file = web("reload_signal = 'HUP'");
    let mut run = file.run_until(&["the-web: ready"]);
    let pid = run.leader_of("web").pid;
    run.signal(libc::SIGUSR2);
    run.wait_for_line("the-web: got SIGHUP");
    run.wait_for_line("web: told to reload with SIGHUP");
    assert_eq!(run.leader_of("web").pid, pid);
    assert_never(&run, "the-web: got SIGTERM");
    assert_never(&run, "reading ");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
}

#[test]
fn without_a_reload_signal_it_is_restarted_at_once() {
    let file = web("backoff = 25");
    let run = file.run_until(&["the-web: ready"]);
    run.signal(libc::SIGUSR2);
    run.lines().wait_for_times("the-web: ready", 2);
    run.lines().wait_for_times("web: started", 2);
    let expected = ["web: told SIGTERM (restart)", "web: left", "web: started"];
    assert_in_order(&run, Stream::Stderr, &expected);
}

#[test]
fn of_many_each_instance_is_told_by_its_own_name() {
    let file = Configuration::new(
        r#"
        [signals]
        USR2 = "reload:web:1"
        [program.web]
        command = "PROBE last-words --name web-${LASTOUT_INSTANCE}"
        numprocs = 2
        reload_signal = "USR1"
        "#,
    );
    let run = file.run_until(&["web-0: ready", "web-1: ready"]);
    run.signal(libc::SIGUSR2);
    run.wait_for_line("web-1: got SIGUSR1");
    assert_never(&run, "web-0: got");
}
