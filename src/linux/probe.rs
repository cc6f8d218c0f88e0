//! What a process asks that was forked to ask a program whether it is well (READY-3):
//! does it accept a connection, and does it answer with a status from 200 to 399?
//!
//! It is no part of PID 1, which only sees its exit status: here names are resolved and
//! connections are waited for. It has no time limit of its own but one that keeps an
//! orphan from living for ever; whoever started it ends it when its time is over.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::plan::{Address, Probe};

/// When an orphan gives up, in seconds.
const LONGEST_LIFE: libc::c_uint = 300;

/// How long an address may be silent before the next one is tried.
const PATIENCE: Duration = Duration::from_secs(1);

/// `HTTP/1.1 200`, and what ends the number.
const STATUS_LINE: u64 = 13;

/// How much of an answer is taken that nobody reads, in pieces.
const PIECE: usize = 1024;
const MOST_PIECES: usize = 64;

/// A question over the network.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    address: &'a Address,
    /// The path and the query, where HTTP is spoken.
    target: Option<&'a str>,
}

impl<'a> Question<'a> {
    /// What a probe asks; `None` for one that runs a command.
    pub(super) fn of(probe: &'a Probe) -> Option<Question<'a>> {
        match probe {
            Probe::Tcp(address) => Some(Question {
                address,
                target: None,
            }),
            Probe::Http { address, target } => Some(Question {
                address,
                target: Some(target),
            }),
            Probe::Exec(_) => None,
        }
    }

    /// Asks, and leaves the process: with 0 if the answer is a good one. For a forked
    /// process that has given everything back that it does not need.
    pub(super) fn ask_and_leave(self) -> ! {
        // SAFETY: plain system calls; the name ends in NUL.
        unsafe {
            libc::alarm(LONGEST_LIFE);
            libc::prctl(libc::PR_SET_NAME, c"lastout-probe".as_ptr());
        }
        let well = self.connect().is_some_and(|socket| match self.target {
            None => true,
            Some(target) => self.is_answered(&socket, target),
        });
        // SAFETY: ends the process without what lastout's runtime registered.
        unsafe { libc::_exit(i32::from(!well)) }
    }

    /// A connection to the first of the host's addresses that accepts one.
    fn connect(self) -> Option<TcpStream> {
        let addresses = addresses(self.address);
        let last = addresses.len().saturating_sub(1);
        (0..).zip(addresses).find_map(|(place, address)| {
            let connection = match place < last {
                true => TcpStream::connect_timeout(&address, PATIENCE),
                false => TcpStream::connect(address),
            };
            connection.ok()
        })
    }

    /// Whether the answer begins as one that is well does.
    fn is_answered(self, mut socket: &TcpStream, target: &str) -> bool {
        let Address { host, port } = self.address;
        // An address of IPv6 is told from its port by brackets.
        let (open, close) = if host.contains(':') {
            ("[", "]")
        } else {
            ("", "")
        };
        let port = match port {
            80 => String::new(),
            port => [":", &port.to_string()].concat(),
        };
        let request = [
            "GET ",
            target,
            " HTTP/1.1\r\nHost: ",
            open,
            host,
            close,
            &port,
            concat!(
                "\r\nUser-Agent: lastout/",
                env!("CARGO_PKG_VERSION"),
                "\r\nAccept: */*\r\nConnection: close\r\n\r\n"
            ),
        ]
        .concat();
        if socket.write_all(request.as_bytes()).is_err() {
            return false;
        }
        let mut answer = Vec::new();
        let _ = socket.take(STATUS_LINE).read_to_end(&mut answer);
        // What has come already is taken, so that the server sees an end and no reset.
        let mut rest = [0; PIECE];
        let _ = socket.set_nonblocking(true);
        let _ = (0..MOST_PIECES).all(|_| socket.read(&mut rest).is_ok_and(|more| more > 0));
        is_good(&answer)
    }
}

/// Where a host listens. `localhost` is there without a file that says so; with a static
/// GNU C library whatever is neither that nor a number may bring this process to an end,
/// which is an answer as well.
fn addresses(Address { host, port }: &Address) -> Vec<SocketAddr> {
    if host.eq_ignore_ascii_case("localhost") {
        let loopback = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        return loopback.map(|ip| SocketAddr::new(ip, *port)).into();
    }
    let found = (host.as_str(), *port).to_socket_addrs();
    found.map(Iterator::collect).unwrap_or_default()
}

/// Whether this begins a status line of HTTP/1 with a status from 200 to 399.
fn is_good(answer: &[u8]) -> bool {
    let Some([_, b' ', first, second, third, rest @ ..]) = answer.strip_prefix(b"HTTP/1.") else {
        return false;
    };
    let ends = matches!(rest.first(), None | Some(b' ' | b'\r' | b'\n'));
    matches!(first, b'2' | b'3') && second.is_ascii_digit() && third.is_ascii_digit() && ends
}

#[cfg(test)]
mod tests;
