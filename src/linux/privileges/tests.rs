//! What a program may use, seen from outside: real programs, and what /proc says of them.

use lastout_core::{ExitStatus, SpawnFailure, Stage};

use crate::limits::{Capabilities, Limits, Resource, ResourceLimit};
use crate::linux::spawn::Work;
use crate::linux::testing::in_process;
use crate::linux::testing::life::{Life, Lives};
use crate::words;

const STATUS: &str = "cat /proc/self/status";

/// CHOWN and NET_BIND_SERVICE.
const TWO: Capabilities = Capabilities(1 | 1 << 10);

fn resource(name: &str, soft: u64, hard: u64) -> ResourceLimit {
    ResourceLimit {
        resource: Resource::named(name).unwrap(),
        soft,
        hard,
    }
}

fn resources(list: &[(&str, u64, u64)]) -> Limits {
    Limits {
        resources: list
            .iter()
            .map(|(name, s, h)| resource(name, *s, *h))
            .collect(),
        ..Limits::default()
    }
}

fn only(capabilities: Capabilities) -> Limits {
    Limits {
        capabilities: Some(capabilities),
        ..Limits::default()
    }
}

/// Bounding, inheritable, ambient, permitted and effective set.
fn sets(life: &Life) -> [u64; 5] {
    ["CapBnd:", "CapInh:", "CapAmb:", "CapPrm:", "CapEff:"]
        .map(|key| u64::from_str_radix(life.value(key), 16).unwrap())
}

/// Becomes somebody else than root, as lastout in many containers.
fn become_nobody() {
    let id = 65534;
    // SAFETY: plain system calls in a process of the test's own.
    unsafe {
        assert_eq!(libc::syscall(libc::SYS_setgroups, 0, 0), 0);
        assert_eq!(libc::syscall(libc::SYS_setresgid, id, id, id), 0);
        assert_eq!(libc::syscall(libc::SYS_setresuid, id, id, id), 0);
    }
}

fn refused(life: &Life, stage: Stage) {
    let errno = libc::EPERM;
    assert_eq!(life.exec, Err(SpawnFailure { stage, errno }));
}

/// What /proc/PID/limits calls them.
const ROWS: [(&str, &str); 15] = [
    ("cpu", "Max cpu time"),
    ("fsize", "Max file size"),
    ("data", "Max data size"),
    ("stack", "Max stack size"),
    ("core", "Max core file size"),
    ("rss", "Max resident set"),
    ("nproc", "Max processes"),
    ("nofile", "Max open files"),
    ("memlock", "Max locked memory"),
    ("as", "Max address space"),
    ("sigpending", "Max pending signals"),
    ("msgqueue", "Max msgqueue size"),
    ("nice", "Max nice priority"),
    ("rtprio", "Max realtime priority"),
    ("rttime", "Max realtime timeout"),
];

#[test]
fn every_limit_is_set_and_no_other() {
    for user in [None, Some("65534")] {
        in_process(|| {
            let before = Lives::of_shell("cat /proc/self/limits").live(Work::Command);
            for (name, row) in ROWS {
                // Two that nobody may raise are 0 in most places.
                let soft = match name {
                    "nice" | "rtprio" => 0,
                    "as" | "data" | "stack" | "fsize" => 1 << 29,
                    _ => 77,
                };
                let hard = soft.max(match name {
                    "nice" | "rtprio" => 0,
                    _ => 78,
                });
                let mut lives =
                    Lives::of_shell("cat /proc/self/limits").with(resources(&[(name, soft, hard)]));
                if let Some(user) = user {
                    lives = lives.with_user(user, None);
                }
                let life = lives.live(Work::Command);
                assert_eq!(life.exec, Ok(()), "{name}");
                let mut columns = life.value(row).split_ascii_whitespace();
                assert_eq!(columns.next().unwrap(), soft.to_string(), "{name}");
                assert_eq!(columns.next().unwrap(), hard.to_string(), "{name}");
                for (_, other) in ROWS.iter().filter(|(_, other)| *other != row) {
                    assert_eq!(life.value(other), before.value(other), "{other}");
                }
            }
        });
    }
}

#[test]
fn unlimited_is_a_limit() {
    in_process(|| {
        let limits = resources(&[("core", u64::MAX, u64::MAX)]);
        let life = Lives::of_shell("cat /proc/self/limits")
            .with(limits)
            .live(Work::Command);
        assert!(life.value("Max core file size").starts_with("unlimited "));
    });
}

#[test]
fn a_limit_that_cannot_be_set_is_a_failed_start_and_named() {
    in_process(|| {
        become_nobody();
        let limits = resources(&[("core", 1, 1), ("nofile", 4096, 1 << 30)]);
        let mut lives = Lives::of_shell("echo ran").with(limits);
        let life = lives.live(Work::Command);
        refused(&life, Stage::Limit(7));
        assert_eq!(
            (life.status, life.said.as_str()),
            (ExitStatus::Code(127), "")
        );
        assert_eq!(
            words::spawn_failure(&lives.launch, life.exec.unwrap_err()),
            "cannot set the limit of open files (nofile) to [4096, 1073741824]: \
             Operation not permitted"
        );
    });
}

#[test]
fn a_limit_of_no_descriptor_at_all_is_not_in_the_way_of_the_start() {
    in_process(|| {
        let limits = Limits {
            oom_score_adj: Some(10),
            ..resources(&[("nofile", 0, 20)])
        };
        let life = Lives::of_shell("echo ran").with(limits).live(Work::Command);
        // A program that is linked dynamically cannot do without; it came to be, though.
        assert_eq!(life.exec, Ok(()));
    });
}

