//! `docker pause`: nobody is restarted for what the pause kept him from (HEALTH-2).

use std::time::Duration;

use lastout_harness::engine::{Container, Image, docker_says};
use lastout_harness::{let_pass, wait_until};

/// Longer, by more than a second, than anybody here has.
const PAUSE: Duration = Duration::from_secs(7);

/// What lastout says when it finds itself held up.
const HELD_UP: &str = "held up for ";

fn run(supervisor: &str) -> Container {
    let image = Image::with(&[("supervisor.toml", supervisor)], "");
    image.lastout(&["-c", "/supervisor.toml"])
}

fn pause(container: &Container) {
    container.pause();
    let_pass(PAUSE);
    container.unpause();
    container.wait_for_line(HELD_UP);
}

/// A question that takes a while, so that it is seen by who asks the engine now and then;
/// what it says nobody hears.
const QUESTION: &str = "['/probe', 'exit', '0', '--after', '3s']";

/// Waits until it is asked, by another process than that one.
fn wait_for_question(container: &Container, other_than: Option<&str>) -> String {
    let mut pid = String::new();
    wait_until("it is asked", || {
        let everybody = docker_says(&["top", container.name(), "-eo", "pid,args"]);
        let mut lines = everybody.lines();
        let asks = lines.find(|line| line.ends_with("/probe exit 0 --after 3s"));
        let words = asks.and_then(|line| line.split_whitespace().next());
        pid = words.unwrap_or_default().to_owned();
        !pid.is_empty() && Some(pid.as_str()) != other_than
    });
    pid
}

fn assert_nobody_is_restarted(container: &Container, name: &str) {
    let lines = container.lines();
    let text = lines.text();
    assert_eq!(lines.count(&format!("{name}: started")), 1, "{text}");
    assert!(!text.contains("not well"), "{text}");
    assert!(!text.contains("has not said"), "{text}");
    container.stop();
    assert_eq!(container.wait(), 0);
}

#[test]
fn health_2_a_watchdog_does_not_bite_whoever_was_paused() {
    let container = run("[program.dog]\nwatchdog = 4\ncommand = ['/probe', 'well']\n");
    // Only then it bites.
    container.wait_for_line("all programs are up");
    pause(&container);
    let before = container.lines().count("well: said so");
    container
        .lines()
        .wait_for_times("well: said so", before + 2);
    assert_nobody_is_restarted(&container, "dog");
}

#[test]
fn health_2_a_question_that_the_pause_interrupts_has_its_time() {
    let container = run(&format!(
        "[program.web]\ncommand = ['/probe', 'last-words']\n\
         healthcheck = {{ exec = {QUESTION}, interval = '100ms', timeout = 5, retries = 1 }}\n"
    ));
    let asks = wait_for_question(&container, None);
    pause(&container);
    wait_for_question(&container, Some(&asks));
    assert_nobody_is_restarted(&container, "web");
}

#[test]
fn health_2_a_start_that_the_pause_interrupts_has_its_time() {
    let container = run(&format!(
        "[program.slow]\ncommand = ['/probe', 'last-words']\n\
         ready = {{ exec = {QUESTION}, timeout = 5, start_timeout = 5 }}\n"
    ));
    wait_for_question(&container, None);
    pause(&container);
    container.wait_for_line("slow: ready");
    assert_nobody_is_restarted(&container, "slow");
}
