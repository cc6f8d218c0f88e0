//! Signals on real processes: to all, to nobody twice, and never to somebody else.

use std::io::{Read, Write};

use super::*;
use crate::linux::everybody::{Scope, become_subreaper};
use crate::linux::mark::{Marks, set_in_child};
use crate::linux::testing::{fork_with_pid, in_namespace, in_process, leader, reap, until};

const A: RunId = RunId(1);

struct World {
    proc: ProcDir,
    marks: Marks,
    scope: Scope,
}

impl World {
    fn new() -> World {
        become_subreaper().unwrap();
        World {
            proc: ProcDir::open().unwrap(),
            marks: Marks::new(),
            scope: Scope::of_this_process(),
        }
    }

    fn census(&self) -> Census<'_> {
        Census {
            proc: &self.proc,
            marks: &self.marks,
            scope: &self.scope,
            relay: None,
        }
    }

    fn start(&self, script: &str) -> Leader<'static> {
        Leader {
            run: A,
            pid: leader(script, self.marks.of(A)),
            unreaped: true,
            cgroup: None,
        }
    }

    fn left(&self, leaders: &[Leader<'_>]) -> usize {
        self.census()
            .take(leaders, None)
            .unwrap()
            .everybody()
            .count()
    }

    fn find(&self, pid: Pid) -> Process {
        let snapshot = self.census().take(&[], None).unwrap();
        let mut found = snapshot.everybody().filter(|process| process.pid == pid);
        found.next().copied().unwrap()
    }
}

/// How many lines a file has.
fn lines(path: &std::path::Path) -> usize {
    std::fs::read_to_string(path)
        .unwrap_or_default()
        .lines()
        .count()
}

#[test]
fn stop_2_everybody_is_told_once_and_who_comes_later_too() {
    let dir = tempfile::tempdir().unwrap();
    let (up, told) = (dir.path().join("up"), dir.path().join("told"));
    let script = format!(
        "listen='trap \"echo >> {told}\" TERM; echo >> {up}; while :; do sleep 0.01; done'
         setsid sh -c \"$listen\" & sh -c \"$listen\" &
         trap 'sh -c \"$listen\" &' USR1; trap 'echo >> {told}' TERM; echo >> {up}
         while :; do sleep 0.01; done",
        told = told.display(),
        up = up.display()
    );
    in_process(|| {
        let world = World::new();
        let leaders = [world.start(&script)];
        until("three listen", || (lines(&up) == 3).then_some(()));
        let mut noted = Told::new();
        let signals = [Signal::TERM];
        let mut tell = || {
            let outcome = world
                .census()
                .tell(&leaders, Whom::Runs(&[A]), &signals, &mut noted);
            outcome.unwrap()
        };
        assert!(tell().reached >= 3);
        until("three were told", || (lines(&told) == 3).then_some(()));
        nix::sys::signal::kill(leaders[0].pid, nix::sys::signal::SIGUSR1).unwrap();
        until("a fourth was born", || (lines(&up) == 4).then_some(()));
        tell();
        until("the fourth was told", || (lines(&told) == 4).then_some(()));
        for _ in 0..5 {
            tell();
        }
        assert_eq!(lines(&told), 4, "somebody was told twice");
        let _ = world.census().kill(&leaders, Whom::Runs(&[A]));
    });
}

#[test]
fn stop_2_who_is_stopped_is_told_and_goes_on() {
    in_process(|| {
        let world = World::new();
        let leaders = [world.start("kill -STOP $$")];
        let pid = leaders[0].pid;
        until("it is stopped", || {
            (world.proc.stat(pid).ok()?.state == b'T').then_some(())
        });
        let signals = [Signal::TERM, Signal::CONT];
        let outcome = world
            .census()
            .tell(&leaders, Whom::Runs(&[A]), &signals, &mut Told::new())
            .unwrap();
        assert_eq!(outcome.reached, 1);
        until("it is gone", || {
            reap();
            world.proc.stat(pid).is_err().then_some(())
        });
    });
}

