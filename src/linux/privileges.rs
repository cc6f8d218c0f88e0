//! What a program may use, set in the child before its exec: resource limits, its
//! priority, its place before the out-of-memory killer, its capabilities.
//!
//! The order is the point, since each step takes away a right that the one before may
//! need: [`Privileges::limit`] and [`Privileges::narrow`] come before the ids are gone,
//! [`Privileges::take`] after them, [`Privileges::renounce`] last. Whatever the kernel
//! refuses is a failed start: a limit that was asked for and is not there is worse than
//! a program that is not there. Only system calls; nothing is allocated.

use lastout_core::{SpawnFailure, Stage};

use crate::limits::{Capabilities, Limits, ResourceLimit};

/// Numbers that a set of capabilities has room for.
const MOST_CAPABILITIES: u8 = 64;

/// capset(2) as of Linux 2.6.26: two halves of 32 bits each.
const CAPABILITY_VERSION: u32 = 0x2008_0522;

/// The limits of a program, ready for the child.
#[derive(Debug)]
pub(super) struct Privileges {
    limits: Limits,
    /// In decimal.
    oom_score_adj: Option<String>,
}

/// The kernel's `struct __user_cap_header_struct`; pid 0 is the caller.
#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

/// The kernel's `struct __user_cap_data_struct`, half of each set.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Half {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

impl Privileges {
    /// Makes ready what the child cannot.
    pub(super) fn new(limits: &Limits) -> Privileges {
        Privileges {
            limits: limits.clone(),
            oom_score_adj: limits
                .oom_score_adj
                .map(|score| i32::from(score).to_string()),
        }
    }

    /// Sets the limits, while all rights are there: to raise a hard limit, to lower
    /// `nice` or `oom_score_adj` takes some.
    pub(super) fn limit(&self) -> Result<(), SpawnFailure> {
        // First, since a limit of descriptors could be in the way.
        if let Some(score) = &self.oom_score_adj {
            write_oom_score(score)?;
        }
        for limit in &self.limits.resources {
            set_resource(limit)?;
        }
        // After RLIMIT_NICE, which may allow it.
        match self.limits.nice {
            None => Ok(()),
            // SAFETY: setpriority takes numbers; 0 is the caller.
            Some(nice) => check(Stage::Nice, unsafe {
                let nice = libc::c_long::from(nice);
                libc::syscall(libc::SYS_setpriority, libc::PRIO_PROCESS, 0, nice) == 0
            }),
        }
    }

    /// Takes all other capabilities from the bounding and ambient sets, and sees to it
    /// that those which stay survive the change of the user.
    pub(super) fn narrow(&self) -> Result<(), SpawnFailure> {
        let Some(wanted) = self.limits.capabilities else {
            return Ok(());
        };
        // Not there before Linux 4.3, and then there is nothing to clear.
        let _ = prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0);
        let permitted = permitted()?;
        // What cannot be had is found before anything is taken.
        for capability in 0..MOST_CAPABILITIES {
            let is_there = permitted & (1 << capability) != 0 && is_bounding(capability)?;
            if wanted.0 & (1 << capability) != 0 && !is_there {
                return Err(SpawnFailure {
                    stage: Stage::Capability(capability),
                    errno: libc::EPERM,
                });
            }
        }
        for capability in 0..MOST_CAPABILITIES {
            if wanted.0 & (1 << capability) == 0 && is_bounding(capability)? {
                self.unbind(capability)?;
            }
        }
        if wanted == Capabilities::default() {
            return Ok(());
        }
        check(Stage::Capabilities, prctl(libc::PR_SET_KEEPCAPS, 1, 0) == 0)
    }

    /// Takes a capability from the bounding set. Without CAP_SETPCAP that stays as it is,
    /// and is of no use to a program which no exec gives anything.
    fn unbind(&self, capability: u8) -> Result<(), SpawnFailure> {
        if prctl(libc::PR_CAPBSET_DROP, capability.into(), 0) == 0 {
            return Ok(());
        }
        let errno = nix::errno::Errno::last_raw();
        if errno == libc::EPERM && self.gains_nothing() {
            return Ok(());
        }
        let stage = Stage::Capabilities;
        Err(SpawnFailure { stage, errno })
    }

    /// Whether no exec gives the program any privilege.
    fn gains_nothing(&self) -> bool {
        self.limits.no_new_privileges || prctl(libc::PR_GET_NO_NEW_PRIVS, 0, 0) == 1
    }

    /// Makes the capabilities that stay the program's own, whoever it runs as.
    pub(super) fn take(&self) -> Result<(), SpawnFailure> {
        let Some(wanted) = self.limits.capabilities else {
            return Ok(());
        };
        set_capabilities(wanted)?;
        for capability in 0..MOST_CAPABILITIES {
            if wanted.0 & (1 << capability) != 0 {
                let number = libc::c_int::from(capability);
                let raised = prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE, number);
                check(Stage::Capabilities, raised == 0)?;
            }
        }
        Ok(())
    }

    /// Gives up what an exec could give.
    pub(super) fn renounce(&self) -> Result<(), SpawnFailure> {
        if !self.limits.no_new_privileges {
            return Ok(());
        }
        let done = prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0) == 0;
        check(Stage::NoNewPrivileges, done)
    }
}

