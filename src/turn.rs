//! The loop. One thread, one turn after the other, and the order of a turn is the
//! design:
//!
//! 1. Sleep until something happens or the core's next deadline; take one `now`.
//! 2. Signals, with who sent them.
//! 3. Messages of programs, which must be attributed while their sender still exists.
//! 4. Reap, a bounded number: look at who has ended, read how its exec went, tell the
//!    core, carry out what it orders about the rest of the tree while the zombie still
//!    pins pid and group, reap.
//! 5. Everything else that is ready, each with a bound.
//! 6. Tell the core that time has passed; carry out orders until there is none. In the
//!    stop, look around for those of whom no signal tells.
//! 7. See to the relay, which is forked, told and replaced here and nowhere else. At the
//!    end, leave when it is done or has had its time.
//! 8. Tell people. Whoever is to start again need not wait until it was said why.
//!
//! It knows everybody and is known by nobody. It decides nothing: what happened goes to
//! the core as an [`Event`], and what is to be done comes back as an [`Action`]. No
//! error leaves it; each becomes an event, or a log line and a later try.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use lastout_core::{Action, Event, Notice, RunId, Signal, Spec, Supervisor, Time};

use crate::control::settings::Settings;
use crate::face::Seen;
use crate::linux::clock::{Clock, milliseconds};
use crate::linux::notify::{Socket, Upward};
use crate::linux::people::{People, Person};
use crate::linux::poll::{Interest, Poll, Token};
use crate::linux::signals::{Arrived, Mask, Signals};
use crate::linux::{oom, terminal};
use crate::load::Origin;
use crate::narrate::Narrator;
use crate::plan::{Launch, Plan, Stdin};
use crate::report::Report;
use crate::say;

mod burial;
mod control;
mod messages;
mod output;
mod reload;
mod starts;
mod telling;
mod times;

use control::Control;
pub use output::NotServed;
use output::Pipes;
use output::drain::Leaving;
use starts::Waiting;
use times::Calendar;

/// The pause between two looks during the stop for people who are nobody's children,
/// at first and at most.
const FIRST_LOOK: Duration = Duration::from_millis(5);
const LONGEST_LOOK: Duration = Duration::from_millis(50);

/// What a turn that ended in a panic waits for, so that one which does so each time
/// costs little.
const AFTER_PANIC: i32 = 100;

/// The tokens that are no run's.
const SIGNALS: Token = Token(u64::MAX);
const OWN_LOG: Token = Token(u64::MAX - 1);
const ALARM: Token = Token(u64::MAX - 2);
const NOTIFY: Token = Token(u64::MAX - 3);
const RELAY: Token = Token(u64::MAX - 4);

/// What a run's number bears in the token of the descriptor over which it says that it
/// is ready.
const READY: u64 = 1 << 62;

/// One life of lastout.
pub struct Lastout {
    core: Supervisor,
    /// How each program is launched, by its place.
    launches: Vec<Launch>,
    /// Where the configuration can be read again.
    origin: Option<Origin>,
    people: People,
    /// The times of scheduled programs, where there are any.
    calendar: Option<Box<Calendar>>,
    poll: Poll,
    signals: Signals,
    clock: Clock,
    narrator: Narrator,
    /// What people are told at the end of this turn, with the leader that each is about.
    untold: Vec<(Notice, Option<Person>)>,
    report: Report,
    open: Mask,
    /// Where programs say how they are, if any is to.
    notify: Option<Socket>,
    /// Where people ask how it is, if they can.
    control: Option<Box<Control>>,
    settings: Option<Settings>,
    /// What was wrong with the configuration, for who asked for it to be read.
    load_errors: Option<String>,
    /// Who wants to know when all are up.
    upward: Option<Upward>,
    /// What programs write, once one is started whose output the relay passes on.
    output: Option<Box<Pipes>>,
    /// Whether the core has given its last order.
    leaving: Option<Leaving>,
    /// Starts that wait for the descriptors of others, in order.
    waiting: VecDeque<Waiting>,
    more_to_reap: bool,
    look: Option<(Time, Duration)>,
    log_is_polled: bool,
    gives_terminal: bool,
    is_on_terminal: bool,
    panics: u32,
    code: Option<u8>,
}

