//! The programs that the tests start, at places where every user may run them: a
//! checkout under /root could not be entered by the uids that some tests take.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::{env, fs};

use crate::must;

/// The lastout of this build, with its assertions: what the tests in a namespace start.
#[must_use]
pub fn lastout() -> PathBuf {
    static COPY: OnceLock<PathBuf> = OnceLock::new();
    COPY.get_or_init(|| for_everybody(&built_lastout(), "lastout"))
        .clone()
}

/// A static binary, as it goes into an image: `lastout` or an example program.
///
/// # Panics
///
/// When there is no such binary, or it cannot be built.
#[must_use]
pub fn in_images(name: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(build);
    workspace().join("target/static").join(name)
}

/// An example program, to be started in a namespace.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    for_everybody(&in_images(name), name)
}

/// The probe, as the word of a command line.
#[must_use]
pub fn probe() -> String {
    static COPY: OnceLock<String> = OnceLock::new();
    COPY.get_or_init(|| program("probe").display().to_string())
        .clone()
}

/// The folder of the workspace.
#[must_use]
pub fn workspace() -> PathBuf {
    let harness = Path::new(env!("CARGO_MANIFEST_DIR"));
    match harness.ancestors().nth(2) {
        Some(workspace) => workspace.to_path_buf(),
        None => panic!("{} is not in a workspace", harness.display()),
    }
}

/// Cargo builds a package's binaries before its integration tests, into the folder
/// above that of the tests.
fn built_lastout() -> PathBuf {
    if let Some(path) = env::var_os("CARGO_BIN_EXE_lastout") {
        return PathBuf::from(path);
    }
    let test = must(env::current_exe(), "where is this test");
    match test.ancestors().nth(2) {
        Some(folder) => folder.join("lastout"),
        None => panic!("{} is not where cargo puts tests", test.display()),
    }
}

/// Takes no time when nothing has changed.
fn build() {
    let script = workspace().join("scripts/build-static");
    let status = Command::new(&script).stdin(Stdio::null()).status();
    let status = must(status, "scripts/build-static");
    assert!(status.success(), "scripts/build-static failed");
}

/// A copy that everybody may enter and execute; made anew when the original changed.
fn for_everybody(original: &Path, name: &str) -> PathBuf {
    let folder = folder_for_everybody();
    let copy = folder.join(name);
    if is_newer(original, &copy) {
        // Copied beside and renamed: another test may be running the old one.
        let fresh = folder.join(format!(
            ".{name}.{}.{:?}",
            std::process::id(),
            std::thread::current().id()
        ));
        install(original, &fresh, 0o755);
        must(
            fs::rename(&fresh, &copy),
            &format!("rename to {}", copy.display()),
        );
    }
    copy
}

/// Copies a file that is to be executed, and gives it this mode.
///
/// A process of its own does it. The kernel executes no file that somebody writes to ("Text
/// file busy"), and a descriptor of ours would be in every child that another test is just
/// about to start, until its exec.
///
/// # Panics
///
/// When it cannot be copied.
pub fn install(original: &Path, copy: &Path, mode: u32) {
    let mut command = Command::new("install");
    command.args(["--mode", &format!("{mode:o}"), "--"]);
    let status = command
        .arg(original)
        .arg(copy)
        .stdin(Stdio::null())
        .status();
    let status = must(status, "install");
    assert!(status.success(), "cannot copy {}", original.display());
}

/// Writes a file that is to be executed, as [`install`] does.
///
/// # Panics
///
/// When it cannot be written.
pub fn write_executable(path: &Path, content: &[u8], mode: u32) {
    let draft = path.with_extension("draft");
    must(fs::write(&draft, content), "write a draft");
    install(&draft, path, mode);
    must(fs::remove_file(&draft), "remove a draft");
}

/// One a workspace, so that two checkouts do not run each other's binaries.
fn folder_for_everybody() -> PathBuf {
    use std::hash::{DefaultHasher, Hash, Hasher};
    use std::os::unix::fs::PermissionsExt;

    let mut hasher = DefaultHasher::new();
    workspace().hash(&mut hasher);
    let folder = env::temp_dir().join(format!("lastout-tests-{:016x}", hasher.finish()));
    must(
        fs::create_dir_all(&folder),
        &format!("make {}", folder.display()),
    );
    let open = fs::Permissions::from_mode(0o755);
    must(
        fs::set_permissions(&folder, open),
        "open the folder of the binaries",
    );
    folder
}

fn is_newer(original: &Path, copy: &Path) -> bool {
    let facts = |path| {
        let facts = fs::metadata(path).ok()?;
        Some((facts.len(), facts.modified().ok()?))
    };
    match (facts(original), facts(copy)) {
        (Some((size, written)), Some((copied_size, copied))) => {
            size != copied_size || written > copied
        }
        _ => true,
    }
}
