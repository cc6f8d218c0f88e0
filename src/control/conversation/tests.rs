use serde_json::json;

use super::*;
use crate::control::object::Object;

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
        for may in [Access::Ask, Access::Act] {
            let mut conversation = Conversation::new(may);
            conversation.hear(line.as_bytes());
            let is_taken = conversation.next_request().is_some();
            assert_eq!(
                is_taken,
                may == Access::Act || verb.access() == may,
                "{line}"
            );
            let said = String::from_utf8_lossy(conversation.output());
            assert_eq!(said.contains("forbidden"), !is_taken, "{line}");
        }
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
