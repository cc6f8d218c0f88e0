//! A program with a watchdog: it says again and again that it is well.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use lastout_example_programs::arguments::Arguments;
use lastout_example_programs::{fail, say};

/// Its work between two words.
const PARTS: u32 = 10;

/// Says so with sd_notify, and on standard output.
pub(crate) fn well(mut arguments: Arguments) {
    let every = arguments.duration("--every", Duration::from_millis(300));
    arguments.finish();

    let Ok(name) = std::env::var("NOTIFY_SOCKET") else {
        fail(2, "probe well: nobody gave it a NOTIFY_SOCKET");
    };
    let address = match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(&name),
    };
    let (Ok(address), Ok(socket)) = (address, UnixDatagram::unbound()) else {
        fail(2, &format!("probe well: there is no socket to {name}"));
    };
    say("well: begins");
    loop {
        match socket.send_to_addr(b"WATCHDOG=1", &address) {
            Ok(_) => say("well: said so"),
            Err(error) => fail(3, &format!("probe well: {name}: {error}")),
        }
        // In parts, as a program that works: what is left of them when it is paused is left
        // afterwards, too, where one long sleep would be over.
        (0..PARTS).for_each(|_| std::thread::sleep(every / PARTS));
    }
}
