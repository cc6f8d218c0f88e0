//! Time zones: UTC, and those of the machine's own time zone data.
//!
//! Debian's package tzdata, Alpine's, and most base images have it; an image FROM
//! scratch has none, which is told apart from a name that the data does not know. A name
//! never leads out of the folder of the data, and whatever is in a file, reading it is
//! bounded and does no harm.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::calendar::{Civil, civil};
use super::rule::Rule;
use super::{TIMES, tzif};

/// Where the data is; the first folder that is there is taken.
const FOLDERS: [&str; 3] = ["/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/etc/zoneinfo"];

/// Far above any real file: the largest has less than 4 KiB.
const LARGEST_FILE: u64 = 64 << 10;

/// The longest name has 32 letters.
const LONGEST_NAME: usize = 64;

/// UTC by the names that people use for it; needs no file.
const NAMES_OF_UTC: [&str; 6] = ["UTC", "Etc/UTC", "UCT", "Universal", "Zulu", "GMT"];

/// A time zone. Cheap to clone: clones share the data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Zone(Option<Arc<Named>>);

#[derive(Debug, PartialEq)]
struct Named {
    name: String,
    clock: Clock,
}

/// How the local time of a zone goes.
#[derive(Debug, PartialEq)]
pub(super) struct Clock {
    /// Seconds east of UTC before the first change.
    pub(super) first: i64,
    /// In ascending order, none at the time of another.
    pub(super) changes: Vec<Change>,
    /// What goes on after the last change.
    pub(super) rule: Option<Rule>,
}

/// The clock is set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Change {
    /// When.
    pub(super) at: i64,
    /// Seconds east of UTC from then on.
    pub(super) offset: i64,
}

/// A time in which the clock goes on evenly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    /// Its first second.
    pub(super) start: i64,
    /// The first second after it.
    pub(super) end: i64,
    /// Seconds east of UTC.
    pub(super) offset: i64,
    /// Those of the span before it.
    pub(super) offset_before: i64,
}

/// Why there is no such [`Zone`]. Its text is a sentence without a full stop.
#[derive(Debug)]
pub enum ZoneError {
    /// This machine has no time zone data; UTC is all there is.
    NoData,
    /// No name of a time zone looks like that.
    BadName,
    /// The data has no zone of that name.
    Unknown(PathBuf),
    /// There is a file of that name, and it cannot be read.
    Unreadable(PathBuf, String),
}

impl fmt::Display for ZoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ZoneError::NoData => {
                let [folder, ..] = FOLDERS;
                write!(
                    f,
                    "there is no time zone data on this machine: {folder} comes with the \
                     package tzdata"
                )
            }
            ZoneError::BadName => {
                f.write_str("time zones have names as \"Europe/Berlin\" or \"UTC\"")
            }
            ZoneError::Unknown(path) => write!(
                f,
                "no such time zone: {} is not there, and names are as \"Europe/Berlin\" or \"UTC\"",
                path.display()
            ),
            ZoneError::Unreadable(path, why) => write!(f, "{}: {why}", path.display()),
        }
    }
}

impl std::error::Error for ZoneError {}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0.as_ref().map(|named| named.name.as_str());
        f.write_str(name.unwrap_or("UTC"))
    }
}

impl Zone {
    /// Coordinated universal time, which never sets its clock.
    pub const UTC: Zone = Zone(None);

    /// The zone of that name, as in "Europe/Berlin". UTC needs no data.
    ///
    /// # Errors
    ///
    /// [`ZoneError::NoData`] is the machine's fault, the others are the name's.
    pub fn load(name: &str) -> Result<Zone, ZoneError> {
        if NAMES_OF_UTC.contains(&name) {
            return Ok(Zone::UTC);
        }
        if !is_name(name) {
            return Err(ZoneError::BadName);
        }
        let folders = FOLDERS.iter().map(Path::new);
        let Some(folder) = folders.into_iter().find(|folder| folder.is_dir()) else {
            return Err(ZoneError::NoData);
        };
        Zone::load_from(folder, name)
    }

    fn load_from(folder: &Path, name: &str) -> Result<Zone, ZoneError> {
        let path = folder.join(name);
        let bytes = match read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(ZoneError::Unknown(path)),
            Err(e) => return Err(ZoneError::Unreadable(path, format!("cannot read: {e}"))),
        };
        match tzif::parse(&bytes) {
            Ok(clock) => Ok(Zone::new(name, clock)),
            Err(why) => Err(ZoneError::Unreadable(path, why.to_owned())),
        }
    }

    fn new(name: &str, clock: Clock) -> Zone {
        Zone(Some(Arc::new(Named {
            name: name.to_owned(),
            clock,
        })))
    }

    /// What the clock of the zone shows at a time, and whose clock it is:
    /// `2026-03-29 03:00 Europe/Berlin`.
    #[must_use]
    pub fn show(&self, at: i64) -> String {
        let at = at.clamp(TIMES.start, TIMES.end - 1);
        let minute = (at + self.span(at).offset).div_euclid(60);
        let Civil { year, month, day } = civil(minute.div_euclid(1440));
        let (hour, minute) = (minute.rem_euclid(1440) / 60, minute.rem_euclid(60));
        format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02} {self}")
    }

    /// The span that a time is in, one of [`TIMES`].
    pub(super) fn span(&self, at: i64) -> Span {
        match &self.0 {
            Some(named) => named.clock.span(at),
            None => Span::FOR_EVER,
        }
    }
}

