//! The way to a running lastout: the same places in the same order as it looks for one.

use std::ffi::{OsStr, OsString};
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{SocketAddr, UnixStream};

use super::{Failure, NOBODY};
use crate::control::place::{Place, Places, places};
use crate::linux::control::{own_uid, uid_behind};
use crate::words::error_text;

/// Connects to who answers first. `named`: what the command line says.
pub(super) fn connect(named: Option<&OsString>) -> Result<UnixStream, Failure> {
    let mut looked = Vec::new();
    let owner = owner_of_init();
    let places = where_to_look(named, owner);
    for place in &places.places {
        let why = match open(place) {
            // Where nobody named the place, whoever was first has it.
            Ok(stream) if !places.is_named && !is_trusted(&stream, owner) => {
                String::from("somebody else answers, who is neither root nor you")
            }
            Ok(stream) => return Ok(stream),
            Err(error) => match error.raw_os_error() {
                Some(errno) => error_text(errno),
                None => error.to_string(),
            },
        };
        looked.push(format!("{}: {why}", place.shown()));
    }
    let text = format!(
        "lastout: nobody answers; looked at {} (--socket PATH names another place)",
        looked.join("; ")
    );
    Err(Failure::Said(text, NOBODY))
}

fn where_to_look(named: Option<&OsString>, owner: Option<u32>) -> Places {
    if let Some(named) = named {
        return Places {
            places: vec![Place::named(named)],
            is_named: true,
        };
    }
    let mut places = places(|name| std::env::var_os(name), None, own_uid());
    // `docker exec` comes as another user than the container has.
    if let Some(owner) = owner.filter(|owner| !places.is_named && *owner != own_uid()) {
        let name = format!("@lastout-{owner}");
        places.places.push(Place::named(OsStr::new(&name)));
    }
    places
}

/// The user that PID 1 of this container runs as.
fn owner_of_init() -> Option<u32> {
    std::fs::metadata("/proc/1").ok().map(|found| found.uid())
}

fn open(place: &Place) -> std::io::Result<UnixStream> {
    let address = match place.name().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(OsStr::from_bytes(place.name()))?,
    };
    UnixStream::connect_addr(&address)
}

fn is_trusted(stream: &UnixStream, owner: Option<u32>) -> bool {
    let uid = uid_behind(stream.as_fd());
    uid.is_some_and(|uid| uid == 0 || uid == own_uid() || Some(uid) == owner)
}
