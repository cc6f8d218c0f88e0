//! The recipes under examples/ on the real engine: built as their READMEs say, stopped
//! with `docker stop`, and believed only what the programs themselves said last.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use lastout_harness::engine::{Container, Image};

/// How long the slowest of `two-programs` needs to leave.
const SLOWEST: Duration = Duration::from_secs(2);

#[test]
fn sig_1_exit_1_a_program_that_leaves_on_term_is_told_and_leaves() {
    let container = Image::of_recipe("leaves-on-term").run(&[], &[]);
    container.wait_for_line("leaves-on-term: ready");
    let took = container.stop();
    assert_said(&container, "leaves-on-term: got SIGTERM, leaving");
    assert_eq!(container.wait(), 0);
    assert!(took >= Duration::from_millis(500), "{took:?}");
    assert!(took < Duration::from_secs(9), "was killed after {took:?}");
}

#[test]
fn stop_5_stop_8_a_program_that_ignores_term_is_killed_and_the_report_says_so() {
    let container = Image::of_recipe("ignores-term").run(&[], &[]);
    container.wait_for_line("ignores-term: ready");
    let took = container.stop();
    assert_said(&container, "ignores-term: got SIGTERM, staying");
    assert_eq!(container.wait(), 137);
    assert!(took >= Duration::from_secs(2), "{took:?}");
    assert!(
        took < Duration::from_secs(9),
        "the engine killed it after {took:?}"
    );
    let report = report(&container);
    assert!(report.contains("ignores-term"), "{report}");
    assert!(report.contains("goodbye"), "{report}");
    assert!(report.contains("killed"), "{report}");
}

#[test]
fn stop_1_a_child_that_its_program_forgot_is_told_when_the_program_has_left() {
    let container = Image::of_recipe("forgotten-child").run(&[], &[]);
    assert_eq!(container.wait(), 0);
    assert_said(&container, "forgets-child: leaving, my child stays behind");
    assert_said(&container, "forgotten child: got SIGTERM, leaving");
}

#[test]
fn stop_2_a_program_that_stays_and_the_child_that_it_forgot_are_both_told() {
    let command = ["/forgets-child", "--stay", "--child-after", "500ms"];
    let container = Image::of_recipe("forgotten-child").run(&[], &command);
    container.wait_for_line("forgotten child: ready");
    container.wait_for_line("forgets-child: ready");
    container.stop();
    assert_said(&container, "forgets-child: got SIGTERM, leaving");
    assert_said(&container, "forgotten child: got SIGTERM, leaving");
    assert_eq!(container.wait(), 0);
}

#[test]
fn stop_4_stop_6_two_programs_take_as_long_as_the_slowest_and_not_more() {
    // What others on the machine do can only add: so the least of each counts, and it is
    // tried until that is right. Who leaves one after the other always needs half as long
    // again, and who rounds to seconds too.
    let (mut overhead, mut took) = (Duration::MAX, Duration::MAX);
    let is_right = (0..10).any(|_| {
        overhead = overhead.min(stop_of_a_program_that_leaves_at_once());
        took = took.min(stop_of_two_programs());
        took.saturating_sub(overhead) <= SLOWEST.mul_f64(1.2)
    });
    assert!(
        took >= SLOWEST,
        "{took:?}: the slowest was not given its time"
    );
    assert!(
        is_right,
        "{took:?}, of which {overhead:?} are the engine's, for a slowest of {SLOWEST:?}"
    );
}

#[test]
fn sig_1_a_request_in_flight_is_answered_before_the_server_leaves() {
    let container = Image::of_recipe("http-server").run(&["--network", "bridge"], &[]);
    container.wait_for_line("http-server: ready");
    let address = container.inspect("{{.NetworkSettings.IPAddress}}");
    let mut client = match TcpStream::connect((address.as_str(), 8080)) {
        Ok(client) => client,
        Err(error) => panic!("cannot connect to {address}: {error}"),
    };
    let request = b"GET /slow HTTP/1.1\r\nHost: example\r\n\r\n";
    client.write_all(request).expect("send the request");
    container.wait_for_line("http-server: working on GET /slow");

    container.stop();
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("read the answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(
        answer.ends_with("finished, whatever happened meanwhile\n"),
        "{answer}"
    );
    assert_said(&container, "http-server: all requests answered, leaving");
    assert_eq!(container.wait(), 0);
}

/// What the engine itself needs, with a lastout that has nothing to wait for.
fn stop_of_a_program_that_leaves_at_once() -> Duration {
    let container = Image::plain().lastout(&["--", "/leaves-on-term"]);
    container.wait_for_line("leaves-on-term: ready");
    container.stop()
}

/// Everything that the two programs and their forgotten child have to do, and
/// how long the stop took.
fn stop_of_two_programs() -> Duration {
    let container = Image::of_recipe("two-programs").run(&[], &[]);
    container.wait_for_line("web: ready");
    container.wait_for_line("forgets-child: ready");
    container.wait_for_line("forgotten child: ready");
    let took = container.stop();
    assert_said(&container, "web: got SIGTERM, leaving");
    assert_said(&container, "forgets-child: got SIGQUIT, leaving");
    assert_said(&container, "forgotten child: got SIGQUIT, leaving");
    assert_eq!(container.wait(), 0);
    let report = report(&container);
    assert!(report.contains("web"), "{report}");
    assert!(report.contains("worker"), "{report}");
    assert!(report.contains("SIGQUIT"), "{report}");
    assert!(report.contains("goodbye"), "{report}");
    assert!(!report.contains("kill"), "{report}");
    took
}

/// lastout's own lines: the programs of the recipes say nothing on standard error.
fn report(container: &Container) -> String {
    use lastout_harness::lines::Stream;
    container.lines().of(Stream::Stderr).join("\n")
}

fn assert_said(container: &Container, line: &str) {
    let logs = container.logs();
    assert!(
        logs.lines().any(|said| said == line),
        "{line:?} is not in:\n{logs}"
    );
}
