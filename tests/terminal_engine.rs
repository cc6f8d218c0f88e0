//! `docker run -it` with lastout as the entry point: Ctrl-C, the window, and what
//! `docker stop` does to a shell and to what runs in it (SIG-6, STOP-9).

use std::time::{Duration, Instant};

use lastout_harness::attached::Attached;
use lastout_harness::engine::Image;
use lastout_harness::terminal::{CTRL_C, CTRL_D};
use lastout_harness::wait_until;

/// A stop that waited for anything would take Docker's 10 s.
const AT_ONCE: Duration = Duration::from_secs(8);

const BASH: [&str; 4] = ["/bin/bash", "--norc", "--noprofile", "-i"];

/// `docker run -it IMAGE /lastout -- COMMAND…`.
fn run(command: &[&str]) -> Attached {
    Image::plain().run_on_a_terminal(&[], &[&["/lastout", "--"], command].concat())
}

fn types(attached: &Attached, line: &str) {
    attached.terminal.types(format!("{line}\n").as_bytes());
}

/// The shell in the container does what it is told; asked again, since what is typed
/// while a shell or the client takes its terminal may get lost.
fn says(attached: &Attached, word: &str) {
    let mut asked: Option<Instant> = None;
    wait_until("the shell answers", || {
        if asked.is_none_or(|at| at.elapsed() > Duration::from_secs(2)) {
            types(attached, &format!("echo {word}-$((40 + 2))"));
            asked = Some(Instant::now());
        }
        attached.lines.has(&format!("{word}-42"))
    });
}

/// That shell, when it answers.
fn shell(command: &[&str]) -> Attached {
    let attached = run(command);
    says(&attached, "begin");
    attached
}

#[test]
fn sig_6_ctrl_c_in_a_container_reaches_the_command_once() {
    let mut attached = run(&["/probe", "signals"]);
    attached.lines.wait_for("signals: ready");
    attached.terminal.types(CTRL_C);
    attached.lines.wait_for("got SIGINT");
    attached.container.signal("USR1");
    attached.lines.wait_for("got SIGUSR1");
    attached.container.signal("TERM");
    assert_eq!(attached.wait(), 0);
    attached.lines.wait_for("total SIGINT 1");
}

#[test]
fn sig_6_a_resized_window_reaches_the_command() {
    let attached = shell(&BASH);
    // Resized again, since the client may not be watching for it yet.
    let mut asked: Option<Instant> = None;
    wait_until("the window has its size", || {
        if asked.is_none_or(|at| at.elapsed() > Duration::from_secs(1)) {
            attached.terminal.resize(25, 81);
            attached.terminal.resize(53, 103);
            types(&attached, "stty size");
            asked = Some(Instant::now());
        }
        attached.lines.has("53 103")
    });
}

#[test]
fn sig_6_the_status_of_a_bash_is_the_containers() {
    let mut attached = shell(&BASH);
    types(&attached, "exit 7");
    assert_eq!(attached.wait(), 7);
}

#[test]
fn sig_6_ctrl_d_ends_a_bash_in_a_container() {
    let mut attached = shell(&BASH);
    // The prompt is there when the shell reads: a Ctrl-D that comes before is lost.
    types(&attached, r"PS1='prompt-$?\n'; (exit 5)");
    attached.lines.wait_for("prompt-5");
    attached.terminal.types(CTRL_D);
    assert_eq!(attached.wait(), 5);
}

/// `docker stop` of a shell with nothing running in it.
fn leaves_at_once(command: &[&str]) {
    let mut attached = shell(command);
    let begin = Instant::now();
    attached.container.stop();
    let took = begin.elapsed();
    let code = attached.wait();
    assert!(took < AT_ONCE, "{took:?}:\n{}", attached.lines.text());
    let by_a_stop = [0, 128 + libc::SIGHUP, 128 + libc::SIGTERM];
    assert!(
        by_a_stop.contains(&code),
        "{code}:\n{}",
        attached.lines.text()
    );
}

#[test]
fn stop_9_an_idle_bash_leaves_at_once() {
    leaves_at_once(&BASH);
}

#[test]
fn stop_9_an_idle_dash_leaves_at_once() {
    leaves_at_once(&["/bin/dash", "-i"]);
}

#[test]
fn stop_9_an_idle_busybox_shell_leaves_at_once() {
    leaves_at_once(&["/bin/busybox", "sh", "-i"]);
}

/// `docker stop` of a shell in front of which a program runs that needs a second for
/// its last words: no hangup of the shell cuts it short.
fn the_job_has_its_time(command: &[&str], job: &str) {
    let mut attached = shell(command);
    types(&attached, job);
    attached.lines.wait_for("job: ready");
    let begin = Instant::now();
    attached.container.stop();
    let took = begin.elapsed();
    let code = attached.wait();
    let text = attached.lines.text();
    assert!(attached.lines.has("job: got SIGTERM"), "{text}");
    assert!(!attached.lines.has("job: hung up"), "{text}");
    assert!(attached.lines.has("job: last words"), "cut short:\n{text}");
    assert!(took >= Duration::from_secs(1), "{took:?}:\n{text}");
    assert!(took < AT_ONCE + Duration::from_secs(1), "{took:?}:\n{text}");
    assert_ne!(code, 137, "{text}");
}

/// A hangup would end it while it says its last words, and it waits without children,
/// who would be told as well. What is typed is shown: so the name is a variable.
const JOB: &str = "J=job /bin/bash -c 'exec 9<> <(:); \
    trap \"echo \\$J: got SIGTERM; read -t 1 -u 9; echo \\$J: last words; exit 0\" TERM; \
    trap \"echo \\$J: hung up; exit 1\" HUP; \
    echo $J: ready; while :; do read -t 0.05 -u 9; done'";

#[test]
fn stop_9_a_job_in_front_of_a_bash_has_its_time() {
    the_job_has_its_time(&BASH, JOB);
}

#[test]
fn stop_9_a_job_in_the_background_of_a_bash_has_its_time() {
    the_job_has_its_time(&BASH, &format!("{JOB} &"));
}

#[test]
fn stop_9_a_job_in_front_of_a_dash_has_its_time() {
    the_job_has_its_time(&["/bin/dash", "-i"], JOB);
}

#[test]
fn stop_9_a_job_in_front_of_a_busybox_shell_has_its_time() {
    the_job_has_its_time(&["/bin/busybox", "sh", "-i"], JOB);
}

/// Who is stopped goes on, so that it can act.
#[test]
fn stop_9_a_bash_with_a_stopped_job_leaves_at_once() {
    let mut attached = shell(&BASH);
    types(&attached, "cat");
    wait_until("cat is there", || {
        attached
            .container
            .exec(&[], &["/bin/sh", "-c", "pidof cat || pgrep cat"])
            .0
            == 0
    });
    attached.terminal.types(b"\x1a");
    says(&attached, "stopped");
    let begin = Instant::now();
    attached.container.stop();
    let took = begin.elapsed();
    assert!(took < AT_ONCE, "{took:?}:\n{}", attached.lines.text());
    assert_ne!(attached.wait(), 137);
}
