//! lastout in containers of a real Docker engine, by way of its command line client.
//!
//! Images are FROM scratch, made of the static binaries, and named after what is in
//! them, so that two checkouts on one engine do not meet. Containers have names of their
//! own and are removed when dropped.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use std::{env, fs, process};

use crate::lines::{Line, Lines, Stream};
use crate::{binaries, must};

/// An image that the engine has.
#[derive(Clone, Debug)]
pub struct Image {
    tag: String,
}

/// The binaries that every image of the tests has, in its root.
const BINARIES: [&str; 6] = [
    "lastout",
    "leaves-on-term",
    "ignores-term",
    "forgets-child",
    "http-server",
    "probe",
];

impl Image {
    /// Just the static binaries, no entry point: `/lastout`, `/probe` and the others.
    #[must_use]
    pub fn plain() -> Image {
        static PLAIN: OnceLock<Image> = OnceLock::new();
        PLAIN.get_or_init(|| Image::with(&[], "")).clone()
    }

    /// The static binaries with more files (name in the root, content) and more lines of
    /// the Dockerfile, as `ENTRYPOINT …` or `STOPSIGNAL …`.
    ///
    /// # Panics
    ///
    /// When it cannot be built.
    #[must_use]
    pub fn with(files: &[(&str, &str)], instructions: &str) -> Image {
        need_engine();
        let mut hasher = DefaultHasher::new();
        (files, instructions).hash(&mut hasher);
        for name in BINARIES {
            let path = binaries::in_images(name);
            must(fs::read(&path), &format!("read {}", path.display())).hash(&mut hasher);
        }
        let tag = format!("lastout-test:{:016x}", hasher.finish());
        // One at a time: two tests may want the same one.
        static BUILDING: Mutex<()> = Mutex::new(());
        let _building = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
        if !attempt(&["image", "inspect", &tag]).status.success() {
            build(&tag, files, instructions);
        }
        Image { tag }
    }

    /// The image of a recipe under examples/, built as its README says.
    ///
    /// # Panics
    ///
    /// When it cannot be built.
    #[must_use]
    pub fn of_recipe(name: &str) -> Image {
        need_engine();
        let tag = format!("lastout-test-example-{name}:{:08x}", checkout() as u32);
        let script = binaries::workspace().join("scripts/image");
        let mut command = Command::new(&script);
        command.args([name, &tag]).stdin(Stdio::null());
        let output = must(command.output(), "scripts/image");
        assert!(
            output.status.success(),
            "scripts/image {name} failed: {}",
            text_of(&output)
        );
        Image { tag }
    }

    /// Its name for the engine.
    #[must_use]
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// Starts a container of it, with these options of `docker run` and this command.
    ///
    /// # Panics
    ///
    /// When the engine does not start it. That its command cannot be run is no such
    /// case for lastout, but it is where lastout itself is not the entry point.
    #[must_use]
    pub fn run(&self, options: &[&str], command: &[&str]) -> Container {
        let name = unique_name();
        let start = ["run", "--detach", "--name", &name];
        // Who asks for no network needs none, and no bridge that may just be changing.
        let network: &[&str] = match options.contains(&"--network") {
            true => &[],
            false => &["--network", "none"],
        };
        let words = [&start, network, options, &[&self.tag], command].concat();
        let started = Instant::now();
        let output = attempt(&words);
        // From here on it is removed, whatever happens.
        let mut container = Container {
            name: name.clone(),
            lines: Lines::default(),
            logs: None,
            started,
        };
        assert!(
            output.status.success(),
            "docker {} failed: {}",
            words.join(" "),
            text_of(&output)
        );
        container.follow_logs();
        container
    }

    /// Starts `/lastout ARGUMENTS…` in a container of it, without options.
    #[must_use]
    pub fn lastout(&self, arguments: &[&str]) -> Container {
        self.run(&[], &[&["/lastout"], arguments].concat())
    }
}

/// A container, running or not; removed when dropped.
pub struct Container {
    name: String,
    lines: Lines,
    logs: Option<Child>,
    started: Instant,
}

impl Container {
    /// One that somebody else starts, under this name.
    pub(crate) fn to_be() -> Container {
        Container {
            name: unique_name(),
            lines: Lines::default(),
            logs: None,
            started: Instant::now(),
        }
    }

    /// Its name for the engine.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// When `docker run` was called.
    #[must_use]
    pub fn started(&self) -> Instant {
        self.started
    }

    /// What `docker logs --follow` has said so far. With a terminal (`-t`) all of it is
    /// standard output.
    #[must_use]
    pub fn lines(&self) -> &Lines {
        &self.lines
    }

    /// The first line that contains this, as soon as it is there ([`Lines::wait_for`]).
    pub fn wait_for_line(&self, part: &str) -> Line {
        self.lines.wait_for(part)
    }

    /// `docker stop`, and how long it took; all lines have been read when it returns.
    pub fn stop(&self) -> Duration {
        self.stop_within(10)
    }

    /// `docker stop --time SECONDS`, and how long it took.
    pub fn stop_within(&self, seconds: u32) -> Duration {
        let begin = Instant::now();
        docker(&["stop", "--time", &seconds.to_string(), &self.name]);
        let took = begin.elapsed();
        self.lines.wait_for_end();
        took
    }

