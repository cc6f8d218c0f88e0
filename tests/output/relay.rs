//! The relay's life: it may die at any time, and is there only while it is needed.

use lastout_harness::configuration::Configuration;
use lastout_harness::lines::Stream;
use lastout_harness::namespace::{Output, Run};
use lastout_harness::wait_until;

use crate::{number_behind, out, relay, relays, run_until, send};

const DIED: &str = "the relay of what programs write ended by SIGKILL";
const TAKEN: &str = "it took at most ";

/// Numbered lines, 20,000 of them, of which nothing can be cut off unnoticed, as fast as it can; then that it is done, again and again,
/// since a relay that dies may take any line along.
const COUNTS: &str = r#"
[program.counts]
command = ["sh", "-c", "i=0; while [ $i -lt 20000 ]; do echo line $i.; i=$((i+1)); done; while :; do echo done; sleep 0.05; done"]
stdout = "prefix"
"#;

/// The numbers of the lines that came, which come in order and once each.
fn numbers(run: &Run) -> Vec<u64> {
    let said = out(run.lines());
    let numbers = said.iter().filter_map(|line| line.split_once("line "));
    let numbers: Vec<u64> = numbers
        .filter_map(|(_, number)| number.strip_suffix('.')?.parse().ok())
        .collect();
    let in_order = numbers.windows(2).all(|pair| pair[0] < pair[1]);
    assert!(in_order, "{numbers:?}");
    numbers
}

/// How many bytes all relays that died are said to have taken along, at most.
fn taken(run: &Run) -> u64 {
    let all = run.lines().of(Stream::Stderr);
    let told = all.iter().filter_map(|line| line.split_once(TAKEN));
    let told = told.filter_map(|(_, rest)| rest.split(' ').next()?.parse::<u64>().ok());
    told.sum()
}

#[test]
fn a_relay_that_is_killed_while_lines_come_loses_no_more_than_is_told() {
    let (_configuration, mut run) = run_until(COUNTS, &["line 10"]);
    for _ in 0..3 {
        let came = numbers(&run).len();
        let one = relay(&run);
        send(one.pid, libc::SIGKILL);
        wait_until("another one goes on", || {
            let others = relays(&run);
            others.iter().any(|other| other.pid != one.pid)
        });
        wait_until("lines come again", || {
            numbers(&run).len() > came || run.lines().has("counts | done")
        });
    }
    run.wait_for_line("counts | done");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    let numbers = numbers(&run);
    let lost: u64 = (0..20_000)
        .filter(|number| numbers.binary_search(number).is_err())
        .map(|number| format!("line {number}.\n").len() as u64)
        .sum();
    // Where the bytes that are lost begin or end within a line, the rest of it comes as a
    // line.
    let rests: u64 = out(run.lines())
        .iter()
        .filter_map(|line| line.strip_prefix("counts | "))
        .filter(|line| !(line.starts_with("line ") && line.ends_with('.')) && *line != "done")
        .map(|rest| rest.len() as u64 + 1)
        .sum();
    let (lost, taken) = (lost.saturating_sub(rests), taken(&run));
    assert!(lost <= taken, "{lost} bytes are lost, {taken} are told");
    assert!(run.lines().count(DIED) >= 3, "{}", run.lines().text());
}

#[test]
fn not_a_byte_that_is_in_a_pipe_is_lost_with_the_relay() {
    let text = r#"
[program.writes]
command = ["sh", "-c", "echo begins; while [ ! -e FOLDER/go ]; do sleep 0.02; done; i=0; while [ $i -lt 5000 ]; do echo line $i.; i=$((i+1)); done; echo > FOLDER/written; exec PROBE last-words"]
stdout = "prefix"
"#;
    let (configuration, mut run) = run_until(text, &["begins"]);
    wait_until("it has nothing to do", || relay(&run).state == 'S');
    let one = relay(&run);
    send(one.pid, libc::SIGSTOP);
    wait_until("it is stopped", || relay(&run).state == 'T');
    configuration.write("go", "");
    wait_until("all is written", || configuration.read("written").is_some());
    assert_eq!(numbers(&run), Vec::<u64>::new());
    send(one.pid, libc::SIGKILL);
    run.wait_for_line("last-words: ready");
    assert_eq!(numbers(&run), (0..5000).collect::<Vec<u64>>());
    assert_eq!(run.lines().count(TAKEN), 0, "{}", run.lines().text());
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
}

