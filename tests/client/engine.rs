//! From `docker exec`, and as a HEALTHCHECK in an image FROM scratch.

use lastout_harness::engine::Image;
use lastout_harness::wait_until;

const FILE: &str = "[program.web]\ncommand = \"/probe wait\"\nstartsecs = 0\n\
    [program.bad]\ncommand = \"/probe wait\"\nautostart = false\n";

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
    container.pause();
    container.unpause();
    let (code, out) = container.exec(&[], &["/lastout", "start", "bad"]);
    assert_eq!((code, out.contains("bad: started in")), (0, true), "{out}");
    // Who has ended well for good is no trouble; who was killed and waits for its next try is.
    let _ = container.exec(&[], &["/lastout", "signal", "STOP", "web"]);
    let (code, _) = container.exec(&[], &["/lastout", "signal", "KILL", "bad"]);
    assert_eq!(code, 0);
    wait_until("it has noticed", || {
        let (code, out) = container.exec(&[], &["/lastout", "health"]);
        code == 0 || out.contains("bad: ")
    });
}

#[test]
fn root_from_outside_finds_a_lastout_of_another_user_and_on_a_read_only_root() {
    for options in [
        &["--user", "4711"][..],
        &["--read-only"],
        &["--user", "4711", "--read-only", "--cap-drop", "ALL"],
    ] {
        let container = image("").run(options, &[]);
        container.wait_for_line("web: running");
        for user in [&[][..], &["--user", "0"]] {
            let (code, out) = container.exec(user, &["/lastout", "status"]);
            assert_eq!(code, 0, "{options:?} {user:?}: {out}");
        }
        let (code, out) = container.exec(&["--user", "99"], &["/lastout", "status"]);
        assert!(code == 1 || code == 4, "{options:?}: {code} {out}");
        assert_eq!(out.lines().count(), 1, "{out}");
    }
}
