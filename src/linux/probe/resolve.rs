//! Names to addresses, for a process that asks a question over the network.
//!
//! Not getaddrinfo(3): with a static GNU C library it loads what /etc/nsswitch.conf names
//! and may crash, and with musl it is 22 KB of the binary. What containers have is read
//! here: numbers, `localhost`, /etc/hosts, and the name servers of /etc/resolv.conf with
//! its search list, asked over UDP for A and AAAA. An answer that is cut short is taken
//! as far as it goes, since one address that works is enough.
//!
//! All that comes in is bounded and may be malformed; it is read through `get` only.

use std::ffi::CString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::OwnedFd;

use super::{Waits, connect_to, receive, send};
use crate::linux::{mark, passwd};

const HOSTS: &str = "/etc/hosts";
const RESOLV_CONF: &str = "/etc/resolv.conf";
const DNS_PORT: u16 = 53;

/// As many servers and folders of the search list as resolv.conf(5) knows.
const MOST_SERVERS: usize = 3;
const MOST_FOLDERS: usize = 6;
/// As many addresses as are tried; more would take longer than anybody waits.
const MOST_ADDRESSES: usize = 16;
/// A message over UDP without extensions (RFC 1035, 4.2.1).
const MESSAGE: usize = 512;
/// How many datagrams are looked at for the one that answers.
const MOST_DATAGRAMS: usize = 8;

const A: u16 = 1;
const AAAA: u16 = 28;
const HEADER: usize = 12;

unsafe extern "C" {
    /// inet_pton(3).
    fn inet_pton(
        family: libc::c_int,
        text: *const libc::c_char,
        address: *mut libc::c_void,
    ) -> libc::c_int;
}

/// The addresses of a host, in the order in which they are to be tried.
pub(super) fn addresses(host: &str) -> Vec<IpAddr> {
    if let Some(ip) = number(host.as_bytes()) {
        return vec![ip];
    }
    if host.eq_ignore_ascii_case("localhost") {
        return vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    }
    let mut found = in_hosts(&passwd::read_bounded(HOSTS).unwrap_or_default(), host);
    if found.is_empty() {
        let file = passwd::read_bounded(RESOLV_CONF).unwrap_or_default();
        found = by_servers(&Configuration::read(&file), host);
    }
    found.truncate(MOST_ADDRESSES);
    found
}

/// An address in digits.
fn number(text: &[u8]) -> Option<IpAddr> {
    let text = CString::new(text).ok()?;
    let mut address = [0_u8; 16];
    let mut read = |family| {
        // SAFETY: a string that ends in NUL, and room for the larger kind of address.
        unsafe { inet_pton(family, text.as_ptr(), address.as_mut_ptr().cast()) == 1 }
    };
    if read(libc::AF_INET) {
        let [a, b, c, d, ..] = address;
        return Some(Ipv4Addr::new(a, b, c, d).into());
    }
    read(libc::AF_INET6).then(|| address.into())
}

/// The words of a line, up to a comment.
fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let line = line.split(|byte| matches!(byte, b'#' | b';')).next();
    line.unwrap_or_default()
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
}

/// The addresses of the lines that name the host.
fn in_hosts(file: &[u8], host: &str) -> Vec<IpAddr> {
    let mut found = Vec::new();
    for line in file.split(|byte| *byte == b'\n') {
        let mut words = words(line);
        let ip = words.next().and_then(number);
        if let Some(ip) = ip
            && words.any(|name| name.eq_ignore_ascii_case(host.as_bytes()))
        {
            found.push(ip);
        }
    }
    found
}

/// What /etc/resolv.conf says.
#[derive(Debug, Eq, PartialEq)]
struct Configuration<'a> {
    servers: Vec<IpAddr>,
    folders: Vec<&'a [u8]>,
}

