//! JSON as it is put together: text at once, and no tree of values in between. A status of
//! a hundred programs is 800 of them, and all are made a thousand times a second for who
//! asks that often.

use std::io::Write;
use std::time::Duration;

use lastout_core::{End, ExitStatus};
use serde_json::{Map, Value};

use crate::logs::object::escape;
use crate::logs::output::Output;

/// A value that is written.
#[derive(Debug, Default)]
pub struct Json(Output);

/// An object that is being put together. No name is put in twice.
#[derive(Debug)]
pub struct Object(Output);

/// What can be put into an object.
pub trait Written {
    /// Writes it.
    fn write(&self, out: &mut Output);
}

impl Json {
    /// The text, on one line.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }
}

impl From<&Value> for Json {
    fn from(value: &Value) -> Json {
        let mut out = Output::new();
        out.add(value.to_string().as_bytes());
        Json(out)
    }
}

impl Default for Object {
    fn default() -> Object {
        let mut out = Output::new();
        out.push(b'{');
        Object(out)
    }
}

impl Object {
    /// A reply to a request that was done, or is so of all that it is about.
    #[must_use]
    pub fn reply(ok: bool) -> Object {
        let mut object = Object::default();
        object.put("ok", ok);
        object
    }

    /// Puts a field in; its name needs no escaping.
    pub fn put(&mut self, name: &str, value: impl Written) {
        self.put_written(name, &value);
    }

    #[inline(never)]
    fn put_written(&mut self, name: &str, value: &dyn Written) {
        if self.0.len() > 1 {
            self.0.push(b',');
        }
        self.0.push(b'"');
        self.0.add(name.as_bytes());
        self.0.add(b"\":");
        value.write(&mut self.0);
    }

    /// Puts values in one after the other, so that there is but one of them at a time.
    pub fn list(&mut self, name: &str, values: &mut dyn Iterator<Item = Json>) {
        self.put_written(name, &Json::default());
        self.0.push(b'[');
        let begin = self.0.len();
        for value in values {
            if self.0.len() > begin {
                self.0.push(b',');
            }
            value.write(&mut self.0);
        }
        self.0.push(b']');
    }

    /// Puts text in, if there is any.
    pub fn text(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.put(name, text);
        }
    }

    /// Puts a time in, in seconds, to the millisecond.
    pub fn seconds(&mut self, name: &str, time: Duration) {
        self.put(name, Seconds(time));
    }

    /// How somebody ended, if it is known.
    pub fn status(&mut self, status: Option<ExitStatus>) {
        match status {
            Some(ExitStatus::Code(code)) => self.put("exit_code", u64::from(code)),
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
    pub fn into_json(self) -> Json {
        let Object(mut out) = self;
        out.push(b'}');
        Json(out)
    }
}

impl From<Map<String, Value>> for Object {
    fn from(map: Map<String, Value>) -> Object {
        let mut object = Object::default();
        for (name, value) in &map {
            object.put(name, Json::from(value));
        }
        object
    }
}

/// A time in seconds.
struct Seconds(Duration);

impl Written for Seconds {
    fn write(&self, out: &mut Output) {
        let millis = self.0.subsec_millis();
        self.0.as_secs().write(out);
        if millis > 0 {
            let digit = |value: u32| b'0' + (value % 10) as u8;
            out.add(&[b'.', digit(millis / 100), digit(millis / 10), digit(millis)]);
        }
    }
}

impl Written for Json {
    fn write(&self, out: &mut Output) {
        out.add(self.bytes());
    }
}

impl Written for &str {
    fn write(&self, out: &mut Output) {
        out.push(b'"');
        escape(out, self.as_bytes());
        out.push(b'"');
    }
}

impl Written for String {
    fn write(&self, out: &mut Output) {
        self.as_str().write(out);
    }
}

impl Written for bool {
    fn write(&self, out: &mut Output) {
        out.add(if *self { b"true" } else { b"false" });
    }
}

impl Written for u64 {
    fn write(&self, out: &mut Output) {
        // Writing to memory does not fail.
        let _ = write!(out, "{self}");
    }
}

impl Written for u32 {
    fn write(&self, out: &mut Output) {
        u64::from(*self).write(out);
    }
}

impl Written for usize {
    fn write(&self, out: &mut Output) {
        (*self as u64).write(out);
    }
}

impl Written for i32 {
    fn write(&self, out: &mut Output) {
        let _ = write!(out, "{self}");
    }
}

impl<T: Written> Written for Vec<T> {
    fn write(&self, out: &mut Output) {
        out.push(b'[');
        for (place, value) in self.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            value.write(out);
        }
        out.push(b']');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_together_is_read_by_others_as_it_was_meant() {
        let mut object = Object::reply(true);
        object.put("text", "a \"b\"\\\n\u{1}\u{7f}ä😀");
        object.text("nothing", "");
        object.put("numbers", vec![0_u32, u32::MAX]);
        object.put("number", -7);
        object.put("nobody", Vec::<String>::new());
        object.list("none", &mut std::iter::empty());
        object.list(
            "some",
            &mut [true, false]
                .map(|ok| Object::reply(ok).into_json())
                .into_iter(),
        );
        object.put(
            "within",
            vec![Object::default().into_json(), Json::from(&Value::Null)],
        );
        for (name, millis) in [("a", 0), ("b", 7), ("c", 210), ("d", 12_000), ("e", 1_001)] {
            object.seconds(name, Duration::from_millis(millis));
        }
        let value: Value = serde_json::from_slice(object.into_json().bytes()).unwrap();
        let expected = serde_json::json!({
            "ok": true, "text": "a \"b\"\\\n\u{1}\u{7f}ä😀", "numbers": [0, u32::MAX],
            "number": -7, "nobody": [], "none": [], "some": [{"ok": true}, {"ok": false}], "within": [{}, null],
            "a": 0, "b": 0.007, "c": 0.21, "d": 12, "e": 1.001,
        });
        assert_eq!(value, expected);
    }
}
