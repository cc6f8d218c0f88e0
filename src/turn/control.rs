//! The control socket's part of a turn: requests become facts of the core as signals do,
//! and what the core answers becomes a line. What only asks is answered at once, out of
//! what is known; nobody is looked for in /proc but for `tree`.
//!
//! The stop needs nothing of this. What cannot be written at once is not waited for, and
//! at the end of lastout whoever still waits gets what fits.

use super::Lastout;
use crate::control::events::{Events, Told};
use crate::control::object::{Json, Object};
use crate::control::place::{Places, places};
use crate::control::server::{CLIENT, ClientId, LISTENER, Next, Server, TIME_FOR_ANSWERS};
use crate::control::settings::{STAYS, Settings, is_moved};
use crate::control::wire::{Code, Patience, Refusal, Request, Stream};
use crate::control::{answers, names};
use crate::linux::control::{Listener, NoSocket, own_uid};
use crate::linux::poll::{Poll, Token};
use crate::logs::message::{Channel, Query};
use crate::plan::UserSpec;
use crate::{linux::passwd, say, words};
use lastout_core::{
    Event, Notice, Outcome, ProgramId, Reply, Request as Asked, RequestId, Supervisor, Time,
};

mod logs;
mod questions;

/// The socket, and what is kept for who asks.
pub(super) struct Control {
    server: Server,
    /// What the configuration that it was opened by says.
    settings: Settings,
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
                    // What is in the way of the first place is worth a word, and so is what
                    // the environment names wrongly, and another lastout, beside which
                    // somebody may not have meant to start this one; that there is no such
                    // directory is not.
                    match why {
                        _ if is_named => log::error!("no control socket at {shown}: {why}"),
                        NoSocket::NoName
                        | NoSocket::InTheWay
                        | NoSocket::NotOurDirectory
                        | NoSocket::Taken => {
                            log::warn!("no control socket at {shown}: {why}");
                        }
                        NoSocket::Error(_) => {
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
                        settings: settings.clone(),
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
    /// somebody talks over it, and may have asked for just that.
    fn adapt(&mut self, settings: Option<&Settings>) {
        if is_moved(Some(&self.settings), settings) {
            log::warn!("the control socket {STAYS}");
        }
        if let Some(settings) = settings {
            self.server.set_readers(uids(&settings.readers));
        }
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
        line.put("event", happened.to_json());
        let program = happened.program();
        self.server.happened(now, poll, program, &line.into_json());
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
type Answer = Result<Option<Json>, Refusal>;

impl Lastout {
    /// The configuration was read again, and says this of the socket.
    pub(super) fn adapt_control(&mut self, settings: Option<&Settings>) {
        match (&mut self.control, settings) {
            (Some(control), settings) => control.adapt(settings),
            (None, Some(settings)) => self.control = Control::open(settings, &self.poll),
            (None, None) => {}
        }
    }

    /// Step 5: a client, or a new one.
    pub(super) fn serve_client(&mut self, now: Time, token: Token) {
        let Some(control) = &mut self.control else {
            return;
        };
        if token == LISTENER {
            // After those who are there already.
            return control.server.knock();
        }
        let client = Server::client_of(token);
        control.server.serve(now, &self.poll, client);
    }

    /// Those who have taken too long, those who have just come, and all who have asked.
    pub(super) fn serve_the_rest(&mut self, now: Time) {
        let Some(control) = &mut self.control else {
            return;
        };
        if control.server.deadline().is_some_and(|at| at <= now) {
            control.server.expire(now, &self.poll);
        }
        control.server.accept(now, &self.poll);
        self.answer_clients(now);
        self.withdraw(now);
    }

    fn withdraw(&mut self, now: Time) {
        let withdrawn = self.control.as_mut();
        let withdrawn = withdrawn.map(|control| control.server.take_withdrawn());
        for id in withdrawn.unwrap_or_default() {
            self.tell_core(now, Event::Withdrawn { id });
        }
    }

    /// One request of each, and again, for as long as a turn may take: to look for all
    /// processes may take 20 ms, and who asks a hundred times must not hold up the rest.
    fn answer_clients(&mut self, now: Time) {
        let asked = self.control.as_ref().is_some_and(|it| it.has_more());
        if !asked {
            return;
        }
        let until = self.clock.now().plus(TIME_FOR_ANSWERS);
        while let Some(control) = &mut self.control
            && let Some(next) = control.server.next(now, &self.poll)
        {
            if let Next::Request(client, request) = next {
                self.answer_client(now, client, request);
            }
            if self.clock.now() >= until {
                return;
            }
        }
    }

    fn answer_client(&mut self, now: Time, client: ClientId, request: Request) {
        log::trace!("a client asks for {}", request.verb().name());
        let reply = match self.answer(now, client, request) {
            Ok(None) => return,
            Ok(Some(reply)) => reply,
            Err(refusal) => refusal.to_reply(),
        };
        if let Some(control) = &mut self.control {
            control.server.answer(now, &self.poll, client, &reply);
        }
    }

    #[expect(
        clippy::too_many_lines,
        reason = "a flat table, an arm a verb; in pieces it would be harder to read"
    )]
    fn answer(&mut self, now: Time, client: ClientId, request: Request) -> Answer {
        let at_once = Patience {
            wait: false,
            each: false,
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
            Request::Logs {
                programs,
                stream,
                lines,
                follow,
            } => {
                let query = Query {
                    programs: Vec::new(),
                    channel: stream.map(|stream| match stream {
                        Stream::Stdout => Channel::Stdout,
                        Stream::Stderr => Channel::Stderr,
                    }),
                    lines,
                    follow,
                };
                return self.logs(client, &programs, query);
            }
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
                each,
                timeout,
            } => {
                let programs = self.find(&programs)?;
                let patience = Patience {
                    wait: true,
                    each,
                    timeout,
                };
                (Asked::Wait { programs, until }, patience)
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
            each: patience.each,
        };
        self.tell_core(now, event);
        self.carry_out(now);
    }

    /// The core has decided something of what it will answer.
    pub(super) fn decided(&mut self, now: Time, id: RequestId, of: (ProgramId, &Outcome)) {
        let Some(control) = &mut self.control else {
            return;
        };
        let spec = self.core.spec();
        let line = || answers::decided(spec, now, of);
        control.server.tell_of_request(now, &self.poll, id, &line);
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
                reply.into_json()
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
}
