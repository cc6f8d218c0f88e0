//! `pre_start`, `post_stop` and `reload_signal`: what is done beside a program.

use lastout_harness::lines::Stream;
use lastout_harness::namespace::Run;

mod bounds;
mod post_stop;
mod pre_start;
mod reload_signal;

/// That these were said on that stream, in this order.
fn assert_in_order(run: &Run, stream: Stream, expected: &[&str]) {
    run.lines().assert_in_order(stream, expected);
}

/// That nobody said this.
fn assert_never(run: &Run, text: &str) {
    assert!(
        !run.lines().has(text),
        "{text:?} in:\n{}",
        run.lines().text()
    );
}
