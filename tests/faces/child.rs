//! What the command starts with, and where its init is meanwhile.

use std::path::PathBuf;

use lastout_harness::namespace::Setup;
use lastout_harness::{binaries, wait_until};

use super::{INITS, Said, both, face, original, with_probe};

/// Something of each kind that is inherited.
const ODD: [&str; 12] = [
    "--ignore",
    "HUP",
    "--ignore",
    "USR2",
    "--block",
    "USR1",
    "--block",
    "RTMIN+3",
    "--open",
    "5:/etc/passwd",
    "--umask",
    "27",
];

/// What a probe says of how it was started, without the limits, one of which has lastout's
/// mark and lost its effect with Linux 2.4, and without what the test itself
/// adds: its pipes, and the parent of who is not PID 1.
fn states(init: &str, options: &[&str], odd: impl Fn(Setup) -> Setup) -> [Said; 2] {
    let probe = binaries::probe();
    let words = with_probe(options, &probe, &["state", "word"]);
    both(init, &words, |setup| {
        odd(setup.launch(&ODD).environment("SOME", "thing"))
    })
    .map(|said| said.without(&["limit ", " pipe ", "parent: "]))
}

#[test]
fn the_command_starts_as_under_the_original() {
    for init in INITS {
        for as_pid_1 in [true, false] {
            let odd = |setup: Setup| {
                if as_pid_1 {
                    setup
                } else {
                    setup.as_subreaper()
                }
            };
            let [mut original, face] = states(init, &[], odd);
            if init == "catatonit" {
                // It blocks three more in its command and all that come after it, and
                // Ctrl-Z is dead for them.
                for line in &mut original.out {
                    *line = line.replace("SIGTSTP,SIGTTIN,SIGTTOU,", "");
                }
            }
            assert_eq!(face, original, "{init}, as PID 1: {as_pid_1}");
        }
    }
}

/// dumb-init leaves its single child in its own group, where Ctrl-C tells it twice: once
/// by the terminal, once by dumb-init. lastout gives it a group.
#[test]
fn a_single_child_has_a_group() {
    let [original, face] = states("dumb-init", &["-c"], |setup| setup);
    let [original, face] = [original, face].map(|said| said.without(&["process-group "]));
    assert_eq!(face, original);
}

/// LISTEN_PID is who gets the sockets: catatonit makes it the command's pid, and so does
/// lastout under every name.
#[test]
fn sockets_are_the_commands() {
    for init in INITS {
        let [original, face] = states(init, &[], |setup| setup.environment("LISTEN_PID", "1"));
        let line = String::from("environment LISTEN_PID=2");
        assert!(face.out.contains(&line), "{face:?}");
        assert_eq!(original.out.contains(&line), init == "catatonit");
    }
}

#[test]
fn what_is_no_business_of_the_init_it_lets_go() {
    // catatonit leaves its directory since 0.2.1, and Debian has 0.1.7.
    for (init, of_original, of_face) in [
        ("tini", "/etc", "/etc"),
        ("dumb-init", "/", "/"),
        ("catatonit", "/etc", "/"),
    ] {
        for (path, directory) in [(original(init), of_original), (face(init), of_face)] {
            let probe = binaries::probe();
            let setup = Setup::new(&["--", &probe, "last-words"]).program(path);
            let run = setup.launch(&["--directory", "/etc"]).start();
            run.wait_for_line("last-words: ready");
            let own = || std::fs::read_link(format!("/proc/{}/cwd", run.pid())).ok();
            wait_until(&format!("{init} is in {directory}"), || {
                own() == Some(PathBuf::from(directory))
            });
        }
    }
}
