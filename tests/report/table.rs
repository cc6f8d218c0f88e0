//! The report as a person reads it.

use lastout_harness::binaries::probe;
use lastout_harness::configuration::Configuration;
use lastout_harness::namespace::{Setup, run, run_probe};
use lastout_harness::wait_until;

use crate::{report, report_of};

#[test]
fn stop_7_it_says_who_left_in_what_time_with_what_status() {
    let report = report_of(
        r#"
        [program.web]
        command = "PROBE last-words --name web --exit 3"
        priority = 2
        [program.db]
        command = "PROBE last-words --name db --signal QUIT"
        stopsignal = "QUIT"
        priority = 1
        "#,
        &["web: ready", "db: ready"],
    );
    assert_eq!(
        report,
        [
            "lastout: goodbye: SIGTERM came; everybody left; took T s; exit status 0",
            "lastout:   web  told SIGTERM  left after T s, exit 3",
            "lastout:   db   told SIGQUIT  left after T s, exit 0",
        ]
    );
}

#[test]
fn stop_7_who_is_left_behind_stands_below_his_program_and_strays_at_last() {
    let report = report_of(
        r#"
        [program.maker]
        command = "PROBE daemon --name stray"
        leftovers = "keep"
        autorestart = "never"
        startsecs = 0
        [program.worker]
        command = "PROBE daemon --stay --exit 4"
        priority = 1
        [program.web]
        command = "PROBE last-words --name web"
        "#,
        &[
            "stray: ready",
            "maker: exit 0",
            "daemon: ready",
            "leader: ready",
            "web: ready",
        ],
    );
    let numbers: Vec<&str> = report
        .iter()
        .filter_map(|line| line.split_once("(pid ")?.1.split_once(')'))
        .map(|(number, _)| number)
        .collect();
    let [daemon, stray] = numbers[..] else {
        panic!("{report:#?}");
    };
    // maker had ended before the stop began, and is of no interest any more.
    let expected = [
        "lastout: goodbye: SIGTERM came; everybody left; took T s; exit status 0".to_owned(),
        "lastout:   web                  told SIGTERM  left after T s, exit 0".to_owned(),
        "lastout:   worker               told SIGTERM  left after T s, exit 4".to_owned(),
        format!("lastout:     + probe (pid {daemon})    told SIGTERM  left after T s, exit 4"),
        format!("lastout:   stray probe (pid {stray})  told SIGTERM  left after T s, exit 0"),
    ];
    let squeezed = |line: &String| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let told: Vec<String> = report.iter().map(squeezed).collect();
    let expected: Vec<String> = expected.iter().map(squeezed).collect();
    assert_eq!(told, expected);
}

#[test]
fn stop_8_who_was_killed_is_named_with_the_reason() {
    let report = report_of(
        r#"
        [supervisor]
        stop_timeout = 2
        [program.hasty]
        command = "PROBE last-words --name hasty --ignore-term"
        stopwaitsecs = 0.5
        priority = 9
        [program.deaf]
        command = "PROBE last-words --name deaf --ignore-term"
        priority = 8
        [program.web]
        command = "PROBE last-words --name web"
        priority = 7
        "#,
        &["hasty: ready", "web: ready", "deaf: ready"],
    );
    assert_eq!(
        report,
        [
            "lastout: goodbye: SIGTERM came; 2 of 3 killed; took T s; exit status 0",
            "lastout:   hasty  told SIGTERM  killed after T s (stopwaitsecs)",
            "lastout:   deaf   told SIGTERM  killed after T s (stop_timeout)",
            "lastout:   web    told SIGTERM  left after T s, exit 0",
        ]
    );
}

/// Of its end only its parent knows, who is killed later.
#[test]
fn stop_7_who_left_at_the_last_call_was_not_killed_with_the_others() {
    let file = Configuration::new(
        r#"
        [program.web]
        command = ["sh", "-c", "trap : TERM; sleep 1000; exec PROBE last-words --ignore-term"]
        stopwaitsecs = 4
        "#,
    );
    let mut run = file.run();
    // It is there when the trap is set, and has none of its own any more.
    wait_until("it sleeps", || {
        run.processes().iter().any(|p| p.name == "sleep")
    });
    run.signal(libc::SIGTERM);
    let report = report(&mut run);
    let ends: Vec<bool> = report.iter().map(|line| line.contains("killed")).collect();
    assert_eq!(ends, [true, true, false], "{report:#?}");
    assert!(report[0].contains("1 of 2 killed"), "{report:#?}");
}

#[test]
fn stop_8_a_death_by_a_signal_is_named() {
    let mut run = run(&["--", "/bin/sleep", "60"]);
    wait_until("it sleeps", || {
        run.processes().iter().any(|p| p.name == "sleep")
    });
    run.signal(libc::SIGTERM);
    assert_eq!(
        report(&mut run),
        [
            "lastout: goodbye: SIGTERM came; everybody left; took T s; exit status 143",
            "lastout:   sleep  told SIGTERM  left after T s, ended by SIGTERM",
        ]
    );
}

