//! The chapter SIG of the contract as far as it needs no terminal (tests/terminal.rs has
//! the rest): what becomes of a signal that somebody sends to lastout.

use lastout_harness::engine::Image;
use lastout_harness::namespace::{Run, Setup, run, run_probe};
use lastout_harness::{binaries, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// What the probe calls a signal.
fn name(number: i32) -> String {
    let signal = lastout_core::Signal::new(number);
    signal.map_or_else(String::new, |signal| signal.to_string())
}

/// Whether lastout can be sent it as a message: KILL and STOP cannot be caught, CHLD is
/// its own business.
fn is_forwarded(number: i32) -> bool {
    ![libc::SIGKILL, libc::SIGSTOP, libc::SIGCHLD].contains(&number)
}

/// The signals that start the stop clock, and so come with a CONT (STOP-2).
const STOPS: [i32; 3] = [libc::SIGTERM, libc::SIGPWR, 37];

/// Sends every signal there is, one after the other, and looks at what the program got.
fn forwards_every_signal_once(setup: Setup) {
    let mut run = setup.start();
    run.wait_for_line("signals: ready");
    let others = || (1..=64).filter(|n| is_forwarded(*n) && !STOPS.contains(n));
    for number in others() {
        run.signal(number);
        run.lines().wait_for(&format!("got {}", name(number)));
    }
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    for number in others() {
        let total = format!("total {} 1", name(number));
        let said = run.lines().all().into_iter().any(|line| line.text == total);
        assert!(said, "{total} is missing:\n{}", run.lines().text());
    }
    // Those and TERM itself, and no other.
    assert_eq!(run.lines().count("total "), others().count() + 1);
}

#[test]
fn sig_1_every_signal_is_forwarded_once_as_it_came() {
    forwards_every_signal_once(Setup::of_probe(&["signals"]));
}

#[test]
fn sig_1_every_signal_is_forwarded_once_by_the_static_binary() {
    let lastout = binaries::in_images("lastout");
    forwards_every_signal_once(Setup::of_probe(&["signals"]).program(lastout));
}

#[test]
fn sig_1_every_signal_is_forwarded_once_by_a_subreaper() {
    forwards_every_signal_once(Setup::of_probe(&["signals"]).as_subreaper());
}

#[test]
fn sig_1_every_signal_is_forwarded_once_into_a_sandbox() {
    let probe = binaries::probe();
    forwards_every_signal_once(Setup::new(&["--sandbox", "--", &probe, "signals"]));
}

/// Each signal that stops is forwarded as the one that it is, not as TERM.
#[test]
fn sig_1_a_signal_that_stops_is_forwarded_as_it_came() {
    for number in STOPS {
        let mut run = run_probe(&["signals", "--ends-on", &number.to_string()]);
        run.wait_for_line("signals: ready");
        assert_eq!(run.stop(number).0, 0, "{}", name(number));
        let text = run.lines().text();
        assert!(run.lines().has(&format!("got {}", name(number))), "{text}");
        let others = run.lines().count("got ") - run.lines().count("got SIGCONT");
        assert_eq!(others, 1, "{text}");
    }
}

/// 500 of each wait in the kernel while lastout is frozen, and none merges on the way.
fn forwards_queued_ones_as_often(setup: Setup, numbers: &[i32]) {
    let mut run = setup.start();
    run.wait_for_line("signals: ready");
    run.signal(libc::SIGSTOP);
    for number in numbers {
        for _ in 0..500 {
            run.signal(*number);
        }
    }
    run.signal(libc::SIGCONT);
    // The last one of all to be taken: real-time signals are taken in order of number.
    for number in numbers {
        run.lines()
            .wait_for_times(&format!("got {}", name(*number)), 500);
    }
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    for number in numbers {
        let total = format!("total {} 500", name(*number));
        assert!(run.lines().has(&total), "{total}:\n{}", run.lines().text());
    }
}

#[test]
fn sig_1_a_real_time_signal_is_forwarded_as_often_as_it_came() {
    forwards_queued_ones_as_often(Setup::of_probe(&["signals"]), &[32, 33, 34, 35, 64]);
}

#[test]
fn sig_1_a_real_time_signal_is_forwarded_as_often_by_the_static_binary() {
    let lastout = binaries::in_images("lastout");
    let setup = Setup::of_probe(&["signals"]).program(lastout);
    forwards_queued_ones_as_often(setup, &[32, 33, 34, 35, 64]);
}

#[test]
fn sig_1_a_real_time_signal_is_forwarded_as_often_into_a_sandbox() {
    let probe = binaries::probe();
    let setup = Setup::new(&["--sandbox", "--", &probe, "signals"]);
    forwards_queued_ones_as_often(setup, &[34, 64]);
}

/// Neither one that somebody sent nor that of an orphan whom lastout reaps.
#[test]
fn sig_1_sigchld_is_never_forwarded() {
    let probe = binaries::probe();
    let script = format!("(sleep 1000 &); exec {probe} signals");
    let mut run = run(&["--", "sh", "-c", &script]);
    run.wait_for_line("signals: ready");
    let mut orphan = None;
    wait_until("the orphan runs", || {
        let mut everybody = run.processes().into_iter();
        orphan = everybody.find(|process| process.name == "sleep");
        orphan.is_some()
    });
    let orphan = orphan.map_or(0, |process| process.pid);
    kill(Pid::from_raw(orphan), Signal::SIGKILL).expect("kill the orphan");
    wait_until("the orphan is reaped", || run.processes().len() == 2);
    run.signal(libc::SIGCHLD);
    run.signal(libc::SIGUSR1);
    run.wait_for_line("got SIGUSR1");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert!(!run.lines().has("SIGCHLD"), "{}", run.lines().text());
}

/// A leader, a member of its group and one who has left the group, all told USR1 by
/// lastout with these options, or not; what they said.
fn family_told_usr1(options: &[&str]) -> Run {
    let probe = binaries::probe();
    let mut run = run(&[options, &["--", &probe, "family"]].concat());
    for member in [
        "leader: ready",
        "member of the group: ready",
        "member with its own group: ready",
        "daemon of the family: ready",
    ] {
        run.wait_for_line(member);
    }
    run.signal(libc::SIGUSR1);
    run.wait_for_line("leader: got SIGUSR1");
    // USR1 is the lower number: whoever has it tells of it before he tells of TERM.
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    run
}

#[test]
fn sig_1_only_the_leader_gets_a_forwarded_signal() {
    let run = family_told_usr1(&[]);
    assert_eq!(
        run.lines().count("got SIGUSR1"),
        1,
        "{}",
        run.lines().text()
    );
}

#[test]
fn sig_1_with_g_the_group_gets_it_and_nobody_else() {
    let run = family_told_usr1(&["-g"]);
    let text = run.lines().text();
    assert!(
        run.lines().has("member of the group: got SIGUSR1"),
        "{text}"
    );
    assert_eq!(run.lines().count("got SIGUSR1"), 2, "{text}");
}

/// Nobody of a group that is told at one blow is told again as what is left of a tree.
#[test]
fn sig_1_with_g_everybody_is_told_to_stop_once() {
    let run = family_told_usr1(&["-g"]);
    assert_eq!(
        run.lines().count("got SIGTERM"),
        4,
        "{}",
        run.lines().text()
    );
}

#[test]
fn sig_1_r_forwards_another_signal() {
    let probe = binaries::probe();
    let mut run = run(&["-r", "USR1:RTMIN+7", "--", &probe, "signals"]);
    run.wait_for_line("signals: ready");
    run.signal(libc::SIGUSR1);
    run.wait_for_line("got SIGRTMIN+7");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert_eq!(run.lines().count("total SIG"), 2, "{}", run.lines().text());
}

#[test]
fn sig_1_r_drops_a_signal() {
    let probe = binaries::probe();
    let mut run = run(&["-r", "USR1:0", "-r", "40:0", "--", &probe, "signals"]);
    run.wait_for_line("signals: ready");
    run.signal(libc::SIGUSR1);
    run.signal(40);
    run.signal(libc::SIGUSR2);
    run.wait_for_line("got SIGUSR2");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert_eq!(run.lines().count("total SIG"), 2, "{}", run.lines().text());
}

/// nginx leaves well on QUIT, and engines send TERM: it is still a stop.
#[test]
fn sig_1_r_of_term_changes_the_stop_signal() {
    let probe = binaries::probe();
    let mut run = run(&[
        "-r",
        "TERM:QUIT",
        "--stop-timeout",
        "1s",
        "--",
        &probe,
        "last-words",
        "--signal",
        "QUIT",
        "--ignore-term",
    ]);
    run.wait_for_line("last-words: ready");
    assert_eq!(run.stop(libc::SIGTERM).0, 137);
    assert!(run.lines().has("last-words: got SIGQUIT, staying"));
    assert!(!run.lines().has("got SIGTERM"), "{}", run.lines().text());
}

#[test]
fn sig_1_a_signal_by_docker_kill_is_forwarded() {
    let container = Image::plain().lastout(&["--", "/probe", "signals"]);
    container.wait_for_line("signals: ready");
    container.signal("USR1");
    container.wait_for_line("got SIGUSR1");
    container.signal("34");
    container.wait_for_line("got SIGRTMIN");
    container.stop();
    assert_eq!(container.wait(), 0);
}
