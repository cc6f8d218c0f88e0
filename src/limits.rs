//! What a program may use: names and numbers, as setrlimit(2) and capabilities(7) have
//! them. What is done with them is in [`crate::linux::privileges`].

/// What a program may use, as far as it is not what lastout itself may.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Limits {
    /// Resource limits; those that are not named are inherited.
    pub resources: Vec<ResourceLimit>,
    /// -20 (first) to 19 (last).
    pub nice: Option<i8>,
    /// -1000 (never) to 1000 (first).
    pub oom_score_adj: Option<i16>,
    /// Exactly these stay, in all of its sets.
    pub capabilities: Option<Capabilities>,
    /// Whether no exec gives it any privilege any more.
    pub no_new_privileges: bool,
}

/// A resource limit; `u64::MAX` is "unlimited".
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ResourceLimit {
    /// Of what.
    pub resource: Resource,
    /// What counts.
    pub soft: u64,
    /// Up to which the program may raise it.
    pub hard: u64,
}

/// A resource that has a limit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Resource(u8);

impl Resource {
    /// The names, by number. `locks` is not among them: it has no effect since Linux
    /// 2.4.25, and lastout knows its people by it ([`crate::linux::mark`]).
    const NAMES: [&str; 16] = [
        "cpu",
        "fsize",
        "data",
        "stack",
        "core",
        "rss",
        "nproc",
        "nofile",
        "memlock",
        "as",
        "",
        "sigpending",
        "msgqueue",
        "nice",
        "rtprio",
        "rttime",
    ];

    /// What they limit, by number, for people.
    const OF_WHAT: [&str; 16] = [
        "processor time",
        "file size",
        "data",
        "stack",
        "core files",
        "resident memory",
        "processes",
        "open files",
        "locked memory",
        "address space",
        "",
        "pending signals",
        "message queues",
        "nice",
        "real-time priority",
        "real-time processor time",
    ];

    /// The resource of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Resource> {
        let number = Self::NAMES.iter().position(|known| *known == name)?;
        (!name.is_empty()).then_some(Resource(number as u8))
    }

    /// All names.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(|name| !name.is_empty())
    }

    /// The resource of that number.
    #[must_use]
    pub fn numbered(number: u8) -> Resource {
        Resource(number)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.get(usize::from(self.0)).copied().unwrap_or("")
    }

    /// What it is, in words.
    #[must_use]
    pub fn of_what(self) -> &'static str {
        Self::OF_WHAT
            .get(usize::from(self.0))
            .copied()
            .unwrap_or("")
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u32 {
        u32::from(self.0)
    }
}

/// A set of capabilities, a bit each.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Capabilities(pub u64);

impl Capabilities {
    /// The names without `CAP_`, by number.
    const NAMES: [&str; 41] = [
        "CHOWN",
        "DAC_OVERRIDE",
        "DAC_READ_SEARCH",
        "FOWNER",
        "FSETID",
        "KILL",
        "SETGID",
        "SETUID",
        "SETPCAP",
        "LINUX_IMMUTABLE",
        "NET_BIND_SERVICE",
        "NET_BROADCAST",
        "NET_ADMIN",
        "NET_RAW",
        "IPC_LOCK",
        "IPC_OWNER",
        "SYS_MODULE",
        "SYS_RAWIO",
        "SYS_CHROOT",
        "SYS_PTRACE",
        "SYS_PACCT",
        "SYS_ADMIN",
        "SYS_BOOT",
        "SYS_NICE",
        "SYS_RESOURCE",
        "SYS_TIME",
        "SYS_TTY_CONFIG",
        "MKNOD",
        "LEASE",
        "AUDIT_WRITE",
        "AUDIT_CONTROL",
        "SETFCAP",
        "MAC_OVERRIDE",
        "MAC_ADMIN",
        "SYSLOG",
        "WAKE_ALARM",
        "BLOCK_SUSPEND",
        "AUDIT_READ",
        "PERFMON",
        "BPF",
        "CHECKPOINT_RESTORE",
    ];

    /// The one of that name, with or without `CAP_`, in any case.
    #[must_use]
    pub fn named(name: &str) -> Option<Capabilities> {
        let name = match name.get(..4) {
            Some(start) if start.eq_ignore_ascii_case("CAP_") => &name[4..],
            Some(_) | None => name,
        };
        let mut names = Self::NAMES.iter();
        let number = names.position(|known| known.eq_ignore_ascii_case(name))?;
        Some(Capabilities(1 << number))
    }

    /// All names, without `CAP_`.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter()
    }

    /// Those of either set.
    #[must_use]
    pub fn with(self, other: Capabilities) -> Capabilities {
        Capabilities(self.0 | other.0)
    }

    /// The names of those that are in it, in order of number.
    pub fn iter(self) -> impl Iterator<Item = &'static str> {
        let numbered = Self::NAMES.into_iter().enumerate();
        numbered
            .filter(move |(number, _)| self.0 & (1 << number) != 0)
            .map(|(_, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_those_of_the_kernel() {
        for (name, number) in [
            ("cpu", libc::RLIMIT_CPU),
            ("fsize", libc::RLIMIT_FSIZE),
            ("data", libc::RLIMIT_DATA),
            ("stack", libc::RLIMIT_STACK),
            ("core", libc::RLIMIT_CORE),
            ("rss", libc::RLIMIT_RSS),
            ("nproc", libc::RLIMIT_NPROC),
            ("nofile", libc::RLIMIT_NOFILE),
            ("memlock", libc::RLIMIT_MEMLOCK),
            ("as", libc::RLIMIT_AS),
            ("sigpending", libc::RLIMIT_SIGPENDING),
            ("msgqueue", libc::RLIMIT_MSGQUEUE),
            ("nice", libc::RLIMIT_NICE),
            ("rtprio", libc::RLIMIT_RTPRIO),
            ("rttime", libc::RLIMIT_RTTIME),
        ] {
            let resource = Resource::named(name).unwrap();
            assert_eq!(i64::from(resource.number()), i64::from(number), "{name}");
            assert_eq!(resource.name(), name);
        }
        assert_eq!(Resource::named(""), None);
        assert_eq!(Resource::named("locks"), None);
        assert_eq!(Resource::names().count(), 15);
    }

    #[test]
    fn capabilities_are_read_as_people_write_them() {
        for name in [
            "NET_BIND_SERVICE",
            "CAP_NET_BIND_SERVICE",
            "cap_net_bind_service",
        ] {
            assert_eq!(Capabilities::named(name), Some(Capabilities(1 << 10)));
        }
        assert_eq!(
            Capabilities::named("CHECKPOINT_RESTORE").unwrap().0,
            1 << 40
        );
        assert_eq!(Capabilities::named("CAP_"), None);
        let two = Capabilities(1).with(Capabilities(1 << 40));
        assert_eq!(
            two.iter().collect::<Vec<_>>(),
            ["CHOWN", "CHECKPOINT_RESTORE"]
        );
    }
}
