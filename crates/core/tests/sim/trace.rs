//! What happened in a world, line by line. Written only when somebody is to read it:
//! a world that goes well is run without, one that does not is run again with it.

use std::fmt::Arguments;
use std::fmt::Write;

use lastout_core::Time;

/// Where the lines go.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    lines: Option<Vec<String>>,
}

impl Trace {
    /// One that forgets everything.
    pub(crate) fn silent() -> Trace {
        Trace { lines: None }
    }

    /// One that keeps every line.
    pub(crate) fn full() -> Trace {
        Trace {
            lines: Some(Vec::new()),
        }
    }

    pub(crate) fn note(&mut self, now: Time, what: Arguments<'_>) {
        if let Some(lines) = &mut self.lines {
            let mut line = format!("{:12.6} ", now.since_beginning().as_secs_f64());
            let _ = line.write_fmt(what);
            lines.push(line);
        }
    }

    /// The last `most` lines, one under the other.
    pub(crate) fn tail(&self, most: usize) -> String {
        let lines = self.lines.as_deref().unwrap_or_default();
        lines[lines.len().saturating_sub(most)..].join("\n")
    }
}
