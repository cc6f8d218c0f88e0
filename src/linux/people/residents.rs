//! Who is there, for people who ask. A look at everybody, which nobody but they cause.

use lastout_core::RunId;

use super::People;

/// How many are named.
const MOST_NAMED: usize = 4096;

/// Somebody who is alive and in scope.
#[derive(Clone, Debug)]
pub struct Resident {
    /// Its number.
    pub pid: i32,
    /// Its parent's; 0 where it is outside.
    pub parent: i32,
    /// Its command's name, as the kernel has it.
    pub command: String,
    /// Whose it is; `None`: nobody's.
    pub run: Option<RunId>,
}

impl People {
    /// Everybody but lastout, and how many more there are than are named; `None` without
    /// /proc.
    #[must_use]
    pub fn residents(&self) -> Option<(Vec<Resident>, usize)> {
        let snapshot = self.census()?.take(&self.leader_list(), None)?;
        let all = snapshot.everybody().count();
        let named = snapshot.everybody().take(MOST_NAMED);
        let named: Vec<Resident> = named
            .map(|process| Resident {
                pid: process.pid.as_raw(),
                parent: process.stat.ppid.as_raw(),
                command: process.stat.comm.as_str().to_owned(),
                run: process.run,
            })
            .collect();
        let more = all - named.len();
        Some((named, more))
    }
}
