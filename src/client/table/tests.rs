//! The tables of `status` at the widths of two terminals and with none, with one, twelve
//! and three hundred programs. The expected texts are files beside this one.

use serde_json::{Value, json};

use super::super::out::Out;
use super::super::{causes, happened, people};
use super::Notes;

fn out(width: Option<usize>, has_colour: bool) -> Out {
    Out::of(width, has_colour)
}

/// Programs in every state, again and again.
fn status(count: u64) -> Value {
    let mut programs: Vec<Value> = Vec::new();
    for number in 0..count {
        let name = match number % 12 {
            0 => "web".to_owned(),
            1 => "a-name-of-some-length".to_owned(),
            kind => format!("program-{kind}"),
        };
        let name = match number / 12 {
            0 => name,
            round => format!("{name}:{round}"),
        };
        let is_up = json!({
            "name": name, "state": "RUNNING", "pid": 100 + number * 97, "ready": true,
            "seconds": 0.4 + (number * number * number) as f64 * 7.0, "restarts": number % 7,
        });
        let with = |more: Value| {
            let mut program = is_up.clone();
            for (field, value) in more.as_object().unwrap() {
                program[field.as_str()] = value.clone();
            }
            program
        };
        let down = |state: &str, why: &str| json!({ "name": name, "state": state, "seconds": 3, "restarts": number, "why": why });
        programs.push(match number % 12 {
            2 => with(json!({"health": "healthy", "says": "12 of 20 workers\u{1b}[31m busy"})),
            3 => with(json!({"health": "unhealthy",
                "why": "unhealthy, its last 3 checks failed"})),
            4 => down("STARTING", "waits for db to be ready"),
            5 => down("BACKOFF", "exit 3, next try in 4.20 s"),
            6 => down(
                "FATAL",
                "failed to start 4 times in a row, at last: ended by SIGKILL (out of memory)",
            ),
            7 => down("EXITED", "exit 0"),
            8 => down("STOPPED", "stopped on request"),
            9 => with(
                json!({"state": "STOPPING", "why": "told to end 0.10 s ago, killed in 9.90 s"}),
            ),
            10 => with(json!({"reloading": true})),
            11 => with(json!({"health": "starting"})),
            _ => is_up,
        });
    }
    json!({"ok": true, "programs": programs, "well": false})
}

fn expected(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/client/table/expected");
    std::fs::read_to_string(format!("{folder}/{name}.txt")).unwrap_or_default()
}

#[test]
fn the_table_of_status_is_as_it_was_looked_at() {
    for count in [1, 12, 300] {
        for width in [Some(80), Some(200), None] {
            let mut out = out(width, false);
            causes::status(&status(count), &mut out);
            let text = out.take();
            let width = width.map_or("unbounded".to_owned(), |width| width.to_string());
            assert_eq!(
                text,
                expected(&format!("{count}-{width}")),
                "{count} {width}\n{text}"
            );
        }
    }
}

#[test]
fn a_row_has_one_line_where_the_note_has_some_room_and_long_names_are_shortened() {
    let name = "a-name-that-is-longer-than-half-of-a-terminal-is-wide";
    let row = |name: String, why: &str| json!({"name": name, "state": "FATAL", "seconds": 3, "restarts": 1, "why": why});
    let why = "failed to start 4 times in a row, at last: exit 3";
    let short = json!({"programs": [row("web".into(), why), row("db".into(), "")]});
    let mut shown = out(Some(80), false);
    causes::status(&short, &mut shown);
    assert_eq!(
        shown.take(),
        "NAME  STATE  PID  UPTIME  RESTARTS  NOTE\n\
         web   FATAL    -       -         1  failed to start 4 times in a row, at last: …\n\
         db    FATAL    -       -         1\n"
    );
    let long = json!({"programs": [row(format!("{name}:7"), why), row(format!("{name}:8"), "")]});
    let mut shown = out(Some(60), false);
    causes::status(&long, &mut shown);
    assert_eq!(
        shown.take(),
        "NAME                          STATE  PID  UPTIME  RESTARTS\n\
         a-name-that-i…inal-is-wide:7  FATAL    -       -         1\n  \
         failed to start 4 times in a row, at last: exit 3\n\
         a-name-that-i…inal-is-wide:8  FATAL    -       -         1\n"
    );
}

