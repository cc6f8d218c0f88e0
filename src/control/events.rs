//! What happened: the last thousand things that people were told, kept for who asks.

use std::collections::VecDeque;

use super::object::{Json, Object};
use lastout_core::{Care, ExitStatus, Notice, ProgramId, ProgramState, Question};

/// How many are kept.
const KEPT: usize = 1000;
/// How much is kept of what is said about each.
const LONGEST_TEXT: usize = 300;

/// What is known so far.
#[derive(Debug, Default)]
pub struct Events {
    kept: VecDeque<Happened>,
    /// The state that each program is known to be in, and the pid that it had last, by its
    /// place.
    known: Vec<(ProgramState, i32)>,
}

/// Something that happened.
#[derive(Debug)]
pub struct Happened {
    time: Box<str>,
    program: Option<Box<str>>,
    change: Option<(ProgramState, ProgramState)>,
    pid: i32,
    status: Option<ExitStatus>,
    text: Box<str>,
}

/// What is told of, and of which program.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// As the core has it.
    pub notice: &'a Notice,
    /// For people, as in the log.
    pub text: &'a str,
    /// The program, its name and its state now.
    pub about: Option<(ProgramId, &'a str, ProgramState)>,
    /// Its leader, who has just started.
    pub leader: Option<i32>,
}

impl Events {
    /// Takes note of something, unless it is of no interest later.
    pub fn note(&mut self, time: String, told: Told<'_>) -> Option<&Happened> {
        if !is_of_interest(told.notice) {
            return None;
        }
        let mut happened = Happened {
            time: time.into(),
            program: None,
            change: None,
            pid: 0,
            status: None,
            text: told
                .text
                .chars()
                .take(LONGEST_TEXT)
                .collect::<String>()
                .into(),
        };
        if let Some((id, name, now)) = told.about {
            let place = id.0 as usize;
            while self.known.len() <= place {
                self.known.push((ProgramState::Stopped, 0));
            }
            happened.program = Some(name.into());
            if let Some((state, pid)) = self.known.get_mut(place) {
                *pid = told.leader.unwrap_or(*pid);
                let next = state_after(told.notice, now).unwrap_or(*state);
                if next != *state {
                    happened.change = Some((*state, next));
                }
                *state = next;
                let is_of_process = matches!(
                    told.notice,
                    Notice::Started { .. }
                        | Notice::Up { .. }
                        | Notice::Ended { .. }
                        | Notice::Told { .. }
                        | Notice::Killing { .. }
                );
                if is_of_process {
                    happened.pid = *pid;
                }
            }
        }
        if let Notice::Ended { status, .. } = told.notice {
            happened.status = Some(*status);
        }
        if self.kept.len() >= KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(happened);
        self.kept.back()
    }

    /// What happened to these programs, or at all.
    pub fn told_of(&self, programs: Option<&[String]>) -> impl Iterator<Item = Json> {
        let is_meant = move |happened: &&Happened| match (programs, happened.program()) {
            (None, _) => true,
            (Some(programs), Some(about)) => programs.iter().any(|program| program == about),
            (Some(_), None) => false,
        };
        let meant = self.kept.iter().filter(is_meant);
        meant.map(Happened::to_json)
    }
}

impl Happened {
    /// To which program, if to one.
    #[must_use]
    pub fn program(&self) -> Option<&str> {
        self.program.as_deref()
    }

    /// As docs/protocol.md shows it.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut object = Object::default();
        object.put("time", &*self.time);
        if let Some(program) = self.program() {
            object.put("program", program);
        }
        if let Some((from, to)) = self.change {
            object.put("from", from.as_str());
            object.put("to", to.as_str());
        }
        if self.pid != 0 {
            object.put("pid", self.pid);
        }
        object.status(self.status);
        object.put("text", &*self.text);
        object.into_json()
    }
}

