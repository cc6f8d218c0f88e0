//! What a run needs that is not measured: the floor and the programs, compiled
//! from benches/floor by the C compiler of the machine, the static release
//! binary of lastout, and the inits that Debian has.

use std::io::{Error, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "x86_64-unknown-linux-musl";
const SOURCES: &[&str] = &[
    "true", "init", "many", "restart", "program", "orphans", "lines",
];

/// What stands or falls with memchr and memcpy: by cc, whose C library has fast ones.
const FAST: &[&str] = &["relay"];

/// The inits of Debian: the command, and the package that has it.
const PEERS: &[(&str, &str)] = &[
    ("tini", "tini"),
    ("tini-static", "tini"),
    ("dumb-init", "dumb-init"),
    ("catatonit", "catatonit"),
];

/// The compiled C programs, in a directory that goes with this.
pub(crate) struct Tools {
    directory: tempfile::TempDir,
    /// The compiler's own word for itself.
    pub(crate) compiler: String,
}

impl Tools {
    /// Compiles benches/floor, static and with -O2, by `$CC`, else musl-gcc where
    /// it is installed (its start-up is the smaller floor), else cc.
    pub(crate) fn build() -> Result<Self> {
        let musl = || in_path("musl-gcc").map_or("cc", |_| "musl-gcc");
        let compiler = std::env::var("CC").unwrap_or_else(|_| musl().into());
        let directory = tempfile::Builder::new()
            .prefix("lastout-bench-")
            .tempdir()?;
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/floor");
        let with_cc = FAST.iter().map(|name| (name, "cc"));
        let sources_of = SOURCES.iter().map(|name| (name, compiler.as_str()));
        for (name, compiler) in sources_of.chain(with_cc) {
            let mut cc = Command::new(compiler);
            cc.args(["-static", "-O2", "-Wall", "-Wextra", "-o"])
                .arg(directory.path().join(name))
                .arg(sources.join(format!("{name}.c")));
            output_of(&mut cc)?;
        }
        let version = output_of(Command::new(&compiler).arg("--version"))?;
        Ok(Self {
            directory,
            compiler: format!("{compiler}, {}", first_line(&version)),
        })
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The path of a compiled program.
    pub(crate) fn program(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }
}

/// The binaries of `$LASTOUT_BIN`, one or more as in PATH: several builds are compared in
/// one run. Else the static release binary, built anew if it is not fresh.
pub(crate) fn lastout() -> Result<Vec<PathBuf>> {
    if let Some(paths) = std::env::var_os("LASTOUT_BIN") {
        return std::env::split_paths(&paths)
            .map(std::fs::canonicalize)
            .collect();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build
        .current_dir(root)
        .args(["build", "--release", "--bin", "lastout", "--target", TARGET]);
    output_of(&mut build)?;
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root.join("target"), |directory| root.join(directory));
    let path = std::fs::canonicalize(target.join(TARGET).join("release/lastout"))?;
    Ok(vec![path])
}

/// A peer that is there, with its path and its version, or the package to install.
pub(crate) enum Peer {
    Found {
        name: String,
        path: PathBuf,
        version: String,
    },
    Missing {
        name: String,
        package: String,
    },
}

pub(crate) fn peers() -> Vec<Peer> {
    PEERS
        .iter()
        .map(|&(name, package)| match in_path(name) {
            Some(path) => Peer::Found {
                name: name.into(),
                version: version_of(&path),
                path,
            },
            None => Peer::Missing {
                name: name.into(),
                package: package.into(),
            },
        })
        .collect()
}

/// The size of a file in bytes, and whether the kernel needs a loader for it.
pub(crate) fn size_of_binary(path: &Path) -> Result<(u64, bool)> {
    let bytes = std::fs::read(path)?;
    // A dynamic executable names its loader, ld-linux or ld-musl (elf(5)).
    let loader = bytes
        .windows(6)
        .take(4096)
        .any(|window| window == b"/ld-li" || window == b"/ld-mu");
    Ok((bytes.len() as u64, loader))
}

pub(crate) fn in_path(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|directory| directory.join(name))
        .find(|path| path.is_file())
}

#[expect(clippy::disallowed_methods, reason = "the benchmark is no PID 1")]
fn version_of(path: &Path) -> String {
    Command::new(path)
        .arg("--version")
        .output()
        .map(|output| {
            first_line(&String::from_utf8_lossy(
                &[output.stdout, output.stderr].concat(),
            ))
        })
        .unwrap_or_default()
}

#[expect(clippy::disallowed_methods, reason = "the benchmark is no PID 1")]
fn output_of(command: &mut Command) -> Result<String> {
    let name = command.get_program().display().to_string();
    let output = command
        .output()
        .map_err(|error| Error::other(format!("cannot run {name}: {error}")))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(Error::other(format!("{name}: {}\n{stderr}", output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_string()
}
