//! A file that lines are appended to, rotated by its size (LOG-5).
//!
//! It is rotated between lines: `file` becomes `file.1`, and that `file.2`, and so on; the
//! oldest goes. A line that cannot be written whole is taken out again, so that none is
//! ever torn. What others do to it by its name (logrotate's move, a deletion) is looked
//! at where it matters: before it is renamed, and when it is to be opened again.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use log::Level;
use memchr::{memchr, memrchr};

use super::message::News;
use crate::linux::logfile::LogFd;
use crate::plan::LogFile;

/// How far a line may reach beyond the size at which a file is rotated: who never writes a
/// newline does not fill the disk for it.
const MOST_BEYOND: u64 = 1024 * 1024;

/// A file, opened when there is first something to write.
#[derive(Debug)]
pub(super) struct RotatedFile {
    /// What is asked of it.
    pub(super) log: LogFile,
    file: Option<LogFd>,
    size: u64,
    /// The size beyond which it is rotated.
    limit: u64,
    /// Whether its last byte is not a newline.
    is_in_line: bool,
    /// Whether it was told that it cannot be rotated.
    has_told: bool,
    /// Whether it was told that there are more of its name than are kept.
    has_told_more: bool,
}

/// Some lines could not be written.
#[derive(Debug)]
pub(super) struct Failure {
    /// How many bytes were, from the front.
    pub(super) written: usize,
    /// `open` or `write to`.
    pub(super) verb: &'static str,
    /// Why.
    pub(super) error: io::Error,
}

impl RotatedFile {
    /// Nothing is opened yet.
    #[must_use]
    pub(super) fn new(log: LogFile) -> RotatedFile {
        RotatedFile {
            limit: log.max_size,
            log,
            file: None,
            size: 0,
            is_in_line: false,
            has_told: false,
            has_told_more: false,
        }
    }

    /// Takes what is asked of it from now on.
    pub(super) fn ask(&mut self, log: &LogFile) {
        self.log.clone_from(log);
        self.limit = log.max_size;
    }

    /// Whatever has the name now is written to from now on.
    pub(super) fn reopen(&mut self) {
        self.file = None;
        // Where it cannot be opened, the next line says so.
        let _ = self.open();
    }

