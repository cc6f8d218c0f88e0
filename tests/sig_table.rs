//! The chapter SIG of the contract, with a configuration: what each signal means
//! (SIG-2), when the stop clock starts (SIG-3), and that none is lost in the first
//! moments (SIG-4) or in a flood (SIG-5).

#![expect(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    reason = "a test tells its figures, and looks again after a moment"
)]

use std::io::Write;
use std::time::{Duration, Instant};

use lastout_core::Signal;
use lastout_harness::engine::Image;
use lastout_harness::namespace::{Run, Setup, run, run_probe};
use lastout_harness::sight::{has_signal, status_field};
use lastout_harness::{binaries, must, wait_until};
use tempfile::NamedTempFile;

/// RTMIN+3, as systemd's users send it.
const RTMIN_3: i32 = 37;

/// A file with this text, in which `PROBE` is the path of the probe.
fn file(text: &str) -> NamedTempFile {
    let mut file = must(NamedTempFile::new(), "make a configuration");
    let text = text.replace("PROBE", &binaries::probe());
    must(file.write_all(text.as_bytes()), "write a configuration");
    file
}

/// lastout with this configuration, when it has read it.
fn supervise(text: &str, ready: &str) -> Run {
    let file = file(text);
    let run = run(&["-c", &file.path().display().to_string()]);
    run.wait_for_line(ready);
    run
}

const TWO: &str = "
[program.web]
command = 'PROBE last-words --name web --after 10ms'
[program.worker]
command = 'PROBE last-words --name worker --signal QUIT'
stopsignal = 'QUIT'
";

fn two() -> Run {
    let run = supervise(TWO, "web: ready");
    run.wait_for_line("worker: ready");
    run
}

/// Each program is told with its own stop signal, whatever asked lastout.
fn begins_the_shutdown(number: i32) {
    let mut run = two();
    assert_eq!(run.stop(number).0, 0);
    let text = run.lines().text();
    assert!(run.lines().has("web: got SIGTERM, leaving"), "{text}");
    assert!(run.lines().has("worker: got SIGQUIT, leaving"), "{text}");
}

#[test]
fn sig_2_term_begins_the_shutdown() {
    begins_the_shutdown(libc::SIGTERM);
}

#[test]
fn sig_2_int_begins_the_shutdown() {
    begins_the_shutdown(libc::SIGINT);
}

#[test]
fn sig_2_quit_begins_the_shutdown() {
    begins_the_shutdown(libc::SIGQUIT);
}

#[test]
fn sig_2_rtmin_3_begins_the_shutdown() {
    begins_the_shutdown(RTMIN_3);
}

#[test]
fn sig_3_pwr_begins_the_shutdown_of_a_configuration() {
    begins_the_shutdown(libc::SIGPWR);
}

/// Sends it, and then asks for the state: what came before is told of by then.
fn said_of(number: i32) -> (Run, usize) {
    let text = format!("[defaults]\nstartsecs = 60\n{TWO}");
    let run = supervise(&text, "web: ready");
    run.wait_for_line("worker: ready");
    let before = run.lines().all().len();
    run.signal(number);
    run.signal(libc::SIGUSR2);
    run.wait_for_line("worker: STARTING");
    (run, before)
}

#[test]
fn sig_2_hup_is_a_reload() {
    let (run, _) = said_of(libc::SIGHUP);
    // The file of this run is gone by now, which changes nothing.
    run.wait_for_line("nothing is changed");
}

#[test]
fn sig_2_usr1_reopens_log_files() {
    let (run, _) = said_of(libc::SIGUSR1);
    run.wait_for_line("log files");
}

#[test]
fn sig_2_usr2_logs_the_state_of_every_program() {
    let run = supervise(
        &format!(
            "[defaults]\nstartsecs = 60\n{TWO}\nstartsecs = 0\n\
             [program.idle]\ncommand = 'PROBE exit 1'\nautostart = false"
        ),
        "web: ready",
    );
    run.wait_for_line("worker: ready");
    wait_until("each program's state is said", || {
        run.signal(libc::SIGUSR2);
        [
            "web: STARTING for ",
            "worker: RUNNING for ",
            "idle: STOPPED",
        ]
        .iter()
        .all(|line| run.lines().has(line))
    });
}

/// Every signal that the table does not name: a line of the log, and nothing else.
#[test]
fn sig_2_others_are_logged_and_ignored() {
    let mut run = two();
    let silent = [libc::SIGWINCH, libc::SIGCONT, libc::SIGCHLD];
    let named = [
        libc::SIGTERM,
        libc::SIGINT,
        libc::SIGQUIT,
        RTMIN_3,
        libc::SIGPWR,
        libc::SIGHUP,
        libc::SIGUSR1,
        libc::SIGUSR2,
        libc::SIGKILL,
        libc::SIGSTOP,
    ];
    for number in (1..=64).filter(|n| !silent.contains(n) && !named.contains(n)) {
        run.signal(number);
        let name = Signal::new(number).map_or_else(String::new, |signal| signal.to_string());
        run.wait_for_line(&format!("{name} came and means nothing here"));
    }
    assert!(!run.lines().has("web: got"), "{}", run.lines().text());
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
}