impl<'a> Configuration<'a> {
    fn read(file: &'a [u8]) -> Configuration<'a> {
        let mut read = Configuration {
            servers: Vec::new(),
            folders: Vec::new(),
        };
        for line in file.split(|byte| *byte == b'\n') {
            let mut words = words(line);
            match words.next() {
                Some(b"nameserver") => read.servers.extend(words.next().and_then(number)),
                // The last one counts.
                Some(b"search" | b"domain") => read.folders = words.take(MOST_FOLDERS).collect(),
                Some(_) | None => {}
            }
        }
        if read.servers.is_empty() {
            read.servers.push(Ipv4Addr::LOCALHOST.into());
        }
        read.servers.truncate(MOST_SERVERS);
        read
    }

    /// The names to ask for, in order: one with a dot first as it is, whatever `ndots` is,
    /// which saves queries and finds the same.
    fn names(&self, host: &str) -> Vec<Vec<u8>> {
        let host = host.as_bytes();
        if let Some(whole) = host.strip_suffix(b".") {
            return vec![whole.to_vec()];
        }
        let mut names: Vec<Vec<u8>> = self
            .folders
            .iter()
            .map(|folder| [host, b".", folder].concat())
            .collect();
        let place = if host.contains(&b'.') { 0 } else { names.len() };
        names.insert(place, host.to_vec());
        names
    }
}

/// The addresses of the first of the names that has any.
fn by_servers(configuration: &Configuration<'_>, host: &str) -> Vec<IpAddr> {
    for name in configuration.names(host) {
        let mut found = Vec::new();
        for kind in [A, AAAA] {
            let mut servers = configuration.servers.iter();
            // The first who knows whether there are any.
            found.extend(
                servers
                    .find_map(|ip| ask(*ip, &name, kind))
                    .unwrap_or_default(),
            );
        }
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

/// What a server says of a name; `None`: nothing, or that it cannot say.
fn ask(server: IpAddr, name: &[u8], kind: u16) -> Option<Vec<IpAddr>> {
    let id = mark::random() as u16;
    let question = question(id, name, kind)?;
    let socket: OwnedFd = connect_to(server, DNS_PORT, Waits::ForAnswer)?;
    if !send(&socket, &question) {
        return None;
    }
    let mut message = [0; MESSAGE];
    for _ in 0..MOST_DATAGRAMS {
        let length = match receive(&socket, &mut message, 0) {
            0 => return None,
            length => length,
        };
        let message = message.get(..length).unwrap_or_default();
        // What follows the id, the flags and the counts is the question again.
        let is_answer = message.starts_with(&id.to_be_bytes())
            && message.get(HEADER..question.len()) == question.get(HEADER..);
        if is_answer {
            return answers(message, question.len(), kind);
        }
    }
    None
}

/// A question for the addresses of one kind (RFC 1035, 4.1). `None` for what cannot be
/// a name.
fn question(id: u16, name: &[u8], kind: u16) -> Option<Vec<u8>> {
    let [high, low] = id.to_be_bytes();
    // Recursion is desired; one question.
    let mut message = vec![high, low, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split(|byte| *byte == b'.') {
        if !(1..64).contains(&label.len()) {
            return None;
        }
        message.push(label.len() as u8);
        message.extend_from_slice(label);
    }
    // The Internet's class.
    message.extend_from_slice(&[0, 0, kind as u8, 0, 1]);
    (name.len() < 254).then_some(message)
}

/// The addresses in the answers of a message, which begin at `place`. Whose they are
/// does not matter: the server has followed the aliases. `None`: it could not say.
fn answers(message: &[u8], mut place: usize, kind: u16) -> Option<Vec<IpAddr>> {
    const NO_ERROR: u8 = 0;
    const NO_SUCH_NAME: u8 = 3;
    let [flags, code] = message.get(2..4)? else {
        return None;
    };
    if flags & 0x80 == 0 || !matches!(code & 15, NO_ERROR | NO_SUCH_NAME) {
        return None;
    }
    let mut found = Vec::new();
    for _ in 0..two_bytes(message, 6)? {
        let Some((next, ip)) = answer(message, place, kind) else {
            break;
        };
        found.extend(ip);
        place = next;
    }
    Some(found)
}

/// Where the answer at `place` ends, and the address that it has. `None`: it is cut short.
fn answer(message: &[u8], mut place: usize, kind: u16) -> Option<(usize, Option<IpAddr>)> {
    // Labels up to an empty one or to a reference, which is of two bytes and the last.
    loop {
        match *message.get(place)? {
            0 => break place += 1,
            length if length < 64 => place += 1 + usize::from(length),
            _ => break place += 2,
        }
    }
    let is_kind = two_bytes(message, place)? == kind;
    // Kind, class, time to live and length come before the data.
    let start = place + 10;
    let end = start + usize::from(two_bytes(message, place + 8)?);
    let data = message.get(start..end)?;
    let ip = match *data {
        [a, b, c, d] if is_kind => Some(Ipv4Addr::new(a, b, c, d).into()),
        _ if is_kind => <[u8; 16]>::try_from(data).ok().map(IpAddr::from),
        _ => None,
    };
    Some((end, ip))
}

fn two_bytes(message: &[u8], place: usize) -> Option<u16> {
    let bytes = message.get(place..place + 2)?;
    Some(u16::from_be_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ips(list: &[&str]) -> Vec<IpAddr> {
        list.iter().map(|ip| ip.parse().unwrap()).collect()
    }

    #[test]
    fn numbers_and_localhost_need_no_file() {
        assert_eq!(addresses("127.0.0.1"), ips(&["127.0.0.1"]));
        assert_eq!(addresses("::1"), ips(&["::1"]));
        assert_eq!(addresses("2001:db8::7"), ips(&["2001:db8::7"]));
        assert_eq!(addresses("LocalHost"), ips(&["127.0.0.1", "::1"]));
        for text in ["1.2.3", "1.2.3.4.5", "db", "", "::g", "a\0b"] {
            assert_eq!(number(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn hosts_are_found_by_any_of_their_names() {
        let file = b"127.0.0.1 localhost\n# 9.9.9.9 db\n10.0.0.2\tx DB # y\n\
            nonsense db\n10.0.0.3 dba\nfd00::2 db\n10.0.0.4 #db";
        assert_eq!(in_hosts(file, "db"), ips(&["10.0.0.2", "fd00::2"]));
        assert!(in_hosts(file, "y").is_empty());
    }

    #[test]
    fn the_file_of_an_orchestrator_is_read() {
        let file = b"search a.svc.cluster.local svc.cluster.local\nnameserver 10.96.0.10\n\
            options timeout:1 ndots:5\nnameserver bad\n";
        let read = Configuration::read(file);
        assert_eq!(read.servers, ips(&["10.96.0.10"]));
        let names = |host| {
            let names = read.names(host).into_iter();
            let names = names.map(|name| String::from_utf8(name).unwrap());
            names.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            names("db"),
            "db.a.svc.cluster.local db.svc.cluster.local db"
        );
        assert_eq!(names("db.example.org."), "db.example.org");
        assert_eq!(
            names("db.b"),
            "db.b db.b.a.svc.cluster.local db.b.svc.cluster.local"
        );
        let none = Configuration::read(b"");
        assert_eq!(none.servers, ips(&["127.0.0.1"]));
        assert_eq!(none.names("db"), [b"db"]);
    }

    /// An answer to `question`: an alias, and the address that it leads to.
    fn reply(question: &[u8], code: u8, kind: u16, data: &[u8]) -> Vec<u8> {
        let mut message = question.to_vec();
        message[2] = 0x81;
        message[3] = 0x80 | code;
        message[7] = 2;
        let alias = [0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 2, 0xc0, 12];
        message.extend_from_slice(&alias);
        let head = [3, b'a', b'b', b'c', 0, 0, kind as u8, 0, 1, 0, 0, 0, 9, 0];
        message.extend_from_slice(&head);
        message.push(data.len() as u8);
        message.extend_from_slice(data);
        message
    }

    #[test]
    fn an_answer_is_read_behind_its_aliases() {
        let asked = question(7, b"db.example", A).unwrap();
        assert_eq!(asked.len(), HEADER + 12 + 4);
        let message = reply(&asked, 0, A, &[10, 0, 0, 9]);
        assert_eq!(answers(&message, asked.len(), A), Some(ips(&["10.0.0.9"])));
        let six = "fd00::9".parse::<Ipv6Addr>().unwrap().octets();
        let message = reply(&asked, 0, AAAA, &six);
        assert_eq!(
            answers(&message, asked.len(), AAAA),
            Some(ips(&["fd00::9"]))
        );
        assert_eq!(answers(&message, asked.len(), A), Some(vec![]));
    }

    #[test]
    fn a_server_that_failed_is_none_that_knows() {
        let asked = question(7, b"db", A).unwrap();
        let none = Some(vec![]);
        let said = |code| answers(&reply(&asked, code, 5, &[1]), asked.len(), A);
        assert_eq!(said(3), none);
        assert_eq!(said(2), None);
        assert_eq!(answers(&asked, asked.len(), A), None, "it is no answer");
    }

    #[test]
    fn what_cannot_be_a_name_is_not_asked_for() {
        let long = [b'a'; 64];
        for name in [&b"a..b"[..], b"", b".", &long] {
            assert_eq!(question(7, name, A), None);
        }
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(
            tail: Vec<u8>,
            place in 0_usize..600,
            file: Vec<u8>,
        ) {
            let mut message = vec![0, 7, 0x81, 0x80, 0, 1, 0xff, 0xff, 0, 0, 0, 0];
            message.extend(tail);
            let _ = answers(&message, place, A);
            let _ = Configuration::read(&file).names("db");
            let _ = in_hosts(&file, "db");
        }
    }
}