#[test]
fn followers_are_told_without_their_leader() {
    in_process(|| {
        let world = World::new();
        let leaders = [world.start("sleep 60 & wait; exec sleep 61")];
        until("there are two", || {
            (world.left(&leaders) == 2).then_some(())
        });
        let outcome = world
            .census()
            .kill(&leaders, Whom::Followers(&[A]))
            .unwrap();
        assert!(outcome.reached >= 1);
        until("the leader is alone", || {
            (world.left(&leaders) == 1).then_some(())
        });
        assert!(world.proc.stat(leaders[0].pid).is_ok_and(|s| s.is_alive()));
        let _ = world.census().kill(&leaders, Whom::Runs(&[A]));
    });
}

/// People who ignore everything and do nothing but fork and leave.
#[test]
fn stop_2_who_forks_for_ever_is_killed() {
    in_namespace(|| {
        let world = World::new();
        let (marked, mut mark) = std::io::pipe().unwrap();
        for _ in 0..8 {
            // SAFETY: the child and its children make no calls but these, none of which
            // allocates.
            unsafe {
                if libc::fork() == 0 {
                    libc::setsid();
                    set_in_child(world.marks.of(A).unwrap()).unwrap();
                    mark.write_all(b"x").unwrap();
                    loop {
                        if libc::fork() > 0 {
                            libc::_exit(0);
                        }
                    }
                }
            }
        }
        let mut all = [0; 8];
        (&marked).read_exact(&mut all).unwrap();
        let leaders = [Leader {
            run: A,
            pid: Pid::from_raw(1 << 22),
            unreaped: false,
            cgroup: None,
        }];
        until("nobody is left", || {
            let outcome = world.census().kill(&leaders, Whom::Runs(&[A])).unwrap();
            reap();
            (outcome.left == 0 && outcome.settled).then_some(())
        });
        reap();
        assert_eq!(world.left(&leaders), 0);
    });
}

#[test]
fn a_number_that_was_used_again_is_never_signalled() {
    in_namespace(|| {
        let world = World::new();
        let first = world.start("exec sleep 60").pid;
        let seen = world.find(first);
        assert_eq!(send(&world.proc, &seen, &[Signal::KILL]), Ok(()));
        until("the first one is reaped", || {
            reap();
            world.proc.stat(first).is_err().then_some(())
        });
        assert_eq!(send(&world.proc, &seen, &[Signal::KILL]), Err(Errno::ESRCH));
        // Only root may choose a pid.
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        // The start of a process is counted in hundredths of a second.
        let second = until("the second one has another start", || {
            reap();
            fork_with_pid(first);
            let second = world.find(first);
            if second.stat.starttime == seen.stat.starttime {
                kill(first, Signal::KILL).unwrap();
                return None;
            }
            Some(second)
        });
        for pidfds in [true, false] {
            PIDFDS.store(pidfds, Ordering::Relaxed);
            assert_eq!(send(&world.proc, &seen, &[Signal::KILL]), Err(Errno::ESRCH));
            let now = world.proc.stat(first).unwrap();
            assert_eq!(now.starttime, second.stat.starttime);
            assert!(now.is_alive());
        }
        // And without pidfds the right one is reached.
        assert_eq!(send(&world.proc, &second, &[Signal::KILL]), Ok(()));
        until("the second one is gone", || {
            reap();
            world.proc.stat(first).is_err().then_some(())
        });
    });
}

#[test]
fn whom_we_may_not_signal_is_counted() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    in_process(|| {
        let world = World::new();
        let leaders = [world.start("exec sleep 60")];
        in_process(|| {
            // SAFETY: plain system calls, in a fork with one thread.
            unsafe {
                assert_eq!(libc::setgid(65534), 0);
                assert_eq!(libc::setuid(65534), 0);
            }
            // As a fork it sees the supervisor's children as it does.
            let outcome = world.census().kill(&leaders, Whom::Runs(&[A])).unwrap();
            assert_eq!((outcome.reached, outcome.denied), (0, 1));
            assert_eq!(outcome.left, 1);
        });
        let outcome = world.census().kill(&leaders, Whom::Runs(&[A])).unwrap();
        assert_eq!(outcome.reached, 1);
    });
}
