//! Starts, seen from inside of what was started: whom it runs as, hooks and probes in
//! place of the command, and the descriptor of readiness.

use std::os::fd::AsRawFd;

use lastout_core::{ExitStatus, SpawnFailure, Stage};

use super::{ReadyNews, Work};
use crate::limits::{Capabilities, Limits};
use crate::linux::testing::life::{Lives, words};
use crate::linux::testing::{in_namespace, in_process, mount, until};
use crate::plan::{Output, Probe, Ready, Relayed, Stdin};

const WHO: &str = "id -u; id -g; id -G; echo $HOME $USER $LOGNAME";

/// Puts users and groups of the test's own over those of the machine.
fn with_accounts(body: impl FnOnce()) {
    in_namespace(|| {
        mount(c"none", c"/mnt", c"tmpfs", 0);
        for (name, text) in [
            (
                "passwd",
                "root:x:0:0::/root:/bin/sh\nweb:x:1234:1233::/srv/web:/bin/sh\n",
            ),
            (
                "group",
                "web:x:1233:\nlogs:x:77:other,web\nadm:x:4:web\nnone:x:5:\n",
            ),
        ] {
            std::fs::write(format!("/mnt/{name}"), text).unwrap();
        }
        for (from, to) in [
            (c"/mnt/passwd", c"/etc/passwd"),
            (c"/mnt/group", c"/etc/group"),
        ] {
            mount(from, to, c"none", libc::MS_BIND);
        }
        body();
    });
}

#[test]
fn a_user_brings_his_groups_and_his_name() {
    for (user, group, said) in [
        ("web", None, "1234\n1233\n1233 4 77\n/srv/web web web\n"),
        ("1234", None, "1234\n1233\n1233 4 77\n/srv/web web web\n"),
        ("web", Some("adm"), "1234\n4\n4\n/srv/web web web\n"),
        ("1234", Some("99"), "1234\n99\n99\n/srv/web web web\n"),
        ("4321", None, "4321\n0\n0\n\n"),
        ("4321", Some("logs"), "4321\n77\n77\n\n"),
    ] {
        with_accounts(|| {
            let mut lives = Lives::of_shell(WHO).with_user(user, group);
            lives.launch.environment = words(&["PATH=/usr/bin:/bin"]);
            assert_eq!(lives.live(Work::Command).said, said, "{user} {group:?}");
        });
    }
}

#[test]
fn a_user_that_is_not_there_is_a_failed_start() {
    in_process(|| {
        let mut lives = Lives::of_shell("echo ran").with_user("no-such-user", None);
        let (_, started) = lives.try_start(Work::Command, &[]);
        let failure = started.unwrap_err();
        assert_eq!(failure.stage, Stage::Lookup);
        lives.launch.user = None;
        assert_eq!(lives.live(Work::Command).said, "ran\n");
    });
}

#[test]
fn who_is_not_root_stays_who_he_is_and_says_it_once() {
    with_accounts(|| {
        // SAFETY: plain system calls in a process of the test's own.
        unsafe {
            assert_eq!(libc::syscall(libc::SYS_setgroups, 0, 0), 0);
            assert_eq!(libc::syscall(libc::SYS_setresgid, 99, 99, 99), 0);
            assert_eq!(libc::syscall(libc::SYS_setresuid, 4321, 4321, 4321), 0);
        }
        let mut lives = Lives::of_shell(WHO).with_user("web", None);
        lives.launch.environment = words(&["PATH=/usr/bin:/bin"]);
        let home = std::env::var("HOME").unwrap_or_default();
        let first = lives.live(Work::Command);
        assert!(first.said.starts_with("4321\n99\n99\n"), "{first:?}");
        assert!(first.said.contains(&home), "{first:?}");
        assert!(lives.people.has_said_who_we_are());
        assert_eq!(lives.live(Work::Command), first);
    });
}

