//! A small HTTP server that finishes the requests in flight when it is asked to leave.
//!
//! ```text
//! http-server [--listen 0.0.0.0:8080] [--delay 1s]
//! ```
//!
//! On TERM it accepts what has already connected, closes the door, answers everybody
//! who is inside, and exits with 0. Each request takes `--delay` to answer.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::thread;
use std::time::Duration;

use lastout_example_programs::arguments::Arguments;
use lastout_example_programs::{fail, say, signals};

/// How long a client may take to say what it wants; also bounds how long one that says
/// nothing can keep the server from leaving.
const PATIENCE: Duration = Duration::from_secs(2);

fn main() {
    let mut arguments = Arguments::of_this_process();
    let address = arguments
        .value("--listen")
        .unwrap_or_else(|| String::from("0.0.0.0:8080"));
    let delay = arguments.duration("--delay", Duration::from_secs(1));
    arguments.finish();

    // Before the first thread, so that every thread inherits the mask.
    signals::block(signals::Set::of(libc::SIGTERM));
    let told_to_leave = signal_descriptor();
    let listener = TcpListener::bind(&address)
        .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
        .unwrap_or_else(|e| fail(1, &format!("http-server: cannot listen on {address}: {e}")));
    say(&format!("http-server: ready on {address}"));

    // The scope ends when every request that was begun in it is answered.
    thread::scope(|inside| {
        loop {
            let told = wait_for_either(&listener, &told_to_leave);
            while let Some(client) = accept(&listener) {
                inside.spawn(move || serve(client, delay));
            }
            if told {
                break;
            }
        }
        drop(listener);
        say("http-server: got SIGTERM, finishing what is in flight");
    });
    say("http-server: all requests answered, leaving");
}

/// A descriptor that becomes readable when a SIGTERM waits.
fn signal_descriptor() -> OwnedFd {
    // SAFETY: the set is a live local; a descriptor that was just made is nobody else's.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGTERM);
        match libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC) {
            -1 => fail(1, "http-server: cannot make a signal descriptor"),
            descriptor => OwnedFd::from_raw_fd(descriptor),
        }
    }
}

/// Waits for a client or for the signal; true when it is the signal.
fn wait_for_either(listener: &TcpListener, told_to_leave: &OwnedFd) -> bool {
    let entry = |fd| libc::pollfd {
        fd,
        events: libc::POLLIN,
        revents: 0,
    };
    let mut both = [
        entry(listener.as_raw_fd()),
        entry(told_to_leave.as_raw_fd()),
    ];
    // SAFETY: the array is live and has two entries. An interruption leaves it as it is,
    // and the caller asks again.
    unsafe {
        libc::poll(both.as_mut_ptr(), 2, -1);
    }
    both[1].revents != 0
}

/// The next client that has connected; `None` when nobody waits at the door.
fn accept(listener: &TcpListener) -> Option<TcpStream> {
    loop {
        match listener.accept() {
            Ok((client, _)) => return Some(client),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
}

/// Reads one request and answers it; an error is the client's, who went away.
fn serve(mut client: TcpStream, delay: Duration) {
    let Some(request) = read_request(&client) else {
        return;
    };
    say(&format!("http-server: working on {request}"));
    // What a real server would do here: ask its database.
    thread::sleep(delay);
    let body = "finished, whatever happened meanwhile\n";
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    if client.write_all(answer.as_bytes()).is_ok() {
        say(&format!("http-server: answered {request}"));
    }
}

/// The first line of the request without its version, `GET /`; the headers are skipped.
fn read_request(client: &TcpStream) -> Option<String> {
    client.set_read_timeout(Some(PATIENCE)).ok()?;
    let mut lines = BufReader::new(client).lines();
    let first = lines.next()?.ok()?;
    // At most a hundred headers: nobody may talk for ever.
    for header in lines.take(100) {
        if header.ok()?.is_empty() {
            break;
        }
    }
    let (request, _) = first.rsplit_once(' ')?;
    Some(String::from(request))
}
