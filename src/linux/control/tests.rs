//! The control socket's descriptors on the kernel at hand: who gets a place, who is let in.

use std::io::Write;
use std::os::unix::net::UnixListener;
use std::sync::Barrier;

use nix::unistd::{Uid, setuid};

use super::*;
use crate::linux::testing::{in_namespace, in_process};

#[test]
fn whatever_is_in_the_way_of_a_socket_the_umask_is_what_it_was() {
    in_process(|| {
        let folder = tempfile::tempdir().unwrap();
        let [taken, file] = ["taken", "file"].map(|name| folder.path().join(name));
        std::fs::write(&file, "").unwrap();
        let [taken, file] = [taken, file].map(|path| Place::named(path.as_os_str()));
        umask(Mode::from_bits_truncate(0o027));
        let listener = Listener::open(&taken, true, false).unwrap();
        let refused = |place| Listener::open(place, true, false).map(drop);
        assert!(matches!(refused(&taken), Err(NoSocket::Taken)));
        assert!(matches!(refused(&file), Err(NoSocket::InTheWay)));
        assert_eq!(umask(Mode::empty()).bits(), 0o027);
        drop(listener);
    });
}

#[test]
fn of_many_that_find_the_same_dead_socket_one_takes_its_place_and_keeps_it() {
    in_process(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let place = Place::named(path.as_os_str());
        for _ in 0..100 {
            drop(UnixListener::bind(&path).unwrap());
            let begin = Barrier::new(4);
            let open = || {
                begin.wait();
                Listener::open(&place, true, false)
            };
            let found = std::thread::scope(|scope| {
                let all = [0; 4].map(|_| scope.spawn(open));
                all.map(|one| one.join().unwrap())
            });
            let won = found.iter().filter(|one| one.is_ok()).count();
            let lost = |one: &Result<_, _>| matches!(one, Err(NoSocket::Taken));
            assert_eq!(won + found.iter().filter(|one| lost(one)).count(), 4);
            assert_eq!(won, 1, "{found:?}");
            UnixStream::connect(&path).unwrap();
        }
    });
}

#[test]
fn while_another_one_is_at_it_nothing_is_removed() {
    in_process(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let place = Place::named(path.as_os_str());
        // Bound, and not listening yet: it looks as a dead one does.
        let other = socket_of(libc::SOCK_STREAM).unwrap();
        let address = Address::of(place.name()).unwrap();
        let held = be_alone_in(folder.path()).unwrap();
        bind(&other, &address, 0o177).unwrap();
        let refused = Listener::open(&place, true, false).map(drop);
        assert!(matches!(refused, Err(NoSocket::Taken)), "{refused:?}");
        assert!(path.exists());
        drop((held, other));
        drop(Listener::open(&place, true, false).unwrap());
        assert!(!path.exists());
    });
}

/// A socket that listens for everybody, in a folder of the test's own that all reach.
fn listening() -> (tempfile::TempDir, std::path::PathBuf, Listener) {
    let folder = tempfile::tempdir().unwrap();
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), permissions).unwrap();
    let path = folder.path().join("socket");
    let listener = Listener::open(&Place::named(path.as_os_str()), true, true).unwrap();
    (folder, path, listener)
}

#[test]
fn who_has_connected_is_known_as_who_it_was_then_and_cannot_say_otherwise() {
    in_process(|| {
        let (_folder, path, listener) = listening();
        let stranger = Uid::from_raw(3000);
        let peer_of = |uid_before: bool| {
            in_process(|| {
                if uid_before {
                    setuid(stranger).unwrap();
                }
                let mut stream = UnixStream::connect(&path).unwrap();
                if !uid_before {
                    setuid(stranger).unwrap();
                }
                stream.write_all(b"I am root").unwrap();
                let root = libc::ucred {
                    pid: 1,
                    uid: 0,
                    gid: 0,
                };
                // SAFETY: pointer and length are of one struct.
                let forged = unsafe {
                    libc::setsockopt(
                        stream.as_raw_fd(),
                        libc::SOL_SOCKET,
                        libc::SO_PEERCRED,
                        (&raw const root).cast(),
                        size_of_val(&root) as libc::socklen_t,
                    )
                };
                assert_eq!(Errno::result(forged), Err(Errno::ENOPROTOOPT));
            });
            listener.accept().unwrap().unwrap()
        };
        assert_eq!(peer_of(true).uid, 3000);
        let of_root = peer_of(false);
        assert_eq!((of_root.uid, of_root.is_outside), (0, false));
    });
}

#[test]
fn who_is_outside_of_the_pid_namespace_has_no_number_in_it() {
    let (folder, path, listener) = listening();
    let client = UnixStream::connect(&path).unwrap();
    in_namespace(|| {
        let peer = listener.accept().unwrap().unwrap();
        assert!(peer.is_outside);
        let _inside = UnixStream::connect(&path).unwrap();
        assert!(!listener.accept().unwrap().unwrap().is_outside);
    });
    drop((client, folder));
}

#[test]
fn who_has_a_full_queue_is_there_and_who_is_asked_does_not_wait() {
    in_process(|| {
        let (_folder, _path, listener) = listening();
        let address = Address::of(listener.place().name()).unwrap();
        let mut waiting = Vec::new();
        let full = loop {
            match connect(libc::SOCK_STREAM, &address) {
                Ok(socket) => waiting.push(socket),
                Err(error) => break error,
            }
        };
        assert_eq!(full, Errno::EAGAIN);
        assert!(waiting.len() as i32 >= BACKLOG);
        let refused = Listener::open(listener.place(), true, false).map(drop);
        assert!(matches!(refused, Err(NoSocket::Taken)));
    });
}

#[test]
fn who_is_hung_up_on_sees_the_end_whoever_else_has_the_socket() {
    let (_folder, path, listener) = listening();
    let mut client = UnixStream::connect(&path).unwrap();
    let peer = listener.accept().unwrap().unwrap();
    let _of_a_fork = peer.descriptor().try_clone_to_owned().unwrap();
    peer.hang_up();
    assert_eq!(io::Read::read(&mut client, &mut [0]).unwrap(), 0);
}
