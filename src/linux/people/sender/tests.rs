//! Who says what, on the kernel at hand: Debian's `systemd-notify` and daemons made of
//! shell scripts, attributed and buried in the order of a turn.

use std::ffi::OsString;

use lastout_core::{ExitStatus, Message, Signal};

use nix::errno::Errno;

use super::*;
use crate::linux::notify::{BUDGET, Said, Socket};
use crate::linux::signals::Inherited;
use crate::linux::spawn::{Start, Work};
use crate::linux::testing::{in_process, until};
use crate::plan::{Slate, Stdin};
use crate::single;

const A: RunId = RunId(1);
const B: RunId = RunId(2);

/// What a turn may bring.
#[derive(Clone, Debug, Eq, PartialEq)]
enum News {
    Heard(RunId, Said),
    Ended(RunId, ExitStatus),
}

/// A life of lastout, as far as this goes.
struct Life {
    people: People,
    socket: Socket,
    news: Vec<News>,
}

impl Life {
    fn begin() -> Life {
        let mut people = People::adopt(Inherited::take());
        people.expect_programs();
        Life {
            people,
            socket: Socket::open().unwrap(),
            news: Vec::new(),
        }
    }

    fn start(&mut self, run: RunId, script: &str) {
        let argv = ["sh", "-c", script].map(OsString::from);
        let mut launch = single::launch(&argv);
        launch.slate = Slate::Clean;
        launch.stdin = Stdin::Null;
        let start = Start {
            run,
            launch: &launch,
            work: Work::Command,
            extra: &[("NOTIFY_SOCKET", self.socket.name().to_vec())],
            in_front: false,
        };
        self.people.spawn(start).unwrap();
    }

    /// Hears everybody, then reaps: the order of a turn.
    fn turn(&mut self) {
        let mut budget = BUDGET;
        while let Some(datagram) = self.socket.receive(&mut budget) {
            let Some(run) = self.people.run_of_sender(datagram.sender) else {
                continue;
            };
            for said in datagram.said {
                if let Said::MainPid(pid) = said {
                    self.people.name_successor(run, pid);
                }
                self.news.push(News::Heard(run, said));
            }
        }
        while let Peek::Ended(zombie) = wait::peek() {
            if self.people.run_of(&zombie).is_none() {
                let _ = self.people.reap_other(zombie);
                continue;
            }
            for (run, zombie) in self.people.ended_leaders(zombie, 256) {
                self.news.push(News::Ended(run, zombie.status));
                self.people.reap_leader(run, zombie);
            }
        }
    }

    fn has(&self, run: RunId, message: &Message) -> bool {
        let said = News::Heard(run, Said::Message(message.clone()));
        self.news.contains(&said)
    }

    fn until_heard(&mut self, run: RunId, message: &Message) {
        until("it is heard", || {
            self.turn();
            self.has(run, message).then_some(())
        });
    }

    fn until_ended(&mut self, run: RunId) -> ExitStatus {
        until("it has ended", || {
            self.turn();
            self.end_of(run)
        })
    }

    fn end_of(&self, run: RunId) -> Option<ExitStatus> {
        self.news.iter().find_map(|news| match news {
            News::Ended(ended, status) if *ended == run => Some(*status),
            News::Ended(..) | News::Heard(..) => None,
        })
    }

    fn leader(&self, run: RunId) -> i32 {
        self.people.leader(run).unwrap().id()
    }
}

fn status(text: &str) -> Message {
    Message::Status(text.into())
}

/// A daemon, in a session of its own, that says who it is and then ends its starter.
const DAEMON: &str = "setsid sh -c 'trap \"exit 3\" TERM; systemd-notify --pid=$$ --ready; \
                      kill -USR1 $STARTER; while :; do sleep 0.01; done' &";

#[test]
fn ready_1_systemd_notify_is_heard_and_does_not_wait_in_vain() {
    in_process(|| {
        let mut life = Life::begin();
        life.start(A, "systemd-notify --ready --status=well || exit 9; exit 5");
        // It fails after five seconds where its descriptor is kept.
        assert_eq!(life.until_ended(A), ExitStatus::Code(5));
        assert!(life.has(A, &Message::Ready) && life.has(A, &status("well")));
    });
}

#[test]
fn ready_1_systemd_notify_that_does_not_wait_is_heard_as_a_zombie() {
    in_process(|| {
        let mut life = Life::begin();
        let user = another_user();
        // Nobody reaps it but us, once its parent is gone; and root's would send as if
        // its parent had.
        let script = format!("{user} systemd-notify --no-block --ready & exec sleep 60");
        life.start(A, &script);
        life.start(B, "exec sleep 60");
        until("it is a zombie", || {
            let child = child_of(life.leader(A))?;
            let stat = life.people.proc.as_ref()?.stat(child).ok()?;
            (!stat.is_alive()).then_some(())
        });
        life.turn();
        assert!(life.has(A, &Message::Ready));
        assert!(!life.has(B, &Message::Ready));
    });
}

