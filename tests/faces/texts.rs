//! Command lines, variables, texts and exit statuses.

use lastout_harness::binaries;
use lastout_harness::namespace::Setup;

use super::{Said, as_pid_1, both};

/// Files of a strange kind, for both to run: text without `#!`, and a script whose
/// interpreter is not there.
fn strange_files() -> [String; 2] {
    let files = [("text", "echo text: $0 $1\n"), ("orphan", "#!/no/such\n")];
    files.map(|(name, content)| {
        let path = super::folder("faces").join(name);
        let fresh = path.with_extension(format!("{:?}", std::thread::current().id()));
        binaries::write_executable(&fresh, content.as_bytes(), 0o755);
        std::fs::rename(&fresh, &path).unwrap();
        path.display().to_string()
    })
}

fn same(name: &str, arguments: &[&str]) {
    let [original, face] = as_pid_1(name, arguments);
    assert_eq!(face, original, "{name} {arguments:?}");
}

fn same_with(name: &str, arguments: &[&str], variables: &[(&str, &str)]) {
    let [original, face] = with(name, arguments, variables);
    assert_eq!(face, original, "{variables:?} {name} {arguments:?}");
}

/// The same lines, whatever their order: dumb-init and its child say them at once.
fn same_lines(name: &str, arguments: &[&str], variables: &[(&str, &str)]) {
    let [original, face] = with(name, arguments, variables).map(Said::sorted);
    assert_eq!(face, original, "{variables:?} {name} {arguments:?}");
}

fn with(name: &str, arguments: &[&str], variables: &[(&str, &str)]) -> [Said; 2] {
    both(name, arguments, |mut setup| {
        for (variable, value) in variables {
            setup = setup.environment(variable, value);
        }
        setup
    })
}

/// What a failure is made of, for all of them: not found, not allowed, no program.
fn same_failures(name: &str, options: &[&str]) {
    let [text, orphan] = strange_files();
    for file in [
        "no-such",
        "/no/such",
        "/etc",
        "/etc/passwd",
        "/etc/passwd/x",
        "",
    ] {
        same(name, &[options, &[file]].concat());
    }
    same(name, &[options, &[&text, "word"]].concat());
    same(name, &[options, &[&orphan]].concat());
}

/// The command's own end, for all of them.
fn same_ends(name: &str, options: &[&str]) {
    let probe = binaries::probe();
    for words in [
        ["exit", "0"],
        ["exit", "7"],
        ["exit", "255"],
        ["kill-self", "TERM"],
        ["kill-self", "KILL"],
    ] {
        same(name, &super::with_probe(options, &probe, &words));
    }
}

#[test]
fn tini_reads_its_command_line() {
    let lines: [&[&str]; 31] = [
        &[],
        &["-h"],
        &["-vh"],
        &["--"],
        &["--version"],
        &["--version", "true"],
        &["-s", "--version"],
        &["--help"],
        &["-z", "true"],
        &["-p"],
        &["-e"],
        &["true", "-z"],
        &["sh", "-c", "exit 3"],
        &["--", "sh", "-c", "exit 3"],
        &["sh", "--", "-c", "exit 3"],
        &["-g", "true"],
        &["-sgw", "true"],
        &["-", "true"],
        &["-e", "3", "--", "sh", "-c", "exit 3"],
        &["-e3", "-e", "4", "--", "sh", "-c", "exit 4"],
        &["-e", "137", "--", "sh", "-c", "kill -9 $$"],
        &["-e", "127", "no-such"],
        &["-e", "0", "true"],
        &["-e", "", "true"],
        &["-e", "256", "true"],
        &["-e", "-1", "true"],
        &["-e", "1x", "true"],
        &["-p", "SIGKILL", "true"],
        &["-p", "KILL", "true"],
        &["-p", "9", "true"],
        &["-p", "SIGPWR", "true"],
    ];
    for name in ["tini", "tini-static", "docker-init"] {
        for line in lines {
            same(name, line);
        }
    }
}

#[test]
fn tini_fails_as_tini() {
    same_failures("tini", &[]);
    same_ends("tini", &[]);
}

/// A script that leaves orphans that end like this, one after the other, and ends itself
/// when they were reaped and the init waits again: who finds two of the dead at once says
/// less. Each ends when its parent is gone, which could reap it otherwise. All wait without
/// a process of their own, whose number another would not have.
///
/// That it waits is seen by the call that it is in. Its state S is not enough: who asks
/// for the dead is in that state while it takes one out of /proc.
fn leaves(ends: &[&str]) -> String {
    const GONE: &str = "; do :; done;";
    // Those of tini and dumb-init, of catatonit, and ours.
    let calls = [
        libc::SYS_rt_sigtimedwait,
        libc::SYS_read,
        libc::SYS_epoll_pwait,
    ]
    .map(|call| format!("test $call = {call}"))
    .join(" || ");
    let waits = format!("until read call rest </proc/1/syscall; {calls}{GONE}");
    let orphans = ends.iter().map(|end| {
        let orphan = format!("test $PPID = 1 || while test -e /proc/$PPID{GONE} {end}");
        format!(
            "one=$(sh -c '{orphan}' >/dev/null & echo $!); \
             while test -e /proc/$one{GONE} {waits} "
        )
    });
    orphans.collect::<String>() + "exit 4"
}

