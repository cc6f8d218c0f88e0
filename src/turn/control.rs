//! The control socket's part of a turn: requests become facts of the core as signals do,
//! and what the core answers becomes a line. What only asks is answered at once, out of
//! what is known; nobody is looked for in /proc but for `tree`.
//!
//! The stop needs nothing of this. What cannot be written at once is not waited for, and
//! at the end of lastout whoever still waits gets what fits.

use lastout_core::{
    Event, Notice, ProgramId, Reply, Request as Asked, RequestId, Supervisor, Time,
};
use serde_json::Value;

use super::Lastout;
use crate::control::events::{Events, Told};
use crate::control::object::Object;
use crate::control::place::{Places, places};
use crate::control::server::{CLIENT, ClientId, LISTENER, Server};
use crate::control::settings::Settings;
use crate::control::wire::{Code, PROTOCOL, Patience, Refusal, Request};
use crate::control::{answers, names};
use crate::linux::control::{Listener, NoSocket, own_uid};
use crate::linux::people::Resident;
use crate::linux::poll::{Poll, Token};
use crate::plan::{Output, UserSpec};
use crate::{linux::passwd, say, words};

/// The socket, and what is kept for who asks.
pub(super) struct Control {
    server: Server,
    events: Events,
    next_request: u64,
}

impl Control {
    /// Begins to listen, where that can be had.
    pub(super) fn open(settings: &Settings, poll: &Poll) -> Option<Box<Control>> {
        let variable = |name: &str| std::env::var_os(name);
        let Places { places, is_named } = places(variable, settings.socket.as_deref(), own_uid());
        let for_others = !settings.readers.is_empty();
        for place in &places {
            let listener = match Listener::open(place, is_named, for_others) {
                Ok(listener) => listener,
                Err(why) => {
                    let shown = place.shown();
                    // What is in the way of the first place is worth a word; that there
                    // is no such directory is not.
                    match why {
                        _ if is_named => log::error!("no control socket at {shown}: {why}"),
                        NoSocket::InTheWay | NoSocket::NotOurDirectory => {
                            log::warn!("no control socket at {shown}: {why}");
                        }
                        NoSocket::Taken | NoSocket::Error(_) => {
                            log::debug!("no control socket at {shown}: {why}");
                        }
                    }
                    continue;
                }
            };
            match Server::new(listener, uids(&settings.readers), poll) {
                Ok(server) => {
                    log::debug!("control socket: {}", place.shown());
                    return Some(Box::new(Control {
                        server,
                        events: Events::default(),
                        next_request: 0,
                    }));
                }
                Err(error) => log::error!("no control socket at {}: {error}", place.shown()),
            }
        }
        if !is_named {
            log::info!("no control socket: no place for it is free; LASTOUT_SOCKET names another");
        }
        None
    }

    /// Whether this is the socket's or a client's token.
    pub(super) fn is_own(token: Token) -> bool {
        token == LISTENER || token.0 & CLIENT != 0
    }

    /// Whether there is more to do at once.
    pub(super) fn has_more(&self) -> bool {
        self.server.has_more()
    }

    /// When somebody has taken too long.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.server.deadline()
    }

    /// The configuration was read again. Where the socket is does not change while
    /// somebody talks over it.
    pub(super) fn adapt(&mut self, settings: &Settings) {
        self.server.set_readers(uids(&settings.readers));
    }

    /// Takes the socket away.
    pub(super) fn unlink(&self) {
        self.server.listener().unlink();
    }

    /// Takes note of what people were told.
    pub(super) fn note(
        &mut self,
        (now, poll): (Time, &Poll),
        core: &Supervisor,
        (notice, leader): (&Notice, Option<i32>),
        (about, text): (Option<ProgramId>, &str),
    ) {
        let about = about.and_then(|id| {
            let state = core.status(now, id)?.state;
            Some((id, words::name(core.spec(), id), state))
        });
        let told = Told {
            notice,
            text,
            about,
            leader,
        };
        let happened = self.events.note(say::now_as_rfc_3339(), told);
        let Some(happened) = happened.filter(|_| self.server.has_followers()) else {
            return;
        };
        let mut line = Object::default();
        line.put("event", happened.to_value());
        let program = happened.program();
        self.server.happened(now, poll, program, &line.into_value());
    }

    fn new_request(&mut self) -> RequestId {
        self.next_request += 1;
        RequestId(self.next_request)
    }
}

/// The numbers of these users, of whom one that there is not may ask nothing.
fn uids(readers: &[String]) -> Vec<u32> {
    let mut uids = Vec::new();
    for reader in readers {
        let user = UserSpec {
            user: reader.clone(),
            group: None,
        };
        match passwd::resolve(&user) {
            Ok(identity) => uids.push(identity.uid),
            Err(error) => log::warn!("[control] readers: {error}"),
        }
    }
    uids
}

/// What a request is answered with, if it is answered at once.
type Answer = Result<Option<Value>, Refusal>;

