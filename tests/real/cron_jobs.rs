//! Jobs at their times.

use std::time::{Duration, SystemTime};

use lastout_harness::recipe::Recipe;

use crate::{assert_in_order, stop};

/// The job of every minute comes within that.
const A_MINUTE: Duration = Duration::from_secs(90);

#[test]
fn the_job_of_every_minute_comes_with_the_minute_and_is_told_and_finishes_at_the_stop() {
    let mut played = Recipe::of("cron-jobs").play(&[]);
    let lines = played.run.lines();
    let begun = lines.wait_for_within(A_MINUTE, "heartbeat: begun", 1);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let at = now.unwrap_or_default() - begun.at.elapsed();
    // It is the shell's first word, on a machine that may be busy.
    assert!(at.as_secs() % 60 < 10, "{at:?} after the epoch");

    stop(&mut played);
    played
        .run
        .wait_for_line("heartbeat: told to leave, finished");
    assert_in_order(
        &played,
        &[
            "heartbeat: runs next at 20",
            "nightly: runs next at 20",
            "heartbeat: started",
            "heartbeat: told SIGTERM",
            "goodbye",
        ],
    );
}
