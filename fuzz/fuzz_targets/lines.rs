//! Any bytes in any reads: the same lines, none lost, none too long; every object is one
//! line of JSON; and what is no message between PID 1 and the relay is none.
//!
//! Pairs of a byte and a number make the stream: the byte, the number's square times, so
//! that lines are long enough to be passed on in parts. The first byte is the size of a
//! read: its square times 16, and 64.

#![no_main]

use lastout::logs::format::{Split, Writer, objects};
use lastout::logs::frame::{Ending, MOST, Parts, decided};
use lastout::logs::message::{Channel, News, Order};
use lastout::logs::output::Output;
use libfuzzer_sys::fuzz_target;

fn lines(stream: &[u8], size: usize) -> Vec<(Vec<u8>, Ending)> {
    let (mut all, mut kept) = (Vec::new(), Vec::new());
    let reads = stream.chunks(size).map(|read| (read, false));
    for (read, is_end) in reads.chain([(&stream[..0], true)]) {
        kept.extend_from_slice(read);
        let whole = decided(&kept, is_end);
        for part in Parts::new(&kept[..whole], is_end) {
            assert!(part.bytes.len() <= MOST);
            all.push((part.bytes.to_vec(), part.ending));
        }
        kept.drain(..whole);
        assert!(kept.len() <= MOST);
    }
    assert!(kept.is_empty());
    all
}

fuzz_target!(|bytes: &[u8]| {
    if let Some(order) = Order::decode(bytes) {
        let mut again = Vec::new();
        order.encode(&mut again);
        assert_eq!(again, bytes);
    }
    let _ = News::decode(bytes);
    let Some((size, pairs)) = bytes.split_first() else {
        return;
    };
    let mut stream = Vec::new();
    for pair in pairs.chunks_exact(2).take(8) {
        let times = usize::from(pair[1]).pow(2);
        stream.resize(stream.len() + times, pair[0]);
    }
    let found = lines(&stream, usize::from(*size).pow(2) * 16 + 64);
    assert_eq!(found, lines(&stream, usize::MAX));
    let mut whole = Vec::new();
    for (bytes, ending) in &found {
        whole.extend_from_slice(bytes);
        if *ending == Ending::Newline {
            whole.push(b'\n');
        }
    }
    assert_eq!(whole, stream);
    let (mut out, mut split) = (Output::new(), Split::default());
    let writer = Writer {
        program: "web",
        pid: 1,
        channel: Channel::Stdout,
        micros: 0,
    };
    let parts = &mut Parts::new(&stream, true);
    objects(&mut out, parts, &writer, Some(&mut split), usize::MAX);
    let mut objects = 0;
    for line in out.bytes().split_inclusive(|byte| *byte == b'\n') {
        serde_json::from_slice::<serde_json::Value>(line).expect("an object");
        objects += 1;
    }
    assert_eq!(objects, found.len());
});
