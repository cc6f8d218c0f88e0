//! Questions to listeners of all kinds, asked as lastout asks them: by a forked process.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use lastout_core::{ExitStatus, RunId};

use super::is_good;
use crate::linux::spawn::Work;
use crate::linux::testing::life::Lives;
use crate::linux::testing::{in_namespace, in_process, mount};
use crate::plan::{Address, Probe};

fn address(host: &str, listener: &TcpListener) -> Address {
    Address {
        host: host.to_owned(),
        port: listener.local_addr().unwrap().port(),
    }
}

fn tcp(host: &str, listener: &TcpListener) -> Probe {
    Probe::Tcp(address(host, listener))
}

fn http(host: &str, listener: &TcpListener) -> Probe {
    Probe::Http {
        address: address(host, listener),
        target: String::from("/well?deep=1"),
    }
}

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

fn lives() -> Lives {
    Lives::of_shell("exit 9").with_user("65534", None)
}

/// Whether the answer is a good one.
fn is_well(lives: &mut Lives, run: RunId) -> bool {
    let life = lives.end(run);
    assert_eq!((life.exec, life.said.as_str()), (Ok(()), ""));
    match life.status {
        ExitStatus::Code(0) => true,
        ExitStatus::Code(1) => false,
        other @ (ExitStatus::Code(_) | ExitStatus::Signal(_)) => panic!("{other:?}"),
    }
}

/// Whether a server that answers so counts as well, and what it was asked.
fn answered(answer: &[u8]) -> (bool, String) {
    let listener = listener();
    let mut lives = lives();
    let probe = http("127.0.0.1", &listener);
    let run = lives.start(Work::Probe(&probe), &[]);
    let (mut client, _) = listener.accept().unwrap();
    let mut asked = Vec::new();
    while !asked.ends_with(b"\r\n\r\n") {
        let mut piece = [0; 512];
        let length = client.read(&mut piece).unwrap();
        asked.extend_from_slice(&piece[..length]);
    }
    // It may have left without reading all of a long one.
    let _ = client.write_all(answer);
    drop(client);
    (is_well(&mut lives, run), String::from_utf8(asked).unwrap())
}

#[test]
fn ready_3_a_connection_that_is_accepted_is_an_answer() {
    in_process(|| {
        let listener = listener();
        let mut lives = lives();
        for host in ["127.0.0.1", "localhost", "LOCALHOST"] {
            let run = lives.start(Work::Probe(&tcp(host, &listener)), &[]);
            assert!(is_well(&mut lives, run), "{host}");
        }
    });
}

#[test]
fn ready_3_a_connection_that_is_refused_is_none() {
    in_namespace(|| {
        // Nobody else may take the port that is let go.
        with_loopback_of_our_own();
        let listener = listener();
        let (tcp, http) = (tcp("127.0.0.1", &listener), http("localhost", &listener));
        drop(listener);
        let mut lives = lives();
        for probe in [tcp, http] {
            let run = lives.start(Work::Probe(&probe), &[]);
            assert!(!is_well(&mut lives, run));
        }
    });
}

#[test]
fn ready_3_the_second_address_of_a_host_is_tried_and_so_is_ipv6() {
    in_process(|| {
        // A machine without IPv6 has no such listener.
        let Ok(listener) = TcpListener::bind("[::1]:0") else {
            return;
        };
        let mut lives = lives();
        for host in ["::1", "localhost"] {
            let run = lives.start(Work::Probe(&tcp(host, &listener)), &[]);
            assert!(is_well(&mut lives, run), "{host}");
        }
        let run = lives.start(Work::Probe(&http("::1", &listener)), &[]);
        let mut asked = String::new();
        for stream in listener.incoming() {
            let mut stream: TcpStream = stream.unwrap();
            let mut piece = [0; 512];
            let length = stream.read(&mut piece).unwrap();
            if length > 0 {
                asked.push_str(std::str::from_utf8(&piece[..length]).unwrap());
                stream
                    .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
                    .unwrap();
                break;
            }
        }
        assert!(is_well(&mut lives, run));
        let port = listener.local_addr().unwrap().port();
        assert!(
            asked.contains(&format!("\r\nHost: [::1]:{port}\r\n")),
            "{asked}"
        );
    });
}

#[test]
fn ready_3_a_status_from_200_to_399_is_well_and_no_other() {
    in_process(|| {
        for (status, well) in [
            ("200 OK", true),
            ("302 Found", true),
            ("399 X", true),
            ("404 Not Found", false),
            ("503 Busy", false),
            ("199 X", false),
        ] {
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nok");
            let (found, asked) = answered(answer.as_bytes());
            assert_eq!(found, well, "{status}");
            assert!(
                asked.starts_with("GET /well?deep=1 HTTP/1.1\r\nHost: 127.0.0.1:"),
                "{asked}"
            );
            let agent = concat!(
                "\r\nUser-Agent: lastout/",
                env!("CARGO_PKG_VERSION"),
                "\r\n"
            );
            assert!(asked.contains(agent), "{asked}");
            assert!(asked.contains("\r\nConnection: close\r\n"), "{asked}");
        }
    });
}

#[test]
fn ready_3_no_answer_and_garbage_are_not_well() {
    in_process(|| {
        let endless = vec![b'x'; 1 << 20];
        for answer in [
            &b""[..],
            b"HTTP/1.1 2",
            b"SSH-2.0-x\r\n",
            b"\0\xff\r\n",
            &endless,
        ] {
            assert!(!answered(answer).0);
        }
        let mut long = b"HTTP/1.0 200\r\n".to_vec();
        long.extend_from_slice(&endless);
        assert!(answered(&long).0);
    });
}

