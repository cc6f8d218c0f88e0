//! A relay's process, with a life of the test's own.

use std::fs::File;
use std::io::Write;

use super::*;
use crate::linux::orders::waiting_in;
use crate::linux::proc::ProcDir;
use crate::linux::testing::{in_process, until};
use crate::linux::wait::{self, Peek};

fn gauge() -> Gauge {
    Gauge::new().unwrap()
}

fn message(relay: &Relay) -> String {
    let message = until("it says something", || match relay.receive() {
        Received::Message(message) => Some(message),
        Received::Nothing => None,
        Received::Gone => panic!("it is gone"),
    });
    String::from_utf8(message).unwrap()
}

fn end(relay: &Relay) -> Zombie {
    until("it has ended", || match wait::peek() {
        Peek::Ended(zombie) if relay.is(&zombie) => Some(zombie),
        Peek::Ended(_) | Peek::AllAlive | Peek::NoChildren => None,
    })
}

/// Waits for a message, and gives the descriptor that came with it.
fn take(orders: &OwnedFd) -> Option<File> {
    let mut byte = [0_u8; 64];
    let mut room = Room([0; ROOM_FOR_ONE]);
    let mut piece = libc::iovec {
        iov_base: byte.as_mut_ptr().cast(),
        iov_len: byte.len(),
    };
    // SAFETY: all zeroes is a msghdr; what it names outlives the call, and the descriptor
    // that comes is nobody else's.
    unsafe {
        let mut header: libc::msghdr = MaybeUninit::zeroed().assume_init();
        header.msg_iov = &raw mut piece;
        header.msg_iovlen = 1;
        header.msg_control = room.0.as_mut_ptr().cast();
        header.msg_controllen = room.0.len() as _;
        if libc::recvmsg(orders.as_raw_fd(), &raw mut header, 0) <= 0 {
            return None;
        }
        let first = libc::CMSG_FIRSTHDR(&raw const header);
        if first.is_null() {
            return None;
        }
        let number = libc::CMSG_DATA(first).cast::<RawFd>().read_unaligned();
        Some(File::from_raw_fd(number))
    }
}

fn say(orders: &OwnedFd, text: &str) {
    // SAFETY: pointer and length are of one slice.
    unsafe { libc::send(orders.as_raw_fd(), text.as_ptr().cast(), text.len(), 0) };
}

fn leave() -> ! {
    // SAFETY: the forked process ends here.
    unsafe { libc::_exit(0) }
}

/// Writes a line to each file that it is sent, until nobody sends any more.
fn write_lines(orders: OwnedFd, gauge: Gauge, _: bool) -> ! {
    while let Some(mut file) = take(&orders) {
        file.write_all(b"a line\n").unwrap();
        gauge.take(7);
        say(&orders, "done");
    }
    leave()
}

fn tell_what_it_has(orders: OwnedFd, _: Gauge, _: bool) -> ! {
    let mut open: Vec<String> = std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    open.sort();
    say(&orders, &open.join(" "));
    leave()
}

fn sleep(orders: OwnedFd, _: Gauge, _: bool) -> ! {
    let _ = take(&orders);
    leave()
}

fn panic(_: OwnedFd, _: Gauge, _: bool) -> ! {
    panic!("a bug in the relay")
}

#[test]
fn a_descriptor_comes_with_a_message_and_what_is_counted_is_seen() {
    in_process(|| {
        let gauge = gauge();
        let relay = Relay::fork(write_lines, gauge, false).unwrap();
        let mut file = tempfile::tempfile().unwrap();
        for _ in 0..2 {
            let sent = relay.send(b"take this", Some(file.as_fd()));
            assert_eq!(sent, Sent::Yes);
            assert_eq!(message(&relay), "done");
        }
        let mut said = String::new();
        std::io::Seek::rewind(&mut file).unwrap();
        std::io::Read::read_to_string(&mut file, &mut said).unwrap();
        assert_eq!(said, "a line\na line\n");
        assert_eq!(gauge.kept(), 14);
        relay.kill();
        end(&relay).reap();
        assert!(matches!(relay.receive(), Received::Gone));
        assert_eq!(relay.send(b"again", None), Sent::Gone);
    });
}