#[test]
fn tini_says_as_much_as_it_is_asked_to() {
    let orphan = &leaves(&["exit 3"]);
    let [text, _] = strange_files();
    for options in ["-v", "-vv", "-vvv", "-w", "-wvvv", "-vvvs"] {
        for command in [orphan, "kill -9 $$"] {
            // Each time that it looks, once a second, and it wakes up just for that.
            let looks = ["No child to reap"];
            let [original, face] = as_pid_1("tini", &[options, "--", "sh", "-c", command])
                .map(|said| said.without(&looks));
            assert_eq!(face, original, "{options} {command}");
        }
        // What it says on stdout is written late, behind what its command says.
        let [original, face] = as_pid_1("tini", &[options, "--", &text]).map(Said::sorted);
        assert_eq!(face, original, "{options}");
    }
    // Its child says its lines once more, since it leaves with those that are not written yet.
    let [original, face] = as_pid_1("tini", &["-vvvs", "--", "no-such"]);
    let ours = |line: &String| face.out.contains(line) || line.contains("tcsetpgrp failed");
    assert!(original.out.iter().all(ours), "{original:?} {face:?}");
    assert_eq!((face.status, face.err), (original.status, original.err));
}

#[test]
fn tini_reads_its_variables() {
    for value in ["", "0", "1"] {
        same_with("tini", &["-vvv", "true"], &[("TINI_SUBREAPER", value)]);
        same_with(
            "tini",
            &["-vvv", "true"],
            &[("TINI_KILL_PROCESS_GROUP", value)],
        );
    }
    for value in ["", "0", "1", "3", "4x", "x", "-1"] {
        same_with("tini", &["-v", "true"], &[("TINI_VERBOSITY", value)]);
        same_with("tini", &["-vvvw", "true"], &[("TINI_VERBOSITY", value)]);
    }
    same_with("tini", &["-vvv", "no-such"], &[("TINI_VERBOSITY", "0")]);
    same_with("tini", &["sh", "-c", "exit 3"], &[("POSIXLY_CORRECT", "")]);
}

#[test]
fn tini_warns_when_it_is_neither_pid_1_nor_a_subreaper() {
    let not_pid_1 = |setup: Setup| setup.as_subreaper();
    for arguments in [
        &["true"][..],
        &["-s", "true"],
        &["-vvvs", "true"],
        &["no-such"],
    ] {
        let [original, face] = both("tini", arguments, not_pid_1);
        let [original, face] =
            [original, face].map(|said| said.without(&["tcsetpgrp", "parent: "]));
        if arguments == ["-vvvs", "true"] {
            assert!(
                face.out.iter().any(|line| line.contains("Registered")),
                "{face:?}"
            );
        }
        assert_eq!(face, original, "{arguments:?}");
    }
    let [original, face] = both("tini", &["true"], |setup| {
        setup.as_subreaper().environment("TINI_VERBOSITY", "0")
    })
    .map(|said| said.without(&["parent: "]));
    assert_eq!(face, original);
}

#[test]
fn dumb_init_reads_its_command_line() {
    let lines: [&[&str]; 37] = [
        &[],
        &["-h"],
        &["--help"],
        &["-V"],
        &["--version"],
        &["-vV"],
        &["--"],
        &["-v", "--"],
        &["-z", "true"],
        &["--zzz", "true"],
        &["--zzz=1", "true"],
        &["--h"],
        &["--ver"],
        &["--ve=1"],
        &["--help=1"],
        &["--rewrite"],
        &["-r"],
        &["-r", "1", "true"],
        &["-r", "1:", "true"],
        &["-r", "1:x", "true"],
        &["-r", "x:1", "true"],
        &["-r", "0:1", "true"],
        &["-r", "32:1", "true"],
        &["-r", "1:32", "true"],
        &["-r", "1:-1", "true"],
        &["-r", "1 :2", "true"],
        &["-r", " 1: 2", "true"],
        &["-r", "1:2x", "true"],
        &["-r1:0", "true"],
        &["--rew=1:2", "--rewrite", "3:4", "true"],
        &["-c", "true"],
        &["--single-child", "true"],
        &["sh", "-c", "exit 3"],
        &["--", "sh", "-c", "exit 3"],
        &["true", "-z"],
        &["+v", "true"],
        &["-", "true"],
    ];
    for line in lines {
        same("dumb-init", line);
    }
}

