//! The checker's half that watches: whether each order of the core is one that may be
//! given now.

use std::time::Duration;

use lastout_core::{Action, Care, ProgramId, RunId, Scope, Signal, Time, Why, Work};

use crate::facts::Checker;
use crate::kernel::Kernel;
use crate::shadow::{Check, Life, Part, Run, Standing, Watch, ensure};

/// What a pre_start has, where `startsecs` is not longer.
const PRE_START_TIME: Duration = Duration::from_secs(60);

impl Checker {
    /// An order was given. It must be one that the rules allow.
    pub(crate) fn order(&mut self, now: Time, action: &Action, kernel: &Kernel) -> Check {
        ensure!(self.exit.is_none(), "an order after the last one");
        self.look_for_leaders(now);
        self.somebody_hung |= kernel.somebody_hangs(now);
        match action {
            Action::Spawn { program, run, work } => {
                self.is_alone(*program, *work, kernel)?;
                self.spawn(now, *program, *run, *work)
            }
            Action::Forward { run, signal, .. } => self.forwarded(*run, *signal),
            Action::Tell { run, scope, signal } => self.tell(now, *run, *scope, *signal),
            Action::TellFollowers { run, signal } => self.tell_followers(now, *run, *signal),
            Action::HangUp { run } => self.hang_up(*run),
            Action::Kill { run } => self.kill(now, *run),
            Action::Disown { run } => self.disown(*run),
            Action::TellStrays { .. } => self.tell_strays(now),
            Action::KillEverybody => self.kill_everybody(now, kernel),
            Action::Load => {
                let is_due = std::mem::take(&mut self.due.load);
                ensure!(is_due, "the configuration is read, and nobody asked");
                Ok(())
            }
            Action::Notice(notice) => self.notice(now, notice),
            Action::Decided {
                id,
                program,
                outcome,
            } => self.told_before_the_reply(now, *id, *program, outcome),
            Action::Reply { id, reply } => self.reply(now, *id, reply),
            Action::Exit { code, drain_until } => self.leave(now, (*code, *drain_until), kernel),
        }
    }

    /// RUN-1: nobody of a program's last life is alive, nor of the last part of this one.
    fn is_alone(&self, program: ProgramId, work: Work, kernel: &Kernel) -> Check {
        let last = self.shadows[program.0 as usize].last_run;
        let tree = last.and_then(|last| kernel.trees.get(&last));
        let is_alone = tree.is_none_or(|tree| tree.alive == 0);
        let is_probe = matches!(work, Work::Probe(_));
        ensure!(is_probe || is_alone, "the last instance is alive (RUN-1)");
        Ok(())
    }

    fn spawn(&mut self, now: Time, id: ProgramId, run: RunId, work: Work) -> Check {
        let last = self.last_run.replace(run);
        ensure!(last < Some(run), "a run's name is used again");
        let program = id.0 as usize;
        if let Work::Probe(question) = work {
            return self.ask(now, id, run, question);
        }
        let spec = &self.spec.programs[program];
        let mut life = Run::new(run, Part::Command, now, spec.stopsignal);
        match (&self.shadows[program].life, work) {
            (Life::Between(due, then), _) => {
                ensure!(*due == work, "{work:?} begins, and {due:?} is due");
                life.then = *then;
            }
            (Life::Waiting | Life::Pause(_), Work::PreStart | Work::Command) => {
                let due = match spec.pre_start {
                    true => Work::PreStart,
                    false => Work::Command,
                };
                ensure!(due == work, "{work:?} begins, and {due:?} is due");
                self.may_start(now, program)?;
            }
            (life, _) => return Err(format!("{work:?} begins while it is {life:?}")),
        }
        let spec = &self.spec.programs[program];
        match work {
            Work::PreStart => {
                life.part = Part::PreStart;
                life.give_up = Some(now.plus(spec.startsecs.max(PRE_START_TIME)));
                life.give_up = life.give_up.filter(|_| self.stop.is_none());
            }
            Work::PostStop(_) => {
                life.part = Part::PostStop;
                life.call_at = spec.stopwaitsecs.map(|wait| now.plus(wait / 5 * 4));
                life.kill_at = spec.stopwaitsecs.map(|wait| now.plus(wait));
            }
            Work::Command | Work::Probe(_) => {}
        }
        if matches!(self.shadows[program].life, Life::Waiting | Life::Pause(_)) {
            self.shadows[program].was_killed = false;
        }
        self.shadows[program].last_run = Some(run);
        self.runs.insert(run, program);
        if self.shadows[program].standing == Standing::New {
            self.shadows[program].standing = Standing::Listed;
        }
        self.shadows[program].life = Life::Alive(life);
        Ok(())
    }

