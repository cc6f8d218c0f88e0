//! Which file is the configuration.
//!
//! What was asked for by name is taken, there or not: whoever names a file does not
//! want another one. Else the first that is there.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::Environment;
use super::text::printable;

/// Where a configuration is looked for, after `-c`, `$LASTOUT_CONFIG` and the working
/// directory.
const SYSTEM: [&str; 2] = ["/etc/lastout/supervisor.toml", "/etc/supervisor.toml"];

/// What decides which file it is.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// `-c FILE`.
    pub explicit: Option<&'a Path>,
    /// lastout's own environment, for `$LASTOUT_CONFIG`.
    pub environment: &'a Environment,
    /// Where `supervisor.toml` is looked for; empty: where lastout is.
    pub working_directory: &'a Path,
}

/// There is no configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NotFound {
    /// Where it was looked for.
    pub looked_at: Vec<PathBuf>,
}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.looked_at.iter();
        let names: Vec<String> = names.map(|p| printable(&p.to_string_lossy())).collect();
        write!(f, "no configuration found; looked at {}", names.join(", "))
    }
}

impl std::error::Error for NotFound {}

/// The path of the configuration.
///
/// # Errors
///
/// There is none, nor was one named.
pub fn find(source: Source<'_>) -> Result<PathBuf, NotFound> {
    if let Some(explicit) = source.explicit {
        return Ok(explicit.to_owned());
    }
    if let Some(named) = source.environment.get_set("LASTOUT_CONFIG") {
        return Ok(PathBuf::from(named));
    }
    let local = source.working_directory.join("supervisor.toml");
    let looked_at: Vec<PathBuf> = [local].into_iter().chain(SYSTEM.map(Into::into)).collect();
    let there = looked_at.iter().find(|path| is_there(path));
    there.cloned().ok_or(NotFound { looked_at })
}

/// What cannot be looked at counts as there, so that the reason is told.
fn is_there(path: &Path) -> bool {
    match path.symlink_metadata() {
        Ok(_) => true,
        Err(e) => !matches!(
            e.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_was_named_or_is_there_is_taken() {
        let directory = tempfile::tempdir().unwrap();
        let empty = Environment::default();
        let named = Environment::new(vec![("LASTOUT_CONFIG".into(), "/named".into())]);
        let unset = Environment::new(vec![("LASTOUT_CONFIG".into(), "".into())]);
        let mut source = Source {
            explicit: Some(Path::new("/explicit")),
            environment: &named,
            working_directory: directory.path(),
        };
        assert_eq!(find(source), Ok("/explicit".into()));
        source.explicit = None;
        assert_eq!(find(source), Ok("/named".into()));
        source.environment = &unset;
        let local = directory.path().join("supervisor.toml");
        let missing = find(source).unwrap_err();
        assert_eq!(
            missing.to_string(),
            format!(
                "no configuration found; looked at {}, /etc/lastout/supervisor.toml, \
                 /etc/supervisor.toml",
                local.display()
            )
        );
        std::fs::write(&local, "").unwrap();
        source.environment = &empty;
        assert_eq!(find(source), Ok(local));
    }

    #[test]
    fn in_the_working_directory_the_name_is_enough() {
        assert_eq!(
            Path::new("").join("supervisor.toml"),
            Path::new("supervisor.toml")
        );
    }
}
