//! What is due when, of each of many: a tree of the earliest, so that neither to change
//! one nor to find the first is a look at everybody.

use alloc::vec::Vec;
use core::time::Duration;

use crate::Time;

/// What is never due.
const NEVER: Time = Time::from_beginning(Duration::MAX);

/// When something is due for each program, by its place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Due {
    /// How many leaves there are: a power of two, or none.
    leaves: usize,
    /// The root is at 1, the two below `n` are at `2n` and `2n + 1`; each is the earlier of
    /// those below it, and the last half are the leaves.
    times: Vec<Time>,
}

impl Due {
    /// Of these, in order.
    pub(crate) fn of(all: impl ExactSizeIterator<Item = Option<Time>>) -> Due {
        let leaves = all.len().next_power_of_two();
        let mut times = alloc::vec![NEVER; 2 * leaves];
        for (leaf, at) in times.iter_mut().skip(leaves).zip(all) {
            *leaf = at.unwrap_or(NEVER);
        }
        let mut due = Due { leaves, times };
        for node in (1..leaves).rev() {
            due.look_below(node);
        }
        due
    }

    /// Something is due for this one at `at`, and nothing before.
    pub(crate) fn set(&mut self, place: usize, at: Option<Time>) {
        let mut node = self.leaves + place;
        let Some(leaf) = self.times.get_mut(node) else {
            return;
        };
        *leaf = at.unwrap_or(NEVER);
        while node > 1 {
            node /= 2;
            if !self.look_below(node) {
                return;
            }
        }
    }

    /// Takes the earlier of the two below. Whether that is another one than before.
    fn look_below(&mut self, node: usize) -> bool {
        let earlier = self.at(2 * node).min(self.at(2 * node + 1));
        let is_other = earlier != self.at(node);
        if let Some(time) = self.times.get_mut(node) {
            *time = earlier;
        }
        is_other
    }

    fn at(&self, node: usize) -> Time {
        self.times.get(node).copied().unwrap_or(NEVER)
    }

    /// When the first is due.
    pub(crate) fn first(&self) -> Option<Time> {
        Some(self.at(1)).filter(|at| *at != NEVER)
    }

    /// The first from this place on for whom something is due by `now`.
    pub(crate) fn next(&self, from: usize, now: Time) -> Option<usize> {
        if from >= self.leaves || now == NEVER {
            return None;
        }
        let mut node = self.leaves + from;
        // Up to the right, until there is somebody below.
        while self.at(node) > now {
            while node % 2 == 1 {
                node /= 2;
            }
            if node == 0 {
                return None;
            }
            node += 1;
        }
        // Down, to the leftmost of them.
        while node < self.leaves {
            node *= 2;
            if self.at(node) > now {
                node += 1;
            }
        }
        Some(node - self.leaves)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;
    use core::time::Duration;

    use super::*;

    fn at(second: u64) -> Time {
        Time::from_beginning(Duration::from_secs(second))
    }

    /// Those that are due by `now`, in order.
    fn all_due(due: &Due, now: Time) -> Vec<usize> {
        let mut found = Vec::new();
        let mut from = 0;
        while let Some(place) = due.next(from, now) {
            found.push(place);
            from = place + 1;
        }
        found
    }

    #[test]
    fn nobody_is_never_due() {
        let due = Due::of([].into_iter());
        assert_eq!((due.first(), due.next(0, at(1))), (None, None));
        assert_eq!(Due::default().first(), None);
        assert_eq!(Due::default().next(0, at(1)), None);
    }

    #[test]
    fn it_says_what_a_look_at_everybody_says() {
        for many in 1..40_usize {
            let mut plain: Vec<Option<Time>> = alloc::vec![None; many];
            let mut due = Due::of(plain.iter().copied());
            let mut dice = 12345 + many as u64;
            for _ in 0..300 {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let place = (dice >> 33) as usize % many;
                let time = (dice >> 20 & 3 != 0).then(|| at(dice >> 40 & 15));
                plain[place] = time;
                due.set(place, time);
                assert_eq!(due.first(), plain.iter().flatten().min().copied());
                let now = at(dice >> 50 & 15);
                let wanted = (0..many).filter(|i| plain[*i].is_some_and(|at| at <= now));
                assert_eq!(all_due(&due, now), wanted.collect::<Vec<_>>());
            }
            assert_eq!(Due::of(plain.iter().copied()).times, due.times);
        }
    }

    #[test]
    fn what_is_due_at_the_end_of_time_never_is() {
        let due = Due::of([Some(NEVER)].into_iter());
        assert_eq!((due.first(), due.next(0, NEVER)), (None, None));
    }
}