#[test]
fn ready_1_another_users_orphan_in_a_session_of_its_own_is_heard() {
    in_process(|| {
        let mut life = Life::begin();
        let user = another_user();
        // When its leader is reaped nothing but its mark says whose it is.
        let orphan = "while [ -d /proc/$LEADER ]; do :; done; systemd-notify --status=orphan";
        let script = format!("export LEADER=$$; (setsid {user} sh -c '{orphan}' &)");
        life.start(A, &script);
        life.start(B, "exec sleep 60");
        assert_eq!(life.until_ended(A), ExitStatus::Code(0));
        life.until_heard(A, &status("orphan"));
    });
}

#[test]
fn ready_1_without_proc_the_session_says_whose_it_is() {
    in_process(|| {
        let mut life = Life::begin();
        life.people.proc = None;
        life.start(A, "(systemd-notify --status=below; sleep 60); true");
        life.until_heard(A, &status("below"));
        let child = until("it is there", || child_of(life.leader(A)));
        assert_eq!(life.people.whose(child), Some(A));
    });
}

#[test]
fn ready_1_who_belongs_to_no_program_is_not_heard() {
    in_process(|| {
        let mut life = Life::begin();
        life.start(A, "exec sleep 60");
        let me = Sender(nix::unistd::getpid());
        assert_eq!(life.people.run_of_sender(me), None);
        let stray = crate::linux::testing::shell("exec sleep 60");
        assert_eq!(life.people.run_of_sender(Sender(stray)), None);
        let nobody = Pid::from_raw(i32::MAX);
        assert_eq!(life.people.run_of_sender(Sender(nobody)), None);
        let leader = Pid::from_raw(life.leader(A));
        assert_eq!(life.people.run_of_sender(Sender(leader)), Some(A));
    });
}

#[test]
fn ready_1_a_daemon_goes_on_for_the_shell_that_started_it() {
    in_process(|| {
        let mut life = Life::begin();
        let script =
            format!("export STARTER=$$; trap 'exit 0' USR1; {DAEMON} while :; do wait; done");
        life.start(A, &script);
        let shell = life.leader(A);
        life.until_heard(A, &Message::Ready);
        until("the daemon leads", || {
            life.turn();
            (life.leader(A) != shell).then_some(())
        });
        assert!(is_gone(shell));
        assert_eq!(life.end_of(A), None);
        // It is the leader in all: what is told to the program comes to it.
        life.people
            .tell(A, lastout_core::Scope::Leader, Signal::TERM);
        assert_eq!(life.until_ended(A), ExitStatus::Code(3));
    });
}

#[test]
fn ready_1_a_child_of_ours_leads_at_once() {
    in_process(|| {
        let mut life = Life::begin();
        // The daemon is an orphan before it says who it is; the shell stays.
        let daemon = "(setsid sh -c 'echo $$ > FILE; exec sleep 60' &)";
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let script = format!(
            "{daemon}; while ! [ -s FILE ]; do :; done; \
             systemd-notify --pid=$(cat FILE) --status=named; exec sleep 60"
        );
        life.start(A, &script.replace("FILE", &file.display().to_string()));
        let shell = life.leader(A);
        life.until_heard(A, &status("named"));
        let daemon = std::fs::read_to_string(&file).unwrap();
        assert_eq!(life.leader(A).to_string(), daemon.trim());
        // The shell is somebody like all others, and the daemon's end is the run's.
        send(shell, Signal::KILL);
        until("the shell is gone", || {
            life.turn();
            is_gone(shell).then_some(())
        });
        assert_eq!(life.end_of(A), None);
        send(life.leader(A), Signal::KILL);
        assert_eq!(life.until_ended(A), ExitStatus::Signal(Signal::KILL));
    });
}

#[test]
fn ready_1_a_daemon_that_dies_with_its_shell_has_the_last_word() {
    in_process(|| {
        let mut life = Life::begin();
        let script = format!("export STARTER=$$; trap : USR1; {DAEMON} while :; do wait; done");
        life.start(A, &script);
        life.until_heard(A, &Message::Ready);
        let shell = Pid::from_raw(life.leader(A));
        let daemon = life.people.successors[0].pid;
        send(shell.as_raw(), Signal::KILL);
        send(daemon.as_raw(), Signal::TERM);
        until("both are zombies", || {
            let proc = life.people.proc.as_ref().unwrap();
            let ended = |pid| !proc.stat(pid).unwrap().is_alive();
            (ended(shell) && ended(daemon)).then_some(())
        });
        life.turn();
        assert_eq!(life.end_of(A), Some(ExitStatus::Code(3)));
        assert!(is_gone(shell.as_raw()) && is_gone(daemon.as_raw()));
    });
}

