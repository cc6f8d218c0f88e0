//! The allocator: a small arena for what is small, the C library's for the rest.
//!
//! musl's allocator maps a page for each size that is asked for first, and unmaps it
//! when the last of that size is gone. A start that ends in the exec of one command
//! pays for some twenty such pages and never sees them again. Here its small things
//! come one after the other from a few pages of the program's own data.
//!
//! What is freed goes on a shelf with others of its size, and is the first to be given
//! out again. So what a configuration leaves behind when it was read serves the loop from
//! then on: a restart takes and gives back a hundred parts, at a tenth of what musl needs
//! for one. When the arena is used up and the shelf is empty everything comes from the C
//! library.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

/// Enough for the start of a command with an environment of a usual size.
const SIZE: usize = 32 * 1024;

/// What is larger has pages of its own anyway.
const LARGEST: usize = 4096;

/// What every part is aligned to; what wants more is the C library's.
const ALIGN: usize = 16;

/// Sizes up to this are rounded up to a multiple of [`ALIGN`]; larger ones to a quarter of
/// the power of two below.
const FINE: usize = 256;

/// One for each size that is given out.
const SHELVES: usize = FINE / ALIGN + 4 * (LARGEST / FINE).ilog2() as usize;

/// The arena.
pub struct Arena {
    memory: Memory,
    store: UnsafeCell<Store>,
    /// Whether somebody is at the store.
    is_busy: AtomicBool,
}

/// The bytes, aligned as its parts are.
#[repr(align(16))]
struct Memory {
    bytes: UnsafeCell<[u8; SIZE]>,
}

/// What there is to be given out.
struct Store {
    used: usize,
    /// The first free part of each size; each holds the next.
    shelves: [*mut FreePart; SHELVES],
}

/// A part that waits to be given out again.
struct FreePart {
    next: *mut FreePart,
}

// SAFETY: the store is looked at only by whoever has set `is_busy`, and a part of the
// memory is somebody's alone from when it is given out until it is given back.
unsafe impl Sync for Arena {}

impl Arena {
    /// Nothing is given out.
    #[must_use]
    pub const fn new() -> Arena {
        Arena {
            memory: Memory {
                bytes: UnsafeCell::new([0; SIZE]),
            },
            store: UnsafeCell::new(Store {
                used: 0,
                shelves: [ptr::null_mut(); SHELVES],
            }),
            is_busy: AtomicBool::new(false),
        }
    }

    /// Lets one at a time at the store. `None`: somebody is there, for whom nobody waits;
    /// lastout has one thread, so that does not happen.
    fn with_store<T>(&self, act: impl FnOnce(&mut Store) -> T) -> Option<T> {
        if self.is_busy.swap(true, Ordering::Acquire) {
            return None;
        }
        // SAFETY: the flag was not set, so nobody else has a reference to the store.
        let done = act(unsafe { &mut *self.store.get() });
        self.is_busy.store(false, Ordering::Release);
        Some(done)
    }

    /// A part for this, if there is one.
    fn take(&self, layout: Layout) -> Option<*mut u8> {
        let shelf = shelf_of(layout)?;
        self.with_store(|store| {
            let first = store.shelves.get_mut(shelf)?;
            if !first.is_null() {
                let part = *first;
                // SAFETY: what is on a shelf is a free part of the arena, written by `put`.
                *first = unsafe { (*part).next };
                return Some(part.cast());
            }
            let begin = store.used;
            let end = begin + size_on(shelf);
            if end > SIZE {
                return None;
            }
            store.used = end;
            Some(self.memory.bytes.get().cast::<u8>().wrapping_add(begin))
        })?
    }

    /// Takes a part back.
    fn put(&self, memory: *mut u8, layout: Layout) {
        let Some(shelf) = shelf_of(layout) else {
            return;
        };
        // Where somebody is at the store the part stays used.
        let _ = self.with_store(|store| {
            if let Some(first) = store.shelves.get_mut(shelf) {
                let part = memory.cast::<FreePart>();
                // SAFETY: a part of the arena that nobody uses any more; each has room for
                // a FreePart and is aligned for one.
                unsafe { part.write(FreePart { next: *first }) };
                *first = part;
            }
        });
    }

    /// Whether this is in the arena.
    fn has(&self, memory: *mut u8) -> bool {
        memory.addr().wrapping_sub(self.memory.bytes.get().addr()) < SIZE
    }
}

/// The shelf of what has this layout; `None` where it is not for the arena.
fn shelf_of(layout: Layout) -> Option<usize> {
    let (size, align) = (layout.size(), layout.align());
    if size > LARGEST || align > ALIGN {
        return None;
    }
    if size <= FINE {
        return Some(size.max(1).div_ceil(ALIGN) - 1);
    }
    // Of the power of two below it, the quarter that it ends in.
    let power = (size - 1).ilog2();
    let quarter = (size - 1) >> (power - 2) & 3;
    Some(FINE / ALIGN + 4 * (power - FINE.ilog2()) as usize + quarter)
}

