//! What becomes of signals that arrive.

use lastout_harness::namespace::{Run, Setup};
use lastout_harness::{binaries, wait_until};

use super::{both, face, original, with_probe};

/// The highest there is: of several that wait it is taken last.
const MARK: i32 = 64;
/// Ends the probe.
const LAST: i32 = 63;

/// What the original does not catch, since the kernel may send it for a fault: it is
/// lost where it is PID 1. lastout passes on what somebody sent (SIG-1).
const FAULTS: [i32; 7] = [4, 5, 6, 7, 8, 11, 31];
/// What the C library keeps for itself, and glibc's sigfillset leaves out.
const OF_THE_C_LIBRARY: [i32; 2] = [32, 33];
/// What lastout sends CONT with, so that who is stopped can act (STOP-2).
const STOPS: [i32; 3] = [15, 30, 37];

fn name(number: i32) -> String {
    lastout_core::Signal::new(number).unwrap().to_string()
}

/// Sends each of these, and gives what the command got of each.
fn passed_on(init: &std::path::Path, options: &[&str], numbers: &[i32]) -> Vec<Vec<String>> {
    let probe = binaries::probe();
    let last = LAST.to_string();
    let words = with_probe(options, &probe, &["signals", "--ends-on", &last]);
    let mut run = Setup::new(&words).program(init).start();
    run.wait_for_line("signals: ready");
    let mut all = Vec::new();
    let mut seen = 0;
    let mark = format!("got {}", name(MARK));
    for (times, number) in (1..).zip(numbers) {
        run.signal(*number);
        run.signal(MARK);
        run.lines().wait_for_times(&mark, times);
        let got: Vec<String> = run
            .lines()
            .all()
            .into_iter()
            .map(|line| line.text)
            .collect();
        let news = got
            .iter()
            .skip(seen)
            .filter(|line| line.starts_with("got "));
        all.push(news.filter(|line| **line != mark).cloned().collect());
        seen = got.len();
    }
    assert_eq!(run.stop(LAST).0, 0);
    all
}

fn same_signals(init: &str, options: &[&str], lost_by_the_original: &[i32]) {
    let numbers: Vec<i32> = (1..LAST).filter(|n| ![9, 17, 19].contains(n)).collect();
    let by_original = passed_on(&original(init), options, &numbers);
    let by_face = passed_on(&face(init), options, &numbers);
    for ((number, original), mut face) in numbers.iter().zip(by_original).zip(by_face) {
        if STOPS.contains(number) {
            face.retain(|line| line != "got SIGCONT");
        }
        if lost_by_the_original.contains(number) {
            assert_eq!(original, Vec::<String>::new(), "{init} got {number}");
            assert_eq!(face, [format!("got {}", name(*number))]);
        } else {
            assert_eq!(face, original, "{init} {options:?}: {}", name(*number));
        }
    }
}

#[test]
fn tini_passes_on_what_tini_does() {
    let lost = [&FAULTS[..], &OF_THE_C_LIBRARY].concat();
    same_signals("tini", &[], &lost);
    same_signals("tini", &["-g"], &lost);
}

#[test]
fn catatonit_passes_on_what_catatonit_does() {
    let lost = [&FAULTS[..], &OF_THE_C_LIBRARY].concat();
    same_signals("catatonit", &[], &lost);
    same_signals("catatonit", &["-g"], &lost);
}

#[test]
fn dumb_init_passes_on_what_dumb_init_does() {
    same_signals("dumb-init", &["-c"], &OF_THE_C_LIBRARY);
    same_signals(
        "dumb-init",
        &["-r20:20", "-r21:21", "-r22:22"],
        &OF_THE_C_LIBRARY,
    );
}

#[test]
fn dumb_init_rewrites() {
    let options = [
        "-c",
        "-r",
        "1:10",
        "--rewrite=12:0",
        "-r2:3",
        "-r2:12",
        "-r17:2",
        "-r",
        "28:15",
    ];
    let numbers = [1, 2, 10, 12, 28, 34];
    let by_original = passed_on(&original("dumb-init"), &options, &numbers);
    let by_face = passed_on(&face("dumb-init"), &options, &numbers);
    assert_eq!(by_face, by_original);
    assert_eq!(by_face[0], ["got SIGUSR1"]);
    assert_eq!(by_face[3], Vec::<String>::new());
}

