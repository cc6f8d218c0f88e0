//! A JSON object that is being put together, in one place, since each way to do it is code.

use std::time::Duration;

use lastout_core::{End, ExitStatus};
use serde_json::{Map, Value};

/// An object.
#[derive(Debug, Default)]
pub struct Object(Map<String, Value>);

impl Object {
    /// A reply to a request that was done, or is so of all that it is about.
    #[must_use]
    pub fn reply(ok: bool) -> Object {
        let mut object = Object::default();
        object.put("ok", ok);
        object
    }

    /// Puts a field in.
    pub fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.put_value(name, value.into());
    }

    fn put_value(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    /// Takes a field out.
    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Puts text in, if there is any.
    pub fn text(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.put(name, text);
        }
    }

    /// Puts a time in, in seconds, to the millisecond.
    pub fn seconds(&mut self, name: &str, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.put(name, millis as f64 / 1000.0);
    }

    /// How somebody ended, if it is known.
    pub fn status(&mut self, status: Option<ExitStatus>) {
        match status {
            Some(ExitStatus::Code(code)) => self.put("exit_code", code),
            Some(ExitStatus::Signal(signal)) => self.put("exit_signal", signal.to_string()),
            None => {}
        }
    }

    /// How a life ended, if there was one.
    pub fn end(&mut self, end: Option<End>) {
        if let Some(end) = end {
            self.status(Some(match end {
                End::Status(status) => status,
                End::NeverRan(_) => ExitStatus::Code(end.as_code()),
            }));
        }
    }

    /// Done.
    #[must_use]
    pub fn into_value(self) -> Value {
        Value::Object(self.0)
    }
}

impl From<Map<String, Value>> for Object {
    fn from(map: Map<String, Value>) -> Object {
        Object(map)
    }
}
