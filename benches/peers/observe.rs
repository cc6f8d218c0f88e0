//! What the kernel tells about a PID 1 in /proc (proc(5)).

use std::io::{Error, ErrorKind, Result};

/// Memory of a process in kB, from /proc/PID/smaps_rollup.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) rss: f64,
    pub(crate) pss: f64,
    pub(crate) private_dirty: f64,
    /// What nobody else has mapped, written to or not.
    pub(crate) private: f64,
}

pub(crate) fn memory(pid: libc::pid_t) -> Result<Memory> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let private_dirty = field(&text, "Private_Dirty:")?;
    Ok(Memory {
        rss: field(&text, "Rss:")?,
        pss: field(&text, "Pss:")?,
        private_dirty,
        private: private_dirty + field(&text, "Private_Clean:")?,
    })
}

/// Context switches so far, voluntary and not, of all threads of a process.
pub(crate) fn switches(pid: libc::pid_t) -> Result<f64> {
    let mut sum = 0.0;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = std::fs::read_to_string(task?.path().join("status"))?;
        sum += field(&text, "voluntary_ctxt_switches:")?;
        sum += field(&text, "nonvoluntary_ctxt_switches:")?;
    }
    Ok(sum)
}

/// Nanoseconds of CPU of those children that a process has reaped, as exact as the ticks of
/// /proc/PID/stat are.
pub(crate) fn cpu_of_children(pid: libc::pid_t) -> Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // Behind the name, which may hold anything; cutime is the 16th field of all.
    let fields = text.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(13).take(2);
    let ticks: u64 = ticks.filter_map(|field| field.parse::<u64>().ok()).sum();
    // SAFETY: sysconf takes a number.
    let per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    Ok(ticks * 1_000_000_000 / per_second.max(1).unsigned_abs())
}

/// The children of a process that has one thread.
pub(crate) fn children(pid: libc::pid_t) -> Result<Vec<libc::pid_t>> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
    let pids = text.split_whitespace().filter_map(|pid| pid.parse().ok());
    Ok(pids.collect())
}

fn field(text: &str, name: &str) -> Result<f64> {
    text.lines()
        .filter_map(|line| line.strip_prefix(name))
        .find_map(|rest| rest.split_whitespace().next()?.parse().ok())
        .ok_or_else(|| Error::new(ErrorKind::InvalidData, format!("/proc has no {name}")))
}
