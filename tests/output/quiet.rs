//! PID-5 and the relay's size: with nothing to pass on it costs next to nothing.

use std::time::Duration;

use lastout_harness::{let_pass, sight, wait_until};

use crate::{relay, run_until};

/// As in tests/idle.rs.
const QUIET: Duration = Duration::from_secs(6);

#[test]
fn pid_5_with_a_relay_there_is_no_wake_up_of_either() {
    let text = r#"
[program.web]
command = ["PROBE", "last-words"]
stdout = "prefix"
stderr = "prefix"
"#;
    let (_configuration, mut run) = run_until(text, &["web | last-words: ready", ": running"]);
    let pids = [run.pid(), relay(&run).pid];
    let before = pids.map(sight::wait_until_at_rest);
    let_pass(QUIET);
    assert_eq!(pids.map(sight::context_switches), before, "wake-ups");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
}

/// What is its own of a process' memory, in KiB.
fn own_memory(pid: i32) -> u64 {
    let field = sight::status_field(pid, "RssAnon").unwrap_or_default();
    let digits = field.split_whitespace().next();
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

#[test]
fn the_relay_stays_small_whatever_it_passes_on() {
    let text = r#"
[program.web]
command = ["sh", "-c", "PROBE fill --bytes 30000000; echo > FOLDER/done; exec PROBE last-words"]
stdout = { file = "FOLDER/web.log", max_size = "1MB", backups = 1, format = "prefix" }
"#;
    let (configuration, mut run) = run_until(text, &["web: started"]);
    wait_until("all is written", || configuration.read("done").is_some());
    let memory = own_memory(relay(&run).pid);
    assert!((1..2048).contains(&memory), "{memory} KiB");
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
}
