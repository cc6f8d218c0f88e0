//! The two commands of every recipe's README, pasted into a shell as a reader would, and
//! the demo of the whole.

use std::fs;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use lastout_harness::{binaries, must};

#[test]
fn leaves_on_term() {
    paste("leaves-on-term", &["leaves-on-term: got SIGTERM, leaving"]);
}

#[test]
fn ignores_term() {
    paste("ignores-term", &["ignores-term: got SIGTERM, staying"]);
}

#[test]
fn forgotten_child() {
    paste(
        "forgotten-child",
        &["forgotten child: got SIGTERM, leaving"],
    );
}

#[test]
fn two_programs() {
    paste(
        "two-programs",
        &[
            "web: got SIGTERM, leaving",
            "forgets-child: got SIGQUIT, leaving",
            "forgotten child: got SIGQUIT, leaving",
        ],
    );
}

#[test]
fn http_server() {
    paste("http-server", &["finished, whatever happened meanwhile"]);
}

#[test]
fn stop_7_the_demo_without_a_terminal_stops_by_itself_and_says_goodbye() {
    let said = shell("scripts/demo");
    for line in ["told SIGQUIT", "child: they remembered me", "exit status 0"] {
        assert!(said.contains(line), "{line:?} is not in:\n{said}");
    }
}

/// Runs both commands. Only the names that are global on the engine and on the machine
/// are changed: image, container and port.
fn paste(recipe: &str, expected: &[&str]) {
    let path = binaries::workspace()
        .join("examples")
        .join(recipe)
        .join("README.md");
    let text = must(fs::read_to_string(&path), "read the README");
    let blocks: Vec<&str> = text
        .split("```sh\n")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once("\n```")?.0))
        .collect();
    let [build, run] = blocks.as_slice() else {
        panic!("{recipe}: wanted two commands, got {blocks:#?}");
    };
    let unique = format!("lastout-test-readme-{recipe}-{}", std::process::id());
    let port = free_port();

    assert_eq!(*build, format!("scripts/image {recipe}"));
    shell(&format!("{build} {unique}"));
    let run = run
        .replace(&format!("lastout-example-{recipe}"), &unique)
        .replace(&format!("--name {recipe}"), &format!("--name {unique}"))
        .replace(&format!("stop {recipe}"), &format!("stop {unique}"))
        .replace(&format!("logs {recipe}"), &format!("logs {unique}"))
        .replace(&format!("rm {recipe}"), &format!("rm {unique}"))
        .replace("8080:8080", &format!("{port}:8080"))
        .replace("localhost:8080", &format!("localhost:{port}"));
    // Whatever fails, nothing stays on the engine.
    let clean =
        format!("docker rm --force {unique} >/dev/null 2>&1; docker rmi {unique} >/dev/null");
    let said = shell(&format!("trap '{clean}' EXIT; {run}"));
    for line in expected {
        assert!(said.contains(line), "{recipe}: {line:?} is not in:\n{said}");
    }
}

/// Runs it from the workspace's folder with bash; everything that was said.
#[expect(clippy::disallowed_methods, reason = "a test may block")]
fn shell(command: &str) -> String {
    let output = Command::new("bash")
        .args(["-c", &format!("exec 2>&1; {command}")])
        .current_dir(binaries::workspace())
        .stdin(Stdio::null())
        .output();
    let output = must(output, "bash");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command}\nsaid:\n{said}");
    said
}

/// Free at this moment, and none of those that the kernel gives in the next to whoever
/// connects to somebody or asks for any (ip_local_port_range in ip(7)).
fn free_port() -> u16 {
    let first = 20_000 + (std::process::id() % 10_000) as u16;
    let is_free = |port: &u16| TcpListener::bind(("0.0.0.0", *port)).is_ok();
    let port = (first..32_000).find(is_free);
    port.unwrap_or_else(|| panic!("no port from {first} on is free"))
}
