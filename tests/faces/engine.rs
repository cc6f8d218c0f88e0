//! The engine itself starts lastout: a dockerd whose `init-path` is the static binary, and
//! `docker run --init`.

#![expect(clippy::disallowed_methods, reason = "a test may block")]

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use lastout_harness::{binaries, wait_until};

/// An engine of its own: socket, data, containerd and all, stopped when dropped.
struct Engine {
    folder: PathBuf,
    dockerd: Child,
}

impl Engine {
    fn start() -> Engine {
        // Short, since the path of a socket has 108 bytes at most.
        let folder = std::env::temp_dir().join(format!("lastout-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = |name: &str| folder.join(name).display().to_string();
        let init = folder.join("docker-init");
        binaries::install(&binaries::in_images("lastout"), &init, 0o755);
        let configuration = format!("{{ \"init-path\": \"{}\" }}", init.display());
        fs::write(path("daemon.json"), configuration).unwrap();
        let log = fs::File::create(path("log")).unwrap();
        // Without namespaces of its own for the network and for mounts it would touch
        // those of the host's engine: `--bridge=none` takes docker0 away.
        let mut dockerd = Command::new("unshare");
        // SAFETY: prctl with these numbers is async-signal-safe and touches no memory.
        unsafe {
            // A test that is killed leaves no engine behind.
            dockerd.pre_exec(|| {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM);
                Ok(())
            });
        }
        let dockerd = dockerd
            .args(["--net", "--mount", "--propagation", "private"])
            .args(["--", "dockerd"])
            .args(["--config-file", &path("daemon.json")])
            .args(["--host", &format!("unix://{}", path("socket"))])
            .args(["--data-root", &path("data"), "--exec-root", &path("exec")])
            .args(["--pidfile", &path("pid"), "--storage-driver", "vfs"])
            .args(["--bridge=none", "--iptables=false", "--ip6tables=false"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut engine = Engine { folder, dockerd };
        wait_until("an engine answers", || {
            let ended = engine.dockerd.try_wait().unwrap();
            assert!(ended.is_none(), "dockerd ended: {}", engine.log());
            engine.docker(&["version"]).status.success()
        });
        engine
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    fn docker(&self, words: &[&str]) -> Output {
        let socket = self.folder.join("socket");
        let mut docker = Command::new("docker");
        docker.env("DOCKER_HOST", format!("unix://{}", socket.display()));
        docker
            .env("DOCKER_BUILDKIT", "0")
            .args(words)
            .output()
            .unwrap()
    }

    /// What the client says on both streams; it has to succeed.
    fn says(&self, words: &[&str]) -> String {
        let output = self.docker(words);
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).trim_end().to_owned();
        assert!(
            output.status.success(),
            "docker {words:?}: {text}\n{}",
            self.log()
        );
        text
    }

    /// An image with the probe and nothing else.
    fn build(&self) {
        let context = self.folder.join("context");
        fs::create_dir_all(&context).unwrap();
        fs::copy(binaries::in_images("probe"), context.join("probe")).unwrap();
        fs::write(
            context.join("Dockerfile"),
            "FROM scratch\nCOPY probe /probe\n",
        )
        .unwrap();
        self.says(&["build", "--tag", "probe", &context.display().to_string()]);
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // SAFETY: a child of ours, that was not waited for.
        unsafe { libc::kill(self.dockerd.id() as i32, libc::SIGTERM) };
        let _ = self.dockerd.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn an_engine_takes_it_for_its_init() {
    let engine = Engine::start();

    let info = engine.says(&["info"]);
    let binary = engine.folder.join("docker-init");
    assert!(
        info.contains(&format!("Init Binary: {}", binary.display())),
        "{info}"
    );
    assert!(!info.contains("WARNING: Init"), "{info}");
    // What the engine reads from `docker-init --version`.
    let version = engine.says(&["version"]);
    let (_, of_init) = version.split_once("docker-init:").unwrap_or_default();
    assert!(of_init.trim_start().starts_with("Version:"), "{version}");
    assert!(of_init.contains("0.19.0"), "{version}");
    assert!(
        !engine.log().contains("failed to parse docker-init"),
        "{}",
        engine.log()
    );

    engine.build();
    let state = engine.says(&[
        "run",
        "--rm",
        "--init",
        "--network=none",
        "probe",
        "/probe",
        "state",
    ]);
    assert!(state.contains("parent 1\n"), "{state}");
    let code = engine.docker(&[
        "run",
        "--rm",
        "--init",
        "--network=none",
        "probe",
        "/probe",
        "exit",
        "7",
    ]);
    assert_eq!(code.status.code(), Some(7));

    let start = [
        "run",
        "--detach",
        "--name=the-daemon",
        "--init",
        "--network=none",
        "probe",
    ];
    let daemon = [
        "/probe",
        "daemon",
        "--stay",
        "--name",
        "the daemon",
        "--after",
        "300ms",
    ];
    engine.says(&[&start[..], &daemon].concat());
    wait_until("the daemon is ready", || {
        engine
            .says(&["logs", "the-daemon"])
            .contains("the daemon: ready")
    });
    engine.says(&["stop", "the-daemon"]);
    let log = engine.says(&["logs", "the-daemon"]);
    assert!(log.contains("the daemon: got SIGTERM, leaving"), "{log}");
    let code = engine.says(&["inspect", "--format", "{{.State.ExitCode}}", "the-daemon"]);
    assert_eq!(code, "0", "{log}");
    engine.says(&["rm", "the-daemon"]);
}