#[test]
fn a_status_line_is_read_strictly() {
    for (line, good) in [
        (&b"HTTP/1.1 200 "[..], true),
        (b"HTTP/1.0 200\r", true),
        (b"HTTP/1.1 399", true),
        (b"HTTP/1.1 2000", false),
        (b"HTTP/1.1 20", false),
        (b"HTTP/1.1 2x0 ", false),
        (b"HTTP/2 200 OK", false),
        (b"http/1.1 200 ", false),
        (b"HTTP/1.1 400 ", false),
    ] {
        assert_eq!(is_good(line), good, "{}", String::from_utf8_lossy(line));
    }
}

#[test]
fn ready_3_a_server_that_hangs_is_waited_for_until_the_asker_is_killed() {
    in_process(|| {
        let listener = listener();
        let mut lives = lives();
        let probe = http("127.0.0.1", &listener);
        let run = lives.start(Work::Probe(&probe), &[]);
        let (mut client, _) = listener.accept().unwrap();
        let mut piece = [0; 16];
        client.read_exact(&mut piece).unwrap();
        assert_eq!(lives.people.read_exec_status(run), Some(Ok(())));
        let pid = lives.people.leader(run).unwrap().id();
        looks_like_a_probe(pid);
        lives.people.kill(run);
        lives.people.kill_waiting();
        assert_eq!(lives.end(run).status.as_code(), 137);
    });
}

/// It is named, has nothing of lastout but a socket, and no right that it does not need.
fn looks_like_a_probe(pid: i32) {
    let read = |file| std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap();
    assert_eq!(read("comm"), "lastout-probe\n");
    let status = read("status");
    for line in [
        "Uid:\t65534\t65534\t65534\t65534",
        "CapPrm:\t0000000000000000",
        "SigBlk:\t0000000000000000",
        "SigIgn:\t0000000000000000",
        "SigCgt:\t0000000000000000",
    ] {
        assert!(status.contains(line), "no {line} in {status}");
    }
    let mut open: Vec<String> = std::fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .map(|entry| std::fs::read_link(entry.unwrap().path()).unwrap())
        .map(|link| link.to_string_lossy().into_owned())
        .collect();
    open.sort();
    assert_eq!(open[..3], ["/dev/null"; 3]);
    assert_eq!(open.len(), 4, "{open:?}");
    assert!(open[3].starts_with("socket:"), "{open:?}");
}

#[test]
fn ready_3_names_come_from_the_files_and_servers_of_the_container() {
    in_namespace(|| {
        with_loopback_of_our_own();
        let server = std::net::UdpSocket::bind("127.0.0.1:53").unwrap();
        mount(c"none", c"/mnt", c"tmpfs", 0);
        std::fs::write("/mnt/hosts", "127.0.0.1 from-hosts\n").unwrap();
        let servers = "search none.test in.test\nnameserver 127.0.0.1\noptions ndots:5\n";
        std::fs::write("/mnt/resolv.conf", servers).unwrap();
        mount(c"/mnt/hosts", c"/etc/hosts", c"none", libc::MS_BIND);
        mount(
            c"/mnt/resolv.conf",
            c"/etc/resolv.conf",
            c"none",
            libc::MS_BIND,
        );
        let listener = listener();
        let mut lives = lives();
        let run = lives.start(Work::Probe(&tcp("from-hosts", &listener)), &[]);
        assert!(is_well(&mut lives, run));

        let run = lives.start(Work::Probe(&tcp("db", &listener)), &[]);
        let mut asked = Vec::new();
        // Both kinds of an address for a name that is not there, and for one that is.
        for _ in 0..4 {
            let mut question = [0; 512];
            let (length, from) = server.recv_from(&mut question).unwrap();
            let question = &question[..length];
            asked.push(question[12..length].to_vec());
            server.send_to(&reply(question), from).unwrap();
        }
        assert!(is_well(&mut lives, run));
        let name = |kind: u8, name: &[u8]| [name, &[0, 0, kind, 0, 1]].concat();
        assert_eq!(
            asked,
            [
                name(1, b"\x02db\x04none\x04test"),
                name(28, b"\x02db\x04none\x04test"),
                name(1, b"\x02db\x02in\x04test"),
                name(28, b"\x02db\x02in\x04test"),
            ]
        );
        // A server that is not there is no answer.
        drop(server);
        let run = lives.start(Work::Probe(&tcp("db", &listener)), &[]);
        assert!(!is_well(&mut lives, run));
    });
}

/// The port of name servers is somebody else's on many machines.
fn with_loopback_of_our_own() {
    // SAFETY: plain system calls in a process of the test's own; the request is a live
    // structure, in which zeros are a name to be filled in.
    unsafe {
        assert_eq!(libc::unshare(libc::CLONE_NEWNET), 0);
        let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM, 0);
        let mut request: libc::ifreq = std::mem::zeroed();
        for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
            *to = *from as libc::c_char;
        }
        request.ifr_ifru.ifru_flags = libc::IFF_UP as libc::c_short;
        assert_eq!(
            libc::ioctl(socket, libc::SIOCSIFFLAGS as _, &raw mut request),
            0
        );
        libc::close(socket);
    }
}

/// `db.in.test` has the address 127.0.0.1; nothing else has any.
fn reply(question: &[u8]) -> Vec<u8> {
    let mut reply = question.to_vec();
    let is_there = question[12..].starts_with(b"\x02db\x02in");
    let asks_for_four = question[question.len() - 3] == 1;
    reply[2] |= 0x80;
    reply[3] = if is_there { 0 } else { 3 };
    if is_there && asks_for_four {
        reply[7] = 1;
        let answer = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1];
        reply.extend_from_slice(&answer);
    }
    reply
}
