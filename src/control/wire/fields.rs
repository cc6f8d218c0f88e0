//! The fields of a request: each is there or not, of its type, and known.

use std::time::Duration;

use lastout_core::Signal;
use serde_json::{Map, Value};

use super::{Code, Field, Refusal, Verb};
use crate::config::{nearest, parse_duration};

/// How many names and patterns a request has at most: each is compared with all there are.
const MOST_NAMES: usize = 1000;

/// What a request says beside its verb.
pub(super) struct Fields<'a> {
    verb: Verb,
    object: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    /// # Errors
    /// There is a field that the verb does not have.
    pub(super) fn new(verb: Verb, object: &'a Map<String, Value>) -> Result<Fields<'a>, Refusal> {
        let names = || verb.fields().iter().map(|field| field.name());
        for name in object.keys().filter(|name| *name != "verb") {
            if names().all(|known| known != name) {
                let shown: String = name.chars().take(40).collect();
                let message = format!("{} has no field {shown}", verb.name());
                let hint = match (nearest(name, &mut names()), verb.fields()) {
                    (Some(near), _) => format!("did you mean {near}?"),
                    (None, []) => format!("{} has no fields", verb.name()),
                    (None, _) => {
                        let names: Vec<&str> = names().collect();
                        format!("its fields are {}", names.join(", "))
                    }
                };
                return Err(Refusal::new(Code::UnknownField, message).hint(hint));
            }
        }
        Ok(Fields { verb, object })
    }

    fn get(&self, field: Field) -> Option<&'a Value> {
        debug_assert!(self.verb.fields().contains(&field), "it is refused above");
        self.object.get(field.name())
    }

    /// Says that this field is needed.
    pub(super) fn missing(&self, field: Field) -> Refusal {
        let message = format!("{} needs {}", self.verb.name(), field.name());
        Refusal::new(Code::MissingField, message).hint(field.wanted())
    }

    fn bad(field: Field) -> Refusal {
        let message = format!("{} is not what it should be", field.name());
        Refusal::new(Code::BadField, message).hint(field.wanted())
    }

    /// Names and patterns; none where there is no such field.
    pub(super) fn programs(&self) -> Result<Vec<String>, Refusal> {
        let names = match self.get(Field::Programs) {
            None => return Ok(Vec::new()),
            Some(Value::Array(names)) if names.len() <= MOST_NAMES => names,
            Some(_) => return Err(Fields::bad(Field::Programs)),
        };
        let names = names.iter().map(|name| name.as_str().map(str::to_owned));
        let names: Option<Vec<String>> = names.collect();
        names.ok_or_else(|| Fields::bad(Field::Programs))
    }

    /// The same where it takes at least one, so that nobody stops all by leaving it out.
    pub(super) fn named_programs(&self) -> Result<Vec<String>, Refusal> {
        let programs = self.programs()?;
        match programs.is_empty() {
            true => Err(self.missing(Field::Programs)),
            false => Ok(programs),
        }
    }

    pub(super) fn boolean(&self, field: Field) -> Result<Option<bool>, Refusal> {
        let value = self.get(field);
        let read = |value: &Value| value.as_bool().ok_or_else(|| Fields::bad(field));
        value.map(read).transpose()
    }

    pub(super) fn is_set(&self, field: Field) -> Result<bool, Refusal> {
        Ok(self.boolean(field)?.unwrap_or(false))
    }

    pub(super) fn number(&self, field: Field, most: u32) -> Result<Option<u32>, Refusal> {
        let Some(value) = self.get(field) else {
            return Ok(None);
        };
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        match number.filter(|number| *number <= most) {
            Some(number) => Ok(Some(number)),
            None => Err(Fields::bad(field)),
        }
    }

    pub(super) fn duration(&self, field: Field) -> Result<Option<Duration>, Refusal> {
        let duration = match self.get(field) {
            None => return Ok(None),
            Some(Value::String(text)) => parse_duration(text).ok(),
            Some(Value::Number(number)) => match number.as_f64() {
                // With an exponent it is written, which no duration has.
                Some(tiny @ 0.0..0.001) => Some(Duration::from_nanos((tiny * 1e9 + 0.5) as u64)),
                Some(_) | None => parse_duration(&number.to_string()).ok(),
            },
            Some(_) => None,
        };
        duration.map(Some).ok_or_else(|| Fields::bad(field))
    }

    pub(super) fn signal(&self) -> Result<Signal, Refusal> {
        let signal = match self.get(Field::Signal) {
            None => return Err(self.missing(Field::Signal)),
            Some(Value::String(text)) => text.parse().ok(),
            Some(Value::Number(number)) => number
                .as_u64()
                .and_then(|number| i32::try_from(number).ok())
                .and_then(Signal::new),
            Some(_) => None,
        };
        signal.ok_or_else(|| Fields::bad(Field::Signal))
    }

    pub(super) fn one_of<T: Copy>(
        &self,
        field: Field,
        words: &[(&'static str, T)],
    ) -> Result<Option<T>, Refusal> {
        let Some(value) = self.get(field) else {
            return Ok(None);
        };
        let word = value.as_str();
        let found = words.iter().find(|(name, _)| Some(*name) == word);
        match found {
            Some((_, meaning)) => Ok(Some(*meaning)),
            None => Err(Fields::bad(field)),
        }
    }
}

impl Field {
    /// What it is to be.
    pub(crate) fn wanted(self) -> &'static str {
        match self {
            Field::Programs => {
                "an array of at most 1000 names, as [\"web\", \"worker:2\", \"db-*\"] or [\"all\"]"
            }
            Field::Wait | Field::Each | Field::DryRun | Field::Follow => "true or false",
            Field::Timeout => "a number of seconds, or a string as \"1m30s\"",
            Field::Signal => "a name as TERM or SIGTERM, RTMIN+n, or a number",
            Field::Scope => "leader, group or tree",
            Field::For => "running, ready, healthy, exited or stopped",
            Field::Stream => "stdout or stderr",
            Field::Lines => "a whole number",
            Field::Code => "a whole number from 0 to 255",
        }
    }
}
