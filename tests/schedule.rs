//! Jobs at their times. There is but one clock on a wall, so all that needs a time to
//! come is in one test, which waits for one minute at most; what happens when a run is
//! longer than a minute is in the simulation.

use std::time::{Duration, SystemTime};

use lastout_harness::configuration::Configuration;
use lastout_harness::{let_pass, sight};

/// The next minute comes within that.
const A_MINUTE: Duration = Duration::from_secs(90);

/// How far the minute is.
fn second() -> f64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.unwrap_or_default().as_secs_f64() % 60.0
}

const JOBS: &str = r#"
    [program.beat]
    command = ["sh", "-c", "echo beat; exit 3"]
    schedule = "* * * * *"
    timezone = "Europe/Berlin"
    startretries = 0
    [program.good]
    command = "PROBE exit 0"
    schedule = "*/1 * * * *"
    pre_start = "echo before the good one"
    [program.yearly]
    command = "echo yearly"
    schedule = "@yearly"
    [program.off]
    command = "echo off"
    schedule = "* * * * *"
    autostart = false
"#;

#[test]
fn a_job_starts_at_its_time_and_not_before_and_nothing_wakes_up_in_between() {
    let file = Configuration::new(JOBS);
    // Nobody is to come while it is seen to sleep.
    while second() > 35.0 {
        let_pass(Duration::from_millis(200));
    }
    let mut run = file.setup(&["-v"]).start();
    let before = sight::wait_until_at_rest(run.pid());
    let_pass(Duration::from_secs(5));
    assert!(second() < 59.0, "the machine is too slow for this");
    assert_eq!(sight::context_switches(run.pid()), before, "wake-ups");
    // Nobody runs, and nobody is started by himself; lastout stays for those that come.
    assert!(!run.has_ended());
    assert!(!run.lines().has("started, pid"), "{}", run.lines().text());

    let lines = run.lines().clone();
    let began = lines.wait_for_within(A_MINUTE, "beat: started", 1);
    let at = (second() - began.at.elapsed().as_secs_f64()).rem_euclid(60.0);
    assert!(at < 10.0, "{at} s after the minute");
    // Each is tried as any oneshot is, and its failure is none of the container's.
    run.wait_for_line("beat: exit 3");
    run.wait_for_line("beat: FATAL: failed to start once");
    run.wait_for_line("before the good one");
    run.wait_for_line("good: done, exit 0");
    run.signal(libc::SIGUSR2);
    run.wait_for_line(": is scheduled");
    run.wait_for_line("yearly: STOPPED for ");
    assert!(!lines.has("lastout: yearly: started") && !lines.has("lastout: off: started"));
    assert!(!run.has_ended());
    assert_eq!(lines.count("lastout: beat: started"), 1);
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
}