#[test]
fn ready_3_a_relay_that_may_have_taken_the_line_that_makes_ready_along_is_told() {
    let text = r#"
[program.web]
command = ["PROBE", "fill", "--bytes", "5000000"]
stdout = "prefix"
ready = { log = "what never comes" }
[program.other]
command = ["PROBE", "last-words"]
stdout = "prefix"
"#;
    let configuration = Configuration::new(text);
    let setup = configuration.setup(&[]).stdout(Output::Unread);
    let mut run = setup.start();
    run.wait_for_line("web: started");
    // One that sleeps has nothing to read, or has read what nobody takes.
    wait_until("one takes along what it has read", || {
        let everybody = relays(&run);
        if let Some(one) = everybody.iter().find(|one| one.state == 'S') {
            send(one.pid, libc::SIGKILL);
            wait_until("it is gone", || {
                relays(&run).iter().all(|other| other.pid != one.pid)
            });
        }
        run.lines().has(TAKEN)
    });
    run.wait_for_line("web: if the line that makes it ready was among it");
    assert_eq!(run.lines().count("other: if the line"), 0);
    run.read_the_unread();
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
}

#[test]
fn pid_10_a_relay_that_dies_again_and_again_is_replaced_with_pauses() {
    let (_configuration, mut run) = run_until(COUNTS, &["line 10"]);
    for _ in 0..6 {
        let one = relay(&run);
        send(one.pid, libc::SIGKILL);
        wait_until("it is gone", || {
            relays(&run).iter().all(|other| other.pid != one.pid)
        });
    }
    run.wait_for_line("another one goes on in a moment");
    run.wait_for_line("counts | done");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
}

#[test]
fn reload_1_a_relay_comes_with_the_first_who_needs_it_and_leaves_with_the_last() {
    let program = |output: &str| {
        format!("[program.a]\ncommand = [\"PROBE\", \"last-words\"]\nstdout = \"{output}\"\n")
    };
    let configuration = Configuration::new(&program("inherit"));
    let mut run = configuration.run_until(&["last-words: ready"]);
    assert!(relays(&run).is_empty());
    configuration.rewrite(&program("prefix"));
    run.signal(libc::SIGHUP);
    run.wait_for_line("a | last-words: ready");
    assert_eq!(relays(&run).len(), 1);
    configuration.rewrite(&program("null"));
    run.signal(libc::SIGHUP);
    wait_until("the relay has left", || relays(&run).is_empty());
    run.wait_for_line("a | last-words: got SIGTERM");
    assert_eq!(
        run.lines().count("the relay of what programs write ended"),
        0
    );
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
}

#[test]
fn a_program_that_lives_again_and_again_leaves_no_pipe_behind() {
    let text = r#"
[program.short]
command = ["sh", "-c", "echo again"]
startsecs = 0
autorestart = true
backoff = "10ms"
backoff_max = "20ms"
stdout = "prefix"
"#;
    let (_configuration, mut run) = run_until(text, &["short | again"]);
    run.lines().wait_for_times("short | again", 40);
    let open = || std::fs::read_dir(format!("/proc/{}/fd", run.pid())).map_or(0, Iterator::count);
    assert!(open() < 30, "{} descriptors are open", open());
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert!(number_behind(run.lines(), TAKEN).is_none());
}

#[test]
fn pid_10_a_start_without_descriptors_for_its_pipes_is_tried_again() {
    let text = r#"
[program.web]
command = ["PROBE", "last-words", "--name", "web-%(process_num)s"]
numprocs = 12
stdout = "prefix"
stderr = "prefix"
backoff = "50ms"
"#;
    let configuration = Configuration::new(text);
    let setup = configuration.setup(&[]).launch(&["--nofile", "24"]);
    let mut run = setup.start();
    run.wait_for_line("Too many open files");
    run.wait_for_line(": ready");
    let (status, took) = run.stop(libc::SIGTERM);
    let text = run.lines().text();
    assert_eq!(status, 0, "{text}");
    assert!(took < std::time::Duration::from_secs(5), "{took:?}\n{text}");
    let ready = run.lines().count(": ready");
    assert_eq!(run.lines().count("got SIGTERM, leaving"), ready, "{text}");
}
