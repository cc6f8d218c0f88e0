//! lastout on a terminal (SIG-6, SIG-1, SIG-3): who is in front, what is told once, and
//! that a shell in front or behind has its job control.

use std::time::{Duration, Instant};

use lastout_harness::binaries;
use lastout_harness::namespace::{Run, Setup};
use lastout_harness::terminal::{CTRL_BACKSLASH, CTRL_C, CTRL_D, CTRL_Z};
use lastout_harness::{must, wait_until};

/// `lastout WORDS…` as PID 1 on a terminal.
fn on_a_terminal(words: &[&str]) -> Run {
    Setup::new(words).on_a_terminal().start()
}

/// An interactive bash as PID 1 on a terminal: the developer's own shell.
fn in_a_shell() -> Run {
    let bash = Setup::new(&["--norc", "--noprofile", "-i"]).program("/bin/bash");
    let run = bash.on_a_terminal().start();
    says(&run, "begin");
    run
}

/// bash as the command of lastout.
fn bash_below() -> Run {
    let run = on_a_terminal(&["--", "/bin/bash", "--norc", "--noprofile", "-i"]);
    says(&run, "begin");
    run
}

/// Types a line.
fn types(run: &Run, line: &str) {
    run.terminal().types(format!("{line}\n").as_bytes());
}

/// The shell in front is there and does what it is told. It is asked again: what is
/// typed while a shell takes its terminal back may get lost.
fn says(run: &Run, word: &str) {
    let mut asked: Option<Instant> = None;
    wait_until("the shell answers", || {
        if asked.is_none_or(|at| at.elapsed() > Duration::from_secs(2)) {
            // What is typed is shown too; so the answer is another text than the question.
            types(run, &format!("echo {word}-$((40 + 2))"));
            asked = Some(Instant::now());
        }
        run.lines().has(&format!("{word}-42"))
    });
}

/// The command's path in the way that bash is told.
fn lastout() -> String {
    binaries::lastout().display().to_string()
}

fn tells_once(mut run: Run, last: i32) {
    run.wait_for_line("signals: ready");
    run.terminal().types(CTRL_C);
    run.wait_for_line("got SIGINT");
    run.terminal().types(CTRL_BACKSLASH);
    run.wait_for_line("got SIGQUIT");
    for size in 1..=3 {
        run.terminal().resize(50, 100 + size);
        run.lines().wait_for_times("got SIGWINCH", size.into());
    }
    // What lastout itself would pass on comes before this.
    run.signal(libc::SIGUSR1);
    run.wait_for_line("got SIGUSR1");
    run.signal(last);
    assert_eq!(run.wait(), 0, "{}", run.lines().text());
    let text = run.lines().text();
    for total in ["total SIGINT 1", "total SIGQUIT 1", "total SIGWINCH 3"] {
        assert!(run.lines().has(total), "{total}:\n{text}");
    }
}

#[test]
fn sig_1_what_the_terminal_told_is_not_told_twice() {
    let probe = binaries::probe();
    tells_once(on_a_terminal(&["--", &probe, "signals"]), libc::SIGTERM);
}

#[test]
fn sig_6_ctrl_c_reaches_a_command_in_a_sandbox_once() {
    let probe = binaries::probe();
    let run = on_a_terminal(&["--sandbox", "--", &probe, "signals"]);
    tells_once(run, libc::SIGTERM);
}

#[test]
fn sig_6_the_command_is_in_front() {
    let probe = binaries::probe();
    let mut run = on_a_terminal(&["--", &probe, "state"]);
    assert_eq!(run.wait(), 0);
    assert!(
        run.lines().has("foreground-group 2"),
        "{}",
        run.lines().text()
    );
    assert!(run.lines().has("process-group 2"), "{}", run.lines().text());
}

/// A configuration in which everybody is deaf for a minute.
fn deaf_configuration() -> (Run, tempfile::NamedTempFile) {
    use std::io::Write;
    let mut file = must(tempfile::NamedTempFile::new(), "make a configuration");
    let probe = binaries::probe();
    let text = format!(
        "[supervisor]\nstop_timeout = 50\n[program.deaf]\nstopwaitsecs = 50\n\
         command = '{probe} last-words --name deaf --ignore-term'"
    );
    must(file.write_all(text.as_bytes()), "write it");
    let run = on_a_terminal(&["-c", &file.path().display().to_string()]);
    run.wait_for_line("deaf: ready");
    (run, file)
}

