//! Calls with their attempts, by place: the core says what is next, JavaScript does it and tells how it came out.

use super::Inner;
use super::gates::{Names, request, ways};
use crate::scratch::*;
use fusewire::binding::{Course, EnteredSlip, First, Paced, Refused};
use fusewire::{CircuitBreaker, Ending, Finished, Outcome, Request, RequestError, Step};
use std::time::Duration;

/// Where no call is.
const NO_PLACE: u32 = u32::MAX;

pub(super) struct Entry {
    pub(super) slot: u32,
    pub(super) course: Course,
    /// Whether its attempts wait for a slot.
    waits: bool,
    /// How often the place was used.
    pub(super) turn: u32,
}

/// All of them; and the slots of attempts that go on although nobody waits for them.
#[derive(Default)]
pub(super) struct Courses {
    entries: Vec<Option<Entry>>,
    free: Vec<u32>,
    turns: u32,
    /// By the breaker's place, and the code of what it has taken there.
    pub(super) kept: Vec<(u32, u8)>,
    /// How the one ended that ended last, if more is to be said of it than its outcome.
    pub(super) finished: Option<Finished>,
    /// Which rung is to answer.
    pub(super) rung: String,
}

impl Courses {
    fn keep(&mut self, slot: u32, course: Course, waits: bool) -> u32 {
        self.turns = self.turns.wrapping_add(1);
        let entry = Some(Entry { slot, course, waits, turn: self.turns });
        match self.free.pop() {
            Some(place) => {
                self.entries[place as usize] = entry;
                place
            }
            None => {
                self.entries.push(entry);
                self.entries.len() as u32 - 1
            }
        }
    }

    pub(super) fn take(&mut self, place: u32) -> Option<Entry> {
        let entry = self.entries.get_mut(place as usize)?.take()?;
        self.free.push(place);
        Some(entry)
    }
}

impl Inner {
    pub(super) fn course(&mut self, place: u32) -> Option<(&CircuitBreaker, &mut Entry)> {
        let entry = self.courses.entries.get_mut(place as usize)?.as_mut()?;
        let slot = self.slots.get(entry.slot as usize)?.as_ref()?;
        Some((&slot.breaker, entry))
    }

    /// A call begins; goes on to what its host does first.
    pub(crate) fn begin(&mut self) {
        let s = self.scratch;
        let number = s.get(SLOT);
        let names = self.names_for(s);
        let Ok(slot) = self.slot(number) else { return s.set(CODE, PANICKED) };
        s.set(GATED, ways(&slot.breaker));
        self.take_grant_back(number);
        if let Err(wrong) = request(s, &names).and_then(|request| self.begin_with(number, &request)) {
            self.wrong = Some(wrong);
            s.set(CODE, WRONG);
        }
        if s.get(QUIETLY) != 0 {
            self.grant_first(number);
        }
        s.set(EVENTS, self.inbox.waiting());
    }

    fn begin_with(&mut self, number: u32, request: &Request<'_>) -> Result<(), RequestError> {
        let s = self.scratch;
        let Ok(slot) = self.slot(number) else { return Ok(()) };
        let first = if s.get(QUIETLY) == 0 { None } else { slot.breaker.begin_first(request)? };
        match first {
            Some(First { slip, timeout }) => {
                s.give(slip);
                s.set(CODE, FIRST);
                s.set_nanos_at(STEP, timeout);
            }
            None => {
                let course = Course::begin(&slot.breaker, request)?;
                let place = self.courses.keep(number, course, s.get(WAITS) != 0);
                s.set(COURSE, place);
                self.go_on(place);
            }
        }
        Ok(())
    }

    /// Takes up a call whose first attempt has a permit, in the scratch, or was admitted by the lane under the word whose low
    /// half is there; it began so many nanoseconds ago. Answers its place.
    pub(super) fn take_up(&mut self, is_lane: bool, lasted: u64) -> Result<u32, RequestError> {
        let s = self.scratch;
        let number = s.get(SLOT);
        let names = self.names_for(s);
        let request = request(s, &names)?;
        let waits = s.get(WAITS) != 0;
        let Ok(slot) = self.slot(number) else { return Ok(NO_PLACE) };
        let slip = match is_lane {
            true => slot.breaker.lane_slip(s.get(LOW), lasted, s.nanos_at(GRANT_TIMEOUT)),
            false => s.taken(),
        };
        let course = Course::take_up(&slot.breaker, &request, &slip, lasted)?;
        Ok(self.courses.keep(number, course, waits))
    }

    /// Goes on to what the host does next, and says what that is.
    pub(super) fn go_on(&mut self, place: u32) {
        let s = self.scratch;
        s.set(REFUSED, 0);
        loop {
            let Some((breaker, entry)) = self.course(place) else { return s.set(CODE, PANICKED) };
            if let Some(step) = entry.course.next(breaker) {
                if let Step::Call { .. } = step {
                    s.set_nanos_at(HEDGE, entry.course.hedge_after(breaker));
                }
                return self.note_step(place, step);
            }
            if !self.ask(place) {
                return;
            }
        }
    }

    /// Asks for a permit; `false` when the call waits in a queue for one.
    fn ask(&mut self, place: u32) -> bool {
        let Some((breaker, entry)) = self.course(place) else { return true };
        let (wanted, slot) = (entry.course.wanted(), entry.slot);
        let answer = match entry.waits {
            false => breaker.acquire_slip_for(&wanted),
            true => match breaker.enter_slip(&wanted) {
                Ok(EnteredSlip::Admitted(paced)) => Ok(paced),
                Ok(EnteredSlip::Waiting(waiting)) => {
                    let (breaker, left) = (breaker.clone(), waiting.left());
                    match self.waits.begin((slot, Some(place)), &breaker, waiting, &self.inbox) {
                        Ok(ticket) => {
                            self.scratch.note_wait(ticket, left.as_nanos() as u64);
                            return false;
                        }
                        Err(end) => end,
                    }
                }
                Err(refused) => Err(refused),
            },
        };
        self.answer(place, answer);
        true
    }

