//! Who asks for something else than another: each is answered when that is decided, in the
//! order of events, and understands why it is not as it asked.

use std::io::Read;

use lastout_harness::configuration::Configuration;
use lastout_harness::namespace::Run;
use lastout_harness::{must, wait_until};
use serde_json::Value;

use super::{Client, SLOW, begin};

/// One that is STARTING for ever.
const STARTING: &str = "
    [program.web]
    command = 'PROBE last-words --name web'
    startsecs = 1000
    autostart = false
    [program.other]
    command = 'PROBE last-words --name other'
    startsecs = 0
";

fn asks(file: &Configuration, verb: &str, rest: &str) -> Client {
    let mut client = Client::of(&file.socket());
    let line = format!("{{\"verb\":\"{verb}\",\"programs\":[\"web\"]{rest}}}\n");
    client.send(line.as_bytes());
    client
}

/// Asks, and waits until the state is that.
fn asks_until(file: &Configuration, verb: &str, state: &str) -> Client {
    let client = asks(file, verb, "");
    wait_until("it is so far", || state_of(file)["state"] == state);
    client
}

fn state_of(file: &Configuration) -> Value {
    let status = Client::of(&file.socket()).ask(r#"{"verb":"status","programs":["web"]}"#);
    status["programs"][0].clone()
}

/// The outcome for the only program, and what people read of it, without its numbers.
fn outcome(answer: &Value) -> (String, String) {
    let program = &answer["programs"][0];
    let text = |name: &str| program[name].as_str().unwrap_or_default().to_owned();
    let digits = |c: char| c.is_ascii_digit() || c == '.';
    (text("outcome"), text("text").replace(digits, ""))
}

fn expect(client: &mut Client, word: &str, text: &str) {
    let answer = client.value();
    assert_eq!(outcome(&answer), (word.into(), text.into()), "{answer}");
}

fn is_unanswered(client: &mut Client) -> bool {
    let stream = client.lines.get_mut();
    must(stream.set_nonblocking(true), "do not wait");
    let got = stream.read(&mut [0; 1]);
    must(stream.set_nonblocking(false), "wait again");
    got.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}

/// Until so many lives of it were told of, which comes after the answer.
fn wait_for_lives(run: &Run, count: usize) {
    wait_until("it was started so often", || {
        run.lines().count("web: started, pid") == count
    });
}

fn slow() -> (Configuration, Run) {
    let (file, run, _client) = begin(SLOW);
    run.wait_for_line("web: ready");
    (file, run)
}

#[test]
fn a_restart_while_it_stops_overtakes_the_stop_and_is_answered_by_the_next_life() {
    let (file, run) = slow();
    let mut stops = asks_until(&file, "stop", "STOPPING");
    let mut restarts = asks(&file, "restart", "");
    expect(
        &mut stops,
        "overtaken",
        "not done: somebody has asked for a restart",
    );
    assert!(is_unanswered(&mut restarts));
    file.write("go", "");
    expect(&mut restarts, "started", "started in  s");
    wait_for_lives(&run, 2);
}

#[test]
fn a_start_while_it_stops_overtakes_the_stop_as_well() {
    let (file, _run) = slow();
    let mut stops = asks_until(&file, "stop", "STOPPING");
    let mut starts = asks(&file, "start", "");
    expect(
        &mut stops,
        "overtaken",
        "not done: somebody has asked for a start",
    );
    file.write("go", "");
    expect(&mut starts, "started", "started in  s");
}

#[test]
fn a_stop_while_it_starts_overtakes_the_start() {
    let (file, run, _client) = begin(STARTING);
    let mut starts = asks_until(&file, "start", "STARTING");
    run.wait_for_line("web: ready");
    let mut stops = asks(&file, "stop", "");
    expect(
        &mut starts,
        "overtaken",
        "not done: somebody has asked for a stop",
    );
    expect(&mut stops, "stopped", "stopped in  s, exit ");
}

#[test]
fn two_stops_at_once_are_both_answered_when_nobody_is_left() {
    let (file, run) = slow();
    let mut first = asks_until(&file, "stop", "STOPPING");
    let mut second = asks(&file, "stop", "");
    let mut impatient = asks(&file, "stop", r#","timeout":0"#);
    expect(
        &mut impatient,
        "timed-out",
        "not in time: it is STOPPING, told to end  s ago (stop), killed in  s",
    );
    assert!(is_unanswered(&mut first) && is_unanswered(&mut second));
    file.write("go", "");
    for stops in [&mut first, &mut second] {
        expect(stops, "stopped", "stopped in  s, exit ");
    }
    let mut third = asks(&file, "stop", "");
    expect(&mut third, "already-stopped", "is stopped already");
    // What it says itself is heard later than what it answers.
    run.wait_for_line("web: left after");
    assert_eq!(run.lines().count("web: told SIGTERM"), 1);
}

#[test]
fn two_restarts_at_once_are_one_and_both_are_answered() {
    let (file, run) = slow();
    let mut first = asks_until(&file, "restart", "STOPPING");
    let mut second = asks(&file, "restart", "");
    // Who asks later is answered later: the second one has been heard by then.
    assert_eq!(state_of(&file)["state"], "STOPPING");
    file.write("go", "");
    for restarts in [&mut first, &mut second] {
        expect(restarts, "started", "started in  s");
    }
    wait_for_lives(&run, 2);
}

#[test]
fn a_stop_during_the_shutdown_is_refused_and_one_before_it_is_answered_all_the_same() {
    let (file, mut run) = slow();
    let mut before = asks_until(&file, "stop", "STOPPING");
    let mut starts = Client::of(&file.socket());
    run.signal(libc::SIGTERM);
    run.wait_for_line("the shutdown begins");
    for verb in ["stop", "start", "restart", "reload-programs"] {
        let line = format!("{{\"verb\":\"{verb}\",\"programs\":[\"web\"]}}");
        let error = &starts.ask(&line)["error"];
        assert_eq!(error["code"], "stopping");
        assert_eq!(error["message"], "the container stops");
        assert_eq!(
            error["hint"],
            "everything is being stopped, and nothing is started or loaded any more"
        );
    }
    file.write("go", "");
    expect(&mut before, "stopped", "stopped in  s, exit ");
    assert_eq!(run.wait(), 0);
}

#[test]
fn a_start_that_the_shutdown_overtakes_is_told_so() {
    let (file, mut run, _client) = begin(STARTING);
    let mut starts = asks_until(&file, "start", "STARTING");
    run.wait_for_line("web: ready");
    run.wait_for_line("other: ready");
    run.signal(libc::SIGTERM);
    expect(&mut starts, "overtaken", "not done: the container ends");
    assert_eq!(run.wait(), 0);
}

#[test]
fn a_start_of_what_is_held_back_says_by_whom() {
    let (file, run, _client) = begin(
        "[program.db]\ncommand = 'PROBE last-words --name db'\nstartsecs = 1000\n\
         autostart = false\n\
         [program.web]\ncommand = 'PROBE last-words --name web'\nstartsecs = 0\n\
         autostart = false\ndepends_on = { db = 'ready' }\n\
         [program.other]\ncommand = 'PROBE last-words --name other'\nstartsecs = 0\n",
    );
    // What it needs comes with it, and has an answer of its own.
    let mut starts = asks(&file, "start", r#","wait":false"#);
    let answer = starts.value();
    let text = |place: usize| {
        answer["programs"][place]["text"]
            .as_str()
            .unwrap_or_default()
    };
    assert!(text(0).starts_with("STARTING, "), "{answer}");
    assert_eq!(text(1), "STARTING, waits for db to be ready");
    let mut waits = asks(&file, "start", r#","timeout":0.2"#);
    let held = "not in time: it is STARTING, waits for db to be ready";
    let answer = waits.value();
    let of_web = answer["programs"].as_array().into_iter().flatten();
    let of_web: Vec<&Value> = of_web.filter(|it| it["name"] == "web").collect();
    assert_eq!(of_web[0]["text"], held, "{answer}");
    assert_eq!(state_of(&file)["why"], "waits for db to be ready");
    // Who goes away changes nothing.
    drop(asks(&file, "start", ""));
    run.wait_for_line("db: ready");
    let mut stops = asks(&file, "stop", "");
    expect(&mut stops, "stopped", "stopped in  s");
}

#[test]
fn a_start_of_what_cannot_be_started_says_why() {
    let (file, _run, _client) = begin(
        "[program.web]\ncommand = 'FOLDER/nothing-here'\nautostart = false\nstartretries = 0\n\
         [program.other]\ncommand = 'PROBE last-words --name other'\nstartsecs = 0\n",
    );
    let mut starts = asks(&file, "start", "");
    let answer = starts.value();
    assert_eq!(answer["ok"], false);
    let text = "failed after  s, its command was not found";
    assert_eq!(outcome(&answer), ("ended".into(), text.into()), "{answer}");
}

#[test]
fn who_leaves_while_it_waits_has_asked_all_the_same() {
    let (file, run) = slow();
    drop(asks_until(&file, "restart", "STOPPING"));
    file.write("go", "");
    run.wait_for_line("web: left");
    wait_for_lives(&run, 2);
    let mut waits = asks(&file, "wait", r#","for":"running""#);
    assert_eq!(outcome(&waits.value()).0, "holds");
}
