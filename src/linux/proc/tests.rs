//! The readers of /proc against arbitrary bytes and against the real thing.

use super::*;
use crate::linux::testing::{in_namespace, in_process, mount, shell, until};
use proptest::prelude::*;

fn line(comm: &[u8]) -> Vec<u8> {
    let mut text = b"123 (".to_vec();
    text.extend_from_slice(comm);
    text.extend_from_slice(
        b") S 1 120 119 34816 -1 4194560 1 2 3 4 5 6 7 8 20 0 3 0 98765 1000 200 18446744073709551615\n",
    );
    text
}

#[test]
fn every_field_is_taken_from_its_place() {
    let stat = parse_stat(&line(b"nginx")).unwrap();
    assert_eq!(stat.ppid, Pid::from_raw(1));
    assert_eq!(stat.pgid, Pid::from_raw(120));
    assert_eq!(stat.sid, Pid::from_raw(119));
    assert_eq!(stat.tty, Some(Terminal(34816)));
    assert_eq!(stat.threads, 3);
    assert_eq!(stat.starttime, StartTime(98765));
    assert_eq!(stat.comm.as_str(), "nginx");
    assert!(stat.is_alive() && !stat.kernel);
}

#[test]
fn a_name_that_looks_like_fields_fools_nobody() {
    for comm in [
        &b") Z 1 1 1 1"[..],
        b"a b) (c",
        b"x\n) R 0",
        b"",
        b"\xff\x1b[31m",
    ] {
        let stat = parse_stat(&line(comm)).unwrap();
        assert_eq!((stat.state, stat.ppid), (b'S', Pid::from_raw(1)));
        assert!(
            stat.comm
                .as_str()
                .bytes()
                .all(|b| (b' '..=b'~').contains(&b))
        );
    }
}

#[test]
fn a_zombie_is_alive_only_while_it_has_threads() {
    let mut stat = parse_stat(&line(b"x")).unwrap();
    stat.state = b'Z';
    assert!(stat.is_alive());
    stat.threads = 1;
    assert!(!stat.is_alive());
    stat.state = b'X';
    assert!(!stat.is_alive());
}

#[test]
fn limits_are_read_with_and_without_a_number() {
    let text = b"Limit  Soft Limit  Hard Limit  Units\nMax file locks            unlimited            unlimited            locks     \n";
    assert_eq!(parse_locks(text), Some(u64::MAX));
    let text = b"Max nice 0 0\nMax file locks            4611686018427387905  unlimited            locks     \n";
    assert_eq!(parse_locks(text), Some((1 << 62) + 1));
    assert_eq!(parse_locks(b"Max file locks \nMax x 1"), None);
    assert_eq!(parse_locks(b"Max file locks -5 1 locks"), None);
}

#[test]
fn children_are_read_in_pieces() {
    let mut numbers = Numbers::default();
    for piece in ["1", "2 3", "4", " x5 6x 0 99999999999 ", "7"] {
        numbers.feed(piece.as_bytes());
    }
    let found: Vec<i32> = numbers.finish().iter().map(|pid| pid.as_raw()).collect();
    assert_eq!(found, [12, 34, 7]);
}

#[test]
fn we_find_ourselves_and_our_children() {
    in_process(|| {
        let proc = ProcDir::open().unwrap();
        assert_eq!(proc.children().unwrap(), []);
        let pid = shell("exec sleep 60");
        assert_eq!(proc.children().unwrap(), [pid]);
        let everybody = proc.pids().unwrap();
        assert!(everybody.contains(&pid) && everybody.contains(&getpid()));
        let stat = proc.stat(pid).unwrap();
        assert_eq!(stat.ppid, getpid());
        until("sh has exec'ed sleep", || {
            (proc.stat(pid).ok()?.comm.as_str() == "sleep").then_some(())
        });
        assert!(proc.mark(pid).is_ok());
        nix::sys::signal::kill(pid, nix::sys::signal::SIGKILL).unwrap();
        until("the child is a zombie", || {
            (!proc.stat(pid).ok()?.is_alive()).then_some(())
        });
        crate::linux::testing::reap();
        assert_eq!(proc.stat(pid), Err(Missing::Gone));
        assert_eq!(proc.mark(pid), Err(Missing::Gone));
    });
}