impl Lastout {
    /// Everything that a life needs.
    ///
    /// # Errors
    /// Those of epoll_create1(2) and sigaction(2).
    pub fn new(plan: Plan, people: People, origin: Option<Origin>) -> std::io::Result<Lastout> {
        let Plan {
            mut spec,
            launches,
            face,
            control: settings,
            ..
        } = plan;
        let poll = Poll::new()?;
        let signals = Signals::open();
        if let Some(descriptor) = signals.descriptor() {
            poll.add(descriptor, SIGNALS, Interest::Readable)?;
        }
        let gives_terminal = terminal::is_ours_to_give();
        give_terminal(gives_terminal, &mut spec, &launches);
        Ok(Lastout {
            narrator: Narrator::new(&launches, face),
            untold: Vec::new(),
            core: Supervisor::new(spec),
            launches,
            upward: origin.as_ref().and_then(|_| Upward::from_environment()),
            origin,
            people,
            calendar: None,
            poll,
            open: signals.open_mask(),
            signals,
            clock: Clock::start(),
            report: Report::default(),
            notify: None,
            control: None,
            settings,
            load_errors: None,
            output: None,
            leaving: None,
            waiting: VecDeque::new(),
            // Of a child that died before this process became lastout no signal tells.
            more_to_reap: true,
            look: None,
            log_is_polled: false,
            gives_terminal,
            is_on_terminal: terminal::is_of_our_session(),
            panics: 0,
            code: None,
        })
    }

    /// Lives, and gives the exit status. PID 1 does not die of a bug: a panic is
    /// logged and counted, and the next turn goes on with reaping and stopping (PID-7).
    pub fn live(mut self) -> u8 {
        let began = catch_unwind(AssertUnwindSafe(|| {
            let now = self.clock.now();
            if let Some(settings) = self.settings.take() {
                self.control = Control::open(&settings, &self.poll);
            }
            self.open_notify();
            self.tell_core(now, Event::Tick);
            self.carry_out(now);
            self.care_for_relay(now);
            self.keep_times(times::schedules(&self.launches));
            self.tell_untold();
        }));
        self.panics = u32::from(began.is_err());
        // After the programs were started, which need not wait for it.
        if let Err(error) = self.signals.register() {
            log::error!("cannot register for signals: {error}");
        }
        self.people.open_proc();
        oom::begin();
        loop {
            if let Some(code) = self.code {
                self.say_goodbye(code);
                say::with_stderr(crate::linux::stderr::Stderr::flush_kept);
                if let Some(socket) = &self.notify {
                    socket.unlink();
                }
                if let Some(control) = &self.control {
                    control.unlink();
                }
                // The kernel takes everything back at one stroke.
                std::mem::forget(self);
                return code;
            }
            if catch_unwind(AssertUnwindSafe(|| self.turn())).is_err() {
                self.panics = self.panics.saturating_add(1);
                log::error!(
                    "this is a bug in lastout (number {}); it goes on",
                    self.panics
                );
                let _ = self.poll.wait(AFTER_PANIC, self.open);
            }
        }
    }

    /// One turn, in the order that the top of this file tells.
    fn turn(&mut self) {
        let timeout = self.timeout();
        let ready = self.poll.wait(timeout, self.open).to_vec();
        let now = self.clock.now();
        let have_come = self.signals.descriptor().is_none() || ready.contains(&SIGNALS);
        self.take_signals(now, have_come);
        let child_has_news = self.hear_of_children();
        let must_reap = child_has_news || self.more_to_reap;
        if must_reap || ready.contains(&NOTIFY) {
            self.take_messages(now);
            self.carry_out(now);
        }
        if must_reap {
            self.reap_some(now, child_has_news);
        }
        for token in ready {
            self.serve(now, token);
        }
        self.serve_the_rest(now);
        self.tell_core(now, Event::Tick);
        self.carry_out(now);
        let is_looking = self.core.is_stopping() || self.people.is_worth_another_look();
        if is_looking && self.leaving.is_none() {
            self.look_around(now);
            self.carry_out(now);
        }
        self.care_for_relay(now);
        self.drain(now);
        self.tell_untold();
        self.watch_own_log();
    }

    /// Whether a signal has told of a child.
    fn hear_of_children(&mut self) -> bool {
        let has_news = self.signals.child_has_news();
        if has_news {
            self.narrator.saw(Seen::ChildNews);
        }
        has_news
    }

    /// How long this turn may sleep, in milliseconds.
    fn timeout(&self) -> i32 {
        if self.more_to_reap || self.control.as_ref().is_some_and(|it| it.has_more()) {
            return 0;
        }
        let look = self.look.filter(|_| self.leaving.is_none());
        let wishes = [
            self.core.next_deadline(),
            look.map(|(at, _)| at),
            self.control.as_ref().and_then(|control| control.deadline()),
            self.relay_is_due(),
            self.leaves_at(),
        ];
        let next = wishes.into_iter().flatten().min();
        milliseconds(next.map(|at| at.since(self.clock.now())))
    }

