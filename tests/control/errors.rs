//! Every error that docs/protocol.md shows is provoked, and is what is answered: an error
//! that is new and is provoked by nothing here does not compile.

use std::fs;

use lastout::control::wire::Code;
use lastout_harness::configuration::Configuration;
use lastout_harness::namespace::Setup;
use lastout_harness::{binaries, must};
use serde_json::Value;

use super::access::asked_by;
use super::examples::blocks;
use super::{Client, SLOW, WEB, begin};

/// What is answered where that is wrong.
fn provoke(code: Code) -> Value {
    match code {
        Code::BadJson => ask(r#"{"verb":"status""#),
        Code::UnknownVerb => ask(r#"{"verb":"stauts"}"#),
        Code::UnknownField => ask(r#"{"verb":"status","program":["web"]}"#),
        Code::MissingField => ask(r#"{"verb":"wait","programs":["web"]}"#),
        Code::BadField => ask(r#"{"verb":"shutdown","code":256}"#),
        Code::NoSuchProgram => ask(r#"{"verb":"stop","programs":["wbe"]}"#),
        Code::NotRelayed => ask(r#"{"verb":"logs","programs":["web"],"stream":"stderr"}"#),
        Code::Forbidden => {
            let (file, _run, _client) = begin(&format!("[control]\nreaders = ['2000']\n{WEB}"));
            let said = asked_by(2000, &file, r#"{"verb":"stop","programs":["web"]}"#);
            must(serde_json::from_str(&said), &said)
        }
        Code::TooLong => {
            let (_file, _run, mut client) = begin(WEB);
            client.send(&[b' '; 65_536]);
            client.value()
        }
        Code::TooSlow => {
            let (_file, _run, mut client) = begin(WEB);
            client.send(b"{");
            client.value()
        }
        Code::TooMany => too_many(),
        Code::TooMuch => {
            let of = |letter: char| {
                let name = letter.to_string().repeat(60);
                let head = format!("[program.{name}]\ncommand = 'true'\nautostart = false\n");
                head + "numprocs = 1000\n"
            };
            let many: String = ('a'..='i').map(of).collect();
            let (_file, _run, mut client) = begin(&format!("{WEB}{many}"));
            client.ask(r#"{"verb":"status"}"#)
        }
        Code::Stopping => {
            let (_file, run, mut client) = begin(SLOW);
            run.wait_for_line("web: ready");
            run.signal(libc::SIGTERM);
            run.wait_for_line("the shutdown begins");
            client.ask(r#"{"verb":"start","programs":["web"]}"#)
        }
        Code::BadConfiguration => {
            let (file, _run, mut client) = begin(WEB);
            file.rewrite("[program.web]\ncommand = 'sleep 1000'\nstartsec = 0\n");
            let mut answer = client.ask(r#"{"verb":"reload"}"#);
            let message = &mut answer["error"]["message"];
            let text = message.as_str().unwrap_or_default();
            *message = text.replace(&file.folder(), "/etc/lastout").into();
            answer
        }
        Code::NoConfiguration => {
            let file = Configuration::new(WEB);
            let probe = binaries::probe();
            let setup = Setup::new(&["--control", "--", &probe, "last-words"]);
            let _run = setup.environment("LASTOUT_SOCKET", &file.socket()).start();
            Client::of(&file.socket()).ask(r#"{"verb":"reload"}"#)
        }
        Code::Unavailable => {
            let file = Configuration::new(WEB);
            let run = file.setup(&[]).without_proc().start();
            run.wait_for_line("all programs are up");
            Client::of(&file.socket()).ask(r#"{"verb":"tree"}"#)
        }
    }
}

fn ask(line: &str) -> Value {
    begin(WEB).2.ask(line)
}

fn too_many() -> Value {
    let (file, _run, first) = begin(WEB);
    let mut waiting = vec![first];
    waiting.extend((1..64).map(|_| Client::of(&file.socket())));
    for client in &mut waiting {
        client.send(b"{\"verb\":\"events\",\"programs\":[\"web\"],\"follow\":true}\n");
        assert_eq!(client.value()["ok"], true);
    }
    Client::of(&file.socket()).value()
}

#[test]
fn every_error_of_the_document_is_what_is_answered() {
    let path = binaries::workspace().join("docs/protocol.md");
    let document = must(fs::read_to_string(path), "the document");
    let mut lines = blocks(&document, "errors")[0].lines();
    for code in Code::ALL {
        let line = must(lines.next().ok_or(code.name()), "an example");
        let expected: Value = must(serde_json::from_str(line), line);
        let answer = provoke(code);
        assert_eq!(
            answer, expected,
            "answered:\n{answer}\nexpected:\n{expected}"
        );
        assert_eq!(answer["error"]["code"], code.name());
    }
    assert_eq!(lines.next(), None);
}
