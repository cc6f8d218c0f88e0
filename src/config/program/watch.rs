//! The keys that say how a program is watched: whether it is ready, and whether it is well.

use std::time::Duration;

use lastout_core::{HealthAction, Healthcheck, Kind, ProbeTimes, ProgramSpec, Readiness, ReadyBy};

use super::super::address::{parse_http, parse_tcp};
use super::super::problem::{Problem, Problems};
use super::super::tree::Value;
use super::super::value::Field;
use super::parts::Parts;
use super::{Reader, Setting};
use crate::plan::{Launch, Probe, Ready};

const READY: [&str; 9] = [
    "notify",
    "fd",
    "log",
    "tcp",
    "http",
    "exec",
    "interval",
    "timeout",
    "start_timeout",
];

const HEALTHCHECK: [&str; 8] = [
    "tcp",
    "http",
    "exec",
    "interval",
    "timeout",
    "retries",
    "start_period",
    "action",
];

/// Descriptors that a program may be given: those of its own stdio are taken, and more
/// than the usual limit of open files has no number.
const DESCRIPTORS: (i64, i64) = (3, 1023);

/// The text of a line: one that a person chose, and short enough to be looked for.
const LONGEST_TEXT: usize = 1000;

impl<'a> Reader<'a> {
    pub(super) fn watch(
        &self,
        spec: &mut ProgramSpec,
        launch: &mut Launch,
        problems: &mut Problems,
    ) {
        if let Some(field) = self.field("ready")
            && let Some((ready, readiness)) = self.ready(field, problems)
        {
            if spec.kind == Kind::Oneshot {
                let problem = field.wrong("a oneshot is done when it ends, not ready before");
                problems.error(problem);
            }
            if !self.is_set("startsecs") {
                spec.startsecs = Duration::ZERO;
            }
            launch.notify = ready == Ready::Notify;
            launch.ready = Some(ready);
            spec.readiness = Some(readiness);
        }
        if let Some(field) = self.field("healthcheck")
            && let Some((probe, healthcheck)) = self.healthcheck(field, problems)
        {
            launch.health = Some(probe);
            spec.healthcheck = Some(healthcheck);
        }
        let mut set = Setting {
            reader: self,
            problems,
        };
        set.to(&mut spec.watchdog, "watchdog", |f| f.some_time().map(Some));
        launch.notify |= spec.watchdog.is_some();
    }

    fn ready(&self, field: Field<'a>, problems: &mut Problems) -> Option<(Ready, Readiness)> {
        let mut readiness = Readiness::new(ReadyBy::Message);
        if field.node.value.string() == Some("notify") {
            return Some((Ready::Notify, readiness));
        }
        let Value::Table(table) = &field.node.value else {
            let what = match field.node.value.string() {
                Some(_) => field.wrong("expected \"notify\" or a table"),
                None => field.expected("\"notify\" or a table"),
            };
            problems.error(what.note("as { tcp = \"localhost:5432\" }"));
            return None;
        };
        let [ways @ .., _, _, _] = &READY;
        let parts = Parts { field, table };
        let way = parts.one_of(&READY, ways, problems);
        let mut times = ProbeTimes::OF_READY;
        parts.times(&mut times, problems);
        if let Some(field) = parts.get("start_timeout") {
            problems.take_into(&mut readiness.start_timeout, field.some_time());
        }
        let way = way?;
        let ready = match way.name {
            "notify" => problems.take(match way.boolean() {
                Ok(true) => Ok(Ready::Notify),
                Ok(false) => Err(way.wrong("it can only be true")),
                Err(problem) => Err(problem),
            }),
            "fd" => {
                let number = way.small_integer(DESCRIPTORS.0, DESCRIPTORS.1);
                problems.take(number).map(Ready::Descriptor)
            }
            "log" => problems.take(text_of_line(way)).map(Ready::Line),
            _ => {
                readiness.by = ReadyBy::Probe(times);
                self.probe(way, problems).map(Ready::Probe)
            }
        };
        if readiness.by == ReadyBy::Message {
            for name in ["interval", "timeout"] {
                if let Some(field) = parts.get(name) {
                    problems.error(field.wrong("only with `tcp`, `http` or `exec`"));
                }
            }
        }
        Some((ready?, readiness))
    }

    fn healthcheck(
        &self,
        field: Field<'a>,
        problems: &mut Problems,
    ) -> Option<(Probe, Healthcheck)> {
        let mut health = Healthcheck::DEFAULT;
        let Value::Table(table) = &field.node.value else {
            let problem = field.expected("a table");
            problems.error(problem.note("as { http = \"http://localhost:8080/health\" }"));
            return None;
        };
        let [tcp, http, exec, ..] = HEALTHCHECK;
        let parts = Parts { field, table };
        let way = parts.one_of(&HEALTHCHECK, &[tcp, http, exec], problems);
        parts.times(&mut health.times, problems);
        if let Some(field) = parts.get("retries") {
            let retries = field.small_integer(1, i64::from(u32::MAX));
            problems.take_into(&mut health.retries, retries);
        }
        if let Some(field) = parts.get("start_period") {
            problems.take_into(&mut health.start_period, field.duration());
        }
        if let Some(field) = parts.get("action") {
            let action = field.choice(&[
                ("restart", HealthAction::Restart),
                ("shutdown", HealthAction::Shutdown),
                ("none", HealthAction::Nothing),
            ]);
            problems.take_into(&mut health.action, action);
        }
        Some((self.probe(way?, problems)?, health))
    }

    fn probe(&self, field: Field<'a>, problems: &mut Problems) -> Option<Probe> {
        if field.name == "exec" {
            return self.command(field, problems).map(Probe::Exec);
        }
        problems.take(self.address(field))
    }

    fn address(&self, field: Field<'a>) -> Result<Probe, Problem> {
        let (hint, is_tcp) = match field.name {
            "tcp" => ("as \"localhost:5432\"", true),
            _ => ("as \"http://localhost:8080/health\"", false),
        };
        let bytes = self.expanded(field, "a string").map_err(|problem| {
            match field.node.value.string() {
                Some(_) => problem,
                None => problem.note(hint),
            }
        })?;
        let text = String::from_utf8(bytes).map_err(|_| field.wrong("not UTF-8"))?;
        let probe = match is_tcp {
            true => parse_tcp(&text).map(Probe::Tcp),
            false => parse_http(&text).map(|(address, target)| Probe::Http { address, target }),
        };
        probe.map_err(|why| field.wrong(why).note(hint))
    }
}

/// What a line contains, as it stands: no variables are in it.
fn text_of_line(field: Field<'_>) -> Result<Vec<u8>, Problem> {
    let hint = format!("a part of a line, of 1 to {LONGEST_TEXT} bytes");
    let text = field.string("a string").map_err(|p| p.note(&hint))?;
    let why = match text {
        "" => "the text is empty",
        text if text.contains('\n') => "no line contains a newline",
        text if text.len() > LONGEST_TEXT => "too long",
        text => return Ok(text.as_bytes().to_vec()),
    };
    Err(field.wrong(why).note(hint))
}

impl Parts<'_> {
    fn times(&self, times: &mut ProbeTimes, problems: &mut Problems) {
        if let Some(field) = self.get("interval") {
            problems.take_into(&mut times.interval, field.some_time());
        }
        if let Some(field) = self.get("timeout") {
            problems.take_into(&mut times.timeout, field.some_time());
        }
    }
}
