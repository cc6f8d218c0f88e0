//! From `docker exec`, and as a HEALTHCHECK in an image FROM scratch.

use lastout_harness::engine::{Container, Image};
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
    assert!(
        out.starts_with("bad: BACKOFF, its command was not found, next try in "),
        "{out}"
    );
    // Who looks for the reason from outside has it without asking.
    let log = container.inspect("{{range .State.Health.Log}}{{.Output}}{{end}}");
    assert!(
        log.contains("bad: BACKOFF, its command was not found"),
        "{log}"
    );
}

#[test]
fn readers_may_ask_from_docker_exec_and_others_are_told_why_not() {
    let file = ["[control]\nreaders = [\"65534\"]\n", FILE].concat();
    let files = [("etc/lastout/supervisor.toml", file.as_str())];
    let image = Image::with(&files, "ENTRYPOINT [\"/lastout\"]\n");
    // Where nothing can be written the socket has no path.
    for options in [&["--tmpfs", "/run"][..], &["--read-only"]] {
        let container = image.run(options, &[]);
        container.wait_for_line("web: started");
        let run = |uid, words: &[&str]| container.exec(&["--user", uid], words);
        let (code, out) = run("65534", &["/lastout", "status", "web"]);
        assert_eq!(code, 0, "{options:?}: {out}");
        for (uid, words, expected) in [
            (
                "65534",
                &["/lastout", "stop", "web"][..],
                "lastout: a reader may not stop; ",
            ),
            (
                "99",
                &["/lastout", "status"],
                "lastout: user 99 may not talk to lastout; ",
            ),
        ] {
            let (code, out) = run(uid, words);
            assert_eq!(code, 1, "{options:?} {uid}: {out}");
            assert!(out.starts_with(expected), "{options:?} {uid}: {out}");
        }
    }
}

#[test]
fn who_finds_no_socket_or_may_not_use_it_is_told_what_would_be_right() {
    let image = image("");
    let container = image.run(&["--tmpfs", "/run"], &[]);
    container.wait_for_line("web: started");
    let (code, out) = container.exec(&["--user", "99"], &["/lastout", "status"]);
    assert_eq!(code, 4, "{out}");
    let forbidden = "looked at /run/lastout/control.sock: Permission denied; ";
    assert!(out.contains(forbidden), "{out}");
    let who = "(root, lastout's own user and [control] readers may ask)";
    assert!(out.trim_end().ends_with(who), "{out}");
    let container = image.run(&[], &["--", "/leaves-on-term"]);
    let (code, out) = container.exec(&[], &["/lastout", "status"]);
    assert_eq!(code, 4, "{out}");
    let control = "; a single command has none without --control)";
    assert!(out.trim_end().ends_with(control), "{out}");
}

#[test]
fn a_docker_stop_ends_those_that_wait_and_those_that_follow() {
    let container = image("").run(&[], &[]);
    container.wait_for_line("web: started");
    std::thread::scope(|scope| {
        // Also where something fails before: else the clients would be waited for.
        let stops = Stops(&container);
        let begin = |words: &'static [&str]| scope.spawn(|| container.exec(&[], words));
        let start = begin(&["/lastout", "start", "bad"]);
        // Who waits for what nobody has asked for is told so, and does not wait.
        container.wait_for_line("bad: starts again in");
        let wait = &["/lastout", "wait", "bad", "--for", "running"];
        let hanging = [start, begin(wait), begin(&["/lastout", "events", "-f"])];
        wait_until("all of them are there", || {
            let (_, out) = container.exec(&[], &["/lastout", "tree"]);
            // And the one who asks.
            out.matches(" lastout\n").count() == hanging.len() + 1
        });
        drop(stops);
        for client in hanging {
            // It is told to end as all in a container are, or answered before.
            let Ok((code, out)) = client.join() else {
                panic!("a client was not started");
            };
            assert!(code == 143 || code == 1, "{code} {out}");
        }
    });
    assert_eq!(container.wait(), 0);
}

/// A container that is stopped at the end of a scope.
struct Stops<'a>(&'a Container);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
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
