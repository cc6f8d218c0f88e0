//! The harness itself, with the probe in the place of lastout: a harness that is wrong
//! would make every test wrong.

use lastout_harness::engine::Image;
use lastout_harness::lines::Stream;
use lastout_harness::namespace::{Output, Setup};
use lastout_harness::notify::Receiver;
use lastout_harness::{binaries, terminal, wait_until};

/// The probe as PID 1, in the place of lastout.
fn probe(words: &[&str]) -> Setup {
    Setup::new(words).program(binaries::program("probe"))
}

#[test]
fn what_is_started_is_pid_1_and_gets_signals_from_outside() {
    let mut run = probe(&["signals"]).start();
    run.wait_for_line("signals: ready");
    run.signal(libc::SIGUSR1);
    run.wait_for_line("got SIGUSR1");
    for _ in 0..3 {
        run.signal(34);
    }
    // TERM is the lower number, and would be taken before those that wait.
    run.lines().wait_for_times("got SIGRTMIN", 3);
    let everybody = run.processes();
    assert_eq!(everybody.len(), 1);
    assert_eq!(everybody[0].inner_pid, 1);
    let (status, _) = run.stop(libc::SIGTERM);
    assert_eq!(status, 0);
    assert!(
        run.lines().has("total SIGRTMIN 3"),
        "{}",
        run.lines().text()
    );
}

#[test]
fn an_odd_start_is_as_odd_as_was_asked_for() {
    let odd = [
        "--close",
        "0",
        "--ignore",
        "CHLD",
        "--open",
        "7:/dev/null",
        "--block",
        "34",
        "--nofile",
        "20",
    ];
    let mut run = probe(&["state"])
        .launch(&odd)
        .uid(1234)
        .without_proc()
        .start();
    assert_eq!(run.wait(), 0);
    let said = run.lines().of(Stream::Stdout);
    for line in [
        "pid 1",
        "uid 1234 1234",
        "gid 1234 1234",
        "groups ",
        "ignored SIGCHLD",
        "blocked SIGRTMIN",
        "limit nofile 20 20",
        "descriptor 7 character 1:3",
    ] {
        assert!(said.iter().any(|l| l == line), "{line}: {said:#?}");
    }
    assert!(!run.lines().has("descriptor 0 "));
}

#[test]
fn a_plain_start_is_clean() {
    let mut run = probe(&["state"]).start();
    assert_eq!(run.wait(), 0);
    let said = run.lines().of(Stream::Stdout);
    for line in [
        "ignored none",
        "caught none",
        "blocked none",
        "descriptor 0 character 1:3",
    ] {
        assert!(said.iter().any(|l| l == line), "{line}: {said:#?}");
    }
    assert_eq!(run.lines().count("descriptor "), 3);
}

#[test]
fn below_a_parent_the_signal_goes_to_the_child_and_the_bystander_lives() {
    let mut run = probe(&["last-words", "--exit", "7"])
        .as_subreaper_beside_a_bystander()
        .start();
    run.wait_for_line("last-words: ready");
    assert_eq!(run.stop(libc::SIGTERM).0, 7);
    assert!(run.lines().has("the bystander is alive"));
    assert!(run.lines().has("nobody is left"));
}

#[test]
fn zombies_are_seen() {
    let run = probe(&["orphans", "20", "--stay"]).start();
    run.wait_for_line("orphans: ready");
    // Each has closed its pipe, which is not the last thing that it does.
    wait_until("all are zombies", || run.zombies().len() == 20);
}

#[test]
fn output_that_nobody_reads_stops_its_writer_until_somebody_does() {
    let mut run = probe(&["fill", "--bytes", "1000000"])
        .stdout(Output::Unread)
        .start();
    wait_until("it sleeps on the full pipe", || {
        run.processes().iter().any(|process| process.state == 'S')
    });
    assert!(!run.has_ended());
    run.read_the_unread();
    assert_eq!(run.wait(), 0);
}

#[test]
fn a_terminal_passes_on_what_is_typed_and_how_large_it_is() {
    let mut run = probe(&["signals", "--ends-on", "INT"])
        .on_a_terminal()
        .start();
    run.wait_for_line("signals: ready");
    run.terminal().resize(50, 100);
    run.wait_for_line("got SIGWINCH");
    run.terminal().types(terminal::CTRL_C);
    assert_eq!(run.wait(), 0);
    assert!(run.lines().has("got SIGINT"));
}

#[test]
fn a_container_is_started_asked_and_removed() {
    let container = Image::plain().run(
        &["--user", "1000"],
        &["/probe", "last-words", "--exit", "3"],
    );
    container.wait_for_line("last-words: ready");
    let (status, said) = container.exec(&[], &["/probe", "state"]);
    assert_eq!(status, 0);
    assert!(said.contains("uid 1000 1000"), "{said}");
    container.stop();
    assert_eq!(container.wait(), 3);
    assert!(
        container
            .logs()
            .contains("last-words: got SIGTERM, leaving")
    );
    assert_eq!(container.inspect("{{.State.Running}}"), "false");
}

#[test]
fn a_receiver_hears_systemd_notify_and_keeps_what_was_said() {
    let receiver = Receiver::bind();
    let told = std::process::Command::new("systemd-notify")
        .args(["--no-block", "--ready", "--status=up"])
        .env("NOTIFY_SOCKET", receiver.path())
        .status();
    assert!(told.unwrap().success());
    let text = receiver.wait_for("STATUS=up");
    assert!(text.lines().any(|line| line == "READY=1"), "{text}");
    assert_eq!(receiver.said(), [text]);
}
