//! Users and groups: /etc/passwd and /etc/group, read by ourselves.
//!
//! Never NSS: a static glibc binary that asks getpwnam(3) loads the libraries that
//! /etc/nsswitch.conf names, of whatever glibc the image has, and can die of SIGSEGV
//! in them; others ask a server and block. PID 1 can afford neither.
//!
//! What a [`UserSpec`] means is what it means to Docker's `--user`, since that is what
//! people have learned: what is a number is an id, even where somebody is named so; an
//! id needs no entry; a uid without entry gets gid 0; supplementary groups are those
//! whose line in /etc/group names the user, and only where no group was asked for.
//! The group itself always heads the list of supplementary groups, as with
//! initgroups(3): a program must not be able to shed a group that a file denies
//! something to (CVE-2022-36109).
//!
//! Files are bytes, not UTF-8, and bounded: a line of more than 64 KiB is skipped, a
//! file of more than 4 MiB is refused. What is no regular file is refused, too, so
//! that a FIFO in its place cannot make anybody wait.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;

use crate::plan::UserSpec;

const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";

/// Far above any real line: 64 KiB hold a group of some 8,000 members.
const LONGEST_LINE: usize = 64 << 10;
/// Far above any real file: 4 MiB hold some 60,000 users.
const LARGEST_FILE: u64 = 4 << 20;
/// As many supplementary groups as setgroups(2) takes (NGROUPS_MAX).
const MOST_GROUPS: usize = 65_536;

/// Whom a program runs as.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Identity {
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// For setgroups(2): the group first, then the supplementary ones, none twice.
    pub groups: Vec<u32>,
    /// The home directory, where the user has an entry that names one.
    pub home: Option<Vec<u8>>,
    /// The login name, where the user has an entry.
    pub name: Option<Vec<u8>>,
}

/// Why there is no such [`Identity`]. Its text is a sentence without a full stop.
#[derive(Debug)]
pub enum LookupError {
    /// /etc/passwd has no line for this name.
    NoUser(String),
    /// /etc/group has no line for this name.
    NoGroup(String),
    /// A name was to be looked up and the file could not be read.
    Unreadable {
        /// What was looked for, as in "user `web`".
        wanted: String,
        /// Where.
        file: &'static str,
        /// What the kernel said, or which bound the file breaks.
        source: io::Error,
    },
    /// Ids go from 0 to 4294967294; the last number of 32 bits means "no change".
    BadId(String),
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LookupError::NoUser(name) => write!(f, "no user named `{name}` in {PASSWD}"),
            LookupError::NoGroup(name) => write!(f, "no group named `{name}` in {GROUP}"),
            LookupError::Unreadable {
                wanted,
                file,
                source,
            } => write!(f, "cannot look up {wanted} in {file}: {source}"),
            LookupError::BadId(text) => {
                write!(f, "`{text}` is no id: they go from 0 to 4294967294")
            }
        }
    }
}

impl std::error::Error for LookupError {}

/// Looks a user up, now: the files may have changed since the configuration was read.
///
/// # Errors
/// A name that is not there, a file that a name needs and that cannot be read, or a
/// number that is no id. A number never needs a file.
pub fn resolve(spec: &UserSpec) -> Result<Identity, LookupError> {
    let passwd = read_bounded(PASSWD);
    let group = read_bounded(GROUP);
    resolve_in(spec, passwd, group)
}

/// The names of all users; `None` when /etc/passwd cannot be read.
#[must_use]
pub fn user_names() -> Option<Vec<String>> {
    let file = read_bounded(PASSWD).ok()?;
    Some(
        users(&file)
            .map(|user| String::from_utf8_lossy(user.name).into_owned())
            .collect(),
    )
}

/// The names of all groups; `None` when /etc/group cannot be read.
#[must_use]
pub fn group_names() -> Option<Vec<String>> {
    let file = read_bounded(GROUP).ok()?;
    Some(
        groups(&file)
            .map(|group| String::from_utf8_lossy(group.name).into_owned())
            .collect(),
    )
}

fn resolve_in(
    spec: &UserSpec,
    passwd: io::Result<Vec<u8>>,
    group: io::Result<Vec<u8>>,
) -> Result<Identity, LookupError> {
    let mut found = user(&spec.user, passwd)?;
    match &spec.group {
        Some(wanted) => found.gid = gid(wanted, group)?,
        None => {
            if let (Some(name), Ok(file)) = (&found.name, &group) {
                found.groups = memberships(file, name);
            }
        }
    }
    let first = found.gid;
    found.groups.retain(|&gid| gid != first);
    found.groups.insert(0, first);
    found.groups.truncate(MOST_GROUPS);
    Ok(found)
}

