//! How it goes on when everybody does as he is told.

use super::super::*;
use crate::Kind;
use crate::program::Step;

impl Bench {
    /// The leader exits as it should, and nobody is left of its tree.
    fn ends_well(&mut self, run: u64) {
        self.exited(run, 0);
        let mut all = core::mem::take(&mut self.last);
        self.gone(run);
        all.append(&mut self.last);
        self.last = all;
    }

    /// Somebody does as he is told, or time passes. Whether anything was left to happen.
    pub(super) fn goes_on(&mut self) -> bool {
        let next = self.core.ids().find_map(|id| self.next_of(id));
        if self.ordered(&Action::Load) {
            self.loaded(self.core.spec().programs.clone());
        } else if let Some(event) = next {
            if let Event::Exited { run, .. } = event {
                self.ends_well(run.0);
            } else {
                self.fact(event);
            }
        } else if let Some((run, _)) = self.core.probes.first_key_value() {
            self.ends_well(run.0);
        } else if self.core.is_stopping() {
            self.fact(Event::NobodyLeft);
        } else if let Some(at) = self.core.next_deadline() {
            self.now = at;
            self.fact(Event::Tick);
        } else {
            return false;
        }
        true
    }

    /// What a program does next; nothing, if it goes on as it is.
    fn next_of(&self, id: ProgramId) -> Option<Event> {
        let program = self.core.program(id)?;
        let is_service = self.core.spec().programs.get(id.0 as usize)?.kind == Kind::Service;
        let ends = |run| Event::Exited {
            run,
            status: ExitStatus::Code(0),
            out_of_memory: false,
        };
        match &program.state {
            State::Starting { run, step, .. } => match step {
                Step::PreStart { .. } => Some(ends(*run)),
                Step::Forked => Some(Event::Execed { run: *run }),
                Step::Execed { ready: false, .. } => Some(Event::Said {
                    run: *run,
                    message: Message::Ready,
                }),
                Step::Execed { ready: true, .. } => None,
            },
            State::Running { run, .. } => (!is_service).then(|| ends(*run)),
            State::Stopping(life) => Some(ends(life.run)),
            State::Stopped | State::Backoff { .. } | State::Exited { .. } | State::Fatal { .. } => {
                None
            }
        }
    }
}
