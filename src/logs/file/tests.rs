//! Files on a real disk, which is full where a test needs it.

use super::*;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use std::fs;
use std::path::Path;

fn log(path: &Path, max_size: u64, backups: u32) -> RotatedFile {
    RotatedFile::new(LogFile {
        path: path.into(),
        max_size,
        backups,
        mode: 0o640,
    })
}

fn append(file: &mut RotatedFile, bytes: &[u8]) {
    let mut news = Vec::new();
    file.append(bytes, true, &mut news).unwrap();
    assert_eq!(news, []);
}

/// All of it, the oldest first.
fn all(path: &Path) -> Vec<Vec<u8>> {
    let mut found = vec![fs::read(path).unwrap_or_default()];
    for number in 1.. {
        match fs::read(format!("{}.{number}", path.display())) {
            Ok(older) => found.insert(0, older),
            Err(_) => return found,
        }
    }
    found
}

#[test]
fn log_5_it_is_rotated_between_lines_and_so_many_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let mut file = log(&path, 10, 2);
    append(&mut file, b"one\ntwo\nthree\nfour\n");
    assert_eq!(all(&path), [&b"one\ntwo\n"[..], b"three\n", b"four\n"]);
    append(&mut file, b"five\n");
    assert_eq!(
        all(&path),
        [&b"one\ntwo\n"[..], b"three\n", b"four\nfive\n"]
    );
    append(&mut file, b"six\n");
    assert_eq!(all(&path), [&b"three\n"[..], b"four\nfive\n", b"six\n"]);
    // A line that is longer than a file may be is not torn.
    append(&mut file, b"seven and a long one\nb\n");
    assert_eq!(
        all(&path),
        [&b"six\n"[..], b"seven and a long one\n", b"b\n"]
    );
}

#[test]
fn log_5_without_backups_it_begins_anew_and_without_a_size_it_never_does() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    append(&mut log(&path, 10, 0), b"one\ntwo\nthree\nfour\n");
    assert_eq!(all(&path), [b"four\n"]);
    append(&mut log(&path, 0, 3), &b"x\n".repeat(9000));
    assert_eq!(all(&path)[0].len(), 18005);
}

#[test]
fn log_5_what_was_there_counts_and_a_line_that_goes_on_is_not_parted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    fs::write(&path, "1234567\n").unwrap();
    let mut file = log(&path, 10, 1);
    append(&mut file, b"abc");
    append(&mut file, b"defghijklmnop");
    append(&mut file, b"q\nr\n");
    assert_eq!(all(&path), [&b"abcdefghijklmnopq\n"[..], b"r\n"]);
}

#[test]
fn log_5_who_never_ends_a_line_does_not_fill_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let mut file = log(&path, 1000, 1);
    for _ in 0..300 {
        append(&mut file, &[b'x'; 16_000]);
    }
    let sizes: Vec<usize> = all(&path).iter().map(Vec::len).collect();
    assert_eq!(sizes.len(), 2);
    assert!(sizes.iter().all(|size| *size < 1_100_000), "{sizes:?}");
}

#[test]
fn log_5_what_logrotate_moves_away_is_written_until_it_is_opened_anew() {
    let directory = tempfile::tempdir().unwrap();
    let (path, moved) = (directory.path().join("log"), directory.path().join("moved"));
    let mut file = log(&path, 100, 3);
    append(&mut file, b"one\n");
    fs::rename(&path, &moved).unwrap();
    append(&mut file, b"two\n");
    file.reopen();
    append(&mut file, b"three\n");
    assert_eq!(fs::read(&moved).unwrap(), b"one\ntwo\n");
    assert_eq!(all(&path), [b"three\n"]);
    fs::remove_file(&path).unwrap();
    append(&mut file, b"four\n");
    file.reopen();
    append(&mut file, b"five\n");
    assert_eq!(all(&path), [b"five\n"]);
    // Nothing of somebody else's is rotated away.
    fs::rename(&path, &moved).unwrap();
    fs::write(&path, "others\n").unwrap();
    append(&mut file, &[b'x'; 94]);
    append(&mut file, b"\nsix\n");
    assert_eq!(all(&path), [b"others\nsix\n"]);
}

#[test]
fn log_5_a_file_that_was_made_shorter_is_not_rotated_too_early() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let mut file = log(&path, 10, 3);
    append(&mut file, b"one\ntwo\n");
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(0)
        .unwrap();
    append(&mut file, b"three\n");
    assert_eq!(all(&path), [b"three\n"]);
}

