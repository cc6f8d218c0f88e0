//! The allocator: a small arena for the start, the C library's after that.
//!
//! musl's allocator maps a page for each size that is asked for first, and unmaps it
//! when the last of that size is gone. A start that ends in the exec of one command
//! pays for some twenty such pages and never sees them again. Here its small things
//! come one after the other from a few pages of the program's own data. What is freed
//! there is not given out again, unless it was the last; so the arena is small, and
//! when it is used up everything comes from the C library.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Enough for the start of a command with an environment of a usual size.
const SIZE: usize = 32 * 1024;

/// What is larger has pages of its own anyway.
const LARGEST: usize = 4096;

/// The arena.
pub struct Arena {
    memory: UnsafeCell<[u8; SIZE]>,
    used: AtomicUsize,
}

// SAFETY: a part of the memory is given out once, to whoever has moved `used` past it.
unsafe impl Sync for Arena {}

impl Arena {
    /// Nothing is given out.
    #[must_use]
    pub const fn new() -> Arena {
        Arena {
            memory: UnsafeCell::new([0; SIZE]),
            used: AtomicUsize::new(0),
        }
    }

    /// The next part that fits, if there is room.
    fn take(&self, layout: Layout) -> Option<*mut u8> {
        let start = self.memory.get().addr();
        let mut used = self.used.load(Ordering::Relaxed);
        loop {
            let begin = (start + used).checked_next_multiple_of(layout.align())? - start;
            let end = begin.checked_add(layout.size())?;
            if end > SIZE {
                return None;
            }
            let moved = Ordering::Relaxed;
            match self.used.compare_exchange_weak(used, end, moved, moved) {
                Ok(_) => return Some(self.memory.get().cast::<u8>().wrapping_add(begin)),
                Err(now) => used = now,
            }
        }
    }

    /// Where in the arena this is, if it is in it.
    fn place(&self, memory: *mut u8) -> Option<usize> {
        let place = memory.addr().checked_sub(self.memory.get().addr())?;
        (place < SIZE).then_some(place)
    }
}

impl Default for Arena {
    fn default() -> Arena {
        Arena::new()
    }
}

// SAFETY: what is given out is as large and as aligned as the layout says, is nobody
// else's, and is valid for the life of the program; what is not from the arena is the
// system allocator's from beginning to end.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() <= LARGEST
            && let Some(memory) = self.take(layout)
        {
            return memory;
        }
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        let Some(place) = self.place(memory) else {
            // SAFETY: it is not the arena's, so it is the system allocator's.
            return unsafe { System.dealloc(memory, layout) };
        };
        // The last part goes back; any other stays used.
        let end = place + layout.size();
        let _ = self
            .used
            .compare_exchange(end, place, Ordering::Relaxed, Ordering::Relaxed);
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let Some(place) = self.place(memory) else {
            // SAFETY: it is not the arena's, so it is the system allocator's.
            return unsafe { System.realloc(memory, layout, new_size) };
        };
        // The last part grows and shrinks where it is.
        let (end, new_end) = (place + layout.size(), place + new_size);
        let moved = Ordering::Relaxed;
        if new_end <= SIZE
            && self
                .used
                .compare_exchange(end, new_end, moved, moved)
                .is_ok()
        {
            return memory;
        }
        // SAFETY: the caller promises that the new size with the old alignment is a
        // layout; the old part is not touched until its bytes are copied, and no more
        // of them than both have.
        unsafe {
            let new_layout = Layout::from_size_align_unchecked(new_size, layout.align());
            let new = self.alloc(new_layout);
            if !new.is_null() {
                new.copy_from_nonoverlapping(memory, layout.size().min(new_size));
                self.dealloc(memory, layout);
            }
            new
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).unwrap()
    }

    #[test]
    fn parts_are_aligned_do_not_overlap_and_end_with_the_arena() {
        let arena = Arena::new();
        let mut last_end = 0;
        let mut count = 0;
        while let Some(part) = arena.take(layout(100, 1 << (count % 7))) {
            assert_eq!(part.addr() % (1 << (count % 7)), 0);
            assert!(part.addr() >= last_end);
            last_end = part.addr() + 100;
            count += 1;
        }
        assert!(count > SIZE / 200, "{count}");
        assert!(
            arena
                .place(std::ptr::without_provenance_mut(last_end - 1))
                .is_some()
        );
    }

    #[test]
    fn the_last_part_grows_in_place_and_goes_back() {
        let arena = Arena::new();
        // SAFETY: the layouts are those with which the parts were made.
        unsafe {
            let first = arena.alloc(layout(16, 8));
            let grown = arena.realloc(first, layout(16, 8), 64);
            assert_eq!(first, grown);
            arena.dealloc(grown, layout(64, 8));
            assert_eq!(arena.alloc(layout(8, 8)), first);
        }
    }

    #[test]
    fn a_part_that_moves_keeps_its_bytes_and_what_is_large_is_the_systems() {
        let arena = Arena::new();
        // SAFETY: the layouts are those with which the parts were made, and only bytes
        // inside of them are touched.
        unsafe {
            let first = arena.alloc(layout(4, 1));
            first.copy_from_nonoverlapping(b"abcd".as_ptr(), 4);
            let _second = arena.alloc(layout(4, 1));
            let moved = arena.realloc(first, layout(4, 1), 8);
            assert_ne!(first, moved);
            assert_eq!(std::slice::from_raw_parts(moved, 4), b"abcd");
            let large = arena.realloc(moved, layout(8, 1), SIZE);
            assert_eq!(arena.place(large), None);
            assert_eq!(std::slice::from_raw_parts(large, 4), b"abcd");
            arena.dealloc(large, layout(SIZE, 1));
        }
    }
}