    /// `docker kill --signal NAME`.
    pub fn signal(&self, name: &str) {
        docker(&["kill", "--signal", name, &self.name]);
    }

    /// `docker pause`: from then on all of it is frozen, lastout with its programs.
    pub fn pause(&self) {
        docker(&["pause", &self.name]);
    }

    /// `docker unpause`.
    pub fn unpause(&self) {
        docker(&["unpause", &self.name]);
    }

    /// Waits until it has ended and all lines have been read; its exit status.
    ///
    /// # Panics
    ///
    /// When it does not end: its lines are waited for with a deadline.
    pub fn wait(&self) -> i32 {
        self.lines.wait_for_end();
        let status = docker(&["wait", &self.name]);
        match status.parse() {
            Ok(status) => status,
            Err(_) => panic!("docker wait said {status:?}"),
        }
    }

    /// `docker inspect --format FORMAT`, as `{{.State.OOMKilled}}`.
    #[must_use]
    pub fn inspect(&self, format: &str) -> String {
        docker(&["inspect", "--format", format, &self.name])
    }

    /// The pid of its PID 1 on the host.
    ///
    /// # Panics
    ///
    /// When the engine does not say.
    #[must_use]
    pub fn pid(&self) -> i32 {
        must(
            self.inspect("{{.State.Pid}}").parse(),
            "the pid of a container",
        )
    }

    /// `docker exec OPTIONS NAME COMMAND…`: its exit status, and what it said.
    #[must_use]
    pub fn exec(&self, options: &[&str], command: &[&str]) -> (i32, String) {
        let output = attempt(&[&["exec"], options, &[&self.name], command].concat());
        (output.status.code().unwrap_or(-1), text_of(&output))
    }

    /// Everything that the engine has logged, in order within each stream.
    #[must_use]
    pub fn logs(&self) -> String {
        text_of(&attempt(&["logs", &self.name]))
    }

    fn follow_logs(&mut self) {
        let mut command = Command::new("docker");
        command.args(["logs", "--follow", &self.name]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut logs = must(command.spawn(), "docker logs");
        if let (Some(stdout), Some(stderr)) = (logs.stdout.take(), logs.stderr.take()) {
            self.lines.follow(Stream::Stdout, stdout);
            self.lines.follow(Stream::Stderr, stderr);
        }
        self.logs = Some(logs);
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = attempt(&["rm", "--force", "--volumes", &self.name]);
        if let Some(mut logs) = self.logs.take() {
            let _ = logs.kill();
            let _ = logs.wait();
        }
    }
}

/// Runs the client, which has to succeed; what it said, without the last newline.
///
/// # Panics
///
/// When it does not succeed.
#[must_use]
pub fn docker_says(words: &[&str]) -> String {
    docker(words)
}

fn docker(words: &[&str]) -> String {
    let output = attempt(words);
    assert!(
        output.status.success(),
        "docker {} failed: {}",
        words.join(" "),
        text_of(&output)
    );
    String::from(String::from_utf8_lossy(&output.stdout).trim_end())
}

fn attempt(words: &[&str]) -> Output {
    let mut command = Command::new("docker");
    // The classic builder needs no plugin, and these images need nothing of the new one.
    command
        .args(words)
        .env("DOCKER_BUILDKIT", "0")
        .stdin(Stdio::null());
    must(
        command.output(),
        "the docker client (scripts/test installs it)",
    )
}

fn need_engine() {
    static ANSWERS: OnceLock<Output> = OnceLock::new();
    let output = ANSWERS.get_or_init(|| attempt(&["version"]));
    assert!(
        output.status.success(),
        "no Docker engine answers (scripts/test starts one): {}",
        text_of(output)
    );
}

fn build(tag: &str, files: &[(&str, &str)], instructions: &str) {
    let context = env::temp_dir().join(format!("lastout-image-{}", unique_name()));
    must(fs::create_dir_all(&context), "make a build context");
    for name in BINARIES {
        must(
            fs::copy(binaries::in_images(name), context.join(name)),
            "copy a binary",
        );
    }
    for (name, content) in files {
        must(
            write(&context.join(name), content),
            "write a file of an image",
        );
    }
    let dockerfile = format!("FROM scratch\nCOPY . /\n{instructions}\n");
    must(
        write(&context.join("Dockerfile"), &dockerfile),
        "write a Dockerfile",
    );
    // The Dockerfile itself has no business in the image.
    must(
        write(
            &context.join(".dockerignore"),
            "Dockerfile\n.dockerignore\n",
        ),
        "write .dockerignore",
    );
    let folder = context.display().to_string();
    let output = attempt(&["build", "--label", "lastout-test", "--tag", tag, &folder]);
    let _ = fs::remove_dir_all(&context);
    assert!(
        output.status.success(),
        "docker build failed: {}",
        text_of(&output)
    );
}

fn write(path: &Path, content: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, content)
}

/// Unique among everything that ever runs on this engine.
fn unique_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let moment = since.unwrap_or_default().as_micros();
    format!("lastout-test-{}-{count}-{moment:x}", process::id())
}

/// A number for this checkout.
fn checkout() -> u64 {
    let mut hasher = DefaultHasher::new();
    binaries::workspace().hash(&mut hasher);
    hasher.finish()
}

fn text_of(output: &Output) -> String {
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    text
}