impl Span {
    /// The clock of UTC.
    const FOR_EVER: Span = Span {
        start: i64::MIN,
        end: i64::MAX,
        offset: 0,
        offset_before: 0,
    };
}

impl Clock {
    fn span(&self, at: i64) -> Span {
        let (past, future) = self
            .changes
            .split_at(self.changes.partition_point(|change| change.at <= at));
        let mut span = Span {
            offset: self.first,
            offset_before: self.first,
            ..Span::FOR_EVER
        };
        for change in past.iter().skip(past.len().saturating_sub(2)) {
            span.pass(*change);
        }
        match (future, self.rule) {
            ([next, ..], _) => span.end = next.at,
            ([], Some(rule)) => {
                let first = span.start;
                if past.is_empty() {
                    span.offset = rule.standard;
                }
                for change in rule.changes_around(at).into_iter().flatten() {
                    if change.at > at {
                        span.end = change.at;
                        break;
                    }
                    if change.at > first {
                        span.pass(change);
                    }
                }
            }
            ([], None) => {}
        }
        span
    }
}

impl Span {
    fn pass(&mut self, change: Change) {
        self.start = change.at;
        self.offset_before = self.offset;
        self.offset = change.offset;
    }
}

/// Whether a name is one, and leads nowhere else.
fn is_name(name: &str) -> bool {
    let is_part = |part: &str| {
        let is_letter = |b: u8| b.is_ascii_alphanumeric() || b"_+-".contains(&b);
        !part.is_empty() && part.bytes().all(is_letter)
    };
    name.len() <= LONGEST_NAME && name.split('/').all(is_part)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    // Without O_NONBLOCK the open of a FIFO waits for a writer (fifo(7)).
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file: File = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(io::Error::other("larger than 64 KiB"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    impl Zone {
        pub(in crate::schedule) fn of_clock(clock: Clock) -> Zone {
            Zone::new("Test/Clock", clock)
        }
    }

    #[test]
    fn utc_needs_no_data() {
        for name in NAMES_OF_UTC {
            assert_eq!(Zone::load(name).unwrap(), Zone::UTC);
        }
        assert_eq!(Zone::default().to_string(), "UTC");
    }

    #[test]
    fn a_name_leads_nowhere_else() {
        for name in [
            "",
            "/etc/passwd",
            "..",
            "../zoneinfo/UTC",
            "Europe/../../passwd",
            "Europe//Berlin",
            "./UTC",
            "Europe/",
            "zone.tab",
            "Europe/Berlin\n",
            "Europe/B\0",
            &"A".repeat(65),
        ] {
            let error = Zone::load(name).unwrap_err();
            assert!(matches!(error, ZoneError::BadName), "{name}: {error}");
        }
    }

    #[test]
    fn what_is_no_zone_says_so() {
        for (name, why) in [
            (
                "Europe/Berln",
                "no such time zone: /usr/share/zoneinfo/Europe/Berln is not there, and names \
                 are as \"Europe/Berlin\" or \"UTC\"",
            ),
            (
                "Europe",
                "/usr/share/zoneinfo/Europe: cannot read: not a regular file",
            ),
            (
                "leapseconds",
                "/usr/share/zoneinfo/leapseconds: not a file of time zone data (TZif)",
            ),
        ] {
            assert_eq!(Zone::load(name).unwrap_err().to_string(), why);
        }
    }

    #[test]
    fn all_zones_of_this_machine_can_be_read() {
        let table = std::fs::read_to_string("/usr/share/zoneinfo/tzdata.zi").unwrap();
        let mut count = 0;
        // The names that begin a line; others are links, which need not be there.
        for line in table.lines().filter_map(|line| line.strip_prefix("Z ")) {
            let name = line.split(' ').next().unwrap();
            let zone = Zone::load(name);
            assert!(zone.is_ok(), "{name}: {zone:?}");
            count += 1;
        }
        assert!(count > 300);
    }

    #[test]
    fn reading_is_bounded_and_waits_for_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        nix::unistd::mkfifo(&path.join("Fifo"), nix::sys::stat::Mode::S_IRUSR).unwrap();
        symlink("/dev/zero", path.join("Zero")).unwrap();
        let large = File::create(path.join("Large")).unwrap();
        large.set_len(LARGEST_FILE + 1).unwrap();
        for (name, why) in [
            ("Fifo", "not a regular file"),
            ("Zero", "not a regular file"),
            ("Large", "larger than 64 KiB"),
        ] {
            let error = Zone::load_from(path, name).unwrap_err().to_string();
            assert!(error.ends_with(why), "{error}");
        }
    }
}
