//! The relay is lastout's own: no stray, and nobody that the shutdown waits for, tells,
//! reports or kills.

use std::time::Duration;

use lastout_harness::configuration::Configuration;
use lastout_harness::lines::Stream;
use lastout_harness::namespace::{Run, Setup};

use crate::relay;

const TWO: &str = r#"
[program.web]
command = ["PROBE", "last-words", "--name", "web"]
stdout = "prefix"
stderr = "prefix"
[program.leaves]
command = ["PROBE", "daemon", "--name", "left", "--stay"]
stdout = "prefix"
"#;

/// The ways in which lastout may look at everybody.
fn ways(configuration: &Configuration) -> [Setup; 3] {
    let setup = || configuration.setup(&[]);
    [setup(), setup().without_proc(), setup().as_subreaper()]
}

/// That it ended as if there were no relay, soon, and with all output.
fn assert_ended_well(run: &Run, took: Duration) {
    let lines = run.lines();
    let text = lines.text();
    assert!(took < Duration::from_secs(5), "{took:?}\n{text}");
    lines.assert_in_order(Stream::Stdout, &["web | web: got SIGTERM, leaving"]);
    assert_eq!(lines.count("lastout-relay"), 0, "{text}");
    assert_eq!(lines.count("the relay of"), 0, "{text}");
    assert_eq!(lines.count("killed"), 0, "{text}");
    assert!(lines.has("everybody left"), "{text}");
}

#[test]
fn stop_6_the_shutdown_ends_when_nobody_but_the_relay_is_left() {
    let configuration = Configuration::new(TWO);
    for setup in ways(&configuration) {
        let mut run = setup.start();
        run.wait_for_line("web: ready");
        run.wait_for_line("left: ready");
        relay(&run);
        let (status, took) = run.stop(libc::SIGTERM);
        assert_eq!(status, 0);
        assert_ended_well(&run, took);
    }
}

#[test]
fn stop_5_everybody_is_killed_but_the_relay() {
    let text = r#"
stop_timeout = "1s"
[program.deaf]
command = ["PROBE", "last-words", "--name", "deaf", "--ignore-term"]
stdout = "prefix"
"#;
    let configuration = Configuration::new(&format!("[supervisor]{text}"));
    for setup in ways(&configuration) {
        let mut run = setup.start();
        run.wait_for_line("deaf: ready");
        let (_, took) = run.stop(libc::SIGTERM);
        let text = run.lines().text();
        assert!(took < Duration::from_secs(4), "{took:?}\n{text}");
        let staying = "deaf | deaf: got SIGTERM, staying";
        run.lines().assert_in_order(Stream::Stdout, &[staying]);
        assert_eq!(run.lines().count("lastout-relay"), 0, "{text}");
        assert_eq!(run.lines().count("bytes"), 0, "{text}");
    }
}
