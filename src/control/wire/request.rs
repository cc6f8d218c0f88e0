//! A request: read from a line, and written as one.

use std::time::Duration;

use lastout_core::{Scope, Signal, Until};
use serde_json::{Map, Value};

use super::fields::Fields;
use super::{Code, Field, Refusal, Verb, json};
use crate::config::nearest;

/// What a client asks for, and all that it says of it. Names and patterns of programs are
/// not looked up yet; where there are none all programs are meant.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each is what the verb of its name says")]
pub enum Request {
    Hello,
    Status {
        programs: Vec<String>,
    },
    Start {
        programs: Vec<String>,
        patience: Patience,
    },
    Stop {
        programs: Vec<String>,
        patience: Patience,
    },
    Restart {
        programs: Vec<String>,
        patience: Patience,
    },
    Signal {
        programs: Vec<String>,
        signal: Signal,
        scope: Scope,
    },
    Reload {
        dry_run: bool,
    },
    ReloadPrograms {
        programs: Vec<String>,
        patience: Patience,
    },
    Wait {
        programs: Vec<String>,
        until: Until,
        each: bool,
        timeout: Option<Duration>,
    },
    Logs {
        programs: Vec<String>,
        stream: Option<Stream>,
        lines: Option<u32>,
        follow: bool,
    },
    Events {
        programs: Vec<String>,
        follow: bool,
    },
    Tree,
    Why {
        programs: Vec<String>,
    },
    Health,
    Report,
    Shutdown {
        code: Option<u8>,
    },
}

/// For how long a client waits for what it asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Patience {
    /// Whether it waits at all.
    pub wait: bool,
    /// Whether it is told of each program as soon as that is decided.
    pub each: bool,
    /// How long at most; `None`: as long as it takes.
    pub timeout: Option<Duration>,
}

/// One of the two streams that a program writes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stream {
    /// Descriptor 1.
    Stdout,
    /// Descriptor 2.
    Stderr,
}

/// The states that can be waited for, as they are written.
pub(crate) const STATES: [(&str, Until); 5] = [
    ("running", Until::Running),
    ("ready", Until::Ready),
    ("healthy", Until::Healthy),
    ("exited", Until::Exited),
    ("stopped", Until::Stopped),
];

/// The parts of a tree that a signal goes to, as they are written.
pub(super) const SCOPES: [(&str, Scope); 3] = [
    ("leader", Scope::Leader),
    ("group", Scope::Group),
    ("tree", Scope::Tree),
];

/// The streams of a program, as they are written.
pub(super) const STREAMS: [(&str, Stream); 2] =
    [("stdout", Stream::Stdout), ("stderr", Stream::Stderr)];

impl Request {
    /// Reads a line, with or without its newline.
    ///
    /// # Errors
    /// What is wrong with it, and what would be right.
    pub fn read(line: &[u8]) -> Result<Request, Refusal> {
        let object = match json::parse(line) {
            Ok(Value::Object(object)) => object,
            Ok(_) => return Err(bad_json("it is no object")),
            Err(what) => return Err(bad_json(what)),
        };
        let verb = match object.get("verb") {
            Some(Value::String(name)) => Verb::named(name).ok_or_else(|| unknown_verb(name))?,
            Some(_) => {
                return Err(Refusal::new(Code::BadField, "`verb` must be a string"));
            }
            None => {
                return Err(Refusal::new(Code::MissingField, "a request needs `verb`"));
            }
        };
        Request::of(verb, &Fields::new(verb, &object)?)
    }

    fn of(verb: Verb, fields: &Fields<'_>) -> Result<Request, Refusal> {
        let patience = || {
            Ok(Patience {
                wait: fields.boolean(Field::Wait)?.unwrap_or(true),
                each: fields.is_set(Field::Each)?,
                timeout: fields.duration(Field::Timeout)?,
            })
        };
        Ok(match verb {
            Verb::Hello => Request::Hello,
            Verb::Status => Request::Status {
                programs: fields.programs()?,
            },
            Verb::Start => Request::Start {
                programs: fields.named_programs()?,
                patience: patience()?,
            },
            Verb::Stop => Request::Stop {
                programs: fields.named_programs()?,
                patience: patience()?,
            },
            Verb::Restart => Request::Restart {
                programs: fields.named_programs()?,
                patience: patience()?,
            },
            Verb::Signal => Request::Signal {
                programs: fields.named_programs()?,
                signal: fields.signal()?,
                scope: fields
                    .one_of(Field::Scope, &SCOPES)?
                    .unwrap_or(Scope::Leader),
            },
            Verb::Reload => Request::Reload {
                dry_run: fields.is_set(Field::DryRun)?,
            },
            Verb::ReloadPrograms => Request::ReloadPrograms {
                programs: fields.named_programs()?,
                patience: patience()?,
            },
            Verb::Wait => Request::Wait {
                programs: fields.named_programs()?,
                until: fields
                    .one_of(Field::For, &STATES)?
                    .ok_or_else(|| fields.missing(Field::For))?,
                each: fields.is_set(Field::Each)?,
                timeout: fields.duration(Field::Timeout)?,
            },
            Verb::Logs => Request::Logs {
                programs: fields.programs()?,
                stream: fields.one_of(Field::Stream, &STREAMS)?,
                lines: fields.number(Field::Lines, u32::MAX)?,
                follow: fields.is_set(Field::Follow)?,
            },
            Verb::Events => Request::Events {
                programs: fields.programs()?,
                follow: fields.is_set(Field::Follow)?,
            },
            Verb::Tree => Request::Tree,
            Verb::Why => Request::Why {
                programs: fields.programs()?,
            },
            Verb::Health => Request::Health,
            Verb::Report => Request::Report,
            Verb::Shutdown => Request::Shutdown {
                code: fields
                    .number(Field::Code, u32::from(u8::MAX))?
                    .map(|code| code as u8),
            },
        })
    }

