//! HEALTH-2 on the real engine: a pause of the container is nobody's fault.

use std::time::Duration;

use lastout_harness::engine::{Image, docker_says};
use lastout_harness::let_pass;

/// A watchdog, a start and a question that would all be over in the pause.
const FILE: &str = r#"
[program.beats]
command = ["/probe", "notify", "--name", "beats", "READY=1", "beat:50ms:WATCHDOG=1"]
ready = "notify"
watchdog = 1.5
[program.starts]
command = ["/probe", "notify", "--name", "starts", "say:here", "pause:3s", "READY=1"]
ready = { notify = true, start_timeout = 5 }
[program.asked]
command = ["/probe", "last-words", "--name", "asked"]
healthcheck = { exec = ["/probe", "exit", "0", "--after", "200ms"], interval = 0.05, timeout = 2, retries = 1 }
"#;

#[test]
fn health_2_after_docker_pause_everybody_has_as_long_as_before() {
    let image = Image::with(&[("supervisor.toml", FILE)], "");
    let container = image.lastout(&["-v", "-c", "/supervisor.toml"]);
    for line in ["lastout: beats: ready", "starts: here", "asked: running"] {
        container.wait_for_line(line);
    }
    let _ = docker_says(&["pause", container.name()]);
    // Longer than any of them has.
    let_pass(Duration::from_secs(6));
    let _ = docker_says(&["unpause", container.name()]);
    container.wait_for_line("held up for");
    container.wait_for_line("lastout: starts: ready");
    container.stop();
    assert_eq!(container.wait(), 0);
    let text = container.lines().text();
    for never in ["not ready after", "not well", "has not said", "SIGABRT"] {
        assert!(!text.contains(never), "{never}:\n{text}");
    }
}
