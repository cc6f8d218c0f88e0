//! What the host's /proc shows of processes, those inside of a namespace included.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::{let_pass, wait_until};

/// How long who is at rest has not woken.
const SETTLED: Duration = Duration::from_millis(500);

/// A process, as the host counts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Process {
    /// Its pid on the host.
    pub pid: i32,
    /// Its pid in its own PID namespace.
    pub inner_pid: i32,
    /// Its parent's pid on the host.
    pub parent: i32,
    /// `R`, `S`, `T`, `Z` … as in proc_pid_stat(5).
    pub state: char,
    /// The first 15 bytes of the program's name.
    pub name: String,
}

/// The process of that pid, if there is one.
#[must_use]
pub fn process(pid: i32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // A name may contain anything, so the fields begin behind the last parenthesis.
    let (start, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    Some(Process {
        pid,
        inner_pid: status_field(pid, "NSpid")?
            .split_whitespace()
            .last()?
            .parse()
            .ok()?,
        state: fields.next()?.chars().next()?,
        parent: fields.next()?.parse().ok()?,
        name: String::from(start.split_once('(')?.1),
    })
}

/// Everybody in the PID namespace of that process, itself included, zombies too.
#[must_use]
pub fn namespace_of(pid: i32) -> Vec<Process> {
    let Some(namespace) = namespace(pid) else {
        return Vec::new();
    };
    let everybody = fs::read_dir("/proc").into_iter().flatten().flatten();
    everybody
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|other| self::namespace(*other).as_ref() == Some(&namespace))
        .filter_map(process)
        .collect()
}

/// A line of /proc/PID/status, without its name.
#[must_use]
pub fn status_field(pid: i32, name: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.map(|value| String::from(value.trim()))
}

/// How often it has been given the processor: it grows by one at least with each wake-up.
#[must_use]
pub fn context_switches(pid: i32) -> u64 {
    ["voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"]
        .iter()
        .filter_map(|name| status_field(pid, name)?.parse::<u64>().ok())
        .sum()
}

/// Whether that signal is in that set of its status, as `SigBlk` or `SigCgt`.
#[must_use]
pub fn has_signal(pid: i32, set: &str, number: i32) -> bool {
    let set = status_field(pid, set).unwrap_or_default();
    u64::from_str_radix(&set, 16).is_ok_and(|set| set & 1 << (number - 1) != 0)
}

/// Whether it sleeps in that system call, as epoll_pwait(2). Its state tells less: who asks
/// for the dead, or waits for a lock, is in state S as well for a moment.
#[must_use]
pub fn is_in_call(pid: i32, call: libc::c_long) -> bool {
    let syscall = fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
    syscall.split(' ').next() == Some(call.to_string().as_str())
}

/// Waits until it sleeps and has not been given the processor for half a second, when
/// what it had begun has ended; its [`context_switches`] by then. One that wants the
/// processor and does not get it has begun something still.
///
/// # Panics
///
/// When it does not come to rest.
#[must_use]
pub fn wait_until_at_rest(pid: i32) -> u64 {
    let mut before = 0;
    wait_until("it is at rest", || {
        let_pass(SETTLED);
        let last = std::mem::replace(&mut before, context_switches(pid));
        before > 0 && last == before && process(pid).is_some_and(|it| it.state == 'S')
    });
    before
}

/// How long it was on a processor so far.
#[must_use]
pub fn processor_time(pid: i32) -> Duration {
    let figures = fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap_or_default();
    let nanoseconds = figures.split(' ').next().and_then(|text| text.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}

fn namespace(pid: i32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/ns/pid")).ok()
}