#[test]
fn a_list_longer_than_the_buffer_is_read_whole() {
    in_namespace(|| {
        let proc = ProcDir::open().unwrap();
        let mut forked = Vec::new();
        for _ in 0..600 {
            // SAFETY: the child does nothing but wait for its end.
            match unsafe { libc::fork() } {
                0 => loop {
                    // SAFETY: plain system call.
                    unsafe { libc::pause() };
                },
                pid => forked.push(Pid::from_raw(pid)),
            }
        }
        assert_eq!(proc.children().unwrap(), forked);
        let mut everybody = proc.pids().unwrap();
        everybody.sort_unstable();
        forked.insert(0, Pid::from_raw(1));
        assert_eq!(everybody, forked);
    });
}

#[test]
fn a_scan_works_with_every_descriptor_in_use() {
    in_process(|| {
        let proc = ProcDir::open().unwrap();
        let limit = libc::rlimit {
            rlim_cur: 64,
            rlim_max: 64,
        };
        // SAFETY: `limit` lives through the call.
        let answer = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
        assert_eq!(answer, 0);
        let mut taken = Vec::new();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            taken.push(file);
        }
        for _ in 0..3 {
            assert!(proc.pids().unwrap().contains(&getpid()));
            assert!(proc.stat(getpid()).is_ok());
            assert!(proc.mark(getpid()).is_ok());
            assert_eq!(proc.children(), Some(Vec::new()));
            assert!(
                std::fs::File::open("/dev/null").is_err(),
                "reserve was lost"
            );
        }
    });
}

#[test]
fn another_namespaces_proc_is_refused() {
    in_namespace(|| {
        assert!(ProcDir::open().is_some());
        // A fork in a further namespace still sees the /proc of this one.
        // SAFETY: plain system call in a process with one thread.
        let answer = unsafe { libc::unshare(libc::CLONE_NEWPID) };
        assert_eq!(answer, 0);
        in_process(|| assert!(ProcDir::open().is_none()));
    });
}

#[test]
fn what_is_no_proc_is_refused() {
    in_namespace(|| {
        mount(c"none", c"/proc", c"tmpfs", 0);
        assert_eq!(
            ProcDir::open_at(c"/proc").unwrap_err(),
            "what is mounted there is something else"
        );
        assert!(ProcDir::open().is_none());
    });
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(bytes: Vec<u8>) {
        let _ = parse_stat(&bytes);
        let _ = parse_locks(&bytes);
        let _ = parse_children(&bytes);
        for_each_entry(&bytes, |name| { let _ = pid_of(name); });
    }

    #[test]
    fn nothing_after_the_name_makes_it_panic(rest in "[ 0-9SZ()\\-]{0,120}") {
        let _ = parse_stat(format!("1 (x) {rest}").as_bytes());
        let _ = parse_locks(format!("Max file locks {rest}").as_bytes());
    }

    #[test]
    fn a_cut_changes_nothing(text in "[0-9 x\n]{0,60}", at in 0usize..60) {
        let at = at.min(text.len());
        let mut numbers = Numbers::default();
        numbers.feed(&text.as_bytes()[..at]);
        numbers.feed(&text.as_bytes()[at..]);
        prop_assert_eq!(numbers.finish(), parse_children(text.as_bytes()));
    }
}

#[test]
fn the_whole_of_this_machine_can_be_read() {
    let proc = ProcDir::open().unwrap();
    let read = proc
        .pids()
        .unwrap()
        .into_iter()
        .filter_map(|pid| proc.stat(pid).ok());
    assert!(read.count() > 1);
}
