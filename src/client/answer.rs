//! What is in an answer. A field that is not there is empty: an older lastout has fewer.

use std::time::Duration;

use serde_json::Value;

use super::{NOT_WELL, REFUSED};

/// A text, without anything in it that a terminal would act upon.
pub(super) fn text(value: &Value, field: &str) -> String {
    clean(value.get(field).and_then(Value::as_str).unwrap_or_default())
}

/// A text that may come from a program, for a terminal.
pub(super) fn clean(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}

/// A whole number.
pub(super) fn number(value: &Value, field: &str) -> Option<u64> {
    value.get(field).and_then(Value::as_u64)
}

/// A time.
pub(super) fn seconds(value: &Value, field: &str) -> Option<Duration> {
    let seconds = value.get(field).and_then(Value::as_f64)?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// Whether something is said to be so.
pub(super) fn is(value: &Value, field: &str) -> bool {
    value.get(field).and_then(Value::as_bool) == Some(true)
}

/// Several of something.
pub(super) fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value
        .get(field)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Several texts.
pub(super) fn texts(value: &Value, field: &str) -> Vec<String> {
    let texts = list(value, field).iter().filter_map(Value::as_str);
    texts.map(clean).collect()
}

/// The exit status that an answer stands for; `None`: it is only one line of many.
pub(super) fn status_of(answer: &Value) -> Option<u8> {
    let is_not = |field: &str| answer.get(field).and_then(Value::as_bool) == Some(false);
    if answer.get("error").is_some() || is_not("ok") || is_not("healthy") {
        return Some(REFUSED);
    }
    if is_not("well") {
        return Some(NOT_WELL);
    }
    answer.get("ok").map(|_| 0)
}
