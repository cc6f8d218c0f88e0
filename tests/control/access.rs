//! Who may ask what. Each verb is asked for by root, by lastout's own user, by a reader
//! and by a stranger: a verb that is new and is not in the table does not compile.

#![expect(clippy::disallowed_methods, reason = "a test may block")]

use std::os::unix::process::CommandExt;
use std::process::Command;

use lastout::control::wire::Verb;
use lastout_harness::configuration::Configuration;
use lastout_harness::{binaries, must};

use super::{WEB, begin};

const OWN: u32 = 1000;
const READER: u32 = 2000;
const STRANGER: u32 = 3000;

/// What is asked, and whether a reader may.
fn request(verb: Verb) -> (&'static str, bool) {
    match verb {
        Verb::Hello => (r#"{"verb":"hello"}"#, true),
        Verb::Status => (r#"{"verb":"status"}"#, true),
        Verb::Start => (r#"{"verb":"start","programs":["web"]}"#, false),
        Verb::Stop => (r#"{"verb":"stop","programs":["other"]}"#, false),
        Verb::Restart => (r#"{"verb":"restart","programs":["other"]}"#, false),
        Verb::Signal => (
            r#"{"verb":"signal","programs":["web"],"signal":"CONT"}"#,
            false,
        ),
        Verb::Reload => (r#"{"verb":"reload","dry_run":true}"#, false),
        Verb::ReloadPrograms => (r#"{"verb":"reload-programs","programs":["other"]}"#, false),
        Verb::Wait => (
            r#"{"verb":"wait","programs":["web"],"for":"running"}"#,
            true,
        ),
        Verb::Logs => (r#"{"verb":"logs"}"#, true),
        Verb::Events => (r#"{"verb":"events"}"#, true),
        Verb::Tree => (r#"{"verb":"tree"}"#, true),
        Verb::Why => (r#"{"verb":"why"}"#, true),
        Verb::Health => (r#"{"verb":"health"}"#, true),
        Verb::Report => (r#"{"verb":"report"}"#, true),
        // The last one, which is done.
        Verb::Shutdown => (r#"{"verb":"shutdown"}"#, false),
    }
}

/// What a process of this user is answered.
pub(super) fn asked_by(uid: u32, file: &Configuration, line: &str) -> String {
    let output = Command::new(binaries::probe())
        .args(["ask", &file.socket(), line])
        .uid(uid)
        .gid(uid)
        .output();
    let output = must(output, "ask");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

const READERS: &str = "
    [control]
    readers = ['2000']
    [program.other]
    command = 'PROBE last-words --name other'
    startsecs = 0
";

#[test]
fn each_verb_is_for_root_and_lastouts_own_user_and_questions_for_readers() {
    for (own, acts, strangers) in [
        (OWN, 0, [STRANGER, 65_534]),
        (OWN, OWN, [STRANGER, 65_534]),
        (0, 0, [STRANGER, OWN]),
    ] {
        let file = Configuration::new(&format!("{READERS}{WEB}"));
        let mut run = file.setup(&[]).uid(own).start();
        run.wait_for_line("all programs are up");
        for verb in Verb::ALL {
            let (line, may_reader) = request(verb);
            for stranger in strangers {
                let refused = asked_by(stranger, &file, line);
                let why = format!("user {stranger} may not");
                assert!(refused.contains(&why), "{line}: {refused}");
            }
            let of_reader = asked_by(READER, &file, line);
            let is_refused = of_reader.contains("a reader may not");
            assert_eq!(is_refused, !may_reader, "{line}: {of_reader}");
            let answer = asked_by(acts, &file, line);
            assert!(!answer.contains("forbidden"), "{line}: {answer}");
            assert!(answer.starts_with('{'), "{line}: {answer}");
        }
        assert_eq!(run.wait(), 0);
    }
}

#[test]
fn a_reader_goes_on_after_he_was_refused_and_a_stranger_does_not() {
    let file = Configuration::new(&format!("{READERS}{WEB}"));
    let run = file.run();
    run.wait_for_line("all programs are up");
    let output = |uid: u32| {
        let lines = [r#"{"verb":"shutdown"}"#, r#"{"verb":"health"}"#];
        let mut command = Command::new(binaries::probe());
        command
            .arg("ask")
            .arg(file.socket())
            .args(lines)
            .uid(uid)
            .gid(uid);
        String::from_utf8_lossy(&must(command.output(), "ask").stdout).into_owned()
    };
    let reader = output(READER);
    let lines: Vec<&str> = reader.lines().collect();
    assert!(
        lines[0].contains("forbidden") && lines[1].contains("healthy"),
        "{reader}"
    );
    let stranger = output(STRANGER);
    assert_eq!(stranger.lines().nth(1), Some("closed"), "{stranger}");
}

#[test]
fn without_readers_nobody_else_gets_as_far_as_to_ask() {
    let (file, _run, mut client) = begin(WEB);
    let answer = asked_by(STRANGER, &file, r#"{"verb":"health"}"#);
    assert!(answer.contains("cannot connect"), "{answer}");
    assert_eq!(client.ask(r#"{"verb":"hello"}"#)["access"], "act");
}

#[test]
fn who_may_ask_changes_with_a_reload() {
    let (file, run, mut client) = begin(&format!("[control]\nreaders = ['3000']\n{WEB}"));
    let health = r#"{"verb":"health"}"#;
    assert!(asked_by(STRANGER, &file, health).contains("healthy"));
    file.rewrite(&format!("[control]\nreaders = ['2000']\n{WEB}"));
    assert_eq!(client.ask(r#"{"verb":"reload"}"#)["ok"], true);
    assert!(asked_by(STRANGER, &file, health).contains("forbidden"));
    assert!(asked_by(READER, &file, health).contains("healthy"));
    // Where nobody else may ask nobody else gets as far as that.
    file.rewrite(WEB);
    assert_eq!(client.ask(r#"{"verb":"reload"}"#)["ok"], true);
    assert!(asked_by(READER, &file, health).contains("cannot connect"));
    file.rewrite(&format!("[control]\nreaders = ['2000']\n{WEB}"));
    assert_eq!(client.ask(r#"{"verb":"reload"}"#)["ok"], true);
    assert!(asked_by(READER, &file, health).contains("healthy"));
    drop(run);
}
