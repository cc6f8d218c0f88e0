//! PID-3 on a real engine: the ways in which containers are made poorer.

use lastout_harness::engine::{Container, Image};
use lastout_harness::must;

use crate::{TWO, assert_two_left, wait_for_two};

/// Each alone, and all together.
const WAYS: [&[&str]; 7] = [
    &["--user", "4711"],
    &["--user", "4711:4712"],
    &["--user", "1234:0"],
    &["--read-only"],
    &["--cap-drop", "ALL"],
    &["--security-opt", "no-new-privileges"],
    &[
        "--user",
        "4711:0",
        "--read-only",
        "--cap-drop",
        "ALL",
        "--security-opt",
        "no-new-privileges",
        "--network",
        "none",
        "--pids-limit",
        "20",
    ],
];

fn configured(options: &[&str]) -> Container {
    let text = TWO.replace("PROBE", "/probe");
    let files = [("etc/lastout/supervisor.toml", text.as_str())];
    Image::with(&files, "ENTRYPOINT [\"/lastout\"]").run(options, &[])
}

fn command(options: &[&str], words: &[&str]) -> Container {
    Image::plain().run(options, &[&["/lastout", "--", "/probe"], words].concat())
}

#[test]
fn pid_3_a_command_runs_and_its_status_is_given_in_every_poor_container() {
    for options in WAYS {
        let container = command(options, &["exit", "7"]);
        assert_eq!(container.wait(), 7, "{options:?}: {}", container.logs());
        assert_eq!(container.logs(), "", "{options:?}");
    }
}

#[test]
fn pid_3_a_configuration_runs_and_is_stopped_in_every_poor_container() {
    for options in WAYS {
        let container = configured(options);
        wait_for_two(container.lines());
        container.stop();
        assert_eq!(container.wait(), 0, "{options:?}: {}", container.logs());
        assert_two_left(container.lines());
    }
}

#[test]
fn pid_3_in_every_poor_container_a_daemon_belongs_to_its_program() {
    for options in WAYS {
        let container = configured(options);
        wait_for_two(container.lines());
        container.stop();
        let told = "first: told its probe";
        let logs = container.logs();
        assert!(logs.contains(told), "{options:?}: {logs}");
    }
}

#[test]
fn pid_3_an_arbitrary_uid_is_the_programs_uid() {
    let container = command(&["--user", "1234:0"], &["state"]);
    assert_eq!(container.wait(), 0);
    for line in ["uid 1234 1234", "gid 0 0"] {
        assert!(container.lines().has(line), "{line}: {}", container.logs());
    }
}

#[test]
fn pid_3_as_an_arbitrary_uid_the_user_of_a_program_is_no_error() {
    // Platforms give containers arbitrary uids, and the same file must serve.
    let text =
        "[program.it]\nuser = \"4000:4000\"\ncommand = [\"/probe\", \"state\", \"--stay\"]\n";
    let files = [("etc/lastout/supervisor.toml", text)];
    let image = Image::with(&files, "ENTRYPOINT [\"/lastout\"]");
    let container = image.run(&["--user", "1234:0"], &[]);
    container.wait_for_line("uid 1234 1234");
    container.stop();
    assert_eq!(container.wait(), 0);
}

#[test]
fn pid_3_with_all_capabilities_dropped_another_users_program_fails_and_says_why() {
    let text = "
        [program.it]
        user = \"4000:4000\"
        command = [\"/probe\", \"last-words\"]
        startretries = 0
        ";
    let files = [("etc/lastout/supervisor.toml", text)];
    let image = Image::with(&files, "ENTRYPOINT [\"/lastout\"]");
    let container = image.run(&["--cap-drop", "ALL"], &[]);
    assert_ne!(container.wait(), 0, "{}", container.logs());
    let logs = container.logs();
    assert!(logs.contains("Operation not permitted"), "{logs}");
    // The child that failed is nobody who was left behind.
    assert!(!logs.contains("stray"), "{logs}");
}

#[test]
fn pid_3_a_low_limit_of_descriptors_of_an_engine_is_enough() {
    // The engine itself needs more than eight.
    for limit in ["12:12", "16:16"] {
        let option = format!("nofile={limit}");
        let container = configured(&["--ulimit", &option]);
        wait_for_two(container.lines());
        container.stop();
        assert_eq!(container.wait(), 0, "{limit}: {}", container.logs());
        assert_two_left(container.lines());
    }
}

/// A profile that allows everything but these, which get this error.
fn profile(calls: &[&str], errno: i32) -> String {
    let names: Vec<String> = calls.iter().map(|call| format!("\"{call}\"")).collect();
    format!(
        r#"{{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {{"names": [{}], "action": "SCMP_ACT_ERRNO", "errnoRet": {errno}}}]}}"#,
        names.join(", ")
    )
}

/// A container under such a profile; the client reads the file when it starts it.
fn without(calls: &[&str], errno: i32) -> Container {
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let name = format!("lastout-profile-{}-{count}", std::process::id());
    let file = std::env::temp_dir().join(name);
    must(
        std::fs::write(&file, profile(calls, errno)),
        "write a profile",
    );
    let text = TWO.replace("PROBE", "/probe");
    let files = [("etc/lastout/supervisor.toml", text.as_str())];
    let image = Image::with(&files, "ENTRYPOINT [\"/lastout\", \"-v\"]");
    let option = format!("seccomp={}", file.display());
    let container = image.run(&["--security-opt", &option], &[]);
    let _ = std::fs::remove_file(&file);
    container
}

/// Everybody leaves gracefully without these system calls, whatever the error is.
fn assert_works_without(calls: &[&str]) {
    for errno in [libc::ENOSYS, libc::EPERM] {
        let container = without(calls, errno);
        wait_for_two(container.lines());
        container.stop();
        assert_eq!(container.wait(), 0, "{calls:?}: {}", container.logs());
        assert_two_left(container.lines());
    }
}

#[test]
fn pid_3_without_pidfds_everybody_is_told_and_it_is_said_once() {
    for errno in [libc::ENOSYS, libc::EPERM] {
        let container = without(&["pidfd_open", "pidfd_send_signal"], errno);
        wait_for_two(container.lines());
        container.stop();
        assert_eq!(container.wait(), 0, "{}", container.logs());
        assert_two_left(container.lines());
        let said = container.lines().count("going without pidfds");
        assert_eq!(said, 1, "{}", container.logs());
    }
}

#[test]
fn pid_3_without_clone3_programs_are_started() {
    assert_works_without(&["clone3"]);
}

#[test]
fn pid_3_without_close_range_programs_are_started() {
    assert_works_without(&["close_range"]);
}

#[test]
fn pid_3_without_marks_everybody_is_told() {
    assert_works_without(&["prlimit64", "setrlimit"]);
}

#[test]
fn pid_3_without_a_signalfd_the_stop_is_graceful() {
    assert_works_without(&["signalfd", "signalfd4"]);
}

#[test]
fn pid_3_without_what_newer_kernels_have_all_works() {
    assert_works_without(&[
        "pidfd_open",
        "pidfd_send_signal",
        "clone3",
        "close_range",
        "epoll_pwait2",
        "openat2",
        "faccessat2",
        "statx",
        "getrandom",
        "io_uring_setup",
        "rseq",
        "membarrier",
        "pwritev2",
    ]);
}

#[test]
fn pid_3_control_groups_that_cannot_be_written_are_said_once() {
    let container = without(&["io_uring_setup"], libc::ENOSYS);
    wait_for_two(container.lines());
    container.stop();
    let said = container.lines().count("going without control groups");
    assert_eq!(said, 1, "{}", container.logs());
}