#[test]
fn who_is_that_user_already_needs_no_right() {
    with_accounts(|| {
        // SAFETY: plain system calls in a process of the test's own.
        unsafe {
            assert_eq!(libc::syscall(libc::SYS_setgroups, 0, 0), 0);
            assert_eq!(libc::syscall(libc::SYS_setresgid, 1233, 1233, 1233), 0);
            assert_eq!(libc::syscall(libc::SYS_setresuid, 1234, 1234, 1234), 0);
        }
        let mut lives = Lives::of_shell(WHO).with_user("web", None);
        lives.launch.environment = words(&["PATH=/usr/bin:/bin"]);
        let life = lives.live(Work::Command);
        assert_eq!(life.said, "1234\n1233\n1233\n/srv/web web web\n");
        assert!(!lives.people.has_said_who_we_are());
    });
}

#[test]
fn a_hook_is_started_as_the_program_would_be_with_its_own_words_and_variables() {
    in_process(|| {
        let script = "pwd; umask; id -u; grep CapBnd /proc/self/status; echo $OWN $EXTRA $HOME; \
            readlink /proc/self/fd/0; ps -o sid= -p $$ | tr -d ' '; echo $$; ls /proc/self/fd";
        let mut lives = Lives::of_shell("exit 9")
            .with_user("65534", None)
            .with(Limits {
                capabilities: Some(Capabilities::default()),
                ..Limits::default()
            });
        lives.launch.directory = Some("/tmp".into());
        lives.launch.umask = Some(0o27);
        lives.launch.stdin = Stdin::Inherit;
        lives.launch.ready = Some(Ready::Descriptor(7));
        let hook = words(&["sh", "-c", script]);
        let extra = [("EXTRA", b"e".to_vec()), ("HOME", b"/extra".to_vec())];
        let run = lives.start(Work::Hook(&hook), &extra);
        assert!(lives.people.ready_descriptor(run).is_none());
        let life = lives.end(run);
        let lines: Vec<&str> = life.said.lines().collect();
        let ids = ["/tmp", "0027", "65534", "CapBnd:\t0000000000000000"];
        assert_eq!(lines[..4], ids);
        assert_eq!(lines[4..6], ["own e /extra", "/dev/null"]);
        assert_eq!(lines[6], lines[7], "a session of its own");
        // What `ls` opened is the last.
        assert_eq!(lines[8..], ["0", "1", "2", "3"]);
    });
}

#[test]
fn ready_3_a_probe_that_is_a_command_answers_with_its_status() {
    in_process(|| {
        let mut lives = Lives::of_shell("echo command");
        for (script, code) in [("exit 0", 0), ("exit 3", 3)] {
            let probe = Probe::Exec(words(&["sh", "-c", script]));
            let life = lives.live(Work::Probe(&probe));
            assert_eq!(
                (life.status, life.said.as_str()),
                (ExitStatus::Code(code), "")
            );
        }
        let probe = Probe::Exec(words(&["no-such-command"]));
        let life = lives.live(Work::Probe(&probe));
        let (stage, errno) = (Stage::Exec, libc::ENOENT);
        assert_eq!(life.exec, Err(SpawnFailure { stage, errno }));
        let failure = life.exec.unwrap_err();
        let Probe::Exec(argv) = &probe else { return };
        assert_eq!(
            crate::words::start_failure(&lives.launch, argv, failure),
            "cannot run no-such-command: not found in PATH"
        );
    });
}