#[test]
fn sig_2_winch_is_ignored_silently() {
    let (run, before) = said_of(libc::SIGWINCH);
    let said = &run.lines().all()[before..];
    let strange = said.iter().find(|line| line.text.contains("WINCH"));
    assert!(strange.is_none(), "{strange:?}");
}

#[test]
fn sig_2_signals_can_make_winch_a_stop() {
    let text = format!("[signals]\nWINCH = 'shutdown'\n{TWO}");
    let mut run = supervise(&text, "web: ready");
    run.wait_for_line("worker: ready");
    assert_eq!(run.stop(libc::SIGWINCH).0, 0);
    assert!(run.lines().has("web: got SIGTERM, leaving"));
}

#[test]
fn sig_2_signals_can_forward_to_a_program() {
    let text = format!("[signals]\nHUP = 'forward:web'\n40 = 'forward:worker'\n{TWO}");
    let run = supervise(&text, "web: ready");
    run.wait_for_line("worker: ready");
    run.signal(libc::SIGHUP);
    run.wait_for_line("web: got SIGHUP");
    run.signal(40);
    run.wait_for_line("worker: got SIGRTMIN+6");
    assert_eq!(run.lines().count(": got "), 2, "{}", run.lines().text());
}

/// As docs/config.md says, and without a word.
#[test]
fn sig_2_signals_can_make_hup_mean_nothing() {
    let text = format!("[signals]\nHUP = 'ignore'\n{TWO}");
    let run = supervise(&text, "web: ready");
    run.wait_for_line("worker: ready");
    run.signal(libc::SIGHUP);
    run.signal(libc::SIGALRM);
    run.wait_for_line("SIGALRM came and means nothing here");
    run.signal(libc::SIGUSR1);
    run.wait_for_line("log files");
    assert!(!run.lines().has("HUP"), "{}", run.lines().text());
    assert!(!run.lines().has("again while"), "{}", run.lines().text());
}

/// The image keeps the STOPSIGNAL that it had with its old entry point.
#[test]
fn sig_2_an_image_keeps_its_stopsignal() {
    let config = "[signals]\nWINCH = 'shutdown'\n[program.web]\ncommand = '/probe last-words'\n";
    let files = [("supervisor.toml", config)];
    let image = Image::with(&files, "STOPSIGNAL SIGWINCH\nENTRYPOINT [\"/lastout\"]");
    let container = image.run(&[], &[]);
    container.wait_for_line("last-words: ready");
    let took = container.stop();
    assert!(took < Duration::from_secs(9), "{took:?}");
    assert_eq!(container.wait(), 0);
    assert!(container.logs().contains("got SIGTERM, leaving"));
}

/// Sends TERM again and again; how long after the first one it ended, and how.
fn stop_with_many_terms(run: &mut Run) -> (i32, Duration) {
    let first = Instant::now();
    run.signal(libc::SIGTERM);
    while !run.has_ended() {
        run.signal(libc::SIGTERM);
        std::thread::sleep(Duration::from_millis(100));
    }
    let (code, ended) = run.wait_and_measure();
    (code, ended.saturating_duration_since(first))
}

const CLOCK: Duration = Duration::from_millis(1500);

fn kept_its_clock(took: Duration) {
    assert!(took >= CLOCK, "shortened to {took:?}");
    // Each TERM would have begun it anew.
    assert!(took < Duration::from_secs(10), "prolonged to {took:?}");
}

#[test]
fn sig_3_a_repeated_term_changes_nothing_for_a_configuration() {
    let text = "[program.deaf]\ncommand = 'PROBE last-words --ignore-term'\nstopwaitsecs = 1.5";
    let mut run = supervise(text, "last-words: ready");
    let (code, took) = stop_with_many_terms(&mut run);
    kept_its_clock(took);
    assert_eq!(code, 0);
    let told = run.lines().count("got SIGTERM");
    assert_eq!(told, 1, "the program was told {told} times");
}

#[test]
fn sig_3_a_repeated_term_changes_nothing_for_a_command() {
    let probe = binaries::probe();
    let deaf = [
        "--stop-timeout",
        "1.5s",
        "--",
        &probe,
        "last-words",
        "--ignore-term",
    ];
    let mut run = run(&deaf);
    run.wait_for_line("last-words: ready");
    let (code, took) = stop_with_many_terms(&mut run);
    kept_its_clock(took);
    assert_eq!(code, 137);
}

/// INT and QUIT are the command's own business: the clock starts with the TERM after them.
#[test]
fn sig_3_int_and_quit_do_not_start_a_commands_clock() {
    let probe = binaries::probe();
    let deaf = [
        "--stop-timeout",
        "1.5s",
        "--",
        &probe,
        "last-words",
        "--ignore-term",
    ];
    let mut run = run(&deaf);
    run.wait_for_line("last-words: ready");
    for (number, line) in [(libc::SIGINT, "got SIGINT"), (libc::SIGQUIT, "got SIGQUIT")] {
        run.signal(number);
        run.wait_for_line(line);
    }
    let asked = Instant::now();
    while asked.elapsed() < CLOCK {
        assert!(!run.has_ended());
        std::thread::sleep(Duration::from_millis(50));
    }
    let (code, took) = run.stop(libc::SIGTERM);
    kept_its_clock(took);
    assert_eq!(code, 137);
}

