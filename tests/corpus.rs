//! What the fuzz targets began with and have found: each input is looked at as they do. And
//! what random bytes would not come upon.

#[path = "../fuzz/checks/conversation.rs"]
mod conversation;
#[path = "../fuzz/checks/lines.rs"]
mod lines;

use std::fs::DirEntry;

use lastout::control::wire::LONGEST_REQUEST;
use lastout_harness::must;
use proptest::prelude::*;

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

#[test]
fn the_corpus_of_conversations_is_answered_the_same_however_it_is_cut() {
    for mut input in corpus("conversation") {
        conversation::check(&input);
        // The first byte says where to cut.
        for size in [1, 7] {
            if let Some(first) = input.first_mut() {
                *first = size;
            }
            conversation::check(&input);
        }
    }
}

/// Lines, and what is none: good ones, odd ones, and those that are about as long as one
/// may be.
fn sent() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        Just(b"{\"verb\":\"status\"}\n".to_vec()),
        Just(b"{\"verb\":\"stop\",\"programs\":[\"a\"]}\r\n".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"{\"verb\":\"health\"}".to_vec()),
        Just(b"{\"verb\":\"nothing\"}\n".to_vec()),
        Just(vec![b' '; 40_000]),
        Just(vec![b'x'; LONGEST_REQUEST - 1]),
        prop::collection::vec(any::<u8>(), 0..40),
    ];
    prop::collection::vec(line, 0..8).prop_map(|lines| lines.concat())
}

proptest! {
    #[test]
    fn however_bytes_are_cut_the_answers_are_the_same(
        bytes in sent(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        places.sort_unstable();
        let (mut pieces, mut from) = (Vec::new(), 0);
        for to in places {
            pieces.push(&bytes[from..to]);
            from = to;
        }
        pieces.push(&bytes[from..]);
        conversation::check_in_pieces(&pieces, 7);
    }
}
