//! What the fuzz targets began with and have found: each input is looked at as they do.

#[path = "../fuzz/checks/lines.rs"]
mod lines;

use std::fs::DirEntry;

use lastout_harness::must;

/// All inputs that are kept for a target.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = format!("{}/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let files = must(std::fs::read_dir(&folder), &folder);
    let read =
        |file: std::io::Result<DirEntry>| must(std::fs::read(must(file, &folder).path()), &folder);
    let all: Vec<Vec<u8>> = files.map(read).collect();
    assert!(all.len() >= 10, "there are {} inputs", all.len());
    all
}

#[test]
fn log_3_the_corpus_of_lines_makes_the_same_lines_in_any_split() {
    for mut input in corpus("lines") {
        lines::check(&input);
        // The first byte is the size of a read.
        for size in [0, 7, 31] {
            if let Some(first) = input.first_mut() {
                *first = size;
            }
            lines::check(&input);
        }
    }
}