#[test]
fn dumb_init_fails_as_dumb_init() {
    same_failures("dumb-init", &[]);
    same_failures("dumb-init", &["-c"]);
    same_ends("dumb-init", &[]);
    same_ends("dumb-init", &["-c"]);
}

#[test]
fn dumb_init_says_what_it_does() {
    let orphan = &leaves(&["exit 3"]);
    let options: [&[&str]; 5] = [
        &["-v"],
        &["-vc"],
        &["-v", "-r", "15:2"],
        &["-v", "-r15:0"],
        &["-v", "-r", "20:0"],
    ];
    for options in options {
        for command in [orphan, "kill -9 $$"] {
            same_lines(
                "dumb-init",
                &[options, &["sh", "-c", command]].concat(),
                &[],
            );
        }
    }
    // That the command cannot be run is said by lastout and not by the child, and so
    // after the news that a child has ended.
    let [original, face] = as_pid_1("dumb-init", &["-v", "no-such"]).map(Said::sorted);
    assert_eq!(face, original);
}

#[test]
fn dumb_init_reads_its_variables() {
    for (name, value) in [
        ("DUMB_INIT_DEBUG", "1"),
        ("DUMB_INIT_DEBUG", "0"),
        ("DUMB_INIT_DEBUG", ""),
        ("DUMB_INIT_SETSID", "0"),
        ("DUMB_INIT_SETSID", "1"),
    ] {
        for arguments in [&["true"][..], &["-v", "true"], &[]] {
            same_lines("dumb-init", arguments, &[(name, value)]);
        }
    }
    let both = [("DUMB_INIT_DEBUG", "1"), ("DUMB_INIT_SETSID", "0")];
    same_lines("dumb-init", &["true"], &both);
}

#[test]
fn catatonit_reads_its_command_line() {
    let lines: [&[&str]; 19] = [
        &[],
        &["-h"],
        &["-V"],
        &["--version"],
        &["--v"],
        &["--version=1"],
        &["-Vh"],
        &["--"],
        &["-z", "true"],
        &["--zzz"],
        &["--help"],
        &["--", "true"],
        &["-g", "true"],
        &["true", "-g"],
        &["true", "-z"],
        &["sh", "-c", "exit 3"],
        &["--", "sh", "-c", "exit 3"],
        &["sh", "--", "-c", "exit 3"],
        &["-", "true"],
    ];
    for name in ["catatonit", "podman-init"] {
        for line in lines {
            same(name, line);
        }
    }
}

#[test]
fn catatonit_fails_as_catatonit() {
    same_failures("catatonit", &[]);
    same_ends("catatonit", &[]);
}

#[test]
fn catatonit_reads_its_variables() {
    same_with("catatonit", &["true"], &[("CATATONIT_LOG", "")]);
    // How its child comes to a terminal is not lastout's way.
    // That it was started is written in pieces, between which those of its child come.
    let of_the_child = [
        "using stdin as tty fd",
        "setting foreground process failed",
        "spawned: ",
    ];
    let orphan = &leaves(&["exit 3", "kill -9 $$"]);
    for arguments in [&["no-such"][..], &["true"], &["--", "sh", "-c", orphan]] {
        let [original, face] = both("catatonit", arguments, |setup| {
            setup.environment("CATATONIT_DEBUG", "")
        })
        .map(|said| said.without(&of_the_child).without_empty().sorted());
        assert_eq!(face, original, "{arguments:?}");
    }
}

/// A licence is what its owner grants, and lastout is none of these programs.
#[test]
fn the_licence_is_lastouts_own() {
    for (name, option) in [("tini", "-l"), ("catatonit", "-L")] {
        let [original, face] = as_pid_1(name, &[option]);
        assert_eq!((original.status, face.status), (0, 0));
        assert!(face.out.concat().contains("lastout"), "{face:?}");
        assert!(face.err.is_empty() && original.err.is_empty());
    }
}

/// A copy serves as well as a link, and another name is lastout itself.
#[test]
fn a_copy_has_the_face_of_its_name() {
    let copy = super::folder("copies").join("tini");
    binaries::install(&binaries::in_images("lastout"), &copy, 0o755);
    let version = super::said(Setup::new(&["--version"]).program(&copy));
    assert_eq!(version.out, ["tini version 0.19.0"]);
    let other = super::link(&super::folder("faces").join("tini2"), &binaries::lastout());
    let version = super::said(Setup::new(&["--version"]).program(other));
    assert!(version.out.concat().starts_with("lastout "), "{version:?}");
}
