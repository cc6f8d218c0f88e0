//! The same on the real engine, as far as it could be different there.

use std::time::Duration;

use lastout_harness::engine::{Image, docker_says};
use lastout_harness::sight;

use crate::{assert_in_order, assert_times};

#[test]
fn stop_1_a_docker_exec_session_is_told_and_waited_for() {
    let container = Image::plain().lastout(&["--", "/probe", "last-words", "--name", "main"]);
    container.wait_for_line("main: ready");
    let words = ["/probe", "last-words", "--name", "session", "--after", "1s"];
    let name = container.name().to_owned();
    let session = std::thread::spawn(move || docker_says(&[&["exec", &name], &words[..]].concat()));
    // What it says goes to its client. CHLD is the one signal that it blocks while it waits
    // for all others, and it is blocked before: so it is ready.
    let pid = container.pid();
    lastout_harness::wait_until("the session is ready", || {
        let mut probes = sight::namespace_of(pid);
        probes.retain(|process| process.name == "probe");
        probes.retain(|probe| sight::has_signal(probe.pid, "SigBlk", libc::SIGCHLD));
        probes.len() == 2
    });
    container.stop();
    let said = session.join().expect("the client of the session");
    assert!(said.contains("session: got SIGTERM, leaving"), "{said}");
    assert_eq!(container.wait(), 0);
    assert_in_order(container.lines(), &["goodbye: SIGTERM came", "stray probe"]);
}

#[test]
fn stop_5_a_deaf_program_is_killed_before_the_engine_kills_everybody() {
    let file = "[program.deaf]\ncommand = [\"/probe\", \"last-words\", \"--ignore-term\"]\n";
    let image = Image::with(&[("supervisor.toml", file)], "");
    let container = image.lastout(&["-c", "/supervisor.toml"]);
    container.wait_for_line("last-words: ready");
    let took = container.stop();
    // The engine would have made it 137, and there would be no report.
    assert_eq!(container.wait(), 0);
    assert!(took >= Duration::from_secs(9), "{took:?}");
    assert_in_order(
        container.lines(),
        &["goodbye", "told SIGTERM  killed after 9"],
    );
}

#[test]
fn stop_2_a_daemon_of_another_user_is_killed_without_capabilities_too() {
    let words = ["/lastout", "--stop-timeout", "3", "--", "/probe", "daemon"];
    let daemon = ["--uid", "65534", "--ignore-term"];
    let container = Image::plain().run(&[], &[&words[..], &daemon].concat());
    assert_eq!(container.wait(), 0);
    assert_times(container.lines(), "daemon: got SIGTERM, staying", 1);
    assert_in_order(container.lines(), &["goodbye", "+ probe (pid "]);
}

#[test]
fn stop_6_docker_stop_takes_no_longer_than_the_program() {
    let container = Image::plain().lastout(&["--", "/probe", "last-words", "--after", "3s"]);
    container.wait_for_line("last-words: ready");
    let took = container.stop();
    assert_eq!(container.wait(), 0);
    assert!(took >= Duration::from_secs(3), "{took:?}");
    assert!(took < Duration::from_secs(9), "{took:?}");
}
