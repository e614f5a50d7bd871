//! What holds of a breaker after every operation, whatever the operations were.

use fusewire::{
    Builder, CallError, CircuitBreaker, Clock, Event, Events, HalfOpenCounts, ManualClock, Mode, OwnedPermit,
    Reason, Settled, Snapshot, State, WindowCounts,
};
use serde_json::Value;
use std::time::Duration;

/// A permit that is out.
pub struct Given {
    pub permit: OwnedPermit,
    /// The generation in which it was given.
    pub generation: u64,
    pub shadowed: bool,
}

/// A breaker, its clock, and what its counts must come to.
pub struct Bench {
    pub breaker: CircuitBreaker,
    pub clock: ManualClock,
    pub permits: Vec<Given>,
    events: Events,
    /// The document in force, its defaults filled in.
    rules: Value,
    seen: Snapshot,
    settled: u64,
    late: u64,
    dropped: u64,
    rejected: u64,
    shadowed: u64,
}

impl Bench {
    pub fn new(document: &str) -> Bench {
        let clock = ManualClock::new();
        let breaker = match Builder::from_json(document).map(|b| b.clock(clock.clone()).build("fuzz")) {
            Ok(Ok(breaker)) => breaker,
            Ok(Err(e)) => panic!("{document} is refused: {e}"),
            Err(e) => panic!("{document} is refused: {e}"),
        };
        let mut bench = Bench {
            events: breaker.events(64),
            rules: Value::Null,
            seen: breaker.snapshot(),
            breaker,
            clock,
            permits: Vec::new(),
            settled: 0,
            late: 0,
            dropped: 0,
            rejected: 0,
            shadowed: 0,
        };
        bench.configured(document);
        bench
    }

    /// The rules have become those of `document`, save a mode that was set since.
    pub fn configured(&mut self, document: &str) {
        let filled_in = self.breaker.document();
        let fresh = CircuitBreaker::from_json("fresh", document).map(|b| b.document());
        assert_eq!(fresh.as_ref(), Ok(&filled_in));
        self.rules = serde_json::from_str(&filled_in).unwrap_or_default();
    }

    // ---- what was done ----

    /// An acquire was refused for that reason, or was not.
    pub fn answered(&mut self, refused: Option<(Reason, Option<Duration>)>) {
        let now = self.breaker.snapshot();
        let Some((reason, retry_after)) = refused else {
            assert_ne!(now.mode, Mode::ForcedOpen, "admitted while forced open");
            return;
        };
        self.rejected += 1;
        let after = retry_after.map(|d| d.as_nanos());
        match reason {
            Reason::Open => {
                assert_eq!((now.mode, now.stored_state), (Mode::Auto, State::Open));
                assert_eq!(after, now.retry_after.map(u128::from));
                assert!(after > Some(0), "rejected past the deadline");
            }
            Reason::HalfOpenFull => {
                assert_eq!((now.mode, now.stored_state), (Mode::Auto, State::HalfOpen));
                assert_eq!(after.is_some(), now.half_open.in_flight > 0);
            }
            Reason::Ramp => assert!(now.mode == Mode::Auto && now.ramp.is_some() && after.is_none()),
            Reason::ForcedOpen => assert!(now.mode == Mode::ForcedOpen && after.is_none()),
            other => panic!("unknown reason {other:?}"),
        }
    }

    pub fn admitted(&mut self, permit: OwnedPermit) {
        let shadowed = permit.would_reject().is_some();
        self.shadowed += u64::from(shadowed);
        assert!(!shadowed || self.breaker.mode() == Mode::Shadow);
        self.permits.push(Given { permit, generation: self.breaker.snapshot().generation, shadowed });
    }

    /// A permit was settled; `before` is how the breaker was then.
    pub fn settled(&mut self, settled: Settled, generation: u64, shadowed: bool, before: &Snapshot) {
        self.settled += 1;
        self.late += u64::from(settled == Settled::Late);
        if generation != before.generation {
            assert_eq!(settled, Settled::Late, "a permit of an earlier generation");
        } else if shadowed || before.mode.is_forced() || before.stored_state == State::Closed {
            assert_eq!(settled, Settled::Ok, "a permit of this generation");
        }
    }

    pub fn dropped(&mut self, given: Given) {
        drop(given.permit);
        self.dropped += 1;
    }

    pub fn called(&mut self, result: &Result<(), CallError<()>>) {
        match result {
            Err(CallError::Rejected(_)) => self.rejected += 1,
            _ => {
                self.settled += 1;
                let would_reject: u64 = self.breaker.snapshot().totals.would_reject.iter().sum();
                self.shadowed += u64::from(would_reject > self.shadowed);
            }
        }
    }

    // ---- what holds then ----

    pub fn check(&mut self) {
        let s = self.breaker.snapshot();
        assert_eq!(s, self.breaker.snapshot(), "reading changed something");
        self.states(&s);
        self.totals(&s);
        self.probes(&s);
        self.window(&s);
        self.transitions(&s);
        self.seen = s;
    }

    /// The permits that are out settle when they are dropped, and what people read is whole.
    pub fn finish(mut self) {
        for given in std::mem::take(&mut self.permits) {
            self.dropped(given);
        }
        self.check();
        let text = fusewire::render(&mut [self.breaker.snapshot()]);
        assert!(text.ends_with("# EOF\n"), "{text}");
    }

