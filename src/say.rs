//! lastout's own log: one line, one write, never a wait for a reader (PID-11).
//!
//! As text a line reads `lastout: web: ended with exit 3`; warnings and errors say
//! that they are. As JSON it is an object of the same shape as the programs' lines:
//! time, program, pid, stream, level, message; the goodbye report adds fields.

use std::fmt::Display;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use log::{Level, LevelFilter, Record};
use serde_json::{Map, Value};

use crate::linux::clock;
use crate::linux::stderr::Stderr;
use crate::logs::object;

/// How lines are written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The way out, and how lines are written to it.
struct Out {
    stderr: Option<Stderr>,
    stdout: Option<Stderr>,
    format: LogFormat,
}

impl Out {
    /// The way out, opened when there is first something to say.
    fn stderr(&mut self) -> &mut Stderr {
        self.stderr.get_or_insert_with(Stderr::open)
    }
}

static OUT: Mutex<Out> = Mutex::new(Out {
    stderr: None,
    stdout: None,
    format: LogFormat::Text,
});

/// Begins to log.
pub fn begin(level: LevelFilter, format: LogFormat) {
    lock().format = format;
    // A second beginning, after the configuration was read, only changes the level.
    let _ = env_logger::Builder::new()
        .filter_level(LevelFilter::Trace)
        .target(env_logger::Target::Pipe(Box::new(Line)))
        .format(|line, record| line.write_all(&rendered(record)))
        .try_init();
    log::set_max_level(level);
}

/// Logs an object with fields of its own; `message` says the same to people.
pub fn object(level: Level, message: &str, fields: Map<String, Value>) {
    if level > log::max_level() {
        return;
    }
    let mut out = lock();
    let line = match out.format {
        LogFormat::Text => text(level, message),
        LogFormat::Json => object_line(level, message, fields),
    };
    let _ = out.stderr().write_all(line.as_bytes());
}

/// Logs a line of text that needs no `warning:` in front, whatever its level.
pub fn plain(level: Level, message: &str) {
    if level <= log::max_level() {
        let line = text(Level::Info, message);
        let _ = lock().stderr().write_all(line.as_bytes());
    }
}

/// Writes lines as they are: those of a face, which has its own way to say things.
pub fn as_is(stream: Stream, lines: &str) {
    let mut out = lock();
    let _ = match stream {
        Stream::Stderr => out.stderr().write_all(lines.as_bytes()),
        Stream::Stdout => {
            let stdout = out.stdout.get_or_insert_with(Stderr::of_stdout);
            stdout.write_all(lines.as_bytes())
        }
    };
}

/// The two that a face speaks on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stream {
    /// Descriptor 1.
    Stdout,
    /// Descriptor 2.
    Stderr,
}

/// How lines are written now.
#[must_use]
pub fn format() -> LogFormat {
    lock().format
}

/// What to do with the way out, if anything was said: asks for its descriptor, or lets
/// it write what is kept.
pub fn with_stderr<T>(act: impl FnOnce(&mut Stderr) -> T) -> Option<T> {
    lock().stderr.as_mut().map(act)
}

fn lock() -> MutexGuard<'static, Out> {
    // A panic while logging leaves a line short, and nothing else wrong.
    OUT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What env_logger writes its lines to.
struct Line;

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        lock().stderr().write(line)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn rendered(record: &Record<'_>) -> Vec<u8> {
    let (level, message) = (record.level(), record.args());
    match format() {
        LogFormat::Text => text(level, message),
        LogFormat::Json => object_line(level, &message.to_string(), Map::new()),
    }
    .into_bytes()
}

fn text(level: Level, message: impl Display) -> String {
    let level = match level {
        Level::Error => "error: ",
        Level::Warn => "warning: ",
        Level::Info | Level::Debug | Level::Trace => "",
    };
    format!("lastout: {level}{message}\n")
}

/// The wall clock's time in UTC with microseconds, as RFC 3339 writes it.
#[must_use]
pub fn now_as_rfc_3339() -> String {
    let mut text = Vec::with_capacity(32);
    object::rfc_3339(&mut text, clock::wall_micros());
    String::from_utf8_lossy(&text).into_owned()
}

fn object_line(level: Level, message: &str, fields: Map<String, Value>) -> String {
    let mut line = Vec::with_capacity(256);
    object::begin(
        &mut line,
        clock::wall_micros(),
        "lastout",
        std::process::id(),
        "stderr",
    );
    let level = level.as_str().to_ascii_lowercase();
    object::text(&mut line, "level", level.as_bytes());
    object::text(&mut line, "message", message.as_bytes());
    for (name, value) in fields {
        // Writing to a vector does not fail.
        let _ = write!(line, ",{}:{value}", Value::String(name));
    }
    line.extend_from_slice(b"}\n");
    String::from_utf8_lossy(&line).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_object_whatever_is_in_the_message() {
        let line = object_line(Level::Warn, "a \"b\"\n\u{7}", Map::new());
        assert_eq!(line.matches('\n').count(), 1);
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["message"], "a \"b\"\n\u{7}");
        assert_eq!(value["level"], "warn");
        assert_eq!(value["program"], "lastout");
    }
}
