//! READY-1: what others say about a program is not heard.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::Command;

use lastout_harness::configuration::Configuration;
use lastout_harness::namespace::Run;
use lastout_harness::{binaries, must};

use crate::assert_never;

/// A web that tells its socket and waits; what is needed to know that is told.
const WAITS: &str = r#"
    [signals]
    USR1 = "forward:web"
    [program.web]
    command = ["sh", "-c", "echo web has the socket $NOTIFY_SOCKET; exec PROBE notify --name web say:here until:USR1 READY=1"]
    ready = "notify"
"#;

/// Where that is for somebody outside of its mounts.
fn seen_from_outside(run: &Run) -> String {
    format!("/proc/{}/root{}", run.pid(), socket_of(run))
}

fn socket_of(run: &Run) -> String {
    let key = "web has the socket ";
    run.wait_for_line(key)
        .text
        .trim_start_matches(key)
        .to_owned()
}

/// That it is heard in the end, and only then.
fn assert_hears_only_itself(run: &Run) {
    run.wait_for_line("web: here");
    assert_never(run, "lastout: web: ready");
    run.signal(libc::SIGUSR1);
    run.wait_for_line("lastout: web: ready");
}

#[test]
fn ready_1_another_program_speaks_for_itself_only() {
    let file = Configuration::new(&format!(
        r#"{WAITS}
        [program.other]
        command = ["sh", "-c", "systemd-notify --ready; exec PROBE last-words"]
        ready = "notify"
        "#
    ));
    let run = file.run_until(&["web has the socket ", "lastout: other: ready"]);
    assert_hears_only_itself(&run);
}

#[test]
fn ready_1_a_program_that_is_not_asked_is_not_heard() {
    let file = Configuration::new(&format!(
        r#"{WAITS}
        [program.other]
        command = ["sh", "-c", """
            test -z "$NOTIFY_SOCKET" && echo other has none
            until test -s FOLDER/socket; do sleep 0.01; done
            NOTIFY_SOCKET=$(cat FOLDER/socket) systemd-notify --ready && echo other has said it
            exec PROBE last-words"""]
        startsecs = 0
        "#
    ));
    let run = file.run_until(&["web has the socket ", "other has none"]);
    file.write("socket", &socket_of(&run));
    run.wait_for_line("other has said it");
    assert_hears_only_itself(&run);
}

/// As of a `docker exec` session: in the namespace, and nobody's child in there.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test may block")]
fn ready_1_a_stray_is_not_heard() {
    let file = Configuration::new(WAITS);
    let run = file.run_until(&["web has the socket "]);
    let target = run.pid().to_string();
    let probe = binaries::probe();
    let socket = format!("NOTIFY_SOCKET={}", socket_of(&run));
    let words = ["--mount", "--pid", "--target", &target, "env", &socket];
    for say in [
        &["systemd-notify", "--ready"][..],
        &[&probe, "notify", "READY=1", "exit:0"],
    ] {
        let status = Command::new("nsenter")
            .args([&words, say].concat())
            .status();
        let status = must(status, "nsenter");
        assert!(status.success(), "{say:?}: {status}");
    }
    run.lines()
        .wait_for_times("is ignored: it belongs to no program", 2);
    assert_hears_only_itself(&run);
}

#[test]
fn ready_1_who_is_outside_of_the_container_is_not_heard() {
    let file = Configuration::new(WAITS);
    let run = file.run_until(&["web has the socket "]);
    let socket = must(UnixDatagram::unbound(), "make a socket");
    must(socket.send_to(b"READY=1", seen_from_outside(&run)), "send");
    run.wait_for_line("are dropped that are empty");
    assert_hears_only_itself(&run);
}

#[test]
fn ready_1_the_socket_is_gone_with_lastout() {
    let file = Configuration::new(WAITS);
    let mut run = file.run_until(&["web has the socket "]);
    // The run's own file system is there as long as somebody has it open.
    let path = PathBuf::from(seen_from_outside(&run));
    let folder = path.parent().map(File::open);
    let folder = must(folder.expect("a folder"), "open the folder");
    let name = path.file_name().expect("a name");
    let seen = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name);
    assert!(seen.exists(), "{seen:?}");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert!(!seen.exists(), "{seen:?}");
}
