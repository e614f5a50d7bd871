//! Deadlines of what waits, soonest first: a binary heap that knows where each stands, so that any can be struck off.

use super::priority::Priority;
use crate::clock::Nanos;
use std::cmp::Reverse;

/// What ends sooner is less: by deadline, then the higher level, then who came first.
pub(crate) type Due = (Nanos, Reverse<Priority>, u64);

/// A heap of small numbers by what is due. Every operation but `clear` is O(log n).
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    heap: Vec<(Due, u32)>,
    /// Where each number stands in the heap; of those that are not in it, where they last stood.
    places: Vec<u32>,
}

impl Deadlines {
    /// The one that is due first.
    pub(crate) fn first(&self) -> Option<(Nanos, u32)> {
        self.heap.first().map(|((deadline, ..), who)| (*deadline, *who))
    }

    /// Adds one that is not there.
    pub(crate) fn insert(&mut self, who: u32, due: Due) {
        let least = who as usize + 1;
        if self.places.len() < least {
            self.places.resize(least, 0);
        }
        let place = self.heap.len();
        self.heap.push((due, who));
        if place == 0 {
            self.places[who as usize] = 0;
        } else {
            self.rise(place);
        }
    }

    /// Strikes off one that is there.
    pub(crate) fn remove(&mut self, who: u32) {
        if self.heap.len() == 1 {
            return self.heap.clear();
        }
        let place = self.places[who as usize] as usize;
        self.heap.swap_remove(place);
        if place < self.heap.len() {
            self.rise(place);
            self.sink(place);
        }
    }

    fn put(&mut self, place: usize) {
        let (_, who) = self.heap[place];
        self.places[who as usize] = place as u32;
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.put(a);
    }

    /// Moves what stands there towards the top until its parent is due sooner.
    fn rise(&mut self, mut place: usize) {
        while place > 0 && self.heap[place] < self.heap[(place - 1) / 2] {
            self.swap(place, (place - 1) / 2);
            place = (place - 1) / 2;
        }
        self.put(place);
    }

    /// Moves what stands there down until its children are due later.
    fn sink(&mut self, mut place: usize) {
        loop {
            let children = 2 * place + 1..(2 * place + 3).min(self.heap.len());
            match children.min_by_key(|child| self.heap[*child]) {
                Some(child) if self.heap[child] < self.heap[place] => {
                    self.swap(place, child);
                    place = child;
                }
                _ => return self.put(place),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn what_is_due_first_comes_first_whatever_was_struck_off() {
        let (mut deadlines, mut plain) = (Deadlines::default(), BTreeSet::new());
        let mut dues = std::collections::BTreeMap::new();
        for n in 0..20_000u64 {
            let draw = crate::rng::mix(n);
            let who = (draw % 200) as u32;
            match dues.remove(&who) {
                Some(due) => {
                    deadlines.remove(who);
                    plain.remove(&(due, who));
                }
                None => {
                    let due = (draw >> 8 & 31, Reverse(Priority::ALL[(draw >> 16) as usize % 5]), n);
                    deadlines.insert(who, due);
                    plain.insert((due, who));
                    dues.insert(who, due);
                }
            }
            assert_eq!(deadlines.first(), plain.first().map(|(due, who)| (due.0, *who)));
        }
    }
}
