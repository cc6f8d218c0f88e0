//! `logs`: PID 1 hands the connection over, the relay serves it; and what there is to say
//! where no relay can.

use lastout_harness::configuration::Configuration;
use lastout_harness::namespace::Run;
use lastout_harness::{must, sight, wait_until};

use super::{Client, WEB, begin};

const RELAYED: &str = "
    [program.web]
    command = 'PROBE last-words --name web'
    startsecs = 0
    stdout = 'prefix'
";

fn ask(file: &Configuration, rest: &str) -> Client {
    let mut client = Client::of(&file.socket());
    client.send(format!("{{\"verb\":\"logs\",\"programs\":[\"web\"]{rest}}}\n").as_bytes());
    client
}

/// What is said instead of lines.
fn refusal(file: &Configuration, rest: &str) -> (String, String) {
    let answer = ask(file, rest).value();
    let text = |name: &str| {
        answer["error"][name]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    assert_ne!(text("hint"), "", "{answer}");
    (text("code"), text("message"))
}

fn relay_of(run: &Run) -> Option<i32> {
    let mut everybody = run.processes().into_iter();
    let relay = everybody.find(|it| it.name == "lastout-relay" && it.state != 'Z');
    relay.map(|it| it.pid)
}

fn send(pid: i32, signal: i32) {
    // SAFETY: it takes no pointers; a pid of the namespace that this test has made.
    unsafe { libc::kill(pid, signal) };
}

#[test]
fn what_does_not_come_by_lastout_is_said_for_each_stream() {
    let (file, _run, _client) = begin(&format!("{WEB}stdout = 'inherit'\nstderr = 'null'\n"));
    let not_relayed = |text: &str| (String::from("not-relayed"), text.to_owned());
    let straight = "what web writes goes straight to lastout's own output";
    assert_eq!(refusal(&file, ""), not_relayed(straight));
    let stdout = straight.replace("writes", "writes to stdout");
    assert_eq!(
        refusal(&file, r#","stream":"stdout""#),
        not_relayed(&stdout)
    );
    let thrown = "what web writes to stderr is thrown away";
    assert_eq!(refusal(&file, r#","stream":"stderr""#), not_relayed(thrown));
    let (file, run, _client) = begin(&format!("{RELAYED}stderr = 'stdout'\n"));
    run.wait_for_line("web | web: ready");
    let along = "what web writes to stderr goes along with its stdout";
    assert_eq!(refusal(&file, r#","stream":"stderr""#), not_relayed(along));
    assert_eq!(ask(&file, r#","stream":"stdout""#).value()["ok"], true);
}

#[test]
fn a_program_that_was_never_started_has_written_nothing() {
    let other = "[program.other]\ncommand = 'PROBE last-words'\nstartsecs = 0\n";
    let (file, _run, _client) = begin(&format!("{RELAYED}autostart = false\n{other}"));
    let (code, message) = refusal(&file, "");
    assert_eq!(code, "unavailable");
    assert_eq!(
        message,
        "nothing is kept of what these programs have written"
    );
}

#[test]
fn a_reload_that_adds_output_makes_it_work() {
    let (file, run, mut client) = begin(WEB);
    assert_eq!(refusal(&file, "").0, "not-relayed");
    file.rewrite(RELAYED);
    assert_eq!(client.ask(r#"{"verb":"reload"}"#)["restarted"][0], "web");
    run.wait_for_line("web | web: ready");
    let mut lines = ask(&file, "");
    assert_eq!(lines.value()["ok"], true);
    assert_eq!(lines.value()["message"], "web: ready");
    lines.assert_ended();
}

#[test]
fn a_relay_that_is_killed_while_it_serves_ends_that_and_nothing_else() {
    let (file, mut run, mut client) = begin(RELAYED);
    run.wait_for_line("web | web: ready");
    let mut follows = ask(&file, r#","follow":true"#);
    assert_eq!(follows.value()["ok"], true);
    assert_eq!(follows.value()["message"], "web: ready");
    let relay = must(relay_of(&run).ok_or("no relay"), "the relay");
    // By then it has told lastout that it has the client, whom the next one serves if not.
    wait_until("the relay waits", || {
        sight::is_in_call(relay, libc::SYS_epoll_pwait)
    });
    send(relay, libc::SIGKILL);
    follows.assert_ended();
    wait_until("another one is there", || {
        relay_of(&run).is_some_and(|other| other != relay)
    });
    // What it kept is gone; what comes is told again.
    let mut follows = None;
    wait_until("it is served again", || {
        let mut client = ask(&file, r#","follow":true"#);
        let is_served = client.value()["ok"] == true;
        follows = is_served.then_some(client);
        is_served
    });
    let mut follows = must(follows.ok_or("nobody"), "a follower");
    assert_eq!(
        client.ask(r#"{"verb":"restart","programs":["web"]}"#)["ok"],
        true
    );
    let line = follows.value();
    assert_eq!(line["message"], "web: got SIGTERM, leaving", "{line}");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
}

#[test]
fn who_was_handed_to_a_relay_that_dies_before_it_looks_is_served_by_the_next() {
    let (file, mut run, mut client) = begin(RELAYED);
    run.wait_for_line("web | web: ready");
    let relay = must(relay_of(&run).ok_or("no relay"), "the relay");
    send(relay, libc::SIGSTOP);
    let mut clients: Vec<Client> = (0..3).map(|_| ask(&file, r#","follow":true"#)).collect();
    for follows in &mut clients {
        assert_eq!(follows.value()["ok"], true);
    }
    let mut asks = ask(&file, "");
    assert_eq!(asks.value()["ok"], true);
    send(relay, libc::SIGKILL);
    // What was kept is gone with it.
    asks.assert_ended();
    assert_eq!(
        client.ask(r#"{"verb":"restart","programs":["web"]}"#)["ok"],
        true
    );
    for follows in &mut clients {
        let line = follows.value();
        assert_eq!(line["message"], "web: got SIGTERM, leaving", "{line}");
        assert_eq!(follows.value()["message"], "web: ready");
    }
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    for mut follows in clients {
        assert_eq!(follows.value()["message"], "web: got SIGTERM, leaving");
        follows.assert_ended();
    }
}

#[test]
fn who_follows_and_does_not_read_holds_up_nobody() {
    let (file, mut run, mut client) = begin(
        "[program.web]\nstartsecs = 0\n\
         command = [\"sh\", \"-c\", \"echo begin; while [ ! -e FOLDER/go ]; do sleep 0.05; done; \
         exec yes 0123456789012345678901234567890\"]\n\
         stdout = { file = 'FOLDER/log', max_size = '1MB', backups = 1 }\n",
    );
    let mut unread: Vec<Client> = (0..3).map(|_| ask(&file, r#","follow":true"#)).collect();
    for client in &mut unread {
        assert_eq!(client.value()["ok"], true);
        assert_eq!(client.value()["message"], "begin");
    }
    file.write("go", "");
    run.wait_for_line("a client that follows and does not read is let go");
    assert_eq!(client.ask(r#"{"verb":"health"}"#)["healthy"], true);
    let mut reads = ask(&file, "");
    assert_eq!(reads.value()["ok"], true);
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
}

#[test]
fn more_than_are_served_are_refused_with_a_code_that_the_document_has() {
    let (file, run, _client) = begin(RELAYED);
    run.wait_for_line("web | web: ready");
    let mut served = Vec::new();
    for _ in 0..64 {
        let mut client = ask(&file, r#","follow":true"#);
        assert_eq!(client.value()["ok"], true);
        assert_eq!(client.value()["message"], "web: ready");
        served.push(client);
    }
    let mut more = ask(&file, r#","follow":true"#);
    assert_eq!(more.value()["ok"], true);
    assert_eq!(more.value()["error"]["code"], "too-many-connections");
    more.assert_ended();
}
