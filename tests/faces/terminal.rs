//! With a terminal, as `docker run -it` gives one.

use lastout_harness::binaries;
use lastout_harness::namespace::Setup;
use lastout_harness::terminal::CTRL_C;

use super::{INITS, Said, face, original, said, with_probe};

/// What the probe says of its session, its group and the terminal's.
fn state(init: &std::path::Path) -> Said {
    let probe = binaries::probe();
    let words = with_probe(&[], &probe, &["state"]);
    let mut said = said(Setup::new(&words).program(init).on_a_terminal());
    said.out.retain(|line| {
        [
            "pid ",
            "process-group ",
            "session ",
            "foreground-group ",
            "window ",
        ]
        .iter()
        .any(|key| line.starts_with(key))
    });
    said
}

#[test]
fn the_command_has_the_terminal_as_under_the_original() {
    for init in INITS {
        let by_face = state(&face(init));
        assert_eq!(by_face, state(&original(init)), "{init}");
        assert_eq!(by_face.out.len(), 5, "{by_face:?}");
    }
}

#[test]
fn ctrl_c_comes_once() {
    for init in INITS {
        for path in [original(init), face(init)] {
            let probe = binaries::probe();
            let words = with_probe(&[], &probe, &["signals", "--ends-on", "QUIT"]);
            let mut run = Setup::new(&words).program(&path).on_a_terminal().start();
            run.wait_for_line("signals: ready");
            run.terminal().types(CTRL_C);
            run.wait_for_line("got SIGINT");
            let _ = run.stop(3);
            assert!(run.lines().has("total SIGINT 1"), "{}", run.lines().text());
            // The hangup of the session that lost the terminal is nobody's business.
            assert!(!run.lines().has("SIGHUP"), "{}", run.lines().text());
        }
    }
}
