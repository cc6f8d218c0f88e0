//! A configuration and a command together, as continuous integration wants it: the
//! programs are up before the command runs, and its end is the container's.

use lastout_harness::binaries::probe;
use lastout_harness::configuration::Configuration;
use lastout_harness::engine::Image;
use lastout_harness::namespace::Run;

const SERVICES: &str = r#"
    [program.db]
    command = "PROBE last-words --name db --after 200ms"
    startsecs = 2
    [program.cache]
    command = "PROBE daemon --name cache --stay"
    startsecs = 0
"#;

fn start(text: &str, words: &[&str]) -> (Configuration, Run) {
    let file = Configuration::new(text);
    let probe = probe();
    let run = file.setup(&[&["--", &probe], words].concat()).start();
    (file, run)
}

/// That these lines were said in this order, on any of the streams.
fn in_order(run: &Run, expected: &[&str]) {
    let text = run.lines().text();
    let mut lines = text.lines();
    for part in expected {
        assert!(
            lines.any(|line| line.contains(part)),
            "{part:?} in:\n{text}"
        );
    }
}

#[test]
fn exit_1_the_commands_end_ends_the_container_with_its_status_and_everybody_is_told() {
    let file = Configuration::new(SERVICES);
    let words = "until test -e FOLDER/go; do sleep 0.01; done; exit 42";
    let words = words.replace("FOLDER", &file.folder());
    let mut run = file.setup(&["--", "/bin/sh", "-c", &words]).start();
    for name in ["db", "cache", "daemon's leader"] {
        run.wait_for_line(&format!("{name}: ready"));
    }
    file.write("go", "");
    assert_eq!(run.wait(), 42, "{}", run.lines().text());
    for name in ["db", "cache", "daemon's leader"] {
        assert_eq!(
            run.lines().count(&format!("{name}: got SIGTERM, leaving")),
            1
        );
    }
    in_order(
        &run,
        &[
            "main: started",
            "main: exit 42",
            "main: exit 42, the shutdown",
        ],
    );
}

#[test]
fn the_command_starts_when_all_programs_are_up() {
    let (_file, mut run) = start(SERVICES, &["exit", "0"]);
    // After db's startsecs.
    let main = run.wait_for_line("main: started").at;
    assert!(main - run.started() >= std::time::Duration::from_secs(2));
    assert_eq!(run.wait(), 0);
    in_order(&run, &["db: started", "main: started"]);
}

#[test]
fn a_program_that_does_not_start_by_itself_is_not_waited_for() {
    let text =
        format!("{SERVICES}\n[program.idle]\ncommand = \"PROBE exit 1\"\nautostart = false\n");
    let (_file, mut run) = start(&text, &["exit", "0"]);
    assert_eq!(run.wait(), 0, "{}", run.lines().text());
    assert_eq!(run.lines().count("idle"), 0);
}

#[test]
fn exit_2_a_program_that_cannot_start_ends_it_and_the_command_never_runs() {
    let text = format!("{SERVICES}\n[program.bad]\ncommand = \"PROBE exit 9\"\nstartretries = 0\n");
    let (_file, mut run) = start(&text, &["last-words", "--name", "main"]);
    assert_eq!(run.wait(), 9, "{}", run.lines().text());
    assert_eq!(run.lines().count("main: ready"), 0);
    in_order(&run, &["db: told SIGTERM"]);
}

#[test]
fn exit_1_when_it_is_stopped_the_status_is_the_commands() {
    let (_file, mut run) = start(SERVICES, &["last-words", "--name", "main", "--exit", "5"]);
    run.wait_for_line("db: ready");
    run.wait_for_line("main: ready");
    assert_eq!(run.stop(libc::SIGTERM).0, 5, "{}", run.lines().text());
    in_order(
        &run,
        &["main: got SIGTERM, leaving", "db: got SIGTERM, leaving"],
    );
}

#[test]
fn exit_1_a_command_that_is_not_there_ends_it_with_127_and_everybody_is_told() {
    let file = Configuration::new(SERVICES);
    let mut run = file.setup(&["--", "/no/such"]).start();
    assert_eq!(run.wait(), 127, "{}", run.lines().text());
    in_order(&run, &["main: cannot run /no/such: No such file"]);
    in_order(&run, &["db: got SIGTERM, leaving"]);
}

#[test]
fn exit_1_e_and_strict_are_about_it_too() {
    let file = Configuration::new(SERVICES);
    let probe = probe();
    for (options, code) in [(&["-e", "3"][..], 0), (&["--strict"], 3)] {
        let words = [options, &["--", &probe, "exit", "3"]].concat();
        assert_eq!(file.setup(&words).start().wait(), code);
    }
}

#[test]
fn it_is_the_same_on_the_real_engine() {
    let text = SERVICES.replace("PROBE", "/probe");
    let image = Image::with(&[("services.toml", &text)], "");
    let words = ["-c", "/services.toml", "--", "/probe", "exit", "42"];
    let container = image.lastout(&words);
    assert_eq!(container.wait(), 42);
    for name in ["db", "cache", "daemon's leader"] {
        container.wait_for_line(&format!("{name}: got SIGTERM, leaving"));
    }
}
