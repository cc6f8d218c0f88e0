//! LOG-4 and LOG-7: what was written is out before lastout is, and nobody waits for a
//! reader beyond the deadline of the stop.

use std::fs::OpenOptions;
use std::time::Duration;

use lastout_harness::configuration::Configuration;
use lastout_harness::namespace::Output;
use lastout_harness::{sight, wait_until};

use crate::{number_behind, out, relay, run_until, send};

/// Writes more than all pipes hold, and then waits for the end.
const FILLS: &str = r#"
[supervisor]
stop_timeout = "2s"
[program.web]
command = ["PROBE", "fill", "--bytes", "5000000"]
stdout = "prefix"
"#;

/// What a stop of [`FILLS`] takes when nobody reads, at most: 2 s and what a machine
/// that is busy adds.
const ON_TIME: Duration = Duration::from_secs(6);

#[test]
fn log_7_all_that_was_written_is_out_and_the_last_line_needs_no_end() {
    let text = r#"
[program.web]
command = ["sh", "-c", "trap 'i=0; while [ $i -lt 3000 ]; do echo bye $i; i=$((i+1)); done; printf unfinished; exit' TERM; echo trapped; while :; do sleep 0.05; done"]
stdout = "prefix"
"#;
    let (_configuration, mut run) = run_until(text, &["web | trapped"]);
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    let said = out(run.lines());
    let bye = said.iter().filter(|line| line.contains("bye ")).count();
    assert_eq!(bye, 3000);
    assert_eq!(said.last().map(String::as_str), Some("web | unfinished"));
}

#[test]
fn log_7_the_output_of_a_container_that_ends_by_itself_is_out() {
    let text = r#"
[program.job]
command = ["sh", "-c", "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done; printf last"]
autorestart = false
startsecs = 0
stdout = "prefix"
"#;
    let configuration = Configuration::new(text);
    let mut run = configuration.run();
    assert_eq!(run.wait(), 0);
    let said = out(run.lines());
    assert_eq!(said.len(), 3001);
    assert_eq!(said.last().map(String::as_str), Some("job | last"));
}

#[test]
fn log_4_who_reads_nothing_holds_up_nobody_and_what_is_lost_is_told() {
    for stdout in [Output::Unread, Output::UnreadSocket] {
        let configuration = Configuration::new(FILLS);
        let mut run = configuration.setup(&[]).stdout(stdout).start();
        wait_until_full(&run);
        let (status, took) = run.stop(libc::SIGTERM);
        let text = run.lines().text();
        assert_eq!(status, 0, "{text}");
        assert!(took < ON_TIME, "{took:?}\n{text}");
        let lost = number_behind(run.lines(), "warning: web: ");
        assert!(lost.is_some_and(|bytes| bytes > 100_000), "{text}");
        // The report stays the last thing.
        let told = text.find("bytes that it wrote are lost").unwrap();
        assert!(told < text.find("goodbye").unwrap(), "{text}");
    }
}

/// Waits until the program can write no more.
fn wait_until_full(run: &lastout_harness::namespace::Run) {
    run.wait_for_line("web: started");
    let mut before = 0;
    wait_until("nothing moves any more", || {
        lastout_harness::let_pass(Duration::from_millis(300));
        let web = run.leader_of("web");
        let switches = sight::context_switches(web.pid);
        std::mem::replace(&mut before, switches) == switches && web.state == 'S'
    });
}

#[test]
fn log_4_a_late_reader_gets_all_of_it() {
    // Late, and as slow as a machine that is busy.
    let configuration = Configuration::new(&FILLS.replace("\"2s\"", "\"50s\""));
    let mut run = configuration.setup(&[]).stdout(Output::Unread).start();
    wait_until_full(&run);
    run.signal(libc::SIGTERM);
    run.wait_for_line("web: left");
    run.read_the_unread();
    assert_eq!(run.wait(), 0);
    assert_eq!(run.lines().count("lost"), 0);
    run.lines().wait_for_end();
}

#[test]
fn log_4_a_reader_that_is_gone_holds_up_nobody() {
    let configuration = Configuration::new(FILLS);
    let mut run = configuration.setup(&[]).stdout(Output::Broken).start();
    run.wait_for_line("web: started");
    let (status, took) = run.stop(libc::SIGTERM);
    assert_eq!(status, 0);
    assert!(took < ON_TIME, "{took:?}\n{}", run.lines().text());
}

#[test]
fn log_4_a_relay_that_hangs_holds_up_nobody() {
    let text = format!("{FILLS}[program.b]\ncommand = [\"PROBE\", \"last-words\"]\n");
    let configuration = Configuration::new(&text);
    for subreaper in [false, true] {
        let setup = configuration.setup(&[]);
        let setup = if subreaper {
            setup.as_subreaper()
        } else {
            setup
        };
        let mut run = setup.start();
        run.wait_for_line("last-words: ready");
        let hung = relay(&run);
        send(hung.pid, libc::SIGSTOP);
        wait_until("it hangs", || {
            sight::process(hung.pid).is_some_and(|process| process.state == 'T')
        });
        let (status, took) = run.stop(libc::SIGTERM);
        assert_eq!(status, 0);
        assert!(took < ON_TIME, "{took:?}\n{}", run.lines().text());
        // It is not left to others either.
        if subreaper {
            run.wait_for_line("parent: nobody is left");
        }
    }
}

#[test]
fn log_7_whoever_holds_a_pipe_open_does_not_delay_the_end() {
    let text = r#"
[program.web]
command = ["PROBE", "last-words", "--name", "web"]
stdout = "prefix"
"#;
    let (_configuration, mut run) = run_until(text, &["web | web: ready"]);
    // Outside of all scopes, as a debugger is.
    let web = run.leader_of("web");
    let held = OpenOptions::new()
        .write(true)
        .open(format!("/proc/{}/fd/1", web.pid));
    let held = held.unwrap();
    let (status, took) = run.stop(libc::SIGTERM);
    assert_eq!(status, 0);
    assert!(took < Duration::from_secs(4), "{took:?}");
    assert!(out(run.lines()).contains(&String::from("web | web: got SIGTERM, leaving")));
    drop(held);
}
