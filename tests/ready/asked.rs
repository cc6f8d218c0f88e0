//! READY-3: tcp, http and exec.

use lastout_harness::configuration::Configuration;
use lastout_harness::namespace::Run;
use lastout_harness::wait_until;

use crate::{assert_in_order, assert_never};

/// A server that serves once FOLDER/go is there, in a network of its own, after it was
/// seen not to be ready twice.
fn refused_twice(ready: &str) -> (Configuration, Run) {
    let file = Configuration::new(&format!(
        r#"
        [program.web]
        command = ["sh", "-c", """
            until test -e FOLDER/go; do sleep 0.01; done
            exec PROBE serve --listen 127.0.0.1:8080 --status FOLDER/status"""]
        ready = {{ {ready}, interval = 0.03 }}
        "#
    ));
    let run = file.setup(&["-v"]).own_network().start();
    run.lines().wait_for_times("web: not ready yet: exit 1", 2);
    assert_never(&run, "lastout: web: ready");
    (file, run)
}

#[test]
fn ready_3_tcp_is_ready_when_a_connection_is_accepted() {
    for address in ["127.0.0.1:8080", "localhost:8080"] {
        let (file, mut run) = refused_twice(&format!("tcp = '{address}'"));
        file.write("go", "");
        run.wait_for_line("lastout: web: ready");
        assert_eq!(run.stop(libc::SIGTERM).0, 0);
    }
}

#[test]
fn ready_3_http_is_ready_with_a_status_from_200_to_399() {
    for good in ["200", "399"] {
        let (file, run) = refused_twice("http = 'http://127.0.0.1:8080/health'");
        file.write("status", "404");
        file.write("go", "");
        run.wait_for_line("serve: ready");
        for bad in ["404", "400", "199"] {
            file.write("status", bad);
            let before = run.lines().count("not ready yet");
            run.lines().wait_for_times("not ready yet", before + 2);
        }
        assert_never(&run, "lastout: web: ready");
        file.write("status", good);
        run.wait_for_line("lastout: web: ready");
    }
}

#[test]
fn ready_3_exec_is_ready_with_status_0_as_the_program_would_be() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = "PROBE last-words --name web"
        user = "65534:65534"
        environment = { WHERE = "FOLDER" }
        ready = { exec = ["sh", "-c", "test -e $WHERE/go && test $(id -u) = 65534"], interval = 0.02 }
        "#,
    );
    let run = file.setup(&["-v"]).start();
    run.lines().wait_for_times("web: not ready yet: exit 1", 2);
    assert_never(&run, "lastout: web: ready");
    file.write("go", "");
    run.wait_for_line("lastout: web: ready");
    // Nobody asks any more.
    let asked = run.lines().count("not ready yet");
    lastout_harness::let_pass(std::time::Duration::from_millis(100));
    assert_eq!(run.lines().count("not ready yet"), asked);
}

#[test]
fn ready_3_no_answer_in_time_is_a_no_and_the_next_one_counts() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = "PROBE serve --listen 127.0.0.1:8080 --status FOLDER/status"
        ready = { http = "http://127.0.0.1:8080/", interval = 0.02, timeout = 0.1 }
        "#,
    );
    file.write("status", "silence");
    let mut run = file.setup(&["-v"]).own_network().start();
    run.lines()
        .wait_for_times("not ready yet: no answer in time", 2);
    file.write("status", "200");
    run.wait_for_line("lastout: web: ready");
    // Those who asked in vain are gone: lastout and the server are left.
    wait_until("nobody asks any more", || run.processes().len() == 2);
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
}

#[test]
fn ready_3_at_the_stop_nobody_is_asked_or_left_behind() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = "PROBE last-words --name web"
        ready = { exec = ["sh", "-c", "touch FOLDER/asked; sleep 1000"], timeout = 900 }
        "#,
    );
    let mut run = file.run_until(&["web: ready"]);
    wait_until("it is asked", || file.read("asked").is_some());
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert_in_order(&run, &["web: told SIGTERM", "web: left after"]);
    assert_never(&run, "killed");
}
