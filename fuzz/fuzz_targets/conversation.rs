//! Any bytes, cut anywhere, and answers that are taken a few bytes at a time: the same
//! requests and the same answers, and no panic. What is a request is one again when it is
//! written; what is too long is none. The first byte says where to cut.

#![no_main]

use lastout::control::conversation::Conversation;
use lastout::control::object::Object;
use lastout::control::wire::{Access, LONGEST_REPLY, LONGEST_REQUEST, Request};
use libfuzzer_sys::fuzz_target;

fn said(pieces: &mut dyn Iterator<Item = &[u8]>, may: Access, at_once: usize) -> Vec<u8> {
    let mut conversation = Conversation::new(may);
    let mut said = Vec::new();
    let mut go_on = |conversation: &mut Conversation| {
        while conversation.has_more() || !conversation.output().is_empty() {
            if let Some(request) = conversation.next_request() {
                let line = request.to_line();
                assert!(line.len() <= 8 * LONGEST_REQUEST);
                assert_eq!(Request::read(line.as_bytes()), Ok(request));
                said.extend_from_slice(line.as_bytes());
                conversation.answer(&Object::reply(true).into_json());
            }
            assert!(conversation.output().len() <= LONGEST_REPLY);
            let count = conversation.output().len().min(at_once);
            said.extend_from_slice(&conversation.output()[..count]);
            conversation.wrote(count);
        }
    };
    for piece in pieces {
        conversation.hear(piece);
        go_on(&mut conversation);
    }
    conversation.hear_end();
    go_on(&mut conversation);
    assert!(conversation.is_over());
    said
}

fuzz_target!(|bytes: &[u8]| {
    if let Some((size, bytes)) = bytes.split_first() {
        let size = usize::from(*size).max(1);
        for may in [Access::Ask, Access::Act] {
            let whole = said(&mut std::iter::once(bytes), may, usize::MAX);
            assert_eq!(whole, said(&mut bytes.chunks(size), may, size));
            // However long the first line is, by blanks that say nothing.
            let blanks = [&vec![b' '; LONGEST_REQUEST - 1][..], bytes].concat();
            let whole = said(&mut std::iter::once(&blanks[..]), may, usize::MAX);
            assert_eq!(whole, said(&mut blanks.chunks(size << 8), may, size));
        }
    }
});
