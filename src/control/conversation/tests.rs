use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::control::object::Object;

/// What comes of these bytes, sent in these pieces: each answer, of which so much is taken
/// at once, and each request, which is one again when it is written.
fn said(pieces: &[&[u8]], may: Access, at_once: usize) -> String {
    let mut conversation = Conversation::new(may);
    let mut said = String::new();
    let mut go_on = |conversation: &mut Conversation| {
        while conversation.has_more() || !conversation.output().is_empty() {
            if let Some(request) = conversation.next_request() {
                let line = request.to_line();
                assert_eq!(Request::read(line.as_bytes()), Ok(request), "{line}");
                said.push_str(&line);
                conversation.answer(&Object::reply(true).into_json());
            }
            let output = conversation.output();
            let piece = &output[..output.len().min(at_once)];
            said.push_str(&String::from_utf8_lossy(piece));
            conversation.wrote(piece.len());
        }
    };
    for piece in pieces {
        conversation.hear(piece);
        go_on(&mut conversation);
    }
    conversation.hear_end();
    go_on(&mut conversation);
    assert!(conversation.is_over());
    said
}

fn lines() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        Just(b"{\"verb\":\"status\"}\n".to_vec()),
        Just(b"{\"verb\":\"stop\",\"programs\":[\"a\"]}\r\n".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"{\"verb\":\"health\"}".to_vec()),
        Just(b"{\"verb\":\"nothing\"}\n".to_vec()),
        Just(vec![b' '; 40_000]),
        Just(vec![b'x'; LONGEST_REQUEST - 1]),
        prop::collection::vec(any::<u8>(), 0..40),
    ];
    prop::collection::vec(line, 0..8).prop_map(|lines| lines.concat())
}

proptest! {
    #[test]
    fn however_bytes_are_cut_the_answers_are_the_same(
        bytes in lines(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        places.sort_unstable();
        places.push(bytes.len());
        let mut from = 0;
        let pieces: Vec<&[u8]> = places
            .iter()
            .map(|&to| {
                let piece = &bytes[from..to];
                from = to;
                piece
            })
            .collect();
        for may in [Access::Ask, Access::Act] {
            prop_assert_eq!(said(&[&bytes], may, usize::MAX), said(&pieces, may, 7));
        }
    }
}

/// The corpus of the fuzz target, of which the first byte says where it is cut there.
#[test]
fn the_corpus_is_answered_the_same_however_it_is_cut() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/conversation");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let (size, bytes) = bytes.split_first().unwrap_or((&0, &[]));
        for size in [1, usize::from(*size).max(1)] {
            let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
            for may in [Access::Ask, Access::Act] {
                assert_eq!(said(&[bytes], may, usize::MAX), said(&pieces, may, size));
            }
        }
        count += 1;
    }
    assert!(count > 10, "there is no corpus");
}

#[test]
fn a_reader_asks_and_does_not_act() {
    for verb in crate::control::wire::Verb::ALL {
        let all = "\"programs\":[\"a\"],\"signal\":\"HUP\",\"for\":\"ready\"";
        let fields: Vec<&str> = all
            .split(',')
            .filter(|field| {
                let mut names = verb.fields().iter().map(|field| field.name());
                names.any(|name| field.contains(&format!("\"{name}\":")))
            })
            .collect();
        let fields = fields.iter().map(|field| format!(",{field}"));
        let line = format!(
            "{{\"verb\":\"{}\"{}}}\n",
            verb.name(),
            fields.collect::<String>()
        );
        let is_refused = said(&[line.as_bytes()], Access::Ask, usize::MAX).contains("forbidden");
        assert_eq!(is_refused, verb.access() == Access::Act, "{line}");
        assert!(
            !said(&[line.as_bytes()], Access::Act, usize::MAX).contains("error"),
            "{line}"
        );
    }
}

#[test]
fn requests_are_answered_one_after_the_other() {
    let mut conversation = Conversation::new(Access::Act);
    conversation.hear(b"{\"verb\":\"health\"}\n{\"verb\":\"tree\"}\n");
    assert_eq!(conversation.next_request(), Some(Request::Health));
    assert!(!conversation.is_listening() && conversation.is_waiting());
    assert_eq!(conversation.next_request(), None);
    conversation.answer(&Json::from(&json!(1)));
    // Not before the answer is written.
    assert_eq!(conversation.next_request(), None);
    conversation.wrote(1);
    assert_eq!(conversation.next_request(), None);
    conversation.wrote(1);
    assert!(conversation.has_more());
    assert_eq!(conversation.next_request(), Some(Request::Tree));
}

#[test]
fn who_does_not_read_a_stream_is_cut_off() {
    let mut conversation = Conversation::new(Access::Act);
    conversation.hear(b"{\"verb\":\"events\",\"follow\":true}\n");
    assert!(conversation.next_request().is_some());
    conversation.begin_stream(&Object::reply(true).into_json());
    let line = Json::from(&json!("x".repeat(1000)));
    let mut lines = 0;
    while conversation.add(&line) {
        lines += 1;
    }
    assert_eq!(lines, (LONGEST_REPLY - 12) / 1003);
}

#[test]
fn an_answer_that_is_too_long_is_none() {
    let mut conversation = Conversation::new(Access::Act);
    conversation.hear(b"{\"verb\":\"status\"}\n");
    assert!(conversation.next_request().is_some());
    conversation.answer(&Json::from(&json!("x".repeat(LONGEST_REPLY))));
    assert!(
        conversation
            .output()
            .starts_with(b"{\"error\":{\"code\":\"too-much\"")
    );
}