    /// Appends it all, rotating where a line would make the file too large. Unless it goes
    /// on with the line that the file ends in, that line is ended first.
    ///
    /// # Errors
    /// What could be written is whole lines, but for the end of what goes on.
    pub(super) fn append(
        &mut self,
        bytes: &[u8],
        goes_on: bool,
        news: &mut Vec<News>,
    ) -> Result<(), Failure> {
        let mut written = 0;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            if let Err(error) = self.open() {
                return Err(Failure {
                    written,
                    verb: "open",
                    error,
                });
            }
            if self.is_in_line && !goes_on && written == 0 {
                self.write(b"\n")?;
            }
            let length = self.fitting(rest);
            if length == 0 {
                self.rotate(news);
                continue;
            }
            let (piece, _) = rest.split_at(length);
            match self.write(piece) {
                Ok(()) => written += length,
                Err(failure) => {
                    return Err(Failure {
                        written: written + failure.written,
                        ..failure
                    });
                }
            }
        }
        Ok(())
    }

    fn open(&mut self) -> io::Result<()> {
        if self.file.is_none() {
            let file = LogFd::open(&self.log.path, self.log.mode)?;
            self.size = file.size()?;
            self.limit = self.log.max_size;
            // What an earlier life left open: a relay that was killed, a machine that went
            // down, or this one before it was told to open it anew.
            self.is_in_line = self.size > 0 && file.ends_in_a_line(&self.log.path);
            self.file = Some(file);
        }
        Ok(())
    }

    /// How many of these bytes are to be written before it is rotated.
    fn fitting(&self, bytes: &[u8]) -> usize {
        let after = self.size.saturating_add(bytes.len() as u64);
        if self.log.max_size == 0 || after <= self.limit {
            return bytes.len();
        }
        let line = || memchr(b'\n', bytes).map_or(bytes.len(), |newline| newline + 1);
        if self.is_in_line && self.size < self.limit.saturating_add(MOST_BEYOND) {
            return line();
        }
        let room = usize::try_from(self.limit.saturating_sub(self.size)).unwrap_or(usize::MAX);
        let fitting = bytes.get(..room).unwrap_or(bytes);
        match memrchr(b'\n', fitting) {
            Some(newline) => newline + 1,
            // Not even one: it is written all the same where nothing else is.
            None if self.size == 0 => line(),
            None => 0,
        }
    }

    /// Appends it all, or whole lines of it.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let mut written = 0;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            let Some(file) = &self.file else { break };
            match file.write(rest) {
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.without_the_torn(bytes, written, error)),
            }
        }
        self.size += bytes.len() as u64;
        self.is_in_line = bytes.last() != Some(&b'\n');
        Ok(())
    }

    /// So many of these bytes are in the file. Takes those out again that are no whole line.
    fn without_the_torn(&mut self, bytes: &[u8], written: usize, error: io::Error) -> Failure {
        let (front, _) = bytes.split_at(written);
        let whole = memrchr(b'\n', front).map_or(0, |newline| newline + 1);
        let (size, wanted) = (self.size + written as u64, self.size + whole as u64);
        // Nobody else's bytes are taken away.
        let is_whole = written == whole
            || self.file.as_ref().is_some_and(|file| {
                file.size().is_ok_and(|found| found == size) && file.truncate(wanted).is_ok()
            });
        self.size = if is_whole { wanted } else { size };
        self.is_in_line = !is_whole || (whole == 0 && self.is_in_line);
        Failure {
            written: whole,
            verb: "write to",
            error,
        }
    }

    /// Makes room for the next line, or lets the file grow on where that cannot be.
    fn rotate(&mut self, news: &mut Vec<News>) {
        let Some(file) = &self.file else { return };
        // Somebody else has made it shorter: logrotate's copytruncate.
        let found = file.size().unwrap_or(self.size);
        if found < self.size {
            self.size = found;
            return;
        }
        // Somebody else has moved it, and what has the name now is not ours to rename.
        if !file.is_at(&self.log.path) {
            self.file = None;
            return;
        }
        let rotated = if self.log.backups == 0 {
            file.truncate(0)
        } else {
            self.shift()
        };
        match rotated {
            Ok(()) => {
                self.has_told = false;
                self.file = None;
                self.tell_more(news);
            }
            Err(error) => {
                self.limit = self.size.saturating_add(self.log.max_size);
                if !self.has_told {
                    self.has_told = true;
                    let path = self.log.path.display();
                    news.push(News::Say {
                        level: Level::Warn,
                        text: format!("cannot rotate {path}: {error}; it grows on"),
                    });
                }
            }
        }
    }

    /// Gives each the name of the next older one, as far as there are any.
    fn shift(&self) -> io::Result<()> {
        let mut oldest = 1;
        while let Ok(there) = self.older(oldest).symlink_metadata() {
            // Before anything is done. No log is a directory, and it is not ours to move.
            if there.is_dir() {
                let name = self.older(oldest);
                let text = format!("{} is a directory", name.display());
                return Err(io::Error::other(text));
            }
            if oldest >= self.log.backups {
                break;
            }
            oldest += 1;
        }
        // To be renamed over, ext4 would write the younger one to disk before (ext4(5),
        // auto_da_alloc); whether there is one, the renaming tells.
        let _ = std::fs::remove_file(self.older(oldest));
        for number in (1..oldest).rev() {
            std::fs::rename(self.older(number), self.older(number + 1))?;
        }
        std::fs::rename(&self.log.path, self.older(1))
    }

    /// Older ones than are kept stay: they may be somebody else's, logrotate's for one. Who
    /// has lowered `backups` is told so, once.
    fn tell_more(&mut self, news: &mut Vec<News>) {
        let beyond = self.older(self.log.backups.saturating_add(1));
        if !self.has_told_more && beyond.symlink_metadata().is_ok() {
            self.has_told_more = true;
            news.push(News::Say {
                level: Level::Warn,
                text: format!(
                    "{} is beyond the {} that `backups` keeps: it stays until somebody deletes it",
                    beyond.display(),
                    self.log.backups
                ),
            });
        }
    }

    fn older(&self, number: u32) -> PathBuf {
        let mut name = OsString::from(&self.log.path);
        name.push(format!(".{number}"));
        PathBuf::from(name)
    }
}

#[cfg(test)]
mod tests;