/// A program that says on `number` that it is ready, and what descriptors it has.
fn ready_on(number: i32) {
    in_process(|| {
        // dash knows no descriptors of two digits.
        let script = format!(
            "printf 'soon' >/proc/self/fd/{number}; \
             printf ' now\\n' >/proc/self/fd/{number}; exec sleep 60"
        );
        let mut lives = Lives::of_shell(&script);
        lives.launch.ready = Some(Ready::Descriptor(number));
        let run = lives.start(Work::Command, &[]);
        let pipe = lives.people.ready_descriptor(run).unwrap().as_raw_fd();
        // SAFETY: F_GETFD and F_GETFL take nothing.
        let flags = unsafe {
            (
                libc::fcntl(pipe, libc::F_GETFD),
                libc::fcntl(pipe, libc::F_GETFL),
            )
        };
        assert_ne!(flags.0 & libc::FD_CLOEXEC, 0);
        assert_ne!(flags.1 & libc::O_NONBLOCK, 0);
        let news = until("it is ready", || lives.people.read_ready(run));
        assert_eq!(news, ReadyNews::Newline, "on {number}");
        assert_eq!(lives.people.read_exec_status(run), Some(Ok(())));
        let pid = lives.people.leader(run).unwrap().id();
        // The shell and the loader open files of their own, which they close again.
        until("it has 0, 1, 2 and the one that it was given", || {
            let mut open: Vec<i32> = std::fs::read_dir(format!("/proc/{pid}/fd"))
                .ok()?
                .map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
                .collect::<Option<_>>()?;
            open.sort_unstable();
            (open == [0, 1, 2, number]).then_some(())
        });
        lives.people.close_ready(run);
        assert!(lives.people.ready_descriptor(run).is_none());
        lives.people.kill(run);
        lives.people.kill_waiting();
        assert_eq!(lives.end(run).status.as_code(), 137);
    });
}

#[test]
fn ready_2_a_program_gets_the_descriptor_whatever_is_on_its_number() {
    // The pipes of the start are among the lowest that are free, in whatever order.
    for number in 3..24 {
        ready_on(number);
    }
    ready_on(500);
}

#[test]
fn ready_2_how_the_exec_failed_is_told_whatever_the_number() {
    for number in 3..24 {
        in_process(|| {
            let mut lives = Lives::of_shell("");
            lives.launch.argv = words(&["no-such-command"]);
            lives.launch.ready = Some(Ready::Descriptor(number));
            let run = lives.start(Work::Command, &[]);
            let news = until("it is closed", || lives.people.read_ready(run));
            assert_eq!(news, ReadyNews::Closed, "on {number}");
            let (stage, errno) = (Stage::Exec, libc::ENOENT);
            assert_eq!(lives.end(run).exec, Err(SpawnFailure { stage, errno }));
        });
    }
}

#[test]
fn ready_2_a_descriptor_that_is_closed_without_a_newline_is_told_of() {
    in_process(|| {
        let mut lives = Lives::of_shell("printf almost >&5; exit 4");
        lives.launch.ready = Some(Ready::Descriptor(5));
        let run = lives.start(Work::Command, &[]);
        let news = until("it is closed", || lives.people.read_ready(run));
        assert_eq!(news, ReadyNews::Closed);
        assert_eq!(lives.end(run).status, ExitStatus::Code(4));
    });
}

#[test]
fn ready_2_a_number_beyond_the_limit_is_a_failed_start() {
    in_process(|| {
        let mut lives = Lives::of_shell("echo ran");
        lives.launch.ready = Some(Ready::Descriptor(1 << 24));
        let life = lives.live(Work::Command);
        let (stage, errno) = (Stage::Readiness, libc::EBADF);
        assert_eq!(life.exec, Err(SpawnFailure { stage, errno }));
    });
}

#[test]
fn stderr_goes_where_stdout_goes_if_it_is_to() {
    in_process(|| {
        let script = "[ /proc/self/fd/2 -ef /proc/self/fd/1 ]; echo $?";
        let mut lives = Lives::of_shell(script);
        lives.launch.stderr = Output::Stdout;
        assert_eq!(lives.live(Work::Command).said, "0\n");
        lives.launch.stderr = Output::Null;
        assert_eq!(lives.live(Work::Command).said, "1\n");
        let mut lives = Lives::of_shell("[ $(readlink /proc/$$/fd/2) = /dev/null ]");
        lives.launch.stdout = Output::Null;
        lives.launch.stderr = Output::Stdout;
        assert_eq!(lives.live(Work::Command).status, ExitStatus::Code(0));
    });
}