    /// Its verb.
    #[must_use]
    pub fn verb(&self) -> Verb {
        match self {
            Request::Hello => Verb::Hello,
            Request::Status { .. } => Verb::Status,
            Request::Start { .. } => Verb::Start,
            Request::Stop { .. } => Verb::Stop,
            Request::Restart { .. } => Verb::Restart,
            Request::Signal { .. } => Verb::Signal,
            Request::Reload { .. } => Verb::Reload,
            Request::ReloadPrograms { .. } => Verb::ReloadPrograms,
            Request::Wait { .. } => Verb::Wait,
            Request::Logs { .. } => Verb::Logs,
            Request::Events { .. } => Verb::Events,
            Request::Tree => Verb::Tree,
            Request::Why { .. } => Verb::Why,
            Request::Health => Verb::Health,
            Request::Report => Verb::Report,
            Request::Shutdown { .. } => Verb::Shutdown,
        }
    }

    /// Writes it as a line, with its newline. What it is without saying so is left out.
    #[must_use]
    pub fn to_line(&self) -> String {
        let mut line = Line::default();
        line.put("verb", self.verb().name());
        match self {
            Request::Hello | Request::Tree | Request::Health | Request::Report => {}
            Request::Status { programs } | Request::Why { programs } => line.programs(programs),
            Request::Start { programs, patience }
            | Request::Stop { programs, patience }
            | Request::Restart { programs, patience }
            | Request::ReloadPrograms { programs, patience } => {
                line.programs(programs);
                if !patience.wait {
                    line.put("wait", false);
                }
                line.flag(Field::Each, patience.each);
                line.timeout(patience.timeout);
            }
            Request::Signal {
                programs,
                signal,
                scope,
            } => {
                line.programs(programs);
                // The C library's own have no names.
                match signal.to_string() {
                    name if name.starts_with("SIG") => line.put("signal", name),
                    _ => line.put("signal", signal.number()),
                }
                line.word(Field::Scope, &SCOPES, Some(*scope));
            }
            Request::Reload { dry_run } => line.flag(Field::DryRun, *dry_run),
            Request::Wait {
                programs,
                until,
                each,
                timeout,
            } => {
                line.programs(programs);
                line.flag(Field::Each, *each);
                line.word(Field::For, &STATES, Some(*until));
                line.timeout(*timeout);
            }
            Request::Logs {
                programs,
                stream,
                lines,
                follow,
            } => {
                line.programs(programs);
                line.word(Field::Stream, &STREAMS, *stream);
                line.number(Field::Lines, *lines);
                line.flag(Field::Follow, *follow);
            }
            Request::Events { programs, follow } => {
                line.programs(programs);
                line.flag(Field::Follow, *follow);
            }
            Request::Shutdown { code } => line.number(Field::Code, code.map(u32::from)),
        }
        format!("{}\n", Value::Object(line.0))
    }
}

/// A line that is being written.
#[derive(Default)]
struct Line(Map<String, Value>);

impl Line {
    fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    fn programs(&mut self, programs: &[String]) {
        if !programs.is_empty() {
            self.put(Field::Programs.name(), programs.to_vec());
        }
    }

    fn flag(&mut self, field: Field, is_set: bool) {
        if is_set {
            self.put(field.name(), true);
        }
    }

    fn number(&mut self, field: Field, number: Option<u32>) {
        if let Some(number) = number {
            self.put(field.name(), number);
        }
    }

    fn timeout(&mut self, timeout: Option<Duration>) {
        let Some(timeout) = timeout else {
            return;
        };
        let name = Field::Timeout.name();
        match (timeout.as_secs(), timeout.subsec_nanos()) {
            (seconds, 0) => self.put(name, seconds),
            // To the last digit, which a number does not keep.
            (seconds, nanos) => self.put(name, format!("{seconds}.{nanos:09}")),
        }
    }

    fn word<T: Copy + PartialEq>(
        &mut self,
        field: Field,
        words: &[(&'static str, T)],
        chosen: Option<T>,
    ) {
        if let Some((word, _)) = words.iter().find(|(_, meaning)| Some(*meaning) == chosen) {
            self.put(field.name(), *word);
        }
    }
}

fn bad_json(what: &str) -> Refusal {
    Refusal::new(Code::BadJson, format!("this line is no request: {what}"))
        .hint("a request is an object on a line, as {\"verb\":\"status\"}")
}

fn unknown_verb(name: &str) -> Refusal {
    let mut names = Verb::ALL.into_iter().map(Verb::name);
    let shown: String = name.chars().take(40).collect();
    let refusal = Refusal::new(Code::UnknownVerb, format!("no verb named {shown}"));
    let hint = match nearest(name, &mut names) {
        Some(verb) => format!("did you mean {verb}?"),
        None => format!("the verbs are {}", Verb::ALL.map(Verb::name).join(", ")),
    };
    refusal.hint(hint)
}
