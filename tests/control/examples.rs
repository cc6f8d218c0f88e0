//! Every example of docs/protocol.md is what a real lastout answers.

use std::fs;

use lastout_harness::{binaries, must};
use serde_json::{Value, json};

use super::{Client, begin};

/// Blocks of the document in this language.
pub(super) fn blocks<'a>(document: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    let parts = document.split(fence.as_str()).skip(1);
    parts.filter_map(|part| part.split("```").next()).collect()
}

/// Without what differs from run to run.
fn settled(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| {
                let value = match (name.as_str(), value) {
                    ("pid" | "parent" | "seconds", _) => json!(0),
                    ("time" | "version", _) => json!(""),
                    ("text" | "why", Value::String(text)) => json!(
                        text.chars()
                            .map(|c| if c.is_ascii_digit() { '0' } else { c })
                            .collect::<String>()
                    ),
                    (_, value) => settled(value),
                };
                (name.clone(), value)
            })
            .collect(),
        Value::Array(values) => values.iter().map(settled).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

#[test]
fn every_example_of_the_document_is_what_is_answered() {
    let path = binaries::workspace().join("docs/protocol.md");
    let document = must(fs::read_to_string(path), "the document");
    let configuration = blocks(&document, "toml");
    let (file, mut run, _client) = begin(configuration[0]);
    run.wait_for_line("talker | hello");
    let mut requests: Vec<Value> = Vec::new();
    for example in blocks(&document, "json") {
        let (request, replies) = must(example.split_once('\n').ok_or(example), "two lines");
        // Who follows is asked nothing more.
        let mut client = Client::of(&file.socket());
        client.send(format!("{request}\n").as_bytes());
        for reply in replies.lines() {
            let expected: Value = must(serde_json::from_str(reply), reply);
            let answer = client.value();
            assert_eq!(
                settled(&answer),
                settled(&expected),
                "{request}\nanswered: {answer}\nexpected: {expected}"
            );
        }
        requests.push(must(serde_json::from_str(request), request));
    }
    // Each verb and each field of each has one.
    for verb in lastout::control::wire::Verb::ALL {
        let of_verb = requests.iter().filter(|it| it["verb"] == verb.name());
        assert!(of_verb.clone().next().is_some(), "{}", verb.name());
        for field in verb.fields() {
            let has = |it: &Value| it.get(field.name()).is_some();
            assert!(
                of_verb.clone().any(has),
                "{} of {}",
                field.name(),
                verb.name()
            );
        }
    }
    assert_eq!(run.wait(), 3);
}

#[test]
fn the_document_has_every_field_and_code() {
    use lastout::control::wire::{Access, Code, Verb};
    let path = binaries::workspace().join("docs/protocol.md");
    let document = must(fs::read_to_string(path), "the document");
    for code in Code::ALL {
        let row = format!("| `{}` |", code.name());
        assert!(document.contains(&row), "{}", code.name());
    }
    for verb in Verb::ALL {
        let heading = |line: &str| {
            let names = line.strip_prefix("### ").unwrap_or_default();
            names.split(", ").any(|name| name == verb.name())
        };
        let lines: Vec<&str> = document.lines().collect();
        let start = lines.iter().position(|line| heading(line));
        let start = must(start.ok_or(verb.name()), "a heading");
        let section = lines[start + 1..].iter();
        let section: String = section
            .take_while(|line| !line.starts_with('#'))
            .copied()
            .collect();
        for field in verb.fields() {
            // That of the last of several is told at the first.
            let name = format!("`{}`", field.name());
            assert!(section.contains(&name), "{} of {}", name, verb.name());
        }
    }
    let asks = Verb::ALL.iter().filter(|verb| verb.access() == Access::Ask);
    let asks: Vec<&str> = asks.map(|verb| verb.name()).collect();
    assert!(
        document.contains(&format!("ask: {} |", asks.join(", "))),
        "{asks:?}"
    );
}
