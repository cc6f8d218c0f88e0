//! `user`, `umask` and `directory`.

use lastout_harness::configuration::Configuration;
use lastout_harness::wait_until;

use crate::{assert_said, state_with};

/// A program with this user, where /etc/passwd and /etc/group are those of an image.
fn as_user(user: &str) -> lastout_harness::namespace::Run {
    let file = Configuration::new(&format!(
        "[program.web]\ncommand = 'PROBE state --stay'\nuser = '{user}'\n"
    ));
    file.write(
        "passwd",
        "root:x:0:0:root:/root:/bin/sh\napp:x:1234:2000:An app:/srv/app:/bin/sh\n",
    );
    file.write(
        "group",
        "root:x:0:\napp:x:2000:\nmedia:x:2001:app,other\nlogs:x:2002:other,app\nalone:x:2003:other\n",
    );
    let folder = file.folder();
    let bind = |name| format!("{folder}/{name}:/etc/{name}");
    let options = ["--bind", &bind("passwd"), "--bind", &bind("group")];
    let run = file.setup(&["-v"]).launch(&options).start();
    run.wait_for_line("state: end");
    run
}

#[test]
fn a_user_by_name_has_its_group_its_supplementary_groups_and_its_home() {
    let run = as_user("app");
    assert_said(
        &run,
        &[
            "uid 1234 1234",
            "gid 2000 2000",
            "groups 2000,2001,2002",
            "environment HOME=/srv/app",
            "environment USER=app",
            "environment LOGNAME=app",
        ],
    );
}

#[test]
fn a_group_of_its_own_choice_takes_the_place_of_the_users() {
    let run = as_user("app:alone");
    assert_said(&run, &["uid 1234 1234", "gid 2003 2003"]);
    let run = as_user("1234:77");
    assert_said(&run, &["uid 1234 1234", "gid 77 77"]);
}

#[test]
fn numbers_need_no_entry_and_root_keeps_nothing() {
    let run = as_user("65534:12");
    assert_said(&run, &["uid 65534 65534", "gid 12 12", "groups 12"]);
    let status = crate::proc_file(&run, "web", "status");
    assert!(status.contains("CapEff:\t0000000000000000"), "{status}");
}

#[test]
fn umask_and_directory_are_the_programs() {
    let (file, run) = state_with("umask = '027'\ndirectory = 'FOLDER'");
    assert_said(
        &run,
        &["umask 0027", &format!("directory {}", file.folder())],
    );
}

#[test]
fn output_may_go_nowhere() {
    let file = Configuration::new(
        r#"
        [defaults]
        startsecs = 0
        [program.web]
        command = ["sh", "-c", "echo out; echo err >&2; exec sleep 1000"]
        stdout = "null"
        [program.both]
        command = ["sh", "-c", "echo two out; echo two err >&2; exec sleep 1000"]
        stdout = "null"
        stderr = "null"
        "#,
    );
    let run = file.run_until(&["err", "both: running"]);
    // A shell that writes to `>&2` has that as its own stdout for a moment.
    for program in ["web", "both"] {
        wait_until("it sleeps", || run.leader_of(program).name == "sleep");
    }
    for (program, number, goes_nowhere) in [
        ("web", 1, true),
        ("web", 2, false),
        ("both", 1, true),
        ("both", 2, true),
    ] {
        let path = format!("/proc/{}/fd/{number}", run.leader_of(program).pid);
        let target = std::fs::read_link(path).unwrap_or_default();
        assert_eq!(
            target.ends_with("null"),
            goes_nowhere,
            "{program} {number} {target:?}"
        );
    }
    for never in ["out", "two err"] {
        assert!(run.lines().all().iter().all(|line| line.text != never));
    }
}
