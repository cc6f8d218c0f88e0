//! By the name that it is called by lastout takes the place of another init
//! (docs/faces.md). Each test runs the original from Debian beside it and compares; where
//! the two differ on purpose the test says why.

#![expect(clippy::unwrap_used, reason = "that is how a test fails")]

mod child;
mod dockerfile;
mod engine;
mod gains;
mod signals;
mod terminal;
mod texts;

use std::path::{Path, PathBuf};

use lastout_harness::binaries;
use lastout_harness::lines::Stream;
use lastout_harness::namespace::Setup;

/// The inits, by the names that they have in Debian.
const INITS: [&str; 4] = ["tini", "tini-static", "dumb-init", "catatonit"];

/// The original of that name.
fn original(name: &str) -> PathBuf {
    let package = match name {
        "docker-init" => "tini-static",
        "podman-init" => "catatonit",
        other => other,
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(package));
    match found.into_iter().find(|file| file.is_file()) {
        Some(file) if package == name => file,
        Some(file) => link(&folder("originals").join(name), &file),
        None => panic!("{package} is not installed (scripts/test does it)"),
    }
}

/// lastout under that name.
fn face(name: &str) -> PathBuf {
    link(&folder("faces").join(name), &binaries::lastout())
}

/// A folder that everybody may enter.
fn folder(name: &str) -> PathBuf {
    let folder = binaries::lastout().with_file_name(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A link, made beside and renamed: other tests do the same.
fn link(link: &Path, to: &Path) -> PathBuf {
    let fresh = link.with_extension(format!("{:?}", std::thread::current().id()));
    let _ = std::fs::remove_file(&fresh);
    std::os::unix::fs::symlink(to, &fresh).unwrap();
    std::fs::rename(&fresh, link).unwrap();
    link.to_path_buf()
}

/// What a run said, and how it ended.
#[derive(Clone, Debug, PartialEq)]
struct Said {
    status: i32,
    out: Vec<String>,
    err: Vec<String>,
}

/// Runs it to its end.
fn said(setup: Setup) -> Said {
    let mut run = setup.start();
    let status = run.wait();
    Said {
        status,
        out: run.lines().of(Stream::Stdout),
        err: run.lines().of(Stream::Stderr),
    }
}

impl Said {
    /// The same with `INIT` for the path that it was called by.
    fn called(mut self, path: &Path) -> Said {
        let path = path.display().to_string();
        for line in self.out.iter_mut().chain(&mut self.err) {
            *line = line.replace(&path, "INIT");
        }
        self
    }

    /// The same without the lines that contain one of these.
    fn without(mut self, parts: &[&str]) -> Said {
        for lines in [&mut self.out, &mut self.err] {
            lines.retain(|line| !parts.iter().any(|part| line.contains(part)));
        }
        self
    }

    /// The same without empty lines: what is left where one was written in pieces.
    fn without_empty(mut self) -> Said {
        for lines in [&mut self.out, &mut self.err] {
            lines.retain(|line| !line.is_empty());
        }
        self
    }

    /// The same with its lines in order of the alphabet.
    fn sorted(mut self) -> Said {
        self.out.sort();
        self.err.sort();
        self
    }
}

/// What the original and the face say when they are started like this.
fn both(name: &str, arguments: &[&str], odd: impl Fn(Setup) -> Setup) -> [Said; 2] {
    [original(name), face(name)].map(|init| {
        let setup = odd(Setup::new(arguments).program(&init));
        said(setup).called(&init)
    })
}

/// Both as PID 1, and nothing is odd.
fn as_pid_1(name: &str, arguments: &[&str]) -> [Said; 2] {
    both(name, arguments, |setup| setup)
}

/// The words of a command line that runs the probe.
fn with_probe<'a>(options: &[&'a str], probe: &'a str, words: &[&'a str]) -> Vec<&'a str> {
    [options, &["--", probe], words].concat()
}
