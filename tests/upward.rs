//! UP-1 and what goes with it: whoever started lastout with a NOTIFY_SOCKET is told how
//! far it is, and programs never see that socket (ENV-1), but a single command does (PID-8).

use std::time::Duration;

use lastout_harness::configuration::Configuration;
use lastout_harness::let_pass;
use lastout_harness::namespace::{Run, Setup};
use lastout_harness::notify::Receiver;

/// Starts this file for that receiver.
fn start(text: &str, receiver: &Receiver) -> (Configuration, Run) {
    let file = Configuration::new(text);
    let setup = file.setup(&["-v"]);
    let run = setup.environment("NOTIFY_SOCKET", &receiver.path()).start();
    (file, run)
}

const CHAIN: &str = r#"
    [signals]
    USR1 = "forward:db"
    USR2 = "forward:web"
    [program.db]
    command = "PROBE notify --name db say:here until:USR1 READY=1"
    ready = "notify"
    [program.migrate]
    command = "PROBE exit 0 --after 50ms"
    type = "oneshot"
    depends_on = ["db"]
    [program.web]
    command = "PROBE notify --name web say:here until:USR2 READY=1"
    ready = "notify"
    depends_on = ["migrate"]
    post_stop = ["sh", "-c", "until test -e FOLDER/go; do sleep 0.01; done"]
    [program.later]
    command = "PROBE last-words --name later"
    autostart = false
"#;

#[test]
fn up_1_ready_is_said_when_all_are_up_and_stopping_at_the_shutdown() {
    let receiver = Receiver::bind();
    let (file, mut run) = start(CHAIN, &receiver);
    for (name, signal) in [("db", libc::SIGUSR1), ("web", libc::SIGUSR2)] {
        run.wait_for_line(&format!("{name}: here"));
        let_pass(Duration::from_millis(100));
        assert_eq!(receiver.said(), [""; 0]);
        run.signal(signal);
    }
    receiver.wait_for("READY=1");
    run.signal(libc::SIGTERM);
    receiver.wait_for("STOPPING=1");
    assert!(!run.has_ended());
    file.write("go", "");
    assert_eq!(run.wait(), 0);
    assert_eq!(receiver.said(), ["READY=1", "STOPPING=1"]);
}

#[test]
fn up_1_without_one_that_is_up_ready_is_never_said() {
    let receiver = Receiver::bind();
    let (_file, mut run) = start(
        r#"
        [program.fails]
        command = "PROBE exit 3"
        startretries = 0
        on_failure = "ignore"
        [program.web]
        command = "PROBE last-words --name web"
        startsecs = 0
        "#,
        &receiver,
    );
    run.wait_for_line("fails: FATAL");
    run.wait_for_line("web: ready");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert_eq!(receiver.said(), ["STOPPING=1"]);
}

#[test]
fn up_1_one_that_was_up_twice_does_not_count_for_another() {
    let receiver = Receiver::bind();
    let (_file, mut run) = start(
        r#"
        [signals]
        USR1 = "reload:web"
        USR2 = "forward:db"
        [program.db]
        command = "PROBE notify --name db say:here until:USR2 READY=1"
        ready = "notify"
        [program.web]
        command = "PROBE last-words --name web"
        startsecs = 0
        "#,
        &receiver,
    );
    run.wait_for_line("db: here");
    run.wait_for_line("web: ready");
    run.signal(libc::SIGUSR1);
    run.lines().wait_for_times("web: running", 2);
    let_pass(Duration::from_millis(50));
    assert_eq!(receiver.said(), [""; 0]);
    run.signal(libc::SIGUSR2);
    receiver.wait_for("READY=1");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
}

#[test]
fn up_1_a_restart_says_nothing_again() {
    let receiver = Receiver::bind();
    let (_file, mut run) = start(
        r#"
        [signals]
        USR1 = "reload:web"
        [program.web]
        command = "PROBE last-words --name web"
        startsecs = 0
        "#,
        &receiver,
    );
    receiver.wait_for("READY=1");
    run.wait_for_line("web: ready");
    run.signal(libc::SIGUSR1);
    run.lines().wait_for_times("web: ready", 2);
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert_eq!(receiver.said(), ["READY=1", "STOPPING=1"]);
}

