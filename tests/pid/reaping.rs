//! PID-4: every child that dies is reaped at once, its own or adopted.

use lastout_harness::configuration::Configuration;
use lastout_harness::engine::Image;
use lastout_harness::namespace::{Setup, run_probe};
use lastout_harness::wait_until;

#[test]
fn pid_4_every_one_of_20000_orphans_is_reaped() {
    let mut run = run_probe(&["orphans", "20000", "--at-once", "500", "--stay"]);
    run.wait_for_line("orphans: ready");
    // Each has closed its pipe, which is not the last thing that it does.
    wait_until("nobody else is left", || run.processes().len() == 2);
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
}

#[test]
fn pid_4_a_subreaper_reaps_orphans_as_pid_1_does() {
    let mut run = Setup::of_probe(&["orphans", "2000", "--stay"])
        .as_subreaper()
        .start();
    run.wait_for_line("orphans: ready");
    wait_until("nobody is a zombie", || run.zombies().is_empty());
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
}

#[test]
fn pid_4_a_term_among_orphans_is_acted_upon() {
    let configuration = Configuration::new(
        r#"
        [program.busy]
        command = ["PROBE", "orphans", "10000000", "--at-once", "200"]
        [program.other]
        command = ["PROBE", "last-words", "--name", "other"]
        "#,
    );
    let mut run = configuration.run();
    run.wait_for_line("other: ready");
    wait_until("orphans end", || !run.zombies().is_empty());
    let (status, _) = run.stop(libc::SIGTERM);
    assert_eq!(status, 0, "{}", run.lines().text());
    assert!(run.lines().has("other: got SIGTERM, leaving"));
}

#[test]
fn pid_4_a_configured_program_that_ends_again_and_again_leaves_no_zombie() {
    let configuration = Configuration::new(
        r#"
        [program.short]
        command = ["PROBE", "exit", "0"]
        startsecs = 0
        autorestart = "always"
        backoff = 0
        [program.long]
        command = ["PROBE", "last-words"]
        "#,
    );
    let mut run = configuration.run();
    run.lines().wait_for_times("short: started", 20);
    wait_until("nobody is a zombie", || run.zombies().is_empty());
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
}

#[test]
fn pid_4_who_died_before_lastout_began_is_reaped() {
    // An entry point that is a shell script leaves such a child when it becomes lastout.
    let mut run = Setup::of_probe(&["last-words"])
        .launch(&["--zombie"])
        .start();
    run.wait_for_line("last-words: ready");
    wait_until("the zombie is reaped", || run.zombies().is_empty());
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
}

#[test]
fn pid_4_a_death_by_a_real_time_signal_is_reaped() {
    let mut run = run_probe(&["kill-self", "RTMIN+5"]);
    assert_eq!(run.wait(), 128 + 39);
}

#[test]
fn pid_4_in_a_container_every_orphan_is_reaped() {
    let container = Image::plain().lastout(&["--", "/probe", "orphans", "20000", "--stay"]);
    container.wait_for_line("orphans: ready");
    let (status, said) = container.exec(&[], &["/probe", "zombies", "--until-none"]);
    assert_eq!((status, said.trim()), (0, "zombies 0"));
    container.stop();
    assert_eq!(container.wait(), 0);
}