#[test]
fn nice_and_the_oom_score_are_set() {
    in_process(|| {
        let limits = Limits {
            nice: Some(7),
            oom_score_adj: Some(321),
            ..Limits::default()
        };
        let script = "cut -d' ' -f19 /proc/self/stat; cat /proc/self/oom_score_adj";
        let life = Lives::of_shell(script)
            .with_user("65534", None)
            .with(limits)
            .live(Work::Command);
        assert_eq!(life.said, "7\n321\n");
    });
}

#[test]
fn root_may_go_in_front() {
    in_process(|| {
        let limits = Limits {
            nice: Some(-5),
            ..Limits::default()
        };
        let life = Lives::of_shell("cut -d' ' -f19 /proc/self/stat")
            .with_user("65534", None)
            .with(limits)
            .live(Work::Command);
        assert_eq!(life.said, "-5\n");
    });
}

#[test]
fn who_is_not_root_may_not_go_in_front_and_is_told_so() {
    in_process(|| {
        become_nobody();
        let limits = Limits {
            nice: Some(-5),
            ..Limits::default()
        };
        let mut lives = Lives::of_shell("echo ran").with(limits);
        let failure = lives.live(Work::Command).exec.unwrap_err();
        assert_eq!(failure.stage, Stage::Nice);
        let text = words::spawn_failure(&lives.launch, failure);
        assert_eq!(text, "cannot set nice to -5: Permission denied");
        // To be spared takes a right that root of a container does not have either.
        lives.launch.limits = Limits {
            oom_score_adj: Some(-100),
            ..Limits::default()
        };
        let failure = lives.live(Work::Command).exec.unwrap_err();
        assert_eq!(failure.stage, Stage::OomScore);
        let text = words::spawn_failure(&lives.launch, failure);
        assert_eq!(text, "cannot set oom_score_adj to -100: Permission denied");
    });
}

#[test]
fn exactly_these_capabilities_stay_as_root_and_as_another_user() {
    for user in [None, Some("0"), Some("65534")] {
        in_process(|| {
            let mut lives = Lives::of_shell(STATUS).with(only(TWO));
            if let Some(user) = user {
                lives = lives.with_user(user, None);
            }
            let life = lives.live(Work::Command);
            assert_eq!(life.exec, Ok(()));
            assert_eq!(sets(&life), [TWO.0; 5], "{user:?}");
            let uid = user.unwrap_or("0");
            assert_eq!(life.value("Uid:"), [uid; 4].join("\t"));
        });
    }
}

#[test]
fn no_capability_stays_where_none_is_named() {
    for user in ["0", "65534"] {
        in_process(|| {
            let life = Lives::of_shell(STATUS)
                .with_user(user, None)
                .with(only(Capabilities::default()))
                .live(Work::Command);
            assert_eq!(sets(&life), [0; 5], "{user}");
        });
    }
}

#[test]
fn without_the_key_they_are_inherited() {
    in_process(|| {
        let before = sets(&Lives::of_shell(STATUS).live(Work::Command));
        let [bounding, .., permitted, _] = before;
        assert_eq!(bounding, permitted);
        let life = Lives::of_shell(STATUS)
            .with_user("65534", None)
            .live(Work::Command);
        assert_eq!(sets(&life), [bounding, 0, 0, 0, 0]);
    });
}

#[test]
fn a_user_with_one_capability_can_do_what_it_is_for() {
    in_process(|| {
        let script = "chown 65533 /proc/self/fd/1 && echo done";
        let mut lives = Lives::of_shell(script)
            .with_user("65534", None)
            .with(only(TWO));
        assert_eq!(lives.live(Work::Command).said, "done\n");
        lives.launch.limits = only(Capabilities(1 << 10));
        assert_ne!(lives.live(Work::Command).status, ExitStatus::Code(0));
    });
}

#[test]
fn what_lastout_does_not_have_it_cannot_give() {
    in_process(|| {
        become_nobody();
        let mut lives = Lives::of_shell("echo ran").with(only(Capabilities(1 << 10)));
        let life = lives.live(Work::Command);
        refused(&life, Stage::Capability(10));
        assert_eq!(
            words::spawn_failure(&lives.launch, life.exec.unwrap_err()),
            "cannot give the capability NET_BIND_SERVICE: lastout itself does not have it"
        );
    });
}

#[test]
fn what_cannot_be_taken_is_no_harm_only_where_no_exec_gives_it() {
    in_process(|| {
        become_nobody();
        let mut lives = Lives::of_shell(STATUS).with(only(Capabilities::default()));
        let life = lives.live(Work::Command);
        refused(&life, Stage::Capabilities);
        lives.launch.limits.no_new_privileges = true;
        let life = lives.live(Work::Command);
        assert_eq!(life.exec, Ok(()));
        assert_eq!(sets(&life)[1..], [0; 4]);
        assert_eq!(life.value("NoNewPrivs:"), "1");
    });
}

#[test]
fn no_new_privileges_is_the_last_step_and_hinders_none_before_it() {
    in_process(|| {
        let limits = Limits {
            no_new_privileges: true,
            nice: Some(-3),
            ..only(TWO)
        };
        let mut lives = Lives::of_shell(STATUS)
            .with_user("65534", None)
            .with(limits);
        let life = lives.live(Work::Command);
        assert_eq!(life.value("NoNewPrivs:"), "1");
        assert_eq!(sets(&life), [TWO.0; 5]);
        lives.launch.limits = Limits::default();
        assert_eq!(lives.live(Work::Command).value("NoNewPrivs:"), "0");
    });
}
