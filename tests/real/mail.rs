//! Postfix, whose master makes a session of its own.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::TcpStream;

use lastout_harness::must;
use lastout_harness::recipe::Recipe;

use crate::{assert_in_order, kill, leader_of, stop};

#[test]
fn stop_2_postfix_is_told_with_all_that_its_shell_would_leave_behind_and_its_port_is_free() {
    let mut played = Recipe::of("mail").play(&[]);
    played.run.wait_for_line("postfix: ready");
    deliver(must(played.network.connect(25), "connect to postfix"));
    played
        .run
        .wait_for_line("status=sent (delivered to mailbox)");

    stop(&mut played);
    assert_in_order(
        &played,
        &[
            "postfix: told SIGTERM",
            "postfix: told its master",
            "goodbye",
            "+ master",
            "+ pickup",
            "+ qmgr",
        ],
    );
    let refused = played.network.connect(25).map_err(|error| error.kind());
    assert_eq!(refused.err(), Some(ErrorKind::ConnectionRefused));
}

#[test]
fn stop_3_a_postfix_whose_shell_was_killed_starts_anew_on_the_port_that_its_master_had() {
    let mut played = Recipe::of("mail").play(&[]);
    played.run.wait_for_line("postfix: ready");
    // Its log takes a way of its own.
    played.run.wait_for_line("daemon started");

    kill(leader_of(&played, "postfix-script"));
    let lines = played.run.lines();
    lines.wait_for_times("postfix: ready", 2);
    lines.wait_for_times("daemon started", 2);
    assert!(!lines.has("Address already in use"), "{}", lines.text());
    deliver(must(played.network.connect(25), "connect to postfix"));
    played
        .run
        .wait_for_line("status=sent (delivered to mailbox)");
    stop(&mut played);
}

/// A mail to root, as RFC 5321 has it.
fn deliver(mut client: TcpStream) {
    let mut answers = BufReader::new(must(client.try_clone(), "read and write"));
    expect(&mut answers, "220 mail.example ESMTP");
    for (command, answer) in [
        ("HELO test", "250"),
        ("MAIL FROM:<test@example.org>", "250"),
        ("RCPT TO:<root@mail.example>", "250"),
        ("DATA", "354"),
        ("Subject: hello\r\n\r\nhello\r\n.", "250"),
        ("QUIT", "221"),
    ] {
        must(client.write_all(command.as_bytes()), "send a command");
        must(client.write_all(b"\r\n"), "send its end");
        expect(&mut answers, answer);
    }
}

fn expect(answers: &mut impl BufRead, start: &str) {
    let mut line = String::new();
    must(answers.read_line(&mut line), "read an answer");
    assert!(line.starts_with(start), "wanted {start}, got {line}");
}