#[test]
fn sig_3_rtmin_3_and_pwr_start_a_commands_clock() {
    let probe = binaries::probe();
    for number in [RTMIN_3, libc::SIGPWR] {
        let deaf = [
            "--stop-timeout",
            "0.5s",
            "--",
            &probe,
            "last-words",
            "--ignore-term",
        ];
        let mut run = run(&deaf);
        run.wait_for_line("last-words: ready");
        assert_eq!(run.stop(number).0, 137);
    }
}

/// Two INTs that somebody sends are no Ctrl-C twice.
#[test]
fn sig_3_an_int_from_a_process_does_not_kill() {
    let text = "[program.slow]\ncommand = 'PROBE last-words --after 500ms'";
    let mut run = supervise(text, "last-words: ready");
    for _ in 0..5 {
        run.signal(libc::SIGINT);
    }
    assert_eq!(run.wait(), 0);
    assert!(!run.lines().has("killed"), "{}", run.lines().text());
}

/// A TERM at any moment of the first milliseconds ends the container. One that comes
/// when the mask is up is never lost; one that comes between the exec and main's first
/// system call the kernel drops itself, since PID 1 has no handler yet (kill(2)), and
/// the engine's next one has to do.
#[test]
fn sig_4_a_term_in_the_first_milliseconds_is_not_lost() {
    let (mut before_main, mut in_time) = (0, 0);
    // On a machine that is busy most come before main: so it goes on until enough do not.
    let mut rounds = 0..2000_u32;
    while in_time < 100 || in_time + before_main < 200 {
        let round = rounds.next();
        let round = round.unwrap_or_else(|| panic!("{before_main} were lost before main"));
        let mut run = Setup::of_probe(&["last-words", "--exit", "7"])
            .program(binaries::in_images("lastout"))
            .start();
        let pid = run.pid();
        let exec = || status_field(pid, "Name").is_some_and(|name| name == "lastout");
        while !exec() && !run.has_ended() {
            std::hint::spin_loop();
        }
        // 0 to 3 ms, evenly, in no order.
        let pause = Duration::from_micros(u64::from(round.wrapping_mul(2_654_435_761) % 3000));
        let begin = Instant::now();
        while begin.elapsed() < pause {
            std::hint::spin_loop();
        }
        let is_up = ["SigBlk", "SigCgt"]
            .iter()
            .any(|set| has_signal(pid, set, libc::SIGTERM));
        run.signal(libc::SIGTERM);
        if !is_up {
            let end = Instant::now() + Duration::from_secs(1);
            while !run.has_ended() && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(1));
            }
            if !run.has_ended() {
                before_main += 1;
                in_time -= 1;
                run.signal(libc::SIGTERM);
            }
        }
        in_time += 1;
        let code = run.wait();
        assert!(
            [7, 128 + libc::SIGTERM].contains(&code),
            "{code}: {}",
            run.lines().text()
        );
    }
    println!("SIG-4: {before_main} TERMs came before main and had to be repeated");
}

/// Sends 100,000 signals as fast as can be, and a TERM in their midst; when that was.
fn flood(run: &Run, numbers: &[i32]) -> Instant {
    let half = || {
        for round in 0..50_000 {
            run.signal(numbers[round % numbers.len()]);
        }
    };
    half();
    let told = Instant::now();
    run.signal(libc::SIGTERM);
    half();
    told
}

/// How long lastout may take to act in a flood. The contract says 100 ms; a loaded
/// machine is no bug.
const FLOODED: Duration = Duration::from_secs(2);

#[test]
fn sig_5_a_term_in_a_flood_of_forwarded_signals_is_acted_upon() {
    let mut run = run_probe(&["signals", "--only-totals"]);
    run.wait_for_line("signals: ready");
    let told = flood(&run, &[libc::SIGUSR1, libc::SIGUSR2, libc::SIGHUP, 34, 50]);
    let heard = run.lines().wait_for("total SIGTERM 1").at;
    assert_eq!(run.wait(), 0);
    let took = heard.saturating_duration_since(told);
    println!("SIG-5: a command was told {took:?} after the TERM in a flood of 100,000");
    assert!(took < FLOODED, "{took:?}");
}

#[test]
fn sig_5_a_term_in_a_flood_of_ignored_signals_is_acted_upon() {
    let mut run = supervise(
        "[program.p]\ncommand = 'PROBE last-words --name p'",
        "p: ready",
    );
    let told = flood(&run, &[libc::SIGALRM, libc::SIGURG, 34, 50, 64]);
    let heard = run.lines().wait_for("p: got SIGTERM").at;
    assert_eq!(run.wait(), 0);
    let took = heard.saturating_duration_since(told);
    println!("SIG-5: a program was told {took:?} after the TERM in a flood of 100,000");
    assert!(took < FLOODED, "{took:?}");
}
