//! `rlimits`, `nice`, `oom_score_adj`, `capabilities` and `no_new_privileges`, in /proc.

use lastout_harness::configuration::Configuration;

use crate::{assert_said, proc_file, state_with};

#[test]
fn resource_limits_are_those_of_the_program_and_lastout_keeps_its_own() {
    let keys = "rlimits = { nofile = [100, 200], core = 0, fsize = '1MiB', cpu = 'unlimited' }";
    let (_file, run) = state_with(keys);
    assert_said(
        &run,
        &[
            "limit nofile 100 200",
            "limit core 0 0",
            "limit fsize 1048576 1048576",
            "limit cpu unlimited unlimited",
        ],
    );
    let limits = proc_file(&run, "web", "limits");
    let shown = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let words: Vec<&str> = shown.unwrap_or_default().split_whitespace().collect();
    assert_eq!(words, ["Max", "open", "files", "100", "200", "files"]);
    let own = std::fs::read_to_string(format!("/proc/{}/limits", run.pid()));
    assert!(own.is_ok_and(|own| !own.contains(shown.unwrap_or("?"))));
}

#[test]
fn nice_and_oom_score_adj_are_those_of_the_program() {
    let (_file, run) = state_with("nice = 7\noom_score_adj = 321");
    assert_eq!(proc_file(&run, "web", "oom_score_adj").trim(), "321");
    let stat = proc_file(&run, "web", "stat");
    let (_, fields) = stat.rsplit_once(") ").unwrap_or_default();
    // The nineteenth field of proc_pid_stat(5); the third is the first here.
    assert_eq!(fields.split(' ').nth(16), Some("7"), "{stat}");
}

#[test]
fn capabilities_are_exactly_those_for_another_user_too() {
    for user in ["", "user = '65534:65534'"] {
        let keys = format!("capabilities = ['NET_BIND_SERVICE', 'CAP_CHOWN']\n{user}");
        let (_file, run) = state_with(&keys);
        let status = proc_file(&run, "web", "status");
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            // Numbers 0 and 10.
            let expected = format!("{set}:\t0000000000000401\n");
            assert!(status.contains(&expected), "{user} {expected}{status}");
        }
    }
}

#[test]
fn no_capabilities_are_none() {
    let (_file, run) = state_with("capabilities = []");
    let status = proc_file(&run, "web", "status");
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert!(
            status.contains(&format!("{set}:\t0000000000000000\n")),
            "{status}"
        );
    }
    assert_said(&run, &["uid 0 0"]);
}

#[test]
fn no_new_privileges_is_set_where_it_is_asked_for_and_nowhere_else() {
    for (keys, flag) in [("no_new_privileges = true", 1), ("", 0)] {
        let (_file, run) = state_with(keys);
        let status = proc_file(&run, "web", "status");
        assert!(
            status.contains(&format!("NoNewPrivs:\t{flag}\n")),
            "{status}"
        );
    }
}

#[test]
fn what_may_not_be_had_is_a_failed_start_that_says_what() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = "PROBE last-words"
        rlimits = { nofile = 1000000 }
        startretries = 0
        "#,
    );
    // Root may raise its limits, but not who has given that up.
    let options = ["--nofile", "512", "--uid", "65534"];
    let mut run = file.setup(&["-v"]).launch(&options).start();
    assert_ne!(run.wait(), 0);
    let said = run.lines().text();
    assert!(
        said.contains("(nofile) to 1000000: Operation not permitted"),
        "{said}"
    );
}

#[test]
fn each_instance_and_hook_has_them_and_others_do_not() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = ["sh", "-c", "echo web $(ulimit -n); exec PROBE last-words"]
        pre_start = ["sh", "-c", "echo hook $(ulimit -n)"]
        rlimits = { nofile = 77 }
        numprocs = 2
        [program.other]
        command = ["sh", "-c", "echo other $(ulimit -n); exec PROBE last-words"]
        "#,
    );
    let run = file.run_until(&["other "]);
    run.lines().wait_for_times("web 77", 2);
    assert_eq!(run.lines().count("hook 77"), 2);
    assert!(!run.lines().has("other 77"));
}
