//! Clients that behave badly, a thousand at once: others get their answers, and lastout
//! stops on time.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use lastout_harness::{sight, wait_until};

use super::{Client, WEB, begin};

const HEALTH: &str = r#"{"verb":"health"}"#;

/// A thousand that connect and send this, and read nothing.
fn crowd(path: &str, text: &[u8]) -> Vec<UnixStream> {
    let mut crowd = Vec::new();
    wait_until("a thousand have connected", || {
        if let Ok(mut stream) = UnixStream::connect(path) {
            let _ = stream.set_nonblocking(true);
            // Who was let go meanwhile is told so.
            let _ = stream.write_all(text);
            crowd.push(stream);
        }
        crowd.len() == 1000
    });
    crowd
}

#[test]
fn a_thousand_silent_slow_and_garbage_clients_cost_nobody_an_answer() {
    for text in [
        &b""[..],
        b"{\"verb\":",
        b"\xff\x00garbage\n\n{}\n[]\n",
        &b"{\"verb\":\"status\"}\n".repeat(200),
        &[b'x'; 70_000],
    ] {
        let (file, mut run, mut before) = begin(WEB);
        assert_eq!(before.ask(HEALTH)["healthy"], true);
        let crowd = crowd(&file.socket(), text);
        let mut client = Client::of(&file.socket());
        assert_eq!(client.ask(HEALTH)["healthy"], true);
        let asked = Instant::now();
        assert_eq!(client.ask(r#"{"verb":"shutdown"}"#)["ok"], true);
        assert_eq!(run.wait(), 0);
        // The stop waits for nobody; the rest of it is the load of the machine.
        assert!(asked.elapsed() < Duration::from_secs(5));
        let said = run.lines().count("the control socket has more clients");
        assert!(said <= 1, "{}", run.lines().text());
        drop(crowd);
    }
}

#[test]
fn who_is_half_gone_is_answered_and_who_is_gone_changes_nothing() {
    let (file, run, mut client) = begin(WEB);
    client.send(HEALTH.as_bytes());
    // Without a newline: the end of what is sent is the end of the request.
    client
        .lines
        .get_ref()
        .shutdown(std::net::Shutdown::Write)
        .unwrap_or_default();
    assert_eq!(client.value()["healthy"], true);
    client.assert_ended();
    let mut waits = Client::of(&file.socket());
    waits.send(b"{\"verb\":\"wait\",\"programs\":[\"web\"],\"for\":\"stopped\"}\n");
    drop(waits);
    let mut stops = Client::of(&file.socket());
    stops.send(b"{\"verb\":\"stop\",\"programs\":[\"web\"]}\n");
    drop(stops);
    run.wait_for_line("web: left");
    assert_eq!(Client::of(&file.socket()).ask(HEALTH)["healthy"], true);
}

#[test]
fn a_request_that_is_too_long_or_too_slow_ends_the_connection() {
    let (file, _run, mut client) = begin(WEB);
    client.send(&[b' '; 65_536]);
    assert_eq!(client.value()["error"]["code"], "too-long");
    client.assert_ended();
    let mut slow = Client::of(&file.socket());
    slow.send(b"{");
    assert_eq!(slow.value()["error"]["code"], "too-slow");
    slow.assert_ended();
}

#[test]
fn who_follows_and_does_not_read_is_cut_off() {
    let (file, run, mut reads) = begin(
        "[program.loops]\ncommand = 'PROBE exit 0'\nautorestart = 'always'\nstartsecs = 0\n\
         backoff = 0\nbackoff_max = 0\n",
    );
    let mut unread = Client::of(&file.socket());
    unread.send(b"{\"verb\":\"events\",\"follow\":true}\n");
    run.wait_for_line("leave 1 MiB of events unread");
    assert_eq!(reads.ask(HEALTH)["ok"], true);
}

#[test]
fn pid_5_a_client_that_asks_for_nothing_causes_no_wake_up() {
    let (file, run, mut client) = begin(WEB);
    assert_eq!(client.ask(HEALTH)["healthy"], true);
    let mut follower = Client::of(&file.socket());
    assert_eq!(
        follower.ask(r#"{"verb":"events","follow":true}"#)["ok"],
        true
    );
    run.wait_for_line("web: ready");
    let mut waits = Client::of(&file.socket());
    waits.send(b"{\"verb\":\"wait\",\"programs\":[\"web\"],\"for\":\"stopped\"}\n");
    let before = sight::wait_until_at_rest(run.pid());
    lastout_harness::let_pass(Duration::from_secs(2));
    assert_eq!(sight::context_switches(run.pid()), before);
}
