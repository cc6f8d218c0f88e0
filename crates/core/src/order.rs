//! Sorting, in little code. The sorts of the standard library are compiled once more for
//! every type and every order, 3 to 5 KB each; here all share one, which sorts numbers.
//!
//! Equals keep their order. What is in order already costs a comparison an item and no
//! memory, anything else four bytes an item, for as long as it takes.

use alloc::vec::Vec;
use core::cmp::Ordering;

/// Sorts by the order that the items have of themselves.
pub fn sort<T: Ord>(items: &mut [T]) {
    sort_by(items, T::cmp);
}

/// Sorts by what `compare` says.
pub fn sort_by<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    if items.is_sorted_by(|a, b| compare(a, b).is_le()) {
        return;
    }
    let mut places = places(items.len(), &|a, b| match (
        items.get(a as usize),
        items.get(b as usize),
    ) {
        (Some(a), Some(b)) => compare(a, b),
        (None, _) | (_, None) => Ordering::Equal,
    });
    // Each swap brings one item home, so there are fewer swaps than items.
    for at in 0..items.len() {
        while let Some(&home) = places.get(at).filter(|&&home| home as usize != at) {
            items.swap(at, home as usize);
            places.swap(at, home as usize);
        }
    }
}

/// Where each of so many items belongs.
fn places(count: usize, compare: &dyn Fn(u32, u32) -> Ordering) -> Vec<u32> {
    let mut order: Vec<u32> = (0..).take(count).collect();
    order.sort_by(|&a, &b| compare(a, b));
    let mut places = order.clone();
    for (home, &item) in (0..).zip(&order) {
        if let Some(place) = places.get_mut(item as usize) {
            *place = home;
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::{sort, sort_by};
    use alloc::vec::Vec;

    /// Numbers without any pattern, many of them several times.
    fn scattered(count: u32) -> Vec<(u32, u32)> {
        (0..count)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 20, n))
            .collect()
    }

    #[test]
    fn it_sorts_as_the_standard_library_does() {
        for count in [0, 1, 2, 3, 5, 20, 21, 100, 5000] {
            let mut ours = scattered(count);
            let mut theirs = ours.clone();
            sort(&mut ours);
            theirs.sort();
            assert_eq!(ours, theirs);
            ours.reverse();
            sort(&mut ours);
            assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn equals_keep_their_order() {
        for count in [2, 20, 5000] {
            let mut ours = scattered(count);
            let mut theirs = ours.clone();
            sort_by(&mut ours, |a, b| (a.0 % 7).cmp(&(b.0 % 7)));
            theirs.sort_by_key(|item| item.0 % 7);
            assert_eq!(ours, theirs);
        }
    }
}
