//! A recipe of examples/ whose image is made of Debian's packages, played on this
//! machine, which has the packages: without an engine, without a registry.
//!
//! What the Dockerfile says is done to a layer in memory over this machine's root, and
//! its entry point becomes PID 1 of a PID namespace, with a network and mounts of its
//! own, and with nothing in /run and /tmp but what the Dockerfile puts there. So the
//! files are where they are in the image, every port is free, and the machine's own
//! files stay as they are.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process};

use crate::namespace::{Run, Setup};
use crate::network::Network;
use crate::{binaries, must};

/// A recipe, still to be played.
pub struct Recipe {
    name: String,
    volumes: Vec<(PathBuf, String)>,
    files: Vec<(String, String)>,
}

/// A recipe that runs; everybody is killed when it is dropped.
pub struct Played {
    /// Its lastout.
    pub run: Run,
    /// Its network.
    pub network: Network,
    folder: PathBuf,
}

/// The layer over the machine's root, and what a container has beside its image.
const MOUNTS: &str = r#"
set -eu
mkdir layer root
mount -t tmpfs none layer
mkdir layer/upper layer/work
mount -t overlay -o lowerdir=/,upperdir=layer/upper,workdir=layer/work overlay root
mount -t tmpfs -o mode=755 none root/run
mount -t tmpfs -o mode=1777 none root/tmp
mount -t proc proc root/proc
mount --rbind /dev root/dev
mount --rbind /sys root/sys
"#;

impl Recipe {
    /// That of this folder under examples/.
    #[must_use]
    pub fn of(name: &str) -> Recipe {
        Recipe {
            name: String::from(name),
            volumes: Vec::new(),
            files: Vec::new(),
        }
    }

    /// Another content for one of its files.
    #[must_use]
    pub fn file(mut self, name: &str, content: &str) -> Recipe {
        self.files.push((String::from(name), String::from(content)));
        self
    }

    /// A folder of this machine at that place, as `docker run --volume`. It gets the owner
    /// and the mode that the image has there, as a new volume does.
    #[must_use]
    pub fn volume(mut self, folder: &Path, place: &str) -> Recipe {
        self.volumes
            .push((folder.to_path_buf(), String::from(place)));
        self
    }

    /// Starts it, with these words in the place of CMD unless there are none.
    ///
    /// # Panics
    ///
    /// When it cannot be started, or one of its packages is not installed.
    #[must_use]
    pub fn play(&self, command: &[&str]) -> Played {
        self.start(None, command)
    }

    /// Starts that in the place of its entry point and its command.
    ///
    /// # Panics
    ///
    /// As [`Recipe::play`].
    #[must_use]
    pub fn play_instead(&self, entrypoint: &[&str]) -> Played {
        self.start(Some(entrypoint), &[])
    }

    fn start(&self, entrypoint: Option<&[&str]>, command: &[&str]) -> Played {
        let folder = new_folder();
        let source = binaries::workspace().join("examples").join(&self.name);
        let context = folder.join("context");
        copy_context(&source, &context);
        for (name, content) in &self.files {
            must(fs::write(context.join(name), content), "write a file");
        }
        let text = fs::read_to_string(source.join("Dockerfile"));
        let mut dockerfile = Dockerfile::read(&must(text, "read the Dockerfile"));
        if let Some(words) = entrypoint {
            dockerfile.entrypoint = owned(words);
            dockerfile.command.clear();
        }
        if !command.is_empty() {
            dockerfile.command = owned(command);
        }
        let script = self.script(&dockerfile, &folder);
        let path = folder.join("play");
        must(fs::write(&path, script), "write the script");

        let run = Setup::new(&[&path.display().to_string()])
            .program("/bin/sh")
            .own_network()
            .start();
        // From here on it has its own network.
        run.wait_for_line("recipe: played");
        let network = Network::of(&run);
        must(fs::write(folder.join("go"), ""), "let it begin");
        Played {
            run,
            network,
            folder,
        }
    }

    /// What becomes the entry point in the end.
    fn script(&self, dockerfile: &Dockerfile, folder: &Path) -> String {
        let mut script = format!("cd {}\n{MOUNTS}", folder.display());
        for step in &dockerfile.steps {
            match step {
                Step::Install(packages) => packages.iter().for_each(|name| need_package(name)),
                Step::Run(text) => {
                    let file = folder.join(format!("step-{}", script.len()));
                    must(fs::write(&file, text), "write a step");
                    let _ = writeln!(script, "chroot root sh -e <{}", file.display());
                }
                Step::Copy(sources, target) => {
                    if target.ends_with('/') {
                        let _ = writeln!(script, "mkdir -p root{target}");
                    }
                    for source in sources {
                        let _ = writeln!(
                            script,
                            "cp --preserve=mode -T context/{source} root{}",
                            place_of(source, target)
                        );
                    }
                }
            }
        }
        for (folder, place) in &self.volumes {
            let folder = folder.display();
            let _ = writeln!(
                script,
                "chown --reference root{place} {folder}; chmod --reference root{place} {folder}\n\
                 mount --bind {folder} root{place}"
            );
        }
        let words = dockerfile.entrypoint.iter().chain(&dockerfile.command);
        let words: Vec<String> = words.map(|word| quoted(word)).collect();
        // It may be over in a moment, and its network is to be had while it is there.
        let _ = writeln!(
            script,
            "echo 'recipe: played'; until [ -e go ]; do sleep 0.01; done"
        );
        let _ = writeln!(script, "exec chroot root {}", words.join(" "));
        script
    }
}

