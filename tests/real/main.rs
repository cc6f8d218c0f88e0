//! Debian's own servers, started, used and stopped by the recipes under examples/, each
//! with the very supervisor.toml that a user would start from.

use std::time::Duration;

use lastout_harness::lines::Stream;
use lastout_harness::recipe::{Played, Recipe};

mod ci;
mod cron_jobs;
mod mail;
mod php_site;
mod postgres_app;

/// After that long Docker kills: less than that is what every stop here must take.
const DOCKER_KILLS: Duration = Duration::from_secs(10);

#[test]
fn every_recipe_is_found_to_be_right_and_meant() {
    for (recipe, file) in [
        ("php-site", "/etc/lastout/supervisor.toml"),
        ("postgres-app", "/etc/lastout/supervisor.toml"),
        ("mail", "/etc/lastout/supervisor.toml"),
        ("cron-jobs", "/etc/lastout/supervisor.toml"),
    ] {
        assert_is_right(recipe, &["/lastout", "check", "-c", file]);
    }
    assert_is_right("ci", &["/lastout", "check", "-c", "/ci/services.toml"]);
}

fn assert_is_right(recipe: &str, check: &[&str]) {
    let mut played = Recipe::of(recipe).play_instead(check);
    let status = played.run.wait();
    let text = played.run.lines().text();
    assert_eq!(status, 0, "{recipe}:\n{text}");
    assert!(!text.contains("warning"), "{recipe}:\n{text}");
}

/// Tells it to leave, and sees everybody do it: nobody killed, status 0, in time.
fn stop(played: &mut Played) -> Duration {
    let (status, took) = played.run.stop(libc::SIGTERM);
    let text = played.run.lines().text();
    assert_eq!(status, 0, "{text}");
    assert!(took < DOCKER_KILLS, "{took:?}:\n{text}");
    assert!(text.contains("everybody left"), "{text}");
    assert!(!text.contains("killed"), "{text}");
    took
}

/// That lastout said all of them, in this order.
fn assert_in_order(played: &Played, expected: &[&str]) {
    let lines = played.run.lines();
    lines.assert_in_order(Stream::Stderr, expected);
}

/// The pid of the child of lastout that has this name.
fn leader_of(played: &Played, name: &str) -> i32 {
    let init = played.run.pid();
    let everybody = played.run.processes();
    let leader = everybody
        .iter()
        .find(|process| process.parent == init && process.name == name);
    match leader {
        Some(process) => process.pid,
        None => panic!("there is no {name} in {everybody:#?}"),
    }
}

/// Kills it, whoever it is, as nobody can be told.
fn kill(pid: i32) {
    // SAFETY: takes two numbers; the process is a child of a lastout of ours.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGKILL) }, 0);
}
