//! What a child becomes: the strings that execve(2) takes, and where it looks for the
//! file. All is made before the fork; [`Image::exec`] only makes system calls.

use std::ffi::{CStr, CString};

use lastout_core::{SpawnFailure, Stage};

use super::{environment, errno};

/// Where a command is searched when its environment has no PATH: execvp(3)'s own,
/// and where images put what they add.
const DEFAULT_PATH: &[u8] = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Who runs what is only text.
const SHELL: &CStr = c"/bin/sh";

/// A program as execve(2) takes it.
#[derive(Debug)]
pub(super) struct Image {
    argv: CStrings,
    environment: CStrings,
    /// What to try to exec, in order.
    candidates: Vec<CString>,
    /// The arguments of the shell that runs what is only text, where one does; they are
    /// those of `argv`.
    by_shell: Option<Vec<*mut libc::c_char>>,
    /// Where in the environment `LISTEN_PID=` wants the child's pid.
    listen_pid: Option<usize>,
}

/// Null-terminated strings with the null-terminated array of pointers that execve takes.
#[derive(Debug)]
struct CStrings {
    strings: Vec<Vec<u8>>,
    pointers: Vec<*mut libc::c_char>,
}

impl CStrings {
    fn new(strings: impl Iterator<Item = Vec<u8>>) -> CStrings {
        let mut strings: Vec<Vec<u8>> = strings.collect();
        let mut pointers: Vec<*mut libc::c_char> = strings
            .iter_mut()
            .map(|string| string.as_mut_ptr().cast())
            .collect();
        pointers.push(std::ptr::null_mut());
        CStrings { strings, pointers }
    }

    fn as_ptr(&self) -> *const *const libc::c_char {
        self.pointers.as_ptr().cast()
    }
}

impl Image {
    /// Of these arguments, in an environment whose entry `listen_pid` has room for the
    /// child's pid. `shell_for_text`: what is no program is run by the shell.
    pub(super) fn prepare(
        argv: &[CString],
        environment: Vec<Vec<u8>>,
        listen_pid: Option<usize>,
        shell_for_text: bool,
    ) -> Image {
        let argv0 = argv.first().map(|name| name.as_bytes()).unwrap_or_default();
        let candidates = candidates(argv0, &environment);
        let argv = CStrings::new(argv.iter().map(|arg| arg.as_bytes_with_nul().to_vec()));
        let by_shell = shell_for_text.then(|| {
            // The second word is the file that turned out to be text.
            let mut words = vec![SHELL.as_ptr().cast_mut(), std::ptr::null_mut()];
            words.extend(argv.pointers.iter().skip(1));
            words
        });
        Image {
            argv,
            environment: CStrings::new(environment.into_iter()),
            candidates,
            by_shell,
            listen_pid,
        }
    }

    /// Puts the child's own pid where LISTEN_PID wants it.
    pub(super) fn write_listen_pid(&mut self) {
        let entry = self
            .listen_pid
            .and_then(|place| self.environment.strings.get_mut(place));
        if let Some(entry) = entry {
            environment::write_listen_pid(entry);
        }
    }

    /// Tries every candidate. What is there and cannot be run outweighs what is not there.
    pub(super) fn exec(&mut self) -> SpawnFailure {
        let mut worst = libc::ENOENT;
        let is_only_one = self.candidates.len() == 1;
        for candidate in &self.candidates {
            // SAFETY: a null-terminated path and two null-terminated arrays of such
            // strings. It returns only when it failed.
            unsafe {
                libc::execve(
                    candidate.as_ptr(),
                    self.argv.as_ptr(),
                    self.environment.as_ptr(),
                );
            }
            let errno = errno();
            if errno == libc::ENOEXEC
                && let Some(by_shell) = &mut self.by_shell
            {
                return exec_by_shell(by_shell, candidate, &self.environment);
            }
            match errno {
                libc::ENOENT if is_there(candidate) => {
                    return SpawnFailure {
                        stage: Stage::Interpreter,
                        errno,
                    };
                }
                libc::ENOTDIR if is_only_one => worst = errno,
                libc::ENOENT | libc::ENOTDIR => {}
                libc::EACCES => worst = errno,
                _ => {
                    return SpawnFailure {
                        stage: Stage::Exec,
                        errno,
                    };
                }
            }
        }
        SpawnFailure {
            stage: Stage::Exec,
            errno: worst,
        }
    }
}

/// Runs a file of text by the shell, as its second word. Async-signal-safe.
fn exec_by_shell(
    words: &mut [*mut libc::c_char],
    file: &CStr,
    environment: &CStrings,
) -> SpawnFailure {
    if let Some(place) = words.get_mut(1) {
        *place = file.as_ptr().cast_mut();
    }
    // SAFETY: as for any other program; nobody writes to the strings.
    unsafe { libc::execve(SHELL.as_ptr(), words.as_ptr().cast(), environment.as_ptr()) };
    SpawnFailure {
        stage: Stage::Exec,
        errno: errno(),
    }
}

/// What to exec: the name itself where it has a slash, else in each folder of the
/// program's own PATH.
fn candidates(name: &[u8], environment: &[Vec<u8>]) -> Vec<CString> {
    if name.is_empty() {
        return Vec::new();
    }
    if name.contains(&b'/') {
        return CString::new(name).into_iter().collect();
    }
    let path = environment
        .iter()
        .find_map(|entry| entry.strip_prefix(b"PATH="));
    let path = path.map_or(DEFAULT_PATH, |path| {
        path.strip_suffix(b"\0").unwrap_or(path)
    });
    path.split(|byte| *byte == b':')
        .filter_map(|folder| {
            // An empty folder in PATH is the current one.
            let folder: &[u8] = if folder.is_empty() { b"." } else { folder };
            CString::new([folder, b"/", name].concat()).ok()
        })
        .collect()
}

fn is_there(path: &CStr) -> bool {
    // SAFETY: a null-terminated path.
    unsafe { libc::access(path.as_ptr(), libc::F_OK) == 0 }
}
