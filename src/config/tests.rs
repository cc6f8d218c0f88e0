//! The whole of it: text in, a plan or all errors out.

use super::*;
use std::fs;

/// A folder with a configuration in it.
pub(super) struct Folder(tempfile::TempDir);

impl Folder {
    pub(super) fn new(text: &str) -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        folder.write("supervisor.toml", text.as_bytes());
        folder
    }

    pub(super) fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub(super) fn load_with(
        &self,
        variables: &[(&str, &str)],
        options: Options,
    ) -> Result<Loaded, String> {
        let variables = variables.iter();
        let variables = variables.map(|(n, v)| (n.into(), v.into())).collect();
        let surroundings = Surroundings {
            environment: &Environment::new(variables),
            accounts: &Machine,
            has_terminal: true,
        };
        let path = self.0.path().join("supervisor.toml");
        let folder = format!("{}/", self.0.path().display());
        match load(&path, surroundings, options) {
            Ok(mut loaded) => {
                for warning in &mut loaded.plan.warnings {
                    *warning = warning.replace(&folder, "");
                }
                loaded.path = "supervisor.toml".into();
                Ok(loaded)
            }
            Err(report) => Err(report.to_string().replace(&folder, "")),
        }
    }

    pub(super) fn load(&self) -> Result<Loaded, String> {
        self.load_with(&[("PATH", "/bin"), ("A", "1 2")], Options::default())
    }
}

/// A machine with a few users.
struct Machine;

impl Accounts for Machine {
    fn users(&self) -> Option<Vec<String>> {
        Some(vec!["root".into(), "www-data".into()])
    }

    fn groups(&self) -> Option<Vec<String>> {
        Some(vec!["root".into(), "adm".into()])
    }
}

mod control;
mod documents;
mod errors;
mod explained;
mod includes;
mod output;
mod plans;
mod properties;
mod supervision;
