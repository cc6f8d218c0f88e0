//! Who belongs to whom: the order of the evidence on made-up processes, and each piece
//! of it on real ones.

use super::*;
use crate::linux::everybody::become_subreaper;
use crate::linux::proc::parse_stat;
use crate::linux::testing::{fork_with_pid, in_namespace, in_process, leader, reap, shell, until};

const A: RunId = RunId(1);
const B: RunId = RunId(2);
const ME: i32 = 1;

fn pid(number: i32) -> Pid {
    Pid::from_raw(number)
}

/// A process of this pid, parent, group and session.
fn person(number: i32, ppid: i32, pgid: i32, sid: i32) -> Process {
    let text = format!(
        "{number} (x) S {ppid} {pgid} {sid} 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 {}",
        number * 10
    );
    let stat = parse_stat(text.as_bytes()).unwrap();
    Process::new(pid(number), stat, pid(ME))
}

fn lead(run: RunId, number: i32, unreaped: bool) -> Leader<'static> {
    Leader {
        run,
        pid: pid(number),
        unreaped,
        cgroup: None,
    }
}

/// What becomes of these people; marks and groups are (pid, run).
fn settle(
    processes: &[Process],
    leaders: &[Leader<'_>],
    marks: &[(i32, RunId)],
    groups: &[(i32, RunId)],
) -> Snapshot {
    let mut snapshot = Snapshot {
        processes: processes.to_vec(),
        torn: false,
    };
    snapshot.find_scope(&Scope::Descendants);
    let mut evidence = Evidence::new(leaders, &snapshot);
    evidence.grouped = groups.iter().map(|&(n, run)| (pid(n), run)).collect();
    snapshot.find_runs(&evidence, |p| {
        marks
            .iter()
            .find(|mark| pid(mark.0) == p)
            .map(|mark| mark.1)
    });
    snapshot
}

fn run_of(snapshot: &Snapshot, number: i32) -> Option<RunId> {
    snapshot.processes[snapshot.index(pid(number)).unwrap()].run
}

#[test]
fn children_belong_to_their_parents_run_however_deep() {
    let people = [
        person(10, ME, 10, 10),
        person(11, 10, 11, 11),
        person(12, 13, 12, 12),
        person(13, 11, 13, 13),
    ];
    let found = settle(&people, &[lead(A, 10, true)], &[], &[]);
    assert_eq!(found.members(A).count(), 4);
    assert_eq!(found.strays().count(), 0);
}

#[test]
fn a_mark_wins_over_the_parent_and_children_follow_it() {
    let people = [
        person(10, ME, 10, 10),
        person(20, ME, 20, 20),
        person(21, 20, 20, 20),
        person(22, 21, 20, 20),
    ];
    let leaders = [lead(A, 10, true), lead(B, 20, true)];
    let found = settle(&people, &leaders, &[(21, A)], &[]);
    assert_eq!(run_of(&found, 21), Some(A));
    assert_eq!(run_of(&found, 22), Some(A));
    assert_eq!(run_of(&found, 20), Some(B));
}

#[test]
fn a_control_group_wins_over_a_mark_and_nobody_wins_over_leading() {
    let people = [
        person(10, ME, 10, 10),
        person(20, ME, 20, 20),
        person(30, ME, 30, 30),
    ];
    let leaders = [lead(A, 10, true), lead(B, 20, true)];
    let found = settle(&people, &leaders, &[(30, A), (20, A)], &[(20, A), (30, B)]);
    assert_eq!(run_of(&found, 30), Some(B));
    assert_eq!(run_of(&found, 20), Some(B));
}

#[test]
fn a_parent_wins_over_a_session() {
    let people = [
        person(10, ME, 10, 10),
        person(11, 10, 20, 20),
        person(20, ME, 20, 20),
    ];
    let leaders = [lead(A, 10, true), lead(B, 20, true)];
    let found = settle(&people, &leaders, &[], &[]);
    assert_eq!(run_of(&found, 11), Some(A));
}

#[test]
fn a_session_or_a_group_is_evidence_for_an_orphan() {
    let people = [person(11, ME, 11, 10), person(12, ME, 10, 1)];
    for unreaped in [true, false] {
        let found = settle(&people, &[lead(A, 10, unreaped)], &[], &[]);
        assert_eq!(found.members(A).count(), 2);
    }
}

#[test]
fn a_session_whose_number_is_somebody_elses_is_none() {
    let people = [person(10, ME, 10, 10), person(11, ME, 10, 10)];
    let found = settle(&people, &[lead(A, 10, false)], &[], &[]);
    assert_eq!(found.members(A).count(), 0);
    assert_eq!(found.strays().count(), 2);
}

#[test]
fn a_mark_of_a_run_that_nobody_asks_for_says_nothing() {
    let people = [person(10, ME, 10, 10), person(11, 10, 10, 10)];
    let found = settle(&people, &[lead(A, 10, true)], &[(11, B)], &[]);
    assert_eq!(run_of(&found, 11), Some(A));
}

#[test]
fn pid_2_who_is_not_our_descendant_belongs_to_nobody_whatever_he_bears() {
    let people = [
        person(5, 0, 10, 10),
        person(6, 5, 10, 10),
        person(10, ME, 10, 10),
    ];
    let found = settle(&people, &[lead(A, 10, true)], &[(5, A), (6, A)], &[(6, A)]);
    assert_eq!(found.everybody().count(), 1);
    assert_eq!(run_of(&found, 6), None);
}

#[test]
fn a_circle_of_parents_ends() {
    let circle = [person(10, 11, 1, 1), person(11, 10, 1, 1)];
    let found = settle(&circle, &[], &[], &[]);
    assert_eq!(found.everybody().count(), 0);
}

/// A world in which this process is the supervisor.
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

    fn look(&self, leaders: &[Leader<'_>]) -> Snapshot {
        self.census().take(leaders, None).unwrap()
    }
}

/// Waits until exactly one process of that name is there, our child, and reaps others.
fn orphan(world: &World, comm: &str) -> Process {
    until("there is an orphan of that name", || {
        reap();
        let snapshot = world.look(&[]);
        let mut found = snapshot
            .everybody()
            .filter(|process| process.comm().as_str() == comm && process.is_our_child);
        found.next().copied()
    })
}

/// Both as PID 1 and as a subreaper.
fn in_both_scopes(body: impl Fn()) {
    in_namespace(&body);
    in_process(&body);
}

#[test]
fn who_leaves_parents_session_and_environment_is_known_by_the_mark() {
    in_both_scopes(|| {
        let world = World::new();
        let uid = match nix::unistd::geteuid().is_root() {
            true => "setpriv --reuid 65534 --regid 65534 --clear-groups",
            false => "",
        };
        let script = format!("env -i setsid {uid} sh -c 'setsid sleep 61 & exit 0' & exit 0");
        let gone = leader(&script, world.marks.of(A));
        let sleeper = orphan(&world, "sleep");
        let leaders = [lead(A, gone.as_raw(), false)];
        let found = world.look(&leaders);
        let members: Vec<Pid> = found.members(A).map(|member| member.pid).collect();
        assert_eq!(members, [sleeper.pid]);
        assert_ne!(sleeper.stat.sid, gone);

        // Without the mark nothing is left that would say so.
        let stranger = World {
            marks: Marks::new(),
            ..world
        };
        let found = stranger.look(&leaders);
        assert_eq!(found.members(A).count(), 0);
        assert!(found.strays().any(|stray| stray.pid == sleeper.pid));
        let whom = crate::linux::tell::Whom::Strays;
        let _ = stranger.census().kill(&[], whom);
    });
}

#[test]
fn without_a_mark_children_are_known_by_their_parents() {
    in_both_scopes(|| {
        let world = World::new();
        let alive = leader("setsid sh -c 'sleep 62 & wait' & wait", None);
        let leaders = [lead(A, alive.as_raw(), true)];
        until("there are three", || {
            let found = world.look(&leaders);
            let names: Vec<Comm> = found.members(A).map(Process::comm).collect();
            let sleeps = names.iter().any(|comm| comm.as_str() == "sleep");
            (names.len() == 3 && sleeps).then_some(())
        });
        let whom = crate::linux::tell::Whom::Runs(&[A]);
        let _ = world.census().kill(&leaders, whom);
    });
}

#[test]
fn without_a_mark_orphans_are_known_by_the_session_until_it_is_somebody_elses() {
    in_namespace(|| {
        let world = World::new();
        let gone = leader("sleep 63 & exit 0", None);
        let sleeper = orphan(&world, "sleep");
        let leaders = [lead(A, gone.as_raw(), false)];
        assert_eq!(world.look(&leaders).members(A).count(), 1);
        assert_eq!(sleeper.stat.sid, gone);
        nix::sys::signal::kill(sleeper.pid, nix::sys::signal::SIGKILL).unwrap();
        until("the session is empty", || {
            reap();
            world.proc.stat(sleeper.pid).is_err().then_some(())
        });
        // Only root may choose a pid.
        if nix::unistd::geteuid().is_root() {
            fork_with_pid(gone);
            assert!(world.proc.stat(gone).is_ok());
            assert_eq!(world.look(&leaders).members(A).count(), 0);
        }
    });
}

#[test]
fn zombies_are_nobody() {
    in_process(|| {
        let world = World::new();
        let dead = leader("exit 0", world.marks.of(A));
        until("it is a zombie", || {
            (!world.proc.stat(dead).ok()?.is_alive()).then_some(())
        });
        let found = world.look(&[lead(A, dead.as_raw(), true)]);
        assert_eq!(found.members(A).count(), 0);
        assert!(found.processes().iter().any(|process| process.pid == dead));
    });
}

#[test]
fn pid_2_a_subreaper_sees_only_its_descendants() {
    in_process(|| {
        let world = World::new();
        let outside = nix::unistd::getppid();
        shell("sleep 64 & wait");
        let found = until("there are two", || {
            let found = world.look(&[]);
            (found.everybody().count() == 2).then_some(found)
        });
        assert!(found.everybody().all(|process| process.pid != outside));
        let parent = found.index(outside).map(|at| found.processes[at]);
        assert!(parent.is_some_and(|parent| !parent.in_scope));
        let whom = crate::linux::tell::Whom::Everybody;
        let _ = world.census().kill(&[], whom);
    });
}

#[test]
fn the_children_alone_tell_whether_anybody_was_left() {
    in_both_scopes(|| {
        let world = World::new();
        let nobody = |known: &[Pid]| anyone_but(&world.proc, |pid| known.contains(&pid));
        assert_eq!(nobody(&[]), Some(false));
        let alive = leader("sleep 65 & wait", None);
        assert_eq!(nobody(&[alive]), Some(false));
        let leaves = leader("setsid sleep 66 & exit 0", None);
        until("the second leader is a zombie", || {
            (!world.proc.stat(leaves).ok()?.is_alive()).then_some(())
        });
        // As soon as it is, its child is ours; there is nothing to wait for.
        assert_eq!(nobody(&[alive, leaves]), Some(true));
        let whom = crate::linux::tell::Whom::Everybody;
        let _ = world.census().kill(&[], whom);
        until("all are gone", || {
            reap();
            (nobody(&[]) == Some(false)).then_some(())
        });
    });
}

#[test]
fn the_threads_of_the_kernel_are_out_of_scope() {
    let text = b"2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0";
    let mut kernel = person(2, 0, 0, 0);
    kernel.stat = parse_stat(text).unwrap();
    assert!(kernel.stat.kernel);
    in_namespace(move || {
        let mut snapshot = Snapshot {
            processes: vec![kernel, person(3, 0, 3, 3)],
            torn: false,
        };
        snapshot.find_scope(&Scope::of_this_process());
        let in_scope: Vec<Pid> = snapshot.everybody().map(|process| process.pid).collect();
        assert_eq!(in_scope, [pid(3)]);
    });
}