#[test]
fn sig_3_the_first_ctrl_c_says_what_the_second_does() {
    let (run, _file) = deaf_configuration();
    run.terminal().types(CTRL_C);
    run.wait_for_line("Ctrl-C again kills");
    run.wait_for_line("deaf: got SIGTERM, staying");
}

#[test]
fn sig_3_a_second_ctrl_c_kills_at_once() {
    let (mut run, _file) = deaf_configuration();
    run.terminal().types(CTRL_C);
    run.wait_for_line("Ctrl-C again kills");
    run.wait_for_line("deaf: got SIGTERM, staying");
    let second = Instant::now();
    run.terminal().types(CTRL_C);
    let (code, ended) = run.wait_and_measure();
    assert_eq!(code, 0);
    let took = ended.saturating_duration_since(second);
    assert!(took < Duration::from_secs(10), "{took:?}");
}

/// The command has had its Ctrl-C and is gone; the terminal is lastout's again.
#[test]
fn sig_3_ctrl_c_twice_kills_what_a_command_left_behind() {
    let probe = binaries::probe();
    let script = format!("{probe} daemon --ignore-term; exec {probe} signals --ends-on INT");
    let mut run = on_a_terminal(&["--stop-timeout", "50s", "--", "/bin/sh", "-c", &script]);
    run.wait_for_line("daemon: ready");
    run.wait_for_line("signals: ready");
    run.terminal().types(CTRL_C);
    run.wait_for_line("daemon: got SIGTERM, staying");
    wait_until("lastout is in front", || {
        run.terminal().foreground_group() == Some(run.pid())
    });
    run.terminal().types(CTRL_C);
    run.wait_for_line("Ctrl-C again kills");
    let third = Instant::now();
    run.terminal().types(CTRL_C);
    let (code, ended) = run.wait_and_measure();
    assert_eq!(code, 0);
    let took = ended.saturating_duration_since(third);
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn sig_6_ctrl_c_in_a_bash_ends_the_job_and_not_the_bash() {
    let mut run = bash_below();
    types(&run, "sleep 1000; echo after-$((40 + 2))");
    wait_until("the job is in front", || is_in_front(&run, "sleep"));
    run.terminal().types(CTRL_C);
    says(&run, "still");
    assert!(!run.lines().has("after-42"));
    types(&run, "exit 7");
    assert_eq!(run.wait(), 7);
}

/// Whether a process of that name leads the group in front.
fn is_in_front(run: &Run, name: &str) -> bool {
    let front = run.terminal().foreground_group();
    let mut everybody = run.processes().into_iter();
    everybody.any(|process| process.name == name && Some(process.pid) == front)
}

fn is_stopped(run: &Run, name: &str) -> bool {
    let mut everybody = run.processes().into_iter();
    everybody.any(|process| process.name == name && process.state == 'T')
}

#[test]
fn sig_6_ctrl_z_and_fg_of_a_job_in_a_bash() {
    let mut run = bash_below();
    types(&run, "cat");
    wait_until("the job is in front", || is_in_front(&run, "cat"));
    run.terminal().types(CTRL_Z);
    wait_until("the job is stopped", || is_stopped(&run, "cat"));
    says(&run, "between");
    types(&run, "fg");
    wait_until("the job is in front again", || is_in_front(&run, "cat"));
    types(&run, "hello");
    run.lines().wait_for_times("hello", 2);
    run.terminal().types(CTRL_D);
    says(&run, "after");
    types(&run, "exit 0");
    assert_eq!(run.wait(), 0);
}

#[test]
fn sig_6_a_job_in_a_bash_sees_the_size_of_the_window() {
    let run = bash_below();
    run.terminal().resize(51, 101);
    types(&run, "stty size");
    run.wait_for_line("51 101");
}

#[test]
fn sig_6_ctrl_d_ends_a_bash_with_the_status_of_its_last_command() {
    let mut run = bash_below();
    // The prompt is there when the shell reads: what is typed before may get lost.
    types(&run, r"PS1='prompt-$?\n'; (exit 5)");
    run.wait_for_line("prompt-5");
    run.terminal().types(CTRL_D);
    assert_eq!(run.wait(), 5);
}

/// Nobody could bring it back.
#[test]
fn sig_6_ctrl_z_is_ignored_as_pid_1() {
    let mut run = on_a_terminal(&["--", "/bin/cat"]);
    types(&run, "before");
    run.lines().wait_for_times("before", 2);
    for round in 1..=3 {
        run.terminal().types(CTRL_Z);
        types(&run, &format!("after{round}"));
        run.lines().wait_for_times(&format!("after{round}"), 2);
    }
    run.terminal().types(CTRL_C);
    assert_eq!(run.wait(), 130);
}

#[test]
fn sig_6_ctrl_z_below_a_shell_is_honoured_and_fg_brings_it_back() {
    let run = in_a_shell();
    types(&run, &format!("{} -- cat", lastout()));
    wait_until("the command is in front", || is_in_front(&run, "cat"));
    for round in 1..=3 {
        types(&run, &format!("word{round}"));
        run.lines().wait_for_times(&format!("word{round}"), 2);
        run.terminal().types(CTRL_Z);
        wait_until("both are stopped", || {
            is_stopped(&run, "cat") && is_stopped(&run, "lastout")
        });
        says(&run, &format!("shell{round}"));
        types(&run, "fg; echo status-$?");
        wait_until("the command is in front", || is_in_front(&run, "cat"));
    }
    run.terminal().types(CTRL_C);
    run.wait_for_line("status-130");
}

#[test]
fn sig_6_the_shell_has_its_terminal_back_at_the_end() {
    let run = in_a_shell();
    types(&run, &format!("{} -- true; echo status-$?", lastout()));
    run.wait_for_line("status-0");
    says(&run, "after");
    assert_eq!(run.terminal().foreground_group(), Some(run.pid()));
}

/// Who is started in the background reads nothing and takes nothing.
#[test]
fn sig_6_started_in_the_background_it_does_not_take_the_terminal() {
    let run = in_a_shell();
    let probe = binaries::probe();
    types(&run, &format!("{} -- {probe} last-words &", lastout()));
    run.wait_for_line("last-words: ready");
    assert_eq!(run.terminal().foreground_group(), Some(run.pid()));
    says(&run, "shell");
    types(&run, "kill %1; wait %1; echo status-$?");
    run.wait_for_line("last-words: got SIGTERM, leaving");
    run.wait_for_line("status-0");
}

/// Brought to the front later, the command has the terminal too.
#[test]
fn sig_6_fg_of_one_started_in_the_background() {
    let run = in_a_shell();
    types(&run, &format!("{} -- cat &", lastout()));
    wait_until("it is stopped", || is_stopped(&run, "cat"));
    says(&run, "shell");
    types(&run, "fg; echo status-$?");
    wait_until("the command is in front", || is_in_front(&run, "cat"));
    types(&run, "word");
    run.lines().wait_for_times("word", 2);
    run.terminal().types(CTRL_C);
    run.wait_for_line("status-130");
}

/// The shell is in front when it ends, and has to stay there.
#[test]
fn sig_6_what_ends_in_the_background_does_not_take_the_terminal() {
    let run = in_a_shell();
    types(&run, &format!("{} -- sleep 1000", lastout()));
    wait_until("the command is in front", || is_in_front(&run, "sleep"));
    run.terminal().types(CTRL_Z);
    wait_until("both are stopped", || {
        is_stopped(&run, "sleep") && is_stopped(&run, "lastout")
    });
    says(&run, "stopped");
    types(&run, "bg");
    wait_until("both go on", || {
        !is_stopped(&run, "sleep") && !is_stopped(&run, "lastout")
    });
    says(&run, "going");
    types(&run, "kill %1; wait %1; echo status-$?");
    run.wait_for_line("status-143");
    says(&run, "after");
    assert_eq!(run.terminal().foreground_group(), Some(run.pid()));
}

/// As without an init: who reads in the background is stopped, and the shell knows.
#[test]
fn sig_6_what_reads_in_the_background_is_stopped() {
    let run = in_a_shell();
    types(&run, &format!("{} -- cat &", lastout()));
    wait_until("both are stopped", || {
        is_stopped(&run, "cat") && is_stopped(&run, "lastout")
    });
    says(&run, "shell");
    assert_eq!(run.terminal().foreground_group(), Some(run.pid()));
}

#[test]
fn sig_6_a_terminal_of_another_session_is_left_alone() {
    let run = in_a_shell();
    let probe = binaries::probe();
    types(
        &run,
        &format!("setsid -w {} -- {probe} exit 4; echo status-$?", lastout()),
    );
    run.wait_for_line("status-4");
    assert_eq!(run.terminal().foreground_group(), Some(run.pid()));
}

#[test]
fn sig_6_a_closed_stdin_is_no_error() {
    let mut run = Setup::of_probe(&["exit", "4"])
        .launch(&["--close", "0"])
        .start();
    assert_eq!(run.wait(), 4);
    assert_eq!(run.lines().all().len(), 0, "{}", run.lines().text());
}
