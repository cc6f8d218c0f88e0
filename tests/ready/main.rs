//! READY-1 to READY-4: how a program is known to be ready.

use lastout_harness::lines::Stream;
use lastout_harness::namespace::Run;

mod asked;
mod descriptor;
mod late;
mod notify;
mod outside;
mod successor;

/// That lastout said all of them, in this order.
fn assert_in_order(run: &Run, expected: &[&str]) {
    run.lines().assert_in_order(Stream::Stderr, expected);
}

/// That nobody said this.
fn assert_never(run: &Run, text: &str) {
    assert!(
        !run.lines().has(text),
        "{text:?} in:\n{}",
        run.lines().text()
    );
}
