//! What only the start knows of a child's environment.

use std::borrow::Cow;
use std::ffi::CString;

use crate::linux::passwd::Identity;
use crate::plan::Slate;

/// Digits enough for any pid, and the null.
const PID_DIGITS: usize = 11;

/// A variable with its value, which ends in a null: the launch's, or made for the start.
pub(super) type Entry<'a> = Cow<'a, [u8]>;

/// The launch's environment with these variables, which win.
pub(super) fn of_start<'a>(launch: &'a [CString], extra: &[(&str, Vec<u8>)]) -> Vec<Entry<'a>> {
    let mut all = Vec::with_capacity(launch.len() + extra.len());
    for entry in launch {
        let is_replaced = extra.iter().any(|(name, _)| {
            let rest = entry.as_bytes().strip_prefix(name.as_bytes());
            rest.is_some_and(|rest| rest.starts_with(b"="))
        });
        if !is_replaced {
            all.push(Cow::Borrowed(entry.as_bytes_with_nul()));
        }
    }
    for (name, value) in extra {
        all.push(Cow::Owned([name.as_bytes(), b"=", value, b"\0"].concat()));
    }
    all
}

/// HOME, USER and LOGNAME of the user, where the environment has none.
pub(super) fn add_identity(environment: &mut Vec<Entry<'_>>, identity: &Identity) {
    let values = [
        (&b"HOME="[..], &identity.home),
        (b"USER=", &identity.name),
        (b"LOGNAME=", &identity.name),
    ];
    for (name, value) in values {
        let Some(value) = value else { continue };
        if !environment.iter().any(|entry| entry.starts_with(name)) {
            environment.push(Cow::Owned([name, value, b"\0"].concat()));
        }
    }
}

/// Makes room for the child's pid where LISTEN_PID names ours: whoever gave lastout
/// the sockets meant them for the command.
pub(super) fn reserve_listen_pid(slate: Slate, environment: &mut [Entry<'_>]) -> Option<usize> {
    if slate != Slate::AsStarted {
        return None;
    }
    let ours = format!("LISTEN_PID={}\0", std::process::id());
    let is_ours = |entry: &Entry<'_>| entry.as_ref() == ours.as_bytes();
    let place = environment.iter().position(is_ours)?;
    let mut room = b"LISTEN_PID=".to_vec();
    room.resize(room.len() + PID_DIGITS, 0);
    *environment.get_mut(place)? = Cow::Owned(room);
    Some(place)
}

/// Writes the calling process' pid into the room that was reserved. Async-signal-safe.
pub(super) fn write_listen_pid(entry: &mut [u8]) {
    let start = entry.len().saturating_sub(PID_DIGITS);
    let Some(room) = entry.get_mut(start..) else {
        return;
    };
    // SAFETY: getpid takes nothing.
    let mut rest = unsafe { libc::getpid() }.unsigned_abs();
    let mut digits = [0_u8; PID_DIGITS];
    let mut count = 0;
    while rest > 0 || count == 0 {
        digits[count] = b'0' + (rest % 10) as u8;
        rest /= 10;
        count += 1;
    }
    for (place, digit) in room
        .iter_mut()
        .zip(digits[..count].iter().rev().chain([&0]))
    {
        *place = *digit;
    }
}
