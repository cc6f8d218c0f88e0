//! The chapter "Stopping: nobody is left behind" of the contract, on the real kernel
//! and on the real engine. STOP-7 and STOP-8 are in report.rs.
//!
//! Who was told is believed only from the process' own last words.

use lastout_harness::configuration::Configuration;
use lastout_harness::lines::Lines;
use lastout_harness::namespace::Run;

mod engine;
mod leftovers;
mod newborn;
mod order;
mod scope;
mod strays;
mod time;

/// Starts lastout with this configuration and waits for what the programs say.
fn run_until(text: &str, ready: &[&str]) -> (Configuration, Run) {
    let configuration = Configuration::new(text);
    let run = configuration.run();
    for line in ready {
        run.wait_for_line(line);
    }
    (configuration, run)
}

/// That all of them were said, in this order.
fn assert_in_order(lines: &Lines, expected: &[&str]) {
    let all = lines.all();
    let mut all = all.iter().map(|line| line.text.as_str());
    for text in expected {
        assert!(
            all.any(|line| line.contains(text)),
            "{text:?} is missing, or before another of {expected:#?} in:\n{}",
            lines.text()
        );
    }
}

/// That a line was said exactly so often.
fn assert_times(lines: &Lines, text: &str, times: usize) {
    assert_eq!(lines.count(text), times, "{text:?} in:\n{}", lines.text());
}
