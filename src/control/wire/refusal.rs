//! What is answered to a request that cannot be done.

use crate::control::object::{Json, Object};

/// What is wrong, for programs to read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Code {
    /// The line is no JSON object.
    BadJson,
    /// There is no such verb.
    UnknownVerb,
    /// The verb does not have this field.
    UnknownField,
    /// The verb needs this field.
    MissingField,
    /// The field is of another type, or has another range.
    BadField,
    /// No program has this name, or none fits this pattern.
    NoSuchProgram,
    /// This user may not.
    Forbidden,
    /// The request is longer than a line may be. The connection ends.
    TooLong,
    /// The request was not finished in time. The connection ends.
    TooSlow,
    /// There are too many connections. This one ends.
    TooMany,
    /// The answer is longer than an answer may be.
    TooMuch,
    /// Everything is being stopped.
    Stopping,
    /// The configuration has errors.
    BadConfiguration,
    /// There is none, but a command of the command line.
    NoConfiguration,
    /// What the program writes does not come by lastout.
    NotRelayed,
    /// lastout cannot do it here and now.
    Unavailable,
}

impl Code {
    /// All of them, in the order of docs/protocol.md.
    pub const ALL: [Code; 16] = [
        Code::BadJson,
        Code::UnknownVerb,
        Code::UnknownField,
        Code::MissingField,
        Code::BadField,
        Code::NoSuchProgram,
        Code::Forbidden,
        Code::TooLong,
        Code::TooSlow,
        Code::TooMany,
        Code::TooMuch,
        Code::Stopping,
        Code::BadConfiguration,
        Code::NoConfiguration,
        Code::NotRelayed,
        Code::Unavailable,
    ];

    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Code::BadJson => "bad-json",
            Code::UnknownVerb => "unknown-verb",
            Code::UnknownField => "unknown-field",
            Code::MissingField => "missing-field",
            Code::BadField => "bad-field",
            Code::NoSuchProgram => "no-such-program",
            Code::Forbidden => "forbidden",
            Code::TooLong => "too-long",
            Code::TooSlow => "too-slow",
            Code::TooMany => "too-many-connections",
            Code::TooMuch => "too-much",
            Code::Stopping => "stopping",
            Code::BadConfiguration => "bad-configuration",
            Code::NoConfiguration => "no-configuration",
            Code::NotRelayed => "not-relayed",
            Code::Unavailable => "unavailable",
        }
    }
}

/// Why a request is not done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// For programs.
    pub code: Code,
    /// For people.
    pub message: String,
    /// What would be right.
    pub hint: Option<String>,
}

impl Refusal {
    /// Nothing is known that would be right.
    pub fn new(code: Code, message: impl Into<String>) -> Refusal {
        Refusal {
            code,
            message: message.into(),
            hint: None,
        }
    }

    /// Says what would be right.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Refusal {
        self.hint = Some(hint.into());
        self
    }

    /// The reply, as docs/protocol.md shows it.
    #[must_use]
    pub fn to_reply(&self) -> Json {
        let mut error = Object::default();
        error.put("code", self.code.name());
        error.put("message", self.message.as_str());
        error.text("hint", self.hint.as_deref().unwrap_or_default());
        let mut reply = Object::default();
        reply.put("error", error.into_json());
        reply.into_json()
    }
}
