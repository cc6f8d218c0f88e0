use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Any value that serde_json can write.
fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(|it| json!(it)),
        any::<i64>().prop_map(|it| json!(it)),
        any::<u64>().prop_map(|it| json!(it)),
        any::<f32>().prop_map(|it| json!(it)),
        any::<String>().prop_map(|it| json!(it)),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(|it| json!(it)),
            prop::collection::btree_map(any::<String>(), inner, 0..6).prop_map(|it| json!(it)),
        ]
    })
}

/// Text that is nearly JSON.
fn text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\\u00e4",
        "\\ud83d\\ude00",
        "\\ud800",
        "\\n",
        "a",
        "verb",
        "\"verb\"",
        "0",
        "-",
        "1",
        "12",
        ".",
        "e",
        "+",
        "1e400",
        "true",
        "false",
        "null",
        " ",
        "\n",
        "\t",
        "\r",
        "\u{7f}",
        "\u{1}",
        "ä",
        "😀",
        "nul",
        "\\x",
        "\\/",
        "99999999999999999999",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// What serde_json reads of the same, numbers by their text, since it may be a bit off.
fn rounded(value: &serde_json::Value) -> serde_json::Value {
    match value {
        // `-0` is a whole number to us and none to serde_json, and nothing to anybody.
        serde_json::Value::Number(number) if number.is_f64() || number.as_f64() == Some(0.0) => {
            json!(format!("{:.9e}", number.as_f64().unwrap() + 0.0))
        }
        serde_json::Value::Array(array) => array.iter().map(rounded).collect(),
        serde_json::Value::Object(object) => {
            let fields = object.iter().map(|(name, it)| (name.clone(), rounded(it)));
            serde_json::Value::Object(fields.collect())
        }
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::String(_) => value.clone(),
    }
}

const TWICE: &str = "a name stands there twice";

fn agree(text: &[u8]) {
    let ours = parse(text);
    if ours == Err(TWICE) {
        // It takes the last one.
        return;
    }
    let theirs: Result<serde_json::Value, _> = serde_json::from_slice(text);
    assert_eq!(ours.is_ok(), theirs.is_ok(), "{ours:?} {theirs:?}");
    if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
        assert_eq!(rounded(&ours), rounded(&theirs));
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(value in value()) {
        agree(value.to_string().as_bytes());
    }

    #[test]
    fn what_is_nearly_json_is_read_as_serde_json_does(text in text()) {
        agree(text.as_bytes());
    }

    #[test]
    fn any_bytes_are_read_as_serde_json_does(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        agree(&bytes);
    }
}

#[test]
fn a_zero_is_a_zero_whatever_its_sign() {
    for text in ["0", "-0", "0.0", "-0.0", "[-0e5]"] {
        agree(text.as_bytes());
    }
}

#[test]
fn a_text_that_is_too_deep_is_refused() {
    let deep = |depth: usize| ["[".repeat(depth), "]".repeat(depth)].concat();
    assert!(parse(deep(31).as_bytes()).is_ok());
    assert_eq!(parse(deep(100_000).as_bytes()), Err("it is too deep"));
}

