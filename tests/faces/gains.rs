//! What the faces have that the originals lack, and catatonit's pause.

#![expect(clippy::disallowed_methods, reason = "a test may block")]

use std::process::Command;
use std::time::Duration;

use lastout_harness::namespace::Setup;
use lastout_harness::{binaries, wait_until};

use super::{INITS, face, original, said, with_probe};

/// STOP-1: who is left behind is told, and has its time. The kernel kills it under the
/// originals, the moment that they leave.
#[test]
fn stop_1_who_is_left_behind_is_told_and_waited_for() {
    let probe = binaries::probe();
    let words = with_probe(
        &[],
        &probe,
        &["daemon", "--name", "the daemon", "--after", "300ms"],
    );
    for init in INITS {
        let told = String::from("the daemon: got SIGTERM, leaving");
        let with_face = said(Setup::new(&words).program(face(init)));
        assert_eq!(with_face.status, 0);
        assert!(with_face.out.contains(&told), "{init}: {with_face:?}");
        assert_eq!(with_face.err, Vec::<String>::new(), "{init}");
        let with_original = said(Setup::new(&words).program(original(init)));
        assert!(
            !with_original.out.contains(&told),
            "{init}: {with_original:?}"
        );
    }
}

/// As the originals, a face is silent. That somebody had to be killed is a warning, which
/// tini shows and the two others with their debug option.
#[test]
fn who_does_not_leave_is_killed_and_told_of() {
    let probe = binaries::probe();
    let words = ["daemon", "--name", "d", "--ignore-term"];
    for (init, variable, warning) in [
        (
            "tini",
            ("TINI_VERBOSITY", "1"),
            "[WARN  tini (1)] Killed probe (pid ",
        ),
        (
            "dumb-init",
            ("DUMB_INIT_DEBUG", "1"),
            "[dumb-init] Killed probe (pid ",
        ),
        (
            "catatonit",
            ("CATATONIT_DEBUG", "1"),
            "WARN (catatonit:1): killed probe (pid ",
        ),
    ] {
        let words = with_probe(&[], &probe, &words);
        let setup = Setup::new(&words).program(face(init));
        let setup = setup.environment("LASTOUT_STOP_TIMEOUT", "300ms");
        let said = said(setup.environment(variable.0, variable.1));
        assert_eq!(said.status, 0, "{init}");
        assert!(
            said.err.iter().any(|line| line.starts_with(warning)),
            "{said:?}"
        );
    }
}

/// TERM has no effect on who is stopped, until CONT (STOP-2).
#[test]
fn stop_2_a_stopped_command_can_act_on_term() {
    let probe = binaries::probe();
    for init in INITS {
        let words = with_probe(&[], &probe, &["stop-self", "--name", "it"]);
        let mut run = Setup::new(&words).program(face(init)).start();
        wait_until("it is stopped", || {
            run.processes().iter().any(|process| process.state == 'T')
        });
        let _ = run.stop(15);
    }
}

/// The kernel reaps for who ignores SIGCHLD, and tells nobody: tini and catatonit wait for
/// ever, and swallow TERM.
#[test]
fn pid_9_sigchld_ignored_at_the_start_does_no_harm() {
    let probe = binaries::probe();
    let words = with_probe(&[], &probe, &["exit", "7"]);
    let odd = |setup: Setup| setup.launch(&["--ignore", "CHLD"]);
    for init in INITS {
        assert_eq!(
            said(odd(Setup::new(&words).program(face(init)))).status,
            7,
            "{init}"
        );
    }
    // catatonit gives up where its command has ended before it looks for the first time.
    let words = with_probe(&[], &probe, &["notify", "say:here", "until:USR1", "exit:7"]);
    for init in ["tini", "catatonit"] {
        let mut run = odd(Setup::new(&words).program(original(init))).start();
        run.wait_for_line("notify: here");
        run.signal(libc::SIGUSR1);
        wait_until("its command is gone", || run.processes().len() == 1);
        lastout_harness::let_pass(Duration::from_millis(300));
        assert!(!run.has_ended(), "{init} got better: mend docs/faces.md");
    }
}

