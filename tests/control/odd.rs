//! Lines that are no requests, or strange ones: each has its answer, and the next one too.

use super::{Client, WEB, begin};

/// Text, and the code that it is answered with.
fn lines() -> Vec<(Vec<u8>, &'static str)> {
    let text = |text: &str, code| (text.as_bytes().to_vec(), code);
    let long = |before: &str, after: &str| {
        let middle = "x".repeat(60_000);
        [before, &middle, after].concat().into_bytes()
    };
    vec![
        text("", "bad-json"),
        text("\0", "bad-json"),
        text("null", "bad-json"),
        text("[]", "bad-json"),
        text("GET / HTTP/1.1", "bad-json"),
        text("\u{feff}{\"verb\":\"hello\"}", "bad-json"),
        text("{\"verb\":\"hello\"} {\"verb\":\"hello\"}", "bad-json"),
        text("{\"verb\":\"status\",\"verb\":\"shutdown\"}", "bad-json"),
        text("{\"verb\":\"status\",\"programs\":[\"a\0b\"]}", "bad-json"),
        text("{\"verb\":\"shutdown\",\"code\":1e400}", "bad-json"),
        (b"{\"verb\":\"\xff\"}".to_vec(), "bad-json"),
        (vec![b'['; 60_000], "bad-json"),
        ("{\"a\":".repeat(10_000).into_bytes(), "bad-json"),
        (long("{\"verb\":\"", "\"}"), "unknown-verb"),
        (long("{\"verb\":\"hello\",\"", "\":1}"), "unknown-field"),
        text("{}", "missing-field"),
        text("{\"verb\":null}", "bad-field"),
        text("{\"verb\":\"stop\",\"programs\":[]}", "missing-field"),
        text("{\"verb\":\"stop\",\"programs\":\"web\"}", "bad-field"),
        text("{\"verb\":\"stop\",\"programs\":[[\"web\"]]}", "bad-field"),
        text("{\"verb\":\"shutdown\",\"code\":256}", "bad-field"),
        text("{\"verb\":\"shutdown\",\"code\":1e1}", "bad-field"),
        text("{\"verb\":\"shutdown\",\"code\":-1}", "bad-field"),
        text(
            "{\"verb\":\"signal\",\"programs\":[\"web\"],\"signal\":99999999999999999999}",
            "bad-field",
        ),
        text(
            "{\"verb\":\"wait\",\"programs\":[\"web\"],\"for\":\"stopped\",\"timeout\":1e300}",
            "bad-field",
        ),
        text(
            "{\"verb\":\"status\",\"programs\":[\"a\\u0000b\"]}",
            "no-such-program",
        ),
        (
            long("{\"verb\":\"status\",\"programs\":[\"", "\"]}"),
            "no-such-program",
        ),
    ]
}

#[test]
fn what_is_no_request_is_answered_and_the_next_one_as_well() {
    let (file, mut run, mut client) = begin(WEB);
    for (line, code) in lines() {
        let shown = String::from_utf8_lossy(&line[..line.len().min(80)]).into_owned();
        // A line of blanks is none.
        if !line.is_empty() {
            client.send(&[&line, &b"\n"[..]].concat());
            let answer = client.value();
            assert_eq!(answer["error"]["code"], code, "{shown}: {answer}");
        }
        assert_eq!(
            client.ask(r#"{"verb":"health"}"#)["healthy"],
            true,
            "{shown}"
        );
    }
    // Together, and cut anywhere.
    let all: Vec<(Vec<u8>, &str)> = lines();
    let text: Vec<Vec<u8>> = all
        .iter()
        .map(|(line, _)| [line, &b"\n"[..]].concat())
        .collect();
    let mut other = Client::of(&file.socket());
    let mut writer = super::must(other.lines.get_ref().try_clone(), "a copy");
    std::thread::spawn(move || {
        for piece in text.concat().chunks(777) {
            let _ = std::io::Write::write_all(&mut writer, piece);
        }
    });
    for (_, code) in all.iter().filter(|(line, _)| !line.is_empty()) {
        assert_eq!(other.value()["error"]["code"], *code);
    }
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert!(
        !run.lines().text().contains("bug"),
        "{}",
        run.lines().text()
    );
}

#[test]
fn ten_thousand_requests_ahead_are_answered_in_order() {
    let (_file, _run, mut client) = begin(WEB);
    let mut writer = super::must(client.lines.get_ref().try_clone(), "a copy");
    std::thread::spawn(move || {
        for number in 0..10_000 {
            let line = format!("{{\"verb\":\"status\",\"programs\":[\"no{number}\"]}}\n\n");
            let _ = std::io::Write::write_all(&mut writer, line.as_bytes());
        }
    });
    for number in 0..10_000 {
        let message = format!("no program named no{number}");
        assert_eq!(client.value()["error"]["message"], message);
    }
}

#[test]
fn what_is_sent_behind_a_request_that_waits_comes_after_it() {
    let (_file, _run, mut client) = begin(WEB);
    client.send(
        b"{\"verb\":\"wait\",\"programs\":[\"web\"],\"for\":\"stopped\",\"timeout\":0.3}\n\
          {\"verb\":\"stop\",\"programs\":[\"web\"]}\n{\"verb\":\"health\"}\n",
    );
    assert_eq!(client.value()["programs"][0]["outcome"], "timed-out");
    assert_eq!(client.value()["programs"][0]["outcome"], "stopped");
    assert_eq!(client.value()["healthy"], true);
}

#[test]
fn who_asks_and_leaves_at_once_has_asked() {
    let (file, mut run, _client) = begin(WEB);
    let mut client = Client::of(&file.socket());
    client.send(b"{\"verb\":\"shutdown\",\"code\":9}\n");
    drop(client);
    assert_eq!(run.wait(), 9);
}
