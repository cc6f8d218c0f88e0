//! PID-6 and PID-11: nobody reads what is said, and nothing waits for it.

use std::time::Duration;

use lastout_harness::configuration::Configuration;
use lastout_harness::lines::Stream;
use lastout_harness::namespace::{Output, Run, Setup};
use lastout_harness::{sight, wait_until};

use crate::{TWO, assert_two_left, two, wait_for_two};

/// More lines than a pipe, a socket and what lastout keeps take together.
const MANY: usize = 12_000;
/// "lastout: SIGRTMIN+6 came and means nothing here", a line each; real-time signals do
/// not merge.
const SIGNAL: i32 = 40;
const LINE: &str = "came and means nothing here";

/// Makes lastout say so many lines, and waits until it has said, kept or lost them.
fn make_it_say_many_lines(run: &Run) {
    for _ in 0..MANY {
        run.signal(SIGNAL);
    }
    wait_until("the signals are taken", || {
        sight::status_field(run.pid(), "ShdPnd")
            .is_some_and(|pending| pending.trim_start_matches('0').is_empty())
            && sight::process(run.pid()).is_some_and(|process| process.state == 'S')
    });
}

/// How many lines are said to be lost.
fn lost(run: &Run) -> usize {
    let lines = run.lines().all();
    let told = lines.iter().filter_map(|line| {
        let text = line.text.strip_prefix("lastout: ")?;
        text.split_once(" lines of this log were lost")
    });
    told.filter_map(|number| number.0.parse::<usize>().ok())
        .sum()
}

/// Stderr of this kind, and as another uid: its pipe cannot be opened anew then.
fn ways() -> [(Output, u32); 4] {
    [
        (Output::Unread, 0),
        (Output::Unread, 4711),
        (Output::UnreadSocket, 0),
        (Output::UnreadSocket, 4711),
    ]
}

fn setup(configuration: &Configuration, output: Output, uid: u32) -> Setup {
    let setup = configuration.setup(&[]).stderr(output);
    if uid == 0 { setup } else { setup.uid(uid) }
}

#[test]
fn pid_6_pid_11_with_a_full_log_the_stop_is_on_time_and_graceful() {
    let configuration = two();
    for (output, uid) in ways() {
        let mut run = setup(&configuration, output, uid).start();
        wait_for_two(run.lines());
        make_it_say_many_lines(&run);
        run.signal(libc::SIGTERM);
        run.wait_for_line("second: got SIGTERM, leaving");
        run.wait_for_line("daemon: got SIGTERM, leaving");
        wait_until("it has ended", || run.has_ended());
        run.read_the_unread();
        assert_eq!(run.wait(), 0, "{output:?}");
        assert_two_left(run.lines());
    }
}

#[test]
fn pid_11_without_proc_a_full_log_blocks_nothing() {
    let configuration = two();
    for output in [Output::Unread, Output::UnreadSocket] {
        let setup = configuration.setup(&[]).stderr(output).without_proc();
        let mut run = setup.start();
        wait_for_two(run.lines());
        make_it_say_many_lines(&run);
        run.signal(libc::SIGTERM);
        wait_until("it has ended", || run.has_ended());
        run.read_the_unread();
        assert_eq!(run.wait(), 0, "{output:?}");
    }
}

#[test]
fn pid_11_lost_lines_are_counted_and_told_when_the_log_is_read_again() {
    // All are up before: of that nothing is said while lines are lost.
    let configuration = Configuration::new(&format!("[defaults]\nstartsecs = 0\n{TWO}"));
    for (output, uid) in ways() {
        let mut run = setup(&configuration, output, uid).start();
        wait_for_two(run.lines());
        make_it_say_many_lines(&run);
        run.read_the_unread();
        run.wait_for_line("lines of this log were lost");
        assert_eq!(run.stop(libc::SIGTERM).0, 0);
        let heard = run.lines().count(LINE);
        let lost = lost(&run);
        assert!(heard > 0 && lost > 0, "{heard} heard, {lost} lost");
        assert_eq!(heard + lost, MANY, "{output:?} as {uid}");
    }
}

