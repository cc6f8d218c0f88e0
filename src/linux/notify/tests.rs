//! The socket on the kernel at hand: where it is, what it takes and what it drops.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;

use lastout_core::Message;
use lastout_harness::notify::Receiver;

use super::*;
use crate::linux::testing::in_process;

fn open_in(directories: &[&Path]) -> Socket {
    let names = directories.iter().map(|path| path.as_os_str().as_bytes());
    let names: Vec<CString> = names.map(|name| CString::new(name).unwrap()).collect();
    let names: Vec<&CStr> = names.iter().map(CString::as_c_str).collect();
    Socket::open_in(&names).unwrap()
}

/// A socket at a path, in a folder of the test's own.
fn at_path() -> (tempfile::TempDir, Socket) {
    let folder = tempfile::tempdir().unwrap();
    let socket = open_in(&[folder.path()]);
    (folder, socket)
}

fn path_of(socket: &Socket) -> &Path {
    Path::new(OsStr::from_bytes(socket.name()))
}

/// Sends this, with descriptors; how sd_notify(3) does it.
fn send(socket: &Socket, text: &[u8], descriptors: &[RawFd]) {
    let sender = address::socket().unwrap();
    let address = Address::of(socket.name()).unwrap();
    let mut control = [0u64; CONTROL_WORDS];
    let mut part = libc::iovec {
        iov_base: text.as_ptr().cast_mut().cast(),
        iov_len: text.len(),
    };
    let bytes = size_of_val(descriptors) as u32;
    // SAFETY: all zeroes is a message; it names memory that is there for the call, and the
    // control data has room for as many descriptors as the kernel takes.
    let sent = unsafe {
        let mut message: libc::msghdr = MaybeUninit::zeroed().assume_init();
        message.msg_name = address.as_ptr().cast_mut().cast();
        message.msg_namelen = address.length();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        if !descriptors.is_empty() {
            message.msg_control = control.as_mut_ptr().cast();
            message.msg_controllen = libc::CMSG_SPACE(bytes) as _;
            let header = libc::CMSG_FIRSTHDR(&raw const message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(bytes) as _;
            let data = libc::CMSG_DATA(header).cast::<RawFd>();
            data.copy_from_nonoverlapping(descriptors.as_ptr(), descriptors.len());
        }
        libc::sendmsg(sender.as_raw_fd(), &raw const message, 0)
    };
    assert_eq!(sent, text.len() as isize, "{}", io::Error::last_os_error());
}

fn receive(socket: &Socket) -> Option<Datagram> {
    socket.receive(&mut BUDGET.clone())
}

fn is_ready(datagram: Option<Datagram>) -> bool {
    datagram.is_some_and(|datagram| datagram.said == [Said::Message(Message::Ready)])
}

/// Whether nobody holds the other end of a pipe any more.
fn has_ended(pipe: &io::PipeReader) -> bool {
    let mut poll = libc::pollfd {
        fd: pipe.as_raw_fd(),
        events: 0,
        revents: 0,
    };
    // SAFETY: one entry, and no waiting.
    unsafe { libc::poll(&raw mut poll, 1, 0) == 1 }
}

/// How many descriptors this process has open.
fn count_of_open() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn ready_1_a_path_is_for_every_user_and_goes_with_its_maker_alone() {
    in_process(|| {
        let folder = tempfile::tempdir().unwrap();
        umask(Mode::from_bits_truncate(0o077));
        let socket = open_in(&[folder.path()]);
        assert_eq!(umask(Mode::empty()).bits(), 0o077);
        let path = path_of(&socket).to_owned();
        assert!(path.starts_with(folder.path()));
        let mode = path.symlink_metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o666);
        in_process(|| socket.unlink());
        assert!(path.exists());
        drop(socket);
        assert!(!path.exists());
    });
}

#[test]
fn ready_1_sockets_that_the_killed_left_behind_are_removed_and_nothing_else() {
    in_process(|| {
        let (folder, alive) = at_path();
        let path = |name: &str| folder.path().join(name);
        let dead = path_of(&alive).with_file_name("notify-7-8");
        drop(UnixDatagram::bind(&dead).unwrap());
        drop(UnixDatagram::bind(path("control.sock")).unwrap());
        drop(UnixDatagram::bind(path("notify-of-another")).unwrap());
        std::os::unix::fs::lchown(path("notify-of-another"), Some(3000), None).unwrap();
        // Of another kind it is nobody's whom we know.
        let _stream = UnixListener::bind(path("notify-stream")).unwrap();
        std::fs::write(path("notify-file"), "").unwrap();
        symlink(path("control.sock"), path("notify-link")).unwrap();
        let count = || std::fs::read_dir(folder.path()).unwrap().count();
        let before = count();
        let name = CString::new(folder.path().as_os_str().as_bytes()).unwrap();
        remove_dead(&name);
        assert!(!dead.exists());
        assert_eq!(count(), before - 1);
        send(&alive, b"READY=1", &[]);
        assert!(is_ready(receive(&alive)));
    });
}