#[test]
fn up_1_a_program_that_is_given_a_socket_speaks_to_lastout_and_not_past_it() {
    let receiver = Receiver::bind();
    let (_file, mut run) = start(
        r#"
        [program.web]
        command = "PROBE notify --name web READY=1,STATUS=of_the_web,MAINPID=1"
        ready = "notify"
        "#,
        &receiver,
    );
    receiver.wait_for("READY=1");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert_eq!(receiver.said(), ["READY=1", "STOPPING=1"]);
}

#[test]
fn up_1_a_receiver_that_is_not_there_is_no_error() {
    let receiver = Receiver::bind();
    let path = receiver.path();
    drop(receiver);
    let file = Configuration::new(
        "[program.web]\ncommand = 'PROBE last-words --name web'\nstartsecs = 0\n",
    );
    let setup = file.setup(&[]).environment("NOTIFY_SOCKET", &path);
    let mut run = setup.start();
    run.wait_for_line("web: ready");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
}

/// What says of itself which socket it has.
const TELLS: [&str; 3] = ["sh", "-c", "echo socket: .$NOTIFY_SOCKET."];

#[test]
fn env_1_no_program_nor_hook_nor_question_sees_it() {
    let receiver = Receiver::bind();
    let (file, run) = start(
        r#"
        [program.web]
        command = ["sh", "-c", "echo socket: .$NOTIFY_SOCKET.; exec PROBE last-words"]
        pre_start = ["sh", "-c", "echo socket: .$NOTIFY_SOCKET."]
        ready = { exec = ["sh", "-c", "echo socket: .$NOTIFY_SOCKET. > FOLDER/asked"] }
        "#,
        &receiver,
    );
    receiver.wait_for("READY=1");
    run.lines().wait_for_times("socket: ..", 2);
    assert_eq!(file.read("asked").as_deref(), Some("socket: ..\n"));
    // Who is to speak has one, and it is another.
    let (_file, run) = start(
        r#"
        [program.web]
        command = ["sh", "-c", "echo web has the socket: $NOTIFY_SOCKET; systemd-notify --ready; exec PROBE last-words"]
        ready = "notify"
        "#,
        &receiver,
    );
    let line = run.wait_for_line("web has the socket: /").text;
    assert!(!line.contains(&receiver.path()), "{line}");
}

#[test]
fn pid_8_a_single_command_keeps_it_and_lastout_says_nothing() {
    let receiver = Receiver::bind();
    let mut run = Setup::new(&[&["--"], &TELLS[..]].concat())
        .environment("NOTIFY_SOCKET", &receiver.path())
        .start();
    assert_eq!(run.wait(), 0);
    run.wait_for_line(&format!("socket: .{}.", receiver.path()));
    assert_eq!(receiver.said(), [""; 0]);
}

#[test]
fn pid_8_a_single_command_may_speak_for_itself() {
    let receiver = Receiver::bind();
    let probe = lastout_harness::binaries::probe();
    let words = ["--", &probe, "notify", "READY=1,STATUS=own", "exit:0"];
    let mut run = Setup::new(&words)
        .environment("NOTIFY_SOCKET", &receiver.path())
        .start();
    assert_eq!(run.wait(), 0);
    assert_eq!(receiver.said(), ["READY=1\nSTATUS=own"]);
}

#[test]
fn env_1_with_a_configuration_the_command_does_not_get_it_either() {
    let receiver = Receiver::bind();
    let file =
        Configuration::new("[program.db]\ncommand = 'PROBE last-words --name db'\nstartsecs = 0\n");
    let mut run = file
        .setup(&[&["--"], &TELLS[..]].concat())
        .environment("NOTIFY_SOCKET", &receiver.path())
        .start();
    assert_eq!(run.wait(), 0);
    run.wait_for_line("socket: ..");
}
