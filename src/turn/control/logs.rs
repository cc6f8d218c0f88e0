//! `logs`: PID 1 hands the connection over to the relay, which has what was written, and
//! says why where there is nothing that the relay could tell.

use lastout_core::ProgramId;

use super::Answer;
use crate::control::object::Object;
use crate::control::server::ClientId;
use crate::control::wire::{Code, Refusal};
use crate::logs::message::{Channel, Query};
use crate::plan::{Launch, Output};
use crate::turn::{Lastout, NotServed};
use crate::words;

impl Lastout {
    /// The relay talks to the client itself from then on.
    pub(super) fn logs(
        &mut self,
        client: ClientId,
        programs: &[String],
        mut query: Query,
    ) -> Answer {
        let asked_for = self.find(programs)?;
        let unheard = asked_for.iter().filter_map(|id| {
            let how = unheard(self.launch_of(*id)?, query.channel)?;
            Some((*id, how))
        });
        let unheard: Vec<(ProgramId, Unheard)> = unheard.collect();
        let is_any_heard = unheard.len() < asked_for.len();
        let spec = self.core.spec();
        match unheard.first() {
            // Of all those that are, where nobody was named.
            Some(_) if programs.is_empty() && is_any_heard => {}
            Some((_, how)) if programs.is_empty() => {
                return Err(not_relayed("every program", *how, query.channel));
            }
            Some((id, how)) => {
                return Err(not_relayed(words::name(spec, *id), *how, query.channel));
            }
            None => {}
        }
        if !programs.is_empty() {
            let names = asked_for.iter().map(|id| words::name(spec, *id).to_owned());
            query.programs = names.collect();
        }
        let order = self.order_to_serve(query).map_err(not_served)?;
        let control = self.control.as_mut();
        let reply = Object::reply(true).into_json();
        let descriptor =
            control.and_then(|control| control.server.hand_over(&self.poll, client, &reply));
        if let Some(descriptor) = descriptor {
            self.serve_output(order, descriptor);
        }
        Ok(None)
    }

    fn launch_of(&self, id: ProgramId) -> Option<&Launch> {
        self.launches.get(self.core.launched_as(id).0 as usize)
    }
}

/// Where goes what the relay does not hear.
#[derive(Clone, Copy)]
enum Unheard {
    Straight,
    Away,
    Along,
}

/// Where goes what is asked for, if the relay hears nothing of it.
fn unheard(launch: &Launch, channel: Option<Channel>) -> Option<Unheard> {
    let output = match channel {
        None if launch.is_relayed() => return None,
        None | Some(Channel::Stdout) => &launch.stdout,
        Some(Channel::Stderr) => &launch.stderr,
    };
    match output {
        Output::Relayed(_) => None,
        Output::Inherit => Some(Unheard::Straight),
        Output::Null => Some(Unheard::Away),
        Output::Stdout => Some(Unheard::Along),
    }
}

fn not_relayed(who: &str, how: Unheard, channel: Option<Channel>) -> Refusal {
    let (stream, to) = match channel {
        None => ("stdout", ""),
        Some(Channel::Stdout) => ("stdout", " to stdout"),
        Some(Channel::Stderr) => ("stderr", " to stderr"),
    };
    let what = match how {
        Unheard::Straight => "goes straight to lastout's own output",
        Unheard::Away => "is thrown away",
        Unheard::Along => "goes along with its stdout",
    };
    let hint = match how {
        Unheard::Straight | Unheard::Away => {
            format!("with {stream} = \"prefix\", \"json\" or a file it comes by lastout")
        }
        Unheard::Along => String::from("ask without a stream"),
    };
    Refusal::new(Code::NotRelayed, format!("what {who} writes{to} {what}")).hint(hint)
}

fn not_served(why: NotServed) -> Refusal {
    match why {
        NotServed::NothingKept => {
            let message = "nothing is kept of what these programs have written";
            Refusal::new(Code::Unavailable, message)
                .hint("they were not started yet, or the container ends")
        }
        NotServed::TooMany => {
            Refusal::new(Code::Unavailable, "too many clients ask for lines at once")
                .hint("ask again")
        }
    }
}
