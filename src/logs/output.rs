//! What is put together to be written at once.
//!
//! Lines are short and many. memcpy of the C library costs more to begin with than a line
//! of a hundred bytes takes (musl's: half of all the time of prefixing), so that short
//! pieces are copied here, in blocks whose size the compiler knows.

use std::io;

/// The largest block. What is longer than a few of them is memcpy's.
const BLOCK: usize = 64;

/// Bytes to be written; as a vector, but for how it grows and copies.
#[derive(Debug, Default)]
pub struct Output {
    /// All of it is initialized, so that nothing is when a piece is added.
    room: Vec<u8>,
    length: usize,
}

impl Output {
    /// Nothing.
    #[must_use]
    pub const fn new() -> Output {
        Output {
            room: Vec::new(),
            length: 0,
        }
    }

    /// How many bytes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.room.get(..self.length).unwrap_or_default()
    }

    /// Forgets them, and keeps the room, but for what is over `most`.
    pub fn clear(&mut self, most: usize) {
        self.length = 0;
        if self.room.len() > most {
            self.room.truncate(most);
            self.room.shrink_to_fit();
        }
    }

    /// Forgets the first of them.
    pub fn drop_front(&mut self, count: usize) {
        self.room.copy_within(count..self.length, 0);
        self.length -= count;
    }

    /// Appends a byte.
    #[inline]
    pub fn push(&mut self, byte: u8) {
        self.add(&[byte]);
    }

    /// Appends bytes.
    #[inline]
    pub fn add(&mut self, piece: &[u8]) {
        let end = self.length + piece.len();
        if end > self.room.len() {
            self.grow(end);
        }
        if let Some(room) = self.room.get_mut(self.length..end) {
            copy(room, piece);
            self.length = end;
        }
    }

    #[cold]
    fn grow(&mut self, end: usize) {
        let most = end.max(self.room.len() * 2).max(256);
        self.room.resize(most, 0);
    }
}

impl io::Write for Output {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.add(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Copies a piece to where there is room for exactly that.
#[inline]
fn copy(to: &mut [u8], from: &[u8]) {
    match from.len() {
        0..4 => {
            for (to, from) in to.iter_mut().zip(from) {
                *to = *from;
            }
        }
        4..8 => ends::<4>(to, from),
        8..16 => ends::<8>(to, from),
        16..32 => ends::<16>(to, from),
        32..BLOCK => ends::<32>(to, from),
        BLOCK..=512 => {
            let blocks = from.chunks_exact(BLOCK);
            for (to, from) in to.chunks_exact_mut(BLOCK).zip(blocks) {
                block::<BLOCK>(Some(to), Some(from));
            }
            ends::<BLOCK>(to, from);
        }
        _ => to.copy_from_slice(from),
    }
}

/// The first and the last so many bytes, which may overlap.
#[inline]
fn ends<const SIZE: usize>(to: &mut [u8], from: &[u8]) {
    block::<SIZE>(
        to.first_chunk_mut::<SIZE>().map(|to| &mut to[..]),
        from.get(..SIZE),
    );
    let begin = from.len().saturating_sub(SIZE);
    block::<SIZE>(to.get_mut(begin..), from.get(begin..));
}

/// A block of known size.
#[inline]
fn block<const SIZE: usize>(to: Option<&mut [u8]>, from: Option<&[u8]>) {
    let to = to.and_then(|to| <&mut [u8; SIZE]>::try_from(to).ok());
    let from = from.and_then(|from| <&[u8; SIZE]>::try_from(from).ok());
    if let (Some(to), Some(from)) = (to, from) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_every_size_come_out_as_they_went_in() {
        let piece: Vec<u8> = (0..=255).cycle().take(1200).collect();
        let mut output = Output::new();
        let mut expected = Vec::new();
        for size in 0..piece.len() {
            output.add(&piece[..size]);
            output.push(b'\n');
            expected.extend_from_slice(&piece[..size]);
            expected.push(b'\n');
        }
        assert_eq!(output.bytes(), expected);
        output.drop_front(100);
        assert_eq!(output.bytes(), &expected[100..]);
        output.clear(1000);
        assert!(output.is_empty() && output.room.len() == 1000);
    }
}
