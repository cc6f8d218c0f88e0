//! What a process asks that was forked to ask a program whether it is well (READY-3):
//! does it accept a connection, and does it answer with a status from 200 to 399?
//!
//! It is no part of PID 1, which only sees its exit status: here names are resolved and
//! connections are waited for. It has no time limit of its own but one that keeps an
//! orphan from living for ever; whoever started it ends it when its time is over.
use std::net::IpAddr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use crate::plan::{Address, Probe};

mod resolve;

/// When an orphan gives up, in seconds.
const LONGEST_LIFE: libc::c_uint = 300;

/// How long an address may be silent before the next one is tried, and a name server
/// before the next one is asked, in seconds.
const PATIENCE: i64 = 1;

/// `HTTP/1.1 200`, and what ends the number.
const STATUS_LINE: usize = 13;

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
    fn connect(self) -> Option<OwnedFd> {
        let addresses = resolve::addresses(&self.address.host);
        let last = addresses.len().saturating_sub(1);
        (0..).zip(addresses).find_map(|(place, ip)| {
            let waits = if place < last {
                Waits::NotLong
            } else {
                Waits::ForConnection
            };
            connect_to(ip, self.address.port, waits)
        })
    }

    /// Whether the answer begins as one that is well does.
    fn is_answered(self, socket: &OwnedFd, target: &str) -> bool {
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
        if !send(socket, request.as_bytes()) {
            return false;
        }
        let mut answer = [0; STATUS_LINE];
        let mut length = 0;
        while let Some(room) = answer.get_mut(length..).filter(|room| !room.is_empty()) {
            match receive(socket, room, 0) {
                0 => break,
                more => length += more,
            }
        }
        // What has come already is taken, so that the server sees an end and no reset.
        let mut rest = [0; PIECE];
        let _ = (0..MOST_PIECES).all(|_| receive(socket, &mut rest, libc::MSG_DONTWAIT) > 0);
        is_good(answer.get(..length).unwrap_or_default())
    }
}

/// Whether this begins a status line of HTTP/1 with a status from 200 to 399.
fn is_good(answer: &[u8]) -> bool {
    let Some([_, b' ', first, second, third, rest @ ..]) = answer.strip_prefix(b"HTTP/1.") else {
        return false;
    };
    let ends = matches!(rest.first(), None | Some(b' ' | b'\r' | b'\n'));
    matches!(first, b'2' | b'3') && second.is_ascii_digit() && third.is_ascii_digit() && ends
}

/// What a socket is for, and what it waits for how long.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Waits {
    /// A stream, for its connection, as long as that takes.
    ForConnection,
    /// A stream, for its connection, but others come after it.
    NotLong,
    /// Datagrams, for the answer.
    ForAnswer,
}

/// A socket that is connected.
fn connect_to(ip: IpAddr, port: u16, waits: Waits) -> Option<OwnedFd> {
    // As <netinet/in.h> has it: family, port, address; with IPv6 a label before the
    // address and a scope behind it.
    let mut address = [0_u8; size_of::<libc::sockaddr_in6>()];
    let (family, place, octets): (_, _, &[u8]) = match &ip {
        IpAddr::V4(ip) => (libc::AF_INET, 4, &ip.octets()),
        IpAddr::V6(ip) => (libc::AF_INET6, 8, &ip.octets()),
    };
    let head = [(family as u16).to_ne_bytes(), port.to_be_bytes()].concat();
    for (to, from) in address.iter_mut().zip(head) {
        *to = from;
    }
    for (to, from) in address.iter_mut().skip(place).zip(octets) {
        *to = *from;
    }
    let length = match ip {
        IpAddr::V4(_) => size_of::<libc::sockaddr_in>(),
        IpAddr::V6(_) => size_of::<libc::sockaddr_in6>(),
    };
    let (kind, timeout) = match waits {
        Waits::ForConnection => (libc::SOCK_STREAM, None),
        // It bounds connect(2), too (socket(7)).
        Waits::NotLong => (libc::SOCK_STREAM, Some(libc::SO_SNDTIMEO)),
        Waits::ForAnswer => (libc::SOCK_DGRAM, Some(libc::SO_RCVTIMEO)),
    };
    // SAFETY: the address has as many bytes as are named, the time is a live timeval, and
    // the descriptor is new.
    unsafe {
        let fd = libc::socket(family, kind | libc::SOCK_CLOEXEC, 0);
        if fd < 0 {
            return None;
        }
        let socket = OwnedFd::from_raw_fd(fd);
        if let Some(option) = timeout {
            let time = libc::timeval {
                tv_sec: PATIENCE as _,
                tv_usec: 0,
            };
            let size = size_of_val(&time) as libc::socklen_t;
            libc::setsockopt(fd, libc::SOL_SOCKET, option, (&raw const time).cast(), size);
        }
        let done = libc::connect(fd, address.as_ptr().cast(), length as libc::socklen_t);
        (done == 0).then_some(socket)
    }
}

/// Sends all of it.
fn send(socket: &OwnedFd, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        let (pointer, length) = (bytes.as_ptr().cast(), bytes.len());
        // SAFETY: as many bytes of a live slice as are named.
        let sent = unsafe { libc::send(socket.as_raw_fd(), pointer, length, libc::MSG_NOSIGNAL) };
        match usize::try_from(sent) {
            Ok(sent) => bytes = bytes.get(sent..).unwrap_or_default(),
            Err(_) => return false,
        }
    }
    true
}

/// How many bytes came; 0 at the end, and where nothing will come any more.
fn receive(socket: &OwnedFd, room: &mut [u8], flags: libc::c_int) -> usize {
    let (pointer, length) = (room.as_mut_ptr().cast(), room.len());
    // SAFETY: room for as many bytes as are named.
    let got = unsafe { libc::recv(socket.as_raw_fd(), pointer, length, flags) };
    usize::try_from(got).unwrap_or(0)
}

#[cfg(test)]
mod tests;
