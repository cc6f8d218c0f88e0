//! Any bytes, cut anywhere, and answers that are taken a few bytes at a time: the same
//! requests and the same answers, and no panic. What is a request is one again when it is
//! written; what is too long is none.
//!
//! The first byte says where to cut.

use lastout::control::conversation::Conversation;
use lastout::control::object::Object;
use lastout::control::wire::{Access, LONGEST_REPLY, LONGEST_REQUEST, Request};

/// Panics where one of these does not hold.
pub(crate) fn check(bytes: &[u8]) {
    let Some((size, bytes)) = bytes.split_first() else {
        return;
    };
    let size = usize::from(*size).max(1);
    check_in_pieces(&bytes.chunks(size).collect::<Vec<&[u8]>>(), size);
    // However long the first line is, by blanks that say nothing.
    let blanks = [&vec![b' '; LONGEST_REQUEST - 1][..], bytes].concat();
    check_in_pieces(&blanks.chunks(size << 8).collect::<Vec<&[u8]>>(), size);
}

/// The same of bytes that come in these pieces; of the answers so much is taken at once.
pub(crate) fn check_in_pieces(pieces: &[&[u8]], at_once: usize) {
    for may in [Access::Ask, Access::Act] {
        let whole = said(&[&pieces.concat()], may, usize::MAX);
        assert_eq!(whole, said(pieces, may, at_once));
    }
}

/// What comes of these pieces: each request, written again, and each answer.
fn said(pieces: &[&[u8]], may: Access, at_once: usize) -> String {
    let mut conversation = Conversation::new(may);
    let mut said = Vec::new();
    let mut go_on = |conversation: &mut Conversation| {
        while conversation.has_more() || !conversation.output().is_empty() {
            if let Some(request) = conversation.next_request() {
                let line = request.to_line();
                assert!(line.len() <= 8 * LONGEST_REQUEST);
                assert_eq!(Request::read(line.as_bytes()), Ok(request), "{line}");
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
    String::from_utf8_lossy(&said).into_owned()
}