#[test]
fn a_field_that_is_there_twice_is_refused_wherever_it_is() {
    assert_eq!(parse(br#"{"verb":"status","verb":"shutdown"}"#), Err(TWICE));
    assert_eq!(parse(br#"[{"a":[{"b":1,"c":2,"\u0062":1}]}]"#), Err(TWICE));
    assert!(parse(br#"[{"a":{"a":1}},{"a":1}]"#).is_ok());
}

#[test]
fn a_timeout_is_read_as_it_was_written_however_short_or_long() {
    let of = |text: &str| {
        let line = format!(
            "{{\"verb\":\"wait\",\"programs\":[\"a\"],\"for\":\"ready\",\"timeout\":{text}}}"
        );
        match read(&line) {
            Ok(Request::Wait { timeout, .. }) => timeout.map(|it| it.as_nanos()),
            Ok(_) | Err(_) => None,
        }
    };
    for (text, nanos) in [
        ("0", 0),
        ("0e5", 0),
        ("1e-9", 1),
        ("1e-4", 100_000),
        ("0.5", 500_000_000),
        ("1e3", 1_000_000_000_000),
        ("\"100000000.000000001\"", 100_000_000_000_000_001),
    ] {
        assert_eq!(of(text), Some(nanos), "{text}");
    }
    for text in [
        "-1",
        "-1e-9",
        "1e300",
        "99999999999999999999",
        "\"\"",
        "\"1 s\"",
        "null",
    ] {
        assert_eq!(of(text), None, "{text}");
    }
}

#[test]
fn a_request_names_a_thousand_programs_and_no_more() {
    let line = |count| {
        let names = vec!["\"a\""; count].join(",");
        format!("{{\"verb\":\"status\",\"programs\":[{names}]}}")
    };
    assert!(read(&line(1000)).is_ok());
    assert_eq!(read(&line(1001)).unwrap_err().code, Code::BadField);
}

fn read(line: &str) -> Result<Request, Refusal> {
    Request::read(line.as_bytes())
}

fn code(line: &str) -> Code {
    read(line).unwrap_err().code
}

#[test]
fn verbs_fields_and_codes_have_names_of_their_own() {
    let verbs = Verb::ALL.map(Verb::name);
    for (number, name) in verbs.iter().enumerate() {
        assert_eq!(Verb::named(name), Some(Verb::ALL[number]));
    }
    let mut codes: Vec<&str> = Code::ALL.map(Code::name).to_vec();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), Code::ALL.len());
}

#[test]
fn what_is_not_known_is_an_error_that_names_the_nearest() {
    let refusal = read(r#"{"verb":"statsu"}"#).unwrap_err();
    assert_eq!(refusal.code, Code::UnknownVerb);
    assert_eq!(refusal.hint.as_deref(), Some("did you mean status?"));
    let refusal = read(r#"{"verb":"stop","program":["web"]}"#).unwrap_err();
    assert_eq!(refusal.code, Code::UnknownField);
    assert_eq!(refusal.hint.as_deref(), Some("did you mean programs?"));
    assert_eq!(code(r#"{"verb":"tree","follow":true}"#), Code::UnknownField);
}

#[test]
fn who_acts_says_on_whom() {
    for verb in ["start", "stop", "restart", "reload-programs"] {
        assert_eq!(code(&format!(r#"{{"verb":"{verb}"}}"#)), Code::MissingField);
        let line = format!(r#"{{"verb":"{verb}","programs":[]}}"#);
        assert_eq!(code(&line), Code::MissingField);
    }
    assert_eq!(
        code(r#"{"verb":"signal","programs":["a"]}"#),
        Code::MissingField
    );
    assert_eq!(
        code(r#"{"verb":"wait","programs":["a"]}"#),
        Code::MissingField
    );
}

#[test]
fn wrong_types_and_values_are_errors() {
    for line in [
        r#"{"verb":1}"#,
        r#"{"verb":"stop","programs":"web"}"#,
        r#"{"verb":"stop","programs":[1]}"#,
        r#"{"verb":"stop","programs":["a"],"wait":"yes"}"#,
        r#"{"verb":"stop","programs":["a"],"timeout":-1}"#,
        r#"{"verb":"stop","programs":["a"],"timeout":"soon"}"#,
        r#"{"verb":"signal","programs":["a"],"signal":"WHAT"}"#,
        r#"{"verb":"signal","programs":["a"],"signal":"HUP","scope":"all"}"#,
        r#"{"verb":"logs","lines":-1}"#,
        r#"{"verb":"logs","lines":1.5}"#,
        r#"{"verb":"logs","stream":"stdin"}"#,
        r#"{"verb":"shutdown","code":256}"#,
        r#"{"verb":"wait","programs":["a"],"for":"good"}"#,
    ] {
        assert_eq!(code(line), Code::BadField, "{line}");
    }
    for line in ["", "null", "[]", "{", "{}x", "\"status\"", "\u{fffd}"] {
        assert_eq!(code(line), Code::BadJson, "{line}");
    }
    assert_eq!(code("{}"), Code::MissingField);
}

fn request() -> impl Strategy<Value = Request> {
    use std::time::Duration;

    use lastout_core::{Scope, Signal};
    let programs = || prop::collection::vec("[a-z*:0-9.-]{1,12}", 0..4);
    let named = || prop::collection::vec("[a-z*:0-9.-]{1,12}", 1..4);
    let timeout = || prop::option::of((0u64..100_000).prop_map(Duration::from_millis));
    let patience = || {
        let all = (any::<bool>(), any::<bool>(), timeout());
        all.prop_map(|(wait, each, timeout)| Patience {
            wait,
            each,
            timeout,
        })
    };
    let flag = any::<bool>;
    // 32 and 33 are the C library's own, and have no names.
    let named_signal = |number| Signal::new(number).filter(|it| it.to_string().parse() == Ok(*it));
    let signal = (1i32..=64).prop_filter_map("a signal with a name", named_signal);
    let scope = prop::sample::select(vec![Scope::Leader, Scope::Group, Scope::Tree]);
    let until = prop::sample::select(super::request::STATES.map(|(_, until)| until).to_vec());
    let streams = vec![None, Some(Stream::Stdout), Some(Stream::Stderr)];
    prop_oneof![
        prop::sample::select(vec![
            Request::Hello,
            Request::Tree,
            Request::Health,
            Request::Report
        ]),
        programs().prop_map(|programs| Request::Status { programs }),
        programs().prop_map(|programs| Request::Why { programs }),
        (named(), patience())
            .prop_map(|(programs, patience)| Request::Start { programs, patience }),
        (named(), patience()).prop_map(|(programs, patience)| Request::Stop { programs, patience }),
        (named(), patience())
            .prop_map(|(programs, patience)| Request::Restart { programs, patience }),
        (named(), patience())
            .prop_map(|(programs, patience)| Request::ReloadPrograms { programs, patience }),
        (named(), signal, scope).prop_map(|(programs, signal, scope)| Request::Signal {
            programs,
            signal,
            scope
        }),
        flag().prop_map(|dry_run| Request::Reload { dry_run }),
        (named(), until, flag(), timeout()).prop_map(|(programs, until, each, timeout)| {
            Request::Wait {
                programs,
                until,
                each,
                timeout,
            }
        }),
        (
            programs(),
            prop::sample::select(streams),
            any::<Option<u32>>(),
            flag()
        )
            .prop_map(|(programs, stream, lines, follow)| Request::Logs {
                programs,
                stream,
                lines,
                follow
            }),
        (programs(), flag()).prop_map(|(programs, follow)| Request::Events { programs, follow }),
        any::<Option<u8>>().prop_map(|code| Request::Shutdown { code }),
    ]
}

proptest! {
    #[test]
    fn a_request_that_was_written_is_read(request in request()) {
        let line = request.to_line();
        prop_assert!(line.ends_with('\n') && line.matches('\n').count() == 1);
        prop_assert_eq!(Request::read(line.as_bytes()), Ok(request));
    }
}
