//! nginx, php-fpm and redis: who needs whom decides what becomes of a request in flight.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use lastout_harness::network::Network;
use lastout_harness::recipe::{Played, Recipe};
use lastout_harness::{must, wait_until};

use crate::{assert_in_order, stop};

/// How long the page takes that the stop must not cut off.
const PAGE: Duration = Duration::from_millis(1500);

#[test]
fn dep_1_stop_4_nginx_php_fpm_and_redis_answer_the_request_in_flight_and_keep_their_data() {
    let data = must(tempfile::tempdir(), "make a folder");
    let recipe = Recipe::of("php-site").volume(data.path(), "/var/lib/redis");

    let mut played = recipe.play(&[]);
    assert_starts_in_order(&played);
    assert_eq!(get(&played.network, "/"), "visit 1, finished 1\n");
    let asked = Instant::now();
    let request = ask(
        &played.network,
        &format!("/?seconds={}", PAGE.as_secs_f32()),
    );
    wait_until("the page is being made", || {
        redis(&played.network, "GET begun") == "2"
    });

    stop(&mut played);
    let took = asked.elapsed();
    assert_eq!(answer(request), "visit 2, finished 2\n");
    assert!(took >= PAGE, "nobody waited for the page: {took:?}");
    assert_in_order(
        &played,
        &[
            "nginx: told SIGQUIT",
            "nginx: left after",
            "php-fpm: told SIGQUIT",
            "php-fpm: left after",
            "redis: told SIGTERM",
            "redis: left after",
        ],
    );
    let saved = must(fs::read(data.path().join("dump.rdb")), "what redis saved");
    assert!(saved.windows(8).any(|bytes| bytes == b"finished"));

    // What was saved is there again.
    let mut played = recipe.play(&[]);
    assert_starts_in_order(&played);
    assert_eq!(get(&played.network, "/"), "visit 3, finished 3\n");
    stop(&mut played);
}

/// Each when the one before is ready: redis and php-fpm say so, nginx is asked.
fn assert_starts_in_order(played: &Played) {
    played.run.wait_for_line("nginx: ready");
    assert_in_order(
        played,
        &[
            "redis: started",
            "redis: ready",
            "php-fpm: started",
            "php-fpm: ready",
            "nginx: started",
            "nginx: ready",
        ],
    );
}

fn get(network: &Network, path: &str) -> String {
    answer(ask(network, path))
}

/// Sends the request for a page.
fn ask(network: &Network, path: &str) -> TcpStream {
    let mut client = must(network.connect(80), "connect to nginx");
    let request = format!("GET {path} HTTP/1.0\r\nHost: example\r\n\r\n");
    must(client.write_all(request.as_bytes()), "send the request");
    client
}

/// What comes back, without its header.
fn answer(mut client: TcpStream) -> String {
    let mut answer = String::new();
    must(client.read_to_string(&mut answer), "read the answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    match answer.split_once("\r\n\r\n") {
        Some((_, body)) => String::from(body),
        None => panic!("no body: {answer}"),
    }
}

/// The answer of redis to a GET.
fn redis(network: &Network, command: &str) -> String {
    let mut client = must(network.connect(6379), "connect to redis");
    must(writeln!(client, "{command}\r"), "send the command");
    let mut lines = BufReader::new(client).lines().map_while(Result::ok);
    // The first line is the length.
    lines.nth(1).unwrap_or_default()
}
