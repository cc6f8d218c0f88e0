//! Any bytes in any reads: the same lines, none lost, none too long; the same with a prefix
//! or as objects, however often the room for them is at its end; every object is one line of
//! JSON; and what is no message between PID 1 and the relay is none.
//!
//! Pairs of a byte and a number make the stream: the byte, the number's square times, so
//! that lines are long enough to be passed on in parts. The first byte is the size of a
//! read: its square times 16, and 64.

use lastout::logs::format::{Split, Writer, objects, prefixed};
use lastout::logs::frame::{Ending, MOST, Parts, decided};
use lastout::logs::message::{Channel, News, Order};
use lastout::logs::output::Output;

/// How long a stream may be: two full parts and a little more.
const LONGEST: usize = 33_000;

const WEB: Writer<'_> = Writer {
    program: "web",
    pid: 1,
    channel: Channel::Stdout,
    micros: 0,
};

/// Panics where one of these does not hold.
pub(crate) fn check(bytes: &[u8]) {
    is_message_or_none(bytes);
    let Some((size, pairs)) = bytes.split_first() else {
        return;
    };
    let mut stream = Vec::new();
    for pair in pairs.chunks_exact(2) {
        let times = usize::from(pair[1]).pow(2);
        stream.resize((stream.len() + times).min(LONGEST), pair[0]);
    }
    let size = usize::from(*size).pow(2) * 16 + 64;
    let found = lines(&stream, size);
    assert_eq!(found, lines(&stream, usize::MAX));
    let (mut whole, mut with_prefix) = (Vec::new(), Vec::new());
    for (bytes, ending) in &found {
        whole.extend_from_slice(bytes);
        if *ending == Ending::Newline {
            whole.push(b'\n');
        }
        with_prefix.extend_from_slice(&[b"web | ", bytes.as_slice(), b"\n"].concat());
    }
    assert_eq!(whole, stream);
    let [prefixed, objects] = formatted(&stream, size);
    assert_eq!(prefixed, with_prefix);
    assert_eq!([prefixed, objects.clone()], formatted(&stream, usize::MAX));
    let mut count = 0;
    for line in objects.split_inclusive(|byte| *byte == b'\n') {
        let object = serde_json::from_slice::<serde_json::Value>(line);
        assert!(object.is_ok(), "{object:?}");
        count += 1;
    }
    assert_eq!(count, found.len());
}

fn is_message_or_none(bytes: &[u8]) {
    let mut again = Vec::new();
    if let Some(order) = Order::decode(bytes) {
        order.encode(&mut again);
        assert_eq!(again, bytes);
    }
    again.clear();
    if let Some(news) = News::decode(bytes) {
        news.encode(&mut again);
        assert_eq!(again, bytes);
    }
}

/// The lines of the stream, read in pieces of so many bytes.
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

/// The stream with a prefix, then as objects, in pieces of so many bytes.
fn formatted(stream: &[u8], most: usize) -> [Vec<u8>; 2] {
    let (mut out, mut split) = (Output::new(), Split::default());
    let mut all = [Vec::new(), Vec::new()];
    for (form, all) in all.iter_mut().enumerate() {
        let mut parts = Parts::new(stream, true);
        while !parts.rest().is_empty() {
            out.clear(most);
            match form {
                0 => prefixed(&mut out, &mut parts, b"web | ", most),
                _ => objects(&mut out, &mut parts, &WEB, Some(&mut split), most),
            }
            all.extend_from_slice(out.bytes());
        }
    }
    all
}