#[test]
fn stop_8_what_a_command_left_behind_and_had_to_be_killed_is_named() {
    let probe = probe();
    let words = ["--stop-timeout", "0.5", "--", &probe, "daemon"];
    let mut run = run(&[&words[..], &["--ignore-term"]].concat());
    assert_eq!(
        report(&mut run),
        [
            "lastout: goodbye: probe: exit 0; 1 of 2 killed; took T s; exit status 0",
            "lastout:   probe              ended by itself, exit 0",
            "lastout:     + probe (pid 4)  told SIGTERM  killed after T s (stop_timeout)",
        ]
    );
}

#[test]
fn stop_7_a_program_that_ends_the_container_is_named_in_the_summary() {
    let file = Configuration::new(
        r#"
        [program.job]
        command = ["sh", "-c", "until test -e FOLDER/go; do sleep 0.01; done; exit 7"]
        autorestart = "never"
        startsecs = 0
        [program.web]
        command = "PROBE last-words --name web"
        "#,
    );
    let mut run = file.run();
    run.wait_for_line("web: ready");
    file.write("go", "");
    assert_eq!(
        report(&mut run),
        [
            "lastout: goodbye: job: exit 7; everybody left; took T s; exit status 7",
            "lastout:   job  ended by itself, exit 7",
            "lastout:   web  told SIGTERM  left after T s, exit 0",
        ]
    );
}

#[test]
fn stop_7_a_life_that_was_over_before_the_stop_is_not_in_it() {
    let report = report_of(
        r#"
        [program.web]
        command = "PROBE last-words --name web"
        [program.crash]
        command = "PROBE exit 3"
        startretries = "infinite"
        startsecs = 0
        backoff = 60
        backoff_max = 60
        [program.once]
        command = "PROBE exit 0"
        startsecs = 0
        "#,
        &["web: ready", "crash: starts again in", "once: exit 0"],
    );
    assert_eq!(report.len(), 2, "{report:#?}");
    assert!(report[1].contains("  web  told"), "{report:#?}");
}

#[test]
fn stop_7_a_command_that_ends_well_and_leaves_nobody_behind_says_nothing() {
    let mut run = run_probe(&["exit", "3"]);
    assert_eq!(report(&mut run), [""; 0]);
    assert_eq!(run.lines().text(), "");
}

#[test]
fn stop_7_nobody_is_listed_twice_and_only_the_first_two_hundred_are_named() {
    let script = format!(
        "i=0; while [ $i -lt 230 ]; do sleep 60 & i=$((i+1)); done; \
         exec {} last-words --name leader",
        probe()
    );
    let mut run = Setup::new(&["--", "/bin/sh", "-c", &script]).start();
    run.wait_for_line("leader: ready");
    run.signal(libc::SIGTERM);
    let report = report(&mut run);
    assert_eq!(report.len(), 1 + 1 + 200 + 1, "{report:#?}");
    assert_eq!(
        report.last().map(String::as_str),
        Some("lastout:   and 30 more, not named here")
    );
    let mut names: Vec<&String> = report.iter().collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), report.len(), "{report:#?}");
}

#[test]
fn stop_7_every_line_fits_a_terminal_of_eighty_columns() {
    let file = Configuration::new(
        r#"
        [supervisor]
        stop_timeout = 1
        [program.message-broker]
        command = "PROBE family --ignore-term --name broker"
        [program.web]
        command = "PROBE last-words --name web"
        "#,
    );
    let mut run = file.run();
    run.wait_for_line("web: ready");
    run.wait_for_line("daemon of the family: ready");
    run.wait_for_line("broker: ready");
    run.signal(libc::SIGTERM);
    run.wait();
    let own = run.lines().of(lastout_harness::lines::Stream::Stderr);
    assert!(
        own.iter().any(|line| line.contains("4 of 5 killed")),
        "{own:#?}"
    );
    let long: Vec<&String> = own.iter().filter(|l| l.chars().count() > 80).collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn stop_7_with_log_level_warn_it_is_said_when_somebody_was_killed_and_not_else() {
    for (manners, stopwaitsecs, lines) in [("", 50.0, 0), ("--ignore-term", 0.5, 2)] {
        let report = report_of(
            &format!(
                "[supervisor]\nlog_level = \"warn\"\n[program.web]\n\
                 command = \"PROBE last-words --name web {manners}\"\n\
                 stopwaitsecs = {stopwaitsecs:?}\n"
            ),
            &["web: ready"],
        );
        assert_eq!(report.len(), lines, "{report:#?}");
    }
}
