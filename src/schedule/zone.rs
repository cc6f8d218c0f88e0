//! Time zones: UTC, and those of the machine's own time zone data.
//!
//! Debian's package tzdata, Alpine's, and most base images have it; an image FROM
//! scratch has none, which is told apart from a name that the data does not know. A name
//! never leads out of the folder of the data, and whatever is in a file, reading it is
//! bounded and does no harm.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::calendar::{Civil, civil};
use super::rule::Rule;
use super::{TIMES, tzif};
use crate::linux::passwd::read_bounded;

/// Where the data is; the first folder that is there is taken.
const FOLDERS: [&str; 3] = ["/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/etc/zoneinfo"];

/// The longest name has 32 letters.
const LONGEST_NAME: usize = 64;

const NO_DATA: &str = "there is no time zone data on this machine (package tzdata, \
     /usr/share/zoneinfo)";
const NAMES: &str = "and names are as \"Europe/Berlin\" or \"UTC\"";
const NO_TZIF: &str = "no time zone data (TZif) without leap seconds";

/// A time zone. Cheap to clone: clones share the data. Zones of one name are equal.
#[derive(Clone, Debug, Default)]
pub struct Zone(Option<Arc<Named>>);

#[derive(Debug)]
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
    /// There is data, and no such zone in it.
    NoZone(String),
}

impl fmt::Display for ZoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ZoneError::NoData => NO_DATA,
            ZoneError::NoZone(text) => text,
        })
    }
}

impl std::error::Error for ZoneError {}

impl PartialEq for Zone {
    fn eq(&self, other: &Zone) -> bool {
        self.name() == other.name()
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
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
        if name == "UTC" || name == "Etc/UTC" {
            return Ok(Zone::UTC);
        }
        if !is_name(name) {
            return Err(ZoneError::NoZone(format!(
                "no name of a time zone, {NAMES}"
            )));
        }
        for folder in &FOLDERS {
            // A folder is no file, and that it is there is all that is to be known.
            if !is_missing(&read_bounded(folder)) {
                let path = format!("{folder}/{name}");
                return Zone::load_from(&path, name).map_err(ZoneError::NoZone);
            }
        }
        Err(ZoneError::NoData)
    }

    fn load_from(path: &str, name: &str) -> Result<Zone, String> {
        let bytes = read_bounded(path);
        if is_missing(&bytes) {
            return Err(format!("there is no {path}, {NAMES}"));
        }
        let bytes = bytes.map_err(|e| format!("cannot read {path}: {e}"))?;
        match tzif::parse(&bytes) {
            Some(clock) => Ok(Zone::new(name, clock)),
            None => Err(format!("{path} is damaged, or {NO_TZIF}")),
        }
    }

    fn name(&self) -> &str {
        self.0.as_ref().map_or("UTC", |named| &named.name)
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
    pub(super) const FOR_EVER: Span = Span {
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
                if past.is_empty() {
                    span.offset = rule.standard;
                }
                span = rule.span(at, span);
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

fn is_missing(read: &io::Result<Vec<u8>>) -> bool {
    read.as_ref()
        .is_err_and(|e| e.kind() == io::ErrorKind::NotFound)
}

/// Whether a name is one, and leads nowhere else.
fn is_name(name: &str) -> bool {
    let is_part = |part: &str| {
        let is_letter = |b: u8| b.is_ascii_alphanumeric() || b"_+-".contains(&b);
        !part.is_empty() && part.bytes().all(is_letter)
    };
    name.len() <= LONGEST_NAME && name.split('/').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::unix::fs::symlink;

    impl Zone {
        pub(in crate::schedule) fn of_clock(clock: Clock) -> Zone {
            Zone::new("Test/Clock", clock)
        }
    }

    #[test]
    fn utc_needs_no_data() {
        for name in ["UTC", "Etc/UTC"] {
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
            let expected = "no name of a time zone, and names are as \"Europe/Berlin\" or \"UTC\"";
            assert_eq!(error.to_string(), expected, "{name}");
        }
    }

    #[test]
    fn what_is_no_zone_says_so() {
        for (name, why) in [
            (
                "Europe/Berln",
                "there is no /usr/share/zoneinfo/Europe/Berln, and names are as \
                 \"Europe/Berlin\" or \"UTC\"",
            ),
            (
                "Europe",
                "cannot read /usr/share/zoneinfo/Europe: not a regular file",
            ),
            (
                "leapseconds",
                "/usr/share/zoneinfo/leapseconds is damaged, or no time zone data (TZif) \
                 without leap seconds",
            ),
        ] {
            assert_eq!(Zone::load(name).unwrap_err().to_string(), why);
        }
    }

    #[test]
    fn zones_of_one_name_are_equal() {
        let berlin = Zone::load("Europe/Berlin").unwrap();
        assert_eq!(berlin, Zone::load("Europe/Berlin").unwrap());
        assert_ne!(berlin, Zone::load("Europe/Paris").unwrap());
        assert_ne!(berlin, Zone::UTC);
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
        large.set_len((4 << 20) + 1).unwrap();
        for (name, why) in [
            ("Fifo", "not a regular file"),
            ("Zero", "not a regular file"),
            ("Large", "larger than 4 MiB"),
        ] {
            let file = path.join(name);
            let error = Zone::load_from(file.to_str().unwrap(), name).unwrap_err();
            assert!(error.ends_with(why), "{error}");
        }
    }
}