/// tini takes a closed stdin for a terminal that fails.
#[test]
fn pid_9_stdin_closed_at_the_start_does_no_harm() {
    let probe = binaries::probe();
    let words = with_probe(&[], &probe, &["exit", "7"]);
    let odd = |setup: Setup| setup.launch(&["--close", "0"]);
    for init in INITS {
        assert_eq!(
            said(odd(Setup::new(&words).program(face(init)))).status,
            7,
            "{init}"
        );
        let by_original = said(odd(Setup::new(&words).program(original(init))));
        let expected = if init.starts_with("tini") { 1 } else { 7 };
        assert_eq!(by_original.status, expected, "{init}");
    }
}

/// What comes in the first moments is held until the command can take it (SIG-4). With
/// a group or a session of its own the originals send it to nobody.
#[test]
fn sig_4_nothing_is_lost_in_the_first_milliseconds() {
    let probe = binaries::probe();
    for (init, option) in [("tini", "-g"), ("dumb-init", "-r1:1"), ("catatonit", "-g")] {
        for _ in 0..10 {
            let words = with_probe(&[option], &probe, &["last-words"]);
            // Blocked from before its first instruction, as only an init can be that is
            // started by another one: so it cannot be the kernel who loses it.
            let setup = Setup::new(&words).program(face(init));
            let setup = setup.as_subreaper().launch(&["--block", "TERM"]);
            let mut run = setup.start();
            let (status, _) = run.stop(15);
            // Its mask is the command's too; dumb-init's is empty.
            assert!([0, 143].contains(&status), "{init}: {status}");
        }
    }
}

#[test]
fn catatonit_pauses() {
    for (init, reaches_zero) in [(original("catatonit"), true), (face("catatonit"), true)] {
        for number in [2, 15] {
            let mut run = Setup::new(&["-P"]).program(&init).start();
            wait_until("it catches signals", || {
                [number, libc::SIGCHLD]
                    .iter()
                    .all(|number| caught_or_blocked(run.pid(), *number))
            });
            // Others mean nothing.
            run.signal(10);
            run.signal(1);
            orphan_in(run.pid());
            wait_until("the orphan is reaped", || run.processes().len() == 1);
            assert!(!run.has_ended());
            let (status, _) = run.stop(number);
            assert_eq!(status == 0, reaches_zero, "{init:?} {number}");
            assert_eq!(run.lines().text(), "");
        }
    }
}

/// STOP-1 in a pod: whoever is there when the pause ends.
#[test]
fn stop_1_the_pause_tells_who_is_there() {
    let mut run = Setup::new(&["-P"]).program(face("catatonit")).start();
    wait_until("it blocks signals", || caught_or_blocked(run.pid(), 15));
    let script = "trap 'sleep 0.2; exit 0' TERM; sleep 60 & wait";
    let mut child = enter(run.pid(), &["sh", "-c", script]).spawn().unwrap();
    wait_until("it is there", || {
        run.processes().iter().any(|p| p.name == "sleep")
    });
    assert_eq!(run.stop(15).0, 0);
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(0), "it was killed");
}

/// Leaves an orphan in that namespace, which ends at once.
fn orphan_in(pid: i32) {
    let status = enter(pid, &["sh", "-c", "(sleep 0.05 &)"])
        .status()
        .unwrap();
    assert!(status.success());
}

fn enter(pid: i32, command: &[&str]) -> Command {
    let mut enter = Command::new("nsenter");
    enter
        .args(["--target", &pid.to_string(), "--pid", "--"])
        .args(command);
    enter
}

fn caught_or_blocked(pid: i32, number: i32) -> bool {
    let has = |set| lastout_harness::sight::has_signal(pid, set, number);
    has("SigBlk") || has("SigCgt")
}