impl Played {
    /// Runs a command in there, as `docker exec` does, and what it said.
    ///
    /// # Panics
    ///
    /// When it fails.
    #[must_use]
    pub fn exec(&self, words: &[&str]) -> String {
        let output = self.attempt(words);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{words:?}: {}\n{text}{}\nsaid was:\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr),
            self.run.lines().text()
        );
        text
    }

    /// Lets a command run in there, which says nothing; it ends with everybody else.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    #[must_use]
    pub fn begin(&self, words: &[&str]) -> Child {
        let mut command = self.command(words);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        must(command.spawn(), "nsenter")
    }

    fn attempt(&self, words: &[&str]) -> Output {
        must(self.command(words).output(), "nsenter")
    }

    fn command(&self, words: &[&str]) -> Command {
        let target = self.run.pid().to_string();
        let enter = ["--mount", "--net", "--pid", "--root", "--wdns=/", "--"];
        let mut command = Command::new("nsenter");
        command
            .args([&["--target", &target], &enter[..], words].concat())
            .stdin(Stdio::null());
        command
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        // The mounts in it are the namespace's own.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// What a Dockerfile of these recipes says.
struct Dockerfile {
    steps: Vec<Step>,
    entrypoint: Vec<String>,
    command: Vec<String>,
}

enum Step {
    /// The packages that apt-get installs.
    Install(Vec<String>),
    /// What a shell runs.
    Run(String),
    /// Files of the context, and where they go.
    Copy(Vec<String>, String),
}

impl Dockerfile {
    fn read(text: &str) -> Dockerfile {
        let mut dockerfile = Dockerfile {
            steps: Vec::new(),
            entrypoint: Vec::new(),
            command: Vec::new(),
        };
        let joined = text.replace("\\\n", " ");
        for line in joined.lines().filter(|line| !line.starts_with('#')) {
            let (instruction, rest) = line.split_once(' ').unwrap_or((line, ""));
            match instruction {
                // The machine has what the image has, and nothing of these is asked for.
                "" | "EXPOSE" | "VOLUME" | "HEALTHCHECK" => {}
                "FROM" => assert!(rest.starts_with("debian:"), "{line}"),
                "RUN" => dockerfile.steps.push(Step::of_run(rest)),
                "COPY" => {
                    let mut words: Vec<String> = rest.split(' ').map(String::from).collect();
                    let target = words.pop().unwrap_or_default();
                    dockerfile.steps.push(Step::Copy(words, target));
                }
                "ENTRYPOINT" => dockerfile.entrypoint = strings(rest),
                "CMD" => dockerfile.command = strings(rest),
                _ => panic!("this harness does not know what to do with: {line}"),
            }
        }
        dockerfile
    }
}

impl Step {
    fn of_run(text: &str) -> Step {
        if !text.contains("apt-get install") {
            return Step::Run(String::from(text));
        }
        let installed = text.split("apt-get install").skip(1);
        let words = installed.flat_map(|rest| rest.split(" && ").take(1));
        let packages = words.flat_map(|rest| rest.split_whitespace());
        Step::Install(
            packages
                .filter(|word| !word.starts_with('-'))
                .map(String::from)
                .collect(),
        )
    }
}

/// The strings of `["a", "b"]`; none here has a quote in it.
fn strings(array: &str) -> Vec<String> {
    let parts = array.split('"').skip(1).step_by(2);
    parts.map(String::from).collect()
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| String::from(*word)).collect()
}

fn place_of(source: &str, target: &str) -> String {
    match target.ends_with('/') {
        true => format!("{target}{source}"),
        false => String::from(target),
    }
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The folder that `docker build` would get: the recipe's files, and lastout.
fn copy_context(source: &Path, context: &Path) {
    must(fs::create_dir(context), "make the context");
    for entry in must(fs::read_dir(source), "read the recipe").flatten() {
        let copied = fs::copy(entry.path(), context.join(entry.file_name()));
        must(copied, "copy a file of the recipe");
    }
    let copied = fs::copy(binaries::lastout(), context.join("lastout"));
    must(copied, "copy lastout");
}

fn need_package(name: &str) {
    let query = ["--show", "--showformat=${db:Status-Status}", name];
    let output = Command::new("dpkg-query").args(query).output();
    let output = must(output, "dpkg-query (are you on Debian?)");
    assert!(
        output.stdout == b"installed",
        "the package {name} is not installed: scripts/test does it"
    );
}

fn new_folder() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = env::temp_dir().join(format!("lastout-recipe-{}-{count}", process::id()));
    // A test that was killed may have left one, and its pid is given away again.
    let _ = fs::remove_dir_all(&folder);
    must(fs::create_dir(&folder), "make a folder");
    folder
}