    fn rule(&self, key: &str) -> u64 {
        self.rules[key].as_u64().unwrap_or(0)
    }

    fn states(&self, s: &Snapshot) {
        assert_eq!(s.state, self.breaker.state());
        let is_due = s.stored_state == State::Open && s.retry_after == Some(0);
        assert_eq!(s.state, if is_due { State::HalfOpen } else { s.stored_state });
        assert_eq!(s.retry_after.is_some(), s.stored_state == State::Open && !s.mode.is_forced());
        assert!(s.openings_in_a_row <= s.opened && s.opened <= s.generation);
        if let (Some(n), State::Closed) = (s.consecutive_failures, s.stored_state) {
            assert!(u64::from(n) < self.rule("failure_threshold"), "closed with {n} failures");
        }
    }

    fn totals(&self, s: &Snapshot) {
        let t = &s.totals;
        assert_eq!(t.success + t.failure + t.ignored, self.settled + self.dropped, "settled calls");
        assert_eq!(t.rejected.iter().sum::<u64>(), self.rejected, "rejections");
        assert_eq!(t.would_reject.iter().sum::<u64>(), self.shadowed, "what shadow admitted");
        assert!(t.slow <= t.success + t.failure, "{t:?}");
        assert!((self.late..=self.settled + self.dropped).contains(&t.late), "{t:?}");
        assert!(s.failures_by_type.iter().map(|(_, n)| n).sum::<u64>() <= t.failure, "failures by type");
        let timed: u64 = s.durations.iter().flat_map(|d| &d.counts).sum();
        assert!(timed <= self.settled + self.dropped, "{timed} durations");
    }

    fn probes(&self, s: &Snapshot) {
        let HalfOpenCounts { in_flight, successes, failures, .. } = s.half_open;
        if s.stored_state != State::HalfOpen || s.ramp.is_some() {
            assert_eq!((in_flight, successes, failures), (0, 0, 0));
        }
        let calls = self.rule("half_open_max_calls");
        assert!(u64::from(in_flight + successes + failures) <= calls, "{:?} of {calls}", s.half_open);
        assert!(u64::from(in_flight) <= self.rule("half_open_concurrency"), "{:?}", s.half_open);
        assert!(u64::from(successes) <= self.rule("success_threshold"));
        let out = self.permits.iter().filter(|p| p.generation == s.generation && !p.shadowed).count();
        assert!(in_flight as usize <= out, "{in_flight} probes in flight, {out} permits out");
        if let Some(ramp) = s.ramp {
            assert_eq!(s.stored_state, State::HalfOpen);
            assert!(
                ramp.share > 0.0 && ramp.share < 1.0 && ramp.step >= 1 && ramp.failures <= ramp.settled,
                "{ramp:?}"
            );
            assert!(
                u64::from(ramp.settled) < self.rules["ramp"]["window_calls"].as_u64().unwrap_or(0),
                "{ramp:?}"
            );
        }
    }

    fn window(&self, s: &Snapshot) {
        let rules = &self.rules["window"];
        assert_eq!(
            (s.window.is_some(), s.consecutive_failures.is_some()),
            (rules.is_object(), !rules.is_object())
        );
        let Some(WindowCounts { total, failures, slow, failure_rate, threshold, baseline, .. }) = s.window
        else {
            return;
        };
        assert!(failures <= total && slow <= total, "{:?}", s.window);
        assert!(total <= rules["size"].as_u64().unwrap_or(u64::MAX), "{:?}", s.window);
        assert!(total <= s.totals.success + s.totals.failure, "{:?}", s.window);
        let is_enough = total >= rules["min_calls"].as_u64().unwrap_or(0);
        assert_eq!(failure_rate.is_some(), is_enough);
        let shares = [failure_rate, threshold, baseline];
        assert!(shares.iter().flatten().all(|x| (0.0..=1.0).contains(x)), "{:?}", s.window);
        if let (State::Closed, Some(rate), true) = (s.stored_state, failure_rate, rules["kind"] == "count") {
            assert!(
                rate * 10_000.0 < rules["failure_rate"].as_f64().unwrap_or(1.0) * 10_000.0 + 1e-6,
                "closed at {rate}"
            );
        }
    }

    /// Each generation has made one event, and the last one is what the snapshot says.
    fn transitions(&self, s: &Snapshot) {
        let events = self.events.drain();
        assert_eq!(events.len() as u64, s.generation - self.seen.generation, "one event for each generation");
        let mut state = self.seen.stored_state;
        for (event, generation) in events.iter().zip(self.seen.generation + 1..) {
            let Event { from, missed, at, .. } = *event;
            assert_eq!((event.generation, from, missed), (generation, state, 0), "{event:?}");
            assert!(at <= self.clock.now(), "{event:?}");
            state = event.to;
        }
        assert_eq!(state, s.stored_state, "the events lead elsewhere");
        if let (Some(event), Some(last)) = (events.last(), s.last) {
            assert_eq!(
                (event.cause, event.from, event.to, event.at),
                (last.cause, last.from, last.to, last.at)
            );
        }
    }
}
