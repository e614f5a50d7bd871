//! Calls of one key: who leads whatever comes at the same time, and that nobody waits for ever. Values by their places.

use super::{at_once, outcomes, runs, small_model};
use crate::admit::priority::Priority::{Bulk, Critical, Normal};
use crate::calls::{Answer, FollowEnd, Policy, Start};
use crate::name::Name;
use crate::policy::cache::{CacheMode, CacheRules};
use crate::policy::coalesce::{Coalesced, Followed, Follower, Leader, Turn};
use crate::policy::hedge::{After, HedgeRules, Pace};
use crate::policy::index::Index;
use crate::policy::values::{Held, Values};
use crate::{Cache, Request};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};

type Calls = Coalesced<&'static str>;

/// Calls of one key, and how many of them lead: no model looks at that number, it changes while its owner leads.
struct Key {
    calls: Arc<Calls>,
    leaders: AtomicUsize,
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// A call as far as it came.
enum Call {
    Leads(Leader<&'static str>),
    /// It has been polled, and waits unless it was woken.
    Waits(Follower<&'static str>, Arc<Woken>),
    Has(&'static str),
}

impl Key {
    fn new() -> Arc<Self> {
        Arc::new(Key { calls: Coalesced::new(Name::new("a")), leaders: AtomicUsize::new(0) })
    }

    fn leads(&self, leader: Leader<&'static str>) -> Call {
        assert_eq!(self.leaders.fetch_add(1, SeqCst), 0, "two lead at once");
        Call::Leads(leader)
    }

    /// Joins, and polls if it follows.
    fn join(&self) -> Call {
        match self.calls.join("key", Normal) {
            Turn::Lead(leader) => self.leads(leader),
            Turn::Follow(follower) => self.poll(follower, Arc::default()),
        }
    }

    fn poll(&self, mut follower: Follower<&'static str>, woken: Arc<Woken>) -> Call {
        let waker = Waker::from(Arc::clone(&woken));
        match Pin::new(&mut follower).poll(&mut Context::from_waker(&waker)) {
            Poll::Pending => Call::Waits(follower, woken),
            Poll::Ready(Followed::Landed(result)) => Call::Has(result),
            Poll::Ready(Followed::Lead(leader)) => self.leads(leader),
        }
    }

    fn land(&self, leader: Leader<&'static str>) {
        self.leaders.fetch_sub(1, SeqCst);
        leader.land(&"result");
    }

    fn cancel(&self, call: Call) {
        if let Call::Leads(_) = &call {
            self.leaders.fetch_sub(1, SeqCst);
        }
        drop(call);
    }

    /// Polls again who was woken, until there is nothing to do: as a runtime does, when the threads are at rest.
    fn run(&self, call: Call) -> &'static str {
        match call {
            Call::Leads(leader) => {
                self.land(leader);
                "leads"
            }
            Call::Has(result) => result,
            Call::Waits(follower, woken) if woken.0.swap(0, SeqCst) > 0 => {
                self.run(self.poll(follower, woken))
            }
            Call::Waits(..) => "waits",
        }
    }

    #[track_caller]
    fn assert_idle(&self) {
        assert_eq!((self.calls.len(), self.calls.waits(), self.leaders.load(SeqCst)), (0, 0, 0));
    }
}

/// Runs one beside the other; answers both.
fn beside(
    key: &Arc<Key>,
    first: impl FnOnce(&Key) -> Option<Call> + Send + 'static,
    second: impl FnOnce(&Key) -> Option<Call> + Send + 'static,
) -> [Option<Call>; 2] {
    let [one, two] = [(); 2].map(|()| Arc::clone(key));
    let mut said = at_once(runs![move || first(&one), move || second(&two)]);
    let last = said.pop().flatten();
    [said.pop().flatten(), last]
}

#[test]
fn of_two_that_come_at_once_one_leads() {
    outcomes(1, vec![["leads", "result"], ["result", "leads"]], || {
        let key = Key::new();
        let mut calls =
            beside(&key, |key| Some(key.join()), |key| Some(key.join())).map(|call| call.expect("both"));
        if let Call::Leads(_) = &calls[1] {
            calls.reverse();
            let said = calls.map(|call| key.run(call));
            key.assert_idle();
            return [said[1], said[0]];
        }
        let said = calls.map(|call| key.run(call));
        key.assert_idle();
        said
    });
}

#[test]
fn who_comes_while_the_leader_is_cancelled_leads() {
    small_model(|| {
        let key = Key::new();
        let leader = key.join();
        let [_, call] = beside(
            &key,
            move |key| {
                key.cancel(leader);
                None
            },
            |key| match key.calls.join("key", Normal) {
                Turn::Follow(follower) => Some(key.poll(follower, Arc::default())),
                Turn::Lead(leader) => Some(key.leads(leader)),
            },
        );
        assert_eq!(call.map(|call| key.run(call)), Some("leads"));
        key.assert_idle();
    });
}

#[test]
fn who_comes_while_the_leader_lands_has_the_result_or_leads() {
    outcomes(1, vec!["result", "leads"], || {
        let key = Key::new();
        let Call::Leads(leader) = key.join() else { panic!("the first") };
        let [_, call] = beside(
            &key,
            move |key| {
                key.land(leader);
                None
            },
            |key| Some(key.join()),
        );
        let said = call.map(|call| key.run(call)).expect("it joined");
        key.assert_idle();
        said
    });
}

#[test]
fn a_follower_of_a_leader_that_lands_is_told_though_others_leave() {
    small_model(|| {
        let key = Key::new();
        let Call::Leads(leader) = key.join() else { panic!("the first") };
        let [first, second] = [(); 2].map(|()| key.join());
        let lands = move |key: &Key| {
            key.land(leader);
            None
        };
        beside(&key, lands, move |key| {
            key.cancel(first);
            None
        });
        assert_eq!(key.run(second), "result");
        key.assert_idle();
    });
}

#[test]
fn when_leader_and_first_follower_are_cancelled_at_once_the_second_leads() {
    small_model(|| {
        let key = Key::new();
        let (leader, first, second) = (key.join(), key.join(), key.join());
        let cancels = |call: Call| {
            move |key: &Key| {
                key.cancel(call);
                None
            }
        };
        beside(&key, cancels(leader), cancels(first));
        assert_eq!(key.run(second), "leads");
        key.assert_idle();
    });
}

#[test]
fn a_follower_that_polls_while_its_leader_is_cancelled_leads() {
    small_model(|| {
        let key = Key::new();
        let leader = key.join();
        let Turn::Follow(follower) = key.calls.join("key", Bulk) else { panic!("the second") };
        let [_, call] = beside(
            &key,
            move |key| {
                key.cancel(leader);
                None
            },
            move |key| Some(key.poll(follower, Arc::default())),
        );
        assert_eq!(call.map(|call| key.run(call)), Some("leads"));
        key.assert_idle();
    });
}

#[test]
fn an_heir_is_cancelled_while_another_comes_and_that_one_leads() {
    small_model(|| {
        let key = Key::new();
        let (leader, heir) = (key.join(), key.join());
        key.cancel(leader);
        let [_, call] = beside(
            &key,
            move |key| {
                key.cancel(heir);
                None
            },
            |key| Some(key.join()),
        );
        assert_eq!(call.map(|call| key.run(call)), Some("leads"));
        key.assert_idle();
    });
}

#[test]
fn three_at_once_have_one_leader_and_its_result() {
    outcomes(-1, vec!["all landed", "one was cancelled"], || {
        let key = Key::new();
        let leader = key.join();
        let [one, two, three] = [(); 3].map(|()| Arc::clone(&key));
        let mut calls = at_once(runs![
            move || {
                two.cancel(leader);
                None
            },
            move || Some(one.join()),
            move || {
                let call = three.join();
                let leads = matches!(call, Call::Leads(_));
                if leads {
                    three.cancel(call);
                    return None;
                }
                Some(call)
            },
        ]);
        let (last, second) = (calls.pop().flatten(), calls.pop().flatten());
        let all = [second, last].into_iter().flatten().collect::<Vec<_>>();
        let all_landed = all.len() == 2;
        finish(&key, all);
        key.assert_idle();
        if all_landed { "all landed" } else { "one was cancelled" }
    });
}

/// Runs all, the leader first: as often as there are some.
fn finish(key: &Key, mut calls: Vec<Call>) {
    for _ in 0..=calls.len() {
        let mut waiting = Vec::new();
        for call in calls {
            match call {
                Call::Waits(follower, woken) if woken.0.load(SeqCst) == 0 => {
                    waiting.push(Call::Waits(follower, woken));
                }
                call => assert_ne!(key.run(call), "waits"),
            }
        }
        calls = waiting;
    }
    assert!(calls.is_empty(), "somebody waits for ever");
}

const ONE: CacheRules =
    CacheRules { mode: CacheMode::ReadThrough, ttl: 10, stale_ttl: 0, max_entries: 1, coalesce: true };

#[test]
fn a_place_that_is_used_again_meanwhile_answers_nothing_of_another_key() {
    outcomes(1, vec![(Held::Fresh("a"), Some("a")), (Held::Absent, None), (Held::Fresh("a"), None)], || {
        let index = Arc::new(Index::new());
        let values = Arc::new(Values::over(Arc::clone(&index)));
        values.store(&ONE, "a", 0, "a");
        let (stores, reads) = (Arc::clone(&values), values);
        let mut said = at_once(runs![
            move || {
                stores.store(&ONE, "b", 0, "b");
                None
            },
            move || {
                let place = index.look(&ONE, "a", 0).place();
                let read = place.and_then(|place| reads.read(place));
                Some((place.map_or(Held::Absent, |_| Held::Fresh("a")), read))
            },
        ]);
        said.pop().flatten().expect("the second answers")
    });
}

#[test]
fn a_value_that_is_stored_again_meanwhile_is_the_old_or_the_new_one() {
    outcomes(1, vec![Held::Fresh(1), Held::Fresh(2)], || {
        let values = Arc::new(Values::over(Arc::new(Index::new())));
        values.store(&ONE, "a", 0, 1);
        let (stores, reads) = (Arc::clone(&values), values);
        let mut said = at_once(runs![
            move || {
                stores.store(&ONE, "a", 1, 2);
                Held::Absent
            },
            move || reads.get(&ONE, "a", 1),
        ]);
        said.pop().expect("the second answers")
    });
}

#[test]
fn two_samples_at_once_are_both_kept() {
    small_model(|| {
        let pace = Arc::new(Pace::new());
        (0..8).for_each(|_| pace.record(1));
        let (one, two) = (Arc::clone(&pace), Arc::clone(&pace));
        at_once(runs![move || one.record(2), move || two.record(3)]);
        assert_eq!(pace.after(&HedgeRules { after: After::P95, max: 1 }), Some(3));
    });
}

#[test]
fn a_value_that_is_forgotten_meanwhile_is_there_or_not() {
    outcomes(1, vec![Held::Fresh(1), Held::Absent], || {
        let values = Arc::new(Values::over(Arc::new(Index::new())));
        values.store(&ONE, "a", 0, 1);
        let (forgets, reads) = (Arc::clone(&values), Arc::clone(&values));
        let mut said = at_once(runs![
            move || {
                forgets.forget("a");
                Held::Absent
            },
            move || reads.get(&ONE, "a", 0),
        ]);
        assert_eq!((values.get(&ONE, "a", 0), values.kept()), (Held::Absent, 0));
        said.pop().expect("the second answers")
    });
}

#[test]
fn a_value_that_is_stored_while_all_are_dropped_is_there_or_not() {
    outcomes(1, vec![(Held::Fresh("b"), 1), (Held::Absent, 0)], || {
        let values = Arc::new(Values::over(Arc::new(Index::new())));
        values.store(&ONE, "a", 0, "a");
        let (clears, stores) = (Arc::clone(&values), Arc::clone(&values));
        at_once(runs![move || clears.clear(), move || stores.store(&ONE, "b", 0, "b")]);
        assert_eq!(values.get(&ONE, "a", 0), Held::Absent);
        (values.get(&ONE, "b", 0), values.kept())
    });
}

#[test]
fn a_value_that_is_stored_while_the_cache_comes_back_is_there_or_not() {
    outcomes(1, vec![Held::Fresh("a"), Held::Absent], || {
        let index = Arc::new(Index::new());
        let values = Arc::new(Values::over(Arc::clone(&index)));
        let stores = Arc::clone(&values);
        at_once(runs![move || index.clear(), move || stores.store(&ONE, "a", 0, "a")]);
        values.get(&ONE, "a", 0)
    });
}

// ---- a key's calls and its values ----

#[test]
fn who_comes_while_the_leader_keeps_its_value_and_lands_has_that() {
    let request = || Request::new().key("a");
    outcomes(0, vec!["fresh", "landed"], move || {
        let cache = Cache::read_through().coalesce(true);
        let breaker = super::breaker::builder().cache(cache).build("a").unwrap();
        let policy: Policy<u32, ()> = Policy::builder(&breaker).coalesced().build().unwrap();
        let Start::Leads(lead) = policy.shared().start(&request()) else { panic!("the first") };
        let (leads, comes) = (policy.clone(), policy);
        let mut said = at_once(runs![
            move || {
                leads.shared().keep(&request(), &1);
                lead.land(&Ok(Answer::new(1, 1)));
                Start::Go
            },
            move || comes.shared().start(&request()),
        ]);
        match said.pop() {
            Some(Start::Answered(Ok(answer))) if answer.attempts == 0 => "fresh",
            Some(Start::Follows(mut follow)) => {
                match follow.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(FollowEnd::Landed(Ok(answer))) if answer.attempts == 1 => "landed",
                    _ => "waits",
                }
            }
            Some(Start::Leads(_)) => "calls again",
            _ => "something else",
        }
    });
}

#[test]
fn who_comes_above_an_heir_waits_for_no_call_of_a_lower_level() {
    small_model(|| {
        let calls: Arc<Calls> = Coalesced::new(Name::new("a"));
        let Turn::Lead(leader) = calls.join("key", Critical) else { panic!("the first") };
        let Turn::Follow(mut heir) = calls.join("key", Bulk) else { panic!("the second") };
        let comes = Arc::clone(&calls);
        let mut said = at_once(runs![
            move || {
                drop(leader);
                None
            },
            move || Some(comes.join("key", Normal)),
        ]);
        let context = &mut Context::from_waker(Waker::noop());
        let Poll::Ready(Followed::Lead(heir)) = Pin::new(&mut heir).poll(context) else { panic!("it leads") };
        match said.pop().flatten() {
            Some(Turn::Lead(above)) => drop(above),
            Some(Turn::Follow(mut above)) => {
                let polled = Pin::new(&mut above).poll(context);
                assert!(matches!(polled, Poll::Ready(Followed::Lead(_))), "it waits for the heir");
            }
            None => unreachable!("the second joined"),
        }
        drop(heir);
        assert_eq!((calls.len(), calls.waits()), (0, 0));
    });
}
