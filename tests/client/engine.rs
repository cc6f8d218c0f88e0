//! From `docker exec`, and as a HEALTHCHECK in an image FROM scratch.

use lastout_harness::engine::Image;
use lastout_harness::wait_until;

const FILE: &str = "[program.web]\ncommand = \"/leaves-on-term\"\nstartsecs = 0\n\
    [program.bad]\ncommand = \"/no/such\"\nautostart = false\n\
    startretries = \"infinite\"\nbackoff = 100\nbackoff_max = 100\n";

fn image(instructions: &str) -> Image {
    let entry = "ENTRYPOINT [\"/lastout\"]\n";
    let files = [("etc/lastout/supervisor.toml", FILE)];
    Image::with(&files, &[entry, instructions].concat())
}

#[test]
fn a_healthcheck_from_scratch_is_healthy_and_then_is_not() {
    let check = "HEALTHCHECK --interval=1s --retries=1 CMD [\"/lastout\", \"health\"]";
    let container = image(check).run(&[], &[]);
    let is = |state: &str| container.inspect("{{.State.Health.Status}}") == state;
    wait_until("it is healthy", || is("healthy"));
    let (code, out) = container.exec(&[], &["/lastout", "status", "web"]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("web   RUNNING"), "{out}");
    let (code, out) = container.exec(&[], &["/lastout", "wait", "bad", "--for", "running"]);
    assert_eq!(code, 1, "{out}");
    let (code, out) = container.exec(&[], &["/lastout", "start", "bad", "--timeout", "1"]);
    assert_eq!(code, 1, "{out}");
    wait_until("it is not healthy", || is("unhealthy"));
    let (code, out) = container.exec(&[], &["/lastout", "health"]);
    assert_eq!(code, 1, "{out}");
    assert!(out.starts_with("bad: "), "{out}");
}

#[test]
fn root_from_outside_finds_a_lastout_of_another_user_and_on_a_read_only_root() {
    for options in [
        &["--user", "4711"][..],
        &["--read-only"],
        &["--user", "4711", "--read-only", "--cap-drop", "ALL"],
    ] {
        let container = image("").run(options, &[]);
        container.wait_for_line("web: started");
        for user in [&[][..], &["--user", "0"]] {
            let (code, out) = container.exec(user, &["/lastout", "status"]);
            assert_eq!(code, 0, "{options:?} {user:?}: {out}");
        }
        let (code, out) = container.exec(&["--user", "99"], &["/lastout", "status"]);
        assert!(code == 1 || code == 4, "{options:?}: {code} {out}");
        assert_eq!(out.lines().count(), 1, "{out}");
    }
}
