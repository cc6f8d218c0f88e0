//! What a program is and may: its instances, environment, user, limits and rights, as the
//! process sees them itself and as the kernel shows them.

use std::fs;

use lastout_harness::configuration::Configuration;
use lastout_harness::must;
use lastout_harness::namespace::Run;

mod environment;
mod identity;
mod instances;
mod limits;

/// Starts a file with one program that tells its state and stays, with these keys.
fn state_with(keys: &str) -> (Configuration, Run) {
    let file = Configuration::new(&format!(
        "[program.web]\ncommand = 'PROBE state --stay'\n{keys}\n"
    ));
    let run = file.run_until(&["state: end"]);
    (file, run)
}

/// A file of its /proc.
fn proc_file(run: &Run, program: &str, name: &str) -> String {
    let path = format!("/proc/{}/{name}", run.leader_of(program).pid);
    must(fs::read_to_string(&path), &path)
}

/// That it said these lines, as they stand.
fn assert_said(run: &Run, expected: &[&str]) {
    let all = run.lines().all();
    for text in expected {
        assert!(
            all.iter().any(|line| line.text == *text),
            "{text:?} in:\n{}",
            run.lines().text()
        );
    }
}
