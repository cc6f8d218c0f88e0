//! The configuration of this machine: found, read and checked against its environment,
//! its users and its terminal. The same at the start, for `lastout check`, and when it is
//! read again while lastout runs (RELOAD-1).

use std::path::{Path, PathBuf};

use log::LevelFilter;

use crate::config::{self, Environment, Loaded, Options, Source, Surroundings};
use crate::linux::{passwd, terminal};
use crate::say;

/// Where the configuration of this life comes from, and what the command line adds.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The file that was found at the start.
    pub path: PathBuf,
    /// What the command line says about it.
    pub options: Options,
    /// The level of the log that the command line asks for; it wins over the file's.
    pub level: Option<LevelFilter>,
}

impl Origin {
    /// Reads it again. What it says of lastout's own log holds from now on.
    ///
    /// # Errors
    /// All that is wrong with it, and nothing was done.
    pub fn read(&self) -> Result<Loaded, String> {
        let loaded = self.look()?;
        say::begin(self.level.unwrap_or(loaded.log_level), loaded.log_format);
        Ok(loaded)
    }

    /// Reads it again, to see what would come of it.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn look(&self) -> Result<Loaded, String> {
        load(Some(&self.path), self.options.clone(), "nothing is changed")
    }
}

/// Finds, reads and checks the configuration; `otherwise` says what comes of an error.
///
/// # Errors
/// All that is wrong with it, in as many lines as it takes.
pub fn load(explicit: Option<&Path>, options: Options, otherwise: &str) -> Result<Loaded, String> {
    let environment = Environment::new(std::env::vars_os().collect());
    let source = Source {
        explicit,
        environment: &environment,
        working_directory: Path::new(""),
    };
    let path = config::find(source).map_err(|error| format!("lastout: {error}"))?;
    let surroundings = Surroundings {
        environment: &environment,
        accounts: &Accounts,
        has_terminal: terminal::is_ours_to_give(),
    };
    config::load(&path, surroundings, options).map_err(|report| {
        let errors = if report.count() == 1 {
            "error"
        } else {
            "errors"
        };
        format!(
            "{report}\n\nlastout: {} {errors}; {otherwise}",
            report.count()
        )
    })
}

/// The users and groups of this machine, without NSS.
struct Accounts;

impl config::Accounts for Accounts {
    fn users(&self) -> Option<Vec<String>> {
        passwd::user_names()
    }

    fn groups(&self) -> Option<Vec<String>> {
        passwd::group_names()
    }
}
