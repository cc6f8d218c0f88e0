//! The chapter "Exit status" of the contract.

use lastout_harness::binaries::probe;
use lastout_harness::configuration::Configuration;
use lastout_harness::engine::Image;
use lastout_harness::namespace::{Setup, run, run_probe};

/// Those that stop, continue or are ignored, and so end nobody.
const END_NOBODY: [i32; 8] = [
    libc::SIGCHLD,
    libc::SIGCONT,
    libc::SIGSTOP,
    libc::SIGTSTP,
    libc::SIGTTIN,
    libc::SIGTTOU,
    libc::SIGURG,
    libc::SIGWINCH,
];

#[test]
fn exit_1_every_code_of_the_command_is_lastouts() {
    for code in 0..=255 {
        let mut run = run_probe(&["exit", &code.to_string()]);
        assert_eq!(run.wait(), code, "{}", run.lines().text());
    }
}

#[test]
fn exit_1_a_death_by_signal_n_is_128_and_n_for_every_signal() {
    for number in (1..=64).filter(|number| !END_NOBODY.contains(number)) {
        let mut run = run_probe(&["kill-self", &number.to_string()]);
        assert_eq!(run.wait(), 128 + number, "{}", run.lines().text());
    }
}

#[test]
fn exit_1_a_command_that_was_stopped_has_its_own_status() {
    let mut run = run_probe(&["last-words", "--exit", "7"]);
    run.wait_for_line("last-words: ready");
    assert_eq!(run.stop(libc::SIGTERM).0, 7);
}

#[test]
fn exit_1_on_a_host_it_is_the_same() {
    for (words, code) in [(["exit", "42"], 42), (["kill-self", "RTMIN+5"], 128 + 39)] {
        let mut run = Setup::of_probe(&words).as_subreaper().start();
        assert_eq!(run.wait(), code, "{}", run.lines().text());
    }
}

#[test]
fn exit_1_the_engine_sees_it() {
    for (words, code) in [
        (["exit", "255"], 255),
        (["exit", "3"], 3),
        (["kill-self", "ABRT"], 134),
        (["kill-self", "KILL"], 137),
    ] {
        let words = [&["--", "/probe"], &words[..]].concat();
        assert_eq!(Image::plain().lastout(&words).wait(), code);
    }
}

#[test]
fn exit_1_an_expected_code_counts_as_0_and_others_do_not() {
    let probe = probe();
    for (expected, word, code) in [
        (["3", "4"], ["exit", "3"], 0),
        (["3", "4"], ["exit", "4"], 0),
        (["3", "4"], ["exit", "5"], 5),
        (["3", "4"], ["exit", "0"], 0),
        (["143", "0"], ["kill-self", "TERM"], 0),
        (["143", "0"], ["kill-self", "KILL"], 137),
        (["255", "0"], ["exit", "255"], 0),
    ] {
        let options = ["-e", expected[0], "--expect", expected[1], "--", &probe];
        let mut run = run(&[&options[..], &word].concat());
        assert_eq!(run.wait(), code, "{expected:?} {word:?}");
    }
}

#[test]
fn exit_2_after_an_asked_for_shutdown_it_is_0() {
    for number in [libc::SIGTERM, libc::SIGINT, libc::SIGQUIT, 37, libc::SIGPWR] {
        let file = Configuration::new("[program.web]\ncommand = \"PROBE last-words --exit 9\"\n");
        let mut run = file.run();
        run.wait_for_line("last-words: ready");
        assert_eq!(run.stop(number).0, 0, "{}", run.lines().text());
    }
}

/// How a configuration with one program that ends like this ends.
fn ends_with(command: &str, keys: &str) -> i32 {
    let file = Configuration::new(&format!(
        "[program.web]\ncommand = \"PROBE {command}\"\n{keys}\n\
         [program.other]\ncommand = \"PROBE last-words --name other\"\n"
    ));
    let mut run = file.run();
    let code = run.wait();
    // Whoever ends the container ends it for all, gracefully.
    run.wait_for_line("other: told SIGTERM");
    code
}

