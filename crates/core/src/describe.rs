//! How every program is, for whoever asks with a signal.

use alloc::boxed::Box;

use crate::program::Standing;
use crate::{Notice, Supervisor, Time};

impl Supervisor {
    /// Tells people how every program is.
    pub(crate) fn log_state(&mut self, now: Time) {
        for id in self.ids() {
            let Some(program) = self.program(id) else {
                continue;
            };
            let lives = program.state.run().is_some();
            match program.standing {
                Standing::Removed | Standing::Twin(_) if !lives => continue,
                Standing::Removed | Standing::Twin(_) | Standing::Listed | Standing::New => {}
            }
            if let Some(status) = self.status(now, id) {
                self.notice(Notice::State {
                    program: id,
                    at: now,
                    status: Box::new(status),
                });
            }
        }
    }
}