/// The entry of a user; a number without one is itself, in group 0.
fn user(wanted: &str, passwd: io::Result<Vec<u8>>) -> Result<Identity, LookupError> {
    let number = if is_number(wanted) {
        Some(id(wanted)?)
    } else {
        None
    };
    let file = match (passwd, number) {
        (Ok(file), _) => file,
        (Err(_), Some(_)) => Vec::new(),
        (Err(source), None) => {
            return Err(LookupError::Unreadable {
                wanted: format!("user `{wanted}`"),
                file: PASSWD,
                source,
            });
        }
    };
    let entry = users(&file).find(|user| match number {
        Some(uid) => user.uid == uid,
        None => user.name == wanted.as_bytes(),
    });
    match (entry, number) {
        (Some(user), _) => Ok(Identity {
            uid: user.uid,
            gid: user.gid,
            groups: Vec::new(),
            home: (!user.home.is_empty()).then(|| user.home.to_vec()),
            name: Some(user.name.to_vec()),
        }),
        (None, Some(uid)) => Ok(Identity {
            uid,
            ..Identity::default()
        }),
        (None, None) => Err(LookupError::NoUser(wanted.to_owned())),
    }
}

fn gid(wanted: &str, group: io::Result<Vec<u8>>) -> Result<u32, LookupError> {
    if is_number(wanted) {
        return id(wanted);
    }
    let file = group.map_err(|source| LookupError::Unreadable {
        wanted: format!("group `{wanted}`"),
        file: GROUP,
        source,
    })?;
    let gid = groups(&file).find(|group| group.name == wanted.as_bytes());
    gid.map(|group| group.gid)
        .ok_or_else(|| LookupError::NoGroup(wanted.to_owned()))
}

/// The groups whose line names the user, in the order of the file, none twice.
fn memberships(file: &[u8], name: &[u8]) -> Vec<u32> {
    let mut found = Vec::new();
    for group in groups(file) {
        let names_him = group.members.split(|&b| b == b',').any(|m| m == name);
        if names_him && !found.contains(&group.gid) && found.len() < MOST_GROUPS {
            found.push(group.gid);
        }
    }
    found
}

struct UserLine<'a> {
    name: &'a [u8],
    uid: u32,
    gid: u32,
    home: &'a [u8],
}

struct GroupLine<'a> {
    name: &'a [u8],
    gid: u32,
    members: &'a [u8],
}

/// `name:password:uid:gid:comment:home:shell`. Lines that are not so say nothing.
fn users(file: &[u8]) -> impl Iterator<Item = UserLine<'_>> {
    lines(file).filter_map(|line| {
        let mut fields = line.split(|&b| b == b':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        let uid = id_of(fields.nth(1)?)?;
        let gid = id_of(fields.next()?)?;
        let home = fields.nth(1).unwrap_or_default();
        Some(UserLine {
            name,
            uid,
            gid,
            home,
        })
    })
}

/// `name:password:gid:member,member`.
fn groups(file: &[u8]) -> impl Iterator<Item = GroupLine<'_>> {
    lines(file).filter_map(|line| {
        let mut fields = line.split(|&b| b == b':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        let gid = id_of(fields.nth(1)?)?;
        let members = fields.next().unwrap_or_default();
        Some(GroupLine { name, gid, members })
    })
}