#[test]
fn it_has_nothing_of_ours_but_0_to_2_and_its_socket() {
    in_process(|| {
        let _pipe = std::io::pipe().unwrap();
        // SAFETY: a number far from all others, which ends with this process.
        unsafe { libc::fcntl(0, libc::F_DUPFD, 170) };
        let relay = Relay::fork(tell_what_it_has, gauge(), false).unwrap();
        // The last one is of the directory that is read.
        assert_eq!(message(&relay), "0 1 2 3 4");
        end(&relay).reap();
    });
}

#[test]
fn it_is_called_what_it_is_and_leads_a_session_that_no_signal_ends() {
    in_process(|| {
        let relay = Relay::fork(sleep, gauge(), false).unwrap();
        let proc = ProcDir::open().unwrap();
        until("it is called so", || {
            let stat = proc.stat(relay.pid()).unwrap();
            let is_it = stat.comm.as_str() == "lastout-relay" && stat.sid == relay.pid();
            is_it.then_some(())
        });
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGPIPE, libc::SIGRTMIN()] {
            // SAFETY: a child of ours that is not reaped.
            unsafe { libc::kill(relay.id(), signal) };
        }
        assert_eq!(relay.send(b"nothing", None), Sent::Yes);
        let status = end(&relay).status;
        assert_eq!(status, lastout_core::ExitStatus::Code(0));
    });
}

#[test]
fn it_leaves_when_our_end_is_gone() {
    in_process(|| {
        let relay = Relay::fork(sleep, gauge(), false).unwrap();
        let Relay { pid, socket } = relay;
        drop(socket);
        until("it has ended", || match wait::peek_at(pid) {
            Peek::Ended(zombie) => {
                zombie.reap();
                Some(())
            }
            Peek::AllAlive | Peek::NoChildren => None,
        });
    });
}

#[test]
fn a_panic_in_it_ends_nobody_but_it() {
    in_process(|| {
        let relay = Relay::fork(panic, gauge(), false).unwrap();
        let status = end(&relay).status;
        assert_eq!(status, lastout_core::ExitStatus::Code(127));
    });
}

#[test]
fn a_socket_that_nobody_reads_holds_nobody_up() {
    in_process(|| {
        let relay = Relay::fork(stop, gauge(), false).unwrap();
        let (read, _write) = std::io::pipe().unwrap();
        let sent = (0..100_000).find_map(|_| match relay.send(&[1; 100], Some(read.as_fd())) {
            Sent::Yes => None,
            other @ (Sent::NoRoom | Sent::NotNow | Sent::Gone) => Some(other),
        });
        assert_eq!(sent, Some(Sent::NoRoom));
        relay.kill();
        end(&relay).reap();
    });
}

fn stop(_: OwnedFd, _: Gauge, _: bool) -> ! {
    loop {
        // SAFETY: it waits for a signal that is not blocked, which is SIGKILL.
        unsafe { libc::pause() };
    }
}

#[test]
fn bytes_that_wait_are_counted() {
    let (read, mut write) = std::io::pipe().unwrap();
    assert_eq!(waiting_in(read.as_fd()), 0);
    write.write_all(b"12345").unwrap();
    assert_eq!(waiting_in(read.as_fd()), 5);
}

#[test]
fn a_descriptor_that_is_on_its_way_is_closed_with_the_socket_that_it_is_in() {
    in_process(|| {
        let (ours, theirs) = pair().unwrap();
        let (mut reader, writer) = std::io::pipe().unwrap();
        assert_eq!(
            send(ours.as_fd(), b"take this", Some(writer.as_fd())),
            Sent::Yes
        );
        drop(writer);
        let mut ask = libc::pollfd {
            fd: reader.as_raw_fd(),
            events: 0,
            revents: 0,
        };
        // SAFETY: one pollfd, and no waiting.
        assert_eq!(unsafe { libc::poll(&raw mut ask, 1, 0) }, 0);
        drop(theirs);
        assert_eq!(io::Read::read(&mut reader, &mut [0]).unwrap(), 0);
    });
}
