//! What is at the socket's place: never touched, unless it is a dead socket of ours.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

use lastout_harness::configuration::Configuration;
use lastout_harness::namespace::{Run, Setup};
use lastout_harness::{binaries, must, wait_until};

use super::{Client, WEB, begin};

fn start(file: &Configuration) -> Run {
    let run = file.run();
    run.wait_for_line("all programs are up");
    run
}

#[test]
fn the_socket_is_for_its_user_alone_whatever_the_umask_and_gone_at_the_end() {
    let file = Configuration::new(WEB);
    let mut run = file.setup(&[]).launch(&["--umask", "0"]).start();
    drop(Client::of(&file.socket()));
    let mode = must(fs::metadata(file.socket()), "the socket").permissions();
    assert_eq!(mode.mode() & 0o7777, 0o600);
    run.wait_for_line("web: ready");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert!(fs::symlink_metadata(file.socket()).is_err());
}

#[test]
fn a_socket_that_a_dead_lastout_left_behind_is_replaced() {
    let file = Configuration::new(WEB);
    drop(must(UnixListener::bind(file.socket()), "bind"));
    let _run = start(&file);
    let mut client = Client::of(&file.socket());
    assert_eq!(client.ask(r#"{"verb":"hello"}"#)["ok"], true);
}

#[test]
fn whatever_else_is_there_is_left_alone_and_lastout_goes_on() {
    let file = Configuration::new(WEB);
    let (socket, other) = (file.socket(), format!("{}/other", file.folder()));
    let listener = must(UnixListener::bind(&other), "bind");
    let plants: [&dyn Fn(); 4] = [
        &|| must(fs::write(&socket, "precious"), "a file"),
        &|| must(symlink(&other, &socket), "a link"),
        &|| must(symlink("/nowhere/at-all", &socket), "a link"),
        &|| must(fs::create_dir(&socket), "a folder"),
    ];
    for plant in plants {
        plant();
        let before = must(fs::symlink_metadata(&socket), "what was planted").ino();
        let mut run = start(&file);
        let why = "no control socket at";
        run.wait_for_line(why);
        assert_eq!(run.stop(libc::SIGTERM).0, 0);
        assert_eq!(run.lines().count(why), 1, "{}", run.lines().text());
        let after = must(fs::symlink_metadata(&socket), "it is there").ino();
        assert_eq!(before, after);
        let _ = fs::remove_file(&socket);
        let _ = fs::remove_dir(&socket);
    }
    drop(listener);
}

#[test]
fn a_socket_that_answers_or_is_somebody_elses_is_left_alone() {
    let file = Configuration::new(WEB);
    let listener = must(UnixListener::bind(file.socket()), "bind");
    let mut run = start(&file);
    run.wait_for_line("another lastout answers there");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    drop(listener);
    must(
        std::os::unix::fs::chown(file.socket(), Some(3000), None),
        "give it away",
    );
    let run = start(&file);
    run.wait_for_line("something is there that is no socket which lastout left behind");
    assert!(fs::symlink_metadata(file.socket()).is_ok());
}

#[test]
fn at_the_end_only_its_own_socket_is_removed() {
    let (file, mut run, client) = begin(WEB);
    must(fs::remove_file(file.socket()), "remove it");
    must(fs::write(file.socket(), "precious"), "a file");
    drop(client);
    run.wait_for_line("web: ready");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert_eq!(
        must(fs::read_to_string(file.socket()), "it is there"),
        "precious"
    );
}

#[test]
fn a_configuration_may_have_none_and_a_single_command_has_one_when_asked() {
    let file = Configuration::new(&format!("[control]\nenabled = false\n{WEB}"));
    let mut run = start(&file);
    run.wait_for_line("web: ready");
    assert!(fs::symlink_metadata(file.socket()).is_err());
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    let probe = binaries::probe();
    let single = |options: &[&str]| {
        let words = [options, &["--", &probe, "last-words"]].concat();
        let setup = Setup::new(&words).environment("LASTOUT_SOCKET", &file.socket());
        let run = setup.start();
        run.wait_for_line("last-words: ready");
        run
    };
    drop(single(&[]));
    assert!(fs::symlink_metadata(file.socket()).is_err());
    let mut run = single(&["--control"]);
    let mut client = Client::of(&file.socket());
    let status = client.ask(r#"{"verb":"status"}"#);
    assert_eq!(status["programs"][0]["state"], "RUNNING", "{status}");
    let error = &client.ask(r#"{"verb":"reload"}"#)["error"];
    assert_eq!(error["code"], "no-configuration");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
}

#[test]
fn a_reload_gives_one_and_does_not_take_it_away() {
    let file = Configuration::new(&format!("[control]\nenabled = false\n{WEB}"));
    let run = start(&file);
    file.rewrite(WEB);
    run.signal(libc::SIGHUP);
    let mut client = Client::of(&file.socket());
    file.rewrite(&format!("[control]\nenabled = false\n{WEB}"));
    assert_eq!(client.ask(r#"{"verb":"reload"}"#)["ok"], true);
    run.wait_for_line(lastout::control::settings::STAYS);
    assert_eq!(client.ask(r#"{"verb":"health"}"#)["healthy"], true);
}

#[test]
fn no_program_has_the_socket_or_a_client() {
    let later =
        "[program.later]\ncommand = 'PROBE state --stay'\nstartsecs = 0\nautostart = false\n";
    let (_file, run, mut client) = begin(&format!("{WEB}{later}"));
    let answer = client.ask(r#"{"verb":"start","programs":["later"]}"#);
    assert_eq!(answer["ok"], true, "{answer}");
    run.wait_for_line("state: end");
    let leader = run.leader_of("later").pid;
    wait_until("its descriptors are there", || {
        fs::read_dir(format!("/proc/{leader}/fd")).is_ok()
    });
    let folder = must(
        fs::read_dir(format!("/proc/{leader}/fd")),
        "its descriptors",
    );
    let links = folder
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok());
    for link in links {
        assert!(
            !link.display().to_string().starts_with("socket:"),
            "{link:?}"
        );
    }
}
