//! Without anybody who answers, and with a command line that is wrong.

use std::io::Read;
use std::os::unix::net::UnixListener;

use lastout_harness::configuration::Configuration;
use lastout_harness::must;
use lastout_harness::terminal::Terminal;

use super::{command, lastout, run};

#[test]
fn nobody_answers_is_4_and_says_where_it_looked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it");
    let path = path.to_str().unwrap();
    let looked = format!(
        "lastout: nobody answers; looked at {path}: No such file or directory \
         (--socket PATH names another place)"
    );
    run(&mut command(&["status", "--socket", path])).expect_refusal(4, &looked);
    run(command(&["health"]).env("LASTOUT_SOCKET", path)).expect_refusal(4, &looked);
    let said = run(command(&["status", "--socket", "@lastout-nobody-has-this"]).env("A", "b"));
    assert_eq!(said.code, 4);
    assert!(said.err.contains("Connection refused"), "{}", said.err);
}

#[test]
fn who_hangs_up_without_an_answer_is_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it");
    let listener = UnixListener::bind(&path).unwrap();
    let server = std::thread::spawn(move || drop(listener.accept()));
    let path = path.to_str().unwrap();
    run(&mut command(&["status", "--socket", path])).expect_refusal(
        4,
        "lastout: the connection ended before the answer came; has lastout ended?",
    );
    server.join().unwrap();
}

#[test]
fn exit_2_a_wrong_command_line_is_one_line_that_says_what_would_be_right() {
    for (words, line) in [
        (
            &["stop"][..],
            "`stop` needs a program: `lastout stop NAME...`; `all` for all of them",
        ),
        (
            &["stop", "--"],
            "`stop` needs a program: `lastout stop NAME...`; `all` for all of them",
        ),
        (
            &["status", "--jsn"],
            "`status` does not take `--jsn`; did you mean `--json`?",
        ),
        (&["status", "-x"], "`status` does not take `-x`"),
        (&["health", "web"], "`health` does not take `web`"),
        (
            &["wait", "web"],
            "`wait` needs `--for` and one of running, ready, healthy, exited or stopped",
        ),
        (
            &["wait", "web", "--for", "good"],
            "invalid value `good` for `--for`: expected running, ready, healthy, exited or stopped",
        ),
        (
            &["logs", "-n", "x"],
            "invalid value `x` for `--lines`: expected a whole number",
        ),
        (&["logs", "-n"], "`--lines` needs a value: `--lines N`"),
        (
            &["status", "--socket", ""],
            "`--socket` needs a value: `--socket PATH`",
        ),
        (
            &["signal", "web", "HUP"],
            "invalid signal `web`: expected a name as TERM or SIGTERM, RTMIN+n, or a number, in \
             `lastout signal SIGNAL NAME...`",
        ),
        (
            &["signal", "HUP"],
            "`signal` needs a signal and a program: `lastout signal SIGNAL NAME...`",
        ),
        (
            &["reload", "--no-wait"],
            "`reload` does not take `--no-wait` without the name of a program",
        ),
        (
            &["reload", "web", "--dry-run"],
            "`reload` does not take `--dry-run` with the name of a program",
        ),
        (
            &["shutdown", "--code", "256"],
            "invalid value `256` for `--code`: expected a whole number from 0 to 255",
        ),
    ] {
        let line = format!("lastout: {line} (see `lastout {} --help`)", words[0]);
        run(&mut command(words)).expect_refusal(2, &line);
    }
    run(&mut command(&["--json", "status"])).expect_refusal(
        2,
        "lastout: `--json` comes after a subcommand, as in `lastout status --json` (see \
         `lastout --help`)",
    );
    run(&mut command(&["stauts"])).expect_refusal(
        2,
        "lastout: no subcommand named `stauts`; did you mean `lastout status`? (see `lastout \
         --help`)",
    );
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test may block")]
fn on_a_narrow_terminal_every_error_is_broken_between_its_words() {
    for words in [
        &["stauts"][..],
        &["help", "stauts"],
        &["--no-such-option"],
        &["status", "--jsn"],
        &["status", "--socket", "/no/such/socket"],
    ] {
        let mut command = command(words);
        let terminal = Terminal::for_command(&mut command);
        terminal.resize(24, 40);
        let started = command.spawn();
        // It holds the terminal's other end.
        drop(command);
        let mut client = must(started, "start the client");
        let mut shown = Vec::new();
        // The end of a terminal is an error.
        let _ = terminal.reader().read_to_end(&mut shown);
        must(client.wait(), "its end");
        let shown = String::from_utf8_lossy(&shown);
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines.len() > 1, "{shown}");
        assert!(lines.iter().all(|line| line.len() <= 40), "{shown}");
    }
}

#[test]
fn names_may_look_like_options_behind_two_dashes() {
    let configuration = Configuration::new("[program.web]\ncommand = \"sleep 1000\"\n");
    let _run = configuration.run_until(&["web: started"]);
    let said = lastout(&configuration, &["status", "--", "--json"]);
    said.expect_refusal(1, "lastout: no program named --json; there is web");
}