/// Whether an exec could give this capability. One that the kernel does not know it does
/// not give; a profile that forbids to ask about any forbids the key.
fn is_bounding(capability: u8) -> Result<bool, SpawnFailure> {
    let answer = prctl(libc::PR_CAPBSET_READ, capability.into(), 0);
    check(Stage::Capabilities, answer >= 0 || capability > 0)?;
    Ok(answer == 1)
}

/// Makes these the capabilities of the calling process, in all sets but the bounding
/// and the ambient one.
pub(super) fn set_capabilities(wanted: Capabilities) -> Result<(), SpawnFailure> {
    let half = |bits: u64| {
        let bits = bits as u32;
        Half {
            effective: bits,
            permitted: bits,
            inheritable: bits,
        }
    };
    let halves = [half(wanted.0), half(wanted.0 >> 32)];
    let header = Header {
        version: CAPABILITY_VERSION,
        pid: 0,
    };
    // SAFETY: this version reads a header and two halves.
    check(Stage::Capabilities, unsafe {
        libc::syscall(libc::SYS_capset, &raw const header, halves.as_ptr()) == 0
    })
}

/// The capabilities that the calling process can have.
fn permitted() -> Result<u64, SpawnFailure> {
    let mut halves = [Half::default(); 2];
    let mut header = Header {
        version: CAPABILITY_VERSION,
        pid: 0,
    };
    // SAFETY: this version writes a header and two halves.
    check(Stage::Capabilities, unsafe {
        libc::syscall(libc::SYS_capget, &raw mut header, halves.as_mut_ptr()) == 0
    })?;
    let [low, high] = halves;
    Ok(u64::from(low.permitted) | u64::from(high.permitted) << 32)
}

/// The raw system call, whose limits are of 64 bits whatever the C library's are.
fn set_resource(limit: &ResourceLimit) -> Result<(), SpawnFailure> {
    let number = limit.resource.number();
    let new = libc::rlimit64 {
        rlim_cur: limit.soft,
        rlim_max: limit.hard,
    };
    // SAFETY: `new` is live and only read; the old limit is not asked for. Pid 0 is the caller.
    check(Stage::Limit(number as u8), unsafe {
        libc::syscall(
            libc::SYS_prlimit64,
            0,
            libc::c_long::from(number),
            &raw const new,
            std::ptr::null_mut::<libc::rlimit64>(),
        ) == 0
    })
}

fn write_oom_score(score: &str) -> Result<(), SpawnFailure> {
    let path = c"/proc/self/oom_score_adj";
    // SAFETY: a null-terminated path, and as many bytes of live text as are named; the
    // descriptor is this function's own.
    unsafe {
        let file = libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        check(Stage::OomScore, file >= 0)?;
        let written = libc::write(file, score.as_ptr().cast(), score.len());
        let result = check(Stage::OomScore, written >= 0);
        libc::close(file);
        result
    }
}

fn prctl(option: libc::c_int, first: libc::c_int, second: libc::c_int) -> libc::c_int {
    // All five are passed, since the kernel insists that those which mean nothing are 0.
    let (first, second) = (libc::c_long::from(first), libc::c_long::from(second));
    // SAFETY: the options that this module uses take numbers.
    unsafe { libc::prctl(option, first, second, 0 as libc::c_long, 0 as libc::c_long) }
}

fn check(stage: Stage, done: bool) -> Result<(), SpawnFailure> {
    if done {
        return Ok(());
    }
    let errno = nix::errno::Errno::last_raw();
    Err(SpawnFailure { stage, errno })
}

#[cfg(test)]
mod tests;