#[test]
fn log_5_where_it_cannot_be_rotated_that_is_said_once_and_it_grows_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    // Nothing can be renamed to the name of a directory that is not empty.
    fs::create_dir_all(directory.path().join("log.1/x")).unwrap();
    let mut file = log(&path, 10, 1);
    let mut news = Vec::new();
    for _ in 0..9 {
        file.append(b"a line\n", true, &mut news).unwrap();
    }
    assert_eq!(fs::read(&path).unwrap().len(), 63);
    let [News::Say { text, .. }] = &news[..] else {
        panic!("{news:?}")
    };
    assert!(text.starts_with("cannot rotate"), "{text}");
    fs::remove_dir_all(directory.path().join("log.1")).unwrap();
    news.clear();
    append(&mut file, &b"a line\n".repeat(3));
    assert!(directory.path().join("log.1").exists());
}

#[test]
fn log_5_a_directory_that_has_the_name_of_an_older_file_is_not_moved_and_nothing_is_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("log.1"), "one\n").unwrap();
    fs::create_dir(at("log.2")).unwrap();
    fs::write(at("log.3"), "three\n").unwrap();
    let mut file = log(&at("log"), 10, 3);
    let mut news = Vec::new();
    file.append(b"a line\nb line\n", true, &mut news).unwrap();
    let [News::Say { text, .. }] = &news[..] else {
        panic!("{news:?}")
    };
    assert!(
        text.ends_with("log.2 is a directory; it grows on"),
        "{text}"
    );
    assert!(at("log.2").is_dir());
    for (name, expected) in [
        ("log", "a line\nb line\n"),
        ("log.1", "one\n"),
        ("log.3", "three\n"),
    ] {
        assert_eq!(fs::read_to_string(at(name)).unwrap(), expected);
    }
}

#[test]
fn log_5_older_files_than_are_kept_stay_and_that_is_said_once() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("log.2"), "somebody's\n").unwrap();
    let mut file = log(&at("log"), 10, 1);
    let mut news = Vec::new();
    file.append(&b"a line\n".repeat(4), true, &mut news)
        .unwrap();
    let [News::Say { text, .. }] = &news[..] else {
        panic!("{news:?}")
    };
    assert!(text.contains("log.2 is beyond the 1 that"), "{text}");
    assert_eq!(fs::read_to_string(at("log.2")).unwrap(), "somebody's\n");
}

#[test]
fn log_5_a_link_where_an_older_file_is_to_be_is_replaced_and_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    let (path, victim) = (
        directory.path().join("log"),
        directory.path().join("victim"),
    );
    fs::write(&victim, "precious").unwrap();
    std::os::unix::fs::symlink(&victim, directory.path().join("log.1")).unwrap();
    append(&mut log(&path, 10, 1), b"one\ntwo\nthree\n");
    assert_eq!(fs::read(&victim).unwrap(), b"precious");
    assert_eq!(all(&path), [&b"one\ntwo\n"[..], b"three\n"]);
}

/// A disk of 64 KiB, for root.
struct Disk(tempfile::TempDir);

impl Disk {
    fn new() -> Disk {
        let directory = tempfile::tempdir().unwrap();
        let tmpfs = Some("tmpfs");
        let size = Some("size=64k");
        mount(tmpfs, directory.path(), tmpfs, MsFlags::empty(), size).unwrap();
        Disk(directory)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = umount2(self.0.path(), MntFlags::MNT_DETACH);
    }
}

#[test]
fn log_5_on_a_full_disk_no_line_is_torn() {
    let disk = Disk::new();
    let path = disk.0.path().join("log");
    let ballast = disk.0.path().join("ballast");
    fs::write(&ballast, vec![0; 20_000]).unwrap();
    let mut file = log(&path, 0, 3);
    let line = b"a line of some thirty characters\n";
    let many = line.repeat(3000);
    let failure = file.append(&many, false, &mut Vec::new()).unwrap_err();
    assert_eq!(failure.error.raw_os_error(), Some(28));
    assert!(!file.is_in_line);
    assert!(failure.written > 20_000 && failure.written.is_multiple_of(line.len()));
    assert_eq!(fs::read(&path).unwrap(), &many[..failure.written]);
    // There is room for a little, but not for a line.
    let failure = file.append(&many, false, &mut Vec::new()).unwrap_err();
    assert!(failure.written.is_multiple_of(line.len()));
    fs::remove_file(&ballast).unwrap();
    append(&mut file, line);
    let whole = fs::read(&path).unwrap();
    assert!(whole.len().is_multiple_of(line.len()) && whole.ends_with(line));
}