#[test]
fn pid_11_no_line_is_torn_when_the_log_was_full() {
    let configuration = two();
    for (output, uid) in ways() {
        let mut run = setup(&configuration, output, uid).start();
        wait_for_two(run.lines());
        make_it_say_many_lines(&run);
        run.read_the_unread();
        run.wait_for_line("lines of this log were lost");
        assert_eq!(run.stop(libc::SIGTERM).0, 0);
        // The probe's own lines are on another stream.
        for line in run.lines().of(Stream::Stdout) {
            let whole = line.starts_with("lastout: ") && !line[1..].contains("lastout: ");
            assert!(
                whole || line.contains(": ready") || line.contains(": got"),
                "{line}"
            );
        }
    }
}

#[test]
fn pid_11_what_is_kept_of_an_unread_log_is_bounded() {
    let configuration = two();
    let run = setup(&configuration, Output::Unread, 0).start();
    wait_for_two(run.lines());
    make_it_say_many_lines(&run);
    let before = resident(&run);
    for _ in 0..4 {
        make_it_say_many_lines(&run);
    }
    let grown = resident(&run).saturating_sub(before);
    assert!(grown < 512, "{grown} KiB more");
}

/// KiB of memory.
fn resident(run: &Run) -> u64 {
    let field = sight::status_field(run.pid(), "VmRSS").unwrap_or_default();
    let number = field.split(' ').next().unwrap_or_default();
    number.parse().unwrap_or(0)
}

#[test]
fn pid_6_a_program_that_fills_the_shared_log_does_not_block_lastout() {
    let configuration = Configuration::new(
        r#"
        [program.flood]
        command = ["PROBE", "fill", "--stream", "stderr"]
        [program.other]
        command = ["PROBE", "last-words", "--name", "other"]
        "#,
    );
    for (output, uid) in ways() {
        let mut run = setup(&configuration, output, uid).start();
        run.wait_for_line("other: ready");
        wait_until("the flood sleeps on the full log", || {
            let everybody = run.processes();
            let flood = everybody.iter().filter(|process| process.name == "probe");
            flood.filter(|process| process.state == 'S').count() == 2
        });
        for _ in 0..1000 {
            run.signal(SIGNAL);
        }
        let told = std::time::Instant::now();
        run.signal(libc::SIGTERM);
        run.wait_for_line("other: got SIGTERM, leaving");
        wait_until("it has ended", || run.has_ended());
        assert!(
            told.elapsed() < Duration::from_secs(8),
            "{:?}",
            told.elapsed()
        );
        drop(run);
    }
}

#[test]
fn pid_6_a_program_that_makes_the_shared_log_non_blocking_does_no_harm() {
    let configuration = Configuration::new(
        r#"
        [program.flood]
        command = ["PROBE", "fill", "--stream", "stderr", "--nonblocking"]
        [program.other]
        command = ["PROBE", "last-words", "--name", "other"]
        "#,
    );
    let mut run = setup(&configuration, Output::Unread, 4711).start();
    run.wait_for_line("other: ready");
    for _ in 0..1000 {
        run.signal(SIGNAL);
    }
    run.signal(libc::SIGTERM);
    run.wait_for_line("other: got SIGTERM, leaving");
    wait_until("it has ended", || run.has_ended());
}

#[test]
fn pid_6_a_full_and_unread_stdout_does_not_delay_the_stop() {
    let configuration = Configuration::new(
        r#"
        [program.flood]
        command = ["PROBE", "fill"]
        "#,
    );
    let mut run = configuration.setup(&[]).stdout(Output::Unread).start();
    wait_until("the flood sleeps on the full pipe", || {
        let everybody = run.processes();
        let mut flood = everybody.iter().filter(|process| process.name == "probe");
        flood.any(|process| process.inner_pid != 1 && process.state == 'S')
    });
    let told = std::time::Instant::now();
    run.signal(libc::SIGTERM);
    wait_until("it has ended", || run.has_ended());
    assert!(
        told.elapsed() < Duration::from_secs(8),
        "{:?}",
        told.elapsed()
    );
    run.read_the_unread();
    assert_eq!(run.wait(), 0);
}