/// Who of a family gets a signal, as many as there should be.
fn told(
    init: &std::path::Path,
    options: &[&str],
    variables: &[(&str, &str)],
    count: usize,
) -> Vec<String> {
    let probe = binaries::probe();
    let words = with_probe(options, &probe, &["family"]);
    let mut setup = Setup::new(&words).program(init);
    for (name, value) in variables {
        setup = setup.environment(name, value);
    }
    let run = setup.start();
    run.lines().wait_for_times(": ready", 4);
    run.signal(10);
    run.lines().wait_for_times(": got SIGUSR1", count);
    // Who gets the first one without being meant gets this one, too, and not earlier.
    run.signal(12);
    run.lines().wait_for_times(": got SIGUSR2", count);
    let mut told: Vec<String> = run
        .lines()
        .all()
        .into_iter()
        .map(|line| line.text)
        .collect();
    told.retain(|line| line.ends_with("got SIGUSR1"));
    told.sort();
    told
}

#[test]
fn the_group_gets_what_it_gets_from_the_original() {
    let group = 2;
    for (init, options, variables, count) in [
        ("tini", &[][..], &[][..], 1),
        ("tini", &["-g"], &[], group),
        ("tini", &[], &[("TINI_KILL_PROCESS_GROUP", "")], group),
        ("dumb-init", &[], &[], group),
        ("dumb-init", &["-c"], &[], 1),
        ("dumb-init", &[], &[("DUMB_INIT_SETSID", "0")], 1),
        ("catatonit", &[], &[], 1),
        ("catatonit", &["-g"], &[], group),
    ] {
        let by_original = told(&original(init), options, variables, count);
        assert_eq!(
            by_original.len(),
            count,
            "{init} {options:?}: {by_original:?}"
        );
        assert_eq!(
            told(&face(init), options, variables, count),
            by_original,
            "{init} {options:?}"
        );
    }
}

/// Whether a process of that name is stopped.
fn is_stopped(run: &Run, name: &str) -> bool {
    let everybody = run.processes();
    let mut named = everybody.iter().filter(|process| process.name == name);
    named.any(|process| process.state == 'T')
}

#[test]
fn dumb_init_stops_itself_with_its_command_and_goes_on_with_it() {
    for init in [original("dumb-init"), face("dumb-init")] {
        for number in [20, 21, 22] {
            let probe = binaries::probe();
            let setup = Setup::new(&[&probe, "last-words"]).program(&init);
            let mut run = setup.as_subreaper().start();
            run.wait_for_line("last-words: ready");
            run.signal(number);
            let own = run.pid();
            let own_state = || lastout_harness::sight::process(own).map(|process| process.state);
            wait_until("dumb-init is stopped", || own_state() == Some('T'));
            wait_until("its command is stopped", || is_stopped(&run, "probe"));
            run.signal(18);
            run.wait_for_line("last-words: got SIGCONT");
            assert_eq!(run.stop(15).0, 0);
        }
    }
}

/// With a single child the command gets TSTP as it came, and dumb-init stops all the same.
#[test]
fn dumb_init_stops_itself_in_single_child_mode_too() {
    for init in [original("dumb-init"), face("dumb-init")] {
        let probe = binaries::probe();
        let setup = Setup::new(&["-c", &probe, "last-words"]).program(&init);
        let mut run = setup.as_subreaper().start();
        run.wait_for_line("last-words: ready");
        run.signal(20);
        run.wait_for_line("last-words: got SIGTSTP");
        let own = run.pid();
        let own_state = || lastout_harness::sight::process(own).map(|process| process.state);
        wait_until("dumb-init is stopped", || own_state() == Some('T'));
        assert!(!is_stopped(&run, "probe"));
        run.signal(18);
        assert_eq!(run.stop(15).0, 0);
    }
}

/// Its own parent's end: `-p`.
#[test]
fn tini_gets_its_signal_when_its_parent_dies() {
    let probe = binaries::probe();
    for init in [original("tini"), face("tini")] {
        let folder = tempfile::tempdir().unwrap();
        let go = folder.path().join("go");
        // The parent ends when the command is there, whose own parent's is not the end.
        let command = format!(
            "({} -s -p SIGUSR1 -- {probe} signals --ends-on USR1 & \
             until test -e {}; do sleep 0.01; done); sleep 1000",
            init.display(),
            go.display()
        );
        let run = Setup::new(&["--", "sh", "-c", &command]).start();
        run.wait_for_line("signals: ready");
        std::fs::write(go, "").unwrap();
        run.wait_for_line("got SIGUSR1");
    }
}

#[test]
fn a_signal_from_the_command_to_its_init_comes_back() {
    let script = "trap 'echo usr1; exit 5' USR1; kill -USR1 $PPID; sleep 10 & wait";
    for init in super::INITS {
        let [original, face] = both(init, &["--", "sh", "-c", script], |setup| setup);
        assert_eq!(face.out, ["usr1"], "{init}");
        assert_eq!(face, original, "{init}");
    }
}
