//! PID-5: idle means idle. PID 1 is not given the processor once while there is nothing
//! to do, which the kernel counts: each wake-up is a context switch.

use std::time::Duration;

use lastout_harness::configuration::Configuration;
use lastout_harness::engine::Image;
use lastout_harness::namespace::{Output, Run, Setup, run_probe};
use lastout_harness::{let_pass, sight, wait_until};

/// How long nothing has to happen: longer than any pause of a supervisor that polls.
const QUIET: Duration = Duration::from_secs(6);

/// Sees it sleep: from the moment at which what was begun has ended.
fn assert_idle(pid: i32, what: &str) {
    let before = sight::wait_until_at_rest(pid);
    let_pass(QUIET);
    let after = sight::context_switches(pid);
    assert_eq!(after - before, 0, "wake-ups {what}");
}

/// Waits until all programs are RUNNING, of which `-v` tells.
fn wait_for_running(run: &Run, programs: usize) {
    run.lines().wait_for_times(": running", programs);
}

const SEVERAL: &str = r#"
[program.one]
command = ["PROBE", "last-words"]
[program.two]
command = ["PROBE", "daemon", "--stay"]
[program.three]
command = ["PROBE", "family"]
[program.four]
command = ["PROBE", "last-words", "--name", "four"]
startsecs = 0
"#;

#[test]
fn pid_5_with_a_command_there_is_no_wake_up() {
    let run = run_probe(&["last-words"]);
    run.wait_for_line("last-words: ready");
    assert_idle(run.pid(), "with a command");
}

#[test]
fn pid_5_as_a_subreaper_there_is_no_wake_up() {
    let run = Setup::of_probe(&["daemon", "--stay"])
        .as_subreaper()
        .start();
    run.wait_for_line("daemon: ready");
    run.wait_for_line("daemon's leader: ready");
    assert_idle(run.pid(), "as a subreaper");
}

#[test]
fn pid_5_with_several_programs_there_is_no_wake_up() {
    let configuration = Configuration::new(SEVERAL);
    let run = configuration.setup(&["-v"]).start();
    wait_for_running(&run, 4);
    run.wait_for_line("daemon of the family: ready");
    assert_idle(run.pid(), "with several programs");
}

#[test]
fn pid_5_without_proc_there_is_no_wake_up() {
    let configuration = Configuration::new(SEVERAL);
    let run = configuration.setup(&["-v"]).without_proc().start();
    wait_for_running(&run, 4);
    assert_idle(run.pid(), "without /proc");
}

#[test]
fn pid_5_with_a_program_that_has_ended_for_good_there_is_no_wake_up() {
    let configuration = Configuration::new(
        r#"
        [program.done]
        command = ["PROBE", "exit", "0"]
        startsecs = 0
        autorestart = "never"
        [program.stays]
        command = ["PROBE", "last-words"]
        "#,
    );
    let run = configuration.setup(&["-v"]).start();
    run.wait_for_line("done: exit 0");
    run.wait_for_line("stays: running");
    assert_idle(run.pid(), "with a program that has ended");
}

#[test]
fn pid_5_with_a_watchdog_and_messages_there_is_no_wake_up() {
    let configuration = Configuration::new(
        r#"
        [supervisor]
        startup_timeout = "1h"
        [program.web]
        command = ["PROBE", "notify", "STATUS=begins", "READY=1,STATUS=serves", "WATCHDOG=1"]
        ready = "notify"
        watchdog = "1h"
        [program.ready]
        command = ["sh", "-c", "echo >&5; exec PROBE last-words"]
        ready = { fd = 5 }
        depends_on = ["web"]
        [program.done]
        command = ["PROBE", "exit", "0"]
        type = "oneshot"
        pre_start = "true"
        post_stop = "true"
        [program.later]
        command = ["PROBE", "last-words"]
        schedule = "@yearly"
        "#,
    );
    let run = configuration.setup(&["-v"]).start();
    run.wait_for_line("all programs are up");
    run.wait_for_line("last-words: ready");
    // lastout and the two that stay; the others end once more for it.
    wait_until("the hooks are done", || run.processes().len() == 3);
    assert_idle(run.pid(), "with a watchdog and messages");
}

#[test]
fn pid_5_with_a_full_log_that_nobody_reads_there_is_no_wake_up() {
    let configuration = Configuration::new(SEVERAL);
    for output in [Output::Unread, Output::UnreadSocket, Output::Broken] {
        let run = configuration.setup(&["-v"]).stderr(output).start();
        for who in ["last-words", "daemon's leader", "leader", "four"] {
            run.wait_for_line(&format!("{who}: ready"));
        }
        // A line each, so that there is more than anybody takes.
        for _ in 0..10_000 {
            run.signal(40);
        }
        wait_until("the signals are taken", || {
            sight::status_field(run.pid(), "SigQ").is_some_and(|queued| queued.starts_with("0/"))
                || sight::status_field(run.pid(), "ShdPnd")
                    .is_some_and(|pending| pending.trim_start_matches('0').is_empty())
        });
        // Until RUNNING there is a deadline; it is a second.
        let_pass(Duration::from_secs(2));
        assert_idle(run.pid(), &format!("with {output:?}"));
    }
}

#[test]
fn pid_5_with_a_terminal_there_is_no_wake_up() {
    let run = Setup::of_probe(&["last-words"]).on_a_terminal().start();
    run.wait_for_line("last-words: ready");
    assert_idle(run.pid(), "with a terminal");
}

#[test]
fn pid_5_in_a_container_there_is_no_wake_up() {
    let text = SEVERAL.replace("PROBE", "/probe");
    let image = Image::with(
        &[("etc/lastout/supervisor.toml", &text)],
        "ENTRYPOINT [\"/lastout\", \"-v\"]",
    );
    let container = image.run(&[], &[]);
    container.lines().wait_for_times(": running", 4);
    assert_idle(container.pid(), "in a container");
}
