//! DEP-1 and DEP-2: who waits for whom, at the start and at the stop, and what becomes
//! of those whose wait is in vain.
//!
//! The order is that of lastout's own lines, since those of different streams have none.

use lastout_harness::lines::Stream;
use lastout_harness::namespace::Run;

mod conditions;
mod lost;
mod order;
mod startup;

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
