//! Any bytes, cut anywhere: the same answers, and no panic. The first byte says where.

#![no_main]

use lastout::control::conversation::Conversation;
use lastout::control::object::Object;
use lastout::control::wire::Access;
use libfuzzer_sys::fuzz_target;

fn said(pieces: &mut dyn Iterator<Item = &[u8]>) -> Vec<u8> {
    let mut conversation = Conversation::new(Access::Act);
    let mut said = Vec::new();
    let mut go_on = |conversation: &mut Conversation| {
        loop {
            if let Some(request) = conversation.next_request() {
                said.extend_from_slice(request.to_line().as_bytes());
                conversation.answer(&Object::reply(true).into_json());
            }
            let output = conversation.output().to_vec();
            said.extend_from_slice(&output);
            conversation.wrote(output.len());
            if output.is_empty() {
                return;
            }
        }
    };
    for piece in pieces {
        conversation.hear(piece);
        go_on(&mut conversation);
    }
    conversation.hear_end();
    go_on(&mut conversation);
    said
}

fuzz_target!(|bytes: &[u8]| {
    if let Some((size, bytes)) = bytes.split_first() {
        let size = usize::from(*size).max(1);
        let whole = said(&mut std::iter::once(bytes));
        assert_eq!(whole, said(&mut bytes.chunks(size)));
    }
});