fn lines(file: &[u8]) -> impl Iterator<Item = &[u8]> {
    file.split(|&b| b == b'\n')
        .filter(|line| line.len() <= LONGEST_LINE && !line.starts_with(b"#"))
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn id(text: &str) -> Result<u32, LookupError> {
    id_of(text.as_bytes()).ok_or_else(|| LookupError::BadId(text.to_owned()))
}

fn id_of(text: &[u8]) -> Option<u32> {
    // A sign is no part of an id, though `parse` would take one.
    if !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u32 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (number != u32::MAX).then_some(number)
}

/// All of a regular file of at most 4 MiB.
pub(crate) fn read_bounded(path: &str) -> io::Result<Vec<u8>> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(io::Error::other("larger than 4 MiB"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const USERS: &[u8] = b"root:x:0:0:root:/root:/bin/bash\n\
        # a comment\n\
        web:x:33:33:www:/var/www:/usr/sbin/nologin\n\
        1000:x:77:77::/odd:\n\
        broken\n\
        b\xffd:x:44:45::/h\xff:\r\n\
        dup:x:33:99::/dup:\n\
        neg:x:-5:1::/:\n\
        last:x:500:501::/last:/bin/sh";
    const GROUPS: &[u8] =
        b"root:x:0:\nadm:x:4:web,root\nweb:x:33:web\nlogs:x:9:other,web\nw:x:10:webb\nadm2:x:4:web\n";

    fn spec(text: &str) -> UserSpec {
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group.to_owned())),
            None => (text, None),
        };
        UserSpec {
            user: user.to_owned(),
            group,
        }
    }

    fn look_up(text: &str) -> Result<Identity, LookupError> {
        resolve_in(&spec(text), Ok(USERS.to_vec()), Ok(GROUPS.to_vec()))
    }

    #[test]
    fn a_name_brings_its_group_home_and_memberships() {
        let web = look_up("web").unwrap();
        assert_eq!((web.uid, web.gid), (33, 33));
        assert_eq!(web.groups, [33, 4, 9]);
        assert_eq!(web.home.as_deref(), Some(&b"/var/www"[..]));
        assert_eq!(web.name.as_deref(), Some(&b"web"[..]));
    }

    #[test]
    fn a_line_without_newline_at_the_end_counts() {
        assert_eq!(look_up("last").unwrap().gid, 501);
    }

    #[test]
    fn a_number_is_a_uid_even_where_somebody_is_named_so() {
        let number = look_up("1000").unwrap();
        assert_eq!((number.uid, number.gid, number.name), (1000, 0, None));
        assert_eq!(number.groups, [0]);
    }

    #[test]
    fn a_number_with_an_entry_is_that_user_and_the_first_line_wins() {
        let web = look_up("33").unwrap();
        assert_eq!(web.name.as_deref(), Some(&b"web"[..]));
        assert_eq!(web.groups, [33, 4, 9]);
    }

    #[test]
    fn a_group_that_was_asked_for_is_the_only_one() {
        for text in ["web:adm", "33:4", "web:4", "33:adm"] {
            let web = look_up(text).unwrap();
            assert_eq!((web.uid, web.gid), (33, 4), "{text}");
            assert_eq!(web.groups, [4], "{text}");
        }
        assert_eq!(look_up("7:8").unwrap().gid, 8);
    }

    #[test]
    fn what_is_not_there_is_said_in_a_sentence() {
        for (text, sentence) in [
            ("wbe", "no user named `wbe` in /etc/passwd"),
            ("web:amd", "no group named `amd` in /etc/group"),
            ("neg", "no user named `neg` in /etc/passwd"),
            ("", "no user named `` in /etc/passwd"),
            (
                "4294967295",
                "`4294967295` is no id: they go from 0 to 4294967294",
            ),
            (
                "1:99999999999",
                "`99999999999` is no id: they go from 0 to 4294967294",
            ),
        ] {
            assert_eq!(look_up(text).unwrap_err().to_string(), sentence);
        }
    }

    #[test]
    fn a_number_needs_no_file_and_a_name_says_which_it_needs() {
        let gone = || Err(io::Error::from_raw_os_error(libc::ENOENT));
        let number = resolve_in(&spec("12:13"), gone(), gone()).unwrap();
        assert_eq!((number.uid, number.gid), (12, 13));
        let name = resolve_in(&spec("web"), gone(), gone()).unwrap_err();
        let text = name.to_string();
        assert!(
            text.starts_with("cannot look up user `web` in /etc/passwd: No such file"),
            "{text}"
        );
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_and_the_next_is_read() {
        let mut file = b"long:x:1:1:".to_vec();
        file.resize(LONGEST_LINE + 1, b'x');
        file.extend_from_slice(b":/:\nshort:x:2:2::/:\n");
        assert!(users(&file).all(|user| user.name == b"short"));
        assert_eq!(users(&file).count(), 1);
    }

    #[test]
    fn files_that_are_too_large_or_no_files_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let large = dir.path().join("large");
        std::fs::write(&large, vec![b'\n'; LARGEST_FILE as usize + 1]).unwrap();
        let refused = read_bounded(large.to_str().unwrap()).unwrap_err();
        assert_eq!(refused.to_string(), "larger than 4 MiB");
        let fifo = dir.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(read_bounded(fifo.to_str().unwrap()).is_err());
    }

    #[test]
    fn this_machine_has_a_root() {
        let root = resolve(&spec("root")).unwrap();
        assert_eq!((root.uid, root.gid), (0, 0));
        assert_eq!(root.groups[0], 0);
        assert!(user_names().unwrap().contains(&String::from("root")));
        assert!(group_names().unwrap().contains(&String::from("root")));
    }

    proptest! {
        #[test]
        fn no_file_makes_it_panic(
            passwd in "([a-z\\x00-\\xff]{0,9}:){0,8}\n?",
            group: Vec<u8>,
            user in "[a-z0-9:]{0,9}",
        ) {
            let _ = resolve_in(&spec(&user), Ok(passwd.into_bytes()), Ok(group));
        }

        #[test]
        fn an_entry_is_read_back(name in "[a-z_][a-z0-9_-]{0,30}", uid in 0..u32::MAX, gid in 0..u32::MAX) {
            let file = format!("{name}:x:{uid}:{gid}::/home/{name}:/bin/sh\n");
            let found = resolve_in(&spec(&name), Ok(file.into_bytes()), Ok(Vec::new())).unwrap();
            prop_assert_eq!((found.uid, found.gid), (uid, gid));
        }
    }
}