impl Lastout {
    /// Step 5: a client, or a new one.
    pub(super) fn serve_client(&mut self, now: Time, token: Token) {
        let Some(control) = &mut self.control else {
            return;
        };
        if token == LISTENER {
            return control.server.accept(now, &self.poll);
        }
        let client = Server::client_of(token);
        control.server.serve(now, &self.poll, client);
        self.answer_client(now, client);
    }

    /// Those who have sent more than a turn takes, and those who have taken too long.
    pub(super) fn serve_the_rest(&mut self, now: Time) {
        let Some(control) = &mut self.control else {
            return;
        };
        if control.server.deadline().is_some_and(|at| at <= now) {
            control.server.expire(now, &self.poll);
        }
        for client in control.server.unfinished() {
            self.answer_client(now, client);
        }
        self.withdraw(now);
    }

    fn withdraw(&mut self, now: Time) {
        let withdrawn = self.control.as_mut();
        let withdrawn = withdrawn.map(|control| control.server.take_withdrawn());
        for id in withdrawn.unwrap_or_default() {
            self.tell_core(now, Event::Withdrawn { id });
        }
    }

    fn answer_client(&mut self, now: Time, client: ClientId) {
        while let Some(control) = &mut self.control
            && let Some(request) = control.server.next_request(now, &self.poll, client)
        {
            log::trace!("a client asks for {}", request.verb().name());
            let answer = self.answer(now, client, request);
            let reply = match answer {
                Ok(None) => continue,
                Ok(Some(reply)) => reply,
                Err(refusal) => refusal.to_reply(),
            };
            if let Some(control) = &mut self.control {
                control.server.answer(now, &self.poll, client, &reply);
            }
        }
    }

    fn answer(&mut self, now: Time, client: ClientId, request: Request) -> Answer {
        let at_once = Patience {
            wait: false,
            timeout: None,
        };
        let (asked, patience) = match request {
            Request::Hello => return Ok(Some(self.hello(client))),
            Request::Status { programs } => return self.status(now, &programs),
            Request::Health => return Ok(Some(answers::health(&self.core, now))),
            Request::Why { programs } => return self.why(now, &programs),
            Request::Tree => return self.tree(now),
            Request::Report => return Ok(Some(self.report.so_far())),
            Request::Events { programs, follow } => {
                return self.events(now, client, &programs, follow);
            }
            Request::Logs { .. } => return self.logs(client, request),
            Request::Reload { dry_run: true } => return self.would_reload(),
            Request::Reload { dry_run: false } => {
                self.may_reload()?;
                (
                    Asked::Reload,
                    Patience {
                        wait: true,
                        ..at_once
                    },
                )
            }
            Request::Start { programs, patience } => {
                let programs = self.find(&programs)?;
                (Asked::Start { programs }, patience)
            }
            Request::Stop { programs, patience } => {
                let programs = self.find(&programs)?;
                (Asked::Stop { programs }, patience)
            }
            Request::Restart { programs, patience } => {
                let programs = self.find(&programs)?;
                (Asked::Restart { programs }, patience)
            }
            Request::ReloadPrograms { programs, patience } => {
                let programs = self.find(&programs)?;
                (Asked::ReloadPrograms { programs }, patience)
            }
            Request::Signal {
                programs,
                signal,
                scope,
            } => {
                let programs = self.find(&programs)?;
                let asked = Asked::Signal {
                    programs,
                    signal,
                    scope,
                };
                (asked, at_once)
            }
            Request::Wait {
                programs,
                until,
                timeout,
            } => {
                let programs = self.find(&programs)?;
                let wait = true;
                (Asked::Wait { programs, until }, Patience { wait, timeout })
            }
            Request::Shutdown { code } => (Asked::Shutdown { code }, at_once),
        };
        self.ask_core(now, client, asked, patience);
        Ok(None)
    }

    fn ask_core(&mut self, now: Time, client: ClientId, request: Asked, patience: Patience) {
        let Some(control) = &mut self.control else {
            return;
        };
        let id = control.new_request();
        control.server.waits(now, &self.poll, client, id);
        let event = Event::Requested {
            id,
            request,
            deadline: patience.timeout.map(|time| now.plus(time)),
            wait: patience.wait,
        };
        self.tell_core(now, event);
        self.carry_out(now);
    }

    /// The core answers.
    pub(super) fn reply(&mut self, now: Time, id: RequestId, reply: &Reply) {
        let Some(control) = &mut self.control else {
            return;
        };
        let spec = self.core.spec();
        let line = match reply {
            Reply::Programs(programs) => answers::outcomes(spec, now, programs),
            Reply::Reloaded(changes) => answers::changes(changes, true),
            Reply::LoadFailed => {
                let message = self.load_errors.take();
                let message = message.unwrap_or_else(|| String::from("it cannot be read"));
                Refusal::new(Code::BadConfiguration, message).to_reply()
            }
            Reply::ShutdownBegun => {
                let mut reply = Object::reply(true);
                reply.put("text", "the shutdown begins");
                reply.into_value()
            }
            Reply::Refused(why) => answers::refused(*why).to_reply(),
        };
        control.server.answer_request(now, &self.poll, id, &line);
    }

