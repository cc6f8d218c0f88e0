//! What a child becomes: the strings that execve(2) takes, and where it looks for the
//! file. All is made before the fork; [`Image::exec`] only makes system calls.

use std::borrow::Cow;
use std::ffi::{CStr, CString};

use lastout_core::{SpawnFailure, Stage};

use super::environment::{self, Entry};
use super::errno;

/// Where a command is searched when its environment has no PATH: execvp(3)'s own,
/// and where images put what they add.
const DEFAULT_PATH: &[u8] = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Who runs what is only text.
const SHELL: &CStr = c"/bin/sh";

/// A program as execve(2) takes it. Its strings stay where they are, in the launch.
#[derive(Debug)]
pub(super) struct Image<'a> {
    argv: Pointers,
    environment: Pointers,
    /// What the two point to.
    strings: (&'a [CString], Vec<Entry<'a>>),
    /// What to try to exec, in order.
    candidates: Vec<CString>,
    /// The arguments of the shell that runs what is only text, where one does; they are
    /// those of `argv`.
    by_shell: Option<Pointers>,
    /// Where in the environment `LISTEN_PID=` wants the child's pid.
    listen_pid: Option<usize>,
}

/// The null-terminated array of pointers to null-terminated strings that execve takes.
#[derive(Debug)]
struct Pointers(Vec<*const libc::c_char>);

impl Pointers {
    fn to<'s>(strings: impl ExactSizeIterator<Item = &'s [u8]>) -> Pointers {
        let mut pointers = Vec::with_capacity(strings.len() + 1);
        pointers.extend(strings.map(|string| string.as_ptr().cast()));
        pointers.push(std::ptr::null());
        Pointers(pointers)
    }
}

impl<'a> Image<'a> {
    /// Of these arguments, in an environment whose entry `listen_pid` has room for the
    /// child's pid. `shell_for_text`: what is no program is run by the shell.
    pub(super) fn prepare(
        words: &'a [CString],
        environment: Vec<Entry<'a>>,
        listen_pid: Option<usize>,
        shell_for_text: bool,
    ) -> Image<'a> {
        let name = words.first().map(|name| name.as_bytes());
        let candidates = candidates(name.unwrap_or_default(), &environment);
        let argv = Pointers::to(words.iter().map(|word| word.as_bytes_with_nul()));
        let by_shell = shell_for_text.then(|| {
            // The second word is the file that turned out to be text.
            let mut words = vec![SHELL.as_ptr(), std::ptr::null()];
            words.extend(argv.0.iter().skip(1));
            Pointers(words)
        });
        Image {
            argv,
            environment: Pointers::to(environment.iter().map(AsRef::as_ref)),
            strings: (words, environment),
            candidates,
            by_shell,
            listen_pid,
        }
    }

    /// Puts the child's own pid where LISTEN_PID wants it.
    pub(super) fn write_listen_pid(&mut self) {
        let (_, environment) = &mut self.strings;
        let entry = self.listen_pid.and_then(|place| environment.get_mut(place));
        // It was made for this, so nothing is copied.
        if let Some(Cow::Owned(entry)) = entry {
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
                let (argv, environment) = (self.argv.0.as_ptr(), self.environment.0.as_ptr());
                libc::execve(candidate.as_ptr(), argv, environment);
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
fn exec_by_shell(words: &mut Pointers, file: &CStr, environment: &Pointers) -> SpawnFailure {
    if let Some(place) = words.0.get_mut(1) {
        *place = file.as_ptr();
    }
    // SAFETY: as for any other program.
    unsafe { libc::execve(SHELL.as_ptr(), words.0.as_ptr(), environment.0.as_ptr()) };
    SpawnFailure {
        stage: Stage::Exec,
        errno: errno(),
    }
}

/// What to exec: the name itself where it has a slash, else in each folder of the
/// program's own PATH.
fn candidates(name: &[u8], environment: &[Entry<'_>]) -> Vec<CString> {
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