    fn answer(&mut self, place: u32, answer: std::result::Result<Paced, Refused>) {
        let s = self.scratch;
        let Some((breaker, entry)) = self.course(place) else { return };
        match answer {
            Ok(paced) => entry.course.admitted(breaker, paced),
            Err(refused) => {
                s.note_refusal(breaker, &refused);
                entry.course.refused(breaker, refused);
            }
        }
    }

    /// A wait in a queue has ended; goes on.
    pub(super) fn waited(&mut self, place: u32, end: std::result::Result<Paced, Refused>) {
        let is_refused = end.is_err();
        self.answer(place, end);
        let told = self.scratch.get(REFUSED);
        self.go_on(place);
        if is_refused && self.scratch.get(REFUSED) == 0 {
            self.scratch.set(REFUSED, told);
        }
    }

    fn note_step(&mut self, place: u32, step: Step) {
        let s = self.scratch;
        match step {
            Step::Call { attempt, timeout } => {
                s.set(CODE, 0);
                s.set(ATTEMPT, attempt);
                s.set_nanos_at(STEP, timeout.map(|d| d.as_nanos() as u64));
            }
            Step::Wait(wait) => {
                s.set(CODE, PAUSE);
                s.set_nanos_at(STEP, Some(wait.as_nanos() as u64));
            }
            Step::Use(rung) => {
                s.set(CODE, RUNG);
                self.courses.rung = rung.to_string();
            }
            Step::Done(done) => self.note_end(place, done),
            _ => s.set(CODE, PANICKED),
        }
    }

    fn note_end(&mut self, place: u32, done: Finished) {
        let s = self.scratch;
        s.set(CODE, DONE);
        s.set(OUTCOME, done.outcome.map_or(ABANDONED, |outcome| outcome as u32));
        s.set(ATTEMPT, done.attempts);
        s.set(IS_REJECTED, done.rejected.is_some().into());
        self.courses.take(place);
        self.courses.finished = Some(done);
    }

    /// An attempt has ended; goes on.
    pub(crate) fn settle_attempt(&mut self, error_type: Option<&str>) {
        let s = self.scratch;
        let place = s.get(COURSE);
        let numbered =
            || self.error_types.get((s.get(ERROR_TYPE) as usize).wrapping_sub(1)).map(AsRef::as_ref);
        let named = error_type.or_else(numbered);
        let outcome = Outcome::ALL.get(s.get(OUTCOME) as usize).copied().unwrap_or(Outcome::Ignored);
        let mut ending = Ending::new(outcome, named);
        if let Ok(status @ 1..) = u16::try_from(s.get(STATUS)) {
            ending = ending.status(status);
        }
        if let Some(hint) = s.nanos_at(HINT) {
            ending = ending.retry_after(Duration::from_nanos(hint));
        }
        if let Some(lasted) = s.nanos() {
            ending = ending.lasted(Duration::from_nanos(lasted));
        }
        if s.get(STANDS) != 0 {
            ending = ending.without_fallback();
        }
        let entry = self.courses.entries.get_mut(place as usize).and_then(Option::as_mut);
        let slot = entry.as_ref().and_then(|entry| self.slots.get(entry.slot as usize)?.as_ref());
        let (Some(entry), Some(slot)) = (entry, slot) else { return s.set(CODE, PANICKED) };
        let kept = if s.get(KEEPS) == 0 { None } else { entry.course.keep_slot() };
        let settled = entry.course.settle(&slot.breaker, &ending);
        let of = entry.slot;
        s.set(KEPT, self.note_kept(of, kept));
        s.set(SETTLED, settled.map_or(NOT_UNDER_WAY, |settled| settled as u32));
        self.go_on(place);
        s.set(EVENTS, self.inbox.waiting());
    }

    /// Notes a slot that stays taken, of the breaker in `slot`; answers 1 + its code, 0 for none.
    pub(super) fn note_kept(&mut self, slot: u32, kept: Option<u8>) -> u32 {
        self.courses.kept.extend(kept.map(|code| (slot, code)));
        kept.map_or(0, |code| 1 + u32::from(code))
    }

    /// Gives up every call of the breaker in a slot, and what attempts of it have kept.
    pub(super) fn give_up_courses(&mut self, slot: u32, breaker: &CircuitBreaker) {
        let places = (0u32..).zip(&self.courses.entries);
        let of_slot = |entry: &Option<Entry>| entry.as_ref().is_some_and(|entry| entry.slot == slot);
        let places: Vec<u32> = places.filter(|(_, e)| of_slot(e)).map(|(place, _)| place).collect();
        for place in places {
            if let Some(mut entry) = self.courses.take(place) {
                entry.course.abandon(breaker);
            }
        }
        self.courses.kept.retain(|(of, code)| {
            if *of == slot {
                breaker.give_back_slot(*code);
            }
            *of != slot
        });
    }
}

impl Names {
    fn key(&self) -> Option<&str> {
        // The cache alone looks at the key itself.
        self.is_keyed.then_some("keyed")
    }

    /// What the request says beside numbers.
    pub(super) fn add<'a>(&'a self, mut request: fusewire::Request<'a>) -> fusewire::Request<'a> {
        if let Some(feature) = &self.feature {
            request = request.feature(feature);
        }
        if let Some(method) = &self.method {
            request = request.method(method);
        }
        if let Some(key) = self.key() {
            request = request.key(key);
        }
        request
    }
}
