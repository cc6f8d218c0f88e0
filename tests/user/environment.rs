//! Where a variable comes from, and which one wins.

use lastout_harness::configuration::Configuration;

use crate::assert_said;

#[test]
fn what_a_key_sets_wins_over_secrets_over_env_file_over_what_lastout_has() {
    let file = Configuration::new(
        r#"
        [defaults]
        environment = { DEFAULT = "default", BOTH = "default" }
        [program.web]
        command = "PROBE state --stay"
        env_file = ["one.env", "-missing.env", "two.env"]
        secrets = { B = "secret", C = "secret" }
        environment = { C = "key", BOTH = "own", E = "${FROM_LASTOUT}-${NOWHERE:-none}" }
        "#,
    );
    file.write(
        "one.env",
        "# a comment\n\nA=one\nB=one\nC=one\nD=one\nKEPT\nNOT_THERE\n",
    );
    file.write("two.env", "D=two = 'with' \"quotes\" $A\n");
    file.write("secret", "from the secret\n");
    let mut setup = file.setup(&["-v"]);
    for (name, value) in [
        ("A", "lastout"),
        ("LEFT", "lastout"),
        ("KEPT", "kept"),
        ("FROM_LASTOUT", "x"),
    ] {
        setup = setup.environment(name, value);
    }
    let run = setup.start();
    run.wait_for_line("state: end");
    assert_said(
        &run,
        &[
            "environment A=one",
            "environment B=from the secret",
            "environment C=key",
            "environment D=two = 'with' \"quotes\" $A",
            "environment E=x-none",
            "environment LEFT=lastout",
            "environment KEPT=kept",
            "environment DEFAULT=default",
            "environment BOTH=own",
            "environment LASTOUT_PROGRAM=web",
        ],
    );
    assert!(!run.lines().has("NOT_THERE"));
}

#[test]
fn env_1_what_was_meant_for_lastout_is_kept_from_programs() {
    let file = Configuration::new("[program.web]\ncommand = 'PROBE state --stay'\n");
    let mut setup = file.setup(&[]);
    let names = [
        "NOTIFY_SOCKET",
        "LISTEN_PID",
        "LISTEN_FDS",
        "LISTEN_FDNAMES",
        "WATCHDOG_USEC",
        "WATCHDOG_PID",
    ];
    for name in names {
        setup = setup.environment(name, "1");
    }
    let run = setup.start();
    run.wait_for_line("state: end");
    for name in names {
        assert!(!run.lines().has(&format!("environment {name}")), "{name}");
    }
    assert!(run.lines().has("environment PATH="));
}
