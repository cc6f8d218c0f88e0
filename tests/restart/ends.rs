//! EXIT-2: the status of the container for every way it can end.

use lastout_harness::binaries;
use lastout_harness::configuration::Configuration;
use lastout_harness::namespace::Setup;

/// A way to end: what it is called, the programs, a line to wait for before the signal,
/// if one is sent, and the status.
type Way = (&'static str, &'static str, Option<(&'static str, i32)>, i32);

/// A program that stays, beside those whose end is the container's.
const STAYS: &str = "[program.stays]\ncommand = 'PROBE last-words --name stays'\nstartsecs = 0\n";

const WAYS: [Way; 24] = [
    (
        "asked to, and a program leaves with a status of its own",
        "[program.web]\ncommand = 'PROBE last-words --name web --exit 9'",
        Some(("web: ready", libc::SIGTERM)),
        0,
    ),
    (
        "asked to while a program waits for its restart",
        "[program.web]\ncommand = 'PROBE exit 3'\nbackoff = 25",
        Some(("web: starts again in", libc::SIGTERM)),
        0,
    ),
    (
        "asked to when a program was given up that may be",
        "[program.web]\ncommand = 'PROBE exit 3'\nstartretries = 0\non_failure = 'ignore'",
        Some(("web: FATAL", libc::SIGTERM)),
        0,
    ),
    (
        "asked to while a program is starting",
        "[program.web]\ncommand = 'PROBE last-words --name web'\nready = 'notify'",
        Some(("web: ready", libc::SIGINT)),
        0,
    ),
    (
        "asked to while a pre_start runs",
        "[program.web]\ncommand = 'false'\npre_start = 'PROBE last-words --name pre'",
        Some(("pre: ready", libc::SIGTERM)),
        0,
    ),
    (
        "ended for good with a code",
        "[program.web]\ncommand = 'PROBE exit 42 --after 50ms'\nstartsecs = 0\nautorestart = 'never'",
        None,
        42,
    ),
    (
        "ended for good by a signal",
        "[program.web]\ncommand = 'PROBE kill-self SEGV'\nstartsecs = 0\nautorestart = 'never'",
        None,
        139,
    ),
    (
        "ended for good as it should",
        "[program.web]\ncommand = 'PROBE exit 0'\non_success = 'shutdown'",
        None,
        0,
    ),
    (
        "ended for good with a code that is expected",
        "[program.web]\ncommand = 'PROBE exit 5'\nexitcodes = [5]\non_success = 'shutdown'",
        None,
        5,
    ),
    (
        "failed to start too often",
        "[program.web]\ncommand = 'PROBE exit 7'\nstartretries = 1\nbackoff = 0.01",
        None,
        7,
    ),
    (
        "failed to start too often by a signal",
        "[program.web]\ncommand = 'PROBE kill-self ABRT'\nstartretries = 0",
        None,
        134,
    ),
    (
        "failed to start too often with code 0",
        "[program.web]\ncommand = 'PROBE exit 0'\nautorestart = 'always'\nstartretries = 0",
        None,
        1,
    ),
    (
        "is not there",
        "[program.web]\ncommand = '/none'\nstartretries = 0",
        None,
        127,
    ),
    (
        "is no program",
        "[program.web]\ncommand = '/etc/passwd'\nstartretries = 0",
        None,
        126,
    ),
    (
        "was not ready in time too often",
        "[program.web]\ncommand = 'PROBE last-words --exit 9'\nstartretries = 0\n\
         ready = { notify = true, start_timeout = 0.05 }",
        None,
        1,
    ),
    (
        "its pre_start failed too often",
        "[program.web]\ncommand = 'true'\npre_start = 'PROBE exit 8'\nstartretries = 0",
        None,
        8,
    ),
    (
        "is unhealthy",
        "[program.web]\ncommand = 'PROBE last-words --exit 9'\nstartsecs = 0\n\
         healthcheck = { exec = 'false', interval = 0.02, retries = 1, action = 'shutdown' }",
        None,
        1,
    ),
    (
        "not all are up in time",
        "[supervisor]\nstartup_timeout = 0.1\n\
         [program.web]\ncommand = 'PROBE last-words --exit 9'\nready = 'notify'",
        None,
        1,
    ),
    (
        "a oneshot that fails for good",
        "[program.web]\ncommand = 'PROBE exit 6'\ntype = 'oneshot'\nstartretries = 0",
        None,
        6,
    ),
    (
        "a oneshot that is done and was all that there was to do",
        "[program.web]\ncommand = 'PROBE exit 0'\ntype = 'oneshot'\non_success = 'shutdown'",
        None,
        0,
    ),
    (
        "needs what is not to be had",
        "[program.db]\ncommand = 'PROBE exit 3'\nstartretries = 0\non_failure = 'ignore'\n\
         [program.web]\ncommand = 'true'\ndepends_on = { db = 'ready' }",
        None,
        3,
    ),
    (
        "the first that ends it decides",
        "[program.web]\ncommand = 'PROBE exit 4 --after 50ms'\nautorestart = 'never'\nstartsecs = 0\n\
         [program.two]\ncommand = 'PROBE last-words --exit 5'\nautorestart = 'never'\nstartsecs = 0",
        None,
        4,
    ),
    (
        "a watchdog that is missed too late to be a failed start ends nothing",
        "[program.web]\ncommand = 'PROBE notify --name web READY=1'\nready = 'notify'\n\
         watchdog = 0.05\nstartretries = 0\nautorestart = 'never'\nbackoff = 25",
        Some(("web: starts again in", libc::SIGTERM)),
        0,
    ),
    (
        "a reload that is wrong, and then asked to",
        "[program.web]\ncommand = 'PROBE last-words --name web'",
        Some(("web: ready", libc::SIGPWR)),
        0,
    ),
];

#[test]
fn exit_2_the_status_is_that_of_the_way_it_ends() {
    for (what, programs, signal, status) in WAYS {
        let file = Configuration::new(&format!("{programs}\n{STAYS}"));
        let mut run = file.run();
        if let Some((line, number)) = signal {
            run.wait_for_line(line);
            run.signal(number);
        }
        assert_eq!(run.wait(), status, "{what}:\n{}", run.lines().text());
    }
}

/// Without one that stays: END-1.
const ALONE: [Way; 5] = [
    (
        "all have ended well",
        "[program.web]\ncommand = 'PROBE exit 0'\n[program.two]\ncommand = 'PROBE exit 0'",
        None,
        0,
    ),
    (
        "one has failed and may, the others ended well",
        "[program.web]\ncommand = 'PROBE exit 3'\nstartretries = 0\non_failure = 'ignore'\n\
         [program.two]\ncommand = 'PROBE exit 0 --after 100ms'",
        None,
        3,
    ),
    (
        "two have failed and may, the first counts",
        // It ends when the other one was reaped.
        "[defaults]\nstartretries = 0\nstartsecs = 60\non_failure = 'ignore'\n\
         [program.web]\ncommand = ['sh', '-c', 'until read pid < FOLDER/two; do sleep 0.01; done; \
         while test -e /proc/$pid; do sleep 0.01; done; exit 4']\n\
         [program.two]\ncommand = ['sh', '-c', 'echo $$$$ > FOLDER/two; exit 5']",
        None,
        5,
    ),
    (
        "nobody starts by himself",
        "[program.web]\ncommand = 'PROBE exit 3'\nautostart = false",
        None,
        0,
    ),
    (
        "a oneshot is done, and nothing else is there",
        "[program.web]\ncommand = 'PROBE exit 0'\ntype = 'oneshot'",
        None,
        0,
    ),
];

#[test]
fn exit_2_and_end_1_when_nothing_is_left_to_run_it_ends_by_itself() {
    for (what, programs, _, status) in ALONE {
        let file = Configuration::new(programs);
        let mut run = file.run();
        assert_eq!(run.wait(), status, "{what}:\n{}", run.lines().text());
        assert!(
            run.lines().has("nothing is left to run"),
            "{what}:\n{}",
            run.lines().text()
        );
    }
}

#[test]
fn exit_2_a_bad_configuration_is_78_and_a_bad_command_line_2_and_nothing_was_started() {
    let file = Configuration::new(&format!("{STAYS}[program.web]\ncomand = 'true'\n"));
    let path = file.path();
    let missing = format!("{path}.not");
    for (words, status) in [
        (&["-c", &path][..], 78),
        (&["-c", &missing], 78),
        (&["--no-such-option"], 2),
        (&["-c", &path, "--stop-timeout", "soon"], 2),
    ] {
        let mut run = Setup::new(words).start();
        assert_eq!(run.wait(), status, "{words:?}:\n{}", run.lines().text());
        assert!(!run.lines().has("started, pid"), "{}", run.lines().text());
    }
}

#[test]
fn exit_2_with_a_command_its_status_is_the_containers_however_it_ends() {
    let probe = binaries::probe();
    let file = Configuration::new(STAYS);
    for (command, signal, status) in [
        (&["exit", "6"][..], None, 6),
        (&["kill-self", "TERM"], None, 143),
        (
            &["last-words", "--name", "main", "--exit", "9"],
            Some(libc::SIGTERM),
            9,
        ),
    ] {
        let words = [&["--", probe.as_str()], command].concat();
        let mut run = file.setup(&words).start();
        if let Some(number) = signal {
            run.wait_for_line("main: ready");
            run.signal(number);
        }
        assert_eq!(run.wait(), status, "{command:?}:\n{}", run.lines().text());
    }
}