    /// Whether a life of a program may begin.
    fn may_start(&mut self, now: Time, program: usize) -> Check {
        let spec = &self.spec.programs[program];
        let shadow = &self.shadows[program];
        ensure!(self.stop.is_none(), "started during the shutdown (RUN-2)");
        ensure!(shadow.wanted, "started though nobody asked for it");
        ensure!(!shadow.stopped, "started, and somebody had stopped it");
        if let Life::Pause(until) = shadow.life {
            ensure!(until <= now, "started before its pause is over");
        }
        for need in &spec.needs {
            let needed = need.program.0 as usize;
            ensure!(
                self.shadows[needed].meets(now, need.condition),
                "started before {} is {:?} (DEP-1)",
                self.spec.programs[needed].name,
                need.condition
            );
        }
        let waits = shadow.standing == Standing::New && self.somebody_leaves();
        ensure!(!waits, "started before all that was removed is gone");
        // After a tick all that is free to start is so for the same reason: its time.
        let priority = spec.priority;
        let in_order = !self.is_tick || self.last_spawned.is_none_or(|last| last <= priority);
        ensure!(in_order, "started after one of lower priority");
        self.last_spawned = Some(priority);
        Ok(())
    }

    /// Whether somebody lives who is not in the configuration any more.
    pub(crate) fn somebody_leaves(&self) -> bool {
        self.shadows
            .iter()
            .any(|shadow| shadow.standing == Standing::Removed && shadow.run().is_some())
    }

    /// The run that an order is for; it must not have been reported dead.
    fn living(&mut self, run: RunId) -> Result<(usize, &mut Run), String> {
        let program = self.program_of(run);
        match program.and_then(|program| {
            let run = self.shadows[program].run_mut()?;
            Some((program, run))
        }) {
            Some(found) => Ok(found),
            None => Err(format!("an order for {run:?}, which is over")),
        }
    }

    fn forwarded(&mut self, run: RunId, signal: Signal) -> Check {
        let (program, life) = self.living(run)?;
        ensure!(life.leader.is_none(), "forwarded to a leader that is gone");
        ensure!(life.execed.is_some(), "forwarded before the exec (SIG-4)");
        let owed = &mut self.shadows[program].owed;
        ensure!(
            owed.first() == Some(&signal),
            "{signal} forwarded where {owed:?} is owed (SIG-1)"
        );
        owed.remove(0);
        Ok(())
    }

    fn tell(&mut self, now: Time, run: RunId, scope: Option<Scope>, signal: Signal) -> Check {
        if let Some(check) = self.tell_asker(now, run, scope, signal) {
            return check;
        }
        if scope.is_none() {
            return self.tell_rest(now, run, signal);
        }
        let announced = self.announced.take();
        let (program, life) = self.living(run)?;
        ensure!(life.leader.is_none(), "a leader is told that is gone");
        ensure!(life.told.is_none(), "told twice");
        if life.part == Part::PostStop {
            return self.tell_post_stop(now, program, signal);
        }
        let Some((_, why)) = announced.filter(|(announced, _)| *announced == run) else {
            return Err("told, and nobody is told why".into());
        };
        self.may_tell(now, program, why)?;
        let spec = &self.spec.programs[program];
        let shadow = &mut self.shadows[program];
        let due = match why {
            Why::Watchdog => Signal::ABRT,
            Why::Shutdown
            | Why::Removed
            | Why::Changed
            | Why::Restarted
            | Why::Stopped
            | Why::Replaced
            | Why::NotReady
            | Why::Unhealthy
            | Why::HookTime => shadow.stop_with.unwrap_or(spec.stopsignal),
        };
        ensure!(signal == due, "told with {signal} and not with {due}");
        shadow.watch = Watch::default();
        shadow.must = None;
        let wait = spec.stopwaitsecs;
        if let Some(life) = shadow.run_mut() {
            life.told = Some((now, why));
            life.signal = signal;
            life.call_at = wait.map(|wait| now.plus(wait / 5 * 4));
            life.kill_at = wait.map(|wait| now.plus(wait));
            life.has_terminal = spec.has_terminal && life.part == Part::Command;
        }
        Ok(())
    }

    /// Whether there is this reason to tell a program to end.
    fn may_tell(&mut self, now: Time, program: usize, why: Why) -> Check {
        let needed_by = self.is_needed(program);
        let needed_by = needed_by.filter(|_| !self.is_last_call(now));
        let stopping = self.stop.is_some();
        let spec = &self.spec.programs[program];
        let shadow = &self.shadows[program];
        let Some(life) = shadow.run() else {
            return Err("told without a life".into());
        };
        let has_heard = |of: fn(&Care) -> bool| {
            let mut heard = self.heard.iter();
            heard.any(|(who, care)| *who == program && of(care))
        };
        let is_over = life.give_up.is_some_and(|at| at <= now);
        let holds = match why {
            Why::Shutdown | Why::Removed => {
                if let Some(user) = needed_by {
                    let name = &self.spec.programs[user].name;
                    return Err(format!("told while {name} lives, which needs it (STOP-4)"));
                }
                stopping || (why == Why::Removed && shadow.standing == Standing::Removed)
            }
            Why::Changed | Why::Replaced | Why::Unhealthy => shadow.must == Some(why),
            Why::Restarted | Why::Stopped => {
                let is_its_turn = self.leaves_after(program).is_none();
                shadow.must == Some(why) || (shadow.leaving == Some(why) && is_its_turn)
            }
            Why::NotReady => {
                let is_late = life.execed.is_some() && !life.ready && is_over;
                is_late && has_heard(|care| matches!(care, Care::NotReady { .. }))
            }
            Why::HookTime => {
                let is_late = life.part == Part::PreStart && is_over;
                is_late && has_heard(|care| matches!(care, Care::HookOverdue { .. }))
            }
            Why::Watchdog => {
                let is_late = shadow.watch.watchdog.is_some_and(|(_, at)| at <= now);
                (is_late || shadow.must == Some(why))
                    && has_heard(|care| matches!(care, Care::WatchdogMissed { .. }))
            }
        };
        ensure!(holds, "told, and {why:?} is no reason");
        ensure!(
            stopping == (why == Why::Shutdown),
            "told for {why:?}, and there is a shutdown, or none"
        );
        if why == Why::Shutdown {
            let priority = spec.priority;
            let in_order = self.last_told.is_none_or(|last| last >= priority);
            ensure!(
                in_order || self.is_last_call(now),
                "told after one of lower priority (STOP-4)"
            );
            self.last_told = Some(priority);
        }
        Ok(())
    }

