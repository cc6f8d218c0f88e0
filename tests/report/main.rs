//! The goodbye report (STOP-7, STOP-8): the last lines of the log, for people and for
//! machines. docs/report.md shows what is checked here.

use lastout_harness::configuration::Configuration;
use lastout_harness::lines::Stream;
use lastout_harness::namespace::Run;

mod engine;
mod objects;
mod table;

/// Starts a configuration, waits for these lines, stops it; its report, a line each.
fn report_of(text: &str, ready: &[&str]) -> Vec<String> {
    let file = Configuration::new(text);
    let mut run = file.run();
    for line in ready {
        run.wait_for_line(line);
    }
    run.signal(libc::SIGTERM);
    report(&mut run)
}

/// What lastout said from the goodbye on, with the times replaced by `T`.
fn report(run: &mut Run) -> Vec<String> {
    run.wait();
    let own = run.lines().of(Stream::Stderr);
    let begin = own.iter().position(|line| line.contains("goodbye: "));
    let Some(begin) = begin else {
        return Vec::new();
    };
    own[begin..]
        .iter()
        .map(|line| without_times(line))
        .collect()
}

/// `after 0.21 s` as `after T s`, with the columns as they were.
fn without_times(line: &str) -> String {
    let words: Vec<String> = line
        .split(' ')
        .map(|word| match word.parse::<f64>() {
            Ok(_) if word.contains('.') => "T".to_owned(),
            _ => word.to_owned(),
        })
        .collect();
    words.join(" ")
}
