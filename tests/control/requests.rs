//! Requests over the socket: when they are answered, and with what.

use super::{Client, SLOW, WEB, begin};

#[test]
fn a_request_during_the_stop_is_answered_and_holds_nothing_up() {
    let (file, mut run, mut client) = begin(SLOW);
    run.wait_for_line("web: ready");
    let mut waits = Client::of(&file.socket());
    waits.send(b"{\"verb\":\"wait\",\"programs\":[\"web\"],\"for\":\"stopped\"}\n");
    assert_eq!(client.ask(r#"{"verb":"shutdown","code":7}"#)["ok"], true);
    let status = client.ask(r#"{"verb":"status"}"#);
    assert_eq!(status["programs"][0]["state"], "STOPPING", "{status}");
    assert_eq!(status["well"], false);
    let health = client.ask(r#"{"verb":"health"}"#);
    assert_eq!(health["healthy"], false, "{health}");
    let report = client.ask(r#"{"verb":"report"}"#);
    assert_eq!(report["entries"][0]["text"], "still there", "{report}");
    for acts in ["start", "restart"] {
        let answer = client.ask(&format!(r#"{{"verb":"{acts}","programs":["web"]}}"#));
        assert_eq!(answer["error"]["code"], "stopping", "{answer}");
    }
    let answer = client.ask(r#"{"verb":"reload"}"#);
    assert_eq!(answer["error"]["code"], "stopping", "{answer}");
    file.write("go", "");
    let answer = waits.value();
    assert_eq!(answer["programs"][0]["outcome"], "holds", "{answer}");
    assert_eq!(run.wait(), 7);
    client.assert_ended();
}

#[test]
fn a_reload_with_errors_tells_all_of_them_and_changes_nothing() {
    let (file, run, mut client) = begin(WEB);
    let pid = run.leader_of("web").pid;
    file.rewrite("[program.web]\ncomand = 'true'\nstartsecs = 'soon'\n");
    for line in [
        r#"{"verb":"reload"}"#,
        r#"{"verb":"reload","dry_run":true}"#,
    ] {
        let error = &client.ask(line)["error"];
        assert_eq!(error["code"], "bad-configuration");
        let message = error["message"].as_str().unwrap_or_default();
        assert!(message.contains("did you mean `command`"), "{message}");
        assert!(message.contains("startsecs"), "{message}");
    }
    file.rewrite("[program.next]\ncommand = 'PROBE last-words'\nstartsecs = 0\n");
    let would = client.ask(r#"{"verb":"reload","dry_run":true}"#);
    assert_eq!(would["added"][0], "next", "{would}");
    assert_eq!(would["removed"][0], "web");
    assert_eq!(run.leader_of("web").pid, pid);
    let done = client.ask(r#"{"verb":"reload"}"#);
    assert_eq!(done["added"][0], "next", "{done}");
    run.wait_for_line("next: started");
}

#[test]
fn events_are_told_as_they_happen_to_who_follows() {
    let (file, run, mut client) = begin(WEB);
    run.wait_for_line("web: ready");
    let mut follower = Client::of(&file.socket());
    let kept = follower.ask(r#"{"verb":"events","programs":["web"],"follow":true}"#);
    assert_eq!(kept["events"][0]["to"], "STARTING", "{kept}");
    assert_eq!(
        client.ask(r#"{"verb":"stop","programs":["web"]}"#)["ok"],
        true
    );
    let told = follower.value();
    assert_eq!(told["event"]["to"], "STOPPING", "{told}");
    let left = follower.value();
    assert_eq!(left["event"]["exit_code"], 0, "{left}");
    assert_eq!(left["event"]["to"], "STOPPED", "{left}");
}

#[test]
fn logs_are_told_by_the_relay() {
    let (_file, run, mut client) = begin(
        "[program.web]\ncommand = 'PROBE last-words --name web'\nstartsecs = 0\n\
         stdout = 'prefix'\n",
    );
    run.wait_for_line("web | web: ready");
    assert_eq!(
        client.ask(r#"{"verb":"logs","programs":["web"]}"#)["ok"],
        true
    );
    let line = client.value();
    assert_eq!(line["message"], "web: ready", "{line}");
    assert_eq!(line["program"], "web", "{line}");
    client.assert_ended();
}

#[test]
fn tree_tells_of_everybody_and_why_of_what_waits() {
    let (_file, run, mut client) = begin(
        "[program.family]\ncommand = 'PROBE family'\nstartsecs = 0\n\
         [program.fails]\ncommand = 'PROBE exit 3'\nstartsecs = 0\nautostart = false\n\
         [program.waits]\ncommand = 'PROBE last-words'\nautostart = false\n\
         depends_on = { fails = 'completed' }\n",
    );
    run.wait_for_line("daemon of the family: ready");
    let tree = client.ask(r#"{"verb":"tree"}"#);
    let processes = tree["programs"][0]["processes"].as_array();
    assert!(processes.is_some_and(|them| them.len() > 1), "{tree}");
    let why = client.ask(r#"{"verb":"why","programs":["waits"]}"#);
    let text = why["programs"][0]["because"][0]["text"].as_str();
    assert_eq!(text, Some("does not start by itself"), "{why}");
}