#[test]
fn exit_2_a_program_that_fails_for_good_ends_the_container_with_its_code() {
    assert_eq!(
        ends_with("exit 42 --after 200ms", "autorestart = \"never\""),
        42
    );
}

#[test]
fn exit_2_a_program_that_dies_of_a_signal_for_good_ends_it_with_128_and_n() {
    assert_eq!(ends_with("kill-self ABRT", "autorestart = \"never\""), 134);
}

#[test]
fn exit_2_a_program_whose_good_end_ends_the_container_ends_it_with_0() {
    assert_eq!(
        ends_with("exit 0 --after 200ms", "on_success = \"shutdown\""),
        0
    );
}

#[test]
fn exit_2_an_expected_code_is_the_containers_as_it_is() {
    let keys = "exitcodes = [0, 5]\non_success = \"shutdown\"";
    assert_eq!(ends_with("exit 5 --after 200ms", keys), 5);
}

#[test]
fn exit_2_a_failure_with_code_0_ends_with_1() {
    let keys = "autorestart = \"always\"\nstartretries = 0";
    assert_eq!(ends_with("exit 0", keys), 1);
}

#[test]
fn exit_2_a_program_that_is_not_there_ends_the_container_with_127() {
    let file = Configuration::new("[program.web]\ncommand = \"/none\"\nstartretries = 0\n");
    let mut run = file.run();
    assert_eq!(run.wait(), 127);
    run.wait_for_line("web: cannot run /none: No such file or directory");
}

#[test]
fn exit_2_when_all_have_ended_well_it_is_0() {
    let file = Configuration::new("[program.web]\ncommand = \"PROBE exit 0\"\n");
    assert_eq!(file.run().wait(), 0);
}

#[test]
fn exit_2_when_all_have_ended_it_is_the_code_of_the_first_that_failed() {
    let file = Configuration::new(
        r#"
        [defaults]
        on_failure = "ignore"
        startretries = 0
        startsecs = 60
        [program.good]
        command = "PROBE exit 0 --after 400ms"
        [program.first]
        command = ["sh", "-c", "echo $$$$ > FOLDER/first; exit 11"]
        # Ends when that one was reaped.
        [program.second]
        command = ["sh", "-c", """
            until read pid < FOLDER/first; do sleep 0.01; done
            while test -e /proc/$pid; do sleep 0.01; done
            exit 12"""]
        "#,
    );
    assert_eq!(file.run().wait(), 11);
}

const ONE_IS_DEAF: &str = r#"
    [program.deaf]
    command = "PROBE last-words --name deaf --ignore-term"
    stopwaitsecs = 0.5
"#;

#[test]
fn exit_3_with_strict_a_shutdown_that_had_to_kill_exits_137() {
    for (options, code) in [(&["--strict"][..], 137), (&[], 0)] {
        let file = Configuration::new(ONE_IS_DEAF);
        let mut run = file.setup(options).start();
        run.wait_for_line("deaf: ready");
        assert_eq!(run.stop(libc::SIGTERM).0, code, "{}", run.lines().text());
    }
}

#[test]
fn exit_3_with_strict_what_a_command_left_behind_may_not_be_killed_either() {
    let probe = probe();
    let words = ["--strict", "--stop-timeout", "0.5", "--", &probe];
    let mut deaf = run(&[&words[..], &["daemon", "--ignore-term"]].concat());
    assert_eq!(deaf.wait(), 137, "{}", deaf.lines().text());
    let mut polite = run(&[&words[..], &["daemon"]].concat());
    assert_eq!(polite.wait(), 0, "{}", polite.lines().text());
}

#[test]
fn exit_3_with_strict_a_shutdown_without_a_kill_keeps_its_status() {
    let probe = probe();
    let mut run = run(&["--strict", "--", &probe, "exit", "9"]);
    assert_eq!(run.wait(), 9);
}