#[test]
fn no_line_is_wider_than_the_terminal_however_narrow_it_is() {
    for width in 4..120 {
        let mut out = out(Some(width), true);
        causes::status(&status(12), &mut out);
        for line in out.take().lines() {
            let plain: String = without_colour(line);
            assert!(plain.chars().count() <= width, "{width}: {plain:?}");
            assert!(!plain.ends_with(' '), "{width}: {plain:?}");
        }
    }
}

#[test]
fn colours_take_no_room_and_leave_the_text_as_it_is() {
    let (mut plain, mut coloured) = (out(Some(80), false), out(Some(80), true));
    causes::status(&status(12), &mut plain);
    causes::status(&status(12), &mut coloured);
    let (plain, coloured) = (plain.take(), coloured.take());
    assert_ne!(coloured, plain);
    let lines: Vec<String> = coloured.lines().map(without_colour).collect();
    assert_eq!(lines.join("\n") + "\n", plain);
}

fn without_colour(line: &str) -> String {
    let mut text = line.to_owned();
    for colour in ["\u{1b}[31m", "\u{1b}[32m", "\u{1b}[33m", "\u{1b}[0m"] {
        text = text.replace(colour, "");
    }
    text
}

#[test]
fn a_tree_has_everybody_below_his_parent_and_ends_whatever_is_answered() {
    let answer = json!({"ok": true, "programs": [{
        "name": "web", "state": "RUNNING", "told": "SIGQUIT at once, killed after 8 s",
        "processes": [
            {"pid": 7, "parent": 1, "command": "nginx"},
            {"pid": 9, "parent": 7, "command": "nginx"},
            {"pid": 12, "parent": 9, "command": "sh\n"},
            {"pid": 20, "parent": 1, "command": "left behind"},
        ],
    }], "strays": [{"pid": 40, "parent": 0, "command": "bash"}],
        "strays_told": "SIGTERM when all programs are gone", "not_named": 3});
    let mut shown = out(Some(40), false);
    people::tree(&answer, &mut shown);
    assert_eq!(
        shown.take(),
        "web     RUNNING  SIGQUIT at once, kille…\n  7 nginx\n    9 nginx\n      12 sh\u{fffd}\n  \
         20 left behind\nstrays  -        SIGTERM when all progr…\n  40 bash\n\
         and 3 more, not named here\n"
    );
    let mut shown = out(None, false);
    let ring = json!({"programs": [{"name": "a", "processes": [
        {"pid": 1, "parent": 9}, {"pid": 2, "parent": 2}, {"pid": 2, "parent": 1},
    ]}]});
    people::tree(&ring, &mut shown);
    assert!(shown.take().lines().count() < 20, "{}", shown.take());
}

#[test]
fn events_stand_in_columns_and_what_has_none_leaves_them_empty() {
    let mut events = vec![
        json!({"time": "2026-01-02T03:04:05.678901Z", "program": "web", "from": "STOPPED",
            "to": "STARTING", "pid": 4, "text": "started, pid 4"}),
        json!({"time": "2026-01-02T03:04:06.000001Z", "program": "crash", "text": "starts again"}),
        json!({"time": "2026-01-02T03:04:07.000001Z", "text": "the shutdown begins"}),
    ];
    let mut shown = out(None, false);
    events
        .iter()
        .for_each(|event| happened::row(event, &mut None, &mut shown));
    assert_eq!(
        shown.take(),
        "2026-01-02 03:04:05.678  web    STOPPED → STARTING  started, pid 4\n\
         2026-01-02 03:04:06.000  crash                      starts again\n\
         2026-01-02 03:04:07.000                             the shutdown begins\n"
    );
    events.push(
        json!({"time": "2026-01-03T00:00:00.5Z0000000", "program": "a-name-of-some-length:12",
        "from": "BACKOFF", "to": "FATAL",
        "text": "failed to start 4 times in a row, at last: its command could not be run, \
            Permission denied"}),
    );
    let mut shown = out(Some(80), false);
    (shown.table.notes, shown.table.names) = (Notes::Below, 1);
    let mut day = Some(String::new());
    events
        .iter()
        .for_each(|event| happened::row(event, &mut day, &mut shown));
    assert_eq!(
        shown.take(),
        "2026-01-02\n\
         03:04:05.678  web               STOPPED → STARTING  started, pid 4\n\
         03:04:06.000  crash                                 starts again\n\
         03:04:07.000                                        the shutdown begins\n\
         2026-01-03\n\
         00:00:00.5Z0  a-name-…ength:12  BACKOFF → FATAL\n  \
         failed to start 4 times in a row, at last: its command could not be run,\n      \
         Permission denied\n"
    );
}
