//! Step 4 of a turn: the dead are looked at, told of and reaped, and a terminal that they
//! had is taken back. A leader is reaped after everything that is ordered about the rest
//! of its tree was carried out, since its zombie pins pid and group until then.

use lastout_core::{Event, RunId, Time};

use super::Lastout;
use crate::face::Seen;
use crate::linux::wait::{self, Peek, Stop, Zombie};
use crate::linux::{oom, terminal};

/// How many of the dead a turn reaps, so that twenty thousand of them do not keep a
/// signal waiting; the rest is still there in the next turn.
const REAP_BUDGET: usize = 256;

impl Lastout {
    /// Step 4. `has_heard`: a signal has told of a child.
    pub(super) fn reap_some(&mut self, now: Time, mut has_heard: bool) {
        self.more_to_reap = false;
        let mut reaped = 0;
        let mut childless = false;
        // A leader is usually alone, and to ask a thousand others takes a while; if he is
        // not, one look for all the rest is cheaper than one each.
        let mut most = 1;
        while reaped < REAP_BUDGET {
            let peek = wait::peek();
            if let Peek::Ended(_) = peek {
                // He may have said his last words since step 3.
                self.take_messages(now);
                if !has_heard && self.narrator.face().is_some() {
                    // Nor may his signal have come by then, of which a face tells first.
                    self.take_signals(now, true);
                    has_heard = self.hear_of_children();
                }
            }
            match peek {
                Peek::AllAlive => break,
                Peek::NoChildren => {
                    childless = true;
                    break;
                }
                Peek::Ended(zombie) if self.people.run_of(&zombie).is_some() => {
                    reaped += self.bury_leaders(now, zombie, most);
                    most = REAP_BUDGET;
                }
                Peek::Ended(zombie) if self.is_relay(&zombie) => {
                    self.bury_relay(now, zombie);
                    reaped += 1;
                }
                Peek::Ended(zombie) => {
                    let status = zombie.status;
                    let person = self.people.reap_other(zombie);
                    log::trace!("reaped {person}");
                    self.narrator.saw(Seen::Reaped(person.id(), status));
                    self.report.reaped(now, &person, status);
                    reaped += 1;
                }
            }
        }
        self.more_to_reap = reaped >= REAP_BUDGET;
        if reaped > 0 && !self.more_to_reap {
            self.narrator.saw(Seen::AllReaped { childless });
        }
        self.bury_trees(now, childless);
        if self.is_on_terminal {
            self.stop_with_stopped(now);
        }
    }

    /// Tells the core of which trees nobody is left. Who has no children at all need
    /// not look.
    pub(super) fn bury_trees(&mut self, now: Time, childless: bool) {
        for run in self.people.gone_trees(childless) {
            self.sightings_to_report(now);
            // Of who asked a program, too, of whom the core tells nobody.
            self.report.tree_gone(now, run);
            self.tell_core(now, Event::TreeGone { run });
        }
    }

    /// Leaders have ended, this one and maybe others, of whom `most` are buried. How many.
    fn bury_leaders(&mut self, now: Time, first: Zombie, most: usize) -> usize {
        let ended = self.people.ended_leaders(first, most);
        for (run, zombie) in &ended {
            // A life that ended before its exec was told of did exec, or tells why not.
            let failed = self.learn_exec_status(now, *run, true);
            if !failed {
                // As it is with messages: he may have said so last, and nobody reads it later.
                self.learn_readiness(now, *run);
                let status = zombie.status;
                let out_of_memory = oom::may_have_killed(status);
                self.tell_core(
                    now,
                    Event::Exited {
                        run: *run,
                        status,
                        out_of_memory,
                    },
                );
            }
        }
        self.carry_out(now);
        self.people.tell_rests();
        self.sightings_to_report(now);
        let takes_terminal = self.is_on_terminal && self.may_take_terminal_back(&ended);
        for (run, zombie) in &ended {
            self.people.reap_leader(*run, *zombie);
            let (pid, status) = (zombie.id(), zombie.status);
            self.narrator.saw(Seen::Reaped(pid, status));
        }
        if takes_terminal && self.people.runs_with_terminal().is_empty() {
            terminal::take_back();
        }
        ended.len()
    }

    /// Ctrl-Z stops a program and, where a shell started lastout, lastout with it, as
    /// does reading from the background: the shell is to know (SIG-6).
    fn stop_with_stopped(&mut self, now: Time) {
        for (run, stop) in self.people.stopped_by_terminal() {
            if stop == Stop::NotInFront && terminal::is_ours_to_give() {
                // lastout was brought to the front, and means its program.
            } else if terminal::has_shell_above() {
                if self.people.is_in_front(run) {
                    terminal::take_back();
                }
                terminal::stop_with_program();
                // Here we are again.
            } else if stop == Stop::NotInFront {
                // It would stop again at once.
                continue;
            }
            self.people.bring_to_front(run);
            self.tell_core(now, Event::Tick);
        }
    }

    /// Whether the terminal is to be taken back from leaders that are about to be reaped.
    /// A shell above that has put itself in front already stays there.
    fn may_take_terminal_back(&self, ended: &[(RunId, Zombie)]) -> bool {
        let from_them = ended.iter().any(|(run, _)| self.people.is_in_front(*run));
        from_them || (self.gives_terminal && !terminal::has_shell_above())
    }
}
