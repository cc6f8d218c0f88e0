//! The report for machines: an object for everybody, and the summary as the last one,
//! so that who has read that has read all. `message` says the same to people.

use lastout_core::{Cause, ExitStatus};
use log::Level;
use serde_json::{Map, Value, json};

use super::{End, Entry, Report, Who, in_order};
use crate::control::object::{Json, Object};
use crate::say;

pub(super) fn write(report: &Report, end: &End, level: Level) {
    for (entry, of) in report.in_order() {
        let told = entry.told.map(|(_, signal)| format!("told {signal}, "));
        let told = told.unwrap_or_default();
        let who = match (&entry.who, of) {
            (Who::Leader(name), _) => name.clone(),
            (Who::Other(person), Some(name)) => format!("{person} of {name}"),
            (Who::Other(person), None) => format!("stray {person}"),
        };
        let message = format!("{who}: {told}{}", entry.outcome());
        let mut fields = fields(entry, of);
        fields.insert("event".to_owned(), "goodbye".into());
        say::object(level, &message, fields);
    }
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    put("event", json!("goodbye-summary"));
    put("why", json!(end.begun.why));
    if let Cause::Asked(signal) = end.begun.cause {
        put("signal", json!(signal.to_string()));
    }
    put("everybody", json!(report.entries.len() + report.unnamed));
    put("killed", json!(report.killed()));
    put("still_there", json!(report.still_there()));
    put("not_named", json!(report.unnamed));
    put("seconds", json!(end.took.as_secs_f64()));
    put("exit_status", json!(end.code));
    say::object(level, &report.summary(end), fields);
}

/// The same before it is over, as the control socket tells it (docs/protocol.md).
pub(super) fn so_far(report: &Report) -> Json {
    let entries = match report.begun {
        Some(_) => &report.entries,
        None => &report.last_stop,
    };
    let entries = in_order(entries).into_iter().map(|(entry, of)| {
        let mut fields = Object::from(fields(entry, of));
        fields.put("text", entry.outcome());
        fields.into_json()
    });
    let entries: Vec<Json> = entries.collect();
    let mut reply = Object::reply(true);
    reply.put("shutdown", report.begun.is_some());
    if let Some(begun) = &report.begun {
        reply.put("why", begun.why.as_str());
    }
    reply.put("entries", entries);
    if report.unnamed > 0 {
        reply.put("not_named", report.unnamed);
    }
    reply.into_json()
}

fn fields(entry: &Entry, of: Option<&str>) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    match &entry.who {
        Who::Leader(name) => put("name", json!(name)),
        Who::Other(person) => {
            put("left_behind_by", json!(of));
            put("process", json!(person.id()));
            put("command", json!(person.command()))
        }
    };
    if let Some((_, signal)) = entry.told {
        put("told", json!(signal.to_string()));
    }
    if let Some(took) = entry.took() {
        put("seconds", json!(took.as_secs_f64()));
    }
    match entry.left {
        Some((_, Some(ExitStatus::Code(code)))) => {
            put("exit_code", json!(code));
        }
        Some((_, Some(ExitStatus::Signal(signal)))) => {
            put("exit_signal", json!(signal.to_string()));
        }
        Some((_, None)) | None => {}
    }
    put("left", json!(entry.left.is_some()));
    put("killed", json!(entry.kill().is_some()));
    if let Some(reason) = entry.kill() {
        put("reason", json!(reason));
    }
    fields
}
