//! READY-2: a newline on a descriptor.

use std::time::Duration;

use lastout_harness::configuration::Configuration;
use lastout_harness::sight::process;
use lastout_harness::{let_pass, wait_until};

use crate::assert_never;

#[test]
fn ready_2_it_is_ready_at_the_first_newline_and_not_before() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = ["sh", "-c", """
            printf almost >&5; echo almost
            until test -e FOLDER/go; do sleep 0.01; done
            echo >&5
            exec PROBE last-words --name web"""]
        ready = { fd = 5 }
        "#,
    );
    let run = file.run_until(&["almost"]);
    let_pass(Duration::from_millis(50));
    assert_never(&run, "lastout: web: ready");
    file.write("go", "");
    run.wait_for_line("lastout: web: ready");
}

#[test]
fn ready_2_a_child_may_say_it() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = ["sh", "-c", "(setsid sh -c 'echo >&9' &); exec PROBE last-words --name web"]
        ready = { fd = 9 }
        "#,
    );
    let run = file.run_until(&["lastout: web: ready"]);
    assert_never(&run, "web: exit");
}

#[test]
fn ready_2_to_close_it_without_a_word_is_not_to_be_ready() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = ["sh", "-c", "printf x >&3; exec 3>&-; exec PROBE last-words --name web"]
        ready = { fd = 3, start_timeout = 0.2 }
        startretries = 0
        "#,
    );
    let mut run = file.run_until(&["web: FATAL"]);
    assert_eq!(run.wait(), 1);
    run.wait_for_line("not ready after 0.2 s");
    assert_never(&run, "lastout: web: ready");
}

#[test]
fn ready_2_only_the_program_has_the_descriptor() {
    let file = Configuration::new(
        r#"
        [program.other]
        command = "PROBE state --stay"
        [program.web]
        command = ["sh", "-c", "echo >&5; exec PROBE last-words --name web"]
        ready = { fd = 5 }
        depends_on = ["other"]
        "#,
    );
    let run = file.run_until(&["lastout: web: ready", "state: end"]);
    assert_never(&run, "descriptor 5");
    assert!(run.lines().has("descriptor 2"));
}

/// The newline and the end come in one turn, since lastout is frozen in between.
#[test]
fn ready_2_who_says_it_and_ends_at_once_was_ready() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = ["sh", "-c", """
            until test -e FOLDER/go; do sleep 0.01; done
            echo >&5
            exit 3"""]
        ready = { fd = 5 }
        autorestart = "never"
        startretries = 0
        "#,
    );
    let mut run = file.run_until(&["lastout: web: started"]);
    let web = run.leader_of("web").pid;
    run.signal(libc::SIGSTOP);
    file.write("go", "");
    wait_until("it has ended", || {
        process(web).is_none_or(|web| web.state == 'Z')
    });
    run.signal(libc::SIGCONT);
    assert_eq!(run.wait(), 3);
    run.wait_for_line("lastout: web: ready");
}
