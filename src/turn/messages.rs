//! What programs say of themselves (READY-1), and what lastout says of itself to whoever
//! started it (UP-1). The socket is there only when some program is given it.

use lastout_core::{Event, Notice, Time};

use super::{Lastout, NOTIFY};
use crate::linux::notify::{BUDGET, Said, Socket};
use crate::linux::poll::Interest;

impl Lastout {
    /// Opens the socket, once some program is to have it.
    pub(super) fn open_notify(&mut self) {
        let is_asked_for = self.launches.iter().any(|launch| launch.notify);
        if !is_asked_for || self.notify.is_some() {
            return;
        }
        let socket = Socket::open().and_then(|socket| {
            self.poll
                .add(socket.descriptor(), NOTIFY, Interest::Readable)?;
            Ok(socket)
        });
        match socket {
            Ok(socket) => self.notify = Some(socket),
            Err(error) => log::error!(
                "programs cannot say that they are ready, there is no socket for it: {error}"
            ),
        }
    }

    /// Step 3, and once more for each of the dead before it is reaped: whoever has sent
    /// something is known while he is there, and is there until then.
    pub(super) fn take_messages(&mut self, now: Time) {
        if self.notify.is_none() {
            return;
        }
        let mut budget = BUDGET;
        while let Some(datagram) = self
            .notify
            .as_ref()
            .and_then(|socket| socket.receive(&mut budget))
        {
            let Some(run) = self.people.run_of_sender(datagram.sender) else {
                continue;
            };
            let _ = self.learn_exec_status(now, run, false);
            for said in datagram.said {
                match said {
                    Said::Message(message) => self.tell_core(now, Event::Said { run, message }),
                    Said::MainPid(pid) => self.people.name_successor(run, pid),
                }
            }
        }
    }

    /// Tells whoever started lastout how far it is.
    pub(super) fn tell_upward(&self, notice: &Notice) {
        let Some(upward) = &self.upward else { return };
        if let Notice::AllUp = notice {
            upward.say("READY=1");
        } else if let Notice::ShutdownBegun { .. } = notice {
            upward.say("STOPPING=1");
        }
    }
}
