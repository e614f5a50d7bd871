//! Permits of gates that the isolate has given out: what they hold, such as a slot, is nobody's when it goes away.

use fusewire::binding::Slip;

/// In the word of a slip's engine: the rest of the word is a place here.
const HELD: u32 = 1 << 31;

struct Entry {
    slot: u32,
    slip: Option<Slip>,
    /// How often the place was used.
    turn: u32,
}

/// All of them, by place.
#[derive(Default)]
pub(super) struct Held {
    entries: Vec<Entry>,
    free: Vec<u32>,
}

impl Held {
    /// Keeps a slip of the breaker in `slot`; what it answers bears the place in the stead of its engine.
    pub(super) fn keep(&mut self, slot: u32, slip: Slip) -> Slip {
        let place = self.free.pop().unwrap_or(self.entries.len() as u32);
        match self.entries.get_mut(place as usize) {
            Some(entry) => {
                (entry.slot, entry.slip, entry.turn) = (slot, Some(slip), entry.turn.wrapping_add(1))
            }
            None => self.entries.push(Entry { slot, slip: Some(slip), turn: 0 }),
        }
        Slip { engine: HELD | place, ..slip }
    }

    /// The slip as the core gave it: it is settled now. One that is not here is as it was.
    pub(super) fn take_out(&mut self, slip: Slip) -> Slip {
        if slip.engine & HELD == 0 {
            return slip;
        }
        let place = slip.engine & !HELD;
        let Some(kept) = self.entries.get_mut(place as usize).and_then(|entry| entry.slip.take()) else {
            return slip;
        };
        self.free.push(place);
        kept
    }

    /// Which use of its place a slip's is.
    pub(super) fn turn(&self, engine: u32) -> Option<u32> {
        let place = (engine & HELD != 0).then_some(engine & !HELD)?;
        self.entries.get(place as usize).map(|entry| entry.turn)
    }

    /// Takes out what is there since that use of the place, if it still is, and tells in which slot its breaker is.
    pub(super) fn take_if(&mut self, engine: u32, turn: u32) -> Option<(u32, Slip)> {
        let place = engine & !HELD;
        let entry = self.entries.get_mut(place as usize).filter(|entry| entry.turn == turn)?;
        let slip = entry.slip.take()?;
        self.free.push(place);
        Some((entry.slot, slip))
    }

    /// Takes out all of the breaker in a slot: nobody can settle them any more.
    pub(super) fn take_of(&mut self, slot: u32) -> Vec<Slip> {
        let of_slot = |entry: &Entry| entry.slot == slot && entry.slip.is_some();
        let places: Vec<u32> =
            (0u32..).zip(&self.entries).filter(|(_, e)| of_slot(e)).map(|(at, _)| at).collect();
        let slips = places.iter().filter_map(|at| self.entries[*at as usize].slip.take()).collect();
        self.free.extend(places);
        slips
    }
}
