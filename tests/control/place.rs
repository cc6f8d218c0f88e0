//! What is at the socket's place: never touched, unless it is a dead socket of ours.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

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

#[test]
fn where_nobody_names_a_place_it_is_in_a_directory_of_its_own() {
    let file = Configuration::new(WEB);
    let mut run = Setup::new(&["-v", "-c", &file.path()]).start();
    run.wait_for_line("web: ready");
    let folder = format!("/proc/{}/root/run/lastout", run.pid());
    let mode = |path: &str| must(fs::symlink_metadata(path), path).mode() & 0o7777;
    assert_eq!(mode(&folder), 0o711);
    let socket = format!("{folder}/control.sock");
    assert_eq!(mode(&socket), 0o600);
    // Who comes by a path may be outside: whoever sees it is let in by its mode.
    let mut client = Client::of(&socket);
    assert_eq!(client.ask(r#"{"verb":"hello"}"#)["ok"], true);
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
}

#[test]
fn who_is_started_beside_another_lastout_is_told_of_it() {
    let second = Configuration::new(WEB);
    let file = Configuration::new(&format!(
        "[program.second]\ncommand = '{} -c {}'\n",
        binaries::lastout().display(),
        second.path()
    ));
    let mut run = Setup::new(&["-c", &file.path()]).start();
    run.wait_for_line("web: ready");
    let place = "/run/lastout/control.sock";
    run.wait_for_line(&format!(
        "warning: no control socket at {place}: another lastout answers there"
    ));
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
}

#[test]
fn where_no_directory_is_safe_it_has_a_name_without_a_file_and_is_found_by_it() {
    // Neither /run, nor this, into which others may write.
    let file = Configuration::new(&format!(
        "{WEB}[program.asks]\ncommand = '{} status web'\nautorestart = 'never'\nstartsecs = 0\n\
         startretries = 0\ndepends_on = ['web']\n",
        binaries::lastout().display()
    ));
    let folder = format!("{}/runtime", file.folder());
    must(fs::create_dir(&folder), "a folder");
    for (mode, is_safe) in [(0o700, true), (0o777, false), (0o1777, false)] {
        let permissions = fs::Permissions::from_mode(mode);
        must(fs::set_permissions(&folder, permissions), "change its mode");
        must(
            std::os::unix::fs::chown(&folder, Some(4711), None),
            "give it away",
        );
        let mut run = Setup::new(&["-v", "-c", &file.path()])
            .uid(4711)
            .own_network()
            .environment("XDG_RUNTIME_DIR", &folder)
            .start();
        let place = match is_safe {
            true => format!("{folder}/lastout.sock"),
            false => String::from("@lastout-4711"),
        };
        run.wait_for_line(&format!("lastout: control socket: {place}"));
        let said = run
            .lines()
            .count("runtime/lastout.sock: others may write to its directory");
        assert_eq!(said, usize::from(!is_safe), "{}", run.lines().text());
        // Its own programs find it, without a word about where.
        run.wait_for_line("web   RUNNING");
        run.wait_for_line("web: ready");
        assert_eq!(run.stop(libc::SIGTERM).0, 0);
    }
}

#[test]
fn a_name_without_a_file_is_for_who_is_in_the_same_container() {
    let file = Configuration::new(WEB);
    let name = format!("lastout-test-{}", std::process::id());
    let setup = Setup::new(&["-c", &file.path()]);
    let run = setup
        .environment("LASTOUT_SOCKET", &format!("@{name}"))
        .start();
    run.wait_for_line("web: ready");
    let address = must(SocketAddr::from_abstract_name(name), "a name");
    let stream = must(UnixStream::connect_addr(&address), "connect");
    let mut line = String::new();
    must(BufReader::new(stream).read_line(&mut line), "a line");
    assert!(line.contains("forbidden"), "{line}");
}

#[test]
fn a_runtime_directory_that_is_named_wrongly_is_said_and_the_next_place_is_taken() {
    let file = Configuration::new(WEB);
    let run = Setup::new(&["-v", "-c", &file.path()])
        .uid(4711)
        .own_network()
        .environment("XDG_RUNTIME_DIR", "runtime")
        .start();
    run.wait_for_line("lastout: control socket: @lastout-4711");
    let said = "warning: no control socket at runtime/lastout.sock: expected an absolute path";
    assert_eq!(run.lines().count(said), 1, "{}", run.lines().text());
}

#[test]
fn a_place_that_cannot_be_is_said_once_and_lastout_goes_on() {
    let file = Configuration::new(WEB);
    let long = format!("{}/{}", file.folder(), "x".repeat(200));
    for (place, why) in [
        (long.as_str(), "File name too long"),
        ("/nowhere/control.sock", "No such file or directory"),
        (
            "/proc/control.sock",
            "no control socket at /proc/control.sock: ",
        ),
        (&format!("@{}", "x".repeat(200)), "File name too long"),
        (
            "control.sock",
            "control.sock: expected an absolute path, or @ and a name",
        ),
    ] {
        let setup = Setup::new(&["-c", &file.path()]);
        let mut run = setup.environment("LASTOUT_SOCKET", place).start();
        run.wait_for_line("web: ready");
        assert_eq!(run.stop(libc::SIGTERM).0, 0);
        let said = (
            run.lines().count("no control socket"),
            run.lines().count(why),
        );
        assert_eq!(said, (1, 1), "{place}: {}", run.lines().text());
    }
}
