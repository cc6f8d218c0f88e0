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
        if !is_of_interest(told.notice) && !self.ends_its_stop(told) {
            return None;
        }
        // The state is told already.
        let text = told.text.strip_prefix("FATAL: ").unwrap_or(told.text);
        let mut happened = Happened {
            time: time.into(),
            program: None,
            change: None,
            pid: 0,
            status: None,
            text: text.chars().take(LONGEST_TEXT).collect::<String>().into(),
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

    /// Whether somebody who was told to end is gone now, with all that was left behind.
    fn ends_its_stop(&self, told: Told<'_>) -> bool {
        let Some((id, _, now)) = told.about else {
            return false;
        };
        let known = self.known.get(id.0 as usize);
        let is_stopping = known.is_some_and(|(state, _)| *state == ProgramState::Stopping);
        is_stopping && state_after(told.notice, now).is_some()
    }

    /// What happened to these programs, or at all, as far as so many bytes go; and how many
    /// of the oldest that leaves out.
    pub fn told_of(&self, programs: Option<&[String]>, mut room: usize) -> (Vec<Json>, usize) {
        let is_meant = |happened: &&Happened| match (programs, happened.program()) {
            (None, _) => true,
            (Some(programs), Some(about)) => programs.iter().any(|program| program == about),
            (Some(_), None) => false,
        };
        let (mut told, mut left_out) = (Vec::new(), 0);
        for happened in self.kept.iter().rev().filter(is_meant) {
            let json = happened.to_json();
            match room.checked_sub(json.bytes().len() + 1) {
                Some(rest) if left_out == 0 => {
                    room = rest;
                    told.push(json);
                }
                Some(_) | None => left_out += 1,
            }
        }
        told.reverse();
        (told, left_out)
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
        Notice::Ended { asked, .. } => Some(match now {
            // Of a restart: it goes from STOPPING to STARTING.
            ProgramState::Starting | ProgramState::Running if asked.is_some() => return None,
            ProgramState::Starting | ProgramState::Running => ProgramState::Backoff,
            // That is told of next, and why.
            ProgramState::Fatal => return None,
            ProgramState::Stopped
            | ProgramState::Backoff
            | ProgramState::Stopping
            | ProgramState::Exited => now,
        }),
        Notice::TreeGone { .. } => match now {
            ProgramState::Stopped | ProgramState::Exited => Some(now),
            ProgramState::Starting
            | ProgramState::Running
            | ProgramState::Backoff
            | ProgramState::Stopping
            | ProgramState::Fatal => None,
        },
        Notice::NotStarted { .. }
        | Notice::Killing { .. }
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
        // Asked again and again until it is ready, or well again, each time would drive out
        // what is worth to be known later.
        Notice::Care {
            news: Care::ProbeFailed {
                question, count, ..
            },
            ..
        } => {
            let is_news = count.is_some_and(|(failures, most)| failures <= most);
            *question == Question::Health && is_news
        }
        Notice::Care { .. } => true,
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
        note_in_words(events, notice, now, "so")
    }

    fn note_in_words(
        events: &mut Events,
        notice: &Notice,
        now: ProgramState,
        text: &str,
    ) -> Option<serde_json::Value> {
        let told = Told {
            notice,
            text,
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
    fn who_was_given_up_is_fatal_with_the_reason_and_says_so_once() {
        let mut events = Events::default();
        let (program, run) = (ProgramId(1), lastout_core::RunId(1));
        let fatal = ProgramState::Fatal;
        note(&mut events, &Notice::Started { program, run }, fatal).unwrap();
        let ended = note(&mut events, &ended(program, run), fatal).unwrap();
        assert_eq!(ended.get("to"), None);
        let reason = lastout_core::FatalReason::NotReady { failures: 1 };
        let notice = Notice::GaveUp { program, reason };
        let text = "FATAL: was not ready in time once";
        let gave_up = note_in_words(&mut events, &notice, fatal, text).unwrap();
        assert_eq!(
            (&gave_up["from"], &gave_up["to"]),
            (&"STARTING".into(), &"FATAL".into())
        );
        assert_eq!(gave_up["text"], "was not ready in time once");
    }

    #[test]
    fn a_stop_is_over_when_nobody_is_left_and_not_with_its_leader() {
        let mut events = Events::default();
        let (program, run) = (ProgramId(1), lastout_core::RunId(1));
        let (running, stopping) = (ProgramState::Running, ProgramState::Stopping);
        note(&mut events, &Notice::Started { program, run }, running).unwrap();
        note(&mut events, &Notice::Up { program }, running).unwrap();
        let told = Notice::Told {
            program,
            run,
            signal: lastout_core::Signal::TERM,
            why: lastout_core::Why::Stopped,
        };
        note(&mut events, &told, stopping).unwrap();
        assert_eq!(
            note(&mut events, &ended(program, run), stopping)
                .unwrap()
                .get("to"),
            None
        );
        let gone = Notice::TreeGone { program, run };
        assert_eq!(note(&mut events, &gone, stopping), None);
        let over = note(&mut events, &gone, ProgramState::Stopped).unwrap();
        assert_eq!(
            (&over["from"], &over["to"]),
            (&"STOPPING".into(), &"STOPPED".into())
        );
        // Who leaves nobody behind is gone with its leader: it is said once.
        assert_eq!(note(&mut events, &gone, ProgramState::Stopped), None);
    }

    #[test]
    fn a_restart_goes_from_stopping_to_starting() {
        let mut events = Events::default();
        let (program, run) = (ProgramId(1), lastout_core::RunId(1));
        let running = ProgramState::Running;
        let why = lastout_core::Why::Restarted;
        note(&mut events, &Notice::Started { program, run }, running).unwrap();
        let told = Notice::Told {
            program,
            run,
            signal: lastout_core::Signal::TERM,
            why,
        };
        note(&mut events, &told, running).unwrap();
        let mut left = ended(program, run);
        if let Notice::Ended { asked, .. } = &mut left {
            *asked = Some((std::time::Duration::ZERO, why));
        }
        let left = note(&mut events, &left, running).unwrap();
        assert_eq!(left.get("to"), None);
        let started = note(&mut events, &Notice::Started { program, run }, running).unwrap();
        assert_eq!(
            (&started["from"], &started["to"]),
            (&"STOPPING".into(), &"STARTING".into())
        );
    }

    #[test]
    fn checks_that_fail_when_it_is_known_already_drive_nothing_out() {
        let mut events = Events::default();
        let mut failed = |question, count| {
            let (end, program) = (None, ProgramId(1));
            let news = Care::ProbeFailed {
                question,
                end,
                count,
            };
            let notice = Notice::Care { program, news };
            note(&mut events, &notice, ProgramState::Running).is_some()
        };
        assert!(failed(Question::Health, Some((2, 2))));
        assert!(!failed(Question::Health, Some((3, 2))));
        assert!(!failed(Question::Health, None));
        assert!(!failed(Question::Ready, None));
    }

    fn ended(program: ProgramId, run: lastout_core::RunId) -> Notice {
        Notice::Ended {
            program,
            run,
            status: ExitStatus::Code(3),
            out_of_memory: false,
            lived: std::time::Duration::ZERO,
            asked: None,
            expected: false,
        }
    }

    #[test]
    fn the_last_thousand_are_kept() {
        let mut events = Events::default();
        for _ in 0..KEPT + 10 {
            note(&mut events, &Notice::AllUp, ProgramState::Running);
        }
        let all = events.told_of(None, usize::MAX);
        assert_eq!((all.0.len(), all.1), (KEPT, 0));
        let told = |name: &str| events.told_of(Some(&[name.into()]), usize::MAX).0.len();
        assert_eq!((told("web"), told("db")), (KEPT, 0));
    }

    #[test]
    fn where_there_is_no_room_for_all_the_oldest_are_left_out() {
        let mut events = Events::default();
        for number in 0..KEPT {
            let text = format!("{number} {}", "ä😀\u{1}".repeat(200));
            let notice = &Notice::AllUp;
            note_in_words(&mut events, notice, ProgramState::Running, &text);
        }
        let room = 1 << 19;
        let (told, left_out) = events.told_of(None, room);
        assert_eq!(told.len() + left_out, KEPT);
        let size: usize = told.iter().map(|json| json.bytes().len() + 1).sum();
        assert!(size <= room && size > room - 2000, "{size}");
        let text = |json: &Json| {
            let value: serde_json::Value = serde_json::from_slice(json.bytes()).unwrap();
            value["text"].as_str().unwrap().to_owned()
        };
        assert!(text(&told[0]).starts_with(&format!("{left_out} ")));
        assert!(text(&told[told.len() - 1]).starts_with("999 "));
    }
}
