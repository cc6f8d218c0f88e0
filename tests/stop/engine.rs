//! The same on the real engine, as far as it could be different there.

use std::time::Duration;

use lastout_harness::engine::Image;

use crate::{assert_in_order, assert_times};

#[test]
fn stop_1_a_docker_exec_session_is_told_and_waited_for() {
    let container = Image::plain().lastout(&["--", "/probe", "last-words", "--name", "main"]);
    container.wait_for_line("main: ready");
    let words = ["/probe", "last-words", "--name", "session", "--after", "1s"];
    let session = std::thread::scope(|scope| {
        let session = scope.spawn(|| container.exec(&[], &words));
        // What a session says goes to its client, so its being there is asked for.
        lastout_harness::wait_until("the session is there", || {
            let top = lastout_harness::engine::docker_says(&["top", container.name()]);
            top.contains("--name session")
        });
        container.stop();
        session.join().expect("the client of the session")
    });
    assert_eq!(session.0, 0, "{}", session.1);
    assert!(
        session.1.contains("session: got SIGTERM, leaving"),
        "{}",
        session.1
    );
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
    let words = ["/lastout", "--stop-timeout", "1", "--", "/probe", "daemon"];
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
