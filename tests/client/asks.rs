//! `status`, `why`, `tree`, `events`, `report`, `health`.

use lastout_harness::configuration::Configuration;
use lastout_harness::namespace::Run;

use super::{lastout, timeless};

/// One that is well, one that was given up, one that needs it, one that nobody started.
fn troubled() -> (Configuration, Run) {
    let configuration = Configuration::new(
        "[defaults]\nstartsecs = 0\non_failure = \"ignore\"\n\
         [program.db]\ncommand = \"sleep 1000\"\n\
         [program.bad]\ncommand = \"/no/such\"\nstartretries = 0\n\
         [program.web]\ncommand = \"sleep 1000\"\ndepends_on = [\"bad\"]\n\
         [program.off]\ncommand = \"sleep 1000\"\nautostart = false\n",
    );
    let run = configuration.run_until(&["web: FATAL", "db: running"]);
    (configuration, run)
}

#[test]
fn status_is_a_table_and_3_where_not_all_is_well() {
    let (configuration, _run) = troubled();
    let out = lastout(&configuration, &["status"]).expect(3);
    let rows: Vec<Vec<&str>> = out.lines().map(|row| row.split("  ").collect()).collect();
    let cells = |row: usize| -> Vec<&str> {
        let cells = rows[row].iter().map(|cell| cell.trim());
        cells.filter(|cell| !cell.is_empty()).collect()
    };
    assert_eq!(
        cells(0),
        ["NAME", "STATE", "PID", "UPTIME", "RESTARTS", "NOTE"]
    );
    assert_eq!(cells(1)[..2], ["db", "RUNNING"]);
    assert_eq!(
        cells(2),
        [
            "bad",
            "FATAL",
            "-",
            "-",
            "0",
            "failed to start once: its command was not found"
        ]
    );
    assert_eq!(cells(3)[5], "needs bad, which has failed");
    assert_eq!(cells(4)[5], "does not start by itself");
}

#[test]
fn status_says_when_the_time_of_a_scheduled_program_is() {
    let configuration = Configuration::new(
        "[defaults]\ntype = \"oneshot\"\ncommand = \"true\"\nschedule = \"30 4 29 2 *\"\n\
         [program.leap]\n[program.manual]\nautostart = false\n\
         [program.zoned]\ntimezone = \"Europe/Berlin\"\n",
    );
    let _run = configuration.run_until(&["leap: runs next at "]);
    let note = |name: &str| {
        let out = lastout(&configuration, &["status", name]).expect(0);
        let row = out.lines().nth(1).unwrap_or_default();
        row.split("  ").last().unwrap_or_default().to_owned()
    };
    let at = note("leap");
    assert!(at.starts_with("is scheduled; next time 20"), "{at}");
    assert!(at.ends_with("-02-29 04:30 UTC"), "{at}");
    assert!(note("zoned").ends_with("-02-29 04:30 Europe/Berlin"));
    assert_eq!(note("manual"), "does not start by itself");
    lastout(&configuration, &["start", "leap"]).expect(0);
    assert!(
        note("leap").starts_with("exit 0; next time 20"),
        "{}",
        note("leap")
    );
    lastout(&configuration, &["stop", "leap"]).expect(0);
    assert_eq!(
        note("leap"),
        "exit 0; its times are off until it is started"
    );
    lastout(&configuration, &["stop", "zoned"]).expect(0);
    assert_eq!(
        note("zoned"),
        "stopped on request; its times are off until it is started"
    );
}

#[test]
fn status_of_those_that_are_well_is_0() {
    let (configuration, _run) = troubled();
    let out = lastout(&configuration, &["status", "d*", "off"]).expect(0);
    assert_eq!(out.lines().count(), 3, "{out}");
}

