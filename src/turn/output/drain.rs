//! The end of all output: what programs wrote before they left is out before lastout
//! leaves (LOG-7), if anybody takes it in time (LOG-4). Whoever holds a pipe open is not
//! waited for: the relay writes what there is when it is told to finish.

use std::collections::BTreeMap;

use lastout_core::Time;

use super::super::Lastout;
use super::Pipes;

/// Of so many programs each is told by itself how much of its output was lost.
const MOST_NAMED: usize = 8;

/// lastout is about to leave.
#[derive(Clone, Copy, Debug)]
pub(in crate::turn) struct Leaving {
    code: u8,
    /// Until when what programs wrote may be passed on.
    until: Time,
    /// Whether nobody was left when the order came.
    pub(in crate::turn) nobody_left: bool,
    /// Whether what there was has been passed on.
    has_drained: bool,
}

impl Lastout {
    /// The core's last order. Without a relay there is nothing to wait for (STOP-6).
    pub(in crate::turn) fn leave(&mut self, now: Time, code: u8, until: Time) {
        self.leaving = Some(Leaving {
            code,
            until,
            nobody_left: self.people.nobody_left(),
            has_drained: false,
        });
        self.drain(now);
    }

    /// Leaves as soon as all output is out, or has had its time.
    pub(in crate::turn) fn drain(&mut self, now: Time) {
        let Some(leaving) = self.leaving else {
            return;
        };
        let is_done = match &self.output {
            None => true,
            Some(pipes) => {
                let is_empty = || leaving.has_drained || pipes.bytes_left() == 0;
                pipes.relay.is_none() && is_empty()
            }
        };
        if !is_done && now < leaving.until {
            return;
        }
        if !is_done && let Some(pipes) = &self.output {
            pipes.give_up();
        }
        self.code = Some(leaving.code);
    }

    /// A Ctrl-C more: nobody waits for a reader any longer (SIG-3).
    pub(in crate::turn) fn hurry(&mut self, now: Time) {
        if let Some(leaving) = &mut self.leaving {
            leaving.until = now;
        }
    }

    /// When lastout leaves at the latest.
    pub(in crate::turn) fn leaves_at(&self) -> Option<Time> {
        self.leaving.as_ref().map(|leaving| leaving.until)
    }

    /// A relay has finished: if that was the last thing to wait for, it is done.
    pub(super) fn has_drained(&mut self) {
        if let Some(leaving) = &mut self.leaving {
            leaving.has_drained = true;
        }
    }
}

impl Pipes {
    /// Says what nobody has read, or nobody has taken.
    fn give_up(&self) {
        let mut lost: BTreeMap<&str, u64> = BTreeMap::new();
        for source in self.sources.values() {
            let bytes = source.bytes_left();
            if bytes > 0 {
                *lost.entry(&source.program).or_default() += bytes;
            }
        }
        if let Some(working) = &self.relay {
            working.relay.kill();
        }
        let on_its_way = self.gauge.kept();
        if lost.len() > MOST_NAMED {
            let all: u64 = lost.values().sum();
            let programs = lost.len();
            log::warn!("{all} bytes that {programs} programs wrote are lost: {WHY}");
        } else {
            for (program, bytes) in lost {
                log::warn!("{program}: {bytes} bytes that it wrote are lost: {WHY}");
            }
        }
        if on_its_way > 0 {
            log::warn!("{on_its_way} bytes that programs wrote were on their way: {WHY}");
        }
    }
}

const WHY: &str = "nobody took them in time";
