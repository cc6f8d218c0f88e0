//! READY-1, MAINPID=: a daemon goes on for the process that started it.

use lastout_harness::configuration::Configuration;

use crate::{assert_in_order, assert_never};

const DAEMON: &str = r#"
    [signals]
    USR1 = "forward:web"
    [program.web]
    command = "PROBE notify --name web daemon MAINPID=self,READY=1 release say:here until:USR1 exit:5"
    ready = "notify"
    autorestart = "never"
"#;

/// The daemon itself tells who it is, and the first process leaves.
#[test]
fn ready_1_the_program_is_who_it_says_that_it_is() {
    let file = Configuration::new(DAEMON);
    let mut run = file.run_until(&["lastout: web: ready", "goes on for", "web: here"]);
    // Whoever is told, and whose end is the program's, is the daemon.
    assert_never(&run, "web: exit 0");
    run.signal(libc::SIGUSR1);
    assert_eq!(run.wait(), 5, "{}", run.lines().text());
    // Where its exec and its end come in one turn, what was seen of the second is told first.
    assert_in_order(&run, &["goes on for", "web: exit 5"]);
    assert_in_order(&run, &["web: started", "web: exit 5"]);
}

#[test]
fn ready_1_who_goes_on_for_another_is_told_at_the_stop() {
    let text = DAEMON.replace("until:USR1 exit:5", "");
    let file = Configuration::new(&text);
    let mut run = file.run_until(&["lastout: web: ready", "goes on for"]);
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    run.wait_for_line("web: got SIGTERM, leaving");
    assert_in_order(&run, &["web: told SIGTERM", "web: left after"]);
}

#[test]
fn ready_1_a_shell_may_name_its_daemon_with_systemd_notify() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = ["sh", "-c", """
            PROBE last-words --name daemon &
            systemd-notify --ready MAINPID=$!"""]
        ready = "notify"
        "#,
    );
    let mut run = file.run_until(&["lastout: web: ready", "goes on for", "daemon: ready"]);
    assert_never(&run, "daemon: got");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    run.wait_for_line("daemon: got SIGTERM, leaving");
    assert_never(&run, "web: exit");
}

#[test]
fn ready_1_nobody_names_a_process_of_another_program() {
    let file = Configuration::new(
        r#"
        [program.victim]
        command = ["sh", "-c", "echo $$$$ > FOLDER/pid; exec PROBE notify --name victim READY=1 say:ready"]
        ready = "notify"
        [program.web]
        depends_on = ["victim"]
        command = ["sh", "-c", "systemd-notify --ready MAINPID=$(cat FOLDER/pid); exec PROBE last-words --name the-web"]
        ready = "notify"
        "#,
    );
    let expected = ["victim: ready", "lastout: web: ready", "the-web: ready"];
    let mut run = file.run_until(&expected);
    run.wait_for_line("is ignored: it is nobody of this program");
    assert_never(&run, "goes on for");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    for name in ["victim", "the-web"] {
        let said = format!("{name}: got SIGTERM, leaving");
        assert_eq!(run.lines().count(&said), 1, "{}", run.lines().text());
    }
}
