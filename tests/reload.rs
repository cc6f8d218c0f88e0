//! RELOAD-1 to RELOAD-3: the configuration is read again while lastout runs.

use std::process::Command;

use lastout_harness::configuration::Configuration;
use lastout_harness::lines::Stream;
use lastout_harness::namespace::Run;
use lastout_harness::{binaries, must, wait_until};

const STAYS: &str = "
    [program.stays]
    command = 'PROBE last-words --name stays'
    startsecs = 0
";

/// Starts a file and waits until its programs are ready.
fn run_until(text: &str, ready: &[&str]) -> (Configuration, Run) {
    let file = Configuration::new(text);
    let run = file.run();
    for line in ready {
        run.wait_for_line(line);
    }
    (file, run)
}

/// Puts this in the place of the file, and says so.
fn reload(file: &Configuration, run: &Run, text: &str) {
    file.rewrite(text);
    run.signal(libc::SIGHUP);
}

#[test]
fn reload_2_only_what_differs_is_touched_and_reload_3_the_rest_keeps_its_pid() {
    let (file, mut run) = run_until(
        &format!(
            "{STAYS}
            [program.goes]
            command = 'PROBE last-words --name goes'
            [program.changes]
            command = 'PROBE last-words --name before'
            "
        ),
        &["stays: ready", "goes: ready", "before: ready"],
    );
    let pid = run.leader_of("stays").pid;
    reload(
        &file,
        &run,
        &format!(
            "{STAYS}
            [program.changes]
            command = 'PROBE last-words --name after'
            [program.comes]
            command = 'PROBE last-words --name comes'
            "
        ),
    );
    run.wait_for_line("reloaded: goes is removed; changes restarts; comes is new");
    for said in [
        "goes: got SIGTERM, leaving",
        "before: got SIGTERM, leaving",
        "after: ready",
        "comes: ready",
    ] {
        run.wait_for_line(said);
    }
    assert_eq!(run.leader_of("stays").pid, pid);
    assert_eq!(run.lines().count("stays: got"), 0);
    // lastout, and the three that are in the file.
    wait_until("only three are left", || run.processes().len() == 4);
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
}

#[test]
fn reload_1_what_is_wrong_is_told_with_its_place_and_nothing_changes() {
    let (file, mut run) = run_until(STAYS, &["stays: ready"]);
    reload(
        &file,
        &run,
        "[program.stays]\ncommand = 'true'\n[program.new]\ncomand = 'PROBE exit 1'\n",
    );
    run.wait_for_line("supervisor.toml:4:1: unknown key `comand` in [program.new]");
    run.wait_for_line("did you mean `command`?");
    run.wait_for_line("2 errors; nothing is changed");
    // What is right again is compared with what runs, and not with what was wrong.
    reload(&file, &run, STAYS);
    run.wait_for_line("reloaded, no program differs");
    assert_eq!(run.lines().count("stays: started"), 1);
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
}

#[test]
fn reload_2_a_new_stopwaitsecs_holds_for_the_process_that_runs() {
    let deaf = |wait: &str| {
        format!(
            "[program.deaf]
            command = 'PROBE last-words --name deaf --ignore-term'
            stopwaitsecs = {wait}
            "
        )
    };
    let (file, mut run) = run_until(&deaf("8"), &["deaf: ready"]);
    reload(&file, &run, &deaf("0.1"));
    run.wait_for_line("reloaded: deaf takes new values");
    let (code, took) = run.stop(libc::SIGTERM);
    assert_eq!(code, 0);
    run.wait_for_line("stopwaitsecs of 0.1 s is over");
    assert!(took.as_secs() < 8, "{took:?}");
    assert_eq!(run.lines().count("deaf: started"), 1);
}

#[test]
fn reload_2_the_control_socket_stays_where_it_is() {
    let (file, mut run) = run_until(STAYS, &["stays: ready"]);
    reload(&file, &run, &format!("{STAYS}\n[control]\nreaders = ['7']"));
    run.wait_for_line("reloaded, no program differs");
    let said = "the control socket stays as it is until lastout itself is restarted";
    assert_eq!(run.lines().count(said), 0);
    reload(&file, &run, &format!("{STAYS}\n[control]\nenabled = false"));
    run.wait_for_line(said);
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
}

#[test]
fn reload_2_what_is_new_starts_when_what_was_removed_is_gone() {
    let named = |name: &str, more: &str| {
        format!("[program.{name}]\ncommand = 'PROBE last-words --name {name}{more}'\n")
    };
    let old = named("old", " --after 300ms");
    let (file, run) = run_until(&format!("{STAYS}{old}"), &["stays: ready", "old: ready"]);
    reload(&file, &run, &format!("{STAYS}{}", named("new", "")));
    run.wait_for_line("new: started");
    let expected = ["old: left after", "new: started"];
    run.lines().assert_in_order(Stream::Stderr, &expected);
}

#[expect(clippy::disallowed_methods, reason = "a test may block")]
fn check(file: &Configuration, against: &Configuration) -> String {
    let words = ["check", "-c", &file.path(), "--against", &against.path()];
    let output = Command::new(binaries::lastout()).args(words).output();
    let output = must(output, "start lastout");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn reload_2_check_against_prints_what_a_reload_would_do_and_does_nothing() {
    let old = Configuration::new(&format!("{STAYS}[program.goes]\ncommand = 'PROBE exit 0'"));
    let new = Configuration::new(&format!("{STAYS}priority = 5"));
    let text = check(&new, &old);
    assert!(text.contains("  removes     goes\n"), "{text}");
    assert!(text.contains("  adapts      stays\n"), "{text}");
    let text = check(&new, &new);
    assert!(text.contains("  changes     no program\n"), "{text}");
}