    fn tell_post_stop(&mut self, now: Time, program: usize, signal: Signal) -> Check {
        let last_call = self.is_last_call(now);
        let Some(life) = self.shadows[program].run_mut() else {
            return Ok(());
        };
        let is_overdue = life.call_at.is_some_and(|at| at <= now);
        ensure!(
            last_call || is_overdue,
            "a post_stop is told before its time"
        );
        ensure!(signal == life.signal, "a post_stop is told with {signal}");
        life.told = Some((now, Why::HookTime));
        Ok(())
    }

    fn tell_rest(&mut self, now: Time, run: RunId, signal: Signal) -> Check {
        let (program, life) = self.living(run)?;
        ensure!(
            life.leader.is_some(),
            "the rest is told, and the leader lives"
        );
        ensure!(life.rest_told.is_none(), "the rest is told twice");
        life.rest_told = Some(now);
        let is_asked = life.told.is_some() || life.part == Part::PostStop;
        let spec = &self.spec.programs[program];
        if !is_asked && let Some(life) = self.shadows[program].run_mut() {
            life.kill_at = spec.stopwaitsecs.map(|wait| now.plus(wait));
            life.signal = spec.stopsignal;
        }
        let due = self.shadows[program].run().map(|life| life.signal);
        ensure!(due == Some(signal), "the rest is told with {signal}");
        Ok(())
    }

    fn tell_followers(&mut self, now: Time, run: RunId, signal: Signal) -> Check {
        let last_call = self.is_last_call(now);
        let (_, life) = self.living(run)?;
        ensure!(
            life.leader.is_none(),
            "as followers of a leader that is gone"
        );
        ensure!(
            life.told.is_some(),
            "followers are told before their leader"
        );
        life.followers_told = Some(now);
        ensure!(
            last_call || life.call_at.is_some_and(|at| at <= now),
            "followers are told before the last call (STOP-2)"
        );
        ensure!(
            signal == life.signal,
            "told with {signal} and not with {}",
            life.signal
        );
        Ok(())
    }

    fn hang_up(&mut self, run: RunId) -> Check {
        let (_, life) = self.living(run)?;
        ensure!(life.leader.is_none(), "hung up on a leader that is gone");
        ensure!(
            life.told.is_some(),
            "hung up on before it was told (STOP-9)"
        );
        ensure!(!life.hung_up, "hung up on twice");
        life.hung_up = true;
        ensure!(life.has_terminal, "hung up on without a terminal (STOP-9)");
        Ok(())
    }

    fn kill(&mut self, now: Time, run: RunId) -> Check {
        if let Some(check) = self.kill_asker(now, run) {
            return check;
        }
        let (program, life) = self.living(run)?;
        ensure!(life.first_told().is_some(), "killed untold (STOP-1)");
        ensure!(
            life.leader.is_some() || life.followers_told.is_some(),
            "the followers are killed untold (STOP-1)"
        );
        life.killed = Some(now);
        self.shadows[program].was_killed = true;
        let Some(life) = self.shadows[program].run_mut() else {
            return Ok(());
        };
        let hung_up = life.hung_up || life.leader.is_some();
        ensure!(
            hung_up || !life.has_terminal,
            "killed without having been hung up on (STOP-9)"
        );
        let Some(at) = life.kill_at else {
            return Err("killed, and there is no bound on its stop".into());
        };
        ensure!(now >= at, "killed before its time (STOP-2)");
        if let Some(stop) = &mut self.stop {
            stop.killed = true;
        }
        Ok(())
    }

    fn disown(&mut self, run: RunId) -> Check {
        ensure!(self.disowns == Some(run), "disowned without a reason");
        self.disowns = None;
        let (program, life) = self.living(run)?;
        let part = life.part;
        if let Some((end, fate)) = life.leader {
            self.run_is_over(program, part, end, fate);
        }
        Ok(())
    }
}
