//! The same on the real engine.

use lastout_harness::engine::Image;

#[test]
fn log_7_docker_logs_has_every_line_of_a_container_that_is_stopped() {
    let file = r#"
[program.web]
command = ["/probe", "last-words", "--name", "web"]
stdout = "prefix"
[program.db]
command = ["/probe", "last-words", "--name", "db"]
user = "65534"
stdout = "prefix"
stderr = "stdout"
"#;
    let image = Image::with(&[("supervisor.toml", file)], "");
    let container = image.run(&["--read-only"], &["/lastout", "-c", "/supervisor.toml"]);
    container.wait_for_line("web | web: ready");
    container.wait_for_line("db | db: ready");
    container.stop();
    assert_eq!(container.wait(), 0);
    let logs = container.logs();
    for name in ["web", "db"] {
        let last = format!("{name} | {name}: got SIGTERM, leaving");
        assert!(logs.contains(&last), "{logs}");
    }
    assert!(logs.contains("everybody left"), "{logs}");
    assert!(!logs.contains("stray"), "{logs}");
}
