//! LOG-5 end to end: files, opened again when they were moved, and a disk that is full.

#![expect(clippy::disallowed_methods, reason = "a test may block")]

use std::path::Path;
use std::process::Command;

use lastout_harness::configuration::Configuration;
use lastout_harness::namespace::Run;
use lastout_harness::{must, wait_until};

const COUNTS: &str = r#"
[program.web]
command = ["sh", "-c", "i=0; while :; do echo line $i; i=$((i+1)); sleep 0.02; done"]
stdout = { file = "FOLDER/web.log", format = "prefix" }
"#;

fn read(configuration: &Configuration, name: &str) -> String {
    configuration.read(name).unwrap_or_default()
}

fn start(configuration: &Configuration) -> Run {
    let run = configuration.run();
    wait_until("it writes", || {
        read(configuration, "web.log").contains("line 3\n")
    });
    run
}

#[test]
fn log_5_lines_go_to_a_file() {
    let configuration = Configuration::new(COUNTS);
    let mut run = start(&configuration);
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    let said = read(&configuration, "web.log");
    for (number, line) in said.lines().enumerate() {
        assert_eq!(line, format!("web | line {number}"));
    }
}

#[test]
fn log_5_a_file_that_was_moved_is_opened_anew_on_usr1_and_no_line_is_lost() {
    let configuration = Configuration::new(COUNTS);
    let mut run = start(&configuration);
    let folder = configuration.folder();
    let place = |name: &str| Path::new(&folder).join(name);
    std::fs::rename(place("web.log"), place("moved.log")).unwrap();
    run.signal(libc::SIGUSR1);
    run.wait_for_line("opening log files again");
    wait_until("it writes to the new one", || {
        read(&configuration, "web.log").lines().count() > 3
    });
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    let all = read(&configuration, "moved.log") + &read(&configuration, "web.log");
    for (number, line) in all.lines().enumerate() {
        assert_eq!(line, format!("web | line {number}"));
    }
}

/// A small disk.
struct Disk(String);

impl Disk {
    fn at(place: String) -> Disk {
        must(std::fs::create_dir_all(&place), "a place for a disk");
        let words = ["-t", "tmpfs", "-o", "size=64k", "none", &place];
        let mounted = Command::new("mount").args(words).status();
        assert!(must(mounted, "mount").success());
        Disk(place)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["-l", &self.0]).status();
    }
}

#[test]
fn log_5_a_full_disk_holds_up_nobody_and_what_is_lost_is_told() {
    let configuration = Configuration::new("");
    let disk = Disk::at(format!("{}/disk", configuration.folder()));
    configuration.rewrite(
        r#"
[program.web]
command = ["sh", "-c", "i=0; while [ $i -lt 9000 ]; do echo line $i; i=$((i+1)); done; exec PROBE last-words"]
stdout = { file = "FOLDER/disk/web.log" }
stderr = "inherit"
"#,
    );
    let mut run = configuration.run();
    run.wait_for_line("No space left on device");
    let (status, took) = run.stop(libc::SIGTERM);
    let text = run.lines().text();
    assert_eq!(status, 0, "{text}");
    assert!(took < std::time::Duration::from_secs(5), "{took:?}\n{text}");
    drop(disk);
}
