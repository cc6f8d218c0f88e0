//! What clients only ask: answered at once, out of what is known.

use super::Answer;
use crate::control::answers::{self, Beside};
use crate::control::object::{Json, Object};
use crate::control::server::ClientId;
use crate::control::wire::{Code, LONGEST_REPLY, PROTOCOL, Refusal};
use crate::linux::people::Resident;
use crate::turn::Lastout;
use crate::words;
use lastout_core::{ProgramId, Time};

/// How much is told of what happened: the other half of what a client may leave unread is
/// for what happens while it reads.
const MOST_OF_EVENTS: usize = LONGEST_REPLY / 2;

impl Lastout {
    pub(super) fn hello(&self, client: ClientId) -> Json {
        let may = self.control.as_ref().map(|it| it.server.may(client));
        let mut reply = Object::reply(true);
        reply.put("server", "lastout");
        reply.put("version", env!("CARGO_PKG_VERSION"));
        reply.put("protocol", PROTOCOL);
        reply.put("pid", std::process::id());
        reply.put("access", may.unwrap_or_default());
        reply.into_json()
    }

    pub(super) fn status(&self, now: Time, programs: &[String]) -> Answer {
        let ids = self.find(programs)?;
        let not_well = self.core.not_well();
        let is_well = !self.core.is_stopping() && !not_well.iter().any(|id| ids.contains(id));
        let mut statuses = ids.into_iter().filter_map(|id| {
            let status = self.core.status(now, id)?;
            let pid = status.run.and_then(|run| self.people.leader(run));
            let beside = Beside {
                pid: pid.map(|person| person.id()),
                next: self.next_time_of(id),
            };
            let spec = self.core.spec();
            Some(answers::status(spec, now, id, &status, beside))
        });
        let mut reply = Object::reply(true);
        reply.list("programs", &mut statuses);
        reply.put("well", is_well);
        Ok(Some(reply.into_json()))
    }

    pub(super) fn why(&self, now: Time, programs: &[String]) -> Answer {
        let ids = match programs.is_empty() {
            false => self.find(programs)?,
            // In the shutdown: who keeps it waiting.
            true if self.core.is_stopping() => {
                let lives = |id: &ProgramId| {
                    let status = self.core.status(now, *id);
                    status.is_some_and(|status| status.run.is_some())
                };
                self.find(programs)?.into_iter().filter(lives).collect()
            }
            true => self.core.not_well(),
        };
        let mut chains = ids.into_iter().map(|id| answers::why(&self.core, now, id));
        let mut reply = Object::reply(true);
        reply.list("programs", &mut chains);
        Ok(Some(reply.into_json()))
    }

    pub(super) fn tree(&self, now: Time) -> Answer {
        let Some((residents, more)) = self.people.residents() else {
            let message = "who is there cannot be told without /proc";
            return Err(Refusal::new(Code::Unavailable, message));
        };
        // Asked once of each, and not by every program: that was 8 ms of a thousand.
        let owner = |resident: &Resident| resident.run.and_then(|run| self.core.program_of(run));
        let owners: Vec<Option<ProgramId>> = residents.iter().map(owner).collect();
        let of = |program: Option<ProgramId>| {
            let all = residents.iter().zip(&owners);
            let of = all.filter(|(_, owner)| **owner == program);
            of.map(|(of, _)| resident(of)).collect::<Vec<Json>>()
        };
        let spec = self.core.spec();
        let mut programs: Vec<Json> = Vec::new();
        for id in self.find(&[])? {
            let processes = of(Some(id));
            if processes.is_empty() {
                continue;
            }
            let mut program = Object::default();
            program.put("name", words::name(spec, id));
            if let Some(status) = self.core.status(now, id) {
                program.put("state", status.state.as_str());
            }
            program.put("told", answers::told(&self.core, now, id));
            program.put("processes", processes);
            programs.push(program.into_json());
        }
        let mut reply = Object::reply(true);
        reply.put("programs", programs);
        reply.put("strays", of(None));
        reply.put("strays_told", "SIGTERM when all programs are gone");
        if more > 0 {
            reply.put("not_named", more);
        }
        Ok(Some(reply.into_json()))
    }

    pub(super) fn events(
        &mut self,
        now: Time,
        client: ClientId,
        programs: &[String],
        follow: bool,
    ) -> Answer {
        // Of who was removed there is something to tell, too.
        let names: Option<Vec<String>> = match programs.is_empty() {
            true => None,
            false => {
                let ids = self.find(programs)?;
                let spec = self.core.spec();
                Some(
                    ids.iter()
                        .map(|id| words::name(spec, *id).to_owned())
                        .collect(),
                )
            }
        };
        let Some(control) = &mut self.control else {
            return Ok(None);
        };
        let (told, left_out) = control.events.told_of(names.as_deref(), MOST_OF_EVENTS);
        let mut reply = Object::reply(true);
        reply.put("events", told);
        if left_out > 0 {
            reply.put("left_out", left_out);
        }
        let reply = reply.into_json();
        if follow {
            let names = names.unwrap_or_default();
            control
                .server
                .follows(now, &self.poll, client, (&reply, names));
            return Ok(None);
        }
        Ok(Some(reply))
    }

    pub(super) fn may_reload(&self) -> Result<(), Refusal> {
        match self.origin {
            Some(_) => Ok(()),
            None => {
                let message = "lastout was started with a command, and has no configuration";
                Err(Refusal::new(Code::NoConfiguration, message))
            }
        }
    }

    pub(super) fn would_reload(&mut self) -> Answer {
        self.may_reload()?;
        let Some(origin) = &self.origin else {
            return Ok(None);
        };
        let loaded = origin
            .look()
            .map_err(|errors| Refusal::new(Code::BadConfiguration, errors.trim_end()))?;
        let changes = self.changes_to(&loaded.plan);
        Ok(Some(answers::changes(&changes, false)))
    }
}

fn resident(resident: &Resident) -> Json {
    let mut process = Object::default();
    process.put("pid", resident.pid);
    process.put("parent", resident.parent);
    process.put("command", resident.command.as_str());
    process.into_json()
}
