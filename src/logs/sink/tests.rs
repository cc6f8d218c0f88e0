//! Sinks whose readers do not read, or are gone.

use super::*;
use crate::plan::LogFile;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

fn around() -> Around {
    Around {
        now: Instant::now(),
        micros: 0,
        gauge: Gauge::new().unwrap(),
        news: Vec::new(),
    }
}

/// A pipe whose ends both never wait.
fn pipe() -> (File, Outlet) {
    let (reader, writer) = std::io::pipe().unwrap();
    for end in [reader.as_fd(), writer.as_fd()] {
        crate::linux::orders::never_wait(end);
    }
    (
        File::from(OwnedFd::from(reader)),
        Outlet::Own(OwnedFd::from(writer)),
    )
}

fn read(reader: &mut File) -> Vec<u8> {
    let mut bytes = vec![0; 1 << 20];
    let count = reader.read(&mut bytes).unwrap_or(0);
    bytes.truncate(count);
    bytes
}

fn put(sink: &mut Sink, program: &str, source: u64, bytes: &[u8], around: &mut Around) {
    around.gauge.take(bytes.len());
    let batch = Batch {
        program: &program.into(),
        source: SourceId(source),
        bytes,
        raw: bytes.len(),
    };
    sink.put(batch, around);
}

fn said(around: &mut Around) -> Vec<String> {
    let news = around.news.drain(..);
    news.map(|news| match news {
        News::Say { text, .. } => text,
        News::Ready(_) | News::Ended(_) | News::Served | News::Finished => panic!("{news:?}"),
    })
    .collect()
}

/// A file that is not rotated.
fn file_at(path: &Path) -> Sink {
    Sink::file(RotatedFile::new(LogFile {
        path: path.to_owned(),
        max_size: 0,
        backups: 0,
        mode: 0o600,
    }))
}

#[test]
fn log_4_what_finds_no_room_is_kept_and_comes_when_there_is() {
    let (mut around, (mut reader, outlet)) = (around(), pipe());
    let mut sink = Sink::of(outlet);
    let line = b"some line\n".repeat(10_000);
    put(&mut sink, "web", 1, &line, &mut around);
    assert!(sink.is_full());
    assert_eq!(around.gauge.kept(), 100_000);
    let mut found = Vec::new();
    while sink.is_full() {
        found.extend(read(&mut reader));
        sink.flush(&mut around);
    }
    found.extend(read(&mut reader));
    assert_eq!(found, line);
    assert_eq!(around.gauge.kept(), 0);
    assert_eq!(said(&mut around), [""; 0]);
}

#[test]
fn log_4_where_the_reader_is_gone_lines_are_counted_for_each_program_and_told() {
    let (mut around, (reader, outlet)) = (around(), pipe());
    let mut sink = Sink::of(outlet);
    drop(reader);
    put(&mut sink, "web", 1, b"a\nb\n", &mut around);
    put(&mut sink, "worker", 2, b"c\n", &mut around);
    put(&mut sink, "web", 1, b"d\n", &mut around);
    assert!(!sink.is_full());
    let begin = "web: cannot write to stdout: Broken pipe; lines are lost until it can be";
    assert_eq!(said(&mut around), [begin]);
    // They are not given before their loss is told.
    assert_eq!(around.gauge.kept(), 8);
    sink.tell_losses(&mut around);
    let end = "lost on the way to stdout: Broken pipe";
    assert_eq!(
        said(&mut around),
        [
            format!("web: 3 lines were {end}"),
            format!("worker: 1 line was {end}")
        ]
    );
    assert_eq!(around.gauge.kept(), 0);
}

#[test]
fn log_2_no_other_program_goes_on_with_a_line_that_is_passed_on_in_parts() {
    let (mut around, (mut reader, outlet)) = (around(), pipe());
    let mut sink = Sink::of(outlet);
    put(&mut sink, "web", 1, b"a long", &mut around);
    put(&mut sink, "web", 1, b" line", &mut around);
    put(&mut sink, "worker", 2, b"b\n", &mut around);
    put(&mut sink, "web", 1, b"c\nd", &mut around);
    sink.end_line(&"web".into(), SourceId(1), &mut around);
    put(&mut sink, "worker", 2, b"e\n", &mut around);
    assert_eq!(read(&mut reader), b"a long line\nb\nc\nd\ne\n");
}

#[test]
fn log_5_what_cannot_be_opened_is_tried_again_after_a_pause_and_the_losses_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("not/there/log");
    let mut around = around();
    let mut sink = file_at(&path);
    put(&mut sink, "web", 1, b"a\nb\n", &mut around);
    let [begin] = &said(&mut around)[..] else {
        panic!()
    };
    assert!(
        begin.starts_with("web: cannot open ") && begin.contains("No such file"),
        "{begin}"
    );
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    put(&mut sink, "web", 1, b"too early\n", &mut around);
    around.now += PAUSE;
    put(&mut sink, "web", 1, b"c\n", &mut around);
    assert_eq!(std::fs::read(&path).unwrap(), b"c\n");
    let [end] = &said(&mut around)[..] else {
        panic!()
    };
    assert!(end.starts_with("web: 3 lines were lost"), "{end}");
    assert_eq!(around.gauge.kept(), 0);
}

#[test]
fn log_5_what_was_deleted_is_there_again_when_it_is_opened_anew() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let mut around = around();
    let mut sink = file_at(&path);
    put(&mut sink, "web", 1, b"a\n", &mut around);
    std::fs::remove_file(&path).unwrap();
    sink.reopen();
    assert!(path.exists());
}

#[test]
fn log_3_what_a_relay_that_was_killed_left_half_done_is_a_line() {
    let (mut around, (mut reader, outlet)) = (around(), pipe());
    let again = Outlet::Own(outlet.descriptor().try_clone_to_owned().unwrap());
    let mut sink = Sink::of(outlet);
    put(
        &mut sink,
        "web",
        1,
        &b"some line\n".repeat(10_000),
        &mut around,
    );
    assert!(sink.is_full());
    drop(sink);
    // As PID 1 does for the next one.
    around.gauge.reset();
    let before = read(&mut reader);
    assert!(!before.ends_with(b"\n"));
    let mut sink = Sink::of(again);
    put(&mut sink, "web", 1, b"next\n", &mut around);
    put(&mut sink, "web", 1, b"and next\n", &mut around);
    assert_eq!(read(&mut reader), b"\nnext\nand next\n");
}