#[test]
fn ready_1_without_a_directory_the_name_is_abstract() {
    in_process(|| {
        let folder = tempfile::tempdir().unwrap();
        let (link, missing) = (folder.path().join("link"), folder.path().join("missing"));
        symlink(folder.path(), &link).unwrap();
        let long = folder.path().join("long".repeat(30));
        std::fs::create_dir(&long).unwrap();
        let socket = open_in(&[&link, &missing, &long, Path::new("")]);
        assert!(socket.name().starts_with(b"@lastout/notify-"));
        send(&socket, b"READY=1", &[]);
        assert!(is_ready(receive(&socket)));
    });
}

#[test]
fn ready_1_root_makes_no_path_that_others_cannot_reach() {
    in_process(|| {
        let folder = tempfile::tempdir().unwrap();
        for (mode, others_come_through) in [(0o700, false), (0o701, true)] {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(folder.path(), permissions).unwrap();
            let socket = open_in(&[folder.path()]);
            let is_path = socket.name().starts_with(b"/");
            assert_eq!(is_path, others_come_through || !geteuid().is_root());
        }
    });
}

#[test]
fn ready_1_a_socket_is_where_the_platform_has_a_place_and_two_do_not_collide() {
    in_process(|| {
        let (one, other) = (Socket::open().unwrap(), Socket::open().unwrap());
        assert_ne!(one.name(), other.name());
        for socket in [&one, &other] {
            send(socket, b"READY=1", &[]);
            let datagram = receive(socket).unwrap();
            assert_eq!(datagram.sender, Sender(nix::unistd::getpid()));
            assert_eq!(receive(socket), None);
        }
    });
}

#[test]
fn ready_1_what_is_malformed_is_dropped_and_what_follows_is_not() {
    in_process(|| {
        let (_folder, socket) = at_path();
        let mut long = b"READY=1\nX_FILL=".to_vec();
        long.resize(LONGEST, b'x');
        send(&socket, &long, &[]);
        assert!(is_ready(receive(&socket)));
        long.push(b'x');
        for bad in [b"", b"READY=1\0\n".as_slice(), &long, b"X_NOBODY=knows"] {
            send(&socket, bad, &[]);
        }
        send(&socket, b"READY=1\0", &[]);
        assert!(is_ready(receive(&socket)));
        assert_eq!(receive(&socket), None);
    });
}

#[test]
fn ready_1_descriptors_are_closed_whatever_comes_with_them() {
    in_process(|| {
        let (_folder, socket) = at_path();
        let before = count_of_open();
        for text in ["BARRIER=1", "READY=1", "READY\0=1", ""] {
            let (ours, theirs) = io::pipe().unwrap();
            send(&socket, text.as_bytes(), &[theirs.as_raw_fd(); 253]);
            drop(theirs);
            let _ = receive(&socket);
            assert!(has_ended(&ours), "{text}");
        }
        assert_eq!(count_of_open(), before);
    });
}

#[test]
fn ready_1_a_barrier_is_passed_only_when_what_came_before_is_done_with() {
    in_process(|| {
        let (_folder, socket) = at_path();
        let (ours, theirs) = io::pipe().unwrap();
        send(&socket, b"READY=1", &[]);
        send(&socket, b"BARRIER=1", &[theirs.as_raw_fd()]);
        drop(theirs);
        assert!(is_ready(receive(&socket)));
        assert!(!has_ended(&ours));
        assert_eq!(receive(&socket), None);
        assert!(has_ended(&ours));
    });
}

#[test]
fn ready_1_a_turn_receives_no_more_than_its_budget() {
    in_process(|| {
        let (_folder, socket) = at_path();
        for _ in 0..5 {
            send(&socket, b"X_NOBODY=knows", &[]);
        }
        send(&socket, b"READY=1", &[]);
        let mut budget = 5;
        assert_eq!(socket.receive(&mut budget), None);
        assert_eq!(budget, 0);
        assert!(is_ready(receive(&socket)));
    });
}

#[test]
fn up_1_who_is_above_is_told() {
    let receiver = Receiver::bind();
    let upward = Upward::to(receiver.path().as_bytes()).unwrap();
    upward.say("READY=1\nSTATUS=all are up");
    upward.say("STOPPING=1");
    assert_eq!(receiver.wait_for("STOPPING=1"), "STOPPING=1");
    assert_eq!(receiver.said()[0], "READY=1\nSTATUS=all are up");
}

#[test]
fn up_1_an_abstract_name_is_as_good() {
    in_process(|| {
        let socket = open_in(&[]);
        Upward::to(socket.name()).unwrap().say("READY=1");
        assert!(is_ready(receive(&socket)));
    });
}

#[test]
fn up_1_nobody_there_and_a_full_queue_are_no_matter() {
    let receiver = Receiver::bind();
    let upward = Upward::to(receiver.path().as_bytes()).unwrap();
    for _ in 0..2000 {
        upward.say("STATUS=again");
    }
    drop(receiver);
    upward.say("STATUS=gone");
    for name in ["", "relative", "@", "vsock:2:1234", "/nul\0"] {
        assert!(Upward::to(name.as_bytes()).is_none(), "{name}");
    }
}