    fn find(&self, programs: &[String]) -> Result<Vec<ProgramId>, Refusal> {
        let all = (0..).map(ProgramId).zip(&self.core.spec().programs);
        let shown = all.filter(|(id, _)| self.core.is_shown(*id));
        let known: Vec<(ProgramId, &str)> = shown
            .map(|(id, program)| (id, program.name.as_str()))
            .collect();
        names::find(&known, programs)
    }

    fn hello(&self, client: ClientId) -> Value {
        let may = self.control.as_ref().map(|it| it.server.may(client));
        let mut reply = Object::reply(true);
        reply.put("server", "lastout");
        reply.put("version", env!("CARGO_PKG_VERSION"));
        reply.put("protocol", PROTOCOL);
        reply.put("pid", std::process::id());
        reply.put("access", may.unwrap_or_default());
        reply.into_value()
    }

    fn status(&self, now: Time, programs: &[String]) -> Answer {
        let ids = self.find(programs)?;
        let statuses = ids.into_iter().filter_map(|id| {
            let status = self.core.status(now, id)?;
            let pid = status.run.and_then(|run| self.people.leader(run));
            let pid = pid.map(|person| person.id());
            let spec = self.core.spec();
            Some(answers::status(spec, now, id, &status, pid))
        });
        let statuses: Vec<Value> = statuses.collect();
        let mut reply = Object::reply(true);
        reply.put("programs", statuses);
        reply.put("well", self.core.is_all_well());
        Ok(Some(reply.into_value()))
    }

    fn why(&self, now: Time, programs: &[String]) -> Answer {
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
        let chains = ids.into_iter().map(|id| answers::why(&self.core, now, id));
        let chains: Vec<Value> = chains.collect();
        let mut reply = Object::reply(true);
        reply.put("programs", chains);
        Ok(Some(reply.into_value()))
    }

    fn tree(&self, now: Time) -> Answer {
        let Some((residents, more)) = self.people.residents() else {
            let message = "who is there cannot be told without /proc";
            return Err(Refusal::new(Code::Unavailable, message));
        };
        let of = |program: Option<ProgramId>| {
            let of = residents.iter().filter(|resident| {
                resident.run.and_then(|run| self.core.program_of(run)) == program
            });
            of.map(resident).collect::<Vec<Value>>()
        };
        let spec = self.core.spec();
        let mut programs: Vec<Value> = Vec::new();
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
            programs.push(program.into_value());
        }
        let mut reply = Object::reply(true);
        reply.put("programs", programs);
        reply.put("strays", of(None));
        reply.put("strays_told", "SIGTERM when all programs are gone");
        if more > 0 {
            reply.put("not_named", more);
        }
        Ok(Some(reply.into_value()))
    }

    fn events(&mut self, now: Time, client: ClientId, programs: &[String], follow: bool) -> Answer {
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
        let mut reply = Object::reply(true);
        reply.put("events", control.events.told_of(names.as_deref()));
        let reply = reply.into_value();
        if follow {
            let names = names.unwrap_or_default();
            control
                .server
                .follows(now, &self.poll, client, (&reply, names));
            return Ok(None);
        }
        Ok(Some(reply))
    }

    /// The relay has what was written, and talks to the client itself from then on.
    fn logs(&mut self, _client: ClientId, request: Request) -> Answer {
        let Request::Logs { programs, .. } = request else {
            return Ok(None);
        };
        let is_relayed = |id: &ProgramId| {
            let launch = self.launches.get(id.0 as usize);
            launch.is_some_and(|launch| {
                let outputs = [&launch.stdout, &launch.stderr];
                let relayed = |output: &&Output| matches!(output, Output::Relayed(_));
                outputs.iter().any(relayed)
            })
        };
        let asked_for = self.find(&programs)?;
        let spec = self.core.spec();
        let (relayed, direct): (Vec<ProgramId>, Vec<ProgramId>) =
            asked_for.into_iter().partition(is_relayed);
        let hint = "with stdout = \"prefix\", \"json\" or a file it comes by lastout";
        match (relayed.as_slice(), direct.as_slice()) {
            ([], [first, ..]) if !programs.is_empty() => {
                let name = words::name(spec, *first);
                let message = format!("what {name} writes goes straight to lastout's own output");
                Err(Refusal::new(Code::NotRelayed, message).hint(hint))
            }
            ([], _) => {
                let message = "what programs write goes straight to lastout's own output";
                Err(Refusal::new(Code::NotRelayed, message).hint(hint))
            }
            _ => Err(Refusal::new(Code::Unavailable, "there is no relay")),
        }
    }

    fn may_reload(&self) -> Result<(), Refusal> {
        match self.origin {
            Some(_) => Ok(()),
            None => {
                let message = "lastout was started with a command, and has no configuration";
                Err(Refusal::new(Code::NoConfiguration, message))
            }
        }
    }

    fn would_reload(&mut self) -> Answer {
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

fn resident(resident: &Resident) -> Value {
    let mut process = Object::default();
    process.put("pid", resident.pid);
    process.put("parent", resident.parent);
    process.put("command", resident.command.as_str());
    process.into_value()
}