/// The size of all parts of a shelf.
fn size_on(shelf: usize) -> usize {
    match shelf.checked_sub(FINE / ALIGN) {
        None => (shelf + 1) * ALIGN,
        Some(above) => (above % 4 + 5) << (above / 4) << (FINE.ilog2() - 2),
    }
}

impl Default for Arena {
    fn default() -> Arena {
        Arena::new()
    }
}

// SAFETY: what is given out is at least as large and as aligned as the layout says, and is
// nobody else's until it is given back; what is not from the arena is the system
// allocator's from beginning to end.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if let Some(memory) = self.take(layout) {
            return memory;
        }
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        if self.has(memory) {
            return self.put(memory, layout);
        }
        // SAFETY: it is not the arena's, so it is the system allocator's.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if !self.has(memory) {
            // SAFETY: it is not the arena's, so it is the system allocator's.
            return unsafe { System.realloc(memory, layout, new_size) };
        }
        // SAFETY: the caller promises that the new size with the old alignment is a
        // layout; the old part is not touched until its bytes are copied, and no more
        // of them than both have.
        unsafe {
            let new_layout = Layout::from_size_align_unchecked(new_size, layout.align());
            if shelf_of(new_layout) == shelf_of(layout) {
                return memory;
            }
            let new = self.alloc(new_layout);
            if !new.is_null() {
                new.copy_from_nonoverlapping(memory, layout.size().min(new_size));
                self.put(memory, layout);
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
    fn every_size_has_a_shelf_whose_parts_are_large_enough_and_not_much_larger() {
        for size in 0..=LARGEST {
            let shelf = shelf_of(layout(size, 1)).unwrap();
            assert!(shelf < SHELVES, "{size}");
            let part = size_on(shelf);
            assert!(part >= size.max(size_of::<FreePart>()), "{size}: {part}");
            assert!(part <= size + (size / 4).max(ALIGN), "{size}: {part}");
            assert_eq!(shelf_of(layout(part, 1)), Some(shelf), "{size}: {part}");
        }
        assert_eq!(shelf_of(layout(LARGEST, 1)), Some(SHELVES - 1));
        assert_eq!(shelf_of(layout(LARGEST + 1, 1)), None);
        assert_eq!(shelf_of(layout(8, 32)), None);
    }

    #[test]
    fn parts_are_aligned_do_not_overlap_and_end_with_the_arena() {
        let arena = Arena::new();
        let mut last_end = 0;
        let mut count = 0;
        while let Some(part) = arena.take(layout(100, 1 << (count % 5))) {
            assert_eq!(part.addr() % ALIGN, 0);
            assert!(part.addr() >= last_end);
            last_end = part.addr() + 100;
            count += 1;
        }
        assert!(count > SIZE / 120, "{count}");
        assert!(arena.has(ptr::without_provenance_mut(last_end - 1)));
        assert!(!arena.has(ptr::without_provenance_mut(last_end + 200)));
        // What is smaller may still fit.
        assert_eq!(arena.take(layout(200, 1)), None);
    }

    #[test]
    fn what_was_given_back_is_given_out_again_last_first() {
        let arena = Arena::new();
        // SAFETY: the layouts are those with which the parts were made.
        unsafe {
            let first = arena.alloc(layout(33, 8));
            let second = arena.alloc(layout(48, 8));
            arena.dealloc(first, layout(33, 8));
            arena.dealloc(second, layout(48, 8));
            assert_ne!(arena.alloc(layout(32, 8)), second);
            assert_eq!(arena.alloc(layout(40, 8)), second);
            assert_eq!(arena.alloc(layout(48, 8)), first);
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
            assert_eq!(arena.realloc(first, layout(4, 1), 16), first);
            let moved = arena.realloc(first, layout(16, 1), 17);
            assert_ne!(first, moved);
            assert_eq!(std::slice::from_raw_parts(moved, 4), b"abcd");
            let large = arena.realloc(moved, layout(17, 1), SIZE);
            assert!(!arena.has(large));
            assert_eq!(std::slice::from_raw_parts(large, 4), b"abcd");
            arena.dealloc(large, layout(SIZE, 1));
        }
    }

    #[test]
    fn while_somebody_is_at_the_store_everything_is_the_systems() {
        let arena = Arena::new();
        // SAFETY: the layouts are those with which the parts were made.
        unsafe {
            let before = arena.alloc(layout(64, 8));
            arena.with_store(|_| {
                let meanwhile = arena.alloc(layout(64, 8));
                assert!(!arena.has(meanwhile));
                arena.dealloc(meanwhile, layout(64, 8));
                arena.dealloc(before, layout(64, 8));
            });
            // It was not taken back.
            assert_ne!(arena.alloc(layout(64, 8)), before);
        }
    }
}
