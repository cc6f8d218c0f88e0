//! Starting an init as PID 1 of a new namespace, and waiting for its end.
//!
//! Every run gets a PID namespace, a mount namespace and a /proc of its own, as
//! a container has them; they are set up before the clock starts, which the
//! child reads as the last thing before its exec. The child shares the memory of
//! the benchmark until then (CLONE_VM, CLONE_VFORK), so that the size of the
//! benchmark is in no figure. A run that is dropped is killed, and the namespace
//! with it; so is one whose benchmark dies (PR_SET_PDEATHSIG).

use std::ffi::{CString, c_char, c_int, c_void};
use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::ptr;
use std::time::Duration;

/// A point of CLOCK_MONOTONIC in nanoseconds, the clock of the programs too.
pub(crate) fn now() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` outlives the call, which only writes to it.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    nanoseconds(time)
}

fn nanoseconds(time: libc::timespec) -> u64 {
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

/// What starts inits: the namespace to come back to, and what the runs share.
pub(crate) struct Launcher {
    home: OwnedFd,
    null: OwnedFd,
    stack: Vec<u8>,
    show_log: bool,
}

/// What the child needs between its birth and its exec, and what it answers.
struct Recipe {
    argv: *const *const c_char,
    envp: *const *const c_char,
    null: RawFd,
    stdout: RawFd,
    show_log: bool,
    exec_at: u64,
    errno: c_int,
}

impl Launcher {
    /// Leaves the mount namespace of the host, so that no mount gets back there.
    /// With `show_log` the inits write to the benchmark's stderr.
    pub(crate) fn new(show_log: bool) -> Result<Self> {
        on_alarm_return()?;
        own_mounts()?;
        // SAFETY: the strings are literals that end with a NUL.
        let changed = unsafe {
            libc::mount(
                ptr::null(),
                c"/".as_ptr(),
                ptr::null(),
                libc::MS_REC | libc::MS_PRIVATE,
                ptr::null(),
            )
        };
        checked(changed)?;
        Ok(Self {
            home: File::open("/proc/self/ns/mnt")?.into(),
            null: File::options()
                .read(true)
                .write(true)
                .open("/dev/null")?
                .into(),
            stack: vec![0; 256 * 1024],
            show_log,
        })
    }

    /// Starts `argv` as PID 1 of new namespaces; returns when its exec is done.
    pub(crate) fn launch(&mut self, argv: &[String]) -> Result<Running> {
        self.launch_to(argv, None)
    }

    /// The same with this as its stdout.
    pub(crate) fn launch_to(&mut self, argv: &[String], stdout: Option<RawFd>) -> Result<Running> {
        let words: Vec<CString> = argv
            .iter()
            .map(|word| CString::new(word.as_str()))
            .collect::<std::result::Result<_, _>>()?;
        let mut pointers: Vec<*const c_char> = words.iter().map(|word| word.as_ptr()).collect();
        pointers.push(ptr::null());
        let envp = [
            c"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".as_ptr(),
            ptr::null(),
        ];
        let mut recipe = Recipe {
            argv: pointers.as_ptr(),
            envp: envp.as_ptr(),
            null: self.null.as_raw_fd(),
            stdout: stdout.unwrap_or_else(|| self.null.as_raw_fd()),
            show_log: self.show_log,
            exec_at: 0,
            errno: 0,
        };
        own_mounts()?;
        let mounts = File::open("/proc/self/ns/mnt")?.into();
        let pid = self.clone_into(&mut recipe);
        let errno = Error::last_os_error();
        // SAFETY: the descriptor is open for as long as `self` is.
        let back = unsafe { libc::setns(self.home.as_raw_fd(), libc::CLONE_NEWNS) };
        checked(back)?;
        if pid < 0 {
            return Err(errno);
        }
        let running = Running {
            pid,
            exec_at: recipe.exec_at,
            ended: false,
            _mounts: mounts,
        };
        if recipe.errno != 0 {
            return Err(Error::from_raw_os_error(recipe.errno));
        }
        Ok(running)
    }

    fn clone_into(&mut self, recipe: &mut Recipe) -> libc::pid_t {
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_NEWPID | libc::SIGCHLD;
        let top = self.stack.as_mut_ptr_range().end;
        // SAFETY: CLONE_VFORK suspends this thread, the only one, until the child
        // has exec'ed or exited, so the stack, the recipe and all it points to
        // outlive the child's use; the top of a heap block is aligned to 16.
        unsafe {
            libc::clone(
                become_init,
                top.cast::<c_void>(),
                flags,
                ptr::from_mut(recipe).cast::<c_void>(),
            )
        }
    }
}

extern "C" fn become_init(recipe: *mut c_void) -> c_int {
    // SAFETY: `clone_into` passes a recipe that nobody else touches meanwhile;
    // all calls are bare system calls on what it points to.
    unsafe {
        let recipe = &mut *recipe.cast::<Recipe>();
        let proc = c"proc".as_ptr();
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        libc::setsid();
        libc::dup2(recipe.null, 0);
        libc::dup2(recipe.stdout, 1);
        if !recipe.show_log {
            libc::dup2(recipe.null, 2);
        }
        if libc::mount(proc, c"/proc".as_ptr(), proc, 0, ptr::null()) == 0 {
            recipe.exec_at = now();
            libc::execve(*recipe.argv, recipe.argv, recipe.envp);
        }
        recipe.errno = *libc::__errno_location();
        libc::_exit(127)
    }
}

/// An init that was started, by its pid in the namespace of the benchmark.
pub(crate) struct Running {
    pid: libc::pid_t,
    exec_at: u64,
    ended: bool,
    /// Held so that the kernel takes the mounts down after the clock has stopped.
    _mounts: OwnedFd,
}

/// How a run ended.
pub(crate) struct End {
    /// When `waitpid` returned.
    pub(crate) at: u64,
    /// The exit code, or 128 and the signal.
    pub(crate) code: i32,
}

impl Running {
    pub(crate) fn pid(&self) -> libc::pid_t {
        self.pid
    }

    /// The moment of the exec.
    pub(crate) fn exec_at(&self) -> u64 {
        self.exec_at
    }

    pub(crate) fn signal(&self, signal: c_int) -> Result<()> {
        // SAFETY: kill(2) takes numbers; the pid is not reaped while not `ended`.
        checked(unsafe { libc::kill(self.pid, signal) })
    }

    /// Whether it has ended, which leaves it to be waited for.
    pub(crate) fn has_ended(&self) -> bool {
        let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        // SAFETY: zeroed is a valid siginfo_t, which waitid(2) only writes to; it
        // leaves si_pid zero when there is nothing to wait for.
        unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            libc::waitid(libc::P_PID, self.pid.unsigned_abs(), &raw mut info, flags);
            info.si_pid() != 0
        }
    }

    /// Waits for the end; after `limit` it is an error, and the run is killed.
    pub(crate) fn wait(mut self, limit: Duration) -> Result<End> {
        let mut status = 0;
        let seconds = u32::try_from(limit.as_secs()).unwrap_or(u32::MAX);
        // SAFETY: `status` outlives the call. The alarm's handler does nothing
        // but interrupt waitpid(2).
        let (reaped, at) = unsafe {
            libc::alarm(seconds.max(1));
            let reaped = libc::waitpid(self.pid, &raw mut status, 0);
            let at = now();
            libc::alarm(0);
            (reaped, at)
        };
        if reaped != self.pid {
            let text = format!("did not end within {} s", limit.as_secs());
            return Err(Error::new(ErrorKind::TimedOut, text));
        }
        self.ended = true;
        let code = if libc::WIFEXITED(status) {
            libc::WEXITSTATUS(status)
        } else {
            128 + libc::WTERMSIG(status)
        };
        Ok(End { at, code })
    }

    /// Nanoseconds of CPU that PID 1 has used, all its threads together.
    pub(crate) fn cpu(&self) -> Result<u64> {
        let mut clock = 0;
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: both calls only write to the locals that they are given.
        unsafe {
            let error = libc::clock_getcpuclockid(self.pid, &raw mut clock);
            if error != 0 {
                return Err(Error::from_raw_os_error(error));
            }
            checked(libc::clock_gettime(clock, &raw mut time))?;
        }
        Ok(nanoseconds(time))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            // SAFETY: the pid is our child's and not yet reaped. The kernel ends
            // the namespace with its PID 1 (pid_namespaces(7)).
            unsafe {
                libc::kill(self.pid, libc::SIGKILL);
                libc::waitpid(self.pid, ptr::null_mut(), 0);
            }
        }
    }
}

fn own_mounts() -> Result<()> {
    // SAFETY: unshare(2) takes a number; this process has one thread.
    checked(unsafe { libc::unshare(libc::CLONE_NEWNS) })
}

extern "C" fn nothing(_signal: c_int) {}

fn on_alarm_return() -> Result<()> {
    // SAFETY: zeroed is a valid sigaction, without SA_RESTART; the handler does
    // nothing.
    checked(unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = nothing as *const () as usize;
        libc::sigaction(libc::SIGALRM, &raw const action, ptr::null_mut())
    })
}

fn checked(returned: c_int) -> Result<()> {
    if returned < 0 {
        return Err(Error::last_os_error());
    }
    Ok(())
}