#[test]
fn why_is_a_chain_of_causes() {
    let (configuration, _run) = troubled();
    let bad = "bad is FATAL: failed to start once: its command was not found\n";
    let web = "web is FATAL: needs bad, which has failed\n";
    let out = lastout(&configuration, &["why", "web"]).expect(0);
    assert_eq!(out, [web, "  ", bad].concat());
    let out = lastout(&configuration, &["why"]).expect(0);
    assert_eq!(out, [bad, web, "  ", bad].concat());
    let out = lastout(&configuration, &["why", "db"]).expect(0);
    assert_eq!(out, "db is RUNNING\n");
}

#[test]
fn health_says_why_it_is_1_and_nothing_where_it_is_0() {
    let (configuration, _run) = troubled();
    let out = lastout(&configuration, &["health"]).expect(1);
    assert!(out.starts_with("bad: FATAL, failed to start once"), "{out}");
    assert_eq!(out.lines().count(), 2, "{out}");
    lastout(&configuration, &["stop", "bad", "web"]).expect(0);
    assert_eq!(lastout(&configuration, &["health"]).expect(0), "");
    let out = lastout(&configuration, &["why"]).expect(0);
    assert_eq!(out, "all is as it should be\n");
}

#[test]
fn tree_has_everybody_below_his_parent() {
    let configuration = Configuration::new(
        "[program.web]\ncommand = [\"sh\", \"-c\", \"sleep 1000 & exec sleep 1000\"]\n\
         startsecs = 0\nstopsignal = \"QUIT\"\n",
    );
    let _run = configuration.run_until(&["web: running"]);
    let mut out = String::new();
    lastout_harness::wait_until("the child is there", || {
        out = lastout(&configuration, &["tree"]).expect(0);
        out.lines().count() == 3 && !out.contains("sh")
    });
    assert_eq!(
        out,
        "web  RUNNING  SIGQUIT at once, killed after 10 s\n  2 sleep\n    3 sleep\n"
    );
}

#[test]
fn tree_names_a_few_of_many_that_are_waited_for() {
    let configuration = Configuration::new(
        "[defaults]\nstartsecs = 0\n[program.db]\ncommand = \"sleep 1000\"\n\
         [program.web]\ncommand = \"sleep 1000\"\nnumprocs = 10\ndepends_on = [\"db\"]\n",
    );
    let run = configuration.run_until(&["db: started"]);
    run.lines().wait_for_times(": running", 11);
    let out = lastout(&configuration, &["tree"]).expect(0);
    let db =
        "SIGTERM when web:0, web:1, web:2, web:3, web:4, web:5, web:6, web:7 and 2 more are gone";
    assert!(out.contains(db), "{out}");
}

#[test]
fn events_and_report_tell_of_a_stop() {
    let (configuration, _run) = troubled();
    let out = lastout(&configuration, &["report"]).expect(0);
    assert_eq!(out, "no program was stopped yet\n");
    lastout(&configuration, &["stop", "db"]).expect(0);
    let out = lastout(&configuration, &["report"]).expect(0);
    let told = "db  told SIGTERM  left after 0 s, ended by SIGTERM\n";
    assert_eq!(timeless(&out), told);
    let out = lastout(&configuration, &["events", "db"]).expect(0);
    let changes = out
        .lines()
        .map(|line| line.split("  ").nth(2).unwrap_or(""));
    assert_eq!(
        changes.collect::<Vec<&str>>(),
        [
            "STOPPED → STARTING",
            "STARTING → RUNNING",
            "RUNNING → STOPPING",
            "STOPPING → STOPPED"
        ],
        "{out}"
    );
}

#[test]
fn json_is_what_is_answered_with_the_same_exit_status() {
    let (configuration, _run) = troubled();
    let out = lastout(&configuration, &["status", "bad", "--json"]).expect(3);
    let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(answer["programs"][0]["state"], "FATAL");
    let out = lastout(&configuration, &["stop", "nobody", "--json"]).expect(1);
    let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(answer["error"]["code"], "no-such-program");
}