    /// Step 2. `have_come`: whether there is any to be read.
    fn take_signals(&mut self, now: Time, have_come: bool) {
        if !have_come {
            return;
        }
        let arrived = self.signals.take();
        if arrived.is_empty() {
            return;
        }
        self.learn_of_execs(now);
        for Arrived {
            signal,
            from_kernel,
            from_ourselves,
        } in arrived
        {
            log::trace!(
                "{signal} came{}",
                if from_kernel { " from the kernel" } else { "" }
            );
            // Our own writes to a log that nobody reads, or that may not grow.
            let by_writing = matches!(signal.number(), libc::SIGPIPE | libc::SIGXFSZ);
            if !(from_ourselves && by_writing) {
                self.tell_core(
                    now,
                    Event::Signal {
                        signal,
                        from_terminal: from_kernel,
                    },
                );
                self.carry_out(now);
                if from_kernel && signal == Signal::INT {
                    self.hurry(now);
                }
                self.narrator.saw(Seen::Came(signal));
                if self
                    .narrator
                    .face()
                    .is_some_and(|face| face.stops_with(signal))
                {
                    terminal::stop_with_program();
                }
            }
        }
    }

    /// Step 5.
    fn serve(&mut self, now: Time, token: Token) {
        match token {
            // Read in step 2.
            SIGNALS => {}
            OWN_LOG => {
                say::with_stderr(crate::linux::stderr::Stderr::flush_kept);
            }
            ALARM => self.look_at_times(now),
            RELAY => self.hear_relay(now),
            // Read in step 3.
            NOTIFY => {}
            token if Control::is_own(token) => self.serve_client(now, token),
            Token(run) if run & READY != 0 => self.learn_readiness(now, RunId(run & !READY)),
            Token(run) => {
                let _ = self.learn_exec_status(now, RunId(run), false);
            }
        }
    }

    /// During the stop: looks for those of whose coming and going no signal tells.
    fn look_around(&mut self, now: Time) {
        self.people.tell_waiting_strays();
        self.sightings_to_report(now);
        let due = self.look.is_some_and(|(at, _)| at <= now);
        if due {
            self.people.look_again();
            self.bury_trees(now, false);
            self.sightings_to_report(now);
            for run in self.people.lonely_leaders() {
                self.tell_core(now, Event::LeaderAlone { run });
            }
        }
        if !self.more_to_reap && self.people.nobody_left() {
            self.tell_core(now, Event::NobodyLeft);
        }
        if !self.people.is_worth_another_look() {
            self.look = None;
        } else if due || self.look.is_none() {
            let pause = self
                .look
                .map_or(FIRST_LOOK, |(_, pause)| (pause * 2).min(LONGEST_LOOK));
            self.look = Some((now.plus(pause), pause));
        }
    }

    fn tell_core(&mut self, now: Time, event: Event) {
        self.core.handle(now, event);
    }

    /// Step 6: carries out orders until there is none.
    fn carry_out(&mut self, now: Time) {
        while let Some(action) = self.core.poll_action() {
            match action {
                Action::Tell { run, .. } | Action::Kill { run } | Action::Disown { run }
                    if self.is_waiting(run) =>
                {
                    self.call_off(now, Some(run));
                }
                Action::Spawn { program, run, work } => self.spawn(now, program, run, work),
                Action::Forward { run, scope, signal } => self.people.forward(run, scope, signal),
                Action::Tell {
                    run,
                    scope: Some(scope),
                    signal,
                } => {
                    self.people.tell(run, scope, signal);
                }
                Action::Tell {
                    run,
                    scope: None,
                    signal,
                } => self.people.tell_rest(run, signal),
                Action::TellFollowers { run, signal } => self.people.tell_followers(run, signal),
                Action::HangUp { run } => self.people.hang_up(run),
                Action::Kill { run } => self.people.kill(run),
                Action::Disown { run } => {
                    self.people.disown(run);
                    self.report.forget(run);
                }
                Action::TellStrays { signal } => self.people.tell_strays(signal),
                Action::KillEverybody => {
                    self.call_off(now, None);
                    self.people.kill_everybody();
                }
                Action::Load => {
                    self.tell_untold();
                    self.load(now);
                }
                Action::Notice(notice) => self.take_notice(now, notice),
                Action::Decided {
                    id,
                    program,
                    outcome,
                } => self.decided(now, id, (program, &outcome)),
                Action::Reply { id, reply } => self.reply(now, id, &reply),
                Action::Exit { code, drain_until } => self.leave(now, code, drain_until),
            }
            self.sightings_to_report(now);
        }
        self.people.kill_waiting();
        self.sightings_to_report(now);
    }
}

/// Tells the core which program has the terminal.
fn give_terminal(is_ours: bool, spec: &mut Spec, launches: &[Launch]) {
    for (program, launch) in spec.programs.iter_mut().zip(launches) {
        program.has_terminal = is_ours && gets_terminal(launch);
    }
}

/// Whether a program becomes the terminal's foreground group: not where it is to have
/// the terminal for a session of its own.
fn gets_terminal(launch: &Launch) -> bool {
    launch.stdin == Stdin::Inherit && !launch.manner.own_session
}
