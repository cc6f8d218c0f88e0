//! What `docker logs` shows at the end.

use lastout_harness::engine::Image;
use lastout_harness::lines::Stream;

#[test]
fn stop_8_a_program_that_the_kernel_killed_for_want_of_memory_is_said_to_be() {
    let file = "[program.glutton]\n\
                command = [\"/probe\", \"eat-memory\", \"500000000\"]\nautorestart = \"never\"\n\
                [program.web]\ncommand = [\"/probe\", \"last-words\"]\n";
    let image = Image::with(&[("supervisor.toml", file)], "");
    let options = ["--memory", "64m", "--memory-swap", "64m"];
    let container = image.run(&options, &["/lastout", "-c", "/supervisor.toml"]);
    assert_eq!(container.wait(), 137, "{}", container.logs());
    container.wait_for_line("last-words: got SIGTERM, leaving");
    container.wait_for_line("glutton: ended by SIGKILL (out of memory) after");
    container.wait_for_line("lastout:   glutton  killed (out of memory)");
}

#[test]
fn stop_8_a_kill_by_somebody_else_is_not_said_to_be_for_want_of_memory() {
    let container = Image::plain().lastout(&["-v", "--", "/probe", "kill-self", "KILL"]);
    assert_eq!(container.wait(), 137);
    assert!(!container.lines().has("memory"), "{}", container.logs());
}

#[test]
fn stop_7_it_is_the_last_that_docker_logs_shows() {
    let file = "[program.web]\ncommand = [\"/probe\", \"last-words\", \"--name\", \"web\"]\n\
                [program.worker]\ncommand = [\"/probe\", \"daemon\", \"--stay\"]\n";
    let image = Image::with(&[("supervisor.toml", file)], "");
    let container = image.lastout(&["-c", "/supervisor.toml"]);
    for line in ["web: ready", "daemon: ready", "daemon's leader: ready"] {
        container.wait_for_line(line);
    }
    container.stop();
    let own = container.lines().of(Stream::Stderr);
    let report = &own[own.len() - 4..];
    assert!(
        report[0].contains("goodbye: SIGTERM came; everybody left;"),
        "{own:#?}"
    );
    assert!(report[0].ends_with("exit status 0"), "{own:#?}");
    for name in ["  web", "  worker", "    + probe (pid"] {
        let named = |line: &&String| line.contains(name) && line.contains("left after");
        assert_eq!(report.iter().filter(named).count(), 1, "{own:#?}");
    }
}
