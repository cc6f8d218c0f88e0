//! What the files of /proc say, as text becomes numbers. Pure, and fuzzed: whatever they
//! hold, a reader gives what it understands, or nothing.

use std::fmt;

use nix::unistd::Pid;

use super::MOST_PIDS;
use crate::linux::signals::Mask;

/// What /proc/PID/stat says, as far as we ask.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stat {
    /// The parent; 0 when it is outside of the namespace.
    pub ppid: Pid,
    /// The process group.
    pub pgid: Pid,
    /// The session.
    pub sid: Pid,
    /// The controlling terminal.
    pub tty: Option<Terminal>,
    /// One letter, as proc_pid_stat(5) has it.
    pub state: u8,
    /// Whether it is a thread of the kernel and no process.
    pub kernel: bool,
    /// How many threads it has.
    pub threads: u32,
    /// When it was started: with the pid its identity.
    pub starttime: StartTime,
    /// Its name.
    pub comm: Comm,
}

/// A controlling terminal: its device number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Terminal(pub i32);

/// When a process was started, in ticks since the boot.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct StartTime(pub u64);

/// The name of a process: at most 15 bytes that can be printed. Others are `?`.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Comm {
    bytes: [u8; 15],
    length: u8,
}

impl Stat {
    /// Whether it is still there. A zombie with threads is a process whose first
    /// thread has left and whose others work on.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        match self.state {
            b'Z' => self.threads > 1,
            b'X' | b'x' => false,
            _ => true,
        }
    }
}

impl Comm {
    fn new(name: &[u8]) -> Comm {
        let mut comm = Comm {
            bytes: [0; 15],
            length: 0,
        };
        for (to, from) in comm.bytes.iter_mut().zip(name) {
            *to = match from {
                b' '..=b'~' => *from,
                _ => b'?',
            };
            comm.length += 1;
        }
        comm
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let name = self.bytes.get(..usize::from(self.length));
        std::str::from_utf8(name.unwrap_or_default()).unwrap_or_default()
    }
}

impl fmt::Display for Comm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Comm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// Reads what /proc/PID/stat holds. The name is between the first "(" and the last
/// ")", since it may itself hold everything, parentheses and newlines included.
#[must_use]
pub fn parse_stat(text: &[u8]) -> Option<Stat> {
    let open = text.iter().position(|&b| b == b'(')?;
    let close = text.iter().rposition(|&b| b == b')')?;
    let comm = text.get(open + 1..close)?;
    let rest = text.get(close + 1..)?;
    let mut fields = rest
        .split(u8::is_ascii_whitespace)
        .filter(|f| !f.is_empty());
    let state = *fields.next()?.first()?;
    let mut number = |skip: usize| number_of(fields.nth(skip)?);
    let ppid = number(0)?;
    let pgid = number(0)?;
    let sid = number(0)?;
    let tty = number(0)?;
    let flags = number(1)?;
    let threads = number(10)?;
    let starttime = number(1)?;
    let pid = |n: i64| i32::try_from(n).ok().map(Pid::from_raw);
    Some(Stat {
        ppid: pid(ppid)?,
        pgid: pid(pgid)?,
        sid: pid(sid)?,
        // The number is printed with a sign, whatever the device.
        tty: (tty != 0).then_some(Terminal(tty as i32)),
        state,
        kernel: flags & PF_KTHREAD != 0,
        threads: u32::try_from(threads).ok()?,
        starttime: StartTime(u64::try_from(starttime).ok()?),
        comm: Comm::new(comm),
    })
}

/// From include/linux/sched.h; proc_pid_stat(5) shows the flags for this purpose.
const PF_KTHREAD: i64 = 0x0020_0000;

/// Reads the soft limit of file locks out of what /proc/PID/limits holds.
#[must_use]
pub fn parse_locks(text: &[u8]) -> Option<u64> {
    let line = text
        .split(|&b| b == b'\n')
        .find_map(|line| line.strip_prefix(b"Max file locks"))?;
    let soft = line
        .split(u8::is_ascii_whitespace)
        .find(|word| !word.is_empty())?;
    if soft == b"unlimited" {
        return Some(u64::MAX);
    }
    digits(soft)
}

/// Which signals a process does something about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SignalSets {
    /// It ignores these.
    pub ignored: Mask,
    /// It has handlers for these.
    pub caught: Mask,
}

/// Reads the sets of signals out of what /proc/PID/status holds.
#[must_use]
pub fn parse_signals(text: &[u8]) -> Option<SignalSets> {
    let set = |name: &[u8]| {
        let mut lines = text.split(|&b| b == b'\n');
        let value = lines.find_map(|line| line.strip_prefix(name))?;
        let value = std::str::from_utf8(value.trim_ascii()).ok()?;
        Some(Mask::from_bits(u64::from_str_radix(value, 16).ok()?))
    };
    Some(SignalSets {
        ignored: set(b"SigIgn:")?,
        caught: set(b"SigCgt:")?,
    })
}

/// Reads the pids out of what a `children` file holds. What is no pid is skipped.
#[must_use]
pub fn parse_children(text: &[u8]) -> Vec<Pid> {
    let mut numbers = Numbers::default();
    numbers.feed(text);
    numbers.finish()
}

/// Reads pids that come in pieces, cut anywhere. There may be thousands, so that it does
/// little for each byte.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    pub(super) found: Vec<Pid>,
    /// The digits of the word so far; what is too large for a number is so for a pid.
    value: u32,
    /// Whether the word is no number.
    is_other: bool,
}

impl Numbers {
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            let digit = byte.wrapping_sub(b'0');
            if digit < 10 {
                self.value = self.value.saturating_mul(10).saturating_add(digit.into());
            } else if byte.is_ascii_whitespace() {
                self.end_word();
            } else {
                self.is_other = true;
            }
        }
    }

    fn end_word(&mut self) {
        let value = i32::try_from(self.value).unwrap_or(0);
        if value > 0 && !self.is_other && self.found.len() < MOST_PIDS {
            self.found.push(Pid::from_raw(value));
        }
        self.value = 0;
        self.is_other = false;
    }

    pub(super) fn finish(mut self) -> Vec<Pid> {
        self.end_word();
        self.found
    }
}

/// Calls with the name of each `struct linux_dirent64` (getdents(2)): 8 bytes inode,
/// 8 bytes offset, 2 bytes length, 1 byte type, the name, NUL.
pub(super) fn for_each_entry(mut bytes: &[u8], mut each: impl FnMut(&[u8])) {
    while let Some(&[low, high]) = bytes.get(16..18) {
        let length = usize::from(u16::from_ne_bytes([low, high]));
        let Some(name) = bytes.get(19..length) else {
            return;
        };
        each(name.split(|&b| b == 0).next().unwrap_or_default());
        bytes = bytes.get(length..).unwrap_or_default();
    }
}

pub(super) fn pid_of(name: &[u8]) -> Option<Pid> {
    let number = digits(name).and_then(|n| i32::try_from(n).ok())?;
    (number > 0).then(|| Pid::from_raw(number))
}

fn number_of(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn digits(text: &[u8]) -> Option<u64> {
    let only_digits = text.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(text).ok()?.parse().ok()?;
    only_digits.then_some(number)
}
