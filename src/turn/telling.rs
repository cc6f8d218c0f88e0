//! What people are told, and when: at the end of a turn, so that whoever is to start again
//! need not wait until it was said why. What else is logged meanwhile is a warning about
//! something else.

use lastout_core::{Notice, Time};

use super::{Lastout, OWN_LOG};
use crate::face::{Face, Seen};
use crate::linux::descriptors;
use crate::linux::poll::Interest;
use crate::plan::Slate;
use crate::say;

/// How many notices wait for the end of a turn. A thousand programs that leave at once are
/// told of as it happens.
const MOST_UNTOLD: usize = 64;

impl Lastout {
    /// Takes note of what the core has decided or learned, and of what there is to tell
    /// people of it. A face, which also tells of what it saw, does so at once.
    pub(super) fn take_notice(&mut self, now: Time, notice: Notice) {
        self.tell_upward(&notice);
        if let Notice::ReopenLogs = notice {
            self.reopen_logs();
        }
        self.report.notice(now, &notice, self.core.spec());
        let mut started = None;
        if let Notice::Started { program, run } = notice {
            started = Some((program, self.people.leader(run)));
        }
        let leader = started.and_then(|(_, leader)| leader);
        self.untold.push((notice, leader));
        if self.narrator.face().is_some() || self.untold.len() >= MOST_UNTOLD {
            self.tell_untold();
        }
        let launch = started.and_then(|(program, _)| self.launches.get(program.0 as usize));
        if launch.is_some_and(|launch| launch.slate == Slate::AsStarted) {
            // They were meant for the command, which has them now.
            descriptors::close_inherited();
            if self.narrator.face().is_some_and(Face::leaves_directory) {
                let _ = std::env::set_current_dir("/");
            }
        }
    }

    /// Step 7, and whenever something else is about to be told.
    pub(super) fn tell_untold(&mut self) {
        let (spec, launches) = (self.core.spec(), &self.launches);
        let now = self.clock.now();
        for (notice, leader) in self.untold.drain(..) {
            let said = self.narrator.tell(spec, launches, leader, &notice);
            if let (Some(control), Some((about, text))) = (&mut self.control, said) {
                let leader = leader.map(|leader| leader.id());
                control.note(
                    (now, &self.poll),
                    &self.core,
                    (&notice, leader),
                    (about, &text),
                );
            }
        }
    }

    pub(super) fn sightings_to_report(&mut self, now: Time) {
        let sightings = self.people.take_sightings();
        if !sightings.is_empty() {
            self.tell_untold();
        }
        for sighting in sightings {
            self.narrator
                .sighted(self.core.spec(), &self.core, &sighting);
            let program = sighting.of.and_then(|run| self.core.program_of(run));
            self.report.sighted(now, sighting, program);
        }
    }

    /// A log that is not read is waited for by the loop and by nothing else (PID-11).
    pub(super) fn watch_own_log(&mut self) {
        let polled = self.log_is_polled;
        let poll = &self.poll;
        let waits = say::with_stderr(|stderr| match (stderr.waits_for(), polled) {
            (Some(fd), false) => poll.add(fd, OWN_LOG, Interest::Writable).is_ok(),
            (None, true) => {
                poll.remove(stderr.descriptor());
                false
            }
            (Some(_), true) => true,
            (None, false) => false,
        });
        self.log_is_polled = waits.unwrap_or(false);
    }

    /// The last lines of the log: the report, or what a face says in its place.
    pub(super) fn say_goodbye(&mut self, code: u8) {
        self.tell_untold();
        self.narrator.saw(Seen::Leaving);
        if self.narrator.face().is_none() {
            let nobody_left = self.leaving.is_none_or(|leaving| leaving.nobody_left);
            self.report.write(self.clock.now(), code, nobody_left);
        }
    }
}
