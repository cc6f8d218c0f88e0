//! The way to a running lastout: the same places in the same order as it looks for one.

use std::ffi::{OsStr, OsString};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use nix::errno::Errno;

use super::{Failure, NOBODY};
use crate::control::place::{Place, Places, places};
use crate::linux::control::{connect_to, own_uid, uid_behind};
use crate::words::error_text;

/// Connects to who answers first. `named`: what the command line says; `patience`: how
/// long each may take to let us in.
pub(super) fn connect(named: Option<&OsString>, patience: Duration) -> Result<UnixStream, Failure> {
    let mut looked = Vec::new();
    let mut is_forbidden = false;
    let owner = owner_of_init();
    let places = where_to_look(named, owner);
    for place in &places.places {
        let why = match open(place, patience) {
            // Where nobody named the place, whoever was first has it.
            Ok(stream) if !places.is_named && !is_trusted(&stream, owner) => {
                String::from("somebody else answers, who is neither root nor you")
            }
            Ok(stream) => return Ok(stream),
            Err(Errno::EAGAIN) => String::from("it is there, and lets nobody in; is it stopped?"),
            Err(errno) => {
                is_forbidden |= errno == Errno::EACCES;
                error_text(errno as i32)
            }
        };
        looked.push(format!("{}: {why}", place.shown()));
    }
    let hint = match places.is_named {
        _ if is_forbidden => "root, lastout's own user and [control] readers may ask",
        true => "--socket PATH names another place",
        false => "--socket PATH names another place; a single command has none without --control",
    };
    let looked = looked.join("; ");
    let text = format!("lastout: nobody answers; looked at {looked} ({hint})");
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

fn open(place: &Place, patience: Duration) -> Result<UnixStream, Errno> {
    if place.name().starts_with(b"/") || place.is_abstract() {
        return connect_to(place, patience);
    }
    let path = std::path::absolute(OsStr::from_bytes(place.name())).map_err(|_| Errno::ENOENT)?;
    connect_to(&Place::named(path.as_os_str()), patience)
}

fn is_trusted(stream: &UnixStream, owner: Option<u32>) -> bool {
    let uid = uid_behind(stream.as_fd());
    uid.is_some_and(|uid| uid == 0 || uid == own_uid() || Some(uid) == owner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linux::control::Listener;
    use crate::linux::testing::in_process;

    fn why_nobody(place: &str) -> String {
        let mut waiting = Vec::new();
        loop {
            match connect(Some(&OsString::from(place)), Duration::from_millis(1)) {
                Ok(stream) => waiting.push(stream),
                Err(Failure::Said(text, code)) => {
                    assert_eq!(code, NOBODY);
                    return text;
                }
                Err(Failure::Unread) => panic!("nobody reads"),
            }
        }
    }

    #[test]
    fn who_is_there_and_lets_nobody_in_is_nobody() {
        in_process(|| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("socket");
            let place = Place::named(path.as_os_str());
            let _silent = Listener::open(&place, true, false).unwrap();
            let place = place.shown();
            let text = format!(
                "lastout: nobody answers; looked at {place}: it is there, and lets nobody in; is \
                 it stopped? (--socket PATH names another place)"
            );
            assert_eq!(why_nobody(&place), text);
        });
    }

    #[test]
    fn a_place_that_cannot_be_is_said_to_be_none() {
        let long = format!("/{}", "x".repeat(200));
        for (place, why) in [
            ("", "No such file or directory"),
            ("@", "Invalid argument"),
            (long.as_str(), "File name too long"),
            ("nowhere/socket", "No such file or directory"),
        ] {
            let text = why_nobody(place);
            assert!(
                text.contains(&format!("looked at {place}: {why}")),
                "{text}"
            );
        }
    }
}
