//! What `[control]` says of the socket.

use super::*;
use crate::control::settings::Settings;

fn loaded(text: &str) -> Loaded {
    let loaded = Folder::new(&format!("[program.a]\ncommand = 'sh'\n[control]\n{text}")).load();
    loaded.unwrap_or_else(|told| panic!("{told}"))
}

fn settings(socket: Option<&str>, readers: &[&str]) -> Option<Settings> {
    Some(Settings {
        socket: socket.map(Into::into),
        readers: readers.iter().map(|reader| (*reader).to_owned()).collect(),
    })
}

#[test]
fn there_is_a_socket_unless_the_file_says_no() {
    for (text, expected) in [
        ("", settings(None, &[])),
        ("enabled = true", settings(None, &[])),
        ("enabled = false\nsocket = '@a'", None),
        ("socket = '@${LASTOUT:-x}'", settings(Some("@x"), &[])),
        (
            "socket = '/run/../c.sock'",
            settings(Some("/run/../c.sock"), &[]),
        ),
        ("readers = []", settings(None, &[])),
        (
            "readers = ['www-data', '7']",
            settings(None, &["www-data", "7"]),
        ),
    ] {
        assert_eq!(loaded(text).plan.control, expected, "{text}");
    }
    let loaded = Folder::new("[program.a]\ncommand = 'sh'\n").load();
    assert_eq!(loaded.unwrap().plan.control, settings(None, &[]));
}

#[test]
fn a_socket_may_be_there_already() {
    let folder = Folder::new("");
    let path = folder.0.path().join("control.sock");
    let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let path = path.to_str().unwrap();
    let control = loaded(&format!("socket = '{path}'")).plan.control;
    assert_eq!(control, settings(Some(path), &[]));
    std::os::unix::fs::symlink(path, format!("{path}.link")).unwrap();
    let text = format!("[program.a]\ncommand = 'sh'\n[control]\nsocket = '{path}.link'\n");
    let told = Folder::new(&text).load().unwrap_err();
    assert!(told.contains("is there, and no socket"), "{told}");
}

#[test]
fn check_shows_what_is_said_of_the_socket() {
    let rows = |text| {
        let text = explain(&loaded(text));
        let rows = text.lines().filter(|line| line.starts_with("  control "));
        rows.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(rows(""), [] as [&str; 0]);
    assert_eq!(rows("enabled = false"), ["  control     none"]);
    assert_eq!(
        rows("socket = '@a'\nreaders = ['root', '7']"),
        ["  control     @a, read by root 7"]
    );
    assert_eq!(rows("readers = ['7']"), ["  control     read by 7"]);
}

#[test]
fn reload_2_another_place_of_the_socket_needs_a_restart_of_lastout() {
    let stays = "  control     stays as it is until lastout itself is restarted\n";
    for (old, new, is_told) in [
        ("", "", false),
        ("", "readers = ['7']", false),
        ("", "socket = '@a'", true),
        ("socket = '@a'", "enabled = false", true),
        ("enabled = false", "enabled = false\nsocket = '@a'", false),
    ] {
        let text = explain_reload(&loaded(old), &loaded(new));
        assert_eq!(text.ends_with(stays), is_told, "{old} {new}: {text}");
        assert_eq!(text.matches("control").count(), usize::from(is_told));
    }
}
