//! The report as a machine reads it, with log_format = "json".

use lastout_harness::configuration::Configuration;
use lastout_harness::lines::Stream;
use serde_json::{Value, json};

/// All of lastout's own lines, each of which has to be an object, from the report on.
fn objects(text: &str, ready: &[&str]) -> Vec<Value> {
    let file = Configuration::new(&format!("[supervisor]\nlog_format = \"json\"\n{text}"));
    let mut run = file.run();
    for line in ready {
        run.wait_for_line(line);
    }
    run.signal(libc::SIGTERM);
    run.wait();
    let own = run.lines().of(Stream::Stderr);
    let own = own.iter().map(|line| match serde_json::from_str(line) {
        Ok(value) => value,
        Err(error) => panic!("{line:?} is no object: {error}"),
    });
    let own: Vec<Value> = own.collect();
    let is_goodbye = |value: &Value| value["event"].as_str().is_some();
    own.into_iter().skip_while(|v| !is_goodbye(v)).collect()
}

/// An object without what every line has, and without what differs from run to run.
fn own_fields(value: &Value) -> Value {
    let mut value = value.clone();
    let Some(fields) = value.as_object_mut() else {
        panic!("{value} is no object");
    };
    for name in ["time", "program", "pid", "stream", "message"] {
        assert!(fields.remove(name).is_some(), "{name} is missing");
    }
    for name in ["seconds", "process"] {
        if let Some(number) = fields.get_mut(name) {
            assert!(number.is_number(), "{number}");
            *number = json!(name);
        }
    }
    value
}

#[test]
fn stop_7_every_line_is_an_object_with_what_is_known() {
    let report = objects(
        r#"
        [program.worker]
        command = "PROBE daemon --stay --exit 4"
        [program.maker]
        command = "PROBE daemon --name stray"
        leftovers = "keep"
        autorestart = "never"
        startsecs = 0
        "#,
        &[
            "stray: ready",
            "maker: exit 0",
            "daemon: ready",
            "leader: ready",
        ],
    );
    let fields: Vec<Value> = report.iter().map(own_fields).collect();
    let other = |by: Value, code: u8| {
        json!({
            "level": "info", "event": "goodbye", "left_behind_by": by, "process": "process",
            "command": "probe", "told": "SIGTERM", "seconds": "seconds",
            "exit_code": code, "left": true, "killed": false,
        })
    };
    assert_eq!(
        fields,
        [
            json!({
                "level": "info", "event": "goodbye", "name": "worker", "told": "SIGTERM",
                "seconds": "seconds", "exit_code": 4, "left": true, "killed": false,
            }),
            other(json!("worker"), 4),
            other(Value::Null, 0),
            json!({
                "level": "info", "event": "goodbye-summary", "why": "SIGTERM came",
                "signal": "SIGTERM", "everybody": 3, "killed": 0, "still_there": 0,
                "not_named": 0, "seconds": "seconds", "exit_status": 0,
            }),
        ]
    );
}

#[test]
fn stop_8_who_was_killed_has_the_signal_and_the_reason() {
    let report = objects(
        r#"
        [program.deaf]
        command = "PROBE last-words --name deaf --ignore-term"
        stopwaitsecs = 0.5
        "#,
        &["deaf: ready"],
    );
    let fields: Vec<Value> = report.iter().map(own_fields).collect();
    assert_eq!(
        fields[0],
        json!({
            "level": "warn", "event": "goodbye", "name": "deaf", "told": "SIGTERM",
            "seconds": "seconds", "exit_signal": "SIGKILL", "left": true, "killed": true,
            "reason": "stopwaitsecs",
        })
    );
    assert_eq!(fields[1]["killed"], 1);
}

#[test]
fn stop_7_the_message_says_the_same_to_people() {
    let report = objects(
        "[program.web]\ncommand = \"PROBE last-words --name web\"\n",
        &["web: ready"],
    );
    let messages: Vec<String> = report
        .iter()
        .filter_map(|value| value["message"].as_str())
        .map(crate::without_times)
        .collect();
    assert_eq!(
        messages,
        [
            "web: told SIGTERM, left after T s, exit 0",
            "goodbye: SIGTERM came; everybody left; took T s; exit status 0",
        ]
    );
}

#[test]
fn stop_7_a_program_that_ends_the_container_is_why() {
    let file = Configuration::new(
        "[supervisor]\nlog_format = \"json\"\n\
         [program.job]\ncommand = \"PROBE exit 7 --after 200ms\"\nautorestart = \"never\"\n\
         [program.web]\ncommand = \"PROBE last-words\"\n",
    );
    let mut run = file.run();
    assert_eq!(run.wait(), 7);
    let last = run.lines().of(Stream::Stderr).pop().unwrap_or_default();
    let last: Value = serde_json::from_str(&last).expect("an object");
    assert_eq!(last["why"], "job: exit 7");
    assert_eq!(last["exit_status"], 7);
    assert_eq!(last.get("signal"), None);
}
