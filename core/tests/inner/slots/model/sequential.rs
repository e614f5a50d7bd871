//! Slots and their queue as the policies say it, in the plainest way.

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Granted,
    Displaced,
    /// By another gate at its grant.
    Gate,
    Flushed,
    TimedOut,
    Closed,
}

impl Ended {
    pub fn name(self) -> &'static str {
        match self {
            Ended::Granted => "granted",
            Ended::Displaced => "displaced",
            Ended::Gate => "gate",
            Ended::Flushed => "flushed",
            Ended::TimedOut => "timed_out",
            Ended::Closed => "closed",
        }
    }
}

/// What a call that would wait is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Slot,
    Queued,
    Full,
    Closed,
}

#[derive(Clone, Debug)]
struct Waiter {
    name: u32,
    level: usize,
    deadline: u64,
}

#[derive(Debug)]
pub struct Model {
    pub max: u64,
    pub reserved: [u64; 5],
    pub in_flight: [u64; 5],
    pub now: u64,
    /// Names that another gate refuses: those that this divides.
    pub refuses: u32,
    /// Who came first to its level, or was raised to it, first. Names go up with age.
    waiters: Vec<Waiter>,
    /// How waits ended, in order.
    pub ended: Vec<(u32, Ended)>,
    is_closed: bool,
}

impl Model {
    pub fn new(max: u64, reserved: [u64; 5]) -> Self {
        let (in_flight, waiters, ended) = ([0; 5], Vec::new(), Vec::new());
        Model { max, reserved, in_flight, now: 0, refuses: u32::MAX, waiters, ended, is_closed: false }
    }

    /// in_flight < max_concurrent - sum over levels p != q of max(0, reserved_p - in_flight_p)
    fn formula(&self, q: usize) -> bool {
        let mut left = self.max as i64;
        for p in (0..5).filter(|p| *p != q) {
            left -= (self.reserved[p] as i64 - self.in_flight[p] as i64).max(0);
        }
        (self.in_flight.iter().sum::<u64>() as i64) < left
    }

    pub fn queued(&self) -> [u64; 5] {
        std::array::from_fn(|level| self.waiters.iter().filter(|w| w.level == level).count() as u64)
    }

    pub fn next_due(&self) -> Option<u64> {
        self.waiters.iter().map(|w| w.deadline).min()
    }

    /// A newcomer takes none that a waiter of its own or a higher level could take.
    pub fn try_take(&mut self, level: usize) -> bool {
        let is_anothers = self.waiters.iter().any(|w| w.level >= level && self.formula(w.level));
        let is_given = !is_anothers && self.formula(level);
        self.in_flight[level] += u64::from(is_given);
        is_given
    }

    pub fn acquire(&mut self, name: u32, level: usize, deadline: u64, max_queue: u64) -> Told {
        if self.try_take(level) {
            return Told::Slot;
        }
        if max_queue == 0 {
            return Told::Full;
        }
        // A wait that is due has ended by the time that anybody looks at the queue.
        self.end_due();
        if self.is_closed {
            return Told::Closed;
        }
        if self.waiters.len() as u64 >= max_queue {
            let lowest = self.waiters.iter().map(|w| w.level).min().filter(|lowest| *lowest < level);
            let newest = lowest.and_then(|lowest| self.waiters.iter().rposition(|w| w.level == lowest));
            let Some(newest) = newest else { return Told::Full };
            self.end(newest, Ended::Displaced);
        }
        self.waiters.push(Waiter { name, level, deadline });
        Told::Queued
    }

    fn end(&mut self, position: usize, how: Ended) {
        let waiter = self.waiters.remove(position);
        self.ended.push((waiter.name, how));
    }

    /// By deadline, then level, then age.
    pub fn end_due(&mut self) {
        let mut due: Vec<_> = self.waiters.iter().filter(|w| w.deadline <= self.now).cloned().collect();
        due.sort_by_key(|w| (w.deadline, std::cmp::Reverse(w.level), w.name));
        for waiter in due {
            self.end_named(waiter.name, Ended::TimedOut);
        }
    }

    fn end_named(&mut self, name: u32, how: Ended) {
        if let Some(position) = self.waiters.iter().position(|w| w.name == name) {
            self.end(position, how);
        }
    }

    /// A free slot goes to the first waiter in order whom the formula admits.
    fn grant(&mut self) {
        self.end_due();
        loop {
            let mut order: Vec<usize> = (0..self.waiters.len()).collect();
            order.sort_by_key(|position| std::cmp::Reverse(self.waiters[*position].level));
            let Some(first) = order.into_iter().find(|p| self.formula(self.waiters[*p].level)) else {
                return;
            };
            let Waiter { name, level, .. } = self.waiters[first];
            match name % self.refuses == 0 {
                true => self.end(first, Ended::Gate),
                false => {
                    self.in_flight[level] += 1;
                    self.end(first, Ended::Granted);
                }
            }
        }
    }

    pub fn release(&mut self, level: usize) {
        self.in_flight[level] -= 1;
        self.grant();
    }

    pub fn set(&mut self, max: u64, reserved: [u64; 5]) {
        (self.max, self.reserved) = (max, reserved);
        self.grant();
    }

    /// To the end of the new level; lowering does nothing.
    pub fn raise(&mut self, name: u32, level: usize) {
        let Some(position) = self.waiters.iter().position(|w| w.name == name) else { return };
        if level > self.waiters[position].level {
            let waiter = self.waiters.remove(position);
            self.waiters.push(Waiter { level, ..waiter });
            self.grant();
        }
    }

    /// Whether it waits no longer.
    pub fn expire(&mut self, name: u32) -> bool {
        let deadline = self.waiters.iter().find(|w| w.name == name).map(|w| w.deadline);
        let is_over = deadline.is_none_or(|deadline| deadline <= self.now);
        if is_over {
            self.end_named(name, Ended::TimedOut);
        }
        is_over
    }

    pub fn cancel(&mut self, name: u32) {
        self.waiters.retain(|w| w.name != name);
    }

    pub fn flush(&mut self, spared: usize) {
        self.end_below(spared, Ended::Flushed);
    }

    pub fn close(&mut self) {
        self.is_closed = true;
        self.end_below(5, Ended::Closed);
    }

    fn end_below(&mut self, spared: usize, how: Ended) {
        let mut meant: Vec<_> = self.waiters.iter().filter(|w| w.level < spared).cloned().collect();
        meant.sort_by_key(|w| std::cmp::Reverse(w.level));
        meant.iter().for_each(|w| self.end_named(w.name, how));
    }
}