#[test]
fn what_a_program_writes_goes_nowhere_if_it_is_to() {
    in_process(|| {
        let script = "echo $(readlink /proc/$$/fd/1 /proc/$$/fd/2); \
            [ \"$(readlink /proc/$$/fd/1)\" = /dev/null ]";
        let mut lives = Lives::of_shell(script);
        lives.launch.stderr = Output::Null;
        let life = lives.live(Work::Command);
        assert_eq!(life.status, ExitStatus::Code(1));
        assert!(life.said.ends_with(" /dev/null\n"), "{}", life.said);
        lives.launch.stdout = Output::Null;
        let life = lives.live(Work::Command);
        assert_eq!((life.status, life.said.as_str()), (ExitStatus::Code(0), ""));
    });
}

/// What a program has written over a pipe by its end.
fn read(pipe: Option<std::os::fd::OwnedFd>) -> String {
    let mut said = String::new();
    let mut pipe = std::fs::File::from(pipe.unwrap());
    std::io::Read::read_to_string(&mut pipe, &mut said).unwrap();
    said
}

#[test]
fn what_is_relayed_comes_over_pipes_that_end_with_the_life() {
    in_process(|| {
        let mut lives = Lives::of_shell("echo out; echo err >&2; ls /proc/self/fd >&2");
        lives.launch.stdout = Output::Relayed(Relayed::UNCHANGED);
        lives.launch.stderr = Output::Relayed(Relayed::UNCHANGED);
        for work in [Work::Command, Work::Hook(&lives.launch.argv.clone())] {
            assert_eq!(lives.live(work).said, "");
            let outputs = std::mem::take(&mut lives.outputs);
            assert_eq!(read(outputs.stdout), "out\n");
            // The last one is of ls itself, which lists itself.
            assert_eq!(read(outputs.stderr), "err\n0\n1\n2\n3\n");
        }
        lives.launch.stderr = Output::Stdout;
        lives.live(Work::Command);
        assert!(lives.outputs.stderr.is_none());
        let said = read(lives.outputs.stdout.take());
        assert_eq!(said, "out\nerr\n0\n1\n2\n3\n");
    });
}

#[test]
fn a_question_has_no_pipe() {
    in_process(|| {
        let mut lives = Lives::of_shell("");
        lives.launch.stdout = Output::Relayed(Relayed::UNCHANGED);
        let probe = Probe::Exec(words(&["sh", "-c", "echo chatter"]));
        lives.live(Work::Probe(&probe));
        assert!(lives.outputs.stdout.is_none());
    });
}

#[test]
fn log_6_a_program_of_another_user_can_open_its_own_stdout() {
    in_process(|| {
        let script = "echo once >/dev/stdout && echo twice >/proc/self/fd/1; echo err >/dev/stderr";
        let mut lives = Lives::of_shell(script).with_user("1234", None);
        lives.launch.stdout = Output::Relayed(Relayed::UNCHANGED);
        lives.launch.stderr = Output::Relayed(Relayed::UNCHANGED);
        assert_eq!(lives.live(Work::Command).status, ExitStatus::Code(0));
        assert_eq!(read(lives.outputs.stdout.take()), "once\ntwice\n");
        assert_eq!(read(lives.outputs.stderr.take()), "err\n");
    });
}

#[test]
fn lastout_may_have_more_descriptors_for_output_and_programs_begin_with_what_it_began_with() {
    in_process(|| {
        let limit = |soft| libc::rlimit {
            rlim_cur: soft,
            rlim_max: 500,
        };
        let mut now = limit(0);
        // SAFETY: whole rlimits of this forked process.
        unsafe {
            assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &limit(200)), 0);
        }
        let mut lives = Lives::of_shell("ulimit -Sn; ulimit -Hn");
        assert_eq!(lives.live(Work::Command).said, "200\n500\n");
        lives.launch.stdout = Output::Relayed(Relayed::UNCHANGED);
        for _ in 0..2 {
            lives.live(Work::Command);
            assert_eq!(read(lives.outputs.stdout.take()), "200\n500\n");
        }
        // SAFETY: room for an rlimit.
        unsafe {
            assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &mut now), 0);
        }
        assert_eq!(now.rlim_cur, 500);
    });
}