#[test]
fn ready_1_a_successor_that_dies_before_its_leader_leads_nobody() {
    in_process(|| {
        let mut life = Life::begin();
        // Whoever ends first makes us look, and is another one.
        life.start(B, "exec sleep 60");
        let below = format!("export STARTER=$$; trap : USR1; {DAEMON} while :; do wait; done");
        let quoted = below.replace('\'', "'\\''");
        life.start(A, &format!("sh -c '{quoted}' & wait; exec sleep 60"));
        life.until_heard(A, &Message::Ready);
        let leader = life.leader(A);
        let other = Pid::from_raw(life.leader(B));
        let daemon = life.people.successors[0].pid;
        send(child_of(leader).unwrap().as_raw(), Signal::KILL);
        send(daemon.as_raw(), Signal::KILL);
        send(other.as_raw(), Signal::KILL);
        until("both are our zombies", || {
            let proc = life.people.proc.as_ref().unwrap();
            let ended = |pid| {
                let stat = proc.stat(pid).unwrap();
                !stat.is_alive() && stat.ppid == proc.me()
            };
            (ended(other) && ended(daemon)).then_some(())
        });
        life.turn();
        assert!(life.end_of(B).is_some() && life.people.successors.is_empty());
        assert_eq!((life.leader(A), life.end_of(A)), (leader, None));
    });
}

#[test]
fn ready_1_a_successor_that_is_gone_leads_nobody() {
    in_process(|| {
        let mut life = Life::begin();
        let script = "sleep 60 & systemd-notify --pid=$! --status=named; wait; exit 6";
        life.start(A, script);
        life.until_heard(A, &status("named"));
        send(life.people.successors[0].pid.as_raw(), Signal::KILL);
        assert_eq!(life.until_ended(A), ExitStatus::Code(6));
    });
}

#[test]
fn ready_1_nobody_elses_process_and_nobody_leads() {
    in_process(|| {
        let mut life = Life::begin();
        life.start(A, "exec sleep 60");
        life.start(B, "exec sleep 60");
        let (a, b) = (life.leader(A), life.leader(B));
        for pid in [b, nix::unistd::getpid().as_raw(), 1, i32::MAX, a] {
            life.people.name_successor(A, MainPid(Pid::from_raw(pid)));
            assert_eq!((life.leader(A), life.leader(B)), (a, b));
            assert!(life.people.successors.is_empty());
        }
    });
}

#[test]
fn ready_1_a_number_that_was_given_away_again_is_not_the_successors() {
    in_process(|| {
        let mut life = Life::begin();
        life.start(A, "exec sleep 60");
        let leader = life.leader(A);
        let pid = crate::linux::testing::shell("exec sleep 60");
        let born = StartTime(0);
        life.people.successors.push(Successor { run: A, pid, born });
        life.people.let_successors_lead();
        assert_eq!(life.leader(A), leader);
        assert!(life.people.successors.is_empty());
    });
}

#[test]
fn stop_2_who_was_told_to_stop_has_no_successor() {
    in_process(|| {
        let mut life = Life::begin();
        life.start(
            A,
            "trap 'exit 4' TERM; sleep 60 & systemd-notify --pid=$! --status=named; wait",
        );
        life.until_heard(A, &status("named"));
        assert_eq!(life.people.successors.len(), 1);
        life.people
            .tell(A, lastout_core::Scope::Leader, Signal::TERM);
        assert_eq!(life.until_ended(A), ExitStatus::Code(4));
        assert!(life.people.successors.is_empty());
    });
}

/// What makes a command another user's, if we may.
fn another_user() -> &'static str {
    match nix::unistd::geteuid().is_root() {
        true => "setpriv --reuid=65534 --regid=65534 --clear-groups",
        false => "",
    }
}

fn send(pid: i32, signal: Signal) {
    crate::linux::people::stop::send(Pid::from_raw(pid), signal);
}

fn is_gone(pid: i32) -> bool {
    nix::sys::signal::kill(Pid::from_raw(pid), None) == Err(Errno::ESRCH)
}

fn child_of(pid: i32) -> Option<Pid> {
    let list = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    let first = list.split_ascii_whitespace().next()?;
    first.parse().ok().map(Pid::from_raw)
}
