//! Completions in the shells that they are for.

use std::process::Command;

use lastout_harness::binaries;
use lastout_harness::configuration::Configuration;
use lastout_harness::namespace::Run;

use super::{command, lastout, run};

fn workers() -> (Configuration, Run) {
    let configuration = Configuration::new(
        "[defaults]\nstartsecs = 0\n[program.web]\ncommand = \"sleep 1000\"\n\
         [program.worker]\ncommand = \"sleep 1000\"\nnumprocs = 2\n",
    );
    let run = configuration.run_until(&["web: running", "worker:1: running"]);
    (configuration, run)
}

/// What may stand at the end of this line.
const LINES: [(&str, &[&str]); 10] = [
    ("lastout --st", &["--stop-timeout", "--strict"]),
    ("lastout help ev", &["events"]),
    ("lastout st", &["start", "status", "stop"]),
    ("lastout stop w", &["web", "worker:0", "worker:1"]),
    ("lastout stop web worker:", &["worker:0", "worker:1"]),
    ("lastout stop --no", &["--no-wait"]),
    ("lastout wait web --for r", &["ready", "running"]),
    ("lastout signal US", &["USR1", "USR2"]),
    ("lastout signal HUP we", &["web"]),
    ("lastout completions f", &["fish"]),
];

#[test]
fn the_words_that_may_stand_there_are_those_of_the_table_and_the_programs() {
    let (configuration, _run) = workers();
    for (line, expected) in LINES {
        let words: Vec<&str> = line.split(' ').skip(1).collect();
        let out = lastout(&configuration, &[&["complete-words"], &words[..]].concat()).expect(0);
        let mut found: Vec<&str> = out.lines().collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{line}");
    }
    let out = lastout(&configuration, &["complete-words", "nonsense", ""]).expect(0);
    assert_eq!(out, "");
    // Where nobody answers there are no names, and no complaint.
    let out = run(command(&["complete-words", "stop", "w"]).env("LASTOUT_SOCKET", "/no/such"));
    assert_eq!(out.expect(0), "");
}

/// What this shell says to a script, with lastout in its PATH.
fn shell(configuration: &Configuration, shell: &str, script: &str) -> String {
    let lastout = binaries::lastout();
    let folder = lastout.parent().map(|folder| folder.display().to_string());
    let folder = folder.unwrap_or_default();
    let mut command = Command::new(shell);
    command.env("LASTOUT_SOCKET", configuration.socket());
    command.env("PATH", format!("{folder}:/usr/bin:/bin"));
    command.env("HOME", configuration.folder());
    let no_files: &[&str] = match shell {
        "zsh" => &["-f"],
        "bash" => &["--norc"],
        _ => &["--no-config"],
    };
    run(command.args(no_files).args(["-c", script])).expect(0)
}

#[test]
fn bash_completes_also_behind_a_colon() {
    let (configuration, _run) = workers();
    for (line, expected) in LINES {
        let script = format!(
            "eval \"$(lastout completions bash)\"; COMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}; \
             _lastout; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let out = shell(&configuration, "bash", &script);
        let mut found: Vec<&str> = out.lines().collect();
        found.sort_unstable();
        // To bash a word begins behind a colon.
        let expected: Vec<&str> = expected
            .iter()
            .map(|word| match line.ends_with(':') {
                true => word.rsplit(':').next().unwrap_or(word),
                false => *word,
            })
            .collect();
        assert_eq!(found, expected, "{line}");
    }
}

#[test]
fn fish_completes() {
    let (configuration, _run) = workers();
    for (line, expected) in LINES {
        // Behind a colon fish proposes files, too; there are none here.
        let script =
            format!("cd (mktemp -d); lastout completions fish | source; complete -C '{line}'");
        let out = shell(&configuration, "fish", &script);
        let mut found: Vec<&str> = out.lines().collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{line}");
    }
}

#[test]
fn fish_proposes_files_only_where_no_word_may_stand() {
    let (configuration, _run) = workers();
    let out = |line: &str| {
        let script = format!(
            "cd (mktemp -d); touch a-file; lastout completions fish | source; \
             complete -C '{line}'"
        );
        shell(&configuration, "fish", &script)
    };
    assert!(!out("lastout stop ").contains("a-file"));
    assert!(out("lastout stop ").contains("web\n"));
    assert_eq!(out("lastout check --config a-"), "a-file\n");
}

#[test]
fn zsh_needs_nothing_in_zshrc_but_the_line_that_reads_it() {
    let configuration = Configuration::new("[program.a]\ncommand = \"true\"\n");
    let script = "eval \"$(lastout completions zsh)\"; print $_comps[lastout]";
    assert_eq!(shell(&configuration, "zsh", script), "_lastout\n");
}

#[test]
fn zsh_completes() {
    let (configuration, _run) = workers();
    for (line, expected) in LINES {
        // The part of the completion system that it calls, and which says what it was given.
        let script = format!(
            "compdef() {{ :; }}; compadd() {{ shift; print -rl -- \"$@\"; }}; _files() {{ :; }}; \
             eval \"$(lastout completions zsh)\"; words=(${{(s: :)${{:-{line}}}}}); \
             CURRENT=${{#words}}; _lastout"
        );
        let out = shell(&configuration, "zsh", &script);
        let mut found: Vec<&str> = out.lines().collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{line}");
    }
}

#[test]
fn another_shell_has_none() {
    run(&mut command(&["completions", "ksh"])).expect_refusal(
        2,
        "lastout: no completions for `ksh`; there are those for bash, zsh and fish",
    );
}
