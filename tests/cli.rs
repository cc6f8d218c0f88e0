//! The command line: every option, and every way to get it wrong.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use lastout::client::verbs::COMMANDS;
use lastout_harness::binaries::{self, probe};
use lastout_harness::configuration::Configuration;
use lastout_harness::namespace::{Run, Setup, run};
use lastout_harness::{must, wait_until};

/// What lastout says and how it ends when that is typed, in a folder without anything.
fn typed(words: &[&str]) -> (i32, String, String) {
    typed_with(words, &[])
}

#[expect(clippy::disallowed_methods, reason = "a test may block")]
fn typed_with(words: &[&str], environment: &[(&str, &str)]) -> (i32, String, String) {
    let folder = must(tempfile::tempdir(), "a folder");
    let mut command = Command::new(binaries::lastout());
    command.args(words).stdin(Stdio::null()).env_clear();
    command.env("PATH", "/usr/bin:/bin").current_dir(&folder);
    let output: Output = must(
        command.envs(environment.iter().copied()).output(),
        "start lastout",
    );
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code().unwrap_or(-1),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// That it is refused with one line, status 2 and a hint where help is.
fn refused(words: &[&str], what: &str) {
    let (code, said, complained) = typed(words);
    assert_eq!((code, said.as_str()), (2, ""), "{words:?}: {complained}");
    let of = match words[0] {
        "check" => "check ",
        "version" => "version ",
        _ => "",
    };
    assert_eq!(
        complained,
        format!("lastout: {what} (see `lastout {of}--help`)\n"),
        "{words:?}"
    );
}

#[test]
fn exit_2_a_command_line_that_is_wrong_is_refused_with_one_line() {
    for (words, what) in [
        (&["--"][..], "a command is missing after `--`"),
        (&["-q", "--"], "a command is missing after `--`"),
        (&["-x", "--", "true"], "there is no option `-x`"),
        (
            &["--strict=yes", "--", "true"],
            "`--strict` has no value, and got `yes`",
        ),
        (
            &["--stric", "--", "true"],
            "there is no option `--stric`; did you mean `--strict`?",
        ),
        (
            &["sh", "-c", "true"],
            "no subcommand named `sh`; a command goes after `--`, as in `lastout -- sh`",
        ),
        (
            &["-f", "logs"],
            "there is no option `-f`; `lastout logs -f` has it",
        ),
        (
            &["--timestamps"],
            "there is no option `--timestamps`; `lastout logs --timestamps` has it",
        ),
        (
            &["check", "it"],
            "`check` does not take `it`; a file goes after `--config`",
        ),
        (
            &["tail", "-f", "web"],
            "no subcommand named `tail`; here it is `lastout logs -f`, and a command goes after \
             `--`, as in `lastout -- tail`",
        ),
        (
            &["help", "update"],
            "no subcommand named `update`; here it is `lastout reload`, and a command goes after \
             `--`, as in `lastout -- update`",
        ),
        (&["version", "-v"], "`version` does not take `-v`"),
        (
            &["-v", "check"],
            "`check` comes first, and takes none of the other options",
        ),
        (
            &["-g"],
            "-g is about a command, and there is none after `--`",
        ),
        (
            &["-e", "3"],
            "-e is about a command, and there is none after `--`",
        ),
        (
            &["-r", "TERM:QUIT"],
            "-r is about a command, and there is none after `--`",
        ),
        (
            &["-q", "-v", "--", "true"],
            "`--quiet` and `--verbose` are opposites",
        ),
        (&["-c"], "a value is missing after `--config <FILE>`"),
    ] {
        refused(words, what);
    }
}

#[test]
fn exit_2_a_value_that_is_wrong_is_refused_with_what_was_expected() {
    for (option, value, name, expected) in [
        (
            "-e",
            "256",
            "expect <CODE>",
            "expected an exit status, 0 to 255",
        ),
        (
            "-e",
            "x",
            "expect <CODE>",
            "expected an exit status, 0 to 255",
        ),
        (
            "-p",
            "FOO",
            "parent-death <SIGNAL>",
            "expected a signal: a name as TERM or SIGTERM, RTMIN+n, or a number",
        ),
        (
            "-r",
            "TERM",
            "rewrite <FROM:TO>",
            "expected FROM:TO, as TERM:QUIT; 0 as TO drops it",
        ),
        (
            "-r",
            "KILL:TERM",
            "rewrite <FROM:TO>",
            "SIGKILL cannot be forwarded",
        ),
        (
            "-r",
            "CHLD:TERM",
            "rewrite <FROM:TO>",
            "SIGCHLD cannot be forwarded",
        ),
        (
            "--stop-timeout",
            "5x",
            "stop-timeout <DURATION>",
            "unknown unit \"x\"",
        ),
    ] {
        refused(
            &[option, value, "--", "true"],
            &format!("invalid value `{value}` for `--{name}`: {expected}"),
        );
    }
}

#[test]
fn help_is_printed_and_no_line_of_it_is_longer_than_a_terminal_is_wide() {
    let all = COMMANDS.iter().map(|command| vec![command.name, "--help"]);
    let plain = [
        vec!["--help"],
        vec!["-h"],
        vec!["help"],
        vec!["help", "stop"],
    ];
    for words in all.chain(plain) {
        let (code, said, complained) = typed(&words);
        assert_eq!((code, complained.as_str()), (0, ""), "{words:?}");
        assert!(said.contains("Usage: lastout"), "{said}");
        let long: Vec<&str> = said.lines().filter(|l| l.chars().count() > 80).collect();
        assert!(long.is_empty(), "{long:#?}");
    }
}

#[test]
fn the_version_is_printed() {
    let version = format!("lastout {}\n", env!("CARGO_PKG_VERSION"));
    for word in ["version", "--version", "-V"] {
        assert_eq!(typed(&[word]), (0, version.clone(), String::new()));
    }
}

#[test]
fn exit_2_check_prints_what_would_run_and_ends_with_0() {
    let file = Configuration::new("[program.web]\ncommand = [\"/no/such\", \"a b\"]\n");
    let (code, said, _) = typed(&["check", "-c", &file.path()]);
    assert_eq!(code, 0);
    assert!(said.contains("command     /no/such 'a b'"), "{said}");
    assert!(said.contains("SIGTERM to it, killed after 10"), "{said}");
}

#[test]
fn exit_2_a_configuration_that_is_wrong_ends_with_78_and_nothing_was_started() {
    let file = Configuration::new(
        "[program.web]\ncommand = \"/bin/echo started\"\nautostat = true\n[program.b]\n",
    );
    for words in [
        &["-c", &file.path()][..],
        &["check", "-c", &file.path()],
        &["-c", &file.path(), "--", "/bin/echo", "started"],
    ] {
        let (code, said, complained) = typed(words);
        assert_eq!((code, said.as_str()), (78, ""), "{complained}");
        assert!(
            complained.contains("did you mean `autostart`?"),
            "{complained}"
        );
        assert!(
            complained.contains("[program.b] has no `command`"),
            "{complained}"
        );
        assert!(complained.ends_with("lastout: 2 errors; nothing was started\n"));
    }
}

#[test]
fn exit_2_without_any_configuration_it_says_where_it_looked() {
    let (code, _, complained) = typed(&[]);
    assert_eq!(code, 78);
    assert_eq!(
        complained,
        "lastout: no configuration found; looked at supervisor.toml, \
         /etc/lastout/supervisor.toml, /etc/supervisor.toml\n"
    );
}

/// The start of a configuration whose only program says this.
fn says(text: &str) -> Configuration {
    Configuration::new(&format!(
        "[program.web]\ncommand = \"/bin/echo it is {text}\"\nstartsecs = 0\n"
    ))
}

#[test]
fn the_configuration_is_searched_in_order() {
    let (named, variable, local) = (says("named"), says("variable"), says("local"));
    let path = variable.path();
    let with_variable = ("LASTOUT_CONFIG", path.as_str());
    let here = local.folder();
    for (words, environment, expected) in [
        (
            vec!["-c".to_owned(), named.path()],
            Some(with_variable),
            "named",
        ),
        (vec![], Some(with_variable), "variable"),
        (vec![], Some(("LASTOUT_CONFIG", "")), "local"),
        (vec![], None, "local"),
    ] {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut setup = Setup::new(&words).launch(&["--directory", &here]);
        if let Some((name, value)) = environment {
            setup = setup.environment(name, value);
        }
        let mut run = setup.start();
        assert_eq!(run.wait(), 0, "{}", run.lines().text());
        run.wait_for_line(&format!("it is {expected}"));
    }
}

#[test]
fn a_configuration_that_was_named_and_is_not_there_is_an_error() {
    let (code, _, complained) = typed_with(&[], &[("LASTOUT_CONFIG", "/no/such")]);
    assert_eq!(code, 78);
    let expected = "/no/such: cannot read: No such file or directory";
    assert!(complained.starts_with(expected), "{complained}");
}

/// A folder with this file in it, and the file's name.
fn file(content: &[u8], mode: u32) -> (tempfile::TempDir, String) {
    let folder = must(tempfile::tempdir(), "a folder");
    let path: PathBuf = folder.path().join("it");
    binaries::write_executable(&path, content, mode);
    (folder, path.display().to_string())
}

/// That a command of that name ends like this with this reason, and says no more.
fn cannot_run(command: &str, code: i32, reason: &str) {
    let mut run = run(&["--", command]);
    assert_eq!(run.wait(), code, "{}", run.lines().text());
    let expected = format!("err | lastout: error: cannot run {command}: {reason}\n");
    assert_eq!(run.lines().text(), expected);
}

#[test]
fn exit_1_a_command_that_is_not_there_is_named_and_ends_with_127() {
    cannot_run("/no/such", 127, "No such file or directory");
    cannot_run("nonesuch", 127, "not found in PATH");
}

#[test]
fn exit_1_a_file_that_cannot_be_executed_is_named_and_ends_with_126() {
    let (_folder, name) = file(b"#!/bin/sh\n", 0o644);
    cannot_run(&name, 126, "Permission denied");
    cannot_run("/tmp", 126, "Permission denied");
}

#[test]
fn exit_1_a_script_without_a_first_line_is_named_and_ends_with_126() {
    let (_folder, name) = file(b"echo hello\n", 0o755);
    let reason = "Exec format error (a script needs a first line as #!/bin/sh)";
    // Often, since its child was once told as a stray, if it had not ended by then.
    for _ in 0..40 {
        cannot_run(&name, 126, reason);
    }
}

#[test]
fn exit_1_the_interpreter_of_a_script_that_is_not_there_is_named() {
    let (_folder, name) = file(b"#!/no/such/shell -e\necho hello\n", 0o755);
    cannot_run(&name, 127, "its interpreter /no/such/shell is not there");
}

#[test]
fn exit_1_the_linker_of_a_dynamic_binary_that_is_not_there_is_named() {
    let binary = must(fs::read("/bin/true"), "read a dynamic binary");
    let linker = b"/lib64/ld-linux";
    let at = binary.windows(linker.len()).position(|w| w == linker);
    let at = at.expect("/bin/true is a dynamic binary of this machine");
    let mut binary = binary;
    binary[at + 1..at + 4].copy_from_slice(b"gone".get(..3).unwrap());
    let (_folder, name) = file(&binary, 0o755);
    let reason = "its interpreter /gon64/ld-linux-x86-64.so.2 is not there";
    cannot_run(&name, 127, reason);
}

#[test]
fn sig_1_r_forwards_another_signal_or_none() {
    let probe = probe();
    let options = ["-r", "TERM:QUIT", "--rewrite", "USR1:0", "--", &probe];
    let mut run = run(&[&options[..], &["signals", "--ends-on", "QUIT"]].concat());
    run.wait_for_line("signals: ready");
    run.signal(libc::SIGUSR1);
    run.signal(libc::SIGUSR2);
    // Those that wait are taken by their number, and QUIT has a lower one.
    run.wait_for_line("got SIGUSR2");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    for (name, times) in [("USR1", 0), ("USR2", 1), ("TERM", 0), ("QUIT", 1)] {
        let line = format!("got SIG{name}");
        assert_eq!(run.lines().count(&line), times, "{}", run.lines().text());
    }
}

#[test]
fn sig_1_g_forwards_to_the_process_group() {
    let probe = probe();
    for (options, members) in [
        (&["--"][..], 1),
        (&["-g", "--"], 2),
        (&["--group", "--"], 2),
    ] {
        let mut run = run(&[options, &[&probe, "family"]].concat());
        // Until it is ready, whoever makes a group of his own is still in the leader's.
        for name in [
            "leader",
            "member of the group",
            "member with its own group",
            "daemon of the family",
        ] {
            run.wait_for_line(&format!("{name}: ready"));
        }
        run.signal(libc::SIGUSR1);
        run.lines().wait_for_times("got SIGUSR1", members);
        assert_eq!(run.stop(libc::SIGTERM).0, 0);
        assert_eq!(run.lines().count("got SIGUSR1"), members, "{options:?}");
    }
}

#[test]
fn p_sends_lastout_a_signal_when_its_parent_dies() {
    let script = format!(
        "sh -c '{} -p TERM -- {} last-words & exec {1} last-words --name parent' & \
         exec {1} last-words --name init --ignore-term",
        binaries::lastout().display(),
        probe()
    );
    let run = Setup::new(&["-c", &script]).program("/bin/sh").start();
    run.wait_for_line("last-words: ready");
    run.wait_for_line("parent: ready");
    let all = run.processes();
    let lastout = all.iter().find(|p| p.name == "lastout");
    let parent = lastout.expect("lastout is there").parent;
    // SAFETY: kill takes two numbers; the process is the namespace's and not reaped.
    unsafe { libc::kill(parent, libc::SIGKILL) };
    run.wait_for_line("last-words: got SIGTERM, leaving");
    wait_until("lastout is gone", || {
        !run.processes()
            .iter()
            .any(|p| p.name == "lastout" && p.state != 'Z')
    });
}

#[test]
fn sandbox_is_a_pid_namespace_of_its_own() {
    let probe = probe();
    let words = ["--sandbox", "--", &probe];
    let mut inside = Setup::new(&[&words[..], &["state"]].concat())
        .as_subreaper()
        .start();
    assert_eq!(inside.wait(), 0, "{}", inside.lines().text());
    inside.wait_for_line("parent 1");
    let mut status = Setup::new(&[&words[..], &["kill-self", "ABRT"]].concat())
        .as_subreaper()
        .start();
    assert_eq!(status.wait(), 134);
}

#[test]
fn sandbox_passes_the_stop_on_and_leaves_nobody() {
    let probe = probe();
    let words = ["--sandbox", "--", &probe, "daemon", "--stay", "--exit", "5"];
    let mut run = Setup::new(&words).as_subreaper().start();
    run.wait_for_line("daemon: ready");
    run.wait_for_line("daemon's leader: ready");
    assert_eq!(run.stop(libc::SIGTERM).0, 5, "{}", run.lines().text());
    run.wait_for_line("daemon: got SIGTERM, leaving");
    run.wait_for_line("parent: nobody is left");
}

#[test]
fn sandbox_needs_no_root() {
    let probe = probe();
    let mut run = Setup::new(&["--sandbox", "--", &probe, "exit", "6"])
        .as_subreaper()
        .uid(65534)
        .start();
    assert_eq!(run.wait(), 6, "{}", run.lines().text());
}

/// Everything that lastout says of a stop with these options.
fn said_of_a_stop(options: &[&str], log: Option<&str>) -> String {
    let probe = probe();
    let mut setup = Setup::new(&[options, &["--", &probe, "last-words"]].concat());
    if let Some(level) = log {
        setup = setup.environment("LASTOUT_LOG", level);
    }
    let mut run: Run = setup.start();
    run.wait_for_line("last-words: ready");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    run.lines().wait_for_end();
    let own = run.lines().of(lastout_harness::lines::Stream::Stderr);
    own.join("\n")
}

#[test]
fn q_v_and_vv_say_nothing_more_and_much_more() {
    assert_eq!(said_of_a_stop(&["-q"], None), "");
    let normal = said_of_a_stop(&[], None);
    assert!(normal.starts_with("lastout: goodbye"), "{normal}");
    let more = said_of_a_stop(&["-v"], None);
    assert!(
        more.contains("told SIGTERM") && more.contains("started"),
        "{more}"
    );
    let much_more = said_of_a_stop(&["-vv"], None);
    assert!(much_more.contains("SIGTERM came"), "{much_more}");
    assert!(much_more.len() > more.len(), "{much_more}");
}

#[test]
fn lastout_log_is_the_level_unless_an_option_says_another() {
    assert_eq!(said_of_a_stop(&[], Some("error")), "");
    assert!(said_of_a_stop(&[], Some("debug")).contains("started"));
    assert!(said_of_a_stop(&["-v"], Some("error")).contains("started"));
    let wrong = said_of_a_stop(&[], Some("loud"));
    assert!(
        wrong.contains("$LASTOUT_LOG is none of error, warn"),
        "{wrong}"
    );
}

#[test]
fn exit_2_a_stop_timeout_of_the_environment_that_is_none_is_refused() {
    let (code, _, complained) = typed_with(&["--", "true"], &[("LASTOUT_STOP_TIMEOUT", "soon")]);
    assert_eq!(code, 2);
    assert!(
        complained.starts_with("lastout: $LASTOUT_STOP_TIMEOUT: "),
        "{complained}"
    );
}
