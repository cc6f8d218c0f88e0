//! What is in an answer. A field that is not there is empty: an older lastout has fewer.

use std::time::Duration;

use serde_json::Value;

use super::{NOT_WELL, REFUSED};

/// A text as it is.
pub(super) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// A whole number.
pub(super) fn number(value: &Value, field: &str) -> Option<u64> {
    value.get(field).and_then(Value::as_u64)
}

/// A time, in whole seconds.
pub(super) fn seconds(value: &Value, field: &str) -> Option<Duration> {
    let seconds = value.get(field).and_then(Value::as_f64)?;
    Some(Duration::from_secs(seconds as u64))
}

/// Whether something is said to be so, or not to be.
pub(super) fn is(value: &Value, field: &str, so: bool) -> bool {
    value.get(field).and_then(Value::as_bool) == Some(so)
}

/// Several of something.
pub(super) fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    match value.get(field) {
        Some(Value::Array(all)) => all,
        Some(_) | None => &[],
    }
}

/// The exit status that an answer stands for.
pub(super) fn status_of(answer: &Value) -> u8 {
    let is_error = answer.get("error").is_some();
    if is_error || is(answer, "ok", false) || is(answer, "healthy", false) {
        return REFUSED;
    }
    match is(answer, "well", false) {
        true => NOT_WELL,
        false => 0,
    }
}
