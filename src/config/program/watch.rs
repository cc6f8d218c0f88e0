//! The keys that say how a program is watched: whether it is ready, and whether it is well.

use std::time::Duration;

use lastout_core::{HealthAction, Healthcheck, Kind, ProbeTimes, ProgramSpec, Readiness, ReadyBy};

use super::super::address::{parse_http, parse_tcp};
use super::super::keys;
use super::super::problem::{Problem, Problems};
use super::super::tree::{self, Table, Value};
use super::super::value::Field;
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
            "log" => {
                let problem = way.wrong("this version does not read what a program writes");
                problems.error(problem.note("valid: `notify`, `fd`, `tcp`, `http`, `exec`"));
                None
            }
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

/// A key that is a table of keys.
#[derive(Clone, Copy)]
struct Parts<'a> {
    field: Field<'a>,
    table: &'a Table,
}

impl<'a> Parts<'a> {
    fn get(&self, name: &str) -> Option<Field<'a>> {
        tree::get(self.table, name).map(|entry| self.field.inner(entry))
    }

    /// The one that is set of some that exclude each other; refuses what is no part.
    fn one_of(&self, all: &[&str], ways: &[&str], problems: &mut Problems) -> Option<Field<'a>> {
        let section = format!("`{}` in {}", self.field.name, self.field.section);
        keys::refuse_unknown(self.table, &section, all, problems);
        let mut set = self
            .table
            .iter()
            .filter(|e| ways.contains(&e.name.as_str()));
        let first = set.next().map(|entry| self.field.inner(entry));
        let valid = || format!("one of: {}", ways.join(", "));
        match (first, set.next()) {
            (Some(first), None) => return Some(first),
            (Some(first), Some(second)) => {
                problems.error(
                    self.field
                        .wrong(format_args!(
                            "only one of `{}` and `{}`",
                            first.name, second.name
                        ))
                        .moved_to(second.place),
                );
            }
            // What is unknown was told already, and is most likely what was meant.
            (None, _) if self.table.iter().any(|e| !all.contains(&e.name.as_str())) => {}
            (None, _) => {
                let problem = self.field.wrong("it does not say how").note(valid());
                problems.error(problem.of_absence());
            }
        }
        None
    }

    fn times(&self, times: &mut ProbeTimes, problems: &mut Problems) {
        if let Some(field) = self.get("interval") {
            problems.take_into(&mut times.interval, field.some_time());
        }
        if let Some(field) = self.get("timeout") {
            problems.take_into(&mut times.timeout, field.some_time());
        }
    }
}
