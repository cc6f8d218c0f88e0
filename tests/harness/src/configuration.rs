//! A supervisor.toml of a test's own, in a folder of its own.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process};

use crate::namespace::{Run, Setup};
use crate::{binaries, must};

/// A file; removed when dropped, with its folder.
pub struct Configuration {
    folder: PathBuf,
}

impl Configuration {
    /// A file with this text, in which PROBE stands for the probe's path and FOLDER for
    /// that of the file's own folder, in which everybody may write.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    #[must_use]
    pub fn new(text: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("lastout-configuration-{}-{count}", process::id());
        let folder = env::temp_dir().join(name);
        // A test that was killed may have left one, and its pid is given away again.
        let _ = fs::remove_dir_all(&folder);
        must(fs::create_dir_all(&folder), "make a folder");
        let everybody = fs::Permissions::from_mode(0o777);
        must(fs::set_permissions(&folder, everybody), "open the folder");
        let configuration = Configuration { folder };
        configuration.rewrite(text);
        configuration
    }

    /// Puts another text in its place.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    pub fn rewrite(&self, text: &str) {
        let text = text.replace("PROBE", &binaries::probe());
        let text = text.replace("FOLDER", &self.folder());
        self.write("supervisor.toml", &text);
    }

    /// Writes a file beside it, as a whole: whoever looks sees all of it or nothing.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) {
        let fresh = self.folder.join(format!(".{name}.fresh"));
        must(fs::write(&fresh, text), "write a file");
        must(fs::rename(fresh, self.folder.join(name)), "put it there");
    }

    /// Takes a file beside it away, if it is there.
    pub fn remove(&self, name: &str) {
        let _ = fs::remove_file(self.folder.join(name));
    }

    /// What a file beside it has in it, if it is there.
    #[must_use]
    pub fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.folder.join(name)).ok()
    }

    /// The file's name.
    #[must_use]
    pub fn path(&self) -> String {
        self.folder.join("supervisor.toml").display().to_string()
    }

    /// Its folder, for more files and as a working directory.
    #[must_use]
    pub fn folder(&self) -> String {
        self.folder.display().to_string()
    }

    /// Where a run of it has its control socket, so that runs do not find each other's.
    #[must_use]
    pub fn socket(&self) -> String {
        self.folder.join("control.sock").display().to_string()
    }

    /// `lastout -c FILE WORDS…`, still to be started.
    #[must_use]
    pub fn setup(&self, words: &[&str]) -> Setup {
        let setup = Setup::new(&[&["-c", &self.path()], words].concat());
        setup.environment("LASTOUT_SOCKET", &self.socket())
    }

    /// Starts `lastout -c FILE` as PID 1.
    #[must_use]
    pub fn run(&self) -> Run {
        self.setup(&[]).start()
    }

    /// Starts `lastout -v -c FILE` as PID 1 and waits for these lines.
    #[must_use]
    pub fn run_until(&self, lines: &[&str]) -> Run {
        let run = self.setup(&["-v"]).start();
        for line in lines {
            run.wait_for_line(line);
        }
        run
    }
}

impl Drop for Configuration {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}