/// The state that a notice tells of; `now`: the one that the program is in by now, which
/// may be a later one.
fn state_after(notice: &Notice, now: ProgramState) -> Option<ProgramState> {
    match notice {
        Notice::Started { .. } => Some(ProgramState::Starting),
        Notice::Up { .. } => Some(ProgramState::Running),
        Notice::WillRestart { .. } => Some(ProgramState::Backoff),
        Notice::GaveUp { .. } => Some(ProgramState::Fatal),
        Notice::Told { .. } => Some(ProgramState::Stopping),
        Notice::Ended { .. } => Some(match now {
            ProgramState::Starting | ProgramState::Running => ProgramState::Backoff,
            ProgramState::Stopped
            | ProgramState::Backoff
            | ProgramState::Stopping
            | ProgramState::Exited
            | ProgramState::Fatal => now,
        }),
        Notice::NotStarted { .. }
        | Notice::Killing { .. }
        | Notice::TreeGone { .. }
        | Notice::ShutdownBegun { .. }
        | Notice::LastCall
        | Notice::KillingEverybody { .. }
        | Notice::NextInterruptKills
        | Notice::Ignored { .. }
        | Notice::NotForwarded { .. }
        | Notice::ReopenLogs
        | Notice::Reloaded { .. }
        | Notice::Reloads { .. }
        | Notice::AllUp
        | Notice::Care { .. }
        | Notice::Overslept { .. }
        | Notice::State { .. } => None,
    }
}

fn is_of_interest(notice: &Notice) -> bool {
    match notice {
        // Asked again and again until it is ready.
        Notice::Care { news, .. } => !matches!(
            news,
            Care::ProbeFailed {
                question: Question::Ready,
                ..
            }
        ),
        Notice::TreeGone { .. }
        | Notice::NextInterruptKills
        | Notice::Ignored { .. }
        | Notice::NotForwarded { .. }
        | Notice::ReopenLogs
        | Notice::State { .. } => false,
        Notice::Started { .. }
        | Notice::Up { .. }
        | Notice::NotStarted { .. }
        | Notice::Ended { .. }
        | Notice::WillRestart { .. }
        | Notice::GaveUp { .. }
        | Notice::Told { .. }
        | Notice::Killing { .. }
        | Notice::ShutdownBegun { .. }
        | Notice::LastCall
        | Notice::KillingEverybody { .. }
        | Notice::Reloaded { .. }
        | Notice::Reloads { .. }
        | Notice::AllUp
        | Notice::Overslept { .. } => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(events: &mut Events, notice: &Notice, now: ProgramState) -> Option<serde_json::Value> {
        let told = Told {
            notice,
            text: "so",
            about: Some((ProgramId(1), "web", now)),
            leader: Some(7),
        };
        let happened = events.note("now".into(), told)?;
        serde_json::from_slice(happened.to_json().bytes()).ok()
    }

    #[test]
    fn a_state_is_told_with_the_one_before() {
        let mut events = Events::default();
        let (program, run) = (ProgramId(1), lastout_core::RunId(1));
        let running = ProgramState::Running;
        let started = note(&mut events, &Notice::Started { program, run }, running).unwrap();
        assert_eq!(
            (&started["from"], &started["to"]),
            (&"STOPPED".into(), &"STARTING".into())
        );
        assert_eq!(started["pid"], 7);
        let up = note(&mut events, &Notice::Up { program }, running).unwrap();
        assert_eq!(
            (&up["from"], &up["to"]),
            (&"STARTING".into(), &"RUNNING".into())
        );
        assert_eq!(
            note(&mut events, &Notice::TreeGone { program, run }, running),
            None
        );
    }

    #[test]
    fn the_last_thousand_are_kept() {
        let mut events = Events::default();
        for _ in 0..KEPT + 10 {
            note(&mut events, &Notice::AllUp, ProgramState::Running);
        }
        assert_eq!(events.told_of(None).count(), KEPT);
        assert_eq!(events.told_of(Some(&["web".into()])).count(), KEPT);
        assert!(events.told_of(Some(&["db".into()])).next().is_none());
    }
}
