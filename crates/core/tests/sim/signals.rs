//! The checker on signals that arrive (SIG-1 to SIG-4): what each of them must make of
//! the programs, or of the whole.

use lastout_core::{Forward, Meaning, Signal, Time};

use crate::facts::Checker;
use crate::shadow::{Life, Part};

impl Checker {
    pub(crate) fn signal(&mut self, now: Time, signal: Signal, from_terminal: bool) {
        let is_interrupt = signal == Signal::INT && from_terminal;
        let meaning = self.spec.signals.meaning(signal);
        if let Some(stop) = &mut self.stop {
            if is_interrupt {
                self.interrupts += 1;
                if self.interrupts == 2 {
                    stop.second_interrupt.get_or_insert(now);
                }
            }
        } else if meaning == Meaning::Shutdown || (meaning == Meaning::Reload && from_terminal) {
            self.stop_signal = Some(signal);
            self.interrupts += u32::from(is_interrupt);
        } else if meaning == Meaning::Reload {
            self.due.load = true;
        } else if let Meaning::ReloadProgram(program) = meaning {
            drop(self.reload_all(&[program]));
        }
        if let Meaning::Forward(forward) = meaning {
            self.forward(signal, forward, from_terminal);
        }
    }

    /// Whom a signal that is to be passed on must reach (SIG-1, SIG-3, SIG-4).
    fn forward(&mut self, came: Signal, forward: Forward, from_terminal: bool) {
        let program = forward.program.0 as usize;
        let spec = &self.spec.programs[program];
        let Some(signal) = forward.signal else { return };
        // Of a hang-up the terminal tells the leader of the session alone.
        let is_hang_up = came == Signal::HUP || came == Signal::CONT;
        if from_terminal && spec.has_terminal && !is_hang_up {
            return;
        }
        let stopping = self.stop.is_some();
        let shadow = &mut self.shadows[program];
        if forward.stops && !stopping {
            shadow.stop_with = Some(signal);
            self.stop_signal = Some(came);
            return;
        }
        if forward.stops && shadow.run().is_some_and(|run| run.is_untold()) {
            // It will be told when its turn has come, and with that signal.
            shadow.stop_with.get_or_insert(signal);
            return;
        }
        let reaches_it = match &shadow.life {
            Life::Alive(run) => match run.part {
                Part::PreStart => run.is_untold(),
                Part::Command => run.leader.is_none(),
                Part::PostStop => false,
            },
            Life::Waiting | Life::Pause(_) => shadow.wanted && !stopping,
            Life::Between(..) | Life::Done { .. } | Life::Fatal { .. } => false,
        };
        if reaches_it {
            shadow.owe(signal);
        }
    }
}
