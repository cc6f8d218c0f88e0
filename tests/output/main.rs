//! What programs write (LOG-1 to LOG-7), on the real kernel and on the real engine: that
//! it arrives, whatever becomes of the relay, and that nobody waits for a reader.

use lastout_harness::configuration::Configuration;
use lastout_harness::lines::{Lines, Stream};
use lastout_harness::namespace::Run;
use lastout_harness::sight::Process;
use lastout_harness::wait_until;

mod end;
mod engine;
mod files;
mod lines;
mod quiet;
mod relay;
mod scope;

/// Those of the namespace that are a relay.
fn relays(run: &Run) -> Vec<Process> {
    let mut everybody = run.processes();
    everybody.retain(|process| process.name == "lastout-relay" && process.state != 'Z');
    everybody
}

/// The relay, as soon as it is there.
fn relay(run: &Run) -> Process {
    wait_until("there is a relay", || !relays(run).is_empty());
    relays(run).remove(0)
}

/// Sends a signal to a process, by its pid on the host.
fn send(pid: i32, signal: i32) {
    // SAFETY: kill takes no pointers.
    assert_eq!(unsafe { libc::kill(pid, signal) }, 0, "kill {pid}");
}

/// What was said on lastout's stdout.
fn out(lines: &Lines) -> Vec<String> {
    lines.of(Stream::Stdout)
}

/// The number behind the first line that contains `before`.
fn number_behind(lines: &Lines, before: &str) -> Option<u64> {
    let all = lines.all();
    let mut rests = all.iter().filter_map(|line| line.text.split_once(before));
    let digits = rests.next()?.1.split(' ').next()?;
    digits.parse().ok()
}

/// Starts lastout with this configuration and waits for what the programs say.
fn run_until(text: &str, ready: &[&str]) -> (Configuration, Run) {
    let configuration = Configuration::new(text);
    let run = configuration.run_until(ready);
    (configuration, run)
}
